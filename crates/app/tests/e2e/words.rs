//! What an agent says besides its work: what it used, a question, a part that is made.

use super::{is_landed, place};
use ppe_core::event::Event;
use ppe_core::question::Ask;
use ppe_testkit::env::TestEnv;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A place whose agent is this shell script; `$n` is how often it was started before.
fn agent(script: &str) -> TestEnv {
    let mut env = place();
    let program = env.at("agent");
    let count = env.at("count");
    let head = format!(
        "#!/bin/sh\nset -e\nn=$(cat {0} 2>/dev/null || echo 0)\necho $((n + 1)) > {0}\n",
        count.display()
    );
    fs::write(&program, format!("{head}{script}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    env.set("PPE_AGENT_NAME", "command");
    env.set("PPE_AGENT_COMMAND_CMD", &format!("[\"{}\"]", program.display()));
    env
}

const COMMIT: &str = "commit() { echo \"$1\" >> \"$PPE_TASK.txt\"; git add -A; git commit -qm \"$1\"; }\n";

#[test]
fn a_question_of_an_agent_is_answered_and_told_with_the_next_prompt() {
    let mut env = agent(&format!(
        "{COMMIT}case $n in\n\
         0) commit 'feat: one'; ppe report question 'Which database?' --option Postgres --option SQLite --default SQLite;;\n\
         1) cat > /dev/null; cp \"$PPE_PROMPT_FILE\" \"$SECOND_PROMPT\"; commit 'feat: two';;\n\
         esac\n"
    ));
    let prompt = env.at("prompt");
    env.set("SECOND_PROMPT", &prompt.display().to_string());
    env.set("PPE_ENV_PASS", "[\"SECOND_PROMPT\"]");
    env.task("T-001", "One", &[], 2);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    env.ppe(&["questions"])
        .says("T-001 asks: Which database?")
        .says("ppe answer q1 1")
        .says("Postgres")
        .says("SQLite (if nobody answers)");
    env.ppe(&["answer", "q1", "1"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001"));
    let told = fs::read_to_string(prompt).unwrap();
    assert!(told.contains("The answer to your question \"Which database?\" is: Postgres."), "{told}");
    env.finish();
}

#[test]
fn what_agents_used_is_summed_shown_and_held_against_the_budget() {
    let usage = "echo '{\"report\":\"usage\",\"input\":1000,\"output\":50,\"cost_micro_usd\":600000}'\n";
    let mut env = agent(&format!("{COMMIT}{usage}commit \"feat: $PPE_TASK\"\n"));
    env.set("PPE_BUDGET_USD", "1");
    env.set("PPE_SLOTS", "1");
    for task in ["T-001", "T-002", "T-003"] {
        env.task(task, task, &[], 1);
    }
    env.ready();
    // After the first, one more would cost more than is left.
    env.ppe(&["run", "--yes"]).exits(11).says("the budget is spent");
    assert!(is_landed(&env, "T-001") && !is_landed(&env, "T-002"));
    env.ppe(&["questions"]).says("$0.60 of $1.00 are spent. Grant as much again?");
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    let report = env.ppe(&["report", "--json"]).json();
    assert_eq!(report["usage"]["input"], 3000);
    assert_eq!(report["usage"]["output"], 150);
    assert_eq!(report["usage"]["cost_micro_usd"], 1_800_000);
    assert_eq!(report["each"][0]["usage"]["cost_micro_usd"], 600_000);
    env.ppe(&["report"]).says("Agents used: $1.80, 3.2k tokens");
    let told = |e: &Event| matches!(e, Event::QuestionAsked { ask: Ask::Budget { .. }, .. });
    assert_eq!(env.count(told), 1);
    env.finish();
}

#[test]
fn commit_by_commit_a_person_looks_at_each() {
    let mut env = agent(&format!("{COMMIT}commit \"feat: $n\"\n"));
    env.set("PPE_MODE", "commit-by-commit");
    env.task("T-001", "One", &[], 2);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    env.ppe(&["questions"]).says("T-001 has 1 of 2 commits; next: commit 2").says("send the agent on");
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001"));
    env.finish();
}

#[test]
fn a_dry_run_says_what_would_start_and_starts_nothing() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.ready();
    env.ppe(&["run", "--dry-run"])
        .exits(0)
        .says("Would start at once:\n  T-001 One (agent scripted), on feat/T-001-one")
        .says("nothing was started");
    env.ppe(&["status"]).exits(4);
    env.finish();
}
