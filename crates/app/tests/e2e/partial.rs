//! Runs of a part of a plan, and plans that grow.

use crate::{is_landed, landed, place};
use ppe_testkit::env::TestEnv;

fn plan() -> TestEnv {
    let mut env = place();
    let head = |quarter: &str, module: &str| format!("- **Module**: `{module}`\n- **Quarter**: {quarter}\n");
    env.task_with("T-001", "One", &[], 1, &head("Q1-2026", "core"));
    env.task_with("T-002", "Two", &["T-001"], 1, &head("Q2-2026", "core"));
    env.task_with("T-003", "Three", &[], 1, &head("Q1-2026", "web"));
    env.task_with("T-004", "Four", &[], 1, &head("Q2-2026", "web"));
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
        (&["--module", "web"], &["T-003", "T-004"]),
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
