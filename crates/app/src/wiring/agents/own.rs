//! What of the user's own acts beside ours in an agent: hooks, sub-agents, instructions. Names only.
//!
//! Knows where they lie and not what they do.

use super::login::folder;
use super::{Depth, NAME, is_users};
use crate::wiring::check::{Check, good, warning};
use ppe_adapters::config::NativeAgent;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that agents read by themselves at the top of a repository.
const INSTRUCTIONS: [&str; 3] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md"];

/// What acts in Claude Code: in the repository, and in the user's folder when that is used.
pub(super) fn of_claude(
    root: &Path,
    agent: &NativeAgent,
    env: &BTreeMap<String, String>,
    depth: Depth,
) -> Vec<Check> {
    let users = folder(("CLAUDE_CONFIG_DIR", ".claude"), env).filter(|_| is_users(agent.home));
    let places: Vec<PathBuf> = [root.join(".claude")].into_iter().chain(users).collect();
    let mut checks = Vec::new();
    if let Some(wanted) = &agent.agent {
        let file = format!("agents/{wanted}.md");
        if !places.iter().any(|place| place.join(&file).exists()) {
            checks.push(warning(
                NAME,
                format!("claude: agent.claude.agent is {wanted}, and there is no .claude/{file}"),
                "write it and commit it, or leave agent.claude.agent out: the prompt does without a sub-agent",
            ));
        }
    }
    if depth == Depth::Start {
        return checks;
    }
    for place in &places {
        let file = place.join("settings.json");
        let hooks = hooks(&file);
        if !hooks.is_empty() {
            checks.push(warning(
                NAME,
                format!("claude: hooks of {} act in every attempt: {}", file.display(), hooks.join(", ")),
                "agent.claude.home = \"private\" leaves yours out; those of the repository act anyway",
            ));
        }
    }
    let agents: BTreeSet<String> =
        places.iter().flat_map(|place| sub_agents(&place.join("agents"))).collect();
    if !agents.is_empty() {
        let names = agents.into_iter().collect::<Vec<_>>().join(", ");
        checks.push(good(NAME, format!("claude: sub-agents at hand: {names}")));
    }
    checks
}

/// The kinds of hooks that a settings file sets; none of one that cannot be understood.
fn hooks(file: &Path) -> Vec<String> {
    let text = fs::read(file).unwrap_or_default();
    let settings: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    settings["hooks"].as_object().map(|hooks| hooks.keys().cloned().collect()).unwrap_or_default()
}

fn sub_agents(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect()
}

/// The instructions that agents find in the repository.
pub(super) fn instructions(root: &Path) -> Option<Check> {
    let there: Vec<&str> = INSTRUCTIONS.into_iter().filter(|name| root.join(name).exists()).collect();
    (!there.is_empty())
        .then(|| good("instructions", format!("agents read {} besides the prompt", there.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::CheckLevel;
    use ppe_adapters::config::Home;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn hooks_and_sub_agents_are_named_and_a_missing_one_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let (repo, home) = (dir.path().join("repo"), dir.path().join("home"));
        write(&repo.join(".claude/settings.json"), r#"{"hooks": {"PreToolUse": [{"command": "secret"}]}}"#);
        write(&home.join(".claude/settings.json"), r#"{"hooks": {"Stop": []}}"#);
        write(&home.join(".claude/agents/reviewer.md"), "");
        write(&repo.join("CLAUDE.md"), "");
        let env = BTreeMap::from([("HOME".to_owned(), home.display().to_string())]);
        let said = |agent: &NativeAgent, depth| {
            let checks = of_claude(&repo, agent, &env, depth);
            checks.iter().map(|c| format!("{:?} {}", c.level, c.text)).collect::<Vec<_>>()
        };
        let mut agent = NativeAgent { agent: Some("plan-executor".to_owned()), ..NativeAgent::default() };
        let missing = "Warning claude: agent.claude.agent is plan-executor, and there is no .claude/agents/plan-executor.md";
        assert_eq!(said(&agent, Depth::Start), [missing]);
        let all = said(&agent, Depth::Everything);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all[1].ends_with("repo/.claude/settings.json act in every attempt: PreToolUse"), "{all:?}");
        assert!(all[2].ends_with("home/.claude/settings.json act in every attempt: Stop"), "{all:?}");
        assert_eq!(all[3], "Good claude: sub-agents at hand: reviewer");
        agent.home = Home::Private;
        assert_eq!(said(&agent, Depth::Everything).len(), 2, "the user's own do not act");
        write(&repo.join(".claude/agents/plan-executor.md"), "");
        assert_eq!(said(&agent, Depth::Start), Vec::<String>::new());
        let read = instructions(&repo).unwrap();
        assert_eq!(
            (read.level, read.text.as_str()),
            (CheckLevel::Good, "agents read CLAUDE.md besides the prompt")
        );
    }

    #[test]
    fn settings_that_are_no_json_have_no_hooks() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a"), "{");
        assert_eq!(hooks(&dir.path().join("a")), Vec::<String>::new());
        assert_eq!(hooks(&dir.path().join("none")), Vec::<String>::new());
    }
}
