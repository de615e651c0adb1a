//! The real binary from end to end, in hermetic places, with scripted agents at speed.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

mod agents;
mod approval;
mod asking;
mod attribution;
mod audit;
mod board;
mod checkout;
mod closed;
mod conformance;
mod example;
mod failures;
mod gate;
mod github;
mod init;
mod lane;
mod looks;
mod mcp;
mod mcp_client;
mod native;
mod operator;
mod partial;
mod pauses;
mod plan_on_github;
mod prompt;
mod queue_on_github;
mod review;
mod reviews_on_github;
mod secrets;
mod sources;
mod stack;
mod upstream;
mod words;

use ppe_core::event::Event;
use ppe_core::ids::TaskId;
use ppe_core::state::{Closure, Hold, Step};
use ppe_testkit::env::TestEnv;
use std::fs;

/// A place for the binary under test.
fn place() -> TestEnv {
    TestEnv::new(env!("CARGO_BIN_EXE_ppe"))
}

fn id(task: &str) -> TaskId {
    TaskId::new(task)
}

/// A check that is red while a scripted agent's work is broken.
const CHECK: &str = "[[check]]\nname = \"ci\"\nrun = \"! ls ppe-script/*.broken\"\n";
/// The same as a verify command.
const VERIFY: &str = "[[verify]]\nname = \"build\"\nrun = \"! ls ppe-script/*.broken\"\n[[check]]\nname = \"ci\"\nrun = \"true\"\n";

/// A check that says nothing, so that the verify commands are not run on candidates too.
const NO_CHECK: &str = "[[check]]\nname = \"ci\"\nrun = \"true\"\n";

/// What a shell does until [`open_gate`] was called. Where that never happens, it fails in the end.
fn wait_at_gate(env: &TestEnv) -> String {
    let gate = env.at("gate").display().to_string();
    format!("n=0; until test -e '{gate}'; do n=$((n + 1)); test $n -lt 4000 || exit 1; sleep 0.05; done")
}

/// Adds a command that waits until [`open_gate`] was called, wherever a file is.
fn add_gate(env: &TestEnv, section: &str, file: &str) {
    let wait = wait_at_gate(env);
    let run = format!("if test -e {file}; then {wait}; fi");
    env.add_config(&format!("[[{section}]]\nname = \"gate\"\nrun = \"{run}\"\n"));
}

/// The task that brings this file has its slot until [`open_gate`] was called: its work is not verified before.
fn hold_work(env: &TestEnv, file: &str) {
    add_gate(env, "verify", file);
}

/// Nothing lands with this file before [`open_gate`] was called: it is in what is checked.
fn hold_landing(env: &TestEnv, file: &str) {
    add_gate(env, "check", file);
}

/// Lets pass what waits, and all that comes.
fn open_gate(env: &TestEnv) {
    fs::write(env.at("gate"), "").unwrap();
}

/// The commit that a task landed with.
#[track_caller]
fn landed(env: &TestEnv, task: &str) -> String {
    match &env.state().task(&id(task)).expect("the task").step {
        Step::Closed(Closure::Landed(commit)) => commit.as_str().to_owned(),
        other => panic!("{task} is {other:?}"),
    }
}

fn is_landed(env: &TestEnv, task: &str) -> bool {
    matches!(env.state().task(&id(task)).map(|t| &t.step), Some(Step::Closed(Closure::Landed(_))))
}

fn is_held(env: &TestEnv, task: &str, as_what: Hold) -> bool {
    matches!(env.state().task(&id(task)).map(|t| &t.step), Some(Step::Held { hold, .. }) if *hold == as_what)
}

/// Demands that the target holds exactly the subjects, once each.
#[track_caller]
fn on_target(env: &TestEnv, subjects: &[&str]) {
    let log = env.git(&["log", "--format=%s", "main"]);
    for subject in subjects {
        assert_eq!(log.lines().filter(|line| line == subject).count(), 1, "`{subject}` in:\n{log}");
    }
}

/// How many attempts a task had.
fn attempts(env: &TestEnv, task: &str) -> usize {
    env.count(|e| matches!(e, Event::AttemptStarted { task: t, .. } if *t == id(task)))
}

/// Waits until a task's agent is at work.
#[track_caller]
fn until_prepared(env: &TestEnv, task: &str) {
    env.until_event(
        "the agent is at work",
        |e| matches!(e, Event::WorkspacePrepared { task: t, .. } if *t == id(task)),
    );
}

/// Waits until a second process has taken the run up.
#[track_caller]
fn until_taken_up(env: &TestEnv) {
    let sessions = || env.count(|e| matches!(e, Event::SessionOpened { .. }));
    env.until("the run is taken up", || (sessions() == 2).then_some(()));
}

/// Waits until a task has landed.
#[track_caller]
fn until_landed(env: &TestEnv, task: &str) {
    env.until_event(
        "the task has landed",
        |e| matches!(e, Event::TaskClosed { task: t, closure: Closure::Landed(_) } if *t == id(task)),
    );
}
