//! How commits stand with GitHub's checks: all that are waited for are asked about together. Judges nothing.

use super::checks::{LEAST_PAUSE, Looker, Looks, Told};
use super::ci::{Check, CheckState};
use super::client::ApiError;
use super::port::Inner;
use ppe_core::ids::CommitId;
use ppe_core::input::Trouble;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

impl Inner {
    /// Waits for a commit's checks.
    pub(super) fn watch(self: &Arc<Self>, commit: &CommitId) -> Looks {
        let (looks, looker) = self.poller.wait_for(commit);
        if looker == Looker::Wanted {
            drop(tokio::spawn(poll(Arc::clone(self))));
        }
        looks
    }

    /// How the checks of commits stand now: by one question, and what that does not tell one by one.
    pub(super) fn checks(&self, commits: &[CommitId]) -> BTreeMap<CommitId, Told> {
        let together = self.checks_together(commits);
        let mut told: BTreeMap<_, _> =
            together.into_iter().map(|(commit, checks)| (commit, Ok(checks))).collect();
        for commit in commits {
            if !told.contains_key(commit) {
                told.insert(commit.clone(), self.checks_alone(commit));
            }
        }
        told
    }

    /// Whatever is wrong with that question, the other way is open.
    fn checks_together(&self, commits: &[CommitId]) -> BTreeMap<CommitId, Vec<Check>> {
        if self.poller.unreadable.load(Ordering::Relaxed) {
            return BTreeMap::new();
        }
        self.api.checks_of(commits).unwrap_or_else(|error| {
            self.poller.unreadable.store(error.is(403), Ordering::Relaxed);
            BTreeMap::new()
        })
    }

    pub(super) fn checks_alone(&self, commit: &CommitId) -> Told {
        let mut checks: Vec<Check> = match self.api.check_runs(commit) {
            Ok(runs) => runs.into_iter().map(Check::from).collect(),
            // Tokens of the finer kind have no right to read checks: jobs tell the same of GitHub's own CI.
            Err(error) if error.is(403) => self.jobs_as_checks(commit)?,
            Err(error) => return Err(error.into()),
        };
        checks.extend(self.api.statuses(commit)?.into_iter().map(Check::from));
        Ok(checks)
    }

    /// The jobs of a commit's workflows, which have the names of their checks; and of each workflow what no job of it tells.
    fn jobs_as_checks(&self, commit: &CommitId) -> Result<Vec<Check>, ApiError> {
        let mut checks = Vec::new();
        for run in self.api.workflow_runs(commit)? {
            let jobs: Vec<Check> = self.api.jobs(run.id)?.into_iter().map(Check::from).collect();
            let run = Check::from(run);
            let all_good = jobs.iter().all(|job| job.state == CheckState::Good);
            let is_untold = jobs.is_empty() || (all_good && run.state != CheckState::Good);
            checks.extend(jobs);
            checks.extend(Some(run).filter(|_| is_untold));
        }
        Ok(checks)
    }
}

/// Looks at what is waited for until nobody waits any more.
async fn poll(inner: Arc<Inner>) {
    loop {
        let commits = inner.poller.wanted();
        if commits.is_empty() {
            return;
        }
        let (looker, asked, begun) = (Arc::clone(&inner), commits.clone(), Instant::now());
        let found =
            tokio::task::spawn_blocking(move || looker.checks(&asked)).await.unwrap_or_else(|error| {
                let trouble = Trouble::Machine(error.to_string());
                commits.into_iter().map(|commit| (commit, Err(trouble.clone()))).collect()
            });
        let first = inner.settings.pace.poll;
        let pause = inner.poller.tell(begun, found, first);
        let least = LEAST_PAUSE.min(first);
        tokio::time::sleep(least).await;
        tokio::select! {
            () = tokio::time::sleep(pause.saturating_sub(least)) => {}
            () = inner.poller.reason.notified() => {}
        }
    }
}
