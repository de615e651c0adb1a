//! Plans of other programs from end to end, and task files that are written for the user.

use crate::{id, is_landed, place};
use ppe_core::state::{Closure, Step};
use ppe_testkit::env::{CONFIG, TestEnv};
use std::fs;

const TASKS: &str =
    include_str!("../../../adapters/tests/fixtures/sources/task-master/.taskmaster/tasks/tasks.json");

/// A repository whose configuration names no plan, with an agent that commits a file for any task.
fn repository() -> TestEnv {
    let env = place();
    env.write("ppe.toml", &CONFIG.replace("[plan]\npath = \"plan\"\n", ""));
    env.add_config(
        "[agent.command]\ncmd = [\"sh\", \"-c\", '''f=work/$(git branch --show-current); mkdir -p \"$(dirname \"$f\")\"; \
         echo done > \"$f\"; git add \"$f\"; git commit -qm \"feat: $f\"''']\n",
    );
    env
}

#[test]
fn a_plan_of_task_master_is_found_and_lands() {
    let mut env = repository();
    env.write(".taskmaster/tasks/tasks.json", TASKS);
    env.ready();
    env.ppe(&["run", "--yes", "--agent", "command"]).exits(0);
    assert!(["2", "3.1", "3.2"].iter().all(|task| is_landed(&env, task)));
    let done = env.state().task(&id("1")).unwrap().step.clone();
    assert!(matches!(done, Step::Closed(closure) if !matches!(closure, Closure::Landed(_))));
    let order = env.git(&["log", "--reverse", "--first-parent", "--format=%s", "main"]);
    let place = |task: &str| order.find(task).unwrap_or_else(|| panic!("{task} in {order}"));
    assert!(
        place("login endpoint") < place("Form validation")
            && place("Form validation") < place("Error states")
    );
    env.finish();
}

#[test]
fn a_run_remembers_the_tag_that_it_was_begun_with() {
    let mut env = repository();
    let tags =
        r#"{"v1": {"tasks": [{"id": 1, "title": "One"}]}, "v2": {"tasks": [{"id": 2, "title": "Two"}]}}"#;
    env.write(".taskmaster/tasks/tasks.json", tags);
    env.script("[[task]]\nid = \"2\"\nclaim = \"blocked\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(3).says("has several tags: v1, v2").says("tasks.json:1");
    env.ppe(&["run", "--yes", "--tag", "v2"]).exits(10);
    env.ppe(&["plan", "adopt", "--yes"]).exits(0).says("the plan is as the run has it");
    env.ppe(&["plan", "adopt", "--yes", "--tag", "v1"]).says("new: 1").says("no longer there: 2");
}

#[test]
fn between_two_plans_nobody_chooses() {
    let mut env = repository();
    env.write(".taskmaster/tasks/tasks.json", TASKS);
    env.write("specs/001-a/tasks.md", "# Tasks: A\n\n- [ ] T001 One\n");
    env.ready();
    for command in
        [&["run", "--yes"][..], &["plan", "check"], &["plan", "show"], &["plan", "graph"], &["simulate"]]
    {
        env.ppe(command)
            .exits(3)
            .says("several plans were found: `.taskmaster/tasks/tasks.json` (task-master), `specs/001-a` (spec-kit)")
            .says("hint: ");
    }
    env.ppe(&["plan", "check", "--from", "spec-kit"]).exits(0);
    env.ppe(&["plan", "check", "--from", "beads"]).exits(3).says("no plan of kind beads");
    env.ppe(&["plan", "check", "--from", "jira"]).exits(2).says("--from").says("task-master");
    env.ppe(&["simulate", ".taskmaster/tasks/tasks.json"]).exits(0).says("Makespan");
    env.untouched();
    env.add_config("[plan]\nsource = \"task-master\"\n");
    env.ppe(&["plan", "check", "specs/001-a"]).exits(0).says("1 task");
}

#[test]
fn a_plan_is_imported_as_task_files_that_say_the_same() {
    let mut env = repository();
    env.write(".taskmaster/tasks/tasks.json", TASKS);
    env.ready();
    let rows = |document: serde_json::Value| -> Vec<(String, String, String)> {
        let text = |row: &serde_json::Value, key: &str| row[key].to_string();
        let tasks = document["tasks"].as_array().unwrap().iter();
        tasks.map(|row| (text(row, "id"), text(row, "depends_on"), text(row, "branch"))).collect()
    };
    let shown = env.ppe(&["plan", "import", "--from", "task-master", "--json"]).exits(0).json();
    assert_eq!(shown["schema"], "ppe.plan.v1");
    env.untouched();
    env.ppe(&["plan", "import", "--from", "task-master"]).exits(0).says("4 tasks");
    let write = ["plan", "import", "--from", "task-master", "--to", "markdown", "--out", "docs/plan"];
    env.ppe(&write).exits(0).says("4 task files written to docs/plan").says("ppe run docs/plan");
    let read = env.ppe(&["plan", "show", "docs/plan", "--json"]).exits(0).json();
    assert_eq!((read["name"].clone(), rows(read)), (shown["name"].clone(), rows(shown)));
    env.ppe(&write).exits(4).says("docs/plan/README.md").says("is there already");
    env.ppe(&["plan", "import", "docs/plan", "--to", "markdown", "--out", "more"])
        .exits(2)
        .says("task files already");
    env.ppe(&["plan", "import", "--to", "markdown"]).exits(2).says("--out");
    assert!(!env.repo().join("more").exists());
}

#[test]
fn a_new_task_file_has_the_next_id_and_is_accepted_at_once() {
    let mut env = place();
    env.task("T-044", "First", &[], 1);
    env.task("T-045", "Second", &["T-044"], 1);
    env.ready();
    let new =
        ["plan", "new", "Contract  testing: \"v2\"", "--depends-on", "T-044,T-045", "--priority", "high"];
    let made =
        env.ppe(&[&new[..], &["--module", "api", "--commits", "5", "--json"]].concat()).exits(0).json();
    assert_eq!((made["id"].as_str(), made["schema"].as_str()), (Some("T-046"), Some("ppe.plan-new.v1")));
    let file = env.repo().join("plan/T-046-contract-testing-v2.md");
    assert!(made["file"].as_str().unwrap().ends_with("plan/T-046-contract-testing-v2.md"));
    let text = fs::read_to_string(&file).unwrap();
    env.ppe(&["plan", "check"]).exits(0);
    let shown = env.ppe(&["plan", "show", "--json"]).exits(0).json();
    let row = &shown["tasks"][2];
    assert_eq!(
        (row["title"].as_str(), row["priority"].as_str()),
        (Some("Contract testing: \"v2\""), Some("high"))
    );
    assert_eq!((row["module"].as_str(), row["planned_commits"].as_u64()), (Some("api"), Some(5)));
    assert_eq!(row["depends_on"], serde_json::json!(["T-044", "T-045"]));
    env.ppe(&["plan", "new", "Other", "--id", "T-046"]).exits(3).says("T-046 is used twice");
    env.ppe(&["plan", "new", "Other", "--id", "../x"]).exits(3).says("it contains `..`");
    env.ppe(&["plan", "new", "Other", "--depends-on", "T-99"])
        .exits(3)
        .says("T-99, which is not in the plan");
    env.ppe(&["plan", "new", " "]).exits(2).says("needs a title");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(fs::read_dir(env.repo().join("plan")).unwrap().count(), 3);
}

#[test]
fn a_first_task_file_makes_its_folder() {
    let mut env = repository();
    env.ready();
    env.ppe(&["plan", "new", "Log in"])
        .exits(3)
        .says("no plan was named and none was found")
        .says("--dir DIR");
    env.ppe(&["plan", "new", "Log in", "--dir", "docs/plan"]).exits(0).says("docs/plan/T-001-log-in.md");
    env.ppe(&["plan", "new", "Log out", "--dir", "docs/plan", "--depends-on", "T-001"])
        .exits(0)
        .says("T-002");
    env.ppe(&["plan", "check", "docs/plan"]).exits(0);
    env.write(".taskmaster/tasks/tasks.json", TASKS);
    env.ppe(&["plan", "new", "More", "--dir", "docs/plan"]).exits(0).says("T-003");
    fs::remove_dir_all(env.repo().join("docs")).unwrap();
    env.ppe(&["plan", "new", "More"]).exits(2).says("is no folder of task files (task-master)");
}

#[test]
fn the_plan_is_the_repository_s_from_every_folder_of_it() {
    let mut env = repository();
    env.write(".taskmaster/tasks/tasks.json", TASKS);
    env.write("docs/note", "text");
    env.ready();
    let from = |args: &[&str]| {
        let end = env.command(args).current_dir(env.repo().join("docs")).output().unwrap();
        (end.status.code(), String::from_utf8_lossy(&end.stderr).into_owned())
    };
    for args in [["plan", "check"], ["plan", "show"], ["plan", "graph"], ["plan", "import"]] {
        assert_eq!(from(&args).0, Some(0), "{args:?}: {}", from(&args).1);
    }
}
