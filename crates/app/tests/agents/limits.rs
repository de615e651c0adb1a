//! Providers that say no: for a moment, for an hour, for good, or nothing at all.

use crate::place::{Place, faults, two_commits};
use ppe_core::event::Event;
use ppe_core::outcome::Exit;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// So many independent tasks for an agent whose provider falls into faults.
fn tasks(agent: &str, count: usize, fault: &[Value]) -> Place {
    let mut place = Place::new(&json!({"limited": faults(fault)}));
    place.runs(agent, "limited");
    for n in 1..=count {
        place.task(&format!("T-00{n}"), &format!("Task {n}"), &[], 2);
    }
    place.ready();
    place
}

fn opened(place: &Place) -> usize {
    place.count(|e| matches!(e, Event::BreakerOpened { .. }))
}

#[test]
fn claude_gets_over_a_short_rate_limit_and_an_overload() {
    let rate = json!({"status": 429, "retry_after": 1});
    let place = tasks("claude", 1, &[rate, json!({"status": 529, "after": 1, "times": 2})]);
    place.ppe(&["run", "--yes"]).exits(0);
    place.has_landed("T-001", &[], 2);
    assert_eq!(place.attempts("T-001"), 1);
    place.no_try_is_burnt();
    place.is_clean();
}

#[test]
fn codex_gets_over_a_short_rate_limit_and_an_overload() {
    let rate = json!({"status": 429, "retry_after": 1});
    let place = tasks("codex", 1, &[rate, json!({"status": 529, "after": 1})]);
    place.ppe(&["run", "--yes"]).exits(0);
    place.has_landed("T-001", &[], 2);
    place.no_try_is_burnt();
    place.is_clean();
}

/// How many agents were really started: a start that finds its account closed when its workspace is ready is none.
fn started_agents(place: &Place) -> usize {
    let tasks = fs::read_dir(place.run_folder().join("tasks")).unwrap().flatten();
    let attempts = tasks.flat_map(|task| fs::read_dir(task.path()).into_iter().flatten().flatten());
    attempts.filter(|attempt| attempt.path().join("agent/started").exists()).count()
}

#[test]
fn a_long_rate_limit_starts_nobody_and_costs_no_try() {
    let place = tasks("claude", 4, &[json!({"status": 429, "retry_after": 3600, "times": 1000})]);
    let run = place.spawn(&["run", "--yes", "--slots", "2"]);
    place.until_event("the limit is noticed", |e| matches!(e, Event::BreakerOpened { .. }));
    place.until("those at work have ended", || {
        let ended = place.count(|e| matches!(e, Event::AgentEnded { .. }));
        (ended == place.attempts("")).then_some(())
    });
    let (started, asked) = (place.attempts(""), place.model.requests().len());
    assert!(started <= 2, "{started} starts");
    let agents = started_agents(&place);
    assert!((1..=started).contains(&agents), "{agents} agents in {started} starts");
    assert_eq!(asked, agents, "each asked once");
    place.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    assert_eq!(place.attempts(""), started, "nobody else was started");
    assert!(opened(&place) >= 1);
    place.no_try_is_burnt();
    place.is_clean();
}

/// A key that is not valid.
fn unauthorized(agent: &str, name: &str) {
    let place = tasks(agent, 3, &[json!({"status": 401, "message": "invalid x-api-key", "times": 1000})]);
    let end = place.ppe(&["run", "--yes", "--slots", "1"]);
    assert!([10, 11].contains(&end.code), "{}: {}", end.code, end.all());
    end.says(name);
    assert_eq!(place.attempts(""), 1, "one start was enough");
    let ends = place.ends("T-001");
    assert!(
        matches!(&ends[0].exit, Exit::CannotStart(why) if why.contains("401") || why.contains("key")),
        "{ends:?}"
    );
    assert!(place.model.requests().len() <= 2, "it stopped at the first sign");
    place.ppe(&["status"]).exits(0).says(name);
    // The key is valid again.
    place.model.change(&json!({"limited": two_commits()}));
    place.ppe(&["unpause"]);
    place.ppe(&["resume", "--yes"]).exits(0);
    for task in ["T-001", "T-002", "T-003"] {
        place.has_landed(task, &[], 2);
    }
    place.no_try_is_burnt();
    place.is_clean();
}

#[test]
fn claude_without_a_valid_key_is_started_once() {
    unauthorized("claude", "Claude Code");
}

#[test]
fn codex_without_a_valid_key_is_started_once() {
    unauthorized("codex", "Codex");
}

#[test]
fn an_agent_whose_model_never_answers_is_ended_by_the_limit() {
    let mut place = tasks("claude", 1, &[json!({"hang": true, "after": 1})]);
    place.set("PPE_ATTEMPT_MIN", "1");
    // A minute is lost before the second attempt begins.
    place.spawn(&["run", "--yes"]).wait_for(Duration::from_secs(160)).exits(0);
    place.has_landed("T-001", &[], 2);
    let ends = place.ends("T-001");
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert_eq!(ends[0].session, ends[1].session, "the same session went on");
    place.is_clean();
}
