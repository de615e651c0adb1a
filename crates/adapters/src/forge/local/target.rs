//! What the target holds, remembered from one look to the next: whose work is in it, and what it once had and lost.

use crate::git::lane;
use crate::git::{GitError, Repo};
use ppe_core::ids::{CommitId, RunId, TaskId};
use std::collections::HashSet;

/// What is known of the target at its last seen tip, and so at every tip that contains that one.
#[derive(Default)]
pub(super) struct Target {
    tip: Option<CommitId>,
    /// Tasks that another run's trailers name, with their commits.
    named: Vec<(TaskId, CommitId)>,
    /// Commits that are in it.
    holds: HashSet<CommitId>,
}

impl Target {
    /// Goes on to the target's present tip. One that lacks the last was rewritten: all is found anew, from `since`.
    pub(super) fn move_to(
        &mut self,
        repo: &Repo,
        tip: &CommitId,
        since: &CommitId,
        run: &RunId,
    ) -> Result<(), GitError> {
        if self.tip.as_ref() == Some(tip) {
            return Ok(());
        }
        if let Some(last) = &self.tip
            && !repo.contains(tip, last)?
        {
            *self = Self::default();
        }
        let found = lane::landed_tasks(repo, tip, Some(self.tip.as_ref().unwrap_or(since)))?;
        // What this run landed is in its own log, and may have been reopened since.
        let others = found.into_iter().filter(|f| f.run.as_ref() != Some(run));
        self.named.extend(others.map(|f| (f.task, f.commit)));
        self.tip = Some(tip.clone());
        Ok(())
    }

    /// The commit by which another run landed a task.
    pub(super) fn landing_of(&self, task: &TaskId) -> Option<&CommitId> {
        self.named.iter().find(|(named, _)| named == task).map(|(_, commit)| commit)
    }

    /// Whether it contains a commit.
    pub(super) fn contains(&mut self, repo: &Repo, commit: &CommitId) -> Result<bool, GitError> {
        let Some(tip) = &self.tip else { return Ok(false) };
        if self.holds.contains(commit) {
            return Ok(true);
        }
        let contains = repo.contains(tip, commit)?;
        if contains {
            self.holds.insert(commit.clone());
        }
        Ok(contains)
    }
}
