//! The review gate: what lands only once a person has approved it, and what becomes of what they reject.

use crate::{attempts, id, landed, on_target, place, until_landed};
use ppe_core::event::Event;
use ppe_core::state::{Kind, Step};
use ppe_testkit::env::TestEnv;

fn gated(approval: &str) -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.task("T-003", "Three", &["T-001"], 1);
    env.add_config(&format!("[merge]\napproval = \"{approval}\"\n"));
    env.ready();
    env
}

fn is_open(env: &TestEnv, task: &str) -> bool {
    matches!(env.state().task(&id(task)).map(|t| &t.step), Some(Step::Open))
}

#[test]
fn each_change_waits_for_its_approval_and_dependents_wait_with_it() {
    let env = gated("each");
    let run = env.ppe(&["run", "--yes"]);
    run.exits(10).says("created, waits for your approval");
    assert!(is_open(&env, "T-001") && is_open(&env, "T-002"));
    assert_eq!(attempts(&env, "T-003"), 0);
    assert_eq!(env.git(&["rev-parse", "main"]), env.git(&["rev-parse", "work"]), "nothing has landed");
    let status = env.status();
    assert_eq!(status["reviews"]["tasks"].as_array().unwrap().len(), 2, "{}", status["reviews"]);
    env.ppe(&["status"]).says("2 changes wait for you").says("then ppe approve --all");

    env.ppe(&["diff", "T-001"]).exits(0).says("feat(one): part 1");
    let tip = env.git(&["rev-parse", "--short=9", "feat/T-001-one"]);
    env.ppe(&["approve", "T-001", "--at", "0123abc"]).exits(4).says("look at it again");
    env.ppe(&["approve", "T-001", "--at", tip.trim()]).exits(0).says("approved: T-001 at");
    env.ppe(&["resume", "--yes"]).exits(10);
    landed(&env, "T-001");
    assert!(is_open(&env, "T-002") && is_open(&env, "T-003"), "they were not approved");
    env.ppe(&["approve", "--all"]).exits(0).says("2 approved");
    env.ppe(&["resume", "--yes"]).exits(0);
    on_target(&env, &["feat(one): part 1", "feat(two): part 1", "feat(three): part 1"]);
    env.finish();
}

#[test]
fn a_rejected_change_comes_back_otherwise_in_the_live_run() {
    let mut env = gated("each");
    env.script("[[task]]\nid = \"T-002\"\nhang_attempts = true\nafter_commits = 0\n");
    let run = env.spawn(&["run", "--yes"]);
    let opened = |e: &Event| matches!(e, Event::ChangeOpened { task, .. } if *task == id("T-001"));
    env.until_event("its change is open", opened);
    env.ppe(&["reject", "T-001"]).exits(2);
    env.ppe(&["reject", "T-001", "--note", "say it louder"]).exits(0).says("goes back to its agent");
    env.until("it is open again", || (attempts(&env, "T-001") == 2 && is_open(&env, "T-001")).then_some(()));
    assert_eq!(env.count(|e| matches!(e, Event::AttemptStarted { kind: Kind::Rejected, .. })), 1);
    let prompt = env.run_folder().join("tasks/T-001/a2/agent/prompt");
    let prompt = std::fs::read_to_string(prompt).unwrap();
    assert!(prompt.contains("wants it otherwise") && prompt.contains("say it louder"), "{prompt}");
    env.ppe(&["approve", "T-001"]).exits(0);
    until_landed(&env, "T-001");
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.finish();
}

#[test]
fn a_wave_is_approved_as_a_whole() {
    let env = gated("wave");
    env.ppe(&["run", "--yes"]).exits(10).says("approved with its wave, of which 1 are still to come");
    env.ppe(&["approve", "--wave", "0"]).exits(0).says("2 approved: T-001 at");
    env.ppe(&["resume", "--yes"]).exits(10);
    landed(&env, "T-001");
    landed(&env, "T-002");
    env.ppe(&["approve", "--wave", "1"]).exits(0).says("approved: T-003 at");
    env.ppe(&["resume", "--yes"]).exits(0);
    env.ppe(&["approve", "--all"]).exits(0).says("no change waits for approval");
    env.finish();
}
