//! Whole runs on GitHub: every change a pull request, CI on every candidate, and the target green at every landing.

use crate::{attempts, id, is_landed, place};
use ppe_core::event::Event;
use ppe_testkit::env::TestEnv;
use ppe_testkit::github::{GitHub, TOKEN, Told};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;

/// Everything in milliseconds.
const FORGE: &str = "[forge]\nkind = \"github\"\nwrite_spacing_ms = 0\npoll_ms = 20\nsettle_ms = 50\n";
/// Here nothing is red; CI is, while a scripted agent's work is broken.
const CHECK_HERE: &str = "[[check]]\nname = \"here\"\nrun = \"true\"\n";

/// A place whose `origin` is a GitHub with CI on candidates.
pub(crate) fn github_place() -> (TestEnv, GitHub) {
    let mut env = place();
    let hub = GitHub::start(&env.at("."));
    hub.rules(&json!({"required": ["build"], "checks": [{
        "name": "build",
        "steps": [[0, "queued", null], [60, "in_progress", null], [120, "completed", "auto"]],
        "red_when": "^ppe-script/.*\\.broken$",
    }]}));
    env.git(&["remote", "add", "origin", &hub.remote()]);
    env.set("GH_TOKEN", TOKEN);
    env.add_config(FORGE);
    env.add_config(CHECK_HERE);
    (env, hub)
}

/// CI on pull requests, and a target that takes nothing but their merges.
pub(crate) fn merges_only(hub: &GitHub) {
    hub.rules(&json!({"on": "^$", "on_pulls": true, "rule_kinds": ["pull_request"], "merge_async": 40}));
    let hook = hub.git_dir.join("hooks/pre-receive");
    let text = "#!/bin/sh\nwhile read _ _ ref; do case $ref in refs/heads/main) \
        echo 'GH013: changes must be made through a pull request' >&2; exit 1;; esac; done\n";
    std::fs::write(&hook, text).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// The same, by a merge queue that has CI judge what it would merge.
pub(crate) fn queues_only(hub: &GitHub) {
    merges_only(hub);
    hub.rules(&json!({"rule_kinds": ["merge_queue"], "on_groups": true}));
}

/// Every answer to a change of anything there is lost.
pub(crate) fn loses_every_answer(hub: &GitHub) {
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        hub.fault(&json!({"path": "^/repos/", "method": method, "times": 100_000, "lost": true}));
    }
    hub.fault(&json!({"path": "/git-receive-pack$", "times": 100_000, "lost": true}));
}

/// Puts the target on GitHub.
pub(crate) fn ready(env: &mut TestEnv, hub: &GitHub) {
    env.ready();
    env.git(&["push", "-q", hub.git_dir.to_str().unwrap(), "main"]);
}

/// Demands that the target is the same here and there, and that its check is green on every landing.
fn green_at_every_landing(env: &TestEnv, hub: &GitHub, since: &str, landings: usize) {
    assert_eq!(green_landings(env, hub, since), landings);
}

/// How often the target moved. Demands the same target here and there, and that its check is green on every landing.
pub(crate) fn green_landings(env: &TestEnv, hub: &GitHub, since: &str) -> usize {
    assert_eq!(hub.tip("main").as_deref(), Some(env.git(&["rev-parse", "main"]).trim()));
    let log = env.git(&["log", "--first-parent", "--format=%H", &format!("{since}..main")]);
    for commit in log.lines() {
        let tree = env.at("checked");
        env.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), commit]);
        let broken = std::fs::read_dir(tree.join("ppe-script")).into_iter().flatten().flatten();
        let broken: Vec<_> = broken.filter(|e| e.path().extension().is_some_and(|x| x == "broken")).collect();
        env.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
        assert!(broken.is_empty(), "{commit} is red: {broken:?}");
    }
    log.lines().count()
}

/// Demands one merged pull request a task.
pub(crate) fn one_merged_pull_each(env: &TestEnv, told: &Told) {
    let plan = &env.state().plan;
    let titles: BTreeSet<_> = told.pulls.iter().map(|pull| pull.title.clone()).collect();
    let wanted = plan.tasks.iter().map(|task| format!("[{}] {}", task.spec.id.value, task.spec.title));
    assert_eq!(titles, wanted.collect());
    let heads: BTreeSet<_> = told.pulls.iter().map(|pull| pull.head.as_str()).collect();
    let tasks = plan.tasks.len();
    assert_eq!((told.pulls.len(), heads.len()), (tasks, tasks), "no pull request is made twice");
    for pull in &told.pulls {
        assert!(pull.merged.is_some(), "{pull:?}");
        let body = pull.body.as_deref().unwrap_or_default();
        assert!(body.contains(" Planned in `") && body.contains("\n- Commits: "), "{body}");
    }
}

#[test]
fn six_tasks_land_on_github_and_ci_sends_the_broken_one_back() {
    let (mut env, hub) = github_place();
    for (task, title, needs) in [
        ("T-001", "One", &[][..]),
        ("T-002", "Two", &[]),
        ("T-003", "Three", &["T-001"]),
        ("T-004", "Four", &["T-001", "T-002"]),
        ("T-005", "Five", &[]),
        ("T-006", "Six", &["T-005"]),
    ] {
        env.task(task, title, needs, 2);
    }
    env.script("[[task]]\nid = \"T-002\"\nbreak_check_attempts = 1\n");
    ready(&mut env, &hub);
    let since = env.git(&["rev-parse", "main"]).trim().to_owned();
    hub.fault(&json!({"path": "/pulls$", "method": "POST", "times": 6, "lost": true}));

    env.ppe(&["doctor"]).exits(0).says("token from GH_TOKEN").says("on each candidate: build");
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!((attempts(&env, "T-002"), attempts(&env, "T-001")), (2, 1));
    let told = hub.told();
    one_merged_pull_each(&env, &told);
    green_at_every_landing(&env, &hub, &since, 6);
    let comment = told.comments.iter().find(|comment| comment.body.contains("CI: build (failure"));
    assert!(comment.is_none(), "a later green has taken its place: {:?}", told.comments);
    assert_eq!(told.comments.len(), 1);
    let returned = env.until_event("it went back", |e| matches!(e, Event::ChangeReturned { .. }));
    let Event::ChangeReturned { failure, .. } = returned else { unreachable!("it was asked for") };
    assert!(
        failure.summary.starts_with("CI: build (failure") && failure.detail.contains("build on "),
        "{failure:?}"
    );
    let shown = env.status();
    assert_eq!((shown["forge"].as_str(), shown["guarantee"].as_str()), (Some("github"), Some("exact")));
    let left = env.git(&["ls-remote", hub.git_dir.to_str().unwrap(), "refs/heads/ppe/lane/*"]);
    assert_eq!(left, "", "not even of the candidate that was red");
    assert_eq!(env.git(&["for-each-ref", "refs/ppe/remote"]), "");
    hub.is_content();
    assert!(!holds(&env.at("state"), TOKEN), "the token is in a file");
    env.finish();
}

/// Whether a file below a folder holds a text.
fn holds(dir: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(dir).into_iter().flatten().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            return holds(&path, text);
        }
        std::fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    })
}

#[test]
fn what_github_lacks_is_said_before_a_start() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    ready(&mut env, &hub);
    env.set("GH_TOKEN", "");
    env.ppe(&["run", "--yes"])
        .exits(4)
        .says("there is no token for 127.0.0.1:")
        .says("forge.token_file, GH_TOKEN");
    std::fs::write(env.at("token"), "ghp_Wrong\n").unwrap();
    let file = env.at("token").display().to_string();
    env.ppe(&["doctor", "--token-file", &file]).exits(4).says("GitHub does not accept the token: renew it");
    env.git(&["remote", "remove", "origin"]);
    env.ppe(&["run", "--yes"]).exits(4).says("there is no remote origin").says("git remote add");
    env.git(&["remote", "add", "origin", &hub.remote()]);
    env.set("PPE_FORGE_WEBHOOK", "127.0.0.1:0");
    env.ppe(&["doctor", "--token-file", &file]).exits(4).says("needs a secret in PPE_WEBHOOK_SECRET");
    env.set("PPE_FORGE_WEBHOOK", "");
    env.set("PPE_FORGE_CA_FILE", "nothing.pem");
    env.ppe(&["doctor", "--token-file", &file]).exits(4).says("nothing.pem cannot be read");
    env.set("PPE_FORGE_CA_FILE", "");

    std::fs::write(env.at("token"), TOKEN).unwrap();
    env.script("[defaults]\nhang_attempts = true\nafter_commits = 0\n");
    let run = env.spawn(&["run", "--yes", "--token-file", &file]);
    crate::until_prepared(&env, "T-001");
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.set("PPE_FORGE_KIND", "local");
    env.ppe(&["resume", "--yes"]).exits(4).says("the run's changes are on github 127.0.0.1:");
    env.set("PPE_FORGE_KIND", "github");
    env.script("");
    env.ppe(&["resume", "--yes", "--token-file", &file]).exits(0);
    assert!(is_landed(&env, "T-001"));
    hub.is_content();
    env.finish();
}

#[test]
fn a_push_of_a_person_to_a_change_that_is_held_is_taken_up() {
    let (mut env, hub) = github_place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nalways_broken = true\n[[task]]\nid = \"T-002\"\nhang_attempts = true\nafter_commits = 0\n");
    ready(&mut env, &hub);
    let run = env.spawn(&["run", "--yes"]);
    env.until_event("it is held", |e| {
        matches!(e, Event::ChangeReturned { task, after: ppe_core::event::After::Hold(_), .. } if *task == id("T-001"))
    });
    env.until("its label is there", || {
        hub.told().pulls[0].labels.contains(&"needs-review".to_owned()).then_some(())
    });
    env.ppe(&["audit"]).exits(0);
    let hub_dir = hub.git_dir.to_str().unwrap();
    let tree = env.at("mend");
    env.git(&["clone", "-q", "-b", "feat/T-001-one", hub_dir, tree.to_str().unwrap()]);
    std::fs::remove_file(tree.join("ppe-script/T-001.broken")).unwrap();
    let who = ["-c", "user.name=P", "-c", "user.email=p@example.org"];
    env.git_in(&tree, &[&who[..], &["commit", "-qam", "fix: by hand"]].concat());
    env.git_in(&tree, &["push", "-q"]);
    env.until("it has landed", || is_landed(&env, "T-001").then_some(()));
    let by_hand = env.git_in(&tree, &["rev-parse", "HEAD"]);
    assert!(env.git_agrees(&["merge-base", "--is-ancestor", by_hand.trim(), "main"]));
    let labels = hub.told().pulls.remove(0).labels;
    assert!(!labels.contains(&"needs-review".to_owned()), "it needed nobody any more: {labels:?}");
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    hub.is_content();
    env.finish();
}

#[test]
fn where_only_pull_requests_may_land_github_merges_them() {
    let (mut env, hub) = github_place();
    for (task, title, needs) in [
        ("T-001", "One", &[][..]),
        ("T-002", "Two", &[]),
        ("T-003", "Three", &["T-001"]),
        ("T-004", "Four", &["T-001", "T-002"]),
        ("T-005", "Five", &[]),
        ("T-006", "Six", &["T-005"]),
    ] {
        env.task(task, title, needs, 2);
    }
    env.script("[[task]]\nid = \"T-002\"\nbreak_check_attempts = 1\n");
    ready(&mut env, &hub);
    merges_only(&hub);
    let since = env.git(&["rev-parse", "main"]).trim().to_owned();
    hub.fault(&json!({"path": "/merge-async$", "method": "PUT", "times": 3, "lost": true}));

    for strategy in ["batch", "speculative"] {
        env.ppe(&["doctor", "--merge-strategy", strategy])
            .exits(4)
            .says(&format!("merge.strategy = \"{strategy}\" lands several changes at once"))
            .says("merge.strategy = \"independent\" or \"priority\"");
    }
    env.ppe(&["run", "--yes"])
        .exits(0)
        .says("GitHub merges what lands: main takes changes only by pull request");
    assert_eq!((attempts(&env, "T-002"), attempts(&env, "T-001")), (2, 1));
    one_merged_pull_each(&env, &hub.told());
    green_at_every_landing(&env, &hub, &since, 6);
    let shown = env.status();
    assert_eq!(shown["guarantee"].as_str(), Some("detected-afterwards"));
    assert!(
        hub.told().comments.iter().all(|comment| !comment.body.contains("❌")),
        "{:?}",
        hub.told().comments
    );
    hub.is_content();
    env.ppe(&["audit"]).exits(0);
    env.finish();
}

#[test]
fn a_killed_run_finds_what_github_has_merged_and_pushed() {
    for point in ["update.before_push", "update.after_push", "merge.before_call", "merge.after_call"] {
        let (mut env, hub) = github_place();
        env.task("T-001", "One", &[], 1);
        env.task("T-002", "Two", &[], 1);
        ready(&mut env, &hub);
        merges_only(&hub);
        let since = env.git(&["rev-parse", "main"]).trim().to_owned();
        let killed = format!("crash:{point}");
        let end = env.command(&["run", "--yes"]).env("PPE_FAILPOINT", killed).output().unwrap();
        assert_eq!(end.status.code(), None, "it is killed at {point}");
        env.ppe(&["resume", "--yes"]).exits(0);
        one_merged_pull_each(&env, &hub.told());
        green_at_every_landing(&env, &hub, &since, 2);
        hub.is_content();
        env.finish();
    }
}

#[test]
fn issues_with_a_label_are_a_plan() {
    let (mut env, hub) = github_place();
    let config = fs::read_to_string(env.repo().join("ppe.toml")).unwrap();
    env.write("ppe.toml", &config.replace("[plan]\npath = \"plan\"\n", ""));
    hub.rules(&json!({"issues": [
        {"number": 11, "title": "Say hello", "labels": ["agents"], "blocked_by": [12]},
        {"number": 12, "title": "T-001: Make a world", "labels": ["agents"], "body": "Two commits.\n\nCommits: 2"},
        {"number": 13, "title": "By anybody", "body": "Delete all."},
    ]}));
    ready(&mut env, &hub);
    env.ppe(&["run", "--yes", "--from", "github"]).exits(2).says("which issues are the plan is not said");
    env.ppe(&["run", "--yes", "--from", "github", "--tag", "nobody"])
        .exits(3)
        .says("no issue has the label `nobody`");
    env.ppe(&["run", "--yes", "--from", "github", "--tag", "agents"]).exits(0).says("T-001").says("11");
    let told = hub.told();
    let titles: Vec<&str> = told.pulls.iter().map(|pull| pull.title.as_str()).collect();
    assert_eq!(titles, ["[T-001] Make a world", "[11] Say hello"]);
    one_merged_pull_each(&env, &told);
    hub.is_content();
    env.finish();
}
