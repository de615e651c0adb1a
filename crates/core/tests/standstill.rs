//! Who stands still for too long is told of once, with what frees it; who only waits behind them is not.

use ppe_core::decide::next_wakeup;
use ppe_core::event::Event;
use ppe_core::input::{Command, Input};
use ppe_core::policy::Policy;
use ppe_core::state::Satisfies;
use ppe_core::view::{Outside, RunView, standstill, view};
use ppe_testkit::drive::{Drive, HOUR, MINUTE, plan, task};

fn drive(slots: u32) -> Drive {
    let tasks = vec![
        task("T-1", "one").commits(3),
        task("T-2", "two").commits(3),
        task("T-3", "three").commits(3),
        task("T-4", "four").commits(3).needs(&["T-1"]),
    ];
    let policy = Policy { slots, stagger_ms: 0, backoff_ms: 0, silence_ms: 0, ..Policy::default() };
    Drive::with(plan("four", tasks), policy, &[])
}

fn seen(drive: &Drive) -> RunView {
    view(&drive.state, drive.now, &Outside::default())
}

fn told(drive: &Drive) -> Vec<String> {
    let events = drive.records.iter().flat_map(|record| &record.events);
    let told = events.filter_map(|event| match event {
        Event::StandstillTold { task } => Some(task.to_string()),
        _ => None,
    });
    told.collect()
}

#[test]
fn who_holds_a_slot_without_a_move_is_told_of_once_and_who_waits_behind_is_not() {
    let mut drive = drive(1);
    drive.prepare("T-1");
    drive.later(2 * HOUR - 1);
    assert_eq!((told(&drive), seen(&drive).standstills), (vec![], vec![]));
    assert_eq!(next_wakeup(&drive.state), Some(drive.now.plus(1)));
    drive.later(1);
    assert_eq!(told(&drive), ["T-1"], "those that want its slot wait behind it");
    let lines = seen(&drive).standstills;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text, "T-1 has stood still for 2h: it waits for its agent");
    assert_eq!(lines[0].command, "ppe retry T-1");
    let behind = standstill(&drive.state, 1, drive.now).expect("it stands as well");
    assert_eq!(behind.text, "T-2 has stood still for 2h: it waits for a free slot");
    assert_eq!(behind.command, "ppe slots 2");
    drive.later(9 * HOUR);
    assert_eq!((told(&drive).len(), seen(&drive).standstills.len()), (1, 1), "told once, and shown on");
    // A commit is a move: it stands no longer, and is not told of again in the same step.
    drive.sight("T-1", 1, None);
    assert_eq!(seen(&drive).standstills, []);
    drive.later(3 * HOUR);
    assert_eq!((told(&drive).len(), seen(&drive).standstills.len()), (1, 1));
}

#[test]
fn of_all_that_wait_for_a_paused_run_the_first_is_told_of() {
    let mut drive = drive(4);
    drive.command(Command::Pause(None));
    for task in ["T-1", "T-2", "T-3"] {
        drive.fail(task, ppe_core::outcome::Class::Execution, task);
    }
    drive.later(2 * HOUR);
    drive.later(2 * HOUR);
    assert_eq!(told(&drive), ["T-1"]);
    let lines = seen(&drive).standstills;
    assert_eq!(lines[0].text, "T-1 has stood still for 2h: it waits for a pause: paused by you");
    assert_eq!(lines[0].command, "ppe unpause");
}

#[test]
fn what_a_person_could_do_at_once_has_a_shorter_bound_and_is_freed_by_what_is_named() {
    let mut drive = drive(4);
    drive.command(Command::Pause(Some(ppe_core::ids::TaskId::new("T-2"))));
    drive.agent_ends("T-2", 1, ppe_core::outcome::Exit::Stopped, ppe_core::outcome::Claim::Nothing);
    drive.later(30 * MINUTE);
    assert_eq!(told(&drive), ["T-1", "T-2", "T-3"], "two workspaces are not ready, and one task is paused");
    let paused = seen(&drive).standstills.into_iter().find(|s| s.task.as_str() == "T-2").expect("told");
    assert_eq!(paused.command, "ppe unpause T-2");
    drive.command(Command::Unpause(Some(paused.task)));
    drive.prepare("T-2");
    drive.later(30 * MINUTE);
    assert!(seen(&drive).standstills.iter().all(|s| s.task.as_str() != "T-2"));
}

#[test]
fn a_chain_is_freed_at_its_beginning() {
    let mut drive = drive(4);
    let skip = Command::Skip { task: ppe_core::ids::TaskId::new("T-1"), satisfies: Satisfies::No };
    drive.command(skip);
    drive.agent_ends("T-1", 0, ppe_core::outcome::Exit::Stopped, ppe_core::outcome::Claim::Nothing);
    let at = drive.state.position(&ppe_core::ids::TaskId::new("T-4")).expect("in the plan");
    let found = standstill(&drive.state, at, drive.now.plus(9 * HOUR)).expect("it stands");
    assert_eq!(found.text, "T-4 has stood still for 9h: it waits for T-1, which was skipped");
    assert_eq!(found.command, "ppe retry T-1");
}

#[test]
fn nobody_is_told_of_what_happened_while_no_process_was_there_or_where_nobody_wants_it() {
    let mut drive = drive(1);
    drive.prepare("T-1");
    drive.now = drive.now.plus(100 * HOUR);
    drive.input(Input::Opened);
    drive.later(2 * HOUR - 1);
    assert_eq!(told(&drive), [] as [&str; 0]);
    let policy = Policy { stuck_after_ms: 0, silence_ms: 0, ..Policy::default() };
    let mut off = Drive::with(plan("one", vec![task("T-1", "one")]), policy, &[]);
    assert_eq!(next_wakeup(&off.state), None);
    off.later(100 * HOUR);
    assert_eq!((told(&off), seen(&off).standstills), (vec![], vec![]));
}
