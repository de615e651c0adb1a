//! Locks between processes: this test's program is started again as the other process.

use ppe_adapters::lock::{Holder, LockError, Note, RecordLock, holder};
use ppe_core::ids::RunId;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PATH_VARIABLE: &str = "PPE_TEST_LOCK_PATH";

fn note(command: &str) -> Note {
    Note { run: Some(RunId::new("20261124-161500-a1b2")), command: command.into() }
}

/// Not a test of its own: what the other process does. Holds the lock until its input ends.
#[test]
fn other_process() {
    let Some(path) = std::env::var_os(PATH_VARIABLE) else { return };
    let _lock = RecordLock::try_acquire(Path::new(&path), &note("ppe run")).unwrap();
    writeln!(std::io::stdout(), "\nlocked").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]
fn start_other_process(path: &Path) -> Child {
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_process", "--nocapture"])
        .env(PATH_VARIABLE, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(other.stdout.take().unwrap());
    assert!(said.lines().any(|line| line.unwrap() == "locked"), "the other process did not get the lock");
    other
}

#[test]
fn another_process_is_named_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let mut other = start_other_process(&path);
    let expected = Holder { pid: Some(other.id()), note: Some(note("ppe run")) };
    assert_eq!(holder(&path).unwrap(), Some(expected.clone()));
    let refused = RecordLock::try_acquire(&path, &note("ppe resume")).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains(&format!("process {} (\"ppe run\", run \"2026", other.id())), "{text}");
    assert!(matches!(refused, LockError::Held { holder, .. } if holder == expected));
    assert_eq!(holder(&path).unwrap(), Some(expected), "a refusal leaves the holder's note alone");

    drop(other.stdin.take());
    other.wait().unwrap();
    assert_eq!(holder(&path).unwrap(), None);
    RecordLock::try_acquire(&path, &note("ppe resume")).unwrap();
}

#[test]
fn a_killed_process_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let mut other = start_other_process(&path);
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(holder(&path).unwrap(), None);
    RecordLock::try_acquire(&path, &note("ppe resume")).unwrap();
}

#[test]
fn asking_in_the_process_that_holds_it_does_not_lose_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let lock = RecordLock::try_acquire(&path, &note("ppe run")).unwrap();
    let ours = Holder { pid: Some(std::process::id()), note: Some(note("ppe run")) };
    assert_eq!(holder(&path).unwrap(), Some(ours));
    assert!(matches!(RecordLock::try_acquire(&path, &note("again")), Err(LockError::Held { .. })));
    let by_another_name = folder.path().join("alias");
    std::fs::hard_link(&path, &by_another_name).unwrap();
    assert!(holder(&by_another_name).unwrap().is_some());

    let asked = |path: &Path| {
        let other = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "other_process", "--nocapture"])
            .env(PATH_VARIABLE, path)
            .stdin(Stdio::null())
            .output();
        other.unwrap().status.success()
    };
    assert!(!asked(&path), "the lock was lost by asking about it");
    drop(lock);
    assert!(asked(&path));
    assert_eq!(holder(&path).unwrap(), None);
    RecordLock::try_acquire(&path, &note("ppe resume")).unwrap();
}

#[test]
fn a_lock_that_is_not_there_has_no_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    assert_eq!(holder(&path).unwrap(), None);
    assert!(!path.exists());
    let nowhere = folder.path().join("nowhere").join("lock");
    assert!(matches!(RecordLock::try_acquire(&nowhere, &note("ppe")), Err(LockError::Io { .. })));
    std::fs::write(&path, "no note").unwrap();
    assert_eq!(holder(&path).unwrap(), None);
    let lock = RecordLock::try_acquire(&path, &Note { run: None, command: "ppe clean".into() }).unwrap();
    drop(lock);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"command\":\"ppe clean\"}\n");
}
