//! What the `EventLog` port promises, asked of every implementation; and the logs of released versions.

use ppe_adapters::log::{DEFAULT_BALLAST_BYTES, FileLog, MemoryLog, codec};
use ppe_core::ids::{RunId, Seq};
use ppe_engine::ports::log::{AppendError, EventLog, LogFormat, LogHeader};
use std::path::{Path, PathBuf};

fn header() -> LogHeader {
    LogHeader {
        run: RunId::new("20261124-161500-a1b2"),
        plan_digest: "d".into(),
        created_by: "ppe 0.1.0".into(),
    }
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

/// Asks an empty log for what the port promises. `recorded` looks at what would be found after a crash.
#[expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]
fn conforms(log: &mut dyn EventLog, recorded: &dyn Fn() -> Vec<String>) {
    assert_eq!(log.last(), Seq(0));
    assert_eq!(log.append(&[]).unwrap(), Seq(0));
    assert!(recorded().is_empty());

    assert_eq!(log.append(&lines(&["1"])).unwrap(), Seq(1));
    assert_eq!(recorded(), ["1"]);
    assert_eq!(log.append(&lines(&[" 2 ", "{\"ü\":\"\\n\"}"])).unwrap(), Seq(3));
    assert_eq!(log.append(&[]).unwrap(), Seq(3));
    assert_eq!(recorded(), ["1", " 2 ", "{\"ü\":\"\\n\"}"]);

    for (batch, bad) in [(lines(&["4", "a\nb"]), 1), (lines(&["", "4"]), 0)] {
        let refused = log.append(&batch);
        assert!(matches!(refused, Err(AppendError::NotOneLine { index }) if index == bad));
        assert_eq!((log.last(), recorded().len()), (Seq(3), 3), "none of a refused batch is recorded");
    }

    log.release_ballast().unwrap();
    assert_eq!(log.release_ballast().unwrap(), 0);
    assert_eq!(log.append(&lines(&["4"])).unwrap(), Seq(4));
    assert_eq!(log.last(), Seq(4));
}

#[test]
fn a_log_in_a_file_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = FileLog::create(&path, &header(), DEFAULT_BALLAST_BYTES).unwrap();
    conforms(&mut log, &|| FileLog::read(&path).unwrap().records);
}

#[test]
fn a_log_in_memory_conforms() {
    let mut log = MemoryLog::default();
    let watched = log.clone();
    conforms(&mut log, &|| watched.records());
    assert_eq!(MemoryLog::holding(watched.records()).last(), Seq(4));
}

#[test]
fn a_log_can_be_read_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = FileLog::create(&path, &header(), 0).unwrap();
    let reader = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut seen = 0;
            while seen < 200 {
                let records = FileLog::read(&path).unwrap().records;
                assert!(records.len() >= seen);
                assert!(
                    records.iter().zip(1..).all(|(record, number)| *record == format!("record {number}"))
                );
                seen = records.len();
            }
        }
    });
    for first in (1..=200).step_by(10) {
        let batch: Vec<String> = (first..first + 10).map(|number| format!("record {number}")).collect();
        log.append(&batch).unwrap();
    }
    reader.join().unwrap();
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Logs of released versions stay readable for good; and this version still writes the first format to the byte.
#[test]
fn the_log_of_version_1_is_read_and_written_as_ever() {
    let bytes = std::fs::read(golden("v1.log")).unwrap();
    let scanned = codec::scan(&bytes).unwrap();
    assert_eq!(scanned.format, LogFormat::Current);
    assert_eq!(scanned.header.run, RunId::new("20261124-161500-a1b2"));
    assert_eq!(scanned.header.created_by, "ppe 0.1.0");
    assert_eq!((scanned.records.len(), scanned.torn), (6, None));
    let records = scanned.records.iter().map(|(seq, json)| codec::encode(*seq, json));
    let written = codec::encode_header(&scanned.header) + &records.collect::<String>();
    assert_eq!(written.as_bytes(), bytes);
}
