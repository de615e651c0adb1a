//! The agent `scripted`: our own program, which plays a script instead of asking a model.
//!
//! Knows how it is started and how its end is told; what a script holds is known where it is played.

use super::event::{AgentEvent, Seen};
use super::{Launch, Places, ProcessEnd, bounded, end, environment, lines};
use ppe_core::outcome::{AgentEnd, Exit};
use ppe_engine::ports::AgentJob;
use std::path::PathBuf;

/// The hidden subcommand that plays a script.
pub const SUBCOMMAND: &str = "agent-scripted";
/// The exit code that says: the script is missing or wrong, so trying again is of no use.
pub const SCRIPT_WRONG: u8 = 78;

/// The player of scripts.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptedDriver {
    pub(super) script: Option<PathBuf>,
    pub(super) speed: f64,
    pub(super) search_path: String,
}

impl ScriptedDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let mut argv = vec![places.program.to_string_lossy().into_owned(), SUBCOMMAND.to_owned()];
        argv.extend(["--speed".to_owned(), self.speed.to_string()]);
        if let Some(script) = &self.script {
            argv.extend(["--script".to_owned(), script.to_string_lossy().into_owned()]);
        }
        Launch { argv, env: environment(job, places, &self.search_path), stdin: None }
    }

    /// What one line of its output or reports says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        lines::events(line)
    }

    /// What its end means: as with any program, and [`SCRIPT_WRONG`] is a program that cannot start.
    pub fn finish(exit: &ProcessEnd, seen: &Seen) -> AgentEnd {
        let told = end::told(exit, seen);
        match (exit, seen.last_error()) {
            (ProcessEnd::Code(code), Some(why)) if *code == i32::from(SCRIPT_WRONG) => {
                AgentEnd { exit: Exit::CannotStart(bounded::one_line(why, bounded::WHY_BYTES)), ..told }
            }
            _ => told,
        }
    }
}
