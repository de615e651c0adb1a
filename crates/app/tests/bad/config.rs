//! Wrong and right settings: a wrong one is named with its value and what is allowed, exit code 2, and nothing made.

use super::{nothing_made, place};
use ppe_core::event::Event;

#[test]
fn wrong_variables() {
    let slots = "slots must be 1 to 10 on one machine";
    for (variables, says) in [
        (&["MAX_PARALLEL_TASKS=0"][..], slots),
        (&["MAX_PARALLEL_TASKS=11"], slots),
        (&["MAX_PARALLEL_TASKS=seven"], slots),
        (&["WAVE_THRESHOLD=0"], "must be above 0 and at most 1"),
        (&["WAVE_THRESHOLD=1.1"], "must be above 0 and at most 1"),
        (&["MERGE_STRATEGY=bacth"], "did you mean batch?"),
        (&["DASHBOARD_REFRESH=0"], "must be 1 to 3600"),
        (&["MAX_TASK_RETRIES=-1"], "must be 0 to 100"),
        (&["MAX_PARALLEL_TASKS=3", "MAX_CONCURRENT_TASKS=4"], "unset one of them or make them equal"),
        (&["WAVE_THRESHOLD=0.5", "WAVE_COMPLETION_THRESHOLD=0.6"], "unset one of them or make them equal"),
    ] {
        let mut env = place();
        env.ready();
        for (name, value) in variables.iter().filter_map(|v| v.split_once('=')) {
            env.set(name, value);
        }
        let ended = env.ppe(&["run", "plan", "--yes"]);
        ended.exits(2).says(says);
        for variable in variables {
            ended.says(variable);
        }
        nothing_made(&env, &variables.join(" "));
    }
}

#[test]
fn more_slots_than_a_machine_allows() {
    let mut env = place();
    env.ready();
    let ended = env.ppe(&["run", "plan", "--slots", "31", "--yes"]);
    ended.exits(2).says("--slots 31: slots must be 1 to 10");
    nothing_made(&env, "31 slots");
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest() {
    let mut env = place();
    env.write("ppe.toml", "[run]\nslotz = 3\n");
    env.ready();
    let ended = env.ppe(&["run", "plan", "--yes"]);
    ended.exits(2).says("ppe.toml:2: unknown key run.slotz: did you mean run.slots?");
    nothing_made(&env, "slotz");
}

#[test]
fn synonyms_that_agree_are_one_setting() {
    let mut env = place();
    env.ready();
    env.set("MAX_PARALLEL_TASKS", "3");
    env.set("MAX_CONCURRENT_TASKS", "3");
    env.ppe(&["run", "plan", "--yes"]).exits(0);
    assert_eq!(env.state().policy.slots, 3);
}

#[test]
fn further_attempts_are_as_many_as_allowed() {
    for allowed in [0, 1] {
        let mut env = place();
        env.script("[[task]]\nid = \"T-001\"\nfail_attempts = 9\n");
        env.ready();
        env.set("MAX_TASK_RETRIES", &allowed.to_string());
        env.ppe(&["run", "plan", "--yes"]).exits(10);
        let attempts = env.count(|event| matches!(event, Event::AttemptStarted { .. }));
        assert_eq!(attempts, 1 + allowed, "MAX_TASK_RETRIES={allowed}");
    }
}

#[test]
fn without_pull_requests_a_run_stops_at_branches() {
    let mut env = place();
    env.ready();
    env.set("AUTO_CREATE_PR", "false");
    let before = env.git(&["rev-parse", "main"]);
    env.ppe(&["run", "plan", "--yes"]);
    assert_eq!(env.git(&["rev-parse", "main"]), before, "the target stays");
    let branches = env.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/feat"]);
    assert_eq!(branches.trim(), "feat/T-001-first-task");
    assert_eq!(env.count(|event| matches!(event, Event::ChangeOpened { .. })), 0);
    env.finish();
}
