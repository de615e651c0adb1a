//! The target: checked out, moved by others, red.

use crate::{CHECK, hold_landing, id, landed, on_target, open_gate, place, until_landed};
use ppe_core::event::{Drop, Event};
use std::fs;

#[test]
fn a_checked_out_target_moves_with_each_landing() {
    let mut env = place();
    env.git(&["checkout", "-q", "main"]);
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(env.git(&["rev-parse", "HEAD"]).trim(), landed(&env, "T-002"));
    assert_eq!(env.git(&["status", "--porcelain"]), "", "the checkout is not at the landed tip");
    assert!(env.repo().join("two/part_1.txt").exists());
    assert_eq!(env.git(&["symbolic-ref", "HEAD"]).trim(), "refs/heads/main");
    env.until_alone();
}

#[test]
fn a_dirty_file_in_the_way_holds_the_lane_alone_until_it_is_gone() {
    let mut env = place();
    env.git(&["checkout", "-q", "main"]);
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.ready();
    env.write("one/part_1.txt", "mine\n");
    let run = env.spawn(&["run", "--yes"]);
    env.until_event("it is landing", |e| matches!(e, Event::LandingStarted { .. }));
    let why = env.until("the lane waits and names the file", || {
        let status = env.status()["waiting"].to_string();
        status.contains("one/part_1.txt").then_some(status)
    });
    assert!(!why.is_empty());
    // The other one's work goes on meanwhile.
    env.until_event(
        "the other one is verified",
        |e| matches!(e, Event::AttemptSucceeded { task, .. } if *task == id("T-002")),
    );
    assert_eq!(fs::read_to_string(env.repo().join("one/part_1.txt")).unwrap(), "mine\n");
    fs::remove_file(env.repo().join("one/part_1.txt")).unwrap();
    run.wait().exits(0);
    on_target(&env, &["feat(one): part 1", "feat(two): part 1"]);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_target_that_moves_during_a_check_is_built_on_anew() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    hold_landing(&env, "one/part_1.txt");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until_event("the check has begun", |e| matches!(e, Event::CandidateBuilt { .. }));
    let tree = env.git(&["rev-parse", "main^{tree}"]);
    let theirs = env.git(&["commit-tree", "-p", "main", "-m", "by others", tree.trim()]);
    env.git(&["update-ref", "refs/heads/main", theirs.trim()]);
    open_gate(&env);
    run.wait().exits(0);
    assert!(env.count(|e| matches!(e, Event::CandidateDropped { why: Drop::BaseMoved, .. })) >= 1);
    on_target(&env, &["by others", "feat(one): part 1"]);
    assert_eq!(env.git(&["rev-parse", "main^1"]).trim(), theirs.trim());
    env.finish();
}

#[test]
fn a_red_target_is_refused_with_what_the_command_said() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.add_config("[[check]]\nname = \"ci\"\nrun = \"echo the roof is on fire; false\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(4).says("the roof is on fire").says("make the target green first");
    assert!(env.log().is_empty(), "the run began");
    assert_eq!(env.git(&["for-each-ref", "refs/heads/feat"]), "");
    env.finish();
}

#[test]
fn a_green_check_lands_what_it_saw() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.add_config(CHECK);
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_landed(&env, "T-001");
    run.wait().exits(0);
    let built = env.until_event("a candidate", |e| matches!(e, Event::CandidateBuilt { .. }));
    let Event::CandidateBuilt { built, .. } = built else { unreachable!() };
    let tree = env.git(&["rev-parse", &format!("{}^{{tree}}", landed(&env, "T-001"))]);
    assert_eq!(tree.trim(), built.tree.as_str());
    env.finish();
}
