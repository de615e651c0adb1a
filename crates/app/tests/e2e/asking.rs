//! Commands that only ask: they answer quickly, in words and in JSON, and change nothing.

use crate::{place, until_prepared};
use ppe_testkit::env::TestEnv;
use std::fs;
use std::time::{Duration, Instant};

fn busy() -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &["T-001"], 1);
    env.script("[[task]]\nid = \"T-001\"\nflood = 2000000\nhang_attempts = true\nafter_commits = 1\n");
    env.ready();
    env
}

#[test]
fn status_has_its_fields_and_answers_while_running() {
    let env = busy();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    let status = env.until("a commit is seen", || {
        let status = env.status();
        (status["tasks"][0]["commits"] == 1).then_some(status)
    });
    for key in ["schema", "run", "state", "slots", "tasks", "questions", "totals"] {
        assert!(!status[key].is_null(), "{key} in {status}");
    }
    assert_eq!(status["schema"], "ppe.status.v1");
    assert_eq!((&status["slots"]["busy"], &status["slots"]["total"]), (&1.into(), &7.into()));
    let rows = status["tasks"].as_array().unwrap();
    for key in [
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
        assert!(rows.iter().all(|row| row.get(key).is_some()), "{key} in {status}");
    }
    assert_eq!(rows[1]["waits_for"], serde_json::json!(["T-001"]));
    assert_eq!(rows[1]["wave"], 1);

    // Beside the time that starting any program takes here.
    let fastest = |mut look: Box<dyn FnMut() + '_>| {
        let once = |look: &mut dyn FnMut()| {
            let start = Instant::now();
            look();
            start.elapsed()
        };
        (0..5).map(|_| once(&mut look)).min().unwrap()
    };
    let git = fastest(Box::new(|| drop(env.git(&["--version"]))));
    let ours = fastest(Box::new(|| drop(env.ppe(&["status", "--json"]))));
    assert!(ours < Duration::from_millis(150) + git * 20, "status took {ours:?}, git --version {git:?}");

    env.ppe(&["status"]).exits(0).says("T-001").says("One");
    let logs = env.ppe(&["logs", "T-001"]).exits(0).stdout.clone();
    assert!(logs.contains(r#"{"report":"commit","n":1}"#), "{logs}");
    env.ppe(&["logs", "T-009"]).exits(2).says("T-009");
    env.ppe(&["logs", "T-002"]).exits(4).says("no attempt yet");
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.finish();
}

#[test]
fn logs_show_what_the_agent_printed() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nfail_attempts = 1\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    env.ppe(&["logs", "T-001", "--attempt", "1", "--stderr"]).exits(0).says("attempt 1 fails as scripted");
    let second = env.ppe(&["logs", "T-001", "--stderr"]);
    assert!(!second.exits(0).stdout.contains("fails as scripted"), "{}", second.stdout);
    env.finish();
}

#[test]
fn config_names_the_origin_of_each_value() {
    let mut env = place();
    env.ready();
    env.set("MERGE_STRATEGY", "priority");
    env.ppe(&["config"])
        .exits(0)
        .says("priority (environment: MERGE_STRATEGY)")
        .says("ppe.toml:")
        .says("(default)");
    env.ppe(&["config", "--json"]).exits(0).json();
    env.finish();
}

#[test]
fn doctor_tells_what_is_well_and_what_is_not() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.add_config("[[check]]\nname = \"ci\"\nrun = \"false\"\n");
    env.ready();
    env.ppe(&["doctor"]).exits(0).says("1 task in 1 wave").says("scripted: built in");
    env.ppe(&["doctor", "--run-checks"]).exits(4).says("target green");
    env.ppe(&["doctor", "--agent", "nobody"]).exits(4).says("nobody");
    assert!(env.runs().is_empty());
    env.finish();
}

#[test]
fn init_writes_a_file_that_our_own_commands_take() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    fs::remove_file(env.repo().join("ppe.toml")).unwrap();
    env.ready();
    env.ppe(&["init", "--print"]).exits(0).says("[repo]");
    assert!(!env.repo().join("ppe.toml").exists());
    env.ppe(&["init"]).exits(0);
    env.ppe(&["config"]).exits(0).says("ppe.toml:");
    env.ppe(&["doctor", "--agent", "scripted"]).exits(0).says("2 tasks");
    let again = env.ppe(&["init"]);
    assert_ne!(again.code, 0, "it wrote over the file");
}

#[test]
fn the_notify_command_gets_lines_of_json() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nclaim = \"no-change\"\n");
    let file = env.at("notices");
    env.add_config(&format!("[notify]\ncommand = [\"/bin/sh\", \"-c\", \"cat >> {}\"]\n", file.display()));
    env.ready();
    // However slow it is, the last one is not lost with the process.
    env.set("PPE_FAILPOINT", "delay:notify.before_command");
    env.ppe(&["run", "--yes"]).exits(10);
    let text = env.until("a notice comes", || fs::read_to_string(&file).ok().filter(|t| t.ends_with('\n')));
    for line in text.lines() {
        let notice: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(notice["kind"].is_string() && notice["text"].is_string(), "{notice}");
    }
    assert!(text.contains("T-001"), "{text}");
    env.finish();
}
