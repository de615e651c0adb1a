//! The agent `acp`: any program that speaks the Agent Client Protocol, driven by our own client as a subcommand.
//!
//! The client prints what it hears in our own line protocol, so that it can outlive whoever started it. Knows nothing of
//! the protocol itself.

use super::event::{AgentEvent, Seen};
use super::native::Permissions;
use super::{Launch, Places, ProcessEnd, end, environment, lines};
use ppe_core::outcome::AgentEnd;
use ppe_core::usage::Usage;
use ppe_engine::ports::AgentJob;

/// The hidden subcommand that is the client.
pub const SUBCOMMAND: &str = "agent-acp";

/// What the user chose for the agent `acp`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcpSettings {
    /// The program and its arguments; empty when none is configured.
    pub argv: Vec<String>,
    /// Its mode of work, in its own words; without it the one that edits unasked.
    pub mode: Option<String>,
    /// Which of its requests are granted.
    pub permissions: Permissions,
}

/// Any program that speaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcpDriver {
    /// Its program is never empty.
    pub(super) settings: AcpSettings,
    pub(super) search_path: String,
}

impl AcpDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let AcpSettings { argv: program, mode, permissions } = &self.settings;
        let permissions = match permissions {
            Permissions::Edits => "edits",
            Permissions::All => "all",
        };
        let mut argv = vec![places.program.to_string_lossy().into_owned()];
        argv.extend([SUBCOMMAND, "--permissions", permissions].map(str::to_owned));
        if let Some(mode) = mode {
            argv.extend(["--mode".to_owned(), mode.clone()]);
        }
        argv.push("--".to_owned());
        argv.extend(program.iter().cloned());
        let mut env = environment(job, places, &self.search_path);
        env.insert("TMPDIR".to_owned(), places.temp.to_string_lossy().into_owned());
        Launch { argv, env, stdin: None }
    }

    /// What one line of its standard output says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        lines::events(line)
    }

    /// What its end means.
    pub fn finish(exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        end::judged(exit, seen, before, |code| end::by_code(code, seen))
    }
}
