//! `ppe init` for the programs that runs are started from: their files in the user's repository.

use crate::place;
use std::fs;

const CLAUDE: [&str; 4] = [
    ".claude/skills/execute-plan/SKILL.md",
    ".claude/agents/parallel-plan-executor.md",
    ".claude/agents/plan-executor.md",
    ".mcp.json",
];
const CODEX: [&str; 2] = [".agents/skills/execute-plan/SKILL.md", ".codex/config.toml"];

#[test]
fn what_claude_code_and_codex_need_is_written_once() {
    let env = place();
    env.ppe(&["init", "--claude", "--print"]).exits(2);
    let first = env.ppe(&["init", "--claude", "--codex"]);
    first.exits(0).says("ppe.toml is there already").says("maximum parallelization");
    let files = || -> Vec<String> {
        let all = CLAUDE.iter().chain(&CODEX);
        all.map(|path| fs::read_to_string(env.repo().join(path)).unwrap()).collect()
    };
    let written = files();
    assert_eq!(written[0], written[4], "both have one skill");
    for path in CLAUDE.iter().chain(&CODEX) {
        first.says(&format!("wrote {path}"));
    }
    let again = env.ppe(&["init", "--claude", "--codex"]);
    again.exits(0).says(".mcp.json is as it should be");
    assert!(!again.all().contains("wrote") && !again.all().contains("warning"), "{}", again.all());
    assert_eq!(files(), written);
}

#[test]
fn what_a_person_has_written_stays_and_ours_is_added_to_it() {
    let env = place();
    let servers = "{\n  \"mcpServers\": {\n    \"board\": {\"command\": \"vibe\"}\n  }\n}\n";
    env.write(".mcp.json", servers);
    env.write(".codex/config.toml", "model = \"o\"\n");
    let init = || env.ppe(&["init", "--claude", "--codex"]);
    init().exits(0).says("added ppe to .mcp.json").says("added ppe to .codex/config.toml");
    let text = |path: &str| fs::read_to_string(env.repo().join(path)).unwrap();
    let (json, toml) = (text(".mcp.json"), text(".codex/config.toml"));
    let own = "\n    \"ppe\": {\"args\":[\"mcp\"],\"command\":\"ppe\"},";
    assert_eq!(json, servers.replacen("Servers\": {", &format!("Servers\": {{{own}"), 1));
    assert_eq!(toml, "model = \"o\"\n\n[mcp_servers.ppe]\ncommand = \"ppe\"\nargs = [\"mcp\"]\n");
    init().exits(0).says(".mcp.json is as it should be").says(".codex/config.toml is as it should be");
    assert_eq!((text(".mcp.json"), text(".codex/config.toml")), (json, toml), "once");
    for (there, servers) in [("{}", 1), ("{\"x\": 1}", 1), ("{\"mcpServers\": {}}", 1)] {
        env.write(".mcp.json", there);
        init().exits(0).says("added ppe to .mcp.json");
        let made: serde_json::Value = serde_json::from_str(&text(".mcp.json")).unwrap();
        assert_eq!(made["mcpServers"]["ppe"]["command"], "ppe", "{there}");
        assert_eq!(made["mcpServers"].as_object().unwrap().len(), servers, "{there}");
    }
}

#[test]
fn what_ours_cannot_be_added_to_is_left_alone_and_what_is_missing_is_said() {
    let env = place();
    let own = [
        (".mcp.json", r#"{"old": {"mcpServers": {}}, "mcpServers": {"board": {"command": "vibe"}}}"#),
        (".codex/config.toml", "mcp_servers = { board = { command = \"vibe\" } }\n"),
        (CLAUDE[2], "mine\n"),
    ];
    for (path, text) in own {
        env.write(path, text);
    }
    let told = env.ppe(&["init", "--claude", "--codex"]);
    told.exits(0).says("warning: .mcp.json is there already").says("\"args\": [\"mcp\"]");
    told.says("warning: .codex/config.toml is there already").says("[mcp_servers.ppe]");
    told.says("warning: .claude/agents/plan-executor.md is there already")
        .says(&format!("wrote {}", CLAUDE[1]));
    for (path, text) in own {
        assert_eq!(fs::read_to_string(env.repo().join(path)).unwrap(), text, "{path}");
    }
    // Ours among others is as good, however it is written.
    env.write(
        ".mcp.json",
        r#"{"mcpServers": {"board": {}, "ppe": {"command": "/opt/ppe", "args": ["mcp"]}}}"#,
    );
    env.write(".codex/config.toml", "model = \"o\"\n\n[mcp_servers.ppe]\ncommand = \"/opt/ppe\"\n");
    let told = env.ppe(&["init", "--claude", "--codex"]);
    told.exits(0).says(".mcp.json is as it should be").says(".codex/config.toml is as it should be");
}
