//! A log read while another process writes it, each record once.

use super::codec;
use super::file::{FileLog, OpenError, check_is_file};
use ppe_core::ids::Seq;
use ppe_engine::ports::log::Reading;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Where a reader of a growing log stands.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    /// The last line that was read, with its break. A writer takes back from the end only: while this line stands, so
    /// does all before it.
    line: Vec<u8>,
    /// Where that line begins, in bytes.
    at: u64,
    /// The number of its record.
    last: Seq,
}

/// What became of a log since it was last looked at.
#[derive(Debug, PartialEq, Eq)]
pub enum Grown {
    /// It has these records more.
    By(Vec<String>),
    /// What was read does not stand any more: its writer ran out of disk and took it back. All is to be read anew.
    Otherwise,
}

impl Follower {
    /// Reads the log at `path` as [`FileLog::read`] does, to go on behind it.
    ///
    /// # Errors
    /// [`OpenError`], as there.
    pub fn open(path: &Path) -> Result<(Self, Reading), OpenError> {
        let (reading, end, line) = FileLog::read_to_end(path)?;
        let (at, last) = (end - line.len() as u64, Seq(reading.records.len() as u64));
        Ok((Self { path: path.to_owned(), line, at, last }, reading))
    }

    /// The records that have come since, which are all that is read. An unfinished last line is left out.
    ///
    /// # Errors
    /// [`OpenError`] of the file; a damaged line is [`Grown::Otherwise`], and an error when the log is read anew.
    pub fn more(&mut self) -> Result<Grown, OpenError> {
        check_is_file(&self.path)?;
        let bytes = self.rest().map_err(|source| OpenError::Io { path: self.path.clone(), source })?;
        let Some(new) = bytes.strip_prefix(&*self.line) else { return Ok(Grown::Otherwise) };
        let Ok((records, end)) = codec::scan_behind(new, self.last) else { return Ok(Grown::Otherwise) };
        if let Some((seq, _)) = records.last() {
            let end = self.line.len() + end;
            let line = codec::last_line(&bytes[..end]);
            self.at += (end - line.len()) as u64;
            self.last = *seq;
            self.line = line.to_vec();
        }
        Ok(Grown::By(records.into_iter().map(|(_, json)| json.to_owned()).collect()))
    }

    /// The file from the last line on.
    fn rest(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::ids::RunId;
    use ppe_engine::ports::log::{EventLog, LogHeader};
    use std::fs;
    use std::os::unix::fs::FileExt;

    fn begun() -> (tempfile::TempDir, PathBuf, FileLog) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let header = LogHeader {
            run: RunId::new("20261124-161500-a1b2"),
            plan_digest: "5f0c".into(),
            created_by: "ppe 0.1.0".into(),
        };
        let log = FileLog::create(&path, &header, 0).unwrap();
        (dir, path, log)
    }

    fn append(log: &mut FileLog, records: &[&str]) {
        log.append(&records.iter().map(|&record| record.to_owned()).collect::<Vec<_>>()).unwrap();
    }

    #[track_caller]
    fn grown(follower: &mut Follower, by: &[&str]) {
        assert_eq!(follower.more().unwrap(), Grown::By(by.iter().map(|&record| record.to_owned()).collect()));
    }

    #[test]
    fn each_record_comes_once_and_when_it_is_whole() {
        let (_dir, path, mut log) = begun();
        let (mut follower, reading) = Follower::open(&path).unwrap();
        assert!(reading.records.is_empty());
        grown(&mut follower, &[]);
        append(&mut log, &["one", "two"]);
        grown(&mut follower, &["one", "two"]);
        grown(&mut follower, &[]);
        append(&mut log, &["three"]);
        let line = codec::encode(Seq(4), "four");
        let (begin, rest) = line.split_at(7);
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        io::Write::write_all(&mut file, begin.as_bytes()).unwrap();
        grown(&mut follower, &["three"]);
        io::Write::write_all(&mut file, rest.as_bytes()).unwrap();
        grown(&mut follower, &["four"]);
        let (mut late, reading) = Follower::open(&path).unwrap();
        assert_eq!(reading.records, ["one", "two", "three", "four"]);
        grown(&mut late, &[]);
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let (_dir, path, mut log) = begun();
        append(&mut log, &["one", "two"]);
        let (mut follower, _) = Follower::open(&path).unwrap();
        append(&mut log, &["three"]);
        // Who read it from its beginning would see this.
        fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"x", 0).unwrap();
        grown(&mut follower, &["three"]);
        assert!(matches!(FileLog::read(&path), Err(OpenError::Damage { .. })));
    }

    #[test]
    fn what_was_taken_back_is_noticed() {
        let (_dir, path, mut log) = begun();
        append(&mut log, &["one"]);
        let kept = fs::metadata(&path).unwrap().len();
        for again in [&["two"][..], &["another two"], &["2", "3"]] {
            append(&mut log, &["two"]);
            let (mut follower, _) = Follower::open(&path).unwrap();
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(kept).unwrap();
            assert_eq!(follower.more().unwrap(), Grown::Otherwise, "it is gone");
            log = FileLog::open(&path).unwrap().log;
            append(&mut log, again);
            let stands = again == ["two"];
            assert_eq!(follower.more().unwrap() == Grown::By(Vec::new()), stands, "{again:?}");
            file.set_len(kept).unwrap();
            log = FileLog::open(&path).unwrap().log;
        }
    }

    #[test]
    fn a_damaged_line_is_told_when_all_is_read() {
        let (_dir, path, mut log) = begun();
        append(&mut log, &["one"]);
        let (mut follower, _) = Follower::open(&path).unwrap();
        let at = fs::metadata(&path).unwrap().len();
        append(&mut log, &["two"]);
        fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"x", at).unwrap();
        assert_eq!(follower.more().unwrap(), Grown::Otherwise);
        let Err(OpenError::Damage { damage, .. }) = Follower::open(&path) else { panic!("it is damaged") };
        assert_eq!((damage.line, damage.offset as u64), (3, at));
        fs::remove_file(&path).unwrap();
        assert!(matches!(follower.more(), Err(OpenError::Missing { .. })));
    }
}
