//! The files by which Claude Code and Codex know of ppe in one repository: those of the plug-ins, at the places where each
//! looks for a repository's own.

use super::super::ui::Ui;
use crate::error::AppError;
use ppe_core::text::shown;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

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
    /// Whether a file that is there already, of whatever else, does what ours is for.
    does: fn(&str) -> bool,
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
    OurFile { path: ".mcp.json", text: SERVER, does: names_server_in_json },
];

const CODEX: [OurFile; 2] = [
    text(".agents/skills/execute-plan/SKILL.md", SKILL),
    OurFile {
        path: ".codex/config.toml",
        text: "[mcp_servers.ppe]\ncommand = \"ppe\"\nargs = [\"mcp\"]\n",
        does: |there| there.lines().any(|line| line.trim() == "[mcp_servers.ppe]"),
    },
];

const fn text(path: &'static str, text: &'static str) -> OurFile {
    OurFile { path, text, does: |_| false }
}

fn names_server_in_json(there: &str) -> bool {
    let settings: Result<serde_json::Value, _> = serde_json::from_str(there);
    settings.is_ok_and(|settings| settings.pointer("/mcpServers/ppe").is_some())
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

/// Puts a program's files into a repository. What is there already is left alone, and what is missing in it is said.
pub(super) fn install(top: &Path, client: Client, ui: &mut Ui) -> Result<(), AppError> {
    for OurFile { path, text, does } in client.files() {
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
                if there == *text || does(&there) {
                    ui.talk(&format!("{path} is as it should be"));
                } else {
                    ui.talk(&format!(
                        "warning: {path} is there already, otherwise than ours, and left alone; ours is:"
                    ));
                    for line in text.lines() {
                        ui.talk(&shown(&format!("  {line}")));
                    }
                }
            }
            Err(error) => return Err(failed(error)),
        }
    }
    ui.talk(client.use_it());
    Ok(())
}
