//! The agent `acp`: any program that speaks the Agent Client Protocol, driven by our own client as a subcommand.
//!
//! The client prints what it hears in our own line protocol, so that it can outlive whoever started it.

use super::event::{AgentEvent, Seen};
use super::{Launch, Places, ProcessEnd, end, environment, lines};
use ppe_core::outcome::AgentEnd;
use ppe_core::usage::Usage;
use ppe_engine::ports::AgentJob;

/// Any program that speaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcpDriver {
    /// The program and its arguments. Never empty.
    pub(super) argv: Vec<String>,
    pub(super) search_path: String,
}

impl AcpDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        Launch { argv: self.argv.clone(), env: environment(job, places, &self.search_path), stdin: None }
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
