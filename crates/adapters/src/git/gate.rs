//! What may not become part of a task's result, whatever the agent says of it: files too large or too many, links out
//! of the tree, repositories inside the repository, conflict markers, names that clash where case does not count, and
//! files that were only lent to the workspace.
//!
//! Knows content and names; knows nothing of what the task is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use ppe_core::ids::CommitId;

use super::diff::{Change, ChangeKind, TREES, What};
use super::ours::Ours;
use super::status::{Entry, Kind};
use super::{GitError, shown};

const REFUSALS_SHOWN: usize = 20;
const LOOKED_INTO: usize = 200;

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The largest file, bytes.
    pub max_file_bytes: u64,
    /// The most changed files.
    pub max_files: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self { max_file_bytes: 10 * 1024 * 1024, max_files: 5_000 }
    }
}

/// One reason why a result is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More files changed than are allowed.
    TooManyFiles {
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A file is too large.
    TooLarge {
        /// Its path.
        path: String,
        /// Its size, bytes.
        bytes: u64,
        /// The largest allowed, bytes.
        limit: u64,
    },
    /// A symbolic link leads out of the tree.
    LinkOut {
        /// Its path.
        path: String,
        /// Where it leads.
        to: String,
    },
    /// A repository inside the repository, whose content would be missing.
    Nested {
        /// Its path.
        path: String,
    },
    /// A merge was left unfinished in a file.
    ConflictMarkers {
        /// Its path.
        path: String,
    },
    /// Two names that are one where case does not count.
    CaseClash {
        /// The new name.
        path: String,
        /// The other.
        other: String,
    },
    /// Git's own check of objects fails.
    Unsound {
        /// What it says.
        what: String,
    },
    /// A file of the user's that was only lent to the workspace.
    Lent {
        /// Its path.
        path: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyFiles { count, limit } => write!(f, "{count} files changed, {limit} are allowed"),
            Self::TooLarge { path, bytes, limit } => {
                write!(f, "{path} has {bytes} bytes, {limit} are allowed")
            }
            Self::LinkOut { path, to } => write!(f, "{path} is a link out of the repository, to {to}"),
            Self::Nested { path } => write!(f, "{path} is a repository of its own"),
            Self::ConflictMarkers { path } => write!(f, "{path} has conflict markers"),
            Self::CaseClash { path, other } => write!(f, "{path} and {other} differ only in case"),
            Self::Unsound { what } => write!(f, "git refuses the object {what}"),
            Self::Lent { path } => {
                write!(f, "{path} was copied in from git-ignored files and must not be committed")
            }
        }
    }
}

/// Judges uncommitted files before any of them is read.
pub fn judge_files(dir: &Path, entries: &[Entry], gate: &Gate) -> Vec<Refusal> {
    let taken = entries.iter().filter(|entry| matches!(entry.kind, Kind::Changed | Kind::Untracked));
    let paths: Vec<String> = taken.map(|entry| shown(&entry.path)).collect();
    let mut found: Vec<Refusal> = too_many(paths.len(), gate).into_iter().collect();
    let large = paths.into_iter().filter_map(|path| {
        let bytes = fs::symlink_metadata(dir.join(&path)).ok()?.len();
        too_large(path, bytes, gate)
    });
    found.extend(large.take(REFUSALS_SHOWN));
    found
}

/// Judges what is between a base and a tip.
pub fn judge_commits(
    ours: &Ours,
    (base, tip): (&CommitId, &CommitId),
    changes: &[Change],
    lent: &[String],
    gate: &Gate,
) -> Result<Vec<Refusal>, GitError> {
    let mut found: Vec<Refusal> = too_many(changes.len(), gate).into_iter().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let lent: BTreeSet<&str> = lent.iter().map(String::as_str).collect();
    for change in changes.iter().filter(|change| change.now != What::Gone) {
        let path = shown(&change.path);
        if change.now == What::Submodule && change.kind == ChangeKind::Added {
            found.push(Refusal::Nested { path });
        } else if lent.contains(path.as_str()) {
            found.push(Refusal::Lent { path });
        }
    }
    found.extend(large_files(ours, changes, gate)?);
    found.extend(links_out(ours, changes)?);
    found.extend(conflict_markers(ours, base, tip)?);
    if changes.iter().any(|change| change.kind == ChangeKind::Added) {
        found.extend(case_clashes(ours, tip, changes)?);
    }
    found.truncate(REFUSALS_SHOWN);
    Ok(found)
}

fn too_many(count: usize, gate: &Gate) -> Option<Refusal> {
    (count > gate.max_files).then_some(Refusal::TooManyFiles { count, limit: gate.max_files })
}

fn too_large(path: String, bytes: u64, gate: &Gate) -> Option<Refusal> {
    (bytes > gate.max_file_bytes).then_some(Refusal::TooLarge { path, bytes, limit: gate.max_file_bytes })
}

fn large_files(ours: &Ours, changes: &[Change], gate: &Gate) -> Result<Vec<Refusal>, GitError> {
    let files: Vec<&Change> = changes.iter().filter(|change| change.now == What::File).collect();
    let ids: String = files.iter().map(|change| change.id.clone() + "\n").collect();
    let call = ours.store().args(["cat-file", "--batch-check=%(objectsize)"]);
    let sizes = call.stdin(ids).text()?;
    let sized = files.iter().zip(sizes.lines());
    let refusal = |(change, size): (&&Change, &str)| too_large(shown(&change.path), size.parse().ok()?, gate);
    Ok(sized.filter_map(refusal).collect())
}

fn links_out(ours: &Ours, changes: &[Change]) -> Result<Vec<Refusal>, GitError> {
    let mut found = Vec::new();
    for change in changes.iter().filter(|change| change.now == What::Link).take(LOOKED_INTO) {
        let to = shown(&ours.store().args(["cat-file", "blob", &change.id]).run()?.stdout);
        let path = shown(&change.path);
        if leads_out(&path, &to) {
            found.push(Refusal::LinkOut { path, to });
        }
    }
    Ok(found)
}

fn leads_out(path: &str, to: &str) -> bool {
    let mut depth = path.split('/').count() - 1;
    for part in to.split('/') {
        match part {
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            "" | "." => {}
            _ if part.eq_ignore_ascii_case(".git") => return true,
            _ => depth += 1,
        }
    }
    to.starts_with('/')
}

fn conflict_markers(ours: &Ours, base: &CommitId, tip: &CommitId) -> Result<Vec<Refusal>, GitError> {
    let call =
        ours.store().args(TREES).args(["--name-only", "-G^(<<<<<<<|>>>>>>>) ", base.as_str(), tip.as_str()]);
    let output = call.run()?;
    let mut found = Vec::new();
    for path in output.fields().take(LOOKED_INTO) {
        let path = shown(path);
        if has_markers(ours, tip, &path)? && !has_markers(ours, base, &path)? {
            found.push(Refusal::ConflictMarkers { path });
        }
    }
    Ok(found)
}

fn has_markers(ours: &Ours, commit: &CommitId, path: &str) -> Result<bool, GitError> {
    let output = ours.store().args(["cat-file", "blob", &format!("{commit}:{path}")]).any()?;
    let starts = |mark: &[u8]| output.stdout.split(|byte| *byte == b'\n').any(|line| line.starts_with(mark));
    Ok(output.code == 0 && starts(b"<<<<<<< ") && starts(b">>>>>>> "))
}

fn case_clashes(ours: &Ours, tip: &CommitId, changes: &[Change]) -> Result<Vec<Refusal>, GitError> {
    let output =
        ours.store().args(["ls-tree", "-r", "-z", "--name-only", "--full-tree", tip.as_str()]).run()?;
    let added = changes.iter().filter(|change| change.kind == ChangeKind::Added && change.now != What::Gone);
    let added: BTreeSet<String> = added.map(|change| shown(&change.path)).collect();
    let old = output.fields().map(shown).filter(|path| !added.contains(path));
    let mut spellings = BTreeMap::new();
    for path in old {
        for part in with_folders(&path) {
            spellings.entry(part.to_lowercase()).or_insert_with(|| part.to_owned());
        }
    }
    let mut found = Vec::new();
    for path in &added {
        for part in with_folders(path) {
            let first = spellings.entry(part.to_lowercase()).or_insert_with(|| part.to_owned());
            if first != part {
                found.push(Refusal::CaseClash { path: part.to_owned(), other: first.clone() });
            }
        }
    }
    found.dedup();
    Ok(found)
}

fn with_folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_their_text() {
        for inside in [("a", "b"), ("d/a", "../b"), ("d/e/a", "../../b/c"), ("a", "./d/../b")] {
            assert!(!leads_out(inside.0, inside.1), "{inside:?}");
        }
        for outside in [
            ("a", "/etc/passwd"),
            ("a", "../b"),
            ("d/a", "../../b"),
            ("a", "d/../../b"),
            ("a", ".git/config"),
        ] {
            assert!(leads_out(outside.0, outside.1), "{outside:?}");
        }
    }

    #[test]
    fn a_path_comes_with_its_folders() {
        assert_eq!(with_folders("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
    }
}
