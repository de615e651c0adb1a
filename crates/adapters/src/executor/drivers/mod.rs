//! The agents that can be started: how each is launched, what its output means, and how its end is told.
//!
//! A driver is a value and all it does is pure, apart from [`report::write`]: it starts nothing, reads nothing and knows
//! no clock. Whoever supervises the process hands it lines and the end.

mod acp;
mod bounded;
mod claude;
mod codex;
mod command;
mod end;
mod event;
mod gemini;
mod home;
mod lines;
mod native;
mod opencode;
pub mod report;
mod rules;
mod scripted;
mod shell;

use ppe_core::outcome::AgentEnd;
use ppe_core::state::Kind;
use ppe_core::text::nearest;
use ppe_core::usage::Usage;
use ppe_engine::ports::{AgentJob, Purpose};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use acp::{AcpDriver, AcpSettings, SUBCOMMAND as ACP_SUBCOMMAND};
pub use claude::ClaudeDriver;
pub use codex::CodexDriver;
pub use command::CommandDriver;
pub(crate) use end::by_status;
pub use end::{ProcessEnd, hopeless};
pub use event::{AgentEvent, Later, Reckoning, Retry, Seen, Went};
pub use gemini::GeminiDriver;
pub use native::{Home, NativeSettings, Permissions};
pub use opencode::{FirstRun, OpencodeDriver};
pub(crate) use rules::{Rule, WORKSPACE_COMMANDS};
pub use scripted::{SCRIPT_WRONG, SUBCOMMAND, ScriptedDriver};
pub(crate) use shell::{Simple, commands as shell_commands};

/// Names of the variables that an agent gets besides its allow-listed environment.
pub mod variable {
    /// The task's id.
    pub const TASK: &str = "PPE_TASK";
    /// The task's title.
    pub const TITLE: &str = "PPE_TITLE";
    /// The attempt, from 1.
    pub const ATTEMPT: &str = "PPE_ATTEMPT";
    /// What the agent is started for: `first`, `continue`, `verify`, `ci`, `conflict`, `recheck`,
    /// `findings`, `rejected`, `leftovers` or `review`.
    pub const PURPOSE: &str = "PPE_PURPOSE";
    /// The branch to work on.
    pub const BRANCH: &str = "PPE_BRANCH";
    /// The commit that the work is measured against.
    pub const BASE: &str = "PPE_BASE";
    /// The model, where one is wanted.
    pub const MODEL: &str = "PPE_MODEL";
    /// The agent's session to go on with, where there is one.
    pub const SESSION: &str = "PPE_SESSION";
    /// The file that holds the prompt.
    pub const PROMPT_FILE: &str = "PPE_PROMPT_FILE";
    /// The file that holds the job as JSON.
    pub const JOB_FILE: &str = "PPE_JOB_FILE";
    /// The file that reports are appended to.
    pub const REPORT: &str = "PPE_REPORT";
    /// This program, for shells that make a search path of their own.
    pub const PROGRAM: &str = "PPE_PROGRAM";
    /// The search path.
    pub const PATH: &str = "PATH";
}

/// The names that [`Driver::by_name`] knows.
pub const KNOWN: [&str; 7] = ["claude", "codex", "opencode", "gemini", "acp", "command", "scripted"];

/// What the user chose for the agents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSettings {
    /// Claude Code.
    pub claude: NativeSettings,
    /// Codex.
    pub codex: NativeSettings,
    /// opencode.
    pub opencode: NativeSettings,
    /// Gemini CLI.
    pub gemini: NativeSettings,
    /// The agent `acp`.
    pub acp: AcpSettings,
    /// Program and arguments of the agent `command`, with placeholders; empty when none is configured.
    pub command: Vec<String>,
    /// The script of the agent `scripted`, as an absolute path.
    pub script: Option<PathBuf>,
    /// How many times faster than written the script is played.
    pub speed: f64,
    /// The `PATH` that agents see; our own program's folder is put at its end, so that `ppe report` is found.
    pub search_path: String,
}

/// Where the files of one agent's job lie. All paths are absolute.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// The job's own folder.
    pub job_dir: &'a Path,
    /// The task's workspace, in which the agent is started.
    pub workspace: &'a Path,
    /// A folder of the task alone that outlives its attempts: a home for agents that get their own.
    pub home: &'a Path,
    /// A folder of the task alone for temporary files, with a short name.
    pub temp: &'a Path,
    /// The prompt.
    pub prompt_file: &'a Path,
    /// The [`AgentJob`] as JSON.
    pub job_file: &'a Path,
    /// Where reports are appended; need not exist.
    pub report_file: &'a Path,
    /// Our own program.
    pub program: &'a Path,
}

/// How to start an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables to put over those of the allow-listed environment.
    pub env: BTreeMap<String, String>,
    /// The file to read as standard input; none for an empty one.
    pub stdin: Option<PathBuf>,
}

/// Why there is no driver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownAgent {
    /// No agent has this name.
    #[error("unknown agent {name}{}; known are {}", .nearest.map_or(String::new(), |n| format!(": did you mean {n}?")), .known.join(", "))]
    Name {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: &'static [&'static str],
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// The agent `command` or `acp` has no program.
    #[error("agent {0} has no program: set agent.{0}.cmd")]
    NoProgram(&'static str),
}

/// An agent that can be started.
#[derive(Clone, Debug, PartialEq)]
pub enum Driver {
    /// Any program.
    Command(CommandDriver),
    /// The one that plays a script.
    Scripted(ScriptedDriver),
    /// Claude Code.
    Claude(ClaudeDriver),
    /// Codex.
    Codex(CodexDriver),
    /// opencode.
    Opencode(OpencodeDriver),
    /// Gemini CLI.
    Gemini(GeminiDriver),
    /// Any program that speaks the Agent Client Protocol.
    Acp(AcpDriver),
}

impl Driver {
    /// The driver of the agent with this name.
    ///
    /// Errors: there is none of that name, or it is not configured.
    pub fn by_name(name: &str, settings: &AgentSettings) -> Result<Self, UnknownAgent> {
        let search_path = settings.search_path.clone();
        match name {
            "command" if settings.command.is_empty() => Err(UnknownAgent::NoProgram("command")),
            "command" => Ok(Self::Command(CommandDriver { argv: settings.command.clone(), search_path })),
            "acp" if settings.acp.argv.is_empty() => Err(UnknownAgent::NoProgram("acp")),
            "acp" => Ok(Self::Acp(AcpDriver { settings: settings.acp.clone(), search_path })),
            "scripted" => Ok(Self::Scripted(ScriptedDriver {
                script: settings.script.clone(),
                speed: settings.speed,
                search_path,
            })),
            "claude" => Ok(Self::Claude(ClaudeDriver { settings: settings.claude.clone(), search_path })),
            "codex" => Ok(Self::Codex(CodexDriver { settings: settings.codex.clone(), search_path })),
            "opencode" => {
                Ok(Self::Opencode(OpencodeDriver { settings: settings.opencode.clone(), search_path }))
            }
            "gemini" => Ok(Self::Gemini(GeminiDriver { settings: settings.gemini.clone(), search_path })),
            other => Err(UnknownAgent::Name {
                name: other.to_owned(),
                known: &KNOWN,
                nearest: nearest(other, KNOWN),
            }),
        }
    }

    /// The program that it starts, by name or path; none if it is our own.
    pub fn program(&self) -> Option<&str> {
        match self {
            Self::Scripted(_) => None,
            Self::Command(driver) => driver.argv.first().map(String::as_str),
            Self::Acp(driver) => driver.settings.argv.first().map(String::as_str),
            Self::Claude(driver) => Some(&driver.settings.program),
            Self::Codex(driver) => Some(&driver.settings.program),
            Self::Opencode(driver) => Some(&driver.settings.program),
            Self::Gemini(driver) => Some(&driver.settings.program),
        }
    }

    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        match self {
            Self::Command(driver) => driver.launch(job, places),
            Self::Scripted(driver) => driver.launch(job, places),
            Self::Claude(driver) => driver.launch(job, places),
            Self::Codex(driver) => driver.launch(job, places),
            Self::Opencode(driver) => driver.launch(job, places),
            Self::Gemini(driver) => driver.launch(job, places),
            Self::Acp(driver) => driver.launch(job, places),
        }
    }

    /// What one line of its standard output says; nothing for a line that is not understood.
    pub fn line(&self, line: &str) -> Vec<AgentEvent> {
        match self {
            Self::Command(_) => CommandDriver::line(line),
            Self::Scripted(_) => ScriptedDriver::line(line),
            Self::Claude(_) => ClaudeDriver::line(line),
            Self::Codex(_) => CodexDriver::line(line),
            Self::Opencode(_) => OpencodeDriver::line(line),
            Self::Gemini(_) => GeminiDriver::line(line),
            Self::Acp(_) => AcpDriver::line(line),
        }
    }

    /// What one line of its report file says, which is our own protocol whoever the agent is. Any process of the agent's can
    /// write there: of one whose own stream tells what it used, its session and its end, only its words are heard.
    pub fn report(&self, line: &str) -> Vec<AgentEvent> {
        let mut events = lines::events(line);
        match self {
            Self::Command(_) | Self::Scripted(_) => {}
            Self::Claude(_) | Self::Codex(_) | Self::Opencode(_) | Self::Gemini(_) | Self::Acp(_) => {
                events.retain(AgentEvent::is_word);
            }
        }
        events
    }

    /// What has to run alone once before several of this agent start with this environment at the same time.
    pub fn first_run(&self, env: &BTreeMap<String, String>) -> Option<FirstRun> {
        match self {
            Self::Opencode(driver) => driver.first_run(env),
            Self::Command(_)
            | Self::Scripted(_)
            | Self::Claude(_)
            | Self::Codex(_)
            | Self::Gemini(_)
            | Self::Acp(_) => None,
        }
    }

    /// What its end means, after all that was seen of it. `before` is the running total of its session before this job.
    pub fn finish(&self, exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        match self {
            Self::Command(_) => CommandDriver::finish(exit, seen),
            Self::Scripted(_) => ScriptedDriver::finish(exit, seen),
            Self::Claude(_) => ClaudeDriver::finish(exit, seen, before),
            Self::Codex(_) => CodexDriver::finish(exit, seen, before),
            Self::Opencode(_) => OpencodeDriver::finish(exit, seen, before),
            Self::Gemini(_) => GeminiDriver::finish(exit, seen, before),
            Self::Acp(_) => AcpDriver::finish(exit, seen, before),
        }
    }
}

/// The variables that every agent gets.
fn environment(job: &AgentJob, places: &Places<'_>, search_path: &str) -> BTreeMap<String, String> {
    let path = |p: &Path| p.to_string_lossy().into_owned();
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: String| env.insert(name.to_owned(), value.replace('\0', " "));
    set(variable::TASK, job.task.to_string());
    set(variable::TITLE, bounded::one_line(&job.title, bounded::TITLE_BYTES));
    set(variable::ATTEMPT, job.attempt.to_string());
    set(variable::PURPOSE, purpose(job.purpose).to_owned());
    set(variable::BRANCH, job.branch.to_string());
    set(variable::BASE, job.base.to_string());
    set(variable::PROMPT_FILE, path(places.prompt_file));
    set(variable::JOB_FILE, path(places.job_file));
    set(variable::REPORT, path(places.report_file));
    set(variable::PROGRAM, path(places.program));
    if let Some(model) = &job.model {
        set(variable::MODEL, model.clone());
    }
    if let Some(session) = &job.session {
        set(variable::SESSION, session.clone());
    }
    let ours = places.program.parent().map(path).unwrap_or_default();
    let parts: Vec<&str> = [search_path, &ours].into_iter().filter(|p| !p.is_empty()).collect();
    set(variable::PATH, parts.join(":"));
    env
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Leftovers => "leftovers",
        Purpose::Review => "review",
        Purpose::Work(Kind::First) => "first",
        Purpose::Work(Kind::Verify) => "verify",
        Purpose::Work(Kind::Ci) => "ci",
        Purpose::Work(Kind::Conflict) => "conflict",
        Purpose::Work(Kind::Restack) => "restack",
        Purpose::Work(Kind::Continue) => "continue",
        Purpose::Work(Kind::Recheck) => "recheck",
        Purpose::Work(Kind::Review) => "findings",
        Purpose::Work(Kind::Rejected) => "rejected",
    }
}

#[cfg(test)]
mod tests;
