//! Which Markdown files a folder holds, and their text.
//!
//! Links are not followed, so nothing outside of the folder is read and no circle of folders is walked. Knows nothing
//! of what is in a file beyond its being text.

use super::place::{error, spot, warning};
use ppe_core::plan::{Code, Finding};
use ppe_core::text::natural;
use std::fs::{DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of one file.
const LARGEST: usize = 10 * 1024 * 1024;

/// A file that may hold tasks.
pub(super) struct Found {
    /// Where to read it.
    pub(super) path: PathBuf,
    /// Its path relative to the plan's folder, with slashes.
    pub(super) shown: Arc<str>,
    /// Its name without folder and ending.
    pub(super) stem: String,
}

impl Found {
    /// A file by itself.
    pub(super) fn single(path: &Path) -> Self {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self::new(path.to_owned(), name)
    }

    /// A file below a plan's folder, by its path there.
    pub(super) fn below(root: &Path, shown: &str) -> Self {
        Self::new(root.join(shown), shown.to_owned())
    }

    /// The file that was named, or the first of these in the folder that was.
    pub(super) fn first(root: &Path, names: &[&str]) -> Option<Self> {
        if root.is_file() {
            return Some(Self::single(root));
        }
        names.iter().map(|name| Self::below(root, name)).find(|found| found.path.is_file())
    }

    fn new(path: PathBuf, shown: String) -> Self {
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Self { path, shown: Arc::from(shown), stem }
    }
}

/// All Markdown files of a folder `below` the plan's (all of it when empty) and of the folders in it, in natural order of
/// their paths. Hidden ones are passed by.
pub(super) fn markdown_files(root: &Path, below: &str, findings: &mut Vec<Finding>) -> Vec<Found> {
    let mut files = Vec::new();
    let mut folders = vec![(root.join(below), below.to_owned())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>);
        let entries = match entries {
            Ok(entries) => entries,
            Err(cause) => {
                findings.push(unreadable(&prefix, &cause));
                continue;
            }
        };
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let shown = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let kind = match entry.file_type() {
                _ if name.starts_with('.') => continue,
                Ok(kind) => kind,
                Err(cause) => {
                    findings.push(unreadable(&shown, &cause));
                    continue;
                }
            };
            if kind.is_dir() {
                folders.push((entry.path(), shown));
            } else if is_markdown(&entry.path()) {
                if kind.is_file() {
                    files.push(Found::new(entry.path(), shown));
                } else {
                    let message = "is a link or no ordinary file and was not read".to_owned();
                    findings.push(warning(Code::Unreadable, message, spot(&Arc::from(shown), 1)));
                }
            }
        }
    }
    files.sort_by(|a, b| natural(&a.shown, &b.shown));
    files
}

fn is_markdown(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("md") || ending.eq_ignore_ascii_case("markdown"))
}

fn unreadable(shown: &str, cause: &io::Error) -> Finding {
    error(Code::Unreadable, format!("cannot be read: {cause}"), spot(&Arc::from(shown), 1))
}

/// A file's text without a byte order mark, lines ended by `\n` alone; a finding when it is no text.
pub(super) fn read_text(found: &Found, findings: &mut Vec<Finding>) -> Option<String> {
    let bytes = match read_bytes(&found.path) {
        Ok(bytes) => bytes,
        Err(cause) => {
            findings.push(unreadable(&found.shown, &cause));
            return None;
        }
    };
    if bytes.len() > LARGEST {
        let message = format!("has more than {} MB, the most that is read", LARGEST / (1024 * 1024));
        findings.push(error(Code::Unreadable, message, spot(&found.shown, 1)));
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => match text.find('\0') {
            Some(offset) => {
                findings.push(bad_byte("holds a NUL", text.as_bytes(), offset, found));
                None
            }
            None => Some(plain_lines(text)),
        },
        Err(bad) => {
            let offset = bad.utf8_error().valid_up_to();
            findings.push(bad_byte("is not valid UTF-8", bad.as_bytes(), offset, found));
            None
        }
    }
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn bad_byte(what: &str, bytes: &[u8], offset: usize, found: &Found) -> Finding {
    let before = &bytes[..offset];
    let lines: Vec<&[u8]> = before.split(|byte| *byte == b'\n').collect();
    let line = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let column = lines.last().map_or(0, |last| last.len()) + 1;
    let message = format!("{what}: byte {offset} (line {line}, column {column})");
    error(Code::Unreadable, message, spot(&found.shown, line))
}

/// A text without a byte order mark, its lines ended by `\n` alone.
pub(super) fn plain_lines(text: String) -> String {
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}
