//! What people do with pull requests on GitHub: reviews that go to the agent, approvals, and merges that are theirs alone.

use crate::github::{github_place, merges_only, ready};
use crate::{attempts, id, is_landed};
use ppe_core::event::Event;
use ppe_core::state::Closure;
use serde_json::json;

#[test]
fn a_review_that_requests_changes_goes_to_the_agent_and_an_approval_lets_it_land() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    env.set("PPE_FORGE_REVIEW_COMMENTS", "true");
    env.set("PPE_FORGE_REVIEWERS", "[\"ursula\"]");
    ready(&mut env, &hub);
    merges_only(&hub);
    hub.rules(&json!({"writers": ["ursula"], "approvals": 1}));
    env.ppe(&["doctor"])
        .exits(0)
        .says("main wants 1 approving review of each change, which octocat cannot give");
    let run = env.spawn(&["run", "--yes"]);
    let waits = env.until_event("it waits for an approval", |e| matches!(e, Event::IntentDeferred { .. }));
    let Event::IntentDeferred { why, .. } = waits else { unreachable!("it was asked for") };
    assert!(why.contains("At least 1 approving review is required"), "{why}");
    assert_eq!(hub.told().pulls[0].reviewers, ["ursula"]);

    let review = |state: &str| {
        hub.person(1, &json!({"review": {"user": "ursula", "state": state, "body": "Mind the gap."}}));
    };
    review("CHANGES_REQUESTED");
    env.until("its agent was at it again", || (attempts(&env, "T-001") == 2).then_some(()));
    let told = env.until_event("it was told", |e| matches!(e, Event::ChangeRejected { .. }));
    let Event::ChangeRejected { note, .. } = told else { unreachable!("it was asked for") };
    assert!(note.contains("> Mind the gap."), "{note}");
    review("APPROVED");
    run.wait().exits(0);
    assert!(is_landed(&env, "T-001"));
    assert_eq!(attempts(&env, "T-001"), 2, "each review once");
    hub.is_content();
    env.finish();
}

#[test]
fn what_too_few_have_approved_yet_holds_up_nothing_that_is_approved() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.task("T-003", "Three", &[], 1);
    env.script("[[task]]\nid = \"T-003\"\nhang_attempts = true\nafter_commits = 0\n");
    env.set("PPE_MERGE_APPROVAL", "each");
    ready(&mut env, &hub);
    merges_only(&hub);
    hub.rules(&json!({"writers": ["ursula", "otto"], "approvals": 2}));
    let approve = |title: &str, user: &str| {
        let pull = hub.told().pulls.into_iter().find(|pull| pull.title.contains(title)).expect(title);
        hub.person(pull.number, &json!({"review": {"user": user, "state": "APPROVED"}}));
    };
    let run = env.spawn(&["run", "--yes"]);
    env.until("two are there", || (hub.told().pulls.len() == 2).then_some(()));
    approve("T-001", "ursula");
    approve("T-002", "ursula");
    approve("T-002", "otto");
    env.until("one lands", || is_landed(&env, "T-002").then_some(()));
    assert!(!is_landed(&env, "T-001"), "one of two is not enough");
    approve("T-001", "otto");
    env.until("the other lands", || is_landed(&env, "T-001").then_some(()));
    let told = hub.told();
    let tries = told.requests.iter().filter(|r| r.method == "PUT" && r.path.ends_with("/merge-async"));
    assert_eq!(tries.count(), 2, "nothing is tried that GitHub refuses");
    env.ppe(&["stop", "--cancel"]).exits(0);
    run.wait();
    hub.is_content();
    env.finish();
}

#[test]
fn without_pull_requests_a_run_stops_at_branches_and_a_person_s_merge_is_seen() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.set("AUTO_CREATE_PR", "false");
    ready(&mut env, &hub);
    env.ppe(&["run", "--yes"]).exits(10);
    let branch = hub.tip("feat/T-001-one").expect("its branch is there");
    let by_others = || {
        let state = env.state();
        state.task(&id("T-001")).is_some_and(|t| matches!(t.closure(), Some(Closure::LandedByOthers(_))))
    };
    assert!(hub.told().pulls.is_empty() && !by_others());
    env.git(&["push", "-q", hub.git_dir.to_str().unwrap(), &format!("{branch}:refs/heads/main")]);
    env.ppe(&["resume", "--yes"]).exits(10);
    assert!(by_others());
    assert!(hub.tip("feat/T-002-two").is_some(), "what waited for it is done");
    assert!(hub.told().pulls.is_empty());
    hub.is_content();
    env.finish();
}
