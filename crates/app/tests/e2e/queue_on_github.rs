//! Whole runs where GitHub's merge queue merges, or GitHub by itself once it may.

use crate::github::{
    github_place, green_landings, loses_every_answer, merges_only, one_merged_pull_each, queues_only, ready,
};
use crate::{attempts, is_landed};
use ppe_core::event::Event;
use ppe_testkit::env::TestEnv;
use ppe_testkit::github::GitHub;
use serde_json::json;

/// A place whose target takes changes by its merge queue alone, with CI on what that would merge.
fn queue_place() -> (TestEnv, GitHub) {
    let (mut env, hub) = github_place();
    for (task, title) in [("T-001", "One"), ("T-002", "Two"), ("T-003", "Three")] {
        env.task(task, title, &[], 1);
    }
    env.script("[[task]]\nid = \"T-002\"\nbreak_check_attempts = 1\n");
    ready(&mut env, &hub);
    queues_only(&hub);
    hub.rules(&json!({"on_pulls": false, "required": []}));
    (env, hub)
}

/// Demands that each task's change was merged once, and the target is green at every landing.
fn merged_once_each(env: &TestEnv, hub: &GitHub, since: &str) {
    one_merged_pull_each(env, &hub.told());
    assert_eq!(green_landings(env, hub, since), 3);
    hub.is_content();
}

#[test]
fn a_plan_goes_through_the_merge_queue_and_what_that_throws_out_is_repaired() {
    let (env, hub) = queue_place();
    let since = env.git(&["rev-parse", "main"]).trim().to_owned();
    loses_every_answer(&hub);
    env.ppe(&["doctor", "--merge-strategy", "batch"])
        .exits(4)
        .says("merge.strategy = \"batch\" lands several changes at once");
    env.ppe(&["doctor"]).exits(0).says("GitHub's merge queue merges what lands on main");
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!((attempts(&env, "T-001"), attempts(&env, "T-002")), (1, 2));
    let returned = env.until_event("it went back", |e| matches!(e, Event::ChangeReturned { .. }));
    let Event::ChangeReturned { failure, .. } = returned else { unreachable!("it was asked for") };
    assert!(failure.summary.ends_with("in GitHub's merge queue"), "{failure:?}");
    assert!(failure.detail.contains("build on "), "{failure:?}");
    merged_once_each(&env, &hub, &since);
    assert_eq!(env.status()["guarantee"].as_str(), Some("forge-serialised"));
    env.ppe(&["audit"]).exits(0);
    env.finish();
}

#[test]
fn a_killed_run_finds_what_it_has_put_into_the_queue() {
    for point in ["queue.before_call", "queue.after_call"] {
        let (env, hub) = queue_place();
        let since = env.git(&["rev-parse", "main"]).trim().to_owned();
        let killed = format!("crash:{point}");
        let end = env.command(&["run", "--yes"]).env("PPE_FAILPOINT", killed).output().unwrap();
        assert_eq!(end.status.code(), None, "it is killed at {point}");
        env.ppe(&["resume", "--yes"]).exits(0);
        merged_once_each(&env, &hub, &since);
        env.finish();
    }
}

#[test]
fn github_merges_by_itself_when_a_review_comes_late() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    env.set("PPE_FORGE_AUTO_MERGE", "true");
    ready(&mut env, &hub);
    merges_only(&hub);
    hub.rules(&json!({"writers": ["ursula"], "approvals": 1, "auto_merge": true}));
    let run = env.spawn(&["run", "--yes"]);
    env.until("GitHub is to merge by itself", || {
        hub.told().pulls.first().and_then(|pull| pull.auto_merge.clone())
    });
    hub.person(1, &json!({"review": {"user": "ursula", "state": "APPROVED"}}));
    run.wait().exits(0);
    assert!(is_landed(&env, "T-001"));
    let merges =
        hub.told().requests.into_iter().filter(|r| r.method == "PUT" && r.path.ends_with("/merge-async"));
    assert_eq!(merges.count(), 1, "it is not tried again and again");
    hub.is_content();
    env.ppe(&["audit"]).exits(0);
    env.finish();
}

#[test]
fn what_a_run_that_was_killed_left_on_github_goes_with_the_next() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    ready(&mut env, &hub);
    env.ppe(&["run", "--yes", "--only", "T-001"]).exits(0);
    let over = env.status()["run"].as_str().unwrap().to_owned();
    let commit = env.git(&["rev-parse", "main"]).trim().to_owned();
    for run in [over.as_str(), "20200101-000000-beef"] {
        env.git(&["update-ref", &format!("refs/ppe/run/{run}/lane/c9"), &commit]);
        let branch = format!("main:refs/heads/ppe/lane/{run}/c9");
        env.git(&["push", "-q", hub.git_dir.to_str().unwrap(), &branch]);
    }
    env.ppe(&["run", "--yes", "--only", "T-002"]).exits(0);
    let left = env.git(&["ls-remote", hub.git_dir.to_str().unwrap(), "refs/heads/ppe/lane/*"]);
    assert!(!left.contains(&over) && left.contains("20200101-000000-beef"), "{left}");
    assert_eq!(env.git(&["for-each-ref", &format!("refs/ppe/run/{over}/lane")]), "");
    hub.is_content();
    env.finish();
}
