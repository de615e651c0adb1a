//! `docs/reference/mcp.md`, held to the code: its tables of tools are written from what clients are told.

use super::attempt::AttemptTool;
use super::tools::{Effect, PlanTool};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- tools: written from the code -->\n";
const END: &str = "<!-- end of tools -->\n";

fn tables() -> String {
    let mut text = String::from("\n| tool | takes | what it does | |\n|---|---|---|---|\n");
    for tool in PlanTool::ALL {
        let effect = match tool.effect() {
            Effect::Looks => "looks",
            Effect::Steers => "steers",
            Effect::Destroys => "may end things for good",
        };
        let described = serde_json::to_value(tool.described()).unwrap();
        let takes = described["inputSchema"]["properties"].as_object().unwrap();
        let takes: Vec<_> = takes.keys().map(|name| format!("`{name}`")).collect();
        writeln!(text, "| `{}` | {} | {} | {effect} |", tool.name(), takes.join(", "), tool.about()).unwrap();
    }
    text.push_str("\nInside an attempt, in place of these:\n\n| tool | what it says |\n|---|---|\n");
    for tool in AttemptTool::ALL {
        writeln!(text, "| `{}` | {} |", tool.name(), tool.about()).unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn the_mcp_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/mcp.md");
    let kept = fs::read_to_string(&path).unwrap();
    let (before, rest) = kept.split_once(BEGIN).expect("the mark of the tables");
    let (_, after) = rest.split_once(END).expect("their end");
    let text = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("PPE_REWRITE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept == text, "docs/reference/mcp.md is not current: run the tests once with PPE_REWRITE=1");
}

#[test]
fn what_tools_take_and_answer_is_plain_json_schema() {
    for tool in PlanTool::ALL {
        let described = serde_json::to_string(&tool.described()).unwrap();
        for word in ["$ref", "$defs", "\"null\"", "uint"] {
            assert!(!described.contains(word), "{}: {word} in {described}", tool.name());
        }
    }
}
