//! An agent's keys: it sees them, and no file does.

use crate::{id, is_landed, place};
use ppe_core::state::Step;
use ppe_testkit::env::{Ended, TestEnv};
use std::fs;
use std::path::Path;

const KEY: &str = "DEMO_API_KEY";

/// One task, done by a program that writes down the key it was given.
fn keyed() -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.set("PPE_AGENT_NAME", "command");
    let seen = env.at("seen");
    env.add_config(&format!(
        "[agent.command]\nenv = [\"DEMO_*\"]\n\
         cmd = \"printf %s $DEMO_API_KEY $DEMO_PLAIN > '{}' && echo one > one.txt && git add -A && git commit -qm 'feat(one): part 1'\"",
        seen.display()
    ));
    env.set("DEMO_PLAIN", "-and-plain");
    env.ready();
    env
}

/// What the program saw.
fn seen(env: &TestEnv) -> Option<String> {
    fs::read_to_string(env.at("seen")).ok()
}

/// Files below `dir` that hold `text`.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path, text));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[track_caller]
fn nowhere(env: &TestEnv, value: &str) {
    for place in ["state", "rt", "repo", "home"] {
        assert_eq!(holding(&env.at(place), value), Vec::<String>::new(), "files that hold the key");
    }
}

/// Killed when the job's spec lies there and nothing has been started for it.
fn killed_before_its_start(env: &TestEnv) {
    let end = env.command(&["run", "--yes"]).env("PPE_FAILPOINT", "crash:job.before_spawn").output().unwrap();
    assert!(!end.status.success(), "it was not killed");
    assert_eq!(seen(env), None, "the program ran");
    let specs = holding(&env.at("state"), KEY);
    assert!(specs.iter().any(|path| path.ends_with("spec.json")), "no spec names the key: {specs:?}");
}

#[test]
fn an_agent_sees_its_key_and_no_file_holds_it() {
    let mut env = keyed();
    env.set(KEY, "s3cret-value");
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(seen(&env).as_deref(), Some("s3cret-value-and-plain"));
    nowhere(&env, "s3cret-value");
    // The search finds what is there.
    assert!(!holding(&env.at("state"), "-and-plain").is_empty());
    env.finish();
}

#[test]
fn a_job_prepared_by_another_process_gets_the_key_that_is_set_now() {
    let mut env = keyed();
    env.set(KEY, "s3cret-before");
    killed_before_its_start(&env);
    env.set(KEY, "s3cret-after");
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(seen(&env).as_deref(), Some("s3cret-after-and-plain"));
    nowhere(&env, "s3cret-");
    env.finish();
}

#[test]
fn a_key_that_is_gone_is_named_and_nothing_hangs() {
    let mut env = keyed();
    env.set(KEY, "s3cret-before");
    killed_before_its_start(&env);
    let end = env.command(&["resume", "--yes"]).env_remove(KEY).output().unwrap();
    let end = Ended {
        code: end.status.code().unwrap(),
        stdout: String::from_utf8_lossy(&end.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&end.stderr).into_owned(),
    };
    end.exits(11).says("the variable `DEMO_API_KEY` was set when this was prepared and is not set any more");
    assert_eq!(seen(&env), None, "the program ran without its key");
    assert!(matches!(
        env.state().task(&id("T-001")).unwrap().step,
        Step::Ready { .. } | Step::Backoff { .. }
    ));
    env.ppe(&["unpause"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001"));
    env.finish();
}
