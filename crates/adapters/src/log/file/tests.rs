//! The log against real files, and against a disk whose calls fail one after the other.

use super::*;
use ppe_core::ids::RunId;
use std::fs;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

fn header() -> LogHeader {
    LogHeader {
        run: RunId::new("20261124-161500-a1b2"),
        plan_digest: "5f0c".into(),
        created_by: "ppe 0.1.0".into(),
    }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{{\"event\":\"{name}\"}}")).collect()
}

/// A folder with a log that holds `one`, `two` and `three`.
fn folder_with_log() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = FileLog::create(&path, &header(), 4096).unwrap();
    assert_eq!(log.append(&texts(&["one"])).unwrap(), Seq(1));
    assert_eq!(log.append(&texts(&["two", "three"])).unwrap(), Seq(3));
    (folder, path)
}

mod on_real_files {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn goes_on_where_it_was() {
        let (_folder, path) = folder_with_log();
        let mut opened = FileLog::open(&path).unwrap();
        assert_eq!(opened.header, header());
        assert_eq!(opened.records, texts(&["one", "two", "three"]));
        assert_eq!((opened.torn, opened.log.last()), (None, Seq(3)));
        assert_eq!(opened.log.append(&texts(&["four"])).unwrap(), Seq(4));
        assert_eq!(FileLog::read(&path).unwrap().records, texts(&["one", "two", "three", "four"]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn cut_at_every_byte_a_prefix_survives_and_takes_records() {
        let (folder, path) = folder_with_log();
        let whole = fs::read(&path).unwrap();
        let all = texts(&["one", "two", "three"]);
        let (mut never_created, mut clean, mut torn) = (0, 0, 0);
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let read = FileLog::read(&path);
            let mut opened = match FileLog::open(&path) {
                Ok(opened) => opened,
                Err(OpenError::TornCreation { .. }) => {
                    assert!(matches!(read, Err(OpenError::TornCreation { .. })), "cut at {cut}");
                    never_created += 1;
                    continue;
                }
                Err(error) => panic!("cut at {cut}: {error}"),
            };
            let kept = opened.records.len();
            assert_eq!(opened.records, all[..kept], "cut at {cut}");
            assert_eq!(read.unwrap().records, opened.records);
            match opened.torn {
                Some(tail) => {
                    let start = usize::try_from(tail.offset).unwrap();
                    assert_eq!(fs::read(&tail.saved_at).unwrap(), &whole[start..cut]);
                    assert_eq!(fs::metadata(&path).unwrap().len(), tail.offset);
                    fs::remove_file(tail.saved_at).unwrap();
                    torn += 1;
                }
                None => clean += 1,
            }
            opened.log.append(&texts(&["after"])).unwrap();
            let again = FileLog::open(&path).unwrap();
            assert_eq!((again.records.len(), again.torn), (kept + 1, None), "cut at {cut}");
        }
        assert_eq!(never_created, codec::encode_header(&header()).len());
        assert_eq!(clean, 4);
        assert_eq!(never_created + clean + torn, whole.len() + 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "only the log and its ballast");
    }

    #[test]
    fn torn_tails_at_one_place_are_all_kept() {
        let (_folder, path) = folder_with_log();
        let whole = fs::read(&path).unwrap();
        let mut saved = Vec::new();
        for piece in ["first", "second", "third"] {
            fs::write(&path, [&whole, piece.as_bytes()].concat()).unwrap();
            saved.push((FileLog::open(&path).unwrap().torn.unwrap(), piece));
        }
        for (tail, piece) in &saved {
            assert_eq!(fs::read_to_string(&tail.saved_at).unwrap(), *piece);
        }
        assert!(saved[0].0.saved_at.ends_with(format!("log.torn-{}", whole.len())));
        assert!(saved[2].0.saved_at.ends_with(format!("log.torn-{}-3", whole.len())));
    }

    #[test]
    fn damage_is_named_and_nothing_is_changed() {
        let (folder, path) = folder_with_log();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        for error in [FileLog::open(&path).unwrap_err(), FileLog::read(&path).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("line 4") && text.contains("checksum"), "{text}");
        }
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert!(matches!(FileLog::create(&path, &header(), 0), Err(CreateError::Exists { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn reading_changes_nothing() {
        let (_folder, path) = folder_with_log();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"0000");
        fs::write(&path, &bytes).unwrap();
        let reading = FileLog::read(&path).unwrap();
        assert_eq!(reading.records, texts(&["one", "two", "three"]));
        assert_eq!((reading.header, reading.format), (header(), LogFormat::Current));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_newer_log_is_read_but_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let text = "ppe-log 2 CRC {\"run\":\"r\",\"plan_digest\":\"d\",\"created_by\":\"ppe 9\"}";
        let body = text.replace("CRC ", "");
        let sum = format!("{:08x}", crc32fast::hash(body.as_bytes()));
        fs::write(&path, text.replace("CRC", &sum) + "\n").unwrap();
        assert!(matches!(FileLog::open(&path), Err(OpenError::Newer { version: 2, .. })));
        assert_eq!(FileLog::read(&path).unwrap().format, LogFormat::Newer(2));
    }

    #[test]
    fn what_is_not_a_log_is_refused_with_its_cause() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        symlink("circle", at("circle")).unwrap();
        fs::write(at("empty"), "").unwrap();
        fs::write(at("note"), "a note\n").unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for open in
            [|path: &Path| FileLog::open(path).unwrap_err(), |path: &Path| FileLog::read(path).unwrap_err()]
        {
            assert!(matches!(open(&at("missing")), OpenError::Missing { .. }));
            assert!(matches!(open(&at("folder")), OpenError::NotAFile { .. }));
            assert!(matches!(open(&at("pipe")), OpenError::NotAFile { .. }));
            assert!(matches!(open(&at("circle")), OpenError::Io { .. }));
            assert!(matches!(open(&at("note/log")), OpenError::Io { .. }));
            assert!(matches!(open(&at("empty")), OpenError::TornCreation { .. }));
            let damage = Damage { line: 1, offset: 0, why: codec::Why::NotALog };
            assert!(matches!(open(&at("note")), OpenError::Damage { damage: found, .. } if found == damage));
        }
    }

    #[test]
    fn a_file_its_owner_may_not_read_is_refused() {
        if nix::unistd::geteuid().is_root() {
            return; // root may read everything
        }
        let (_folder, path) = folder_with_log();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        assert!(matches!(FileLog::open(&path), Err(OpenError::Io { .. })));
    }

    #[test]
    fn only_an_unfinished_creation_is_started_afresh() {
        let (_folder, path) = folder_with_log();
        let whole = fs::read(&path).unwrap();
        for beginning in [0, 3, 8, 20] {
            fs::write(&path, &whole[..beginning]).unwrap();
            FileLog::create(&path, &header(), 0).unwrap();
            assert!(FileLog::read(&path).unwrap().records.is_empty());
        }
        for kept in [&whole[..], b"a note", b"a note\n"] {
            fs::write(&path, kept).unwrap();
            assert!(matches!(FileLog::create(&path, &header(), 0), Err(CreateError::Exists { .. })));
            assert_eq!(fs::read(&path).unwrap(), kept);
        }
        let impossible = path.with_file_name("other");
        fs::remove_file(path.with_file_name("ballast")).unwrap();
        fs::create_dir(path.with_file_name("ballast")).unwrap();
        assert!(matches!(FileLog::create(&impossible, &header(), 9), Err(CreateError::Io { .. })));
        assert!(!impossible.exists(), "a creation that failed leaves no log behind");
        let nowhere = path.with_file_name("nowhere").join("log");
        assert!(matches!(FileLog::create(&nowhere, &header(), 0), Err(CreateError::Io { .. })));
    }

    #[test]
    fn the_ballast_takes_room_is_given_up_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let ballast = folder.path().join("ballast");
        let mut log = FileLog::create(&path, &header(), 200_000).unwrap();
        assert!(fs::metadata(&ballast).unwrap().blocks() * 512 >= 200_000, "it is no sparse file");
        assert_eq!(log.release_ballast().unwrap(), 200_000);
        assert!(!ballast.exists());
        assert_eq!(log.release_ballast().unwrap(), 0);
        log.append(&texts(&["last words"])).unwrap();
        FileLog::open(&path).unwrap();
        assert_eq!(fs::metadata(&ballast).unwrap().len(), DEFAULT_BALLAST_BYTES);
    }
}

/// What a call of the faulty disk does instead of its work.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Fails at once.
    Error(io::ErrorKind),
    /// A write does half its work and the next call fails; any other call fails at once.
    Half(io::ErrorKind),
}

#[derive(Default)]
struct Platter {
    /// What the file looks like to everyone who reads it.
    bytes: Vec<u8>,
    /// What is left of it after a power cut.
    synced: Vec<u8>,
    calls: usize,
    fault: Option<(usize, Fault)>,
}

impl Platter {
    /// Counts a call; the fault, if it is this call's turn.
    fn call(&mut self) -> Option<Fault> {
        self.calls += 1;
        match self.fault {
            Some((turn, fault)) if turn == self.calls => Some(fault),
            _ => None,
        }
    }
}

/// A disk that remembers what was synced, and whose n-th call fails.
#[derive(Clone, Default)]
struct FaultyDisk(Arc<Mutex<Platter>>);

impl FaultyDisk {
    fn failing(turn: usize, fault: Fault) -> Self {
        Self(Arc::new(Mutex::new(Platter { fault: Some((turn, fault)), ..Platter::default() })))
    }

    fn look<T>(&self, at: impl FnOnce(&mut Platter) -> T) -> T {
        at(&mut self.0.lock().unwrap())
    }
}

impl Disk for FaultyDisk {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.look(|platter| {
            let count = match platter.call() {
                Some(Fault::Error(kind)) => return Err(kind.into()),
                Some(Fault::Half(kind)) => {
                    platter.fault = Some((platter.calls + 1, Fault::Error(kind)));
                    bytes.len() / 2
                }
                None => bytes.len(),
            };
            let offset = usize::try_from(offset).unwrap();
            let length = platter.bytes.len().max(offset + count);
            platter.bytes.resize(length, 0);
            platter.bytes[offset..offset + count].copy_from_slice(&bytes[..count]);
            Ok(count)
        })
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.look(|platter| match platter.call() {
            Some(Fault::Error(kind) | Fault::Half(kind)) => Err(kind.into()),
            None => {
                platter.bytes.resize(usize::try_from(length).unwrap(), 0);
                Ok(())
            }
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.look(|platter| match platter.call() {
            Some(Fault::Error(kind) | Fault::Half(kind)) => Err(kind.into()),
            None => {
                platter.synced = platter.bytes.clone();
                Ok(())
            }
        })
    }
}

mod on_a_faulty_disk {
    use super::*;

    fn begin(disk: &FaultyDisk) -> io::Result<FileLog> {
        let path = Path::new("/nowhere/log");
        FileLog::begin(path, Box::new(disk.clone()), Ballast::beside(path, 0), &header())
    }

    fn recorded(bytes: &[u8]) -> Vec<String> {
        codec::scan(bytes).unwrap().records.iter().map(|(_, json)| (*json).to_owned()).collect()
    }

    fn batches() -> Vec<Vec<String>> {
        vec![texts(&["one"]), texts(&["two", "three"]), texts(&["four"]), texts(&["five", "six"])]
    }

    /// How far a run came.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Outcome {
        created: bool,
        acknowledged: Vec<String>,
        retried: usize,
        sync_failed: bool,
    }

    /// Creates a log and appends the batches as the engine does: tries again after a failed write, ends after a failed
    /// sync. After every answer the disk must hold what was answered.
    fn run(disk: &FaultyDisk) -> Outcome {
        let mut outcome = Outcome::default();
        let Ok(mut log) = begin(disk) else { return outcome };
        outcome.created = true;
        for batch in batches() {
            while !outcome.sync_failed {
                let before = log.last();
                match log.append(&batch) {
                    Ok(seq) => {
                        outcome.acknowledged.extend(batch);
                        assert_eq!(seq.0, outcome.acknowledged.len() as u64);
                        assert_eq!(recorded(&disk.look(|p| p.synced.clone())), outcome.acknowledged);
                        break;
                    }
                    Err(AppendError::Write { .. }) => {
                        assert_eq!(log.last(), before);
                        assert!(disk.look(|p| p.bytes == p.synced), "a failed write was not taken back");
                        outcome.retried += 1;
                    }
                    Err(AppendError::Sync { .. }) => outcome.sync_failed = true,
                    Err(other) => panic!("{other}"),
                }
            }
        }
        if outcome.sync_failed {
            let calls = disk.look(|platter| platter.calls);
            assert!(matches!(log.append(&texts(&["more"])), Err(AppendError::Poisoned { .. })));
            assert_eq!(disk.look(|platter| platter.calls), calls, "a poisoned log leaves the disk alone");
        }
        outcome
    }

    /// Cuts the power: what was synced is there, of the rest any prefix. Every possible outcome must open, hold all
    /// that was acknowledged, and nothing but a prefix of what was wanted.
    fn check_after_power_cut(disk: &FaultyDisk, outcome: &Outcome, what: &str) {
        let wanted = batches().concat();
        let (bytes, synced) = disk.look(|platter| (platter.bytes.clone(), platter.synced.clone()));
        let longest = bytes.len().max(synced.len());
        for length in synced.len()..=longest {
            let found = [&synced[..], bytes.get(synced.len()..length).unwrap_or_default()].concat();
            match codec::scan(&found) {
                Err(ScanError::TornCreation) => assert!(!outcome.created, "{what}"),
                Err(error) => panic!("{what}, {length} bytes: {error}"),
                Ok(scanned) => {
                    let records = recorded(&found);
                    assert!(wanted.starts_with(&records), "{what}: {records:?}");
                    assert!(records.starts_with(&outcome.acknowledged), "{what}: {records:?}");
                    go_on(&found, &scanned, &records);
                }
            }
        }
    }

    fn go_on(found: &[u8], scanned: &Scanned<'_>, records: &[String]) {
        let disk = FaultyDisk::default();
        disk.look(|platter| platter.bytes = found.to_vec());
        let path = Path::new("/nowhere/log");
        let ballast = Ballast::beside(path, 0);
        let mut log = FileLog::resume(path, Box::new(disk.clone()), ballast, scanned).unwrap();
        log.append(&texts(&["after"])).unwrap();
        let expected = [records, &texts(&["after"])].concat();
        assert_eq!(recorded(&disk.look(|platter| platter.synced.clone())), expected);
    }

    #[test]
    fn the_nth_call_fails_until_a_run_passes_clean() {
        let kinds = [io::ErrorKind::Other, io::ErrorKind::StorageFull];
        let faults = kinds.iter().flat_map(|&kind| [Fault::Error(kind), Fault::Half(kind)]);
        let (mut clean, mut retried, mut sync_failed, mut not_created) = (0, 0, 0, 0);
        for fault in faults {
            for turn in 1.. {
                let disk = FaultyDisk::failing(turn, fault);
                let outcome = run(&disk);
                check_after_power_cut(&disk, &outcome, &format!("{fault:?} at call {turn}"));
                not_created += usize::from(!outcome.created);
                sync_failed += usize::from(outcome.sync_failed);
                retried += usize::from(outcome.retried > 0);
                if disk.look(|platter| platter.calls) < turn {
                    assert_eq!(outcome.acknowledged, batches().concat());
                    clean += 1;
                    break;
                }
                assert!(
                    !outcome.created || outcome.sync_failed || outcome.retried > 0,
                    "call {turn} failed unseen"
                );
            }
        }
        // A run makes 3 calls to create and 2 for each of the 4 batches; a clean one ends each of the 4 faults' turns.
        assert_eq!((clean, not_created, retried, sync_failed), (4, 12, 16, 16));
    }

    #[test]
    fn what_a_retry_needs_is_said() {
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, Retry::WhenThereIsRoom),
            (io::ErrorKind::QuotaExceeded, Retry::WhenThereIsRoom),
            (io::ErrorKind::Other, Retry::Later),
        ] {
            let disk = FaultyDisk::failing(4, Fault::Error(kind));
            let error = begin(&disk).unwrap().append(&texts(&["one"])).unwrap_err();
            assert!(matches!(error, AppendError::Write { retry, .. } if retry == expected));
        }
    }

    #[test]
    fn a_piece_that_could_not_be_taken_back_is_cut_by_the_next_try() {
        // Calls 1 to 3 create; call 4 writes half, calls 5 (the other half) and 6 (taking back) fail.
        let disk = FaultyDisk::failing(4, Fault::Half(io::ErrorKind::StorageFull));
        let mut log = begin(&disk).unwrap();
        let clean_length = disk.look(|platter| platter.bytes.len());
        let also_fails_to_cut = FailsToCut(disk.clone());
        log.disk = Box::new(also_fails_to_cut);
        let long = texts(&["a rather long record that leaves something behind"]);
        assert!(matches!(log.append(&long), Err(AppendError::Write { .. })));
        assert!(disk.look(|platter| platter.bytes.len()) > clean_length);
        log.disk = Box::new(disk.clone());
        log.append(&texts(&["b"])).unwrap();
        let expected = codec::encode_header(&header()) + &codec::encode(Seq(1), &texts(&["b"])[0]);
        assert_eq!(disk.look(|platter| platter.bytes.clone()), expected.as_bytes());
    }

    struct FailsToCut(FaultyDisk);

    impl Disk for FailsToCut {
        fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            self.0.write_at(bytes, offset)
        }

        fn set_len(&mut self, _length: u64) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }
    }
}
