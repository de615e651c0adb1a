//! The merge lane's strategies: what lands together, who is to blame, and that every commit of the target is green.

use crate::example::{WHOLE_PLAN, example, landings};
use crate::{
    CHECK, attempts, hold_work, id, is_held, is_landed, landed, on_target, open_gate, place, until_prepared,
    wait_at_gate,
};
use ppe_core::event::{Drop, Event};
use ppe_core::ids::TaskId;
use ppe_core::outcome::Class;
use ppe_core::state::Hold;
use ppe_testkit::env::TestEnv;
use std::collections::BTreeSet;
use std::process::Command;

const STRATEGIES: [&str; 4] = ["independent", "priority", "batch", "speculative"];
/// Alpha's and beta's work is red together, until somebody has mended one of them.
const HOSTILE: &str = "\
[[check]]
name = \"ci\"
run = \"! test -e alpha/part_1.txt || ! test -e beta/part_1.txt || ls ppe-script/*.fixes\"
";

/// Twelve tasks: eight need nothing, four need some of those.
fn twelve(strategy: &str) -> TestEnv {
    let mut env = place();
    let needs =
        |n: u32| if n <= 8 { vec![] } else { vec![format!("T-{:03}", n - 8), format!("T-{:03}", n - 4)] };
    for n in 1..=12 {
        let needs = needs(n);
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        env.task(&format!("T-{n:03}"), &format!("Task {n}"), &needs, 1);
    }
    env.set("MERGE_STRATEGY", strategy);
    env
}

/// Demands that a command is green on every commit that was the target's tip.
#[track_caller]
fn green_all_along(env: &TestEnv, check: &str) {
    let chain = env.git(&["log", "--first-parent", "--reverse", "--format=%H", "work~1..main"]);
    for commit in chain.lines() {
        let tree = tempfile::tempdir().unwrap();
        let (dir, archive) = (tree.path().display().to_string(), env.at("commit.tar").display().to_string());
        env.git(&["archive", "--format=tar", "-o", &archive, commit]);
        assert!(Command::new("tar").args(["-xf", &archive, "-C", &dir]).status().unwrap().success());
        let output = Command::new("sh").args(["-c", check]).current_dir(&dir).output().unwrap();
        assert!(output.status.success(), "{check} is red on {commit}: {output:?}");
    }
}

/// The tasks that each landing brought, in order.
fn rounds(env: &TestEnv) -> Vec<BTreeSet<String>> {
    let format = "--format=%(trailers:key=Ppe-Task,valueonly,separator=%x2C)";
    let log = env.git(&["log", "--first-parent", "--reverse", format, "work..main"]);
    let tasks = |line: &str| line.split(',').filter(|task| !task.is_empty()).map(str::to_owned).collect();
    log.lines().map(tasks).collect()
}

fn sent_back(env: &TestEnv, class: Class) -> Vec<TaskId> {
    let returned = |event| match event {
        Event::ChangeReturned { task, failure, .. } if failure.class == class => Some(task),
        _ => None,
    };
    env.events().into_iter().filter_map(returned).collect()
}

#[test]
fn a_wave_lands_as_one_commit_and_its_changes_are_merged() {
    let mut env = twelve("batch");
    env.add_config(CHECK);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0).says("are to land together");
    let rounds = rounds(&env);
    assert_eq!(rounds.iter().map(BTreeSet::len).collect::<Vec<_>>(), [8, 4], "{rounds:?}");
    assert_eq!(env.count(|e| matches!(e, Event::CheckStarted { .. })), 2, "one check a wave");
    let tip = env.git(&["rev-parse", "main"]);
    assert_eq!(landed(&env, "T-012"), tip.trim());
    let changes = env.changes();
    assert!(changes.len() == 12 && changes.iter().all(|c| c["state"]["state"] == "merged"), "{changes:?}");
    assert!(
        env.git(&["log", "-1", "--format=%B", "main~1"]).contains("- T-003: Task 3 (#"),
        "its tasks are told"
    );
    green_all_along(&env, "! ls ppe-script/*.broken");
    env.finish();
}

#[test]
fn a_wave_lands_without_whom_it_cannot_wait_for() {
    let mut env = twelve("batch");
    env.add_config(CHECK);
    env.set("MAX_TASK_RETRIES", "0");
    env.script("[[task]]\nid = \"T-008\"\nfail_attempts = true\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10).says(", without T-008");
    assert!(is_held(&env, "T-008", Hold::Stuck) && !is_landed(&env, "T-012"));
    assert_eq!(rounds(&env).iter().map(BTreeSet::len).collect::<Vec<_>>(), [7, 3]);
    env.finish();
}

#[test]
fn the_culprit_of_a_red_batch_is_found_and_the_others_land() {
    let mut env = twelve("batch");
    env.add_config(CHECK);
    env.script("[[task]]\nid = \"T-003\"\nbreak_check_attempts = 1\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0).says("are red together").says("T-003 failed: `ci` ended");
    assert_eq!(sent_back(&env, Class::Ci), [id("T-003")]);
    assert_eq!((attempts(&env, "T-003"), attempts(&env, "T-004")), (2, 1));
    assert_eq!(rounds(&env).iter().map(BTreeSet::len).sum::<usize>(), 12);
    green_all_along(&env, "! ls ppe-script/*.broken");
    env.finish();
}

#[test]
fn several_candidates_are_checked_at_once_and_a_red_one_restarts_only_those_behind() {
    let mut env = twelve("speculative");
    // A check that takes a while, so that the next candidate does not find the lane empty.
    env.add_config(
        "[merge]\ncheck_slots = 3\n[[check]]\nname = \"ci\"\nrun = \"sleep 0.4; ! ls ppe-script/*.broken\"\n",
    );
    env.script("[defaults]\ncommit_ms = 400\n[[task]]\nid = \"T-006\"\nbreak_check_attempts = 1\n");
    env.set("MAX_PARALLEL_TASKS", "2");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    let (mut under_way, mut most) = (0_usize, 0);
    for event in env.events() {
        match event {
            Event::CandidateChosen { .. } => under_way += 1,
            Event::CandidateLanded { .. } | Event::CandidateDropped { .. } | Event::CandidateSplit { .. } => {
                under_way -= 1;
            }
            _ => {}
        }
        most = most.max(under_way);
    }
    assert!((2..=3).contains(&most), "{most} at once");
    assert_eq!(sent_back(&env, Class::Ci), [id("T-006")]);
    assert_eq!(rounds(&env).iter().map(BTreeSet::len).sum::<usize>(), 12);
    green_all_along(&env, "! ls ppe-script/*.broken");
    env.finish();
}

#[test]
fn two_that_are_red_only_together_never_both_land_unmended() {
    for strategy in STRATEGIES {
        let mut env = place();
        env.task("T-001", "Alpha", &[], 1);
        env.task("T-002", "Beta", &[], 1);
        env.task("T-003", "Gamma", &[], 1);
        env.add_config(HOSTILE);
        env.set("MERGE_STRATEGY", strategy);
        env.ready();
        env.ppe(&["run", "--yes"]).exits(0);
        let culprits = sent_back(&env, Class::Ci);
        assert!(culprits == [id("T-001")] || culprits == [id("T-002")], "{strategy}: {culprits:?}");
        on_target(&env, &["feat(alpha): part 1", "feat(beta): part 1", "feat(gamma): part 1"]);
        let check = "! test -e alpha/part_1.txt || ! test -e beta/part_1.txt || ls ppe-script/*.fixes";
        green_all_along(&env, check);
        env.finish();
    }
}

/// Runs a place where work waits at the gate: the first two tasks stand on the same target before either has landed.
#[track_caller]
fn run_abreast(env: &TestEnv, more: &[&str]) {
    let run = env.spawn(&[&["run", "--yes"][..], more].concat());
    for task in ["T-001", "T-002"] {
        until_prepared(env, task);
    }
    open_gate(env);
    run.wait().exits(0);
}

#[test]
fn of_two_that_clash_one_lands_and_only_the_other_goes_back() {
    for strategy in STRATEGIES {
        let mut env = place();
        for (task, title) in [("T-001", "One"), ("T-002", "Two"), ("T-003", "Three")] {
            env.task(task, title, &[], 1);
        }
        env.write("shared.txt", "first\nsecond\n");
        env.script("[defaults]\ntouch = [\"shared.txt\"]\n[[task]]\nid = \"T-003\"\ntouch = []\n");
        hold_work(&env, "shared.txt");
        env.add_config(CHECK);
        env.set("MERGE_STRATEGY", strategy);
        env.ready();
        run_abreast(&env, &[]);
        let clashing = sent_back(&env, Class::Conflict);
        assert!(clashing.len() == 1 && clashing[0] != id("T-003"), "{strategy}: {clashing:?}");
        assert_eq!(rounds(&env).iter().map(BTreeSet::len).sum::<usize>(), 3, "{strategy}");
        env.finish();
    }
}

#[test]
fn who_never_force_pushes_has_branches_that_only_go_forward() {
    let mut env = place();
    for (task, title) in [("T-001", "One"), ("T-002", "Two")] {
        env.task(task, title, &[], 1);
    }
    env.write("shared.txt", "first\n");
    // Sent back to merge, it first makes its commits again, which is refused, and merges when it is asked once more.
    let agent = "set -e\ncase $PPE_PURPOSE in\n\
        first) WAIT; echo \"$PPE_TASK\" >shared.txt; git commit -qam \"feat: $PPE_TASK\";;\n\
        *) case $(git log -1 --format=%s) in feat*)\n\
        if [ \"$PPE_PURPOSE $PPE_ATTEMPT\" = 'conflict 2' ]; then git rebase -q -X theirs refs/ppe/target;\n\
        else git merge -q -X ours -m 'merge the target' refs/ppe/target; fi;; esac;;\nesac\n";
    std::fs::write(env.at("agent.sh"), agent.replace("WAIT", &wait_at_gate(&env))).unwrap();
    let script = env.at("agent.sh");
    env.add_config(&format!("[merge]\nupdate = \"merge\"\n[agent.command]\ncmd = [\"sh\", {script:?}]\n"));
    env.set("PPE_STAGGER_MS", "0");
    env.ready();
    run_abreast(&env, &["--agent", "command"]);
    let failures: Vec<String> = env
        .events()
        .into_iter()
        .filter_map(|e| match e {
            Event::AttemptFailed { failure, .. } => Some(failure.summary),
            _ => None,
        })
        .collect();
    assert_eq!(failures, ["the branch has lost a commit that was published"]);
    let published: Vec<_> = env
        .events()
        .into_iter()
        .filter_map(|e| match e {
            Event::BranchPublished { branch, tip, .. } => Some((branch, tip)),
            _ => None,
        })
        .collect();
    assert_eq!(published.len(), 3, "{published:?}");
    let twice =
        |one: &(ppe_core::ids::Branch, _)| published.iter().filter(|other| other.0 == one.0).count() == 2;
    let again: Vec<_> = published.iter().filter(|one| twice(one)).map(|(_, tip)| tip.as_str()).collect();
    assert!(env.git_agrees(&["merge-base", "--is-ancestor", again[0], again[1]]), "it was moved elsewhere");
    env.finish();
}

#[test]
fn a_batch_that_landed_unseen_is_found_after_a_crash_and_lands_once() {
    let mut env = twelve("batch");
    env.add_config(CHECK);
    env.ready();
    for point in ["crash:candidate.after_pin", "crash:land.after_ref"] {
        let command = if env.runs().is_empty() { "run" } else { "resume" };
        let end = env.command(&[command, "--yes"]).env("PPE_FAILPOINT", point).output().unwrap();
        assert!(!end.status.success(), "{point}: {end:?}");
    }
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(rounds(&env).iter().map(BTreeSet::len).collect::<Vec<_>>(), [8, 4]);
    let built = |e| if let Event::CandidateBuilt { built, .. } = e { Some(built.commit) } else { None };
    let built: Vec<_> = env.events().into_iter().filter_map(built).collect();
    assert_eq!(built.len(), 2, "what was built before the crash is what was built after it");
    assert!(env.count(|e| matches!(e, Event::CandidateDropped { why: Drop::BaseMoved, .. })) == 0);
    env.finish();
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn the_example_plan_lands_whole_by_every_strategy() {
    for strategy in STRATEGIES {
        let mut env = example();
        env.set("MERGE_STRATEGY", strategy);
        env.script("[[task]]\nid = \"T-010\"\nbreak_check_attempts = 1\n[[task]]\nid = \"T-021\"\nbreak_check_attempts = 1\n");
        env.add_config("[[check]]\nname = \"whole\"\nrun = \"! ls ppe-script/*.broken\"\n");
        env.ready();
        env.spawn(&["run", "--yes"]).wait_for(WHOLE_PLAN).exits(0);
        assert_eq!(landings(&env).len(), 45, "{strategy}");
        assert_eq!(sent_back(&env, Class::Ci).into_iter().collect::<BTreeSet<_>>().len(), 2, "{strategy}");
        green_all_along(&env, "test -d plan && ! ls ppe-script/*.broken");
        env.finish();
    }
}
