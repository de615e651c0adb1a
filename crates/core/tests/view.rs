//! The read model: derived figures recomputed, and every sum agrees whatever happened before.

use ppe_core::ids::TaskId;
use ppe_core::input::{Command, Input, Trouble};
use ppe_core::outcome::{Claim, Class, Exit, Failure, Verdict};
use ppe_core::policy::Policy;
use ppe_core::state::{Satisfies, StopMode};
use ppe_core::view::{Live, Mark, Outside, RunView, RunWord, TaskWord, WaveStatus, view};
use ppe_testkit::drive::{Drive, HOUR, MINUTE, plan, task};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn seen(drive: &Drive) -> RunView {
    view(&drive.state, drive.now, &Outside { forge: "local".into(), ..Outside::default() })
}

fn line<'a>(view: &'a RunView, id: &str) -> &'a ppe_core::view::TaskLine {
    view.task(&TaskId::new(id)).expect("in the run")
}

fn ids(list: &[TaskId]) -> Vec<&str> {
    list.iter().map(TaskId::as_str).collect()
}

/// T-1 … T-9; T-4 needs T-1, T-5 needs T-4, T-6 needs T-2 and T-3.
fn sample() -> Drive {
    sample_with(3)
}

fn sample_with(slots: u32) -> Drive {
    let phases = [("Infrastructure", 7), ("Generation", 8), ("Phase three", 5)];
    Drive::with(
        plan(
            "sample",
            vec![
                task("T-1", "one").module("core").phases(&phases),
                task("T-2", "two").phases(&phases),
                task("T-3", "three").commits(10),
                task("T-4", "four").needs(&["T-1"]).commits(10),
                task("T-5", "five").needs(&["T-4"]).commits(10),
                task("T-6", "six").needs(&["T-2", "T-3"]).commits(10),
                task("T-7", "seven").commits(10),
                task("T-8", "eight").commits(10),
                task("T-9", "nine").commits(10),
            ],
        ),
        Policy { stagger_ms: 0, backoff_ms: 0, slots, ..Policy::default() },
        &[],
    )
}

#[test]
fn the_phase_follows_the_commits_unless_the_agent_names_one() {
    let mut drive = sample();
    drive.sight("T-1", 6, None);
    assert_eq!(line(&seen(&drive), "T-1").phase.as_deref(), Some("Phase 1: Infrastructure"));
    drive.sight("T-1", 7, None);
    let view = seen(&drive);
    assert_eq!(line(&view, "T-1").doing.as_deref(), Some("Phase 2: Generation (in progress)"));
    assert_eq!(line(&view, "T-1").percent, Some(35));
    drive.sight("T-1", 15, None);
    assert_eq!(line(&seen(&drive), "T-1").phase.as_deref(), Some("Phase three"));
    drive.sight("T-1", 20, None);
    assert_eq!(line(&seen(&drive), "T-1").doing.as_deref(), Some("Phase three (almost done)"));
    drive.sight("T-2", 1, Some("Reading the manual"));
    assert_eq!(line(&seen(&drive), "T-2").phase.as_deref(), Some("Reading the manual"));
    drive.sight("T-2", 2, Some("Generation"));
    assert_eq!(line(&seen(&drive), "T-2").phase.as_deref(), Some("Phase 2: Generation"));
}

#[test]
fn soon_is_said_when_all_that_is_waited_for_is_almost_done() {
    let mut drive = sample();
    drive.sight("T-2", 17, None);
    drive.sight("T-3", 9, None);
    assert_eq!(line(&seen(&drive), "T-2").almost_done, Mark::No);
    assert_eq!(line(&seen(&drive), "T-6").ready_soon, Mark::No);
    drive.sight("T-2", 18, None);
    assert_eq!(line(&seen(&drive), "T-2").almost_done, Mark::Yes);
    assert_eq!(line(&seen(&drive), "T-6").ready_soon, Mark::Yes);
    drive.to_review("T-2", 20, 7);
    let view = seen(&drive);
    assert_eq!(line(&view, "T-6").ready_soon, Mark::Yes);
    assert_eq!(ids(&line(&view, "T-6").waits_for), ["T-2", "T-3"]);
    assert_eq!(line(&view, "T-4").ready_soon, Mark::No);
}

#[test]
fn a_change_stands_in_review_without_a_slot() {
    let mut drive = sample();
    drive.to_review("T-1", 20, 159);
    let view = seen(&drive);
    assert_eq!(ids(&view.lists.in_review), ["T-1"]);
    assert_eq!(view.slots.busy, 3, "its slot went to the next");
    drive.build();
    let view = seen(&drive);
    assert_eq!(line(&view, "T-1").doing.as_deref(), Some("PR #159 created, CI pending..."));
    assert_eq!(view.lane.text.as_deref(), Some("T-1 is being checked"));
    drive.to_review("T-2", 20, 160);
    assert_eq!(line(&seen(&drive), "T-2").doing.as_deref(), Some("PR #160 created, next in the merge lane"));
    drive.land_all();
    let view = seen(&drive);
    assert_eq!(ids(&view.lists.completed), ["T-1", "T-2"]);
    assert_eq!(line(&view, "T-1").state, TaskWord::Landed);
    assert!(line(&view, "T-1").landed.is_some());
}

#[test]
fn a_stuck_task_says_what_failed_and_what_to_do_and_blocks_its_chain() {
    let mut drive = sample_with(7);
    for n in 0..4 {
        let repair = line(&seen(&drive), "T-1").repair.clone();
        assert_eq!(repair, (n > 0).then(|| format!("repair {n} of 3")));
        drive.fail("T-1", Class::Verification, "does not compile");
        drive.later(1);
    }
    let view = seen(&drive);
    let held = &view.held[0];
    assert_eq!(held.headline, "T-1 needs manual intervention. 5 other tasks continuing...");
    assert_eq!(held.failure, "does not compile");
    assert_eq!(held.place, "on branch feat/T-1-one");
    assert_eq!(held.next, "ppe retry T-1");
    for blocked in ["T-4", "T-5"] {
        let line = line(&view, blocked);
        assert_eq!(line.state, TaskWord::Blocked);
        assert_eq!(line.blocked.as_deref(), Some("blocked: T-1 needs manual intervention"));
    }
    assert_eq!(line(&view, "T-6").state, TaskWord::Waiting);
    assert_eq!(view.remaining.without, 3);
}

#[test]
fn the_queue_is_in_the_order_of_later_starts() {
    let mut drive = sample();
    drive.command(Command::Next { task: TaskId::new("T-9") });
    drive.fail("T-3", Class::Execution, "gave up");
    let promised: Vec<String> = seen(&drive).lists.queue.iter().map(ToString::to_string).collect();
    assert_eq!(promised.len(), 2, "{promised:?}");
    let mut started = Vec::new();
    for _ in 0..2 {
        let before = drive.active();
        let leaves = before.iter().find(|id| !promised.contains(id)).unwrap().clone();
        drive.agent_ends(&leaves, 0, Exit::Done, Claim::Blocked("no".into()));
        started.extend(drive.active().into_iter().filter(|id| !before.contains(id)));
    }
    assert_eq!(started, promised);
}

#[test]
fn waves_say_how_far_they_are() {
    let mut drive = Drive::new(plan(
        "waves",
        vec![
            task("T-1", "a").commits(2),
            task("T-2", "b").commits(2),
            task("T-3", "c").commits(2),
            task("T-4", "d").commits(2),
            task("T-5", "e").commits(2),
            task("T-6", "f").commits(2).needs(&["T-1"]),
            task("T-7", "g").commits(2).needs(&["T-6"]),
        ],
    ));
    let status = |drive: &Drive| -> Vec<WaveStatus> { seen(drive).waves.iter().map(|w| w.status).collect() };
    assert_eq!(status(&drive), [WaveStatus::InProgress, WaveStatus::Waiting, WaveStatus::Waiting]);
    drive.land("T-1", 2, 1);
    assert_eq!(status(&drive), [WaveStatus::InProgress, WaveStatus::Early, WaveStatus::Waiting]);
    for (id, change) in [("T-2", 2), ("T-3", 3), ("T-4", 4)] {
        drive.land(id, 2, change);
    }
    assert_eq!(status(&drive), [WaveStatus::Enough, WaveStatus::Early, WaveStatus::Waiting]);
    drive.land("T-5", 2, 5);
    assert_eq!(status(&drive), [WaveStatus::Complete, WaveStatus::InProgress, WaveStatus::Waiting]);
}

#[test]
fn time_goes_on_across_sessions_and_pauses_are_told_apart() {
    let mut drive = sample();
    drive.sight("T-1", 1, None);
    drive.later(HOUR);
    drive.command(Command::Stop(StopMode::Agents));
    for id in ["T-1", "T-2", "T-3"] {
        drive.agent_ends(id, 1, Exit::Stopped, Claim::Nothing);
    }
    let view = seen(&drive);
    assert_eq!((view.state, view.slots.busy), (RunWord::Stopped, 0));
    drive.now = drive.now.plus(10 * HOUR);
    drive.input(Input::Opened);
    drive.prepare("T-1");
    drive.later(30 * MINUTE);
    let view = seen(&drive);
    assert_eq!(line(&view, "T-1").elapsed_ms, 90 * MINUTE);
    assert_eq!(view.times.elapsed_ms, 11 * HOUR + 30 * MINUTE);
    assert_eq!(view.times.paused_ms, 10 * HOUR);
    assert_eq!(view.times.busy_ms, 3 * 90 * MINUTE);
    let later = seen_later(&drive, 5 * HOUR);
    assert_eq!(later.times.busy_ms, 3 * (90 * MINUTE + 5 * HOUR), "between records too");
}

fn seen_later(drive: &Drive, later_ms: u64) -> RunView {
    view(&drive.state, drive.now.plus(later_ms), &Outside::default())
}

#[test]
fn without_a_process_the_run_is_resumable_and_time_stands_still() {
    let drive = sample();
    let outside = Outside { live: Live::No, ..Outside::default() };
    let view = view(&drive.state, drive.now.plus(HOUR), &outside);
    assert_eq!((view.state, view.times.elapsed_ms), (RunWord::Resumable, 0));
}

/// Forty tasks of ten commits each; the first has landed after ten minutes.
fn measured(slots: u32) -> Drive {
    let tasks = (1..=40).map(|n| task(&format!("T-{n:03}"), "task").commits(10)).collect();
    let policy = Policy { stagger_ms: 0, slots, ..Policy::default() };
    let mut drive = Drive::with(plan("pace", tasks), policy, &[]);
    drive.sight("T-001", 5, None);
    drive.later(10 * MINUTE);
    assert_eq!(seen(&drive).remaining.text, "no estimate yet");
    drive.land("T-001", 10, 1);
    drive
}

#[test]
fn time_left_falls_as_slots_are_added() {
    let left = |slots| seen(&measured(slots)).remaining.ms.unwrap();
    let all: Vec<u64> = (1..=10).map(left).collect();
    assert!(all.windows(2).all(|pair| pair[1] <= pair[0]), "{all:?}");
    assert!(all[..7].windows(2).all(|pair| pair[1] < pair[0]), "{all:?}");
    // With one slot: 39 tasks of ten commits at a minute each.
    assert_eq!(all[0], 39 * 10 * MINUTE);
    assert_eq!(seen(&measured(1)).remaining.text, "~6h 30m (at current parallelization)");
}

#[test]
fn time_left_respects_what_waits_for_what() {
    let chain = vec![
        task("T-1", "a").commits(10),
        task("T-2", "b").commits(10).needs(&["T-1"]),
        task("T-3", "c").commits(10).needs(&["T-2"]),
    ];
    let mut drive = Drive::new(plan("chain", chain));
    drive.later(10 * MINUTE);
    drive.land("T-1", 10, 1);
    assert_eq!(seen(&drive).remaining.ms, Some(20 * MINUTE), "seven slots do not help a chain");
}

#[test]
fn velocity_is_what_a_clock_and_a_counter_say() {
    let mut drive = measured(7);
    drive.later(50 * MINUTE);
    drive.land("T-002", 10, 2);
    let view = seen(&drive);
    let commits: u32 = view.tasks.iter().map(|t| t.commits).sum();
    assert_eq!(commits, 20);
    let hours = 1.0;
    assert!((view.velocity.commits_per_hour.unwrap() - 20.0 / hours).abs() < 1e-9);
    assert!((view.velocity.tasks_per_day.unwrap() - 2.0 * 24.0 / hours).abs() < 1e-9);
    assert!((view.velocity.average_parallel.unwrap() - 7.0).abs() < 1e-9);
}

#[test]
fn pauses_questions_and_waits_name_the_way_on() {
    let mut drive = sample();
    for id in ["T-1", "T-2", "T-3"] {
        drive.agent_ends(id, 0, Exit::Failed("no network".into()), Claim::Nothing);
    }
    let view = seen(&drive);
    assert_eq!(view.state, RunWord::Paused);
    assert_eq!(view.pauses[0].text, "T-1, T-2, T-3 failed alike (no network)");
    assert_eq!(view.pauses[0].command, "ppe answer q1 yes|no");
    assert_eq!(view.questions[0].choices.len(), 2);
    drive.command(Command::Pause(None));
    let view = seen(&drive);
    assert!(
        view.pauses.iter().any(|p| p.text == "paused by you" && p.command == "ppe unpause"),
        "{:?}",
        view.pauses
    );

    let mut drive = sample();
    drive.to_review("T-1", 20, 9);
    let candidate = drive.state.lane.head().unwrap().id;
    let intent = ppe_core::intent::Intent::EnsureCandidate { candidate };
    drive
        .input(Input::IntentFailed { intent, trouble: Trouble::Elsewhere("a.txt has local changes".into()) });
    assert_eq!(seen(&drive).waiting[0].text, "the lane waits: a.txt has local changes; tried again in 1s");
}

#[test]
fn red_checks_lead_to_review_and_are_counted_as_waiting_for_a_person() {
    let mut drive = sample();
    let red = Verdict::Red(Failure::new(Class::Ci, "lint is red"));
    drive.to_review("T-1", 20, 9);
    for n in 0..4_u32 {
        drive.build();
        drive.checks(&red);
        drive.land_all();
        if n < 3 {
            drive.later(1);
            for other in ["T-2", "T-3", "T-7", "T-8", "T-9"] {
                if drive.active().contains(&other.to_owned()) && !drive.active().contains(&"T-1".to_owned()) {
                    drive.agent_ends(other, 0, Exit::Done, Claim::Blocked("no".into()));
                }
            }
            assert_eq!(line(&seen(&drive), "T-1").repair, Some(format!("CI repair {} of 3", n + 1)));
            drive.to_review("T-1", 21 + n, 9);
        }
    }
    drive.later(2 * HOUR);
    let view = seen(&drive);
    assert_eq!(line(&view, "T-1").state, TaskWord::NeedsReview);
    assert_eq!(view.held[0].place, "on branch feat/T-1-one, in PR #9");
    assert_eq!((ids(&view.reviews.tasks), view.reviews.oldest_ms), (vec!["T-1"], Some(2 * HOUR)));
    assert_eq!((view.totals.repairs, view.totals.repairs_helped), (3, 0), "none of them brought it in");
}

#[test]
fn the_status_document_keeps_its_promised_fields() {
    let json = serde_json::to_value(seen(&sample())).unwrap();
    assert_eq!(json["schema"], "ppe.status.v1");
    for field in ["run", "state", "slots", "tasks", "questions", "totals"] {
        assert!(!json[field].is_null(), "{field}");
    }
    assert_eq!(json["slots"], serde_json::json!({"busy": 3, "total": 3}));
    let task = json["tasks"][0].as_object().unwrap();
    for field in [
        "id",
        "state",
        "wave",
        "attempt",
        "commits",
        "planned_commits",
        "phase",
        "waits_for",
        "change",
        "landed",
    ] {
        assert!(task.contains_key(field), "{field}");
    }
    let back: RunView = serde_json::from_value(json).unwrap();
    assert_eq!(back, seen(&sample()));
}

/// One random move in a run.
fn random_move(drive: &mut Drive, dice: u64) {
    let all: Vec<TaskId> = drive.state.plan.tasks.iter().map(|t| t.spec.id.value.clone()).collect();
    let any = all[(dice / 64) as usize % all.len()].clone();
    let active = drive.active();
    let busy = active.get((dice / 64) as usize % active.len().max(1)).cloned();
    drive.now = drive.now.plus(dice % 7 * MINUTE);
    match (dice % 16, busy) {
        (0..=2, Some(id)) => {
            let task = drive.state.task(&TaskId::new(id.as_str())).expect("in the run");
            let stopping = task.running().is_some_and(|running| running.stop.is_some());
            if stopping {
                drive.agent_ends(&id, 1, Exit::Stopped, Claim::Nothing);
            } else {
                drive.to_review(&id, 10, dice % 1_000);
            }
        }
        (3, Some(id)) => drive.agent_ends(&id, 3, Exit::Failed(format!("e{}", dice % 5)), Claim::Nothing),
        (4, Some(id)) => drive.agent_ends(&id, 0, Exit::Done, Claim::Blocked("no".into())),
        (5, Some(id)) => drive.sight(&id, (dice / 64 % 12) as u32, None),
        (6 | 7, _) => drive.land_all(),
        (8, _) => drop(drive.command(Command::Pause(Some(any)))),
        (9, _) => drop(drive.command(Command::Unpause(Some(any)))),
        (10, _) => drop(drive.command(Command::Skip { task: any, satisfies: Satisfies::No })),
        (11, _) => drop(drive.command(Command::Retry { task: any, note: None })),
        (12, _) => drop(drive.command(Command::Stop(StopMode::Agents))),
        (13, _) => drop(drive.input(Input::Opened)),
        (14, _) => drop(drive.command(Command::Unpause(None))),
        _ => drive.later(dice % 100 * MINUTE),
    }
}

fn check_sums(view: &RunView) {
    let lists = &view.lists;
    let waiting = lists.waiting.iter().flat_map(|group| &group.tasks);
    let listed: Vec<&TaskId> = [
        &lists.active,
        &lists.in_review,
        &lists.completed,
        &lists.given_up,
        &lists.queue,
        &lists.backoff,
        &lists.parked,
        &lists.held,
    ]
    .into_iter()
    .flatten()
    .chain(waiting)
    .collect();
    let distinct: BTreeSet<_> = listed.iter().collect();
    assert_eq!(distinct.len(), listed.len(), "each task once");
    assert_eq!(listed.len(), view.tasks.len(), "and every task");
    let sum = |of: fn(&ppe_core::view::WaveLine) -> u32| view.waves.iter().map(of).sum::<u32>();
    assert_eq!(sum(|w| w.size), view.totals.tasks);
    assert_eq!(sum(|w| w.done), view.totals.done);
    assert_eq!(sum(|w| w.given_up), view.totals.given_up);
    assert_eq!(view.totals.done as usize, lists.completed.len());
    assert_eq!(view.slots.busy as usize, lists.active.len());
    assert!(view.slots.busy <= view.slots.total);
    assert_eq!(view.held.len(), lists.held.len());
    let commits = view.tasks.iter().filter(|t| t.makes_commits()).map(|t| u64::from(t.commits)).sum::<u64>();
    assert_eq!(view.totals.commits, commits);
    let elapsed: u64 = view.tasks.iter().map(|t| t.elapsed_ms).sum();
    assert_eq!(elapsed, view.times.busy_ms, "slot time is the tasks' time");
    assert!(view.times.paused_ms <= view.times.elapsed_ms);
    assert!(view.times.busy_ms <= view.times.elapsed_ms * u64::from(view.slots.total));
    for task in &view.tasks {
        assert_eq!(
            task.percent == Some(100),
            task.commits >= task.planned_commits && task.planned_commits > 0
        );
        assert!(task.blocked.is_none() || task.ready_soon == Mark::No);
    }
}

#[test]
#[expect(clippy::unreadable_literal, reason = "they are drawn, not read")]
fn a_complete_run_opened_again_adds_no_paused_time() {
    let dice = [
        4894345036694430336,
        12031510067211149184,
        3026514442532423891,
        16547675296788001514,
        2106187728584317311,
        6686848372269370000,
        923134030210410858,
        2706437341882363248,
        6524873595977635866,
        106590097296984549,
        1204855388767495632,
        1877208545956859984,
        5592956759600258743,
        14359309314794015474,
        6504110804368613888,
        3898152801803727197,
    ];
    let mut drive = sample();
    for throw in dice {
        random_move(&mut drive, throw);
        check_sums(&seen(&drive));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn all_sums_agree_whatever_happened(dice in prop::collection::vec(any::<u64>(), 1..60)) {
        let mut drive = sample();
        for throw in dice {
            random_move(&mut drive, throw);
            check_sums(&seen(&drive));
        }
    }
}
