//! Plain lines, where there is no terminal.

use crate::world::{begun, busy, land_everything, seen};
use ppe_app::cli::screen::{Letters, Plain, ending, opening};
use ppe_core::report::{Measured, report};

#[test]
fn the_opening_is_the_one_that_was_promised() {
    let lines = opening(&seen(&begun()));
    assert_eq!(lines[0], "1. ✅ Analyzing 45 tasks...");
    assert_eq!(lines[1], "2. ✅ Built dependency graph (4 waves identified)");
    assert_eq!(lines[2], "3. ✅ Wave 0: 31 independent tasks ready");
    assert_eq!(lines[3], "4. ✅ Wave 1: 9 tasks (waiting for Wave 0)");
    assert_eq!(
        lines.last().map(String::as_str),
        Some("🚀 Launching parallel execution with 7 concurrent slots...")
    );
}

fn told() -> Vec<String> {
    let drive = busy();
    let mut state = ppe_core::state::State::new(drive.state.plan.clone());
    let mut plain = Plain::new(&state, Letters::Unicode);
    let mut lines = Vec::new();
    for record in &drive.records {
        state.apply(record).expect("a record of the drive");
        lines.extend(plain.tell(record, &state, "14:00:00"));
    }
    lines
}

#[test]
fn a_line_per_event_and_one_per_wave_that_changed() {
    let lines = told();
    let has = |text: &str| assert!(lines.iter().any(|line| line.contains(text)), "no line says: {text}");
    has("14:00:00 🔄 T-001 GraphQL Subscriptions started");
    let progress = |line: &String| line.contains("T-001 ") && line.contains("/20 commits (");
    assert!(lines.iter().any(progress), "no progress of T-001: {lines:#?}");
    has("created, CI pending...");
    has("landed (");
    has("Wave 0:");
    assert!(lines.iter().all(|line| line.starts_with("14:00:00 ")), "each line has its time");
}

#[test]
fn the_end_is_summed_up() {
    let mut drive = begun();
    land_everything(&mut drive, 3_600_000);
    let lines = ending(&report(&drive.state, drive.now, &Measured::default()));
    assert_eq!(lines[0], "✅ All waves complete!");
    assert_eq!(lines[1], "✅ 45/45 tasks done");
    assert_eq!(lines[2], "✅ 1,208 commits");
    assert!(lines[3].starts_with("✅ Execution time: "), "{lines:?}");
}
