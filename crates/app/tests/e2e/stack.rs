//! Stacked starts in whole runs: chains and diamonds begin on green branches, land in order, and bring nothing twice.

use crate::github::{github_place, merges_only, queues_only, ready};
use crate::{CHECK, attempts, hold_landing, id, is_held, is_landed, on_target, open_gate, place};
use ppe_core::event::Event;
use ppe_core::ids::CommitId;
use ppe_core::outcome::Rebase;
use ppe_core::state::{Hold, Kind, Parent, PauseCause};
use ppe_testkit::env::TestEnv;
use ppe_testkit::github::{GitHub, Pull};
use serde_json::json;
use std::fs;

const STACKS: &str = "PPE_START_ON";

/// Nothing lands before the gate is open: the first task's work is in all that is checked.
fn gated(env: &mut TestEnv) {
    hold_landing(env, "one/part_1.txt");
    env.set(STACKS, "checks-green");
}

fn chain(env: &TestEnv) {
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &["T-001"], 2);
    env.task("T-003", "Three", &["T-002"], 1);
}

/// The commits of a diamond's tasks.
const DIAMOND_PARTS: [&str; 5] = [
    "feat(one): part 1",
    "feat(two): part 1",
    "feat(three): part 1",
    "feat(four): part 1",
    "feat(four): part 2",
];

fn diamond(env: &TestEnv) {
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.task("T-003", "Three", &["T-001"], 1);
    env.task("T-004", "Four", &["T-002", "T-003"], 2);
}

/// What a task's first attempt was stacked on.
fn stacked_on(env: &TestEnv, task: &str) -> Vec<Parent> {
    let begun = |event| match event {
        Event::AttemptStarted { task: t, stack, .. } if t == id(task) => Some(stack),
        _ => None,
    };
    env.events().into_iter().find_map(begun).unwrap_or_default()
}

fn until_stacked(env: &TestEnv, task: &str) {
    env.until_event(
        "it is stacked",
        |e| matches!(e, Event::WorkspacePrepared { task: t, .. } if *t == id(task)),
    );
    assert!(!stacked_on(env, task).is_empty(), "{task} began before a landing");
}

/// The commit that a task's first workspace began at.
fn began_at(env: &TestEnv, task: &str) -> CommitId {
    let prepared = |event| match event {
        Event::WorkspacePrepared { task: t, prepared, .. } if t == id(task) => Some(prepared.base),
        _ => None,
    };
    env.events().into_iter().find_map(prepared).unwrap()
}

fn restacks(env: &TestEnv, task: &str) -> usize {
    env.count(|e| matches!(e, Event::AttemptStarted { task: t, kind: Kind::Restack, .. } if *t == id(task)))
}

/// Every measurement of a task counted its own commits and no other's.
#[track_caller]
fn counts_at_most(env: &TestEnv, task: &str, commits: u32) {
    let measured = |event| match event {
        Event::SnapshotTaken { task: t, snapshot, .. } if t == id(task) => Some(snapshot),
        _ => None,
    };
    let all: Vec<_> = env.events().into_iter().filter_map(measured).collect();
    let counts: Vec<_> = all.iter().map(|s| (s.commits, s.lines_added)).collect();
    assert!(!all.is_empty() && all.iter().all(|s| s.commits <= commits), "{task}: {counts:?}");
    let lines = |at: Option<&(u32, u64)>| at.map(|(_, lines)| *lines);
    assert_eq!(lines(counts.first()), lines(counts.last()), "{task} is as large as on what it stood on");
}

#[test]
fn a_chain_begins_before_its_landings_and_lands_once_by_every_method() {
    for (method, update) in
        [("merge", "rebase"), ("squash", "rebase"), ("rebase", "rebase"), ("squash", "merge")]
    {
        let mut env = place();
        chain(&env);
        gated(&mut env);
        env.add_config(&format!("[merge]\nmethod = \"{method}\"\nupdate = \"{update}\"\n"));
        env.ready();
        let run = env.spawn(&["run", "--yes"]);
        until_stacked(&env, "T-003");
        assert_eq!(env.row("T-003")["stacked_on"], json!(["T-002"]));
        assert!(!is_landed(&env, "T-001"));
        let shown = env.ppe(&["diff", "T-002"]);
        shown.exits(0).says("feat(two): part 2");
        assert!(!shown.all().contains("feat(one)"), "a task's change is its own: {}", shown.all());
        open_gate(&env);
        run.wait().exits(0).says("T-002 Two started, stacked on T-001");
        assert_eq!((restacks(&env, "T-001"), restacks(&env, "T-002"), restacks(&env, "T-003")), (0, 1, 1));
        for (task, commits) in [("T-001", 2), ("T-002", 2), ("T-003", 1)] {
            assert!(is_landed(&env, task), "{task} by {method}");
            let own = if update == "merge" { commits + 1 } else { commits };
            counts_at_most(&env, task, own);
        }
        if method != "squash" {
            let parts = [
                "feat(one): part 1",
                "feat(one): part 2",
                "feat(two): part 1",
                "feat(two): part 2",
                "feat(three): part 1",
            ];
            on_target(&env, &parts);
        }
        let landings =
            env.git(&["log", "--first-parent", "--format=%(trailers:key=Ppe-Task,valueonly)", "work..main"]);
        let order: Vec<&str> = landings.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(order, ["T-003", "T-002", "T-001"], "by {method}, {update}");
        env.ppe(&["audit"]).exits(0);
        env.finish();
    }
}

#[test]
fn a_diamond_stands_on_a_merge_that_never_lands() {
    let mut env = place();
    diamond(&env);
    gated(&mut env);
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_stacked(&env, "T-004");
    let tasks: Vec<_> = stacked_on(&env, "T-004").into_iter().map(|parent| parent.task).collect();
    assert_eq!(tasks, [id("T-002"), id("T-003")]);
    let base = env.git(&["for-each-ref", "--format=%(objectname)", "refs/ppe/base/*/T-004"]);
    let parents = env.git(&["show", "-s", "--format=%P", base.trim()]);
    assert_eq!(parents.split_whitespace().count(), 3, "the target and both: {parents}");
    open_gate(&env);
    run.wait().exits(0);
    assert!(!env.git_agrees(&["merge-base", "--is-ancestor", base.trim(), "main"]), "a merge of ours landed");
    on_target(&env, &DIAMOND_PARTS);
    counts_at_most(&env, "T-004", 2);
    env.finish();
}

#[test]
fn a_parent_that_is_repaired_leaves_its_child_at_work_and_lands_first() {
    let mut env = place();
    chain(&env);
    env.add_config(CHECK);
    env.set(STACKS, "checks-green");
    env.script(
        "[[task]]\nid = \"T-001\"\nbreak_check_attempts = 1\n[[task]]\nid = \"T-002\"\nsleep_ms = 500\n",
    );
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(attempts(&env, "T-001"), 2, "its candidate was red");
    assert_eq!(stacked_on(&env, "T-002").len(), 1);
    assert_eq!(env.count(|e| matches!(e, Event::ChangeReturned { task, .. } if *task == id("T-002"))), 0);
    assert!(is_landed(&env, "T-002") && is_landed(&env, "T-003"));
    assert!(!env.git_agrees(&["cat-file", "-e", "main:ppe-script/T-001.broken"]), "broken work landed");
    env.finish();
}

#[test]
fn a_parent_that_is_held_keeps_its_child_from_landing_until_it_is_mended() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.add_config(CHECK);
    env.set(STACKS, "checks-green");
    env.set("MAX_CI_RETRIES", "1");
    env.script("[[task]]\nid = \"T-001\"\nalways_broken = true\n[[task]]\nid = \"T-002\"\nsleep_ms = 500\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10).says("T-001 needs review.");
    assert!(is_held(&env, "T-001", Hold::NeedsReview));
    assert_eq!(env.row("T-002")["state"], "open", "its agent's work is not lost");
    assert_eq!(env.row("T-002")["blocked"], "blocked: T-001 needs review");
    env.script("");
    env.ppe(&["retry", "T-001"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(
        (is_landed(&env, "T-001"), is_landed(&env, "T-002"), restacks(&env, "T-002")),
        (true, true, 1)
    );
    env.finish();
}

#[test]
fn a_run_that_is_killed_while_it_stacks_and_restacks_lands_all_the_same() {
    for point in ["stack.joined", "workspace.before_ready@4", "onto.made", "onto.before"] {
        let mut env = place();
        diamond(&env);
        gated(&mut env);
        env.ready();
        let killed = format!("crash:{point}");
        let run = env.command(&["run", "--yes"]).env("PPE_FAILPOINT", killed).spawn().unwrap();
        if point.starts_with("onto") {
            until_stacked(&env, "T-004");
            open_gate(&env);
        }
        let end = run.wait_with_output().unwrap();
        assert_eq!(end.status.code(), None, "it is killed at {point}");
        open_gate(&env);
        env.ppe(&["resume", "--yes"]).exits(0);
        for task in ["T-001", "T-002", "T-003", "T-004"] {
            assert!(is_landed(&env, task), "{task} after {point}");
        }
        let parents = stacked_on(&env, "T-004");
        // Before its workspace is made, one of them may have landed.
        assert!(parents.len() == 2 || point.starts_with("workspace"), "after {point}");
        for parent in parents {
            let (tip, base) = (parent.tip.as_str(), began_at(&env, "T-004"));
            assert!(env.git_agrees(&["merge-base", "--is-ancestor", tip, base.as_str()]), "after {point}");
        }
        counts_at_most(&env, "T-004", 2);
        on_target(&env, &DIAMOND_PARTS);
        env.finish();
    }
}

/// A person's commit on the target.
fn by_hand(env: &TestEnv, path: &str, text: &str) {
    let tree = env.at("by-hand");
    let dir = tree.to_str().unwrap();
    env.git(&["worktree", "add", "-q", "--detach", dir, "main"]);
    fs::write(tree.join(path), text).unwrap();
    env.git_in(&tree, &["commit", "-qam", "by hand"]);
    let made = env.git_in(&tree, &["rev-parse", "HEAD"]);
    env.git(&["worktree", "remove", dir]);
    env.git(&["update-ref", "refs/heads/main", made.trim()]);
}

#[test]
fn work_that_clashes_with_the_target_when_it_leaves_its_stack_is_its_agent_s() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.write("shared.txt", "first\nsecond\n");
    env.script("[[task]]\nid = \"T-002\"\ntouch = [\"shared.txt\"]\n");
    gated(&mut env);
    env.add_config("[merge]\nmethod = \"squash\"\n");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_stacked(&env, "T-002");
    by_hand(&env, "shared.txt", "mine\nmine\n");
    open_gate(&env);
    run.wait().exits(0);
    let tried = |event| match event {
        Event::WorkspacePrepared { task, prepared, .. } if task == id("T-002") => Some(prepared.rebase),
        _ => None,
    };
    let tried: Vec<_> = env.events().into_iter().filter_map(tried).collect();
    assert_eq!(tried, [Rebase::NotTried, Rebase::Conflicted]);
    assert!(is_landed(&env, "T-002"));
    let shared = env.git(&["show", "main:shared.txt"]);
    assert!(shared.contains("mine") && shared != "mine\nmine\n", "both sides are kept: {shared}");
    env.finish();
}

/// A GitHub where nothing lands before the gate is open.
fn gated_github() -> (TestEnv, GitHub) {
    let (mut env, hub) = github_place();
    gated(&mut env);
    hub.rules(&json!({"on": "^refs/heads/", "required": []}));
    (env, hub)
}

fn pull(hub: &GitHub, title: &str) -> Option<Pull> {
    hub.told().pulls.into_iter().find(|pull| pull.title.contains(title))
}

#[test]
fn a_pull_request_is_against_its_parent_s_branch_and_outlives_it() {
    for mode in ["push", "merge", "queue"] {
        let (mut env, hub) = gated_github();
        chain(&env);
        ready(&mut env, &hub);
        match mode {
            "merge" => merges_only(&hub),
            "queue" => {
                queues_only(&hub);
                hub.rules(&json!({"on_pulls": false, "required": []}));
            }
            _ => {}
        }
        let run = env.spawn(&["run", "--yes"]);
        let based = env.until("it is against its parent", || {
            pull(&hub, "T-002").filter(|pull| pull.base == "feat/T-001-one")
        });
        assert!(based.body.unwrap_or_default().contains("Stacked on T-001 (`feat/T-001-one`)"));
        // Nothing starts, so that it is not opened once more when the other lands.
        env.ppe(&["pause"]).exits(0);
        open_gate(&env);
        env.until("the parent has landed", || is_landed(&env, "T-001").then_some(()));
        let base = || pull(&hub, "T-002").map(|pull| (pull.base, pull.state));
        let stays = || assert_eq!(base(), Some(("main".to_owned(), "open".to_owned())));
        stays();
        // Somebody deletes the branch of what has landed.
        env.git(&["push", "-q", hub.git_dir.to_str().unwrap(), ":refs/heads/feat/T-001-one"]);
        hub.ask("GET", "/repos/o/r/pulls?state=open", "");
        stays();
        env.ppe(&["unpause"]).exits(0);
        run.wait().exits(0);
        let told = hub.told();
        assert_eq!(told.pulls.len(), 3, "none was closed and opened anew");
        assert!(told.pulls.iter().all(|pull| pull.merged.is_some()), "{:?}", told.pulls);
        assert_eq!(env.count(|e| matches!(e, Event::QuestionAsked { .. })), 0);
        hub.is_content();
        env.finish();
    }
}

#[test]
fn work_that_nobody_has_measured_stays_where_it_began_when_its_parent_lands() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 2);
    gated(&mut env);
    // One dies with a commit, the next finds no capacity until the parent has landed.
    let first = "[[task]]\nid = \"T-002\"\nattempts = [1]\ncrash_self = \"SIGKILL\"\nafter_commits = 1\n";
    let second = "[[task]]\nid = \"T-002\"\nattempts = [2]\nlater_attempts = true\nlater_seconds = 3\n";
    env.script(&format!("{first}{second}"));
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until_event(
        "it gave its slot back",
        |e| matches!(e, Event::AttemptReleased { task, attempt, .. } if *task == id("T-002") && attempt.0 == 2),
    );
    open_gate(&env);
    run.wait().exits(0);
    assert_eq!((is_landed(&env, "T-002"), restacks(&env, "T-002")), (true, 1));
    assert_eq!(env.count(|e| matches!(e, Event::DispatchPaused { cause: PauseCause::TargetRewritten })), 0);
    counts_at_most(&env, "T-002", 2);
    on_target(&env, &["feat(one): part 1", "feat(two): part 1", "feat(two): part 2"]);
    env.finish();
}

#[test]
fn work_that_was_merged_where_it_was_to_leave_what_was_given_up_is_made_again() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.write("shared.txt", "first\n");
    // Told to leave its stack, it first merges the target, which keeps all that it stood on.
    let agent = "set -e\nwork() { mkdir -p $1; echo 1 >$1/part_1.txt; git add -A; git commit -qm \"feat($1): part 1\"; }\n\
        two() { echo two >shared.txt; work two; }\n\
        case $PPE_TASK.$PPE_ATTEMPT in\nT-001.*) work one;;\nT-002.1) two;;\n\
        T-002.2) git merge -q -X ours -m 'merge the target' refs/ppe/target;;\n\
        *) git reset -q --hard refs/ppe/target; two;;\nesac\n";
    fs::write(env.at("agent.sh"), agent).unwrap();
    let script = env.at("agent.sh");
    env.add_config(&format!("[agent.command]\ncmd = [\"sh\", {script:?}]\n"));
    gated(&mut env);
    env.ready();
    let run = env.spawn(&["run", "--yes", "--agent", "command"]);
    until_stacked(&env, "T-002");
    by_hand(&env, "shared.txt", "mine\n");
    env.ppe(&["skip", "T-001", "--satisfied"]).exits(0);
    open_gate(&env);
    run.wait().exits(0);
    let failed = |event| match event {
        Event::AttemptFailed { failure, .. } => Some(failure.summary),
        _ => None,
    };
    let failures: Vec<_> = env.events().into_iter().filter_map(failed).collect();
    assert_eq!(failures, ["the branch does not lie on the target it was to be brought onto"]);
    assert!(is_landed(&env, "T-002") && !is_landed(&env, "T-001"));
    assert!(!env.git_agrees(&["cat-file", "-e", "main:one/part_1.txt"]), "what was given up has not landed");
    on_target(&env, &["feat(two): part 1"]);
    env.finish();
}
