//! The review gate: nothing that a person is to approve lands before, what they approve is a tip, and what they reject is
//! made otherwise.

use ppe_core::ids::{ChangeNumber, CommitId, TaskId};
use ppe_core::input::{Command, Input, Observed, Reply, Which};
use ppe_core::outcome::{Claim, Exit};
use ppe_core::policy::{Approval, MergeStrategy, Policy};
use ppe_core::prompt::prompt;
use ppe_core::state::{Kind, Step, Task, Tries};
use ppe_core::view::{Outside, view};
use ppe_testkit::drive::{Drive, MINUTE, plan, task};

fn drive(approval: Approval, policy: Policy) -> Drive {
    let policy = Policy { stagger_ms: 0, backoff_ms: 0, approval, ..policy };
    let tasks = vec![
        task("T-001", "One").commits(2),
        task("T-002", "Two").commits(2),
        task("T-003", "Three").commits(2).needs(&["T-001"]),
    ];
    Drive::with(plan("Plan", tasks), policy, &[])
}

fn id(task: &str) -> TaskId {
    TaskId::new(task)
}

fn now<'a>(drive: &'a Drive, task: &str) -> &'a Task {
    drive.state.task(&id(task)).expect("in the plan")
}

fn step<'a>(drive: &'a Drive, task: &str) -> &'a Step {
    &now(drive, task).step
}

fn approve(drive: &mut Drive, task: &str) -> Reply {
    drive.command(Command::Approve { which: Which::Tasks(vec![id(task)]), tip: None })
}

fn to_approve(drive: &Drive) -> Vec<TaskId> {
    view(&drive.state, drive.state.clock.last, &Outside::default()).reviews.to_approve
}

#[test]
fn a_change_lands_once_it_is_approved() {
    let mut drive = drive(Approval::Each, Policy::default());
    drive.to_review("T-001", 2, 1);
    assert_eq!(*step(&drive, "T-001"), Step::Open);
    let later = now(&drive, "T-001").since.plus(3 * MINUTE);
    let seen = view(&drive.state, later, &Outside::default()).reviews;
    assert_eq!((seen.tasks, seen.oldest_ms), (vec![id("T-001")], Some(3 * MINUTE)));
    assert_eq!(seen.to_approve, [id("T-001")]);

    assert!(matches!(approve(&mut drive, "T-002"), Reply::Refused(_)), "it has no change yet");
    assert!(matches!(approve(&mut drive, "T-001"), Reply::Done(_)));
    assert_eq!(*step(&drive, "T-001"), Step::InLane);
    assert!(matches!(approve(&mut drive, "T-001"), Reply::Nothing(_)));
    drive.land_all();
    assert!(now(&drive, "T-001").satisfies());
}

#[test]
fn what_was_approved_and_moved_since_is_looked_at_again() {
    let mut drive = drive(Approval::Each, Policy::default());
    drive.to_review("T-001", 2, 1);
    let stale = Command::Approve { which: Which::Tasks(vec![id("T-001")]), tip: Some("abc".to_owned()) };
    let Reply::Refused(why) = drive.command(stale) else { panic!("another tip was approved") };
    assert!(why.contains("look at it again"), "{why}");

    drive.to_review("T-002", 2, 2);
    approve(&mut drive, "T-002");
    approve(&mut drive, "T-001");
    assert_eq!(drive.state.lane.queue, [id("T-001")], "the other is being landed");
    let tip = CommitId::new("by-a-person");
    drive.input(Input::Observed(Observed::Branch { task: id("T-001"), tip }));
    drive.prepare("T-001");
    drive.measured("T-001", |snapshot| snapshot.tip = CommitId::new("by-a-person"));
    drive.verdict("T-001", ppe_core::outcome::Verdict::Green);
    drive.publish("T-001", 1);
    assert_eq!(*step(&drive, "T-001"), Step::Open, "the other tip was not approved");
}

#[test]
fn an_approving_review_on_the_forge_is_as_good_if_it_is_of_this_tip() {
    let mut drive = drive(Approval::Each, Policy::default());
    drive.to_review("T-001", 2, 1);
    let approved = |tip| Input::Observed(Observed::Approved { task: id("T-001"), tip });
    drive.input(approved(CommitId::new("another")));
    assert_eq!(*step(&drive, "T-001"), Step::Open);
    let tip = now(&drive, "T-001").facts.tip.clone().expect("it has work");
    drive.input(approved(tip));
    assert_eq!(*step(&drive, "T-001"), Step::InLane);
}

#[test]
fn an_approval_on_the_forge_that_is_taken_back_before_it_landed_counts_no_more() {
    let mut drive = drive(Approval::Each, Policy::default());
    let tip = |drive: &Drive, task| now(drive, task).facts.tip.clone().expect("it has work");
    let taken_back = |task| Input::Observed(Observed::Unapproved { task: id(task) });
    for (task, change) in [("T-001", 1), ("T-002", 2)] {
        drive.to_review(task, 2, change);
        let tip = tip(&drive, task);
        drive.input(Input::Observed(Observed::Approved { task: id(task), tip }));
    }
    assert_eq!(drive.state.lane.queue, [id("T-002")], "the other is a candidate");
    drive.input(taken_back("T-002"));
    assert_eq!((step(&drive, "T-002"), drive.state.lane.queue.len()), (&Step::Open, 0));

    drive.build();
    drive.input(taken_back("T-001"));
    assert_eq!(*step(&drive, "T-001"), Step::InLane, "its candidate has an outcome first");
    drive.checks(&ppe_core::outcome::Verdict::Green);
    assert_eq!((step(&drive, "T-001"), drive.state.lane.chain.len()), (&Step::Open, 0), "it does not land");

    approve(&mut drive, "T-001");
    drive.input(taken_back("T-001"));
    assert_eq!(*step(&drive, "T-001"), Step::InLane, "what was approved here is no matter of the forge's");
    drive.land_all();
    assert!(now(&drive, "T-001").satisfies());
}

#[test]
fn a_rejected_change_is_made_otherwise_at_no_cost_and_looked_at_again() {
    let mut drive = drive(Approval::Each, Policy::default());
    drive.to_review("T-001", 2, 1);
    let note = "the field is called name".to_owned();
    let reply = drive.command(Command::Reject { task: id("T-001"), note });
    assert!(matches!(reply, Reply::Done(_)), "{reply:?}");
    let running = now(&drive, "T-001").running().expect("its agent has it again");
    assert_eq!((running.attempt.0, running.kind), (2, Kind::Rejected));
    drive.prepare("T-001");
    let told = prompt(&drive.state, &id("T-001"));
    assert!(told.contains("wants it otherwise") && told.contains("the field is called name"), "{told}");
    assert_eq!(now(&drive, "T-001").facts.tries, Tries::default());

    drive.to_review("T-001", 3, 1);
    assert_eq!((step(&drive, "T-001"), &now(&drive, "T-001").facts.note), (&Step::Open, &None));
    approve(&mut drive, "T-001");
    drive.land_all();
    assert!(now(&drive, "T-001").satisfies());
}

#[test]
fn who_makes_nothing_of_a_rejection_has_failed() {
    let mut drive = drive(Approval::None, Policy::default());
    drive.to_review("T-001", 2, 1);
    // Its landing is under way: the note waits for what comes of it.
    let reject = |note: &str| Command::Reject { task: id("T-001"), note: note.to_owned() };
    assert!(matches!(drive.command(reject("no")), Reply::Done(text) if text.contains("being landed")));
    drive.build();
    assert_eq!(now(&drive, "T-001").running().map(|r| r.kind), Some(Kind::Rejected));
    let tip = now(&drive, "T-001").facts.tip.clone().expect("it has work");
    drive.agent_ends_with("T-001", Exit::Done, Claim::Nothing, |snapshot| snapshot.tip = tip);
    assert_eq!(now(&drive, "T-001").facts.tries.execution, 1);
    assert!(matches!(step(&drive, "T-001"), Step::Backoff { kind: Kind::Rejected, .. }), "and tries again");
    assert_eq!(now(&drive, "T-001").facts.note.as_deref(), Some("no"), "it is told again");
}

#[test]
fn a_wave_is_approved_when_all_that_come_are_there() {
    let mut drive =
        drive(Approval::Wave, Policy { merge_strategy: MergeStrategy::Batch, ..Policy::default() });
    drive.to_review("T-001", 2, 1);
    assert_eq!(to_approve(&drive), [] as [TaskId; 0]);
    let said = ppe_core::view::review_line(&drive.state, 0);
    assert!(said.contains("approved with its wave, of which 1 are still to come"), "{said}");
    drive.to_review("T-002", 2, 2);
    assert_eq!(to_approve(&drive), [id("T-001"), id("T-002")]);
    drive.command(Command::Approve { which: Which::Wave(0), tip: None });
    assert_eq!(drive.state.lane.chain.len(), 1, "they land together");
    assert_eq!(drive.state.lane.chain[0].members, [id("T-001"), id("T-002")]);
    drive.land_all();
    assert_eq!(drive.state.totals.landings, 1);
}

#[test]
fn a_wave_waits_for_nobody_who_needs_a_person_and_its_early_ones_may_be_approved_alone() {
    let mut drive = drive(Approval::Wave, Policy::default());
    drive.to_review("T-001", 2, 1);
    drive.command(Command::Pause(Some(id("T-002"))));
    drive.agent_ends("T-002", 0, Exit::Stopped, Claim::Nothing);
    assert!(matches!(step(&drive, "T-002"), Step::Parked { .. }));
    assert_eq!(to_approve(&drive), [id("T-001")]);
    approve(&mut drive, "T-001");
    drive.land_all();
    assert!(now(&drive, "T-001").satisfies());
}

#[test]
fn nothing_starts_while_too_many_wait_for_a_person() {
    let policy =
        Policy { open_changes: 1, slots: 1, stagger_ms: 0, approval: Approval::Each, ..Policy::default() };
    let tasks = ["T-001", "T-002", "T-003", "T-004"].map(|id| task(id, "Part").commits(2)).to_vec();
    let mut drive = Drive::with(plan("Plan", tasks), policy, &[]);
    drive.to_review("T-001", 2, 1);
    drive.to_review("T-002", 2, 2);
    // It began before the second was open.
    drive.to_review("T-003", 2, 3);
    assert!(drive.active().is_empty(), "{:?}", drive.active());
    let seen = view(&drive.state, drive.state.clock.last, &Outside::default());
    assert!(seen.holding_back.is_some_and(|why| why.contains("more than 1 changes wait for you")));
    approve(&mut drive, "T-001");
    assert!(drive.active().is_empty(), "two are still more than one");
    approve(&mut drive, "T-002");
    assert_eq!(drive.active(), ["T-004"], "one waits, which is not more than one");
}

#[test]
fn an_approval_on_the_forge_does_not_outlast_a_pause_in_which_nobody_looks() {
    let mut drive = drive(Approval::Each, Policy::default());
    for (task, change) in [("T-001", 1), ("T-002", 2)] {
        drive.to_review(task, 2, change);
        let tip = now(&drive, task).facts.tip.clone().expect("it has work");
        drive.input(Input::Observed(Observed::Approved { task: id(task), tip }));
    }
    assert_eq!(drive.state.lane.queue, [id("T-002")], "the other is a candidate");
    drive.command(Command::Pause(Some(id("T-002"))));
    drive.command(Command::Unpause(Some(id("T-002"))));
    assert_eq!(now(&drive, "T-002").facts.approved, None, "it may have been taken back meanwhile");
}

#[test]
fn a_change_that_was_closed_and_is_the_task_s_no_more_is_no_question() {
    let mut drive = drive(Approval::Each, Policy::default());
    drive.to_review("T-001", 2, 2);
    let closed =
        |change| Input::Observed(Observed::ChangeClosed { task: id("T-001"), change: ChangeNumber(change) });
    drive.input(closed(1));
    assert_eq!(*step(&drive, "T-001"), Step::Open, "it was opened again as another");
    drive.input(closed(2));
    assert!(matches!(step(&drive, "T-001"), Step::Parked { .. }), "{:?}", step(&drive, "T-001"));
}
