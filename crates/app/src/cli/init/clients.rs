//! The files by which Claude Code and Codex know of ppe in one repository: those of the plug-ins, at the places where each
//! looks for a repository's own.

use super::super::ui::Ui;
use crate::error::AppError;
use crate::wiring::replace;
use ppe_core::text::shown;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use toml::Table;

/// A program from which a user starts runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Claude,
    Codex,
}

/// A file of ours.
struct OurFile {
    path: &'static str,
    text: &'static str,
    /// What a file that is there already becomes with ours in it: itself if it does what ours is for, nothing if ours
    /// cannot be added without touching anything else.
    with_ours: fn(&str) -> Option<String>,
}

const SKILL: &str = include_str!("../../../../../integrations/skills/execute-plan/SKILL.md");
const SERVER: &str = include_str!("../../../../../integrations/claude-code/.mcp.json");

const CLAUDE: [OurFile; 4] = [
    text(".claude/skills/execute-plan/SKILL.md", SKILL),
    text(
        ".claude/agents/parallel-plan-executor.md",
        include_str!("../../../../../integrations/claude-code/agents/parallel-plan-executor.md"),
    ),
    text(
        ".claude/agents/plan-executor.md",
        include_str!("../../../../../integrations/claude-code/agents/plan-executor.md"),
    ),
    OurFile { path: ".mcp.json", text: SERVER, with_ours: with_server_in_json },
];

const CODEX: [OurFile; 2] = [
    text(".agents/skills/execute-plan/SKILL.md", SKILL),
    OurFile { path: ".codex/config.toml", text: CODEX_SERVER, with_ours: with_server_in_toml },
];

const CODEX_SERVER: &str = "[mcp_servers.ppe]\ncommand = \"ppe\"\nargs = [\"mcp\"]\n";

const fn text(path: &'static str, text: &'static str) -> OurFile {
    OurFile { path, text, with_ours: |_| None }
}

/// Our server before all others, every letter of theirs where it was.
fn with_server_in_json(there: &str) -> Option<String> {
    let mut wanted: Value = serde_json::from_str(there).ok()?;
    let ours: Value = serde_json::from_str(SERVER).ok()?;
    let servers = wanted.as_object_mut()?.entry("mcpServers").or_insert_with(|| json!({})).as_object_mut()?;
    if servers.contains_key("ppe") {
        return Some(there.to_owned());
    }
    servers.insert("ppe".to_owned(), ours["mcpServers"]["ppe"].clone());
    let own = format!("\n    \"ppe\": {}", ours["mcpServers"]["ppe"]);
    let (from, own) = match there.find("\"mcpServers\"") {
        Some(at) => (at, own),
        None => (0, format!("\n  \"mcpServers\": {{{own}\n  }}")),
    };
    let (head, rest) = there.split_at(from + there[from..].find('{')? + 1);
    let comma = if rest.trim_start().starts_with('}') { "\n" } else { "," };
    let text = format!("{head}{own}{comma}{rest}");
    // A name or a brace in somebody's text may have been taken for what it is not.
    serde_json::from_str::<Value>(&text).is_ok_and(|made| made == wanted).then_some(text)
}

fn with_server_in_toml(there: &str) -> Option<String> {
    let servers = |text: &str| -> Option<Table> {
        let settings: Table = text.parse().ok()?;
        Some(settings.get("mcp_servers").and_then(|servers| servers.as_table().cloned()).unwrap_or_default())
    };
    if servers(there)?.contains_key("ppe") {
        return Some(there.to_owned());
    }
    let gap = match there {
        "" => "",
        _ if there.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let text = format!("{there}{gap}{CODEX_SERVER}");
    servers(&text)?.contains_key("ppe").then_some(text)
}

impl Client {
    fn files(self) -> &'static [OurFile] {
        match self {
            Self::Claude => &CLAUDE,
            Self::Codex => &CODEX,
        }
    }

    /// How a run is started from it.
    fn use_it(self) -> &'static str {
        match self {
            Self::Claude => {
                "in Claude Code: \"Execute implementation plan with maximum parallelization\", or /execute-plan; it asks once \
                 whether the server `ppe` may be used"
            }
            Self::Codex => {
                "in Codex, once it trusts this folder: \"Execute implementation plan with maximum parallelization\""
            }
        }
    }
}

/// Puts a program's files into a repository. What is there already stays as it is: ours is added to it, or said.
pub(super) fn install(top: &Path, client: Client, ui: &mut Ui) -> Result<(), AppError> {
    for OurFile { path, text, with_ours } in client.files() {
        let file = top.join(path);
        let failed = |error| AppError::environment(format!("{}: {error}", file.display()));
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        match File::create_new(&file) {
            Ok(mut new) => {
                new.write_all(text.as_bytes()).map_err(failed)?;
                ui.talk(&format!("wrote {path}"));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let there = fs::read_to_string(&file).map_err(failed)?;
                let wanted = if there == *text { Some(there.clone()) } else { with_ours(&there) };
                match wanted {
                    Some(wanted) if wanted == there => ui.talk(&format!("{path} is as it should be")),
                    // Where it cannot be written the user is told what to write.
                    Some(wanted) if replace(&file, &there, &wanted).unwrap_or(false) => {
                        ui.talk(&format!("added ppe to {path}"));
                    }
                    Some(_) | None => say_ours(path, text, ui),
                }
            }
            Err(error) => return Err(failed(error)),
        }
    }
    ui.talk(client.use_it());
    Ok(())
}

fn say_ours(path: &str, ours: &str, ui: &mut Ui) {
    ui.talk(&format!("warning: {path} is there already, otherwise than ours, and left alone; ours is:"));
    for line in ours.lines() {
        ui.talk(&shown(&format!("  {line}")));
    }
}
