//! The commits whose checks are waited for, and who is told of them. One poller looks, only while somebody waits.
//!
//! Asks nobody and judges nothing.

use super::ci::Check;
use ppe_core::ids::CommitId;
use ppe_core::input::Trouble;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// Looks at a commit's checks before the pause between two is doubled.
const LOOKS_AT_ONE_PACE: u32 = 8;
/// The pause between two looks is never longer than so many times the first.
const LONGEST_PAUSE: u32 = 4;
/// Between two looks, however often it is woken.
pub(super) const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// How a commit's checks stand, or why that cannot be told.
pub(super) type Told = Result<Vec<Check>, Trouble>;
/// What a look told, and when it began: it knows nothing of what was done since.
pub(super) type Look = (Instant, Told);

/// The commits that are waited for, and the one that looks.
#[derive(Default)]
pub(super) struct Poller {
    waited_for: Mutex<WaitedFor>,
    /// There is reason to look now.
    pub(super) reason: Notify,
    /// The token may not read checks by GraphQL. It will not be asked again.
    pub(super) unreadable: AtomicBool,
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

/// Whether somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looker {
    /// Somebody does.
    AtWork,
    /// Nobody does yet.
    Wanted,
}

/// What is told of one commit, look by look.
pub(super) struct Looks(watch::Receiver<Option<Look>>);

impl Looks {
    /// The next look that begins after a moment.
    pub(super) async fn after(&mut self, moment: Instant) -> Look {
        loop {
            if self.0.changed().await.is_err() {
                let ended = Trouble::Machine("nobody looks at checks any more".to_owned());
                return (Instant::now(), Err(ended));
            }
            let look = self.0.borrow_and_update().clone();
            if let Some(look) = look.filter(|(begun, _)| *begun >= moment) {
                return look;
            }
        }
    }
}

impl Poller {
    fn waited_for(&self) -> MutexGuard<'_, WaitedFor> {
        self.waited_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody waits for a commit. Who is told that nobody looks yet has to.
    pub(super) fn wait_for(&self, commit: &CommitId) -> (Looks, Looker) {
        let mut waited_for = self.waited_for();
        let new = || Watched { told: watch::Sender::new(None), looks: 0 };
        let watched = waited_for.commits.entry(commit.clone()).or_insert_with(new);
        watched.looks = 0;
        let looks = Looks(watched.told.subscribe());
        if waited_for.looked_at {
            self.wake();
            return (looks, Looker::AtWork);
        }
        waited_for.looked_at = true;
        (looks, Looker::Wanted)
    }

    /// Looks at once, or as soon as may be.
    pub(super) fn wake(&self) {
        self.reason.notify_one();
    }

    /// The commits that somebody waits for; none ends the looking.
    pub(super) fn wanted(&self) -> Vec<CommitId> {
        let mut waited_for = self.waited_for();
        waited_for.commits.retain(|_, watched| !watched.told.is_closed());
        waited_for.looked_at = !waited_for.commits.is_empty();
        waited_for.commits.keys().cloned().collect()
    }

    /// Tells everybody, and how long it is until the next look: the one who began last has the shortest patience.
    pub(super) fn tell(&self, begun: Instant, found: BTreeMap<CommitId, Told>, first: Duration) -> Duration {
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
