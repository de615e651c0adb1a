//! The example plan, whole, on GitHub by every strategy, with every answer to a change lost and twenty kills on the way.
//! Each takes minutes.

use crate::example::{copy, landings};
use crate::github::{
    github_place, green_landings, loses_every_answer, merges_only, one_merged_pull_each, queues_only, ready,
};
use ppe_core::event::Event;
use ppe_testkit::env::TestEnv;
use ppe_testkit::github::GitHub;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often each run is killed.
const KILLS: u64 = 20;
/// All of them together take no longer.
const LIMIT: Duration = Duration::from_mins(20);
/// Each of them is broken at first.
const BROKEN: [&str; 4] = ["T-003", "T-010", "T-021", "T-033"];

#[test]
#[ignore = "takes minutes: make test-all"]
fn by_the_independent_strategy() {
    with_twenty_kills("independent", |_| {});
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn by_the_priority_strategy() {
    with_twenty_kills("priority", |_| {});
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn by_the_batch_strategy() {
    with_twenty_kills("batch", |_| {});
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn by_the_speculative_strategy() {
    with_twenty_kills("speculative", |_| {});
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn merged_by_github_by_the_independent_strategy() {
    with_twenty_kills("independent", merges_only);
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn merged_by_github_by_the_priority_strategy() {
    with_twenty_kills("priority", merges_only);
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn through_the_merge_queue() {
    with_twenty_kills("independent", queues_only);
}

/// Runs the plan by a strategy, on a GitHub that the caller has made its own.
fn with_twenty_kills(strategy: &str, prepare: fn(&GitHub)) {
    let (mut env, hub) = github_place();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/apigen");
    copy(&folder, &env.repo().join("plan"));
    env.set("MERGE_STRATEGY", strategy);
    let broken = BROKEN.map(|id| format!("[[task]]\nid = \"{id}\"\nbreak_check_attempts = 1\n"));
    env.script(&broken.concat());
    ready(&mut env, &hub);
    prepare(&hub);
    let since = env.git(&["rev-parse", "main"]).trim().to_owned();
    loses_every_answer(&hub);

    run_with_kills(&env);
    one_merged_pull_each(&env, &hub.told());
    assert_eq!(landings(&env).len(), 45);
    let moves = green_landings(&env, &hub, &since);
    assert!(if strategy == "batch" { moves < 45 } else { moves <= 45 }, "{moves} moves of the target");
    let returned = env.count(|e| matches!(e, Event::ChangeReturned { .. }));
    assert!(returned >= BROKEN.len(), "{returned} went back to their agents");
    hub.is_content();
    env.finish();
}

/// Runs the plan to its end, killed twenty times on the way, each time after one to three seconds.
fn run_with_kills(env: &TestEnv) {
    let begun = Instant::now();
    let mut command = &["run", "--yes"][..];
    for kill in 0..KILLS {
        let mut run = env.spawn(command);
        command = &["resume", "--yes"];
        env.until_event("it has begun", |e| matches!(e, Event::RunStarted { .. }));
        // Moments that differ, the same in each test.
        let until = Instant::now() + Duration::from_millis(800 + kill * 1_733 % 2_200);
        while Instant::now() < until {
            assert!(!run.is_over(), "it ended before kill {kill}: {}", run.printed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let mut run = env.spawn(command);
    while !run.is_over() {
        assert!(begun.elapsed() < LIMIT, "it takes too long: {}", run.printed());
        std::thread::sleep(Duration::from_millis(50));
    }
    run.wait().exits(0);
}
