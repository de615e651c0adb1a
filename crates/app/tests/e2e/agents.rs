//! Agents before a start: who is there, who is not, and what is said of it, without a request.

use crate::place;
use ppe_testkit::env::TestEnv;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A program that says its version and writes down that it was asked.
fn program(env: &TestEnv, name: &str, version: &str) -> String {
    let path = env.at(name);
    let asked = env.at("asked");
    fs::write(&path, format!("#!/bin/sh\nenv >> '{}'\necho '{version}'\n", asked.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn doctor_knows_version_and_login_of_an_agent() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.ready();
    env.set("PPE_AGENT_NAME", "claude");
    env.set("PPE_AGENT_CLAUDE_PROGRAM", &program(&env, "old", "2.1.197 (Claude Code)"));
    env.set("NOT_FOR_AGENTS", "x");
    env.ppe(&["doctor"])
        .exits(0)
        .says("old, 2.1.197 (Claude Code)")
        .says("claude 2.1.197 (Claude Code): npm installs this old version")
        .says("npm install -g @anthropic-ai/claude-code@2.1.331")
        .says("claude: no login was found");
    let asked = fs::read_to_string(env.at("asked")).unwrap();
    assert!(asked.contains("HOME=") && !asked.contains("NOT_FOR_AGENTS"), "{asked}");

    fs::create_dir_all(env.at("home/.claude")).unwrap();
    fs::write(env.at("home/.claude/.credentials.json"), "").unwrap();
    env.set("PPE_AGENT_CLAUDE_PROGRAM", &program(&env, "new", "2.1.331 (Claude Code)"));
    let end = env.ppe(&["doctor"]);
    end.exits(0).says("login: ").says("/home/.claude/.credentials.json");
    assert!(!end.all().contains("no login") && !end.all().contains("npm installs"), "{}", end.all());
    env.finish();
}

#[test]
fn agents_that_nobody_knows_are_named_at_once_and_nothing_starts() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task_with("T-002", "Two", &[], 1, "- **Agent**: claud\n");
    env.task_with("T-003", "Three", &[], 1, "- **Agent**: claud\n");
    env.add_config("[[agent.rule]]\nmatch = { title = \"one\" }\nagent = \"scriptd\"\n");
    env.ready();
    let end = env.ppe(&["run", "--yes"]);
    end.exits(4)
        .says("unknown agent claud: did you mean claude?")
        .says("(named by T-002, T-003)")
        .says("unknown agent scriptd: did you mean scripted?")
        .says("(named by T-001, the rule at ppe.toml:");
    assert!(env.runs().is_empty());
    env.finish();
}

#[test]
fn a_program_that_is_missing_stops_only_whom_it_concerns() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.add_config(
        "[agent.codex]\nprogram = \"/nowhere/codex\"\n\
         [[agent.rule]]\nmatch = { title = \"two\" }\nagent = \"codex\"\n",
    );
    env.ready();
    env.ppe(&["doctor"]).exits(0).says("warning agent        codex: there is no program `/nowhere/codex`");
    env.task("T-002", "Two", &[], 1);
    env.ready();
    env.ppe(&["doctor"]).exits(4).says("error   agent        codex: there is no program `/nowhere/codex`");
    env.ppe(&["run", "--yes"]).exits(4).says("npm install -g @openai/codex");
    assert!(env.runs().is_empty());
    env.finish();
}

#[test]
fn root_is_told_before_it_is_refused() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.ready();
    env.set("PPE_AGENT_NAME", "claude");
    env.set("PPE_AGENT_CLAUDE_PROGRAM", &program(&env, "new", "2.1.331"));
    env.ppe(&["doctor"]).exits(0);
    env.set("PPE_AGENT_CLAUDE_PERMISSIONS", "all");
    if nix::unistd::geteuid().is_root() {
        env.ppe(&["doctor"]).exits(4).says("as root it refuses to start with permissions = \"all\"");
        env.set("IS_SANDBOX", "1");
        env.ppe(&["doctor"]).exits(4);
        env.set("PPE_AGENT_CLAUDE_ENV", "IS_SANDBOX");
    }
    env.ppe(&["doctor"]).exits(0);
    env.finish();
}
