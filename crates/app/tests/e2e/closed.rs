//! Changes that a person closes, or takes the branch of: each is a question about its own task, and the others go on.

use crate::github::{github_place, ready};
use crate::{hold_landing, id, is_held, is_landed, on_target, open_gate, place};
use ppe_core::event::Event;
use ppe_core::question::Ask;
use ppe_core::state::{Closure, Hold, Step};
use ppe_testkit::env::TestEnv;
use ppe_testkit::github::{GitHub, Pull};
use serde_json::json;

/// The pull requests of a task, the oldest first.
fn pulls_of(hub: &GitHub, task: &str) -> Vec<Pull> {
    let branch = format!("feat/{task}-");
    hub.told().pulls.into_iter().filter(|pull| pull.head.starts_with(&branch)).collect()
}

/// Answers the question about a task's closed pull request.
fn answer(env: &TestEnv, task: &str, answer: &str) {
    let asks = |ask: &Ask| matches!(ask, Ask::ChangeClosed { task: t } if *t == id(task));
    let asked =
        env.until_event("it is asked", |e| matches!(e, Event::QuestionAsked { ask, .. } if asks(ask)));
    let Event::QuestionAsked { question, .. } = asked else { unreachable!("it was asked for") };
    env.ppe(&["answer", &question.to_string(), answer]).exits(0);
}

#[test]
fn what_is_closed_is_asked_about_and_neither_lands_nor_changes_another() {
    let (mut env, hub) = github_place();
    // Nothing lands as long as CI does not end.
    hub.rules(&json!({"checks": [{"name": "build", "steps": [[0, "queued", null]]}]}));
    let tasks = ["T-001", "T-002", "T-003", "T-004"];
    for (task, title) in tasks.into_iter().zip(["One", "Two", "Three", "Four"]) {
        env.task(task, title, &[], 1);
    }
    ready(&mut env, &hub);
    let run = env.spawn(&["run", "--yes"]);
    env.until("all are open", || tasks.iter().all(|task| pulls_of(&hub, task).len() == 1).then_some(()));
    let untouched = pulls_of(&hub, "T-004").remove(0);
    for task in ["T-001", "T-003"] {
        hub.person(pulls_of(&hub, task)[0].number, &json!({"state": "closed"}));
    }
    let branch = format!("refs/heads/{}", pulls_of(&hub, "T-002")[0].head);
    env.git_in(&hub.git_dir, &["update-ref", "-d", &branch]);
    let pull = pulls_of(&hub, "T-004").remove(0);
    assert_eq!(
        (pull.state.as_str(), &pull.base, &pull.sha, &pull.body, &pull.labels),
        ("open", &untouched.base, &untouched.sha, &untouched.body, &untouched.labels)
    );
    hub.rules(&json!({"checks": [{"name": "build", "steps": [[0, "completed", "success"]]}]}));

    run.wait().exits(10);
    let landed: Vec<_> = tasks.into_iter().filter(|task| is_landed(&env, task)).collect();
    assert_eq!(landed, ["T-004"]);
    for (task, said) in [("T-001", "yes"), ("T-002", "retry"), ("T-003", "hold")] {
        answer(&env, task, said);
    }
    env.ppe(&["resume", "--yes"]).exits(10);
    assert!(is_landed(&env, "T-002"));
    assert_eq!(env.state().task(&id("T-001")).unwrap().step, Step::Closed(Closure::Cancelled));
    assert!(is_held(&env, "T-003", Hold::NeedsReview));
    let stand = |task: &str| {
        let pulls = pulls_of(&hub, task);
        pulls.iter().map(|pull| (pull.state.clone(), pull.merged.is_some())).collect::<Vec<_>>()
    };
    let (closed, merged) = (("closed".to_owned(), false), ("closed".to_owned(), true));
    assert_eq!(stand("T-001"), std::slice::from_ref(&closed));
    assert_eq!(stand("T-002"), [closed.clone(), merged.clone()], "opened again as another");
    assert_eq!(stand("T-003"), [closed]);
    assert_eq!(stand("T-004"), [merged]);
    let log = env.git(&["log", "--format=%(trailers:key=Ppe-Task,valueonly)", "main"]);
    assert!(!log.contains("T-001") && !log.contains("T-003"), "{log}");
    hub.is_content();
    env.finish();
}

#[test]
fn who_deletes_a_branch_is_asked_and_may_have_its_work_land_after_all() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    // Whichever is first.
    hold_landing(&env, "*/part_1.txt");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    let branches = ["feat/T-001-one", "feat/T-002-two"];
    let opened = || env.count(|e| matches!(e, Event::ChangeOpened { .. }));
    env.until("both are open", || (opened() == 2).then_some(()));
    env.git(&[&["branch", "-D"][..], &branches].concat());
    open_gate(&env);
    run.wait().exits(10);
    assert!(!is_landed(&env, "T-001") && !is_landed(&env, "T-002"));
    for (task, said) in [("T-001", "yes"), ("T-002", "retry")] {
        answer(&env, task, said);
    }
    env.ppe(&["resume", "--yes"]).exits(10);
    assert_eq!(env.state().task(&id("T-001")).unwrap().step, Step::Closed(Closure::Cancelled));
    on_target(&env, &["feat(two): part 1"]);
    env.finish();
}
