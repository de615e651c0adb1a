//! Looks at a repository for what its configuration should say: how it builds and tests, which ignored files a checkout
//! needs. What cannot be read is not found.
//!
//! Does not write anything, and does not know the configuration's form.

use super::builds;
use super::facts::{BoardFound, BoardPlace, Facts, Found};
use super::settings::CommandKind;
use ppe_engine::ports::FoundPlan;
use std::fs;
use std::path::Path;

/// Looks at the repository with this top folder, whose `plans` and branch to land on are known. `is_ignored` says of a
/// path, seen from the top, whether git ignores it.
pub fn survey(top: &Path, target: &str, plans: Vec<FoundPlan>, is_ignored: impl Fn(&str) -> bool) -> Facts {
    let mut facts = Facts { target: target.to_owned(), plans, ..Facts::default() };
    builds::recognise(top, &mut facts);
    if facts.verify.is_empty() {
        make(top, &mut facts);
    }
    facts.board = board(top);
    facts.copy = files(top).into_iter().filter(|name| is_local(name) && is_ignored(name)).collect();
    facts
}

/// The first server in `.mcp.json` whose name, command or address is that of a kanban board.
fn board(top: &Path) -> Option<BoardFound> {
    let text = fs::read_to_string(top.join(".mcp.json")).ok()?;
    let all: serde_json::Value = serde_json::from_str(&text).ok()?;
    all.get("mcpServers")?.as_object()?.iter().find_map(|(name, server)| {
        let word = |key: &str| server.get(key).and_then(serde_json::Value::as_str);
        let args = server.get("args").and_then(serde_json::Value::as_array).into_iter().flatten();
        let command = word("command").into_iter().chain(args.filter_map(serde_json::Value::as_str));
        let command: Vec<String> = command.map(str::to_owned).collect();
        let said = format!("{name} {} {}", command.join(" "), word("url").unwrap_or_default()).to_lowercase();
        if !["kanban", "kandev"].iter().any(|known| said.contains(known)) {
            return None;
        }
        let place = match word("url") {
            Some(url) => BoardPlace::Url(url.to_owned()),
            None if command.is_empty() => return None,
            None => BoardPlace::Server(command),
        };
        Some(BoardFound { place, variables: names(server.get("env")), headers: names(server.get("headers")) })
    })
}

/// The names in a table of the file, and never its values, which may be secret.
fn names(table: Option<&serde_json::Value>) -> Vec<String> {
    let is_name = |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let table = table.and_then(serde_json::Value::as_object).into_iter().flatten();
    table.map(|(name, _)| name).filter(is_name).cloned().collect()
}

fn make(top: &Path, facts: &mut Facts) {
    let text = fs::read_to_string(top.join("Makefile")).unwrap_or_default();
    if text.lines().any(|line| line.starts_with("test:")) {
        facts.add("make test", CommandKind::Test);
    }
}

impl Facts {
    /// Adds a command, named by what it does; the second of a kind also by its program.
    pub(super) fn add(&mut self, run: &str, kind: CommandKind) {
        let plain = kind.name();
        let program = run.split_whitespace().next().unwrap_or(run).trim_start_matches("./");
        let taken = self.verify.iter().any(|found| found.name == plain);
        let name = if taken { format!("{plain}-{program}") } else { plain.to_owned() };
        self.verify.push(Found { name, run: run.to_owned(), kind });
    }
}

/// Whether a file of this name usually holds what one developer needs and nobody commits.
fn is_local(name: &str) -> bool {
    name == ".env" || name.starts_with(".env.") || name == "local.properties"
}

/// The names of the files in a folder, sorted. Links are none: a survey stays inside the repository.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_known_by_its_name_or_command() {
        let top = tempfile::tempdir().unwrap();
        let found = |text: &str| {
            fs::write(top.path().join(".mcp.json"), text).unwrap();
            board(top.path())
        };
        let text = r#"{"mcpServers":{"docs":{"command":"docs"},
            "tasks":{"command":"npx","args":["-y","vibe-kanban@0.1.8","--mcp"]}}}"#;
        let command = ["npx", "-y", "vibe-kanban@0.1.8", "--mcp"].map(str::to_owned).to_vec();
        let at = |place| Some(BoardFound { place, variables: Vec::new(), headers: Vec::new() });
        assert_eq!(found(text), at(BoardPlace::Server(command)));
        let text = r#"{"mcpServers":{"kandev":{"type":"http","url":"http://127.0.0.1:38429/mcp"}}}"#;
        assert_eq!(found(text), at(BoardPlace::Url("http://127.0.0.1:38429/mcp".to_owned())));
        assert_eq!(found(r#"{"mcpServers":{"docs":{"command":"docs"}}}"#), None);
        assert_eq!(found("no JSON"), None);
    }
}
