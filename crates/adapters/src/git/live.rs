//! How many commits an agent has made so far, for display: its clone's own log of `HEAD`, read as text.
//!
//! No git process, no lock, no trust: the true count is taken by [`super::snapshot`].

use std::fs;
use std::path::Path;

use super::untrusted;

const READ_LIMIT: u64 = 1024 * 1024;
const SUBJECTS_KEPT: usize = 5;

/// What has been read so far. Ask it again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Commits made since the workspace got its repository; amended ones count once.
    pub commits: u32,
    /// The subjects of the last few, oldest first.
    pub subjects: Vec<String>,
    offset: u64,
}

impl Live {
    /// Reads on from where it stopped, at most a megabyte. A missing or odd log changes nothing.
    pub fn advance(&mut self, workspace: &Path) {
        let path = workspace.join(".git/logs/HEAD");
        let length = fs::symlink_metadata(&path).map_or(0, |found| found.len());
        if length < self.offset {
            *self = Self::default();
        }
        let Ok(bytes) = untrusted::read(&path, self.offset, READ_LIMIT) else { return };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        // A line that long is no log of git's.
        let read = if whole == 0 && bytes.len() as u64 == READ_LIMIT { bytes.len() } else { whole };
        self.offset += read as u64;
        for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
            self.add(line);
        }
    }

    fn add(&mut self, line: &str) {
        let Some((_, message)) = line.split_once('\t') else { return };
        let Some((action, subject)) = message.split_once(": ") else { return };
        match action {
            "commit" | "commit (initial)" | "commit (merge)" | "cherry-pick" => self.commits += 1,
            "commit (amend)" => drop(self.subjects.pop()),
            _ => return,
        }
        self.subjects.push(subject.chars().take(200).collect());
        if self.subjects.len() > SUBJECTS_KEPT {
            self.subjects.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> String {
        format!("{0} {0} A <a@b> 1700000000 +0000\t{message}\n", "a".repeat(40))
    }

    #[test]
    fn commits_are_counted_as_they_appear() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(".git/logs")).unwrap();
        let log = dir.path().join(".git/logs/HEAD");
        let mut live = Live::default();
        live.advance(dir.path());
        assert_eq!(live.commits, 0);

        let mut text =
            line("commit: first") + &line("checkout: moving from a to b") + &line("commit: second");
        let torn = line("commit: third");
        fs::write(&log, text.clone() + &torn[..60]).unwrap();
        live.advance(dir.path());
        assert_eq!(
            (live.commits, live.subjects.as_slice()),
            (2, ["first".to_owned(), "second".to_owned()].as_slice())
        );

        text += &(torn + &line("commit (amend): third, better"));
        fs::write(&log, text).unwrap();
        live.advance(dir.path());
        assert_eq!((live.commits, live.subjects.last().map(String::as_str)), (3, Some("third, better")));

        fs::write(&log, line("commit: anew")).unwrap();
        live.advance(dir.path());
        assert_eq!((live.commits, live.subjects.as_slice()), (1, ["anew".to_owned()].as_slice()));
    }
}
