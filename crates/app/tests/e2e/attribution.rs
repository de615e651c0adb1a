//! An agent that signs its work: what it is asked, and what is published and landed all the same.

use crate::{attempts, is_held, is_landed, landed, place};
use ppe_core::event::Event;
use ppe_core::state::Hold;
use ppe_testkit::env::TestEnv;
use std::fs;

const TRAILER: &str = "Co-Authored-By: Claude <noreply@anthropic.com>";
const FOOTER: &str = "\u{1f916} Generated with [Claude Code](https://claude.com/claude-code)";

/// The agent's work when it is asked for the first time. `$n` counts how often it was asked.
const AGENT: &str = r#"set -e
out=OUT
n=$(ls "$out" | grep -c prompt || true)
cat > "$out/prompt-$n"
if [ ! -e work.txt ]; then
    echo work > work.txt
    git add -A
    git -c user.name=Claude -c user.email=noreply@anthropic.com commit -q -m 'feat: one' -m 'Why.' -m 'FOOTER' -m 'TRAILER'
fi
"#;

/// A place whose agent is a shell script that commits as another and signs what it commits, then does something more.
fn with_agent(then: &str) -> TestEnv {
    let env = place();
    let text = AGENT.replace("OUT", &env.at("out").display().to_string());
    let text = text.replace("FOOTER", FOOTER).replace("TRAILER", TRAILER);
    fs::write(env.at("agent.sh"), text + then).unwrap();
    let config = fs::read_to_string(env.repo().join("ppe.toml")).unwrap();
    env.write("ppe.toml", &config.replace("name = \"scripted\"", "name = \"command\""));
    let agent = env.at("agent.sh").display().to_string();
    env.add_config(&format!("[agent.command]\ncmd = [\"/bin/sh\", \"{agent}\"]\n"));
    env.task("T-001", "One", &[], 1);
    env
}

fn prompts(env: &TestEnv) -> Vec<String> {
    (0..).map_while(|n| fs::read_to_string(env.at("out").join(format!("prompt-{n}"))).ok()).collect()
}

/// What the commits say that a branch has and the user's does not.
fn said(env: &TestEnv, branch: &str) -> String {
    env.git(&["log", "--format=%an <%ae> %cn <%ce>%n%B", &format!("work..{branch}")])
}

#[test]
fn signed_commits_are_asked_about_once_then_published_and_landed_without_the_signature() {
    let mut env = with_agent("");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0).says("its agent is asked to name no AI in its work");
    landed(&env, "T-001");
    let prompts = prompts(&env);
    assert_eq!(prompts.len(), 2, "the work, and the one question");
    for part in [TRAILER, FOOTER, "author is Claude <noreply@anthropic.com>"] {
        assert!(prompts[1].contains(part), "{part} in:\n{}", prompts[1]);
    }
    for branch in ["feat/T-001-one", "main"] {
        let said = said(&env, branch);
        assert!(said.contains("feat: one\n\nWhy."), "{said}");
        for name in ["Claude", "Generated", "anthropic"] {
            assert!(!said.contains(name), "{name} on {branch}:\n{said}");
        }
        assert!(said.contains("Uma User <uma@example.org> Uma User <uma@example.org>"), "{said}");
    }
    assert_eq!((attempts(&env, "T-001"), env.count(|e| matches!(e, Event::AttemptFailed { .. }))), (1, 0));
    env.finish();
}

#[test]
fn an_agent_that_rewords_its_commits_when_it_is_asked_leaves_us_nothing_to_do() {
    let mut env = with_agent(
        "if [ $n = 1 ]; then git commit -q --amend --reset-author -m 'feat: one, reworded by its agent'; fi\n",
    );
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert!(said(&env, "main").contains("feat: one, reworded by its agent"));
    assert_eq!(env.count(|e| matches!(e, Event::LeftoversTaken { .. })), 0);
    env.finish();
}

#[test]
fn a_line_that_stays_in_a_file_costs_a_try_and_is_named() {
    let mut env = with_agent(
        "case $n in\n\
         0) printf 'fn a() {}\\n// Generated with Claude Code\\n' > a.rs; git add a.rs; git commit -q -m 'feat: a';;\n\
         2) printf 'fn a() {}\\n' > a.rs; git commit -q -am 'fix: a';;\n\
         esac\n",
    );
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001"));
    let red = "the work names an AI as its author: a.rs:2: // Generated with Claude Code";
    let failed = |e: &Event| matches!(e, Event::AttemptFailed { failure, .. } if failure.summary == red);
    assert_eq!((attempts(&env, "T-001"), env.count(failed)), (2, 1));
    let prompts = prompts(&env);
    assert!(prompts[2].contains(&format!("What failed: {red}")), "{}", prompts[2]);
    assert!(!said(&env, "main").contains("Claude"), "what was reworded stays so in later attempts");
    env.finish();
}

#[test]
fn a_person_is_asked_where_no_try_helps() {
    let mut env = with_agent("echo \"made at ACME $n\" >> a.py; git add a.py; git commit -q -m \"try $n\"\n");
    env.add_config("[changes]\nattribution_patterns = [\"made at acme\"]\n");
    env.set("PPE_RETRIES_VERIFICATION", "0");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10).says("a.py:1: made at ACME 0 (and 1 more)");
    assert!(is_held(&env, "T-001", Hold::Stuck));
    let said = said(&env, "feat/T-001-one");
    assert!(said.contains("try 1") && !said.contains("anthropic"), "people look at it: {said}");
    env.finish();
}

#[test]
fn each_of_the_two_switches_ends_it() {
    let mut env = with_agent("");
    env.set("PPE_CHANGES_ATTRIBUTION", "allow");
    env.set("PPE_MERGE_TRAILERS", "false");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    let said = said(&env, "main");
    assert!(said.contains(TRAILER) && said.contains(FOOTER), "{said}");
    assert!(said.contains("Merge T-001: One") && !said.contains("Ppe-"), "{said}");
    assert_eq!(prompts(&env).len(), 1);
    env.finish();
}
