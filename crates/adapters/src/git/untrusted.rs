//! Reads of files that an agent may have planted: bounded, never through a symbolic link, never blocking on a pipe.
//!
//! Knows the outside of a git directory well enough to refuse one that leads elsewhere on this machine; knows nothing
//! of its content.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

const ENTRIES_LIMIT: usize = 500_000;

/// Reads at most `limit` bytes of a regular file from `offset` on.
pub fn read(path: &Path, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file for reading.
pub fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// What `HEAD` of a git directory says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadText {
    /// It names a branch.
    Branch(String),
    /// It names a commit.
    Detached,
    /// It is missing or says nothing sensible.
    Unreadable,
}

/// Reads `HEAD` of a git directory as text.
pub fn head(git_dir: &Path) -> HeadText {
    let Ok(bytes) = read(&git_dir.join("HEAD"), 0, 4096) else { return HeadText::Unreadable };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end();
    match text.strip_prefix("ref: refs/heads/") {
        Some(branch) => HeadText::Branch(branch.to_owned()),
        None if super::commit_id(text).is_some() => HeadText::Detached,
        None => HeadText::Unreadable,
    }
}

/// Why a git directory is not read: it is missing, or it would lead git to files outside itself.
pub fn leads_elsewhere(git_dir: &Path, alternates: &str) -> Option<String> {
    match fs::symlink_metadata(git_dir) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Some("its .git is not a directory".to_owned()),
        Err(_) => return Some("its .git is gone".to_owned()),
    }
    for redirecting in ["commondir", ".git", "gitdir", "objects/info/http-alternates"] {
        if fs::symlink_metadata(git_dir.join(redirecting)).is_ok() {
            return Some(format!("its .git has a {redirecting}"));
        }
    }
    let found = read(&git_dir.join("objects/info/alternates"), 0, 64 * 1024).unwrap_or_default();
    if found != alternates.as_bytes() {
        return Some("its .git borrows objects from elsewhere".to_owned());
    }
    let mut left = ENTRIES_LIMIT;
    odd_entry(git_dir, &mut left).map(|name| format!("its .git holds {name}, which is no plain file"))
}

/// The first entry below `dir` that is neither a plain file nor a directory. Hooks are left out: nothing reads them.
fn odd_entry(dir: &Path, left: &mut usize) -> Option<String> {
    for entry in fs::read_dir(dir).ok()?.flatten() {
        *left = left.saturating_sub(1);
        let kind = entry.file_type().ok()?;
        let name = entry.file_name();
        if *left == 0 {
            return Some("more files than can be looked at".to_owned());
        }
        if kind.is_dir() && name != "hooks" && name != "modules" {
            if let Some(found) = odd_entry(&entry.path(), left) {
                return Some(found);
            }
        } else if kind.is_symlink() {
            return Some(name.to_string_lossy().into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_pipes_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("link")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&dir.path().join("secret"), 0, 10).unwrap(), b"s");
        assert!(read(&dir.path().join("link"), 0, 10).is_err());
        assert!(read(&dir.path().join("pipe"), 0, 10).is_err());
    }

    #[test]
    fn a_git_directory_that_leads_elsewhere_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        assert_eq!(leads_elsewhere(&git, "").unwrap(), "its .git is gone");
        fs::create_dir_all(git.join("objects/info")).unwrap();
        fs::write(git.join("objects/info/alternates"), "/ours\n").unwrap();
        assert_eq!(leads_elsewhere(&git, "/ours\n"), None);
        assert_eq!(leads_elsewhere(&git, "/other\n").unwrap(), "its .git borrows objects from elsewhere");
        std::os::unix::fs::symlink("/elsewhere", git.join("refs")).unwrap();
        assert_eq!(leads_elsewhere(&git, "/ours\n").unwrap(), "its .git holds refs, which is no plain file");
        fs::remove_file(git.join("refs")).unwrap();
        fs::write(git.join("commondir"), "/elsewhere").unwrap();
        assert_eq!(leads_elsewhere(&git, "/ours\n").unwrap(), "its .git has a commondir");
    }

    #[test]
    fn head_is_read_as_text() {
        let dir = tempfile::tempdir().unwrap();
        let head_is = |text: &str| {
            fs::write(dir.path().join("HEAD"), text).unwrap();
            head(dir.path())
        };
        assert_eq!(head_is("ref: refs/heads/feat/x\n"), HeadText::Branch("feat/x".to_owned()));
        assert_eq!(head_is(&"a".repeat(40)), HeadText::Detached);
        assert_eq!(head_is("ref: refs/tags/x"), HeadText::Unreadable);
    }
}
