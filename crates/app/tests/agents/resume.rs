//! Kills, and going on.

use crate::place::{Place, after, done, part, turns, two_commits};
use ppe_core::event::Event;
use ppe_core::outcome::Exit;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

const TASKS: [&str; 3] = ["T-001", "T-002", "T-003"];

/// Longer than any test takes.
const EVER: f64 = 600.0;

/// Three tasks, two agents, and a model that thinks for so long about the second commit.
fn three(seconds: f64) -> Place {
    let slow = turns(&[part(1), after(seconds, part(2)), done()]);
    let mut place = Place::new(&json!({"slow": slow}));
    place.runs("claude", "slow");
    place.knows("codex", "slow");
    for (task, agent) in TASKS.iter().zip(["claude", "codex", "claude"]) {
        place.task_with(task, &format!("Task {task}"), &[], 2, &format!("- **Agent**: {agent}\n"));
    }
    place.ready();
    place
}

/// Waits until all have made their first commit and think about the second.
fn until_half_way(place: &Place) {
    place.until("all are half-way", || {
        let requests = place.model.requests();
        let waits = |task: &&str| requests.iter().any(|r| r.task == **task && r.turn == 1);
        TASKS.iter().all(waits).then_some(())
    });
}

/// Has the model answer at once from now on. What it was asked before is dropped with the agents that asked.
fn think_no_more(place: &Place) {
    place.model.change(&json!({"slow": two_commits()}));
}

/// How often each turn was asked for, by task.
fn asked(place: &Place) -> BTreeMap<(String, u64), usize> {
    let mut counts = BTreeMap::new();
    for request in place.model.requests() {
        *counts.entry((request.task, request.turn)).or_default() += 1;
    }
    counts
}

/// The supervisors of the place's jobs.
fn shims(place: &Place) -> Vec<u32> {
    let place = format!("\0shim\0{}", place.at("state").display());
    let is_shim = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&place)
    };
    let names = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).filter(is_shim).collect()
}

fn kill_all(pids: &[u32]) {
    for pid in pids {
        drop(Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status());
    }
}

#[test]
fn agents_outlive_a_killed_run_and_are_adopted() {
    let place = three(4.0);
    let run = place.spawn(&["run", "--yes"]);
    until_half_way(&place);
    run.signal("KILL");
    run.wait().exits(137);
    place.ppe(&["resume", "--yes"]).exits(0);
    for task in TASKS {
        place.has_landed(task, &[], 2);
        assert_eq!(place.attempts(task), 1, "{task} was adopted");
        let end = &place.ends(task)[0];
        assert_eq!(end.exit, Exit::Done);
        assert!(!end.usage.is_unknown(), "the output of {task} is complete: {end:?}");
    }
    let counts = asked(&place);
    assert!(counts.len() == 9 && counts.values().all(|n| *n == 1), "nobody worked twice: {counts:?}");
    place.no_try_is_burnt();
    place.is_clean();
}

#[test]
fn agents_that_were_killed_too_go_on_in_their_sessions() {
    let place = three(EVER);
    let run = place.spawn(&["run", "--yes"]);
    until_half_way(&place);
    run.signal("KILL");
    run.wait().exits(137);
    // As a machine that loses its power: nobody is left to say how the agents ended.
    let shims = shims(&place);
    assert_eq!(shims.len(), 3);
    kill_all(&shims);
    place.until("all are dead", || {
        let left: Vec<u32> = place.processes().into_iter().map(|(pid, _)| pid).collect();
        kill_all(&left);
        left.is_empty().then_some(())
    });
    think_no_more(&place);
    place.ppe(&["resume", "--yes"]).exits(0);
    for task in TASKS {
        place.has_landed(task, &[], 2);
        let ends = place.ends(task);
        assert_eq!(ends.len(), 2, "{ends:?}");
        assert!(matches!(ends[0].exit, Exit::Lost(_)), "{ends:?}");
        assert!(ends[0].session.is_some() && ends[0].session == ends[1].session, "{ends:?}");
    }
    let again = |n| TASKS.map(|task| asked(&place)[&(task.to_owned(), n)]);
    assert_eq!(again(0), [1, 1, 1], "the conversations went on");
    place.no_try_is_burnt();
    place.is_clean();
}

#[test]
fn a_stopped_run_goes_on_in_the_same_sessions() {
    let place = three(EVER);
    let run = place.spawn(&["run", "--yes"]);
    until_half_way(&place);
    place.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    place.until("all have ended", || place.processes().is_empty().then_some(()));
    let stopped = place.count(|e| matches!(e, Event::AgentEnded { end, .. } if end.exit == Exit::Stopped));
    assert_eq!(stopped, 3);
    think_no_more(&place);
    place.ppe(&["resume", "--yes"]).exits(0);
    for task in TASKS {
        place.has_landed(task, &[], 2);
        let ends = place.ends(task);
        assert!(ends[0].session.is_some() && ends[0].session == ends[1].session, "{ends:?}");
    }
    place.no_try_is_burnt();
    place.is_clean();
}
