//! How commits stand with GitHub's checks: all that are waited for are asked about together, by one poller.
//!
//! It is at work only while somebody waits. Judges nothing.

use super::ci::Check;
use super::port::Inner;
use ppe_core::ids::CommitId;
use ppe_core::input::Trouble;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// Looks at a commit's checks before the pause between two is doubled.
const LOOKS_AT_ONE_PACE: u32 = 8;
/// The pause between two looks is never longer than so many times the first.
const LONGEST_PAUSE: u32 = 4;
/// Between two looks, however often it is woken.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// How a commit's checks stand, or why that cannot be told.
type Told = Result<Vec<Check>, Trouble>;
/// What a look told, and when it began: it knows nothing of what was done since.
type Look = (Instant, Told);

/// The commits that are waited for, and the one that looks.
#[derive(Default)]
pub(super) struct Poller {
    waited_for: Mutex<WaitedFor>,
    /// There is reason to look now.
    reason: Notify,
    /// The token may not read checks by GraphQL. It will not be asked again.
    unreadable: AtomicBool,
}

#[derive(Default)]
struct WaitedFor {
    commits: BTreeMap<CommitId, Watched>,
    /// Somebody looks.
    looked_at: bool,
}

struct Watched {
    told: watch::Sender<Option<Look>>,
    looks: u32,
}

/// What is told of one commit, look by look.
pub(super) struct Looks(watch::Receiver<Option<Look>>);

impl Looks {
    /// How the checks stand at the next look that begins after a moment.
    pub(super) async fn after(&mut self, moment: Instant) -> Told {
        loop {
            let ended = |_| Trouble::Machine("nobody looks at checks any more".to_owned());
            self.0.changed().await.map_err(ended)?;
            let look = self.0.borrow_and_update().clone();
            if let Some((begun, told)) = look
                && begun >= moment
            {
                return told;
            }
        }
    }
}

impl Poller {
    fn waited_for(&self) -> MutexGuard<'_, WaitedFor> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at once, or as soon as may be.
    pub(super) fn wake(&self) {
        self.reason.notify_one();
    }

    /// The commits that somebody waits for; none ends the looking.
    fn wanted(&self) -> Vec<CommitId> {
        let mut waited_for = self.waited_for();
        waited_for.commits.retain(|_, watched| !watched.told.is_closed());
        waited_for.looked_at = !waited_for.commits.is_empty();
        waited_for.commits.keys().cloned().collect()
    }

    /// Tells everybody, and how long it is until the next look: the one who began last has the shortest patience.
    fn tell(&self, begun: Instant, found: BTreeMap<CommitId, Told>, first: Duration) -> Duration {
        let mut waited_for = self.waited_for();
        for (commit, told) in found {
            if let Some(watched) = waited_for.commits.get_mut(&commit) {
                watched.looks += 1;
                watched.told.send_replace(Some((begun, told)));
            }
        }
        let pauses = waited_for.commits.values().map(|watched| pause(first, watched.looks.saturating_sub(1)));
        pauses.min().unwrap_or(first)
    }
}

impl Inner {
    /// Waits for a commit's checks.
    pub(super) fn watch(self: &Arc<Self>, commit: &CommitId) -> Looks {
        let mut waited_for = self.poller.waited_for();
        let new = || Watched { told: watch::Sender::new(None), looks: 0 };
        let watched = waited_for.commits.entry(commit.clone()).or_insert_with(new);
        watched.looks = 0;
        let looks = Looks(watched.told.subscribe());
        if waited_for.looked_at {
            self.poller.wake();
        } else {
            waited_for.looked_at = true;
            drop(tokio::spawn(poll(Arc::clone(self))));
        }
        looks
    }

    /// How the checks of commits stand now: by one question, and what that does not tell one by one.
    fn checks(&self, commits: &[CommitId]) -> BTreeMap<CommitId, Told> {
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

    fn checks_alone(&self, commit: &CommitId) -> Told {
        let mut checks: Vec<Check> = match self.api.check_runs(commit) {
            Ok(runs) => runs.into_iter().map(Check::from).collect(),
            // Tokens of the finer kind have no right to read checks: workflows tell the same of GitHub's own CI.
            Err(error) if error.is(403) => {
                self.api.workflow_runs(commit)?.into_iter().map(Check::from).collect()
            }
            Err(error) => return Err(error.into()),
        };
        checks.extend(self.api.statuses(commit)?.into_iter().map(Check::from));
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

/// The pause after a look: the first one, doubled twice as time goes by, and never the same for two who began together.
pub(super) fn pause(first: Duration, look: u32) -> Duration {
    let stretched = first * 2_u32.pow((look / LOOKS_AT_ONE_PACE).min(2)).min(LONGEST_PAUSE);
    let percent = 80 + u32::try_from(RandomState::new().hash_one(look) % 41).unwrap_or(20);
    stretched * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stretch_to_four_times_the_first_and_differ() {
        let second = Duration::from_secs(1);
        for (look, about) in [(0, 1), (7, 1), (8, 2), (16, 4), (1_000_000, 4)] {
            let pause = pause(second, look);
            assert!(
                pause >= second * about * 8 / 10 && pause <= second * about * 12 / 10,
                "{look}: {pause:?}"
            );
        }
        let drawn: std::collections::BTreeSet<_> = (0..50).map(|_| pause(second, 0)).collect();
        assert!(drawn.len() > 1);
    }
}
