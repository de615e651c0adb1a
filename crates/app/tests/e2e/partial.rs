//! Runs of a part of a plan, and plans that grow.

use crate::{is_landed, landed, place};
use ppe_testkit::env::TestEnv;
use std::fs;

fn plan() -> TestEnv {
    let mut env = place();
    let head = |quarter: &str, module: &str| format!("- **Module**: `{module}`\n- **Quarter**: {quarter}\n");
    env.task_with("T-001", "One", &[], 1, &head("Q1-2026", "core"));
    env.task_with("T-002", "Two", &["T-001"], 1, &head("Q2-2026", "core"));
    env.task_with("T-003", "Three", &[], 1, &head("Q1-2026", "web"));
    env.task_with("T-004", "Four", &[], 1, &head("Q2-2026", "web, mobile"));
    env.ready();
    env
}

fn in_run(env: &TestEnv) -> Vec<String> {
    let state = env.state();
    let ids = (0..state.tasks.len()).filter(|at| state.tasks[*at].in_run());
    ids.map(|at| state.id(at).as_str().to_owned()).collect()
}

#[test]
fn each_selection_takes_its_tasks_and_no_others() {
    for (flags, expected) in [
        (&["--only", "T-003,T-004"][..], &["T-003", "T-004"][..]),
        (&["--wave", "0"], &["T-001", "T-003", "T-004"]),
        (&["--quarter", "Q1-2026"], &["T-001", "T-003"]),
        (&["--module", "web"], &["T-003"]),
        (&["--module", r"web\, mobile,core"], &["T-001", "T-002", "T-004"]),
        (&["--limit", "1", "--order", "plan"], &["T-001"]),
        (&["--only", "T-002", "--with-deps"], &["T-001", "T-002"]),
    ] {
        let env = plan();
        env.ppe(&[&["run", "--yes"], flags].concat()).exits(0);
        assert_eq!(in_run(&env), expected, "{flags:?}");
        env.finish();
    }
}

#[test]
fn unmet_dependencies_are_an_error_that_names_them() {
    let env = plan();
    env.ppe(&["run", "--yes", "--only", "T-002"]).exits(2).says("T-001").says("--with-deps");
    assert!(env.runs().is_empty());
    env.ppe(&["run", "--yes", "--only", "T-001"]).exits(0);
    env.ppe(&["run", "--yes", "--only", "T-002"]).exits(0);
    landed(&env, "T-002");
    env.finish();
}

#[test]
fn adopt_takes_up_what_the_run_left_out_and_what_is_new() {
    let mut env = plan();
    env.script("[[task]]\nid = \"T-001\"\nclaim = \"blocked\"\n");
    env.ppe(&["run", "--yes", "--only", "T-001"]).exits(10);
    env.task("T-005", "Five", &["T-003"], 1);
    env.script("");
    env.ready();
    env.ppe(&["retry", "T-001"]).exits(0);
    env.ppe(&["resume"]).exits(2).says("the plan was edited (new: T-005); `ppe plan adopt` takes that in");
    env.ppe(&["plan", "adopt", "--add", "--yes"]).exits(0).says("T-005");
    env.ppe(&["resume", "--yes"]).exits(0);
    for task in ["T-001", "T-002", "T-003", "T-004", "T-005"] {
        assert!(is_landed(&env, task), "{task}");
    }
    env.finish();
}

#[test]
fn a_plan_whose_landed_task_is_gone_can_be_adopted_though_others_need_it() {
    let mut env = plan();
    env.script("[[task]]\nid = \"T-002\"\nclaim = \"blocked\"\n");
    env.ppe(&["run", "--yes", "--only", "T-001,T-002"]).exits(10);
    let file = |task: &str| {
        let mut found = fs::read_dir(env.repo().join("plan")).unwrap().flatten().map(|entry| entry.path());
        found.find(|path| path.to_string_lossy().contains(task)).unwrap()
    };
    fs::remove_file(file("T-001")).unwrap();
    env.ppe(&["resume"]).exits(2).says("the plan was edited (changed: T-002); `ppe plan adopt`");
    env.ppe(&["plan", "adopt", "--yes"]).exits(0).says("changed: T-002\n");
    assert!(!env.ppe(&["resume"]).exits(2).all().contains("edited"));
    env.script("");
    env.ppe(&["retry", "T-002"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-002"));
}

#[test]
fn a_plan_that_lost_a_task_asks_about_an_open_one_and_keeps_a_landed_one() {
    let mut env = plan();
    env.script(
        "[[task]]\nid = \"T-003\"\nclaim = \"blocked\"\n[[task]]\nid = \"T-004\"\nclaim = \"blocked\"\n",
    );
    env.ppe(&["run", "--yes", "--only", "T-001,T-003,T-004"]).exits(10);
    assert!(is_landed(&env, "T-001"));
    let remove = |task: &str| {
        for entry in fs::read_dir(env.repo().join("plan")).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(task) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    };
    ["T-001", "T-002", "T-003"].into_iter().for_each(remove);
    env.ppe(&["plan", "adopt", "--yes"]).exits(4).says("lacks T-003; answer that question first");
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["plan", "adopt", "--yes"]).exits(0).says("no longer there: T-002\n");
    env.script("");
    env.ppe(&["retry", "T-004"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(10).says("1 given up");
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-004"));
    assert_eq!(env.row("T-003")["state"], "cancelled");
}
