//! What an agent is told of checks that are red: which, and the ends of their logs.

use super::ci::plain_log;
use super::client::ApiError;
use super::port::Inner;
use ppe_core::ids::CommitId;
use ppe_core::input::Trouble;
use ppe_core::outcome::{Class, Failure};

/// Logs that are read of a red commit.
const MOST_LOGS: usize = 3;

impl Inner {
    /// What an agent needs to know of red checks: which, and the ends of their logs where they can be read.
    pub(super) fn failure(&self, commit: &CommitId, red: &[(String, String)]) -> Result<Failure, Trouble> {
        let named: Vec<_> = red.iter().map(|(name, how)| format!("{name} ({how})")).collect();
        let mut failure = Failure::new(Class::Ci, format!("CI: {}", named.join(", ")));
        match self.logs(commit) {
            Ok(logs) => failure.detail = logs,
            // Only who waits for its turn comes again; what may not be read is done without.
            Err(error @ ApiError::Later(_)) => return Err(error.into()),
            Err(ApiError::Lost(_) | ApiError::Refused { .. }) => {}
        }
        Ok(failure)
    }

    /// The ends of a commit's logs of jobs that failed. One that cannot be read is no reason to lose the others.
    fn logs(&self, commit: &CommitId) -> Result<String, ApiError> {
        let bad = |conclusion: &Option<String>| {
            matches!(conclusion.as_deref(), Some("failure" | "timed_out" | "cancelled" | "startup_failure"))
        };
        let (mut logs, mut left) = (String::new(), MOST_LOGS);
        for run in self.api.workflow_runs(commit)? {
            if run.conclusion.is_some() && !bad(&run.conclusion) {
                continue;
            }
            for job in self.api.jobs(run.id)?.iter().filter(|job| bad(&job.conclusion)) {
                if left == 0 {
                    return Ok(logs);
                }
                match self.api.log(job.id) {
                    Ok(log) => logs.extend(["--- ", &job.name, " ---\n", &plain_log(&log)]),
                    Err(error @ ApiError::Later(_)) => return Err(error),
                    // What was cancelled before it began has none.
                    Err(ApiError::Refused { .. }) => continue,
                    Err(ApiError::Lost(_)) => {}
                }
                left -= 1;
            }
        }
        Ok(logs)
    }
}
