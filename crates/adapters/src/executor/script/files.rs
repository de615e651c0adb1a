//! What the scripted agent writes: the files of a planned commit, and marker files of its own.
//!
//! The content follows from task, number and subject alone, so writing it twice is the same as writing it once. Nothing
//! is ever written outside of the workspace, whatever a plan names.

use super::repo::GitError;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The folder of the agent's own files.
const FOLDER: &str = "ppe-script";

/// A task's own file, by its ending: `ppe-script/T-003.broken`.
pub(super) fn own(task: &str, ending: &str) -> String {
    let tame = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = task.chars().map(tame).collect();
    format!("{FOLDER}/{name}.{ending}")
}

/// Writes a line at the end of a file, unless it is in there already. Answers the path that was written: `path` where
/// a file can be, else `instead`.
pub(super) fn append(workspace: &Path, path: &str, instead: &str, line: &str) -> Result<String, GitError> {
    let (name, file) = place(workspace, path, instead);
    let old = read(&file)?;
    if old.lines().any(|l| l == line) {
        return Ok(name);
    }
    let gap = if old.is_empty() || old.ends_with('\n') { "" } else { "\n" };
    write(&file, &format!("{old}{gap}{line}\n"))?;
    Ok(name)
}

/// Replaces a file's first line. Answers the path that was written, as with [`append`].
pub(super) fn first_line(
    workspace: &Path,
    path: &str,
    instead: &str,
    line: &str,
) -> Result<String, GitError> {
    let (name, file) = place(workspace, path, instead);
    let old = read(&file)?;
    let rest = old.split_once('\n').map_or("", |(_, rest)| rest);
    write(&file, &format!("{line}\n{rest}"))?;
    Ok(name)
}

/// Writes a file, and the folders above it.
pub(super) fn put(workspace: &Path, path: &str, content: &[u8]) -> Result<(), GitError> {
    write_bytes(&workspace.join(path), content)
}

/// Removes a file that need not be there.
pub(super) fn remove(workspace: &Path, path: &str) -> Result<(), GitError> {
    let path = workspace.join(path);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(GitError::File { path, source }),
        _ => Ok(()),
    }
}

fn place(workspace: &Path, path: &str, instead: &str) -> (String, PathBuf) {
    let name = if may_be_written(workspace, path) { path } else { instead };
    (name.to_owned(), workspace.join(name))
}

/// Whether a path names a file that is, or can be made, in the workspace: not above it, not git's own, not through a
/// link, not where a folder is or under a file.
fn may_be_written(workspace: &Path, path: &str) -> bool {
    let mut file = workspace.to_owned();
    let mut parts = Path::new(path).components().peekable();
    if path.is_empty() || path.ends_with('/') || path.contains(['\0', '\n']) {
        return false;
    }
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return false };
        if name.eq_ignore_ascii_case(".git") {
            return false;
        }
        file.push(name);
        let last = parts.peek().is_none();
        match fs::symlink_metadata(&file) {
            Ok(found) if last => return found.is_file(),
            Ok(found) if !found.is_dir() => return false,
            Ok(_) | Err(_) => {}
        }
    }
    true
}

fn read(path: &Path) -> Result<String, GitError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(source) => Err(GitError::File { path: path.to_owned(), source }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), GitError> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), GitError> {
    let failed = |source| GitError::File { path: path.to_owned(), source };
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::write(path, bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.txt"), "old").unwrap();
        for line in ["one", "two", "one"] {
            assert_eq!(append(dir.path(), "a.txt", "b.txt", line).unwrap(), "a.txt");
        }
        assert_eq!(fs::read_to_string(dir.path().join("a.txt")).unwrap(), "old\none\ntwo\n");
    }

    #[test]
    fn nothing_is_written_outside_or_through_links() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir_all(inside.join("folder")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(inside.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        std::os::unix::fs::symlink(outside.join("x"), inside.join("dangling")).unwrap();
        for path in [
            "../out/x",
            "/tmp/ppe-never",
            "a/../../x",
            ".git/config",
            "sub/.GIT/hooks/x",
            "link/x",
            "dangling",
            "folder",
            "folder/",
            "file/x",
            "",
            "a\nb",
        ] {
            assert_eq!(append(&inside, path, "own/file", "line").unwrap(), "own/file", "{path}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert_eq!(append(&inside, "new/deep/file", "own/file", "line").unwrap(), "new/deep/file");
    }

    #[test]
    fn a_first_line_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for (line, wanted) in [("a", "a\n"), ("b", "b\n")] {
            first_line(dir.path(), "x", "y", line).unwrap();
            assert_eq!(fs::read_to_string(dir.path().join("x")).unwrap(), wanted);
        }
        fs::write(dir.path().join("x"), "1\n2\n3").unwrap();
        first_line(dir.path(), "x", "y", "c").unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("x")).unwrap(), "c\n2\n3");
    }

    #[test]
    fn a_tasks_own_file_stays_in_its_folder() {
        assert_eq!(own("T-001", "broken"), "ppe-script/T-001.broken");
        assert_eq!(own("../../x y", "txt"), "ppe-script/------x-y.txt");
    }
}
