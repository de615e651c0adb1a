//! `ppe audit`: a run proved again from git, and what it says when something is not as the log has it.

use crate::{VERIFY, id, landed, place, until_prepared};
use ppe_core::event::Event;
use ppe_testkit::env::{Ended, TestEnv};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// Three tasks that have landed; the target is checked out nowhere.
fn done() -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.task("T-003", "Three", &[], 1);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    env
}

fn findings(env: &TestEnv) -> Vec<Value> {
    env.ppe(&["audit", "--json"]).json()["findings"].as_array().unwrap().clone()
}

fn kinds(env: &TestEnv) -> Vec<(String, Value)> {
    findings(env).iter().map(|f| (f["kind"].as_str().unwrap().to_owned(), f["task"].clone())).collect()
}

/// Does what a finding says.
#[track_caller]
fn obey(env: &TestEnv, finding: &Value) {
    let command = finding["command"].as_str().expect("a command");
    let mut shell = Command::new("sh");
    let ran = shell.args(["-ec", command]).current_dir(env.repo()).output().unwrap();
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[track_caller]
fn sound(env: &TestEnv) -> Ended {
    let end = env.ppe(&["audit"]);
    end.exits(0).says("all is as the log says");
    end
}

/// Moves the target to where it was before its last landing, with another commit on top.
fn rewrite_target(env: &TestEnv, on_top: &[&str]) {
    env.git(&["checkout", "-q", "--detach", "main^"]);
    env.git(on_top);
    env.git(&["branch", "-qf", "main", "HEAD"]);
    env.git(&["checkout", "-q", "work"]);
}

#[test]
fn a_run_that_landed_is_sound_and_the_audit_leaves_nothing_behind() {
    let env = done();
    let before = env.git(&["count-objects", "-v"]) + &env.git(&["for-each-ref"]);
    sound(&env).says("landings 3 of 3 are in main\n");
    let audit = env.ppe(&["audit", "--json"]).exits(0).json();
    assert_eq!((&audit["schema"], &audit["sound"]), (&json!("ppe.audit.v1"), &json!(true)));
    assert_eq!(audit["records"], env.log().len());
    for landing in audit["landings"].as_array().unwrap() {
        assert_eq!(landing["proof"], "named");
        assert_eq!(landing["commit"], landed(&env, landing["task"].as_str().unwrap()));
    }
    assert_eq!(env.git(&["count-objects", "-v"]) + &env.git(&["for-each-ref"]), before);
    let run = env.run_folder();
    env.ppe(&["audit", run.file_name().unwrap().to_str().unwrap()]).exits(0);
    env.ppe(&["audit", "20200101-000000-0000"]).exits(4).says("this repository has no run");
}

#[test]
fn a_landing_that_the_target_lost_is_named_with_the_command_that_gets_it_back() {
    let env = done();
    rewrite_target(&env, &["commit", "-q", "--allow-empty", "-m", "another way"]);
    let lost = env.events().into_iter().rev().find_map(|event| match event {
        Event::TaskClosed { task, .. } => Some(task),
        _ => None,
    });
    let (lost, commit) = (lost.unwrap(), env.git(&["rev-parse", "main@{1}"]).trim().to_owned());
    let end = env.ppe(&["audit"]);
    end.exits(10).says("landings 2 of 3 are in main\n").says("not all is as it should be");
    end.says(&format!("error    {lost}: landed with "))
        .says(&format!("git branch rescued/{lost} {commit}\n"));
    let finding = findings(&env).remove(0);
    assert_eq!((&finding["kind"], &finding["commit"]), (&json!("landing-lost"), &json!(commit)));
    obey(&env, &finding);
    assert_eq!(env.git(&["rev-parse", &format!("rescued/{lost}")]).trim(), commit);
}

#[test]
fn the_same_lines_in_the_target_are_evidence_and_no_proof() {
    let env = done();
    let commit = env.git(&["rev-parse", "main"]).trim().to_owned();
    rewrite_target(&env, &["cherry-pick", "-m", "1", &commit]);
    // The message that came along names the task.
    let audit = env.ppe(&["audit", "--json"]);
    audit.exits(10);
    let landings = audit.json()["landings"].as_array().unwrap().clone();
    let lost = landings.iter().find(|landing| landing["proof"] == "lost").expect("a lost one");
    assert_eq!(lost["same_patch"], env.git(&["rev-parse", "main"]).trim());
    env.ppe(&["audit"]).exits(10).says("changes the same lines, which proves nothing");
}

#[test]
fn trailers_are_asked_for_where_they_are_on_and_nowhere_else() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.add_config("[merge]\ntrailers = false\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    sound(&env);
    let audit = env.ppe(&["audit", "--json"]).json();
    assert_eq!(audit["landings"][0]["proof"], "on-chain");
}

#[test]
fn the_work_of_a_task_that_was_given_up_is_found_until_it_has_a_branch() {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.script("[[task]]\nid = \"T-001\"\nattempts = [1]\nhang_attempts = 1\n");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    env.until_event("a commit is seen", |e| matches!(e, Event::Sighted { seen, .. } if seen.commits == 1));
    sound(&env);
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    sound(&env).says("landings 0 of 0 are in main\n");

    env.ppe(&["skip", "T-001"]).exits(0);
    let found = findings(&env);
    let tip = env.state().task(&id("T-001")).unwrap().facts.tip.clone().unwrap();
    let adrift = found.iter().find(|f| f["commit"] == tip.as_str()).expect("the measured work");
    assert_eq!((&adrift["kind"], &adrift["task"]), (&json!("work-adrift"), &json!("T-001")));
    env.ppe(&["audit"]).exits(10).says("T-001: its work").says("is on no branch");
    obey(&env, adrift);
    assert_eq!(env.git(&["log", "-1", "--format=%s", "feat/T-001-one"]).trim(), "feat(one): part 1");
    sound(&env);
}

#[test]
fn what_only_a_workspace_has_is_fetched_from_it() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nalways_broken = true\n");
    env.add_config(VERIFY);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    sound(&env);
    let workspace = env.run_folder().join("workspaces/T-001");
    fs::write(workspace.join("mine.txt"), "mine\n").unwrap();
    env.git_in(&workspace, &["add", "-A"]);
    env.git_in(&workspace, &["commit", "-qm", "by hand"]);
    let found = findings(&env);
    assert_eq!(kinds(&env), [("work-adrift".to_owned(), json!("T-001"))]);
    env.ppe(&["audit"]).exits(10).says("T-001: its workspace alone has ");
    obey(&env, &found[0]);
    assert_eq!(env.git(&["log", "-1", "--format=%s", "rescued/T-001"]).trim(), "by hand");
    sound(&env);
}

#[test]
fn leftovers_of_a_landed_task_are_told_and_change_nothing_about_the_verdict() {
    let env = done();
    let keep = env.git(&["for-each-ref", "--format=%(refname)", "refs/ppe/keep"]);
    let keep = keep.lines().find(|name| name.contains("T-001")).expect("what the workspace held is kept");
    let tip = env.state().task(&id("T-001")).unwrap().facts.tip.clone().unwrap();
    env.write("left.txt", "left over\n");
    env.git(&["add", "left.txt"]);
    let tree = env.git(&["write-tree"]);
    env.git(&["reset", "-q", "--hard"]);
    let commit = env.git(&["commit-tree", "-p", tip.as_str(), "-m", "held", tree.trim()]);
    env.git(&["update-ref", keep, commit.trim()]);
    sound(&env).says("note     T-001: what its workspace held besides its work is under refs/ppe/keep/");
    assert_eq!(kinds(&env), [("leftovers-kept".to_owned(), json!("T-001"))]);
}

#[test]
fn a_log_that_lost_its_end_or_was_changed_is_said_and_the_rest_is_proved_all_the_same() {
    let env = done();
    let log = env.run_folder().join("log");
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    // Without its last records, the log does not know what has landed.
    let closed = lines.iter().position(|line| line.contains("\"candidate-landed\"")).unwrap();
    fs::write(&log, lines[..closed].join("\n") + "\n").unwrap();
    let unknown: Vec<_> = kinds(&env).into_iter().filter(|(kind, _)| kind == "landing-unrecorded").collect();
    assert_eq!(unknown.len(), 3, "{unknown:?}");
    env.ppe(&["audit"]).exits(10).says("is its landing, and the log does not say so").says("ppe resume\n");

    // One changed letter: nothing from there on is believed.
    let changed = lines.iter().rposition(|line| line.contains("\"task-closed\"")).unwrap();
    let mut bad: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    bad[changed] = bad[changed].replace("task-closed", "task-clased");
    fs::write(&log, bad.join("\n") + "\n").unwrap();
    let end = env.ppe(&["audit"]);
    end.exits(10).says(&format!("line {}", changed + 1)).says("its checksum does not match");
    end.says("landings 2 of 2 are in main\n");
    fs::write(&log, &text).unwrap();
    sound(&env);

    let plan = env.run_folder().join("plan.json");
    let other = fs::read_to_string(&plan).unwrap().replace("\"Three\"", "\"Trees\"");
    fs::write(&plan, other).unwrap();
    env.ppe(&["audit"]).exits(10).says("the plan beside the log is not the one that the run began with");
}
