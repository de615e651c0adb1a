//! What the user may choose for an agent that is a program of its own kind: Claude Code, Codex, opencode, Gemini CLI.

/// How such an agent is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeSettings {
    /// The program, by name or path.
    pub program: String,
    /// The sub-agent or profile that does the work, where the program has such.
    pub agent: Option<String>,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// Further tools that it may use, in the program's own words: `Bash(npm test:*)`.
    pub allow: Vec<String>,
    /// Further arguments, put behind ours.
    pub args: Vec<String>,
    /// Whose login and settings it uses.
    pub home: Home,
}

/// What an agent may do without asking. There is nobody to ask: what is not allowed is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// Edit files of the workspace, use git, and what `allow` adds.
    #[default]
    Edits,
    /// Everything. The program's own checks and sandbox are off.
    All,
}

/// Whose login and settings an agent uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// The user's.
    #[default]
    User,
    /// A folder of the task alone, empty at first: access comes by variables.
    Private,
}
