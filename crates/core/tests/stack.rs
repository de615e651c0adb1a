//! Stacked starts: a task begins on the green changes of what it needs, and lands after them.

use ppe_core::event::Event;
use ppe_core::ids::{Attempt, Millis, TaskId};
use ppe_core::input::{Command, Input, Trouble};
use ppe_core::intent::Intent;
use ppe_core::invariant;
use ppe_core::outcome::{Class, Failure, Verdict};
use ppe_core::plan::Plan;
use ppe_core::policy::{Approval, Policy, Retries, StartOn};
use ppe_core::state::{Kind, Satisfies, Stack, Step};
use ppe_core::view::{Outside, TaskLine, standstill, view};
use ppe_core::wishes::intents;
use ppe_testkit::drive::{Drive, HOUR, plan, task};

fn chain() -> Plan {
    let tasks = vec![
        task("T-1", "one").commits(1),
        task("T-2", "two").commits(1).needs(&["T-1"]),
        task("T-3", "three").commits(1).needs(&["T-2"]),
    ];
    plan("chain", tasks)
}

fn diamond() -> Plan {
    let tasks = vec![
        task("T-1", "one").commits(1),
        task("T-2", "two").commits(1),
        task("T-3", "three").commits(1).needs(&["T-1", "T-2"]),
    ];
    plan("diamond", tasks)
}

fn policy() -> Policy {
    Policy {
        start_on: StartOn::ChecksGreen,
        stagger_ms: 0,
        backoff_ms: 0,
        silence_ms: 0,
        ..Policy::default()
    }
}

fn stacked(plan: Plan) -> Drive {
    Drive::with(plan, policy(), &[])
}

fn line(drive: &Drive, id: &str) -> TaskLine {
    let lines = view(&drive.state, drive.now, &Outside::default()).tasks;
    lines.into_iter().find(|line| line.id.as_str() == id).expect("it is in the run")
}

fn step(drive: &Drive, id: &str) -> Step {
    drive.state.task(&TaskId::new(id)).expect("in the plan").step.clone()
}

fn stack(drive: &Drive, id: &str) -> Option<Stack> {
    drive.state.stack(drive.state.position(&TaskId::new(id)).expect("in the plan")).cloned()
}

fn parents(drive: &Drive, id: &str) -> Vec<String> {
    let stack = stack(drive, id).unwrap_or_default();
    stack.parents.iter().map(|parent| parent.task.to_string()).collect()
}

fn tip(drive: &Drive, id: &str) -> String {
    let facts = &drive.state.task(&TaskId::new(id)).expect("in the plan").facts;
    facts.tip.as_ref().expect("a tip").to_string()
}

fn red() -> Verdict {
    Verdict::Red(Failure::new(Class::Ci, "CI: test"))
}

fn holds(drive: &Drive) {
    assert_eq!(invariant::check(&drive.state), []);
}

/// Whether it is to be found out how the head of a task's change is judged.
fn is_judged(drive: &Drive, task: &str) -> bool {
    let about =
        |intent: Intent| matches!(intent, Intent::EnsureHeadJudged { task: t, .. } if t.as_str() == task);
    intents(&drive.state).into_iter().any(about)
}

#[test]
fn a_task_begins_on_a_green_head_and_lands_after_it() {
    let mut drive = stacked(chain());
    drive.to_review("T-1", 1, 1);
    assert_eq!(drive.active(), [] as [&str; 0], "nothing is known of its head");
    assert!(is_judged(&drive, "T-1"));
    drive.head_checks("T-1", Verdict::Green);
    assert_eq!((drive.active(), parents(&drive, "T-2")), (vec!["T-2".to_owned()], vec!["T-1".to_owned()]));
    assert!(!is_judged(&drive, "T-1"));
    drive.prepare("T-2");
    assert_eq!(
        stack(&drive, "T-2").and_then(|stack| stack.base).expect("a base").as_str(),
        tip(&drive, "T-1")
    );
    assert_eq!(line(&drive, "T-2").doing.as_deref(), Some("In progress, stacked on T-1"));
    drive.to_review("T-2", 1, 2);
    assert_eq!(step(&drive, "T-2"), Step::Open, "it does not land before what it stands on");
    assert_eq!(line(&drive, "T-2").doing.as_deref(), Some("PR #2 created, lands after T-1, stacked on T-1"));
    assert_eq!(line(&drive, "T-2").stacked_on, [TaskId::new("T-1")]);
    holds(&drive);
    drive.land_all();
    assert!(matches!(step(&drive, "T-2"), Step::Running(running) if running.kind == Kind::Restack));
    let before = tip(&drive, "T-2");
    drive.restack("T-2", 1, 2);
    assert_ne!(tip(&drive, "T-2"), before);
    assert_eq!((step(&drive, "T-2"), parents(&drive, "T-2")), (Step::InLane, vec![]));
    drive.land_all();
    assert!(matches!(step(&drive, "T-2"), Step::Closed(_)));
    holds(&drive);
}

#[test]
fn where_nothing_else_is_said_a_task_waits_for_the_landing() {
    let mut drive = Drive::with(chain(), Policy { start_on: StartOn::Landed, ..policy() }, &[]);
    drive.to_review("T-1", 1, 1);
    assert!(!is_judged(&drive, "T-1"));
    drive.head_checks("T-1", Verdict::Green);
    assert_eq!(drive.active(), [] as [&str; 0]);
    drive.land_all();
    assert_eq!(drive.active(), ["T-2"]);
}

#[test]
fn a_red_head_bears_nothing_and_its_repair_is_judged_anew() {
    let retries = Retries { ci: 1, ..Retries::default() };
    let mut drive = Drive::with(chain(), Policy { retries, ..policy() }, &[]);
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", red());
    assert_eq!(drive.active(), [] as [&str; 0]);
    assert!(!is_judged(&drive, "T-1"));
    drive.build();
    drive.checks(&red());
    drive.later(1);
    assert_eq!(drive.active(), ["T-1"], "it is repaired");
    drive.to_review("T-1", 2, 1);
    assert!(is_judged(&drive, "T-1"));
    drive.head_checks("T-1", Verdict::Green);
    assert_eq!(parents(&drive, "T-2"), ["T-1"]);
}

#[test]
fn whoever_began_goes_on_while_its_parent_is_repaired_and_is_moved_after_that_has_landed() {
    let mut drive = stacked(chain());
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", Verdict::Green);
    drive.prepare("T-2");
    let began = tip(&drive, "T-1");
    drive.build();
    drive.checks(&red());
    drive.later(1);
    assert_eq!(drive.active(), ["T-1", "T-2"]);
    drive.fail("T-2", Class::Verification, "a test fails");
    drive.later(1);
    assert_eq!(drive.active(), ["T-1", "T-2"], "a further attempt stands where the first one stood");
    drive.to_review("T-1", 2, 1);
    drive.to_review("T-2", 1, 2);
    assert_eq!(stack(&drive, "T-2").and_then(|stack| stack.base).expect("a base").as_str(), began);
    drive.land_all();
    drive.restack("T-2", 1, 2);
    drive.land_all();
    assert!(matches!(step(&drive, "T-2"), Step::Closed(_)));
}

#[test]
fn a_parent_that_waits_for_a_person_holds_up_what_is_stacked_on_it() {
    let retries = Retries { ci: 0, ..Retries::default() };
    let mut drive = Drive::with(chain(), Policy { retries, stuck_after_ms: HOUR, ..policy() }, &[]);
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", Verdict::Green);
    drive.prepare("T-2");
    drive.build();
    drive.checks(&red());
    assert!(matches!(step(&drive, "T-1"), Step::Held { .. }));
    assert_eq!(drive.active(), ["T-2"], "what is at work is not wasted");
    drive.fail("T-2", Class::Verification, "a test fails");
    drive.later(1);
    assert_eq!(drive.active(), [] as [&str; 0], "and nothing more is put into it");
    assert!(matches!(step(&drive, "T-2"), Step::Ready { .. }));
    assert_eq!(line(&drive, "T-2").waits_for, [TaskId::new("T-1")]);
    assert_eq!(line(&drive, "T-2").blocked.as_deref(), Some("blocked: T-1 needs review"));
    drive.later(9 * HOUR);
    let told = standstill(&drive.state, 1, drive.now).expect("it stands");
    assert_eq!(told.text, "T-2 has stood still for 9h: it waits for T-1, which needs review");
    assert_eq!(told.command, "ppe retry T-1");
    holds(&drive);
    drive.command(Command::Skip { task: TaskId::new("T-1"), satisfies: Satisfies::Yes });
    drive.to_review("T-2", 1, 2);
    assert!(matches!(step(&drive, "T-2"), Step::Running(running) if running.kind == Kind::Restack));
}

#[test]
fn nothing_begins_on_what_stands_on_somebody_who_waits_for_a_person() {
    let mut drive = stacked(chain());
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", Verdict::Green);
    drive.to_review("T-2", 1, 2);
    drive.command(Command::Pause(Some(TaskId::new("T-1"))));
    // The lane has it in hand: it is parked when its candidate has an outcome.
    drive.build();
    assert!(matches!(step(&drive, "T-1"), Step::Parked { .. }));
    drive.head_checks("T-2", Verdict::Green);
    assert_eq!(drive.active(), [] as [&str; 0]);
    drive.command(Command::Unpause(Some(TaskId::new("T-1"))));
    drive.prepare("T-1");
    assert!(is_judged(&drive, "T-2"));
    drive.head_checks("T-2", Verdict::Green);
    assert_eq!(drive.active(), ["T-1", "T-3"]);
}

#[test]
fn several_are_stood_on_together_or_their_landings_are_waited_for() {
    let mut drive = stacked(diamond());
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", Verdict::Green);
    assert_eq!(drive.active(), ["T-2"]);
    drive.to_review("T-2", 1, 2);
    drive.head_checks("T-2", Verdict::Green);
    assert_eq!(parents(&drive, "T-3"), ["T-1", "T-2"]);
    let intent = Intent::EnsureWorkspace { task: TaskId::new("T-3"), attempt: Attempt(1) };
    let trouble = Trouble::DoesNotStack { files: vec!["src/lib.rs".to_owned()] };
    drive.input(Input::IntentFailed { intent, trouble });
    assert_eq!((step(&drive, "T-3"), drive.active()), (Step::Waiting, vec![]));
    holds(&drive);
    drive.land_all();
    assert_eq!((drive.active(), parents(&drive, "T-3")), (vec!["T-3".to_owned()], vec![]));
}

#[test]
fn a_parent_that_is_taken_back_is_begun_on_by_nobody() {
    let tasks = vec![
        task("T-1", "one").commits(1),
        task("T-2", "two").commits(1),
        task("T-3", "three").commits(1).needs(&["T-1", "T-2"]),
        task("T-4", "four").commits(1),
    ];
    let mut drive = Drive::with(plan("diamond", tasks), Policy { slots: 1, ..policy() }, &[]);
    drive.to_review("T-1", 1, 1);
    drive.to_review("T-2", 1, 2);
    assert_eq!(drive.active(), ["T-4"], "it has the only slot");
    drive.head_checks("T-1", Verdict::Green);
    drive.head_checks("T-2", Verdict::Green);
    assert!(matches!(step(&drive, "T-3"), Step::Ready { .. }));
    drive.command(Command::Retry { task: TaskId::new("T-2"), note: None });
    assert_eq!(step(&drive, "T-3"), Step::Waiting);
    let told = |event: &Event| matches!(event, Event::TaskUnreadied { .. });
    assert_eq!(drive.records.iter().flat_map(|record| &record.events).filter(|event| told(event)).count(), 1);
}

#[test]
fn what_is_stacked_is_approved_once_it_lies_on_the_target() {
    let mut drive = Drive::with(chain(), Policy { approval: Approval::Each, ..policy() }, &[]);
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", Verdict::Green);
    assert_eq!(drive.active(), [] as [&str; 0], "a person may still want it otherwise");
    let all = || Command::Approve { which: ppe_core::input::Which::All, tip: None };
    drive.command(all());
    drive.head_checks("T-1", Verdict::Green);
    drive.to_review("T-2", 1, 2);
    assert_eq!(view(&drive.state, drive.now, &Outside::default()).reviews.tasks, []);
    drive.land_all();
    drive.restack("T-2", 1, 2);
    assert_eq!(step(&drive, "T-2"), Step::Open);
    assert_eq!(view(&drive.state, drive.now, &Outside::default()).reviews.tasks, [TaskId::new("T-2")]);
    drive.command(all());
    drive.land_all();
    assert!(matches!(step(&drive, "T-2"), Step::Closed(_)));
}

#[test]
fn a_task_is_not_called_in_conflict_with_what_it_stands_on() {
    let mut drive = stacked(chain());
    drive.to_review("T-1", 1, 1);
    drive.head_checks("T-1", Verdict::Green);
    drive.to_review("T-2", 1, 2);
    drive.head_checks("T-2", Verdict::Green);
    drive.prepare("T-3");
    drive.branches(&[["T-1", "T-2"], ["T-1", "T-3"], ["T-2", "T-3"]], &[]);
    assert_eq!(drive.state.radar.conflicts, []);
    assert!(drive.now > Millis(0));
}
