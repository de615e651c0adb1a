//! What a forge that judges and merges by itself says of a landing, and what follows.

use ppe_core::ids::{CommitId, TaskId};
use ppe_core::input::Input;
use ppe_core::outcome::{Class, Failure, LandOutcome, Verdict};
use ppe_core::policy::Policy;
use ppe_core::state::{Kind, Stage, Step, Subject};
use ppe_core::view::{Outside, view};
use ppe_testkit::drive::{Drive, plan, task};

/// Two tasks on their own and one that needs the first.
fn drive() -> Drive {
    let policy = Policy { stagger_ms: 0, backoff_ms: 0, slots: 2, ..Policy::default() };
    let tasks = vec![
        task("T-001", "One").commits(2),
        task("T-002", "Two").commits(2),
        task("T-003", "Three").commits(2).needs(&["T-001"]),
    ];
    Drive::with(plan("Plan", tasks), policy, &[])
}

fn step<'a>(drive: &'a Drive, task: &str) -> &'a Step {
    &drive.state.task(&TaskId::new(task)).expect("in the plan").step
}

fn ends(drive: &mut Drive, outcome: LandOutcome) {
    let candidate = drive.state.lane.head().expect("a candidate").id;
    drive.input(Input::LandEnded { candidate, outcome });
}

fn to_landing(drive: &mut Drive, id: &str) {
    drive.to_review(id, 2, 1);
    drive.build();
    drive.checks(&Verdict::Green);
    assert!(matches!(drive.state.lane.head().expect("a candidate").stage, Stage::Landing { .. }));
}

#[test]
fn checks_that_are_red_at_the_landing_are_repeated_and_then_answered_for() {
    let mut drive = drive();
    to_landing(&mut drive, "T-001");
    let red = || LandOutcome::Red(Failure::new(Class::Ci, "CI: build (failure)"));
    ends(&mut drive, red());
    let stage = drive.state.lane.head().expect("it is not given up").stage.clone();
    assert!(matches!(stage, Stage::Checking { run: 2, .. }), "{stage:?}");
    drive.checks(&Verdict::Green);
    ends(&mut drive, red());
    drive.later(1);
    let running =
        drive.state.task(&TaskId::new("T-001")).and_then(|t| t.running()).expect("its agent has it");
    assert_eq!(running.kind, Kind::Ci);
    assert!(drive.state.lane.chain.is_empty());
}

#[test]
fn nothing_starts_on_what_landed_as_something_else_until_that_was_checked() {
    let mut drive = drive();
    to_landing(&mut drive, "T-001");
    let commit = CommitId::new("with-somebody-s");
    ends(&mut drive, LandOutcome::LandedUnchecked(commit.clone()));
    assert!(
        matches!(step(&drive, "T-003"), Step::Ready { .. }),
        "what it needs is there, and a slot is free"
    );
    let shown = view(&drive.state, drive.state.clock.last, &Outside::default());
    let why = serde_json::to_string(&shown).expect("JSON");
    assert!(why.contains("main is checked first"), "{why}");
    drive.input(Input::CheckEnded { subject: Subject::Base(commit), run: 1, verdict: Verdict::Green });
    assert!(matches!(step(&drive, "T-003"), Step::Running(_)));
}
