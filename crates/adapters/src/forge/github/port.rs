//! GitHub in the words of the engine's ports.
//!
//! Every call blocks on git and the network, so each goes to a thread of its own.

use super::GitHubSettings;
use super::api::Api;
use super::checks::Poller;
use super::ci::{RollUp, roll_up};
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
use std::sync::Arc;
use std::time::Instant;

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
    pub(super) poller: Poller,
    pub(super) settings: GitHubSettings,
}

impl GitHubPort {
    /// GitHub for a run; `plumbing` builds its candidates.
    pub fn new(repo: Repo, run: RunId, settings: GitHubSettings, plumbing: LocalForgePort) -> Self {
        let api = Api::new(Client::new(&settings), &settings.place);
        let remote = Remote::new(repo.clone(), &settings);
        let inner = Inner { repo, run, api, remote, poller: Poller::default(), settings };
        Self { inner: Arc::new(inner), plumbing }
    }

    /// Looks at the checks that are waited for, at once.
    pub fn wake(&self) {
        self.inner.poller.wake();
    }

    pub(super) async fn blocking<T: Send + 'static>(
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
        let required = self.blocking(move |inner| inner.begin_ci(&asked)).await?;
        let mut since = Instant::now();
        let mut looks = self.inner.watch(&spec.commit);
        loop {
            let checks = looks.after(since).await?;
            let asked = spec.clone();
            let repeated = self.blocking(move |inner| inner.repeat_failed(&asked)).await?;
            since = Instant::now();
            if repeated {
                continue;
            }
            // What is required is all that is waited for; without that, more may still begin.
            let settled = begun.elapsed() >= pace.settle;
            let waits_for = match roll_up(&checks, &required) {
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
