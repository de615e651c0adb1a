//! The agent `codex`: Codex, run headless.

use super::event::{AgentEvent, Seen};
use super::native::NativeSettings;
use super::{Launch, Places, ProcessEnd, end, environment};
use ppe_core::outcome::AgentEnd;
use ppe_core::usage::Usage;
use ppe_engine::ports::AgentJob;

/// Codex.
#[derive(Clone, Debug, PartialEq)]
pub struct CodexDriver {
    pub(super) settings: NativeSettings,
    pub(super) search_path: String,
}

impl CodexDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        Launch {
            argv: vec![self.settings.program.clone()],
            env: environment(job, places, &self.search_path),
            stdin: Some(places.prompt_file.to_owned()),
        }
    }

    /// What one line of its standard output says.
    pub fn line(_line: &str) -> Vec<AgentEvent> {
        Vec::new()
    }

    /// What its end means.
    pub fn finish(exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        end::judged(exit, seen, before, |code| end::by_code(code, seen))
    }
}
