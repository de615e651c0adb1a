//! GitHub in the words of the engine's ports.
//!
//! Every call blocks on git and the network, so each goes to a thread of its own.

use super::GitHubSettings;
use super::api::Api;
use super::ci::RollUp;
use super::client::Client;
use super::remote::Remote;
use crate::forge::local::port::LocalForgePort;
use crate::git::Repo;
use ppe_core::ids::{ChangeNumber, RunId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, LandOutcome, Verdict};
use ppe_engine::ports::{
    BuildSpec, ChangeSpec, CheckReport, CiSpec, Forge, LabelSpec, LandSpec, Lane, Look, PublishSpec,
    Published,
};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Looks at checks before the pause between two is doubled.
const LOOKS_AT_ONE_PACE: u32 = 8;
/// The pause between two looks is never longer than so many times the first.
const LONGEST_PAUSE: u32 = 4;

/// GitHub for one run.
#[derive(Clone)]
pub struct GitHubPort {
    pub(super) inner: Arc<Inner>,
    /// The plumbing of the target branch, which follows GitHub's.
    plumbing: LocalForgePort,
}

pub(super) struct Inner {
    pub(super) repo: Repo,
    pub(super) run: RunId,
    pub(super) api: Api,
    pub(super) remote: Remote,
    pub(super) settings: GitHubSettings,
}

impl GitHubPort {
    /// GitHub for a run; `plumbing` builds its candidates.
    pub fn new(repo: Repo, run: RunId, settings: GitHubSettings, plumbing: LocalForgePort) -> Self {
        let (pace, tokens) = (settings.pace, settings.tokens.clone());
        let client = Client::new(&settings.place.api_url, tokens.clone(), pace.spacing, pace.limit);
        let api = Api::new(client, &settings.place);
        let remote = Remote::new(repo.clone(), settings.remote.clone(), tokens);
        Self { inner: Arc::new(Inner { repo, run, api, remote, settings }), plumbing }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.map_err(|error| Trouble::Machine(error.to_string()))?
    }
}

impl Lane for GitHubPort {
    async fn build(&self, spec: BuildSpec) -> Result<BuildOutcome, Trouble> {
        let target = spec.target.clone();
        self.blocking(move |inner| inner.catch_up(&target)).await?;
        self.plumbing.build(spec).await
    }
}

impl Forge for GitHubPort {
    async fn publish(&self, spec: PublishSpec) -> Result<Published, Trouble> {
        self.blocking(move |inner| inner.publish(&spec)).await
    }

    async fn open(&self, spec: ChangeSpec) -> Result<ChangeNumber, Trouble> {
        self.blocking(move |inner| Ok(inner.open(&spec)?)).await
    }

    async fn ci(&self, spec: CiSpec) -> Result<Verdict, Trouble> {
        let (begun, pace) = (Instant::now(), self.inner.settings.pace);
        let asked = spec.clone();
        let required = Arc::new(self.blocking(move |inner| inner.begin_ci(&asked)).await?);
        let mut looks = 0;
        loop {
            let (asked, wanted) = (spec.clone(), Arc::clone(&required));
            // What is required is all that is waited for; without that, more may still begin.
            let settled = begun.elapsed() >= pace.settle;
            let waits_for = match self.blocking(move |inner| inner.roll_up(&asked, &wanted)).await? {
                RollUp::Green if settled || !required.is_empty() => return Ok(Verdict::Green),
                RollUp::None if settled => return Ok(Verdict::Green),
                RollUp::Red(red) => {
                    return self.blocking(move |inner| inner.failure(&spec, &red)).await.map(Verdict::Red);
                }
                RollUp::Person(what) => return Err(Trouble::Elsewhere(format!("CI waits for you: {what}"))),
                RollUp::Pending(what) => Some(what),
                RollUp::Green | RollUp::None => None,
            };
            if let Some(what) = waits_for.filter(|_| begun.elapsed() >= pace.patience) {
                return Err(Trouble::Elsewhere(format!("CI has not ended: {what}")));
            }
            tokio::time::sleep(pause(pace.poll, looks)).await;
            looks += 1;
        }
    }

    async fn report_check(&self, report: CheckReport) -> Result<(), Trouble> {
        self.blocking(move |inner| Ok(inner.report_check(&report)?)).await
    }

    async fn label(&self, spec: LabelSpec) -> Result<(), Trouble> {
        self.blocking(move |inner| Ok(inner.label(&spec)?)).await
    }

    async fn land(&self, spec: LandSpec) -> Result<LandOutcome, Trouble> {
        self.blocking(move |inner| inner.land(&spec)).await
    }

    async fn look(&self, look: Look) -> Result<Vec<Observed>, Trouble> {
        let asked = look.clone();
        let there = self.blocking(move |inner| inner.look(&asked)).await?;
        // Branches and changes are GitHub's; of the user's repository only the target counts.
        let mut local = look;
        for open in &mut local.open {
            (open.branch, open.change) = (None, None);
        }
        let here = self.plumbing.look(local).await?;
        Ok(there.with_target(here))
    }
}

/// The pause after a look: the first one, doubled twice as time goes by, and never the same for two who began together.
fn pause(first: Duration, look: u32) -> Duration {
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
