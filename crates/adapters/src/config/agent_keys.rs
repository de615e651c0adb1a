//! The keys of agents that are programs of their own kind: the same for each, said once.

use super::key::{Key, choice, key, list, text};
use super::settings::{Home, Permissions, Settings};

/// The keys of `[agent.NAME]` for one of them.
macro_rules! agent_keys {
    ($name:literal, $field:ident) => {
        &[
            key(
                concat!("agent.", $name, ".program"),
                text(|s: &mut Settings, t| s.agents.$field.program = t),
                &[],
                "The program, by name or path.",
            ),
            key(
                concat!("agent.", $name, ".model"),
                text(|s: &mut Settings, t| s.agents.$field.model = Some(t)),
                &[],
                "The model of tasks and rules that name none.",
            ),
            key(
                concat!("agent.", $name, ".agent"),
                text(|s: &mut Settings, t| s.agents.$field.agent = Some(t)),
                &[],
                "The sub-agent that does the work, where the program has such and you have installed it.",
            ),
            key(
                concat!("agent.", $name, ".permissions"),
                choice(&[
                    ("edits", |s: &mut Settings| s.agents.$field.permissions = Permissions::Edits),
                    ("all", |s: &mut Settings| s.agents.$field.permissions = Permissions::All),
                ]),
                &[],
                "What it may do unasked: edit the workspace and use git, or everything, its own sandbox off.",
            ),
            key(
                concat!("agent.", $name, ".allow"),
                list(|s: &mut Settings, l| s.agents.$field.allow = l),
                &[],
                "What it may do besides, in the program's own words: `Bash(npm test:*)`.",
            ),
            key(
                concat!("agent.", $name, ".args"),
                list(|s: &mut Settings, l| s.agents.$field.args = l),
                &[],
                "Further arguments, put behind ours.",
            ),
            key(
                concat!("agent.", $name, ".home"),
                choice(&[
                    ("user", |s: &mut Settings| s.agents.$field.home = Home::User),
                    ("private", |s: &mut Settings| s.agents.$field.home = Home::Private),
                ]),
                &[],
                "Whose login and settings it uses: yours, or a folder of each task alone.",
            ),
            key(
                concat!("agent.", $name, ".env"),
                list(|s: &mut Settings, l| s.agents.$field.env = l),
                &[],
                "Variables that it sees besides those of `[env]`: its key, for one. Patterns as in `env.pass`.",
            ),
            key(
                concat!("agent.", $name, ".account"),
                text(|s: &mut Settings, t| s.agents.$field.account = Some(t)),
                &[],
                "Whose allowance it uses: agents of one account wait together. Its name by default.",
            ),
            key(
                concat!("agent.", $name, ".fallback"),
                text(|s: &mut Settings, t| s.agents.$field.fallback = Some(t)),
                &[],
                "The agent that takes its tasks while its account has no allowance.",
            ),
        ]
    };
}

/// One group for each agent.
pub(super) static AGENT_KEYS: [&[Key<Settings>]; 4] = [
    agent_keys!("claude", claude),
    agent_keys!("codex", codex),
    agent_keys!("opencode", opencode),
    agent_keys!("gemini", gemini),
];
