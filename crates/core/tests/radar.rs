//! What is known of branches beforehand decides who waits for whom in the lane, and who starts first among equals.

use ppe_core::event::Event;
use ppe_core::ids::TaskId;
use ppe_core::invariant;
use ppe_core::outcome::Class;
use ppe_core::plan::Priority;
use ppe_core::policy::{MergeStrategy, Policy, Retries};
use ppe_core::state::Step;
use ppe_core::view::{Outside, view};
use ppe_testkit::drive::{Drive, plan, task};

fn policy(merge_strategy: MergeStrategy) -> Policy {
    let retries = Retries { execution: 0, ..Retries::default() };
    Policy { merge_strategy, stagger_ms: 0, backoff_ms: 0, retries, ..Policy::default() }
}

/// A task of low and one of high priority at work, and a third.
fn low_and_high(strategy: MergeStrategy) -> Drive {
    let tasks = vec![
        task("T-1", "low").commits(1).priority(Priority::Low),
        task("T-2", "high").commits(1).priority(Priority::High),
        task("T-3", "other").commits(1),
    ];
    Drive::with(plan("two", tasks), policy(strategy), &[])
}

/// The tasks in candidates, in order.
fn under_way(drive: &Drive) -> Vec<Vec<String>> {
    let names = |ids: &[TaskId]| ids.iter().map(ToString::to_string).collect();
    drive.state.lane.chain.iter().map(|candidate| names(&candidate.members)).collect()
}

#[track_caller]
fn sound(drive: &Drive) {
    assert_eq!(invariant::check(&drive.state), []);
}

#[test]
fn a_lower_change_waits_for_a_higher_one_only_while_they_are_known_not_to_merge() {
    let mut drive = low_and_high(MergeStrategy::Priority);
    drive.branches(&[["T-2", "T-1"]], &[]);
    drive.to_review("T-1", 1, 1);
    assert_eq!(under_way(&drive), [] as [Vec<String>; 0]);
    sound(&drive);
    let seen = view(&drive.state, drive.now, &Outside::default());
    assert_eq!(
        seen.lane.text.as_deref(),
        Some("1 change waits, T-1 lets T-2 pass, with which it does not merge")
    );
    let doing = seen.task(&TaskId::new("T-1")).and_then(|line| line.doing.clone());
    assert_eq!(doing.as_deref(), Some("PR #1 created, lets T-2 pass, with which it does not merge"));
    assert_eq!(seen.conflicts[0].file_count, 2);
    // A third that merges with both goes ahead meanwhile.
    drive.to_review("T-3", 1, 3);
    assert_eq!(under_way(&drive), [["T-3"]]);
    drive.land_all();
    drive.to_review("T-2", 1, 2);
    assert_eq!(under_way(&drive), [["T-2"]]);
    drive.land_all();
    let open = view(&drive.state, drive.now, &Outside::default()).conflicts;
    assert_eq!((drive.state.open_count(), open), (0, vec![]));
}

#[test]
fn a_lower_change_goes_ahead_once_the_conflict_is_gone_or_the_higher_one_does_not_come_by_itself() {
    let mut drive = low_and_high(MergeStrategy::Priority);
    drive.to_review("T-1", 1, 1);
    assert_eq!(under_way(&drive), [["T-1"]], "nothing is known of a conflict");
    let waiting = || {
        let mut drive = low_and_high(MergeStrategy::Priority);
        drive.branches(&[["T-1", "T-2"]], &[]);
        drive.to_review("T-1", 1, 1);
        assert_eq!(under_way(&drive).len(), 0);
        drive
    };
    let mut drive = waiting();
    drive.branches(&[], &[]);
    assert_eq!(under_way(&drive), [["T-1"]], "the conflict is gone");
    let mut drive = waiting();
    drive.fail("T-2", Class::Execution, "cannot");
    assert!(matches!(drive.state.tasks[1].step, Step::Held { .. }));
    assert_eq!(under_way(&drive), [["T-1"]], "the higher one waits for a person");
    sound(&drive);
    let mut drive = waiting();
    drive.later(drive.state.policy.longest_wait_ms - 1);
    assert_eq!(under_way(&drive).len(), 0);
    assert_eq!(ppe_core::decide::next_wakeup(&drive.state), Some(drive.now.plus(1)));
    drive.later(1);
    assert_eq!(under_way(&drive), [["T-1"]], "it has waited long enough");
}

#[test]
fn equals_do_not_wait_for_each_other_and_no_other_strategy_waits_for_what_is_to_come() {
    for strategy in [MergeStrategy::Independent, MergeStrategy::Speculative] {
        let mut drive = low_and_high(strategy);
        drive.branches(&[["T-1", "T-2"]], &[]);
        drive.to_review("T-1", 1, 1);
        assert_eq!(under_way(&drive), [["T-1"]], "{strategy:?}");
    }
    let equals = vec![task("T-1", "one").commits(1), task("T-2", "two").commits(1)];
    let mut drive = Drive::with(plan("equals", equals), policy(MergeStrategy::Priority), &[]);
    drive.branches(&[["T-1", "T-2"]], &[]);
    drive.to_review("T-2", 1, 2);
    assert_eq!(under_way(&drive), [["T-2"]], "the first that comes");
}

#[test]
fn those_that_do_not_merge_are_never_under_way_together() {
    let mut drive = low_and_high(MergeStrategy::Speculative);
    drive.branches(&[["T-1", "T-2"]], &[]);
    for (n, task) in (1..).zip(["T-1", "T-2", "T-3"]) {
        drive.to_review(task, 1, n);
    }
    assert_eq!(under_way(&drive), [["T-1"], ["T-3"]], "the second waits until the first has left");
    sound(&drive);
    drive.land_all();
    assert_eq!(drive.state.open_count(), 0);

    let mut drive = low_and_high(MergeStrategy::Batch);
    drive.branches(&[["T-1", "T-2"]], &[]);
    for (n, task) in (1..).zip(["T-1", "T-2", "T-3"]) {
        drive.to_review(task, 1, n);
    }
    assert_eq!(under_way(&drive), [["T-1", "T-3"]]);
    drive.build();
    drive.checks(&ppe_core::outcome::Verdict::Green);
    drive.land_all();
    assert_eq!((drive.state.open_count(), drive.state.totals.landings), (0, 2));
}

#[test]
fn among_equals_whoever_is_in_nobodys_way_starts_first_and_no_slot_stays_free() {
    let tasks = || {
        vec![
            task("T-1", "one").commits(1).files(&["src/a.rs"]),
            task("T-2", "two").commits(1).files(&["./src/a.rs"]),
            task("T-3", "three").commits(1).files(&["src/b.rs"]),
            task("T-4", "four").commits(1).files(&["src/a.rs"]).priority(Priority::High),
        ]
    };
    let with = |slots| Policy { slots, ..policy(MergeStrategy::Independent) };
    let mut drive = Drive::with(plan("files", tasks()), with(2), &[]);
    assert_eq!(drive.active(), ["T-3", "T-4"], "T-1 and T-2 share a file with the more urgent T-4");
    let queue = view(&drive.state, drive.now, &Outside::default());
    assert_eq!(queue.lists.queue, [TaskId::new("T-1"), TaskId::new("T-2")]);
    let doing = queue.task(&TaskId::new("T-1")).and_then(|line| line.doing.clone());
    assert_eq!(doing.as_deref(), Some("starts after its equals: T-4 has src/a.rs in hand"));
    drive.land("T-3", 1, 3);
    assert_eq!(drive.active(), ["T-1", "T-4"], "a slot is not left free");
    sound(&drive);

    // What is touched counts like what is named.
    let mut drive = Drive::with(plan("files", tasks()), with(1), &[]);
    drive.branches(&[], &[("T-4", "src/b.rs"), ("T-4", "nobody/names.this")]);
    assert_eq!(drive.state.radar.touched.len(), 1);
    let doing = view(&drive.state, drive.now, &Outside::default());
    let doing = doing.task(&TaskId::new("T-3")).and_then(|line| line.doing.clone());
    assert_eq!(doing.as_deref(), Some("starts after its equals: T-4 has src/b.rs in hand"));
    sound(&drive);
}

#[test]
fn what_is_told_of_strangers_and_of_what_is_over_is_forgotten() {
    let mut drive = low_and_high(MergeStrategy::Independent);
    drive.land("T-1", 1, 1);
    drive.branches(&[["T-1", "T-2"], ["T-2", "T-9"], ["T-3", "T-2"]], &[]);
    let told = |drive: &Drive| {
        let conflicts = drive.state.radar.conflicts.iter();
        conflicts.map(|c| c.tasks.iter().map(ToString::to_string).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert_eq!(told(&drive), [["T-2", "T-3"]]);
    drive.branches(&[["T-2", "T-3"], ["T-3", "T-2"]], &[]);
    assert!(drive.records.last().is_some_and(|record| record.events.is_empty()), "nothing new");
}

#[test]
fn of_what_tasks_change_only_what_is_new_is_recorded() {
    let mut drive =
        Drive::new(plan("files", ["T-1", "T-2"].map(|id| task(id, "t").files(&["a", "b"])).into()));
    let recorded = |drive: &Drive| {
        let touched = drive.records.last().unwrap().events.iter().filter_map(|event| match event {
            Event::BranchesSeen { touched, .. } => Some(touched.clone()),
            _ => None,
        });
        touched.flatten().map(|t| (t.task.to_string(), t.files.join(","))).collect::<Vec<_>>()
    };
    let said = |task: &str, files: &str| (task.to_owned(), files.to_owned());
    drive.branches(&[], &[("T-1", "a"), ("T-2", "b")]);
    assert_eq!(recorded(&drive), [said("T-1", "a"), said("T-2", "b")]);
    drive.branches(&[], &[("T-1", "a"), ("T-2", "a")]);
    assert_eq!(recorded(&drive), [said("T-2", "a")]);
    drive.branches(&[], &[("T-2", "a")]);
    assert_eq!(recorded(&drive), [said("T-1", "")]);
    assert_eq!(drive.state.radar.touched.keys().map(TaskId::as_str).collect::<Vec<_>>(), ["T-2"]);
    sound(&drive);
}
