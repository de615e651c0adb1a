//! The keys of agents: which one works, and how each is run. Those of programs of their own kind are the same for each, and
//! said once.

use super::agent_settings::{Home, Permissions};
use super::key::{Key, choice, command, key, list, real, text};
use super::settings::Settings;

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

/// One group for each agent that is a program of its own kind.
pub(super) static NATIVE_KEYS: [&[Key<Settings>]; 4] = [
    agent_keys!("claude", claude),
    agent_keys!("codex", codex),
    agent_keys!("opencode", opencode),
    agent_keys!("gemini", gemini),
];

/// Which agent works, and the keys of the others.
pub(super) static AGENT_KEYS: &[Key<Settings>] = &[
    key("agent.name", text(|s, t| s.policy.agent = t), &[], "The agent of tasks that name none."),
    key(
        "agent.prompt",
        text(|s, t| s.prompt_file = Some(t)),
        &[],
        "A file with your own template of what agents are told. `ppe plan prompt` prints the one that holds.",
    ),
    key(
        "agent.fallback",
        text(|s, t| s.fallback = Some(t)),
        &[],
        "The agent that takes tasks whose own has no allowance and names no fallback.",
    ),
    key(
        "agent.acp.cmd",
        command(|s, argv| s.acp_agent.argv = argv),
        &[],
        "The program that speaks the protocol on its standard input and output.",
    ),
    key(
        "agent.acp.model",
        text(|s, t| s.acp_agent.model = Some(t)),
        &[],
        "The model of tasks and rules that name none, where the agent lets it be chosen.",
    ),
    key(
        "agent.acp.mode",
        text(|s, t| s.acp_agent.mode = Some(t)),
        &[],
        "The agent's mode of work, in its own words; without it the one that edits without asking, where it has one.",
    ),
    key(
        "agent.acp.permissions",
        choice(&[
            ("edits", |s| s.acp_agent.permissions = Permissions::Edits),
            ("all", |s| s.acp_agent.permissions = Permissions::All),
        ]),
        &[],
        "Which of its requests are granted: to edit and to run what the workspace needs, or every one.",
    ),
    key(
        "agent.acp.env",
        list(|s, l| s.acp_agent.env = l),
        &[],
        "Variables that it sees besides those of `[env]`: its key, for one. Patterns as in `env.pass`.",
    ),
    key(
        "agent.acp.account",
        text(|s, t| s.acp_agent.account = Some(t)),
        &[],
        "Whose allowance it uses: agents of one account wait together. Its name by default.",
    ),
    key(
        "agent.command.cmd",
        command(|s, argv| s.command_agent.argv = argv),
        &[],
        "The program. It gets the prompt on its standard input and works in the current folder.",
    ),
    key(
        "agent.command.env",
        list(|s, l| s.command_agent.env = l),
        &[],
        "Variables that it sees besides those of `[env]`: its key, for one. Patterns as in `env.pass`.",
    ),
    key(
        "agent.command.account",
        text(|s, t| s.command_agent.account = Some(t)),
        &[],
        "Whose allowance it uses: agents of one account wait together. Its name by default.",
    ),
    key(
        "agent.scripted.script",
        text(|s, t| s.scripted_agent.script = Some(t)),
        &[],
        "The script, seen from the repository.",
    ),
    key(
        "agent.scripted.speed",
        real(1_000_000.0, |s, x| s.scripted_agent.speed = x),
        &[],
        "How many times faster than written the script is played.",
    ),
];
