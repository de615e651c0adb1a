//! What agents are told: shown beforehand, by the user's own template where there is one, frozen with the run.

use crate::{is_landed, place};
use ppe_testkit::env::TestEnv;
use std::fs;

/// One task, done by a program that keeps its prompt.
fn keeping() -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.set("PPE_AGENT_NAME", "command");
    let told = env.at("told").display().to_string();
    let work = "echo one > one.txt && git add -A && git commit -qm 'feat(one): part 1'";
    env.add_config(&format!("[agent.command]\ncmd = \"cat > '{told}' && {work}\""));
    env
}

#[test]
fn what_is_shown_is_what_an_agent_is_told() {
    let mut env = keeping();
    env.set("REPORT_EVERY_N_COMMITS", "3");
    env.ready();
    let shown = env.ppe(&["plan", "prompt", "T-001"]);
    shown.exits(0).says("Execute task T-001 autonomously. Report progress every 3 commits.").says("Do One.");
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(fs::read_to_string(env.at("told")).unwrap().trim_end(), shown.stdout.trim_end());
    env.ppe(&["plan", "prompt"]).exits(0).says("Execute task {{task}} autonomously.");
    env.ppe(&["plan", "prompt", "T-9"]).exits(2).says("the plan has no task T-9");
    env.finish();
}

#[test]
fn a_template_of_the_users_is_read_when_the_run_begins() {
    let mut env = keeping();
    env.set("PPE_AGENT_PROMPT", "prompts/mine.md");
    env.write(
        "prompts/mine.md",
        "Mine: {{task}} on {{branch}}\n\n{{note}}\n\n{{situation}} {{failure}} {{rules}}\n{{body}}\n",
    );
    env.ready();
    env.ppe(&["plan", "prompt"]).exits(0).says("Mine: {{task}}");
    env.ppe(&["run", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001"));
    let told = fs::read_to_string(env.at("told")).unwrap();
    assert!(told.starts_with("Mine: T-001 on feat/T-001-one\n\nYou are in"), "{told}");
    let policy = env.state().policy;
    assert!(policy.prompt.as_deref().is_some_and(|text| text.starts_with("Mine: {{task}}")), "{policy:?}");
    env.finish();
}

#[test]
fn a_wrong_template_is_named_with_its_lines_and_nothing_starts() {
    let mut env = keeping();
    env.set("PPE_AGENT_PROMPT", "mine.md");
    env.write("mine.md", "{{task}}\n{{titl}}\n{{ body\n");
    env.ready();
    for command in [["run", "--yes"].as_slice(), &["doctor"]] {
        env.ppe(command)
            .exits(4)
            .says("mine.md:2: unknown placeholder {{titl}}: did you mean {{title}}?")
            .says("mine.md:3: {{ without }}");
    }
    env.ppe(&["plan", "prompt", "T-001"]).exits(4).says("mine.md:2: unknown placeholder {{titl}}");
    env.write("mine.md", "{{task}}\n{{rules}}\n{{situation}}\n{{failure}}");
    env.ppe(&["doctor"]).exits(0).says("mine.md does without {{body}}");
    fs::remove_file(env.repo().join("mine.md")).unwrap();
    env.ppe(&["run", "--yes"]).exits(4).says("mine.md: No such file");
    assert!(env.runs().is_empty());
}
