//! What a forge that judges and merges by itself says of a landing, and what follows.

use ppe_core::ids::{CommitId, TaskId};
use ppe_core::input::{Command, Input, Observed, Trouble};
use ppe_core::intent::Intent;
use ppe_core::outcome::{BuildOutcome, Built, Class, Failure, LandOutcome, Verdict};
use ppe_core::policy::Policy;
use ppe_core::state::{Kind, Stage, Step, Subject};
use ppe_core::view::{Outside, standstill, view};
use ppe_testkit::drive::{Drive, HOUR, plan, task};

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

/// The check of the candidate under way does not come.
fn check_fails(drive: &mut Drive) {
    let candidate = drive.state.lane.head().expect("a candidate").id;
    let intent = Intent::EnsureChecked { subject: Subject::Candidate(candidate), run: 1 };
    let trouble = Trouble::Elsewhere("CI waits for you: build".to_owned());
    drive.input(Input::IntentFailed { intent, trouble });
}

fn members(drive: &Drive) -> &[TaskId] {
    drive.state.lane.head().map_or(&[], |head| head.members.as_slice())
}

#[test]
fn a_change_whose_checks_do_not_come_is_taken_out_of_the_way_by_the_command_that_is_named() {
    let mut drive = drive();
    drive.to_review("T-001", 2, 1);
    drive.to_review("T-002", 2, 2);
    drive.build();
    assert_eq!(members(&drive), [TaskId::new("T-001")]);
    let pause = |drive: &mut Drive| drive.command(Command::Pause(Some(TaskId::new("T-001"))));
    check_fails(&mut drive);
    drive.later(4 * HOUR);
    let told = standstill(&drive.state, 1, drive.now).expect("it stands still");
    assert_eq!(told.command, "ppe pause T-001", "{told:?}");
    pause(&mut drive);
    assert!(matches!(step(&drive, "T-001"), Step::Parked { .. }));
    assert_eq!(members(&drive), [TaskId::new("T-002")]);
    // What may come yet is waited for.
    let mut drive = self::drive();
    drive.to_review("T-001", 2, 1);
    drive.build();
    pause(&mut drive);
    assert!(matches!(step(&drive, "T-001"), Step::InLane));
    check_fails(&mut drive);
    assert!(matches!(step(&drive, "T-001"), Step::Parked { .. }));
}

#[test]
fn a_person_s_push_takes_a_change_whose_checks_do_not_come_out_of_the_lane() {
    let mut drive = drive();
    drive.to_review("T-001", 2, 1);
    drive.build();
    let push =
        |tip: &str| Input::Observed(Observed::Branch { task: TaskId::new("T-001"), tip: CommitId::new(tip) });
    drive.input(push("theirs"));
    assert_eq!(members(&drive), [TaskId::new("T-001")], "its candidate has an outcome of its own");
    check_fails(&mut drive);
    drive.input(push("theirs"));
    assert_eq!(members(&drive), [] as [TaskId; 0]);
    let facts = &drive.state.task(&TaskId::new("T-001")).expect("in the plan").facts;
    assert_eq!(facts.tip, Some(CommitId::new("theirs")));
}

#[test]
fn what_is_red_at_its_landing_is_checked_again_though_its_tree_was_known_to_be_green() {
    let mut drive = drive();
    to_landing(&mut drive, "T-001");
    let built = drive.state.lane.head().and_then(|head| head.stage.built()).expect("built").clone();
    ends(&mut drive, LandOutcome::Landed(built.commit.clone()));
    drive.to_review("T-002", 2, 2);
    let candidate = drive.state.lane.head().expect("a candidate").id;
    let again = Built { base: built.commit, commit: CommitId::new("again"), tree: built.tree };
    let outcome = BuildOutcome::Built { built: again, left_out: Vec::new() };
    drive.input(Input::CandidateBuilt { candidate, outcome });
    ends(&mut drive, LandOutcome::Red(Failure::new(Class::Ci, "CI: build (failure)")));
    let stage = drive.state.lane.head().expect("it is not given up").stage.clone();
    assert!(matches!(stage, Stage::Checking { run: 2, .. }), "{stage:?}");
}
