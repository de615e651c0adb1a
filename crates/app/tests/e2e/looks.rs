//! Commands that look at the branches of a run and change nothing: conflicts, diff.

use crate::{id, landed, on_target, place};
use ppe_core::event::Event;
use ppe_core::ids::TaskId;
use ppe_core::state::{Conflict, Touched};
use ppe_testkit::env::{Running, TestEnv};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Two tasks whose first commits rewrite the same line, and a third that is in nobody's way. Each stops working after
/// its first commit, in its first attempt.
fn at_work() -> (TestEnv, Running) {
    at_work_with(&[])
}

fn at_work_with(settings: &[(&str, &str)]) -> (TestEnv, Running) {
    let mut env = place();
    for (name, value) in settings {
        env.set(name, value);
    }
    for (task, title) in [("T-001", "One"), ("T-002", "Two"), ("T-003", "Three")] {
        env.task(task, title, &[], 2);
    }
    env.write("shared.txt", "first\nsecond\n");
    env.script(
        "[defaults]\nhang_attempts = 1\n[[task]]\nid = \"T-001\"\ntouch = [\"shared.txt\"]\n\
         [[task]]\nid = \"T-002\"\ntouch = [\"shared.txt\"]\n",
    );
    env.set("PPE_MERGE_RADAR_S", "1");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    for task in ["T-001", "T-002", "T-003"] {
        env.until_event(
            "a commit is seen",
            |e| matches!(e, Event::Sighted { task: t, seen, .. } if *t == id(task) && seen.commits == 1),
        );
    }
    (env, run)
}

/// Whether the run has seen that the branches of the two do not merge.
fn seen_to_conflict(event: &Event) -> bool {
    let pair = |tasks: &[TaskId]| *tasks == [id("T-001"), id("T-002")];
    matches!(event, Event::BranchesSeen { conflicts, .. } if conflicts.iter().any(|c| pair(&c.tasks)))
}

/// Demands that each look at the branches that the run has recorded told something that was not known.
#[track_caller]
fn only_news(env: &TestEnv) {
    let mut known: Vec<Conflict> = Vec::new();
    let mut files_of: BTreeMap<TaskId, Vec<String>> = BTreeMap::new();
    for event in env.events() {
        let Event::BranchesSeen { conflicts, touched } = event else { continue };
        let mut is_news = conflicts != known;
        for Touched { task, files } in &touched {
            is_news |= files_of.insert(task.clone(), files.clone()).unwrap_or_default() != *files;
        }
        assert!(is_news, "told again: {conflicts:?}, {touched:?}");
        known = conflicts;
    }
}

/// What the user's repository holds besides the checkout: objects and refs.
fn held(env: &TestEnv) -> String {
    env.git(&["count-objects", "-v"]) + &env.git(&["for-each-ref"])
}

#[test]
fn branches_that_clash_are_seen_while_their_agents_work_and_said_by_status_once_measured() {
    let (env, run) = at_work();
    let before = held(&env);
    env.ppe(&["conflicts"]).exits(0).says("T-001 and T-002: shared.txt\n");
    let seen = env.ppe(&["conflicts", "--json"]).exits(0).json();
    assert_eq!(seen["schema"], "ppe.conflicts.v1");
    assert_eq!(seen["branches"].as_array().unwrap().len(), 3);
    assert!(seen["branches"].as_array().unwrap().iter().all(|branch| branch["at_work"] == true), "{seen}");
    let side = |task: &str, branch: &str| json!({"task": task, "branch": branch});
    let between = [side("T-001", "feat/T-001-one"), side("T-002", "feat/T-002-two")];
    assert_eq!(seen["pairs"], json!([{"between": between, "files": ["shared.txt"]}]));
    assert_eq!(held(&env), before, "looking left something behind");
    let pair = json!([{"tasks": ["T-001", "T-002"], "files": ["shared.txt"], "file_count": 1}]);
    env.until_event("the run has seen it by itself", seen_to_conflict);
    assert_eq!(env.status()["conflicts"], pair);
    env.ppe(&["status"]).exits(0).says("T-001 and T-002 conflict in 1 file: `ppe conflicts`");

    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.ppe(&["status"]).exits(0).says("T-001 and T-002 conflict in 1 file: `ppe conflicts`");
    assert_eq!(env.status()["conflicts"], pair);

    env.ppe(&["resume", "--yes"]).exits(0);
    env.ppe(&["conflicts"]).exits(0).says("no task that is not over has work yet");
    assert!(!env.ppe(&["status"]).all().contains("conflict in"));
    only_news(&env);
    env.finish();
}

#[test]
fn a_branch_that_clashes_with_the_target_is_named_with_it() {
    let (env, run) = at_work();
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.write("shared.txt", "theirs\nsecond\n");
    env.commit("theirs");
    env.git(&["branch", "-f", "main", "HEAD"]);
    let said = env.ppe(&["conflicts"]).exits(0).stdout.clone();
    let expected =
        ["T-001 and T-002: shared.txt", "T-001 and main: shared.txt", "T-002 and main: shared.txt"];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    env.ppe(&["status"]).exits(0).says("T-001 and T-002 conflict in 1 file, and 2 more pairs");
}

#[test]
fn a_lower_change_lets_a_higher_one_pass_only_where_the_two_do_not_merge() {
    let (env, run) = at_work_with(&[("MERGE_STRATEGY", "priority")]);
    env.ppe(&["priority", "T-002", "high"]).exits(0);
    env.until_event("the run has seen it", seen_to_conflict);
    for low in ["T-001", "T-003"] {
        env.ppe(&["retry", low]).exits(0);
    }
    env.until_event(
        "the one that is in nobody's way has landed",
        |e| matches!(e, Event::TaskClosed { task, .. } if *task == id("T-003")),
    );
    env.until_event(
        "the other one's change waits",
        |e| matches!(e, Event::TaskQueued { task } if *task == id("T-001")),
    );
    env.ppe(&["status"]).exits(0).says("created, lets T-002 pass, with which it does not merge");
    env.ppe(&["retry", "T-002"]).exits(0);
    run.wait().exits(0);
    let chosen = env.events().into_iter().filter_map(|event| match event {
        Event::CandidateChosen { members, .. } => Some(members),
        _ => None,
    });
    let order: Vec<String> = chosen.flatten().map(|task| task.to_string()).collect();
    assert_eq!(order[..2], ["T-003", "T-002"], "{order:?}");
    assert_eq!(order.last().map(String::as_str), Some("T-001"));
    env.finish();
}

#[test]
fn a_change_is_shown_while_it_is_made_and_after_it_has_landed() {
    let (env, run) = at_work();
    let workspace = env.run_folder().join("workspaces/T-003");
    fs::write(workspace.join("evil\u{202e}.txt"), "a\tb \u{1b}[2J \u{202e}c\n").unwrap();
    env.git_in(&workspace, &["add", "-A"]);
    env.git_in(&workspace, &["commit", "-qm", "feat: \u{202e}more"]);
    let before = held(&env);
    let short = env.ppe(&["diff", "T-003"]);
    short.exits(0).says("T-003 is being worked at: this is what is committed so far");
    short.says("T-003 Three\n  feat/T-003-three at ").says("  2 commits, 2 files, +");
    short.says(" feat(three): part 1\n").says(" feat: \\u{202e}more\n");
    env.ppe(&["diff", "T-003", "--stat"])
        .exits(0)
        .says("    evil\\u{202e}.txt +1 -0\n")
        .says("    three/part_1.txt +");
    let patch = env.ppe(&["diff", "T-003", "--patch"]);
    patch
        .exits(0)
        .says("+a\tb \\u{1b}[2J \\u{202e}c\n")
        .says("diff --git a/three/part_1.txt b/three/part_1.txt\n");
    assert!(!patch.all().contains(['\u{202e}', '\u{1b}']));
    assert_eq!(held(&env), before, "looking left something behind");

    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.ppe(&["resume", "--yes"]).exits(0);
    on_target(&env, &["feat(one): part 2", "feat(two): part 2", "feat(three): part 2"]);
    for (task, title) in [("T-001", "one"), ("T-002", "two")] {
        let seen = env.ppe(&["diff", task, "--json"]).exits(0).json();
        assert_eq!((&seen["schema"], &seen["at_work"]), (&json!("ppe.diff.v1"), &json!(false)));
        let mut files: Vec<_> =
            seen["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        files.sort_unstable();
        let parts = [1, 2].map(|n| format!("{title}/part_{n}.txt"));
        let mut wanted = vec!["shared.txt", &parts[0], &parts[1]];
        wanted.sort_unstable();
        assert_eq!(files, wanted);
        let base =
            env.git(&["merge-base", &format!("{}^1", landed(&env, task)), seen["tip"].as_str().unwrap()]);
        assert_eq!(seen["base"], base.trim());
    }
    env.finish();
}

#[test]
fn nothing_that_a_workspace_names_is_run_and_what_it_hides_is_said() {
    let (env, run) = at_work();
    let (workspace, trap) = (env.run_folder().join("workspaces/T-003"), env.at("trap"));
    let program = env.at("planted");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", trap.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(workspace.join(".gitattributes"), "* filter=p diff=p merge=p\n").unwrap();
    env.git_in(&workspace, &["add", "-A"]);
    env.git_in(&workspace, &["commit", "-qm", "feat: a trap"]);
    let planted = program.display();
    let config = format!(
        "[core]\n\tfsmonitor = {planted}\n\tpager = {planted}\n[uploadpack]\n\tpackObjectsHook = {planted}\n\
         [diff]\n\texternal = {planted}\n[diff \"p\"]\n\ttextconv = {planted}\n\tcommand = {planted}\n\
         [filter \"p\"]\n\tclean = {planted}\n\tsmudge = {planted}\n[merge \"p\"]\n\tdriver = {planted}\n"
    );
    let path = workspace.join(".git/config");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &config).unwrap();
    env.ppe(&["diff", "T-003", "--patch"]).exits(0).says("+* filter=p diff=p merge=p\n");
    env.ppe(&["conflicts"]).exits(0);
    env.ppe(&["audit"]).exits(0);
    assert!(!trap.exists(), "something of the workspace's was run");

    fs::rename(workspace.join(".git"), workspace.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", workspace.join(".git")).unwrap();
    let said = "T-003: its workspace cannot be read, its .git is not a directory";
    env.ppe(&["diff", "T-003"]).exits(0).says(said).says("0 commits, 0 files, +0 -0");
    env.ppe(&["conflicts"]).exits(0).says(said).says("T-001 and T-002: shared.txt\n");
    let seen = env.ppe(&["conflicts", "--json"]).exits(0).json();
    let at_work = |at: usize| (seen["branches"][at]["task"].clone(), seen["branches"][at]["at_work"].clone());
    assert_eq!([at_work(1), at_work(2)], [(json!("T-002"), json!(true)), (json!("T-003"), json!(false))]);
    env.ppe(&["stop", "--cancel"]).exits(0);
    run.wait();
}

#[test]
fn a_task_without_work_and_one_that_nobody_knows_are_told_apart() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.script("[defaults]\nhang_attempts = 1\n");
    env.ppe(&["diff", "T-001"]).exits(4).says("this repository has no run");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    crate::until_prepared(&env, "T-001");
    env.ppe(&["diff", "T-002"]).exits(4).says("T-002 has no work yet");
    env.ppe(&["diff", "T-009"]).exits(2).says("the plan has no task T-009");
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
}
