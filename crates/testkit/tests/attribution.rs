//! Work that names an AI as its author: sent back once, then reworded by us, and a try is paid where that is not enough.

use ppe_core::ids::{CommitId, TaskId};
use ppe_core::input::Command;
use ppe_core::intent::Intent;
use ppe_core::outcome::{Attributed, Claim, Class, Exit, Place, Verdict};
use ppe_core::prompt::prompt;
use ppe_core::state::{Collect, Kind, Phase, Step, Stop};
use ppe_core::wishes::intents;
use ppe_testkit::drive::{Drive, plan, task};

fn commit() -> Attributed {
    let text = "Co-Authored-By: Claude <noreply@anthropic.com>".to_owned();
    Attributed { place: Place::Commit(CommitId::new("0123456789abcdef0123456789abcdef01234567")), text }
}

fn line() -> Attributed {
    let text = "// Generated with Claude Code".to_owned();
    Attributed { place: Place::Line { file: "src/a.rs".to_owned(), line: 7 }, text }
}

fn begun() -> (Drive, TaskId) {
    let mut drive = Drive::new(plan("P", vec![task("T-001", "One")]));
    drive.prepare("T-001");
    (drive, TaskId::new("T-001"))
}

fn phase(drive: &Drive, id: &TaskId) -> Option<Phase> {
    drive.state.task(id).and_then(|t| t.running()).map(|r| r.phase)
}

#[test]
fn the_agent_is_asked_once_and_told_what_and_where() {
    let (mut drive, id) = begun();
    drive.agent_ends_with("T-001", Exit::Done, Claim::Nothing, |s| s.attributed = vec![commit(), line()]);
    assert_eq!(phase(&drive, &id), Some(Phase::Leftovers));
    let text = prompt(&drive.state, &id);
    for part in ["commit 0123456", "Co-Authored-By: Claude", "src/a.rs:7: // Generated with Claude Code"] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    // It did as it was asked.
    drive.agent_ends_with("T-001", Exit::Done, Claim::Nothing, |_| ());
    assert_eq!(phase(&drive, &id), Some(Phase::Verifying));
}

#[test]
fn messages_that_are_still_wrong_are_reworded_at_no_cost() {
    let (mut drive, id) = begun();
    for _ in 0..2 {
        drive.agent_ends_with("T-001", Exit::Done, Claim::Nothing, |s| s.attributed = vec![commit()]);
    }
    assert_eq!(phase(&drive, &id), Some(Phase::Collecting(Collect::Commit)));
    drive.measured("T-001", |_| ());
    assert_eq!(phase(&drive, &id), Some(Phase::Verifying));
    assert_eq!(drive.state.task(&id).expect("the task").facts.failures, 0);
}

#[test]
fn lines_that_are_still_there_cost_a_try_and_are_named() {
    let (mut drive, id) = begun();
    for _ in 0..2 {
        drive.agent_ends_with("T-001", Exit::Done, Claim::Nothing, |s| s.attributed = vec![line()]);
    }
    drive.measured("T-001", |s| s.attributed = vec![line(), line()]);
    let now = drive.state.task(&id).expect("the task");
    assert!(matches!(now.step, Step::Backoff { kind: Kind::Verify, .. }), "{:?}", now.step);
    assert_eq!(now.facts.tries.verification, 1);
    let failure = now.facts.failure.as_ref().expect("a failure");
    assert_eq!(failure.class, Class::Verification);
    assert_eq!(
        failure.summary,
        "the work names an AI as its author: src/a.rs:7: // Generated with Claude Code (and 1 more)"
    );
}

#[test]
fn an_agent_that_failed_is_not_asked_and_its_commits_are_reworded_all_the_same() {
    let (mut drive, id) = begun();
    let failed = Exit::Failed("no".to_owned());
    drive.agent_ends_with("T-001", failed, Claim::Nothing, |s| s.attributed = vec![commit()]);
    assert_eq!(phase(&drive, &id), Some(Phase::Collecting(Collect::Commit)));
    drive.measured("T-001", |_| ());
    assert_eq!(drive.state.task(&id).expect("the task").facts.tries.execution, 1);
}

#[test]
fn work_of_a_stopped_attempt_is_reworded_before_its_branch_is_shown() {
    let (mut drive, id) = begun();
    drive.command(Command::Pause(Some(id.clone())));
    assert_eq!(drive.state.task(&id).and_then(|t| t.running()).and_then(|r| r.stop), Some(Stop::Park));
    drive.agent_ends_with("T-001", Exit::Stopped, Claim::Nothing, |s| s.attributed = vec![commit()]);
    assert_eq!(phase(&drive, &id), Some(Phase::Collecting(Collect::Commit)));
    drive.measured("T-001", |_| ());
    let published =
        |drive: &Drive| intents(&drive.state).contains(&Intent::EnsurePublished { task: id.clone() });
    assert!(published(&drive), "a parked task's branch is to be seen");
}

#[test]
fn commits_that_nobody_could_reword_are_not_published() {
    let (mut drive, id) = begun();
    drive.command(Command::Pause(Some(id.clone())));
    drive.agent_ends_with("T-001", Exit::Stopped, Claim::Nothing, |s| s.attributed = vec![commit()]);
    drive.measured("T-001", |s| s.attributed = vec![commit()]);
    assert!(matches!(drive.state.task(&id).expect("the task").step, Step::Parked { .. }));
    assert!(!intents(&drive.state).contains(&Intent::EnsurePublished { task: id }));
}

#[test]
fn a_green_verdict_follows_only_on_work_that_names_nobody() {
    let (mut drive, id) = begun();
    drive.agent_ends("T-001", 1, Exit::Done, Claim::Nothing);
    drive.verdict("T-001", Verdict::Green);
    assert!(matches!(drive.state.task(&id).expect("the task").step, Step::Publishing));
}
