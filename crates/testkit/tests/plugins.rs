//! What is said once for all plug-ins is the same in each, and the words that a user says are in them.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// What starts the orchestrator, as its users say it.
const PHRASES: [&str; 9] = [
    "Execute implementation plan with maximum parallelization",
    "parallel execution",
    "parallel plan",
    "concurrent tasks",
    "parallel mode",
    "parallelization",
    "multi-agent execution",
    "concurrent execution",
    "parallel orchestrator",
];

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    let path = at(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// The front matter as one line, however it is broken into lines.
fn front_matter(path: &str) -> String {
    let text = read(path);
    let front = text.split("---\n").nth(1).unwrap_or_else(|| panic!("{path} has no front matter"));
    front.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_words_that_start_it_are_in_the_skill_and_the_agent() {
    let skill = front_matter("integrations/skills/execute-plan/SKILL.md");
    let agent = front_matter("integrations/claude-code/agents/parallel-plan-executor.md");
    for phrase in PHRASES {
        assert!(skill.contains(phrase), "`{phrase}` is not in the skill's description");
    }
    for phrase in &PHRASES[1..] {
        assert!(agent.contains(phrase), "`{phrase}` is not in the agent's description");
    }
}

#[test]
fn the_agents_are_what_they_were_asked_to_be() {
    let orchestrator = front_matter("integrations/claude-code/agents/parallel-plan-executor.md");
    for part in [
        "name: parallel-plan-executor",
        "Parallel execution orchestrator that launches multiple plan-executor agents concurrently for maximum parallelization",
        "model: opus",
        "tools: Task, Bash, Glob, Grep, Read, Write, mcp__github,",
    ] {
        assert!(orchestrator.contains(part), "`{part}` is not in {orchestrator}");
    }
    let executor = read("integrations/claude-code/agents/plan-executor.md");
    for part in ["name: plan-executor\n", "Do not push, open no pull request", "move no cards"] {
        assert!(executor.contains(part), "`{part}` is not in {executor}");
    }
}

#[test]
fn the_plugins_are_one() {
    let claude = "integrations/claude-code/";
    let codex = "integrations/codex/";
    assert_eq!(read(&format!("{claude}.mcp.json")), read(&format!("{codex}.mcp.json")));
    // Neither program follows a link out of a plug-in's folder.
    let skill = "skills/execute-plan/SKILL.md";
    for plugin in [claude, codex] {
        let copy = format!("{plugin}{skill}");
        if std::env::var_os("PPE_REWRITE").is_some() {
            fs::write(at(&copy), read(&format!("integrations/{skill}"))).unwrap();
        }
        assert_eq!(read(&copy), read(&format!("integrations/{skill}")), "PPE_REWRITE=1 copies it to {copy}");
    }
    let ours = env!("CARGO_PKG_VERSION");
    for manifest in
        [format!("{claude}.claude-plugin/plugin.json"), format!("{codex}.codex-plugin/plugin.json")]
    {
        let manifest = json(&manifest);
        assert_eq!((&manifest["name"], &manifest["version"]), (&"ppe".into(), &ours.into()), "{manifest}");
    }
    let market = json(".claude-plugin/marketplace.json");
    assert_eq!(market["plugins"][0]["version"], ours);
    assert_eq!(market["plugins"][0]["category"], "specialized");
}
