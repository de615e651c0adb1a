//! Plain lines, compared as text.

use crate::world::{apigen, begun, land_everything, name, policy, seen, stuck};
use ppe_app::cli::screen::{Letters, Plain, describe, ending, opening, wave_line};
use ppe_core::outcome::{Claim, Class, Exit};
use ppe_core::report::{Measured, report};
use ppe_core::state::State;
use ppe_core::view::{WaveLine, WaveStatus, percent};
use ppe_testkit::drive::{Drive, HOUR, MINUTE, plan, task};
use std::sync::Arc;

/// All lines of a run from its beginning.
fn told(drive: &Drive) -> Vec<String> {
    let mut state = State::new(drive.state.plan.clone());
    let mut plain = Plain::new(&state, Letters::Unicode);
    let mut lines = Vec::new();
    for record in &drive.records {
        state.apply(record).expect("the driver's own records");
        lines.extend(plain.tell(record, &state, "14:23"));
    }
    assert_eq!(state.tasks, drive.state.tasks);
    lines
}

#[test]
fn the_opening_lines() {
    insta::assert_snapshot!(opening(&seen(&begun())).join("\n"), @r#"
    1. ✅ Analyzing 45 tasks...
    2. ✅ Built dependency graph (4 waves identified)
    3. ✅ Wave 0: 31 independent tasks ready
    4. ✅ Wave 1: 9 tasks (waiting for Wave 0)
    5. ✅ Wave 2: 2 tasks (waiting for Wave 1)
    6. ✅ Wave 3: 3 tasks (waiting for Wave 2)

    🚀 Launching parallel execution with 7 concurrent slots...
    "#);
}

#[test]
fn a_small_run_from_beginning_to_end() {
    let tasks = vec![
        task("T-001", "Build").phases(&[("Infrastructure", 5), ("Generation", 5)]),
        task("T-002", "Use").needs(&["T-001"]).commits(2),
    ];
    let mut drive = Drive::with(plan("Small", tasks), policy(), &[]);
    drive.sight("T-001", 3, None);
    drive.sight("T-001", 6, None);
    drive.fail("T-001", Class::Verification, "does not compile");
    drive.later(1);
    drive.land("T-001", 10, 1);
    drive.land("T-002", 2, 2);
    drive.tidy();
    insta::assert_snapshot!(told(&drive).join("\n"), @r#"
    14:23 Run run-1 begins: 2 tasks into main
    14:23 🔄 T-001 Build started (command)
    14:23 🔄 Wave 0: 1/1 in progress
    14:23 ⏳ Wave 1: 0/1 (waiting)
    14:23 T-001 6/10 commits (60%), Phase 2: Generation
    14:23 T-001: its agent is asked for what it left over
    14:23 T-001 is being verified
    14:23 T-001 failed: does not compile; repair 1 of 3 follows
    14:23 🔄 T-001 attempt 2: repair 1 of 3 (command)
    14:23 T-001 10/10 commits (100%), Phase 2: Generation
    14:23 T-001 is being verified
    14:23 ✅ T-001 verified, 10 commits
    14:23 ✅ T-001 PR #1 created, CI pending...
    14:23 T-001 is being checked
    14:23 ✅ T-001 landed (merge0007)
    14:23 Getting wave 1 ready: T-002
    14:23 🔄 T-002 Use started (command)
    14:23 ✅ Wave 0: 1/1 complete (100%)
    14:23 🔄 Wave 1: 1/1 in progress
    14:23 T-002 is being verified
    14:23 ✅ T-002 verified, 2 commits
    14:23 ✅ T-002 PR #2 created, CI pending...
    14:23 T-002 is being checked
    14:23 ✅ T-002 landed (merge0011)
    14:23 All tasks are closed
    14:23 ✅ Wave 0: 1/1 complete (100%)
    14:23 ✅ Wave 1: 1/1 complete (100%)
    "#);
}

#[test]
fn progress_is_told_every_five_commits_once() {
    let mut drive = Drive::with(plan("Small", vec![task("T-001", "Build").commits(20)]), policy(), &[]);
    for commits in 1..=20 {
        drive.sight("T-001", commits, None);
    }
    drive.land("T-001", 20, 1);
    let lines = told(&drive);
    let progress: Vec<&String> = lines.iter().filter(|line| line.contains("commits (")).collect();
    assert_eq!(
        progress,
        [
            "14:23 T-001 5/20 commits (25%)",
            "14:23 T-001 10/20 commits (50%)",
            "14:23 T-001 15/20 commits (75%)",
            "14:23 T-001 20/20 commits (100%)"
        ]
    );
}

/// The lines of waves once enough of the first is done: 25 of 31, and the next wave under way.
#[test]
fn waves_are_told_as_they_change() {
    let mut drive = begun();
    let order: Vec<u32> = (1..=45).filter(|n| apigen().tasks[*n as usize - 1].wave == 0).collect();
    let mut landed = 0;
    while landed < 25 {
        let wave_0 = drive.active().into_iter().find(|id| order.iter().any(|n| name(*n) == *id));
        drive.later(MINUTE);
        drive.land(&wave_0.expect("one of the first wave is at work"), 30, 100 + landed);
        landed += 1;
    }
    let lines = told(&drive);
    let last: Vec<&str> = lines.iter().rev().take(4).rev().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "14:23 ✅ Wave 0: 25/31 complete (81%)",
            "14:23 🔄 Wave 1: 6/9 started (dependencies cleared)",
            "14:23 ⏳ Wave 2: 0/2 (waiting)",
            "14:23 ⏳ Wave 3: 0/3 (waiting)",
        ]
    );
    land_everything(&mut drive, MINUTE);
    let lines = told(&drive);
    assert!(lines.contains(&"14:23 ✅ Wave 0: 31/31 complete (100%)".to_owned()));
    assert!(lines.contains(&"14:23 ✅ Wave 3: 3/3 complete (100%)".to_owned()));
}

#[test]
fn a_wave_reads_as_it_stands() {
    let wave = |status, started, done| WaveLine {
        wave: 2,
        size: 5,
        done,
        given_up: 0,
        started,
        percent: percent(done.into(), 5),
        status,
    };
    assert_eq!(wave_line(&wave(WaveStatus::InProgress, 4, 0)), "🔄 Wave 2: 4/5 in progress");
    assert_eq!(wave_line(&wave(WaveStatus::InProgress, 4, 1)), "🔄 Wave 2: 3/5 in progress (1 complete)");
    assert_eq!(wave_line(&wave(WaveStatus::Early, 3, 0)), "🔄 Wave 2: 3/5 started (dependencies cleared)");
    assert_eq!(wave_line(&wave(WaveStatus::Waiting, 0, 0)), "⏳ Wave 2: 0/5 (waiting)");
    assert_eq!(wave_line(&wave(WaveStatus::Enough, 5, 4)), "✅ Wave 2: 4/5 complete (80%)");
    let given_up = WaveLine { given_up: 1, ..wave(WaveStatus::Complete, 5, 4) };
    assert_eq!(wave_line(&given_up), "✅ Wave 2: 4/5 complete (80%), 1 given up");
}

#[test]
fn repairs_and_the_call_for_a_person_are_told() {
    let lines = told(&stuck());
    let about: Vec<&str> =
        lines.iter().filter(|l| l.contains("repair") || l.contains("🚧")).map(String::as_str).collect();
    insta::assert_snapshot!(about.join("\n"), @r#"
    14:23 T-003 failed: does not compile; repair 1 of 3 follows
    14:23 🔄 T-003 attempt 2: repair 1 of 3 (command)
    14:23 T-003 failed: does not compile; repair 2 of 3 follows
    14:23 🔄 T-003 attempt 3: repair 2 of 3 (command)
    14:23 T-003 failed: does not compile; repair 3 of 3 follows
    14:23 🔄 T-003 attempt 4: repair 3 of 3 (command)
    14:23 🚧 T-003 needs manual intervention. 7 other tasks continuing... It failed: does not compile. Its work lies on branch feat/T-003-kubernetes-manifests. Next: ppe retry T-003
    "#);
}

#[test]
fn branches_that_do_not_merge_and_who_stands_still_are_told() {
    let mut drive = Drive::with(plan("Two", vec![task("T-1", "one"), task("T-2", "two")]), policy(), &[]);
    drive.prepare("T-1");
    drive.branches(&[["T-1", "T-2"]], &[]);
    drive.branches(&[], &[]);
    drive.later(HOUR);
    let lines = told(&drive);
    let about: Vec<&str> = lines.iter().filter(|l| l.contains(['⚠', '⌛'])).map(String::as_str).collect();
    insta::assert_snapshot!(about.join("\n"), @r"
    14:23 ⚠ T-1 and T-2 conflict in 2 files
    14:23 ⌛ T-2 has stood still for 1h: it waits for its workspace; next: ppe retry T-2
    ");
}

#[test]
fn the_last_lines() {
    let mut drive = begun();
    land_everything(&mut drive, 36 * 60 * MINUTE);
    let told = report(&drive.state, drive.now, &Measured::default());
    insta::assert_snapshot!(ending(&told).join("\n"), @r#"
    ✅ All waves complete!
    ✅ 45/45 tasks done
    ✅ 1,208 commits
    ✅ Execution time: 9 weeks 4 days
    🎉 12x faster than sequential!
    "#);

    let tasks = vec![task("T-001", "Build").commits(2), task("T-002", "Use").commits(2)];
    let mut drive = Drive::with(plan("Small", tasks), policy(), &[]);
    drive.later(MINUTE);
    drive.land("T-001", 2, 1);
    drive.agent_ends("T-002", 1, Exit::Done, Claim::Blocked("no key".into()));
    let told = report(&drive.state, drive.now, &Measured::default());
    insta::assert_snapshot!(ending(&told).join("\n"), @r#"
    🚧 1 of 2 landed, 1 needs you
    🚧 T-002: the agent is blocked: no key. Next: ppe retry T-002
    ✅ 2 commits
    ✅ Execution time: 1m
    "#);
}

#[test]
fn sightings_and_bookkeeping_are_not_told() {
    let drive = begun();
    let state = State::new(Arc::new(apigen()));
    let quiet =
        drive.records.iter().flat_map(|record| &record.events).filter(|e| describe(e, &state).is_none());
    assert!(quiet.count() > 0);
}
