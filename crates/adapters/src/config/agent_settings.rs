//! What is chosen for each agent, apart from what the policy says of it.

/// Agents that are programs of their own kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeAgents {
    /// Claude Code.
    pub claude: NativeAgent,
    /// Codex.
    pub codex: NativeAgent,
    /// opencode.
    pub opencode: NativeAgent,
    /// Gemini CLI.
    pub gemini: NativeAgent,
}

/// An agent that is a program of its own kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeAgent {
    /// The program, by name or path.
    pub program: String,
    /// The model of tasks that name none.
    pub model: Option<String>,
    /// The sub-agent that does the work.
    pub agent: Option<String>,
    /// What it may do unasked.
    pub permissions: Permissions,
    /// What it may do besides.
    pub allow: Vec<String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Whose login and settings it uses.
    pub home: Home,
    /// Patterns of variables that it sees besides those of every job.
    pub env: Vec<String>,
    /// Whose allowance it uses; its name by default.
    pub account: Option<String>,
    /// The agent that takes its tasks meanwhile.
    pub fallback: Option<String>,
}

/// The agent `acp`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcpAgent {
    /// Program and arguments; empty when none is configured.
    pub argv: Vec<String>,
    /// The model of tasks that name none.
    pub model: Option<String>,
    /// Its mode of work, in its own words.
    pub mode: Option<String>,
    /// Which requests are granted.
    pub permissions: Permissions,
    /// Patterns of variables that it sees besides those of every job.
    pub env: Vec<String>,
    /// Whose allowance it uses; its name by default.
    pub account: Option<String>,
}

/// What an agent may do unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// Edit files of the workspace and use git.
    #[default]
    Edits,
    /// Everything.
    All,
}

/// Whose login and settings an agent uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// The user's.
    #[default]
    User,
    /// A folder of each task alone.
    Private,
}

/// The agent `command`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandAgent {
    /// Program and arguments; empty when none is configured.
    pub argv: Vec<String>,
    /// Patterns of variables that it sees besides those of every job.
    pub env: Vec<String>,
    /// Whose allowance it uses; its name by default.
    pub account: Option<String>,
}

/// The agent `scripted`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptedAgent {
    /// The script's file.
    pub script: Option<String>,
    /// How many times faster than written it is played.
    pub speed: f64,
}
