//! GitHub in the words of the engine's ports.
//!
//! Every call blocks on git and the network, so each goes to a thread of its own.

use super::access;
use super::api::Api;
use super::checks::Poller;
use super::ci::{Check, RollUp, roll_up};
use super::client::Client;
use super::{GitHubSettings, Mode};
use crate::forge::local::port::LocalForgePort;
use crate::git::Repo;
use crate::git::remote::Remote;
use ppe_core::ids::{ChangeNumber, CommitId, RunId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, LandOutcome, Verdict};
use ppe_core::state::Subject;
use ppe_engine::ports::{
    BuildSpec, ChangeSpec, CheckReport, CiSpec, Forge, HeadSpec, LabelSpec, LandSpec, Lane, Look,
    PublishSpec, Published,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
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
    pub(super) mode: Mode,
    /// Since when what CI says of a commit is waited for, in this process and for which run of it.
    waiting: Mutex<BTreeMap<(CommitId, u32), Instant>>,
    /// The head of a pull request that CI was last found green on, in this process.
    pub(super) judged: Mutex<Option<CommitId>>,
}

impl GitHubPort {
    /// GitHub for a run; `plumbing` builds its candidates. What lands is pushed where nothing else is said.
    pub fn new(repo: Repo, run: RunId, settings: GitHubSettings, plumbing: LocalForgePort) -> Self {
        let api = Api::new(Client::new(&settings), &settings.place);
        let remote = access::remote(repo.clone(), &settings);
        let mode = settings.mode.unwrap_or(Mode::Push);
        let (poller, waiting, judged) = (Poller::default(), Mutex::default(), Mutex::default());
        let inner = Inner { repo, run, api, remote, poller, settings, mode, waiting, judged };
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

impl GitHubPort {
    /// Waits for what CI says of a commit; nothing when it does not matter any more. Whoever asks again for what was not
    /// found out has waited since the first time.
    pub(super) async fn judge(
        &self,
        spec: CiSpec,
        required: Vec<String>,
    ) -> Result<Option<Verdict>, Trouble> {
        let asked = (spec.commit.clone(), spec.run);
        let waiting = || self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = *waiting().entry(asked.clone()).or_insert_with(Instant::now);
        let judged = self.judge_since(begun, spec, required).await;
        if judged.is_ok() {
            waiting().remove(&asked);
        }
        judged
    }

    async fn judge_since(
        &self,
        begun: Instant,
        spec: CiSpec,
        required: Vec<String>,
    ) -> Result<Option<Verdict>, Trouble> {
        let pace = self.inner.settings.pace;
        let required = Arc::new(required);
        let mut since = Instant::now();
        let mut looks = self.inner.watch(&spec.commit);
        loop {
            let (looked_at, checks) = looks.after(since).await;
            let checks = checks?;
            let (asked, wanted) = (spec.clone(), Arc::clone(&required));
            // What is required is all that is waited for; without that, more may still begin.
            let settled = looked_at.duration_since(begun) >= pace.settle;
            let looked = self.blocking(move |inner| inner.look_at_ci(&asked, &checks, &wanted)).await?;
            since = Instant::now();
            let Some(rolled) = looked else { return Ok(None) };
            let waits_for = match rolled {
                RollUp::Green if settled || !required.is_empty() => return Ok(Some(Verdict::Green)),
                RollUp::None if settled => {
                    let elsewhere = self.blocking(move |inner| inner.ci_elsewhere(&spec)).await?;
                    return elsewhere.map_or(Ok(Some(Verdict::Green)), |why| Err(Trouble::Elsewhere(why)));
                }
                RollUp::Red(red) => {
                    let failure = self.blocking(move |inner| inner.failure(&spec.commit, &red)).await?;
                    return Ok(Some(Verdict::Red(failure)));
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
}

impl Inner {
    /// What a look at checks comes to; nothing when it does not matter any more.
    fn look_at_ci(
        &self,
        spec: &CiSpec,
        checks: &[Check],
        required: &[String],
    ) -> Result<Option<RollUp>, Trouble> {
        let rolled = if self.repeat_failed(spec)? {
            RollUp::Pending("failed jobs run once more".to_owned())
        } else {
            roll_up(checks, required)
        };
        // What is pushed is a commit of ours; else it is the head of a change, and others move that.
        match (self.mode, &spec.subject) {
            (Mode::Push, Subject::Candidate(_)) => Ok(Some(rolled)),
            (Mode::Push, Subject::Base(_)) | (Mode::Merge | Mode::Queue, _) => {
                self.unless_overtaken(spec, rolled)
            }
        }
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
        self.blocking(move |inner| inner.open(&spec)).await
    }

    async fn ci(&self, spec: CiSpec) -> Result<Verdict, Trouble> {
        if self.inner.mode != Mode::Push && matches!(spec.subject, Subject::Candidate(_)) {
            return self.ci_of_head(spec).await;
        }
        let asked = spec.clone();
        let required = self.blocking(move |inner| inner.begin_ci(&asked)).await?;
        Ok(self.judge(spec, required).await?.unwrap_or(Verdict::Green))
    }

    async fn head_checks(&self, spec: HeadSpec) -> Result<Verdict, Trouble> {
        let HeadSpec { head, branch, target } = spec;
        let of = target.clone();
        let required = self.blocking(move |inner| Ok(inner.required(&of)?)).await?;
        // Nothing is built for it: what CI says of the commit itself is wanted, as of one of the target.
        let commit = head.head.clone();
        let (subject, members) = (Subject::Base(commit.clone()), vec![(head, branch)]);
        let asked = CiSpec { subject, run: 1, base: commit.clone(), commit, target, members };
        let overtaken = || Verdict::Unevaluated("it is the head no more, or does not merge".to_owned());
        Ok(self.judge(asked, required).await?.unwrap_or_else(overtaken))
    }

    async fn report_check(&self, report: CheckReport) -> Result<(), Trouble> {
        self.blocking(move |inner| Ok(inner.report_check(&report)?)).await
    }

    async fn label(&self, spec: LabelSpec) -> Result<(), Trouble> {
        self.blocking(move |inner| Ok(inner.label(&spec)?)).await
    }

    async fn land(&self, spec: LandSpec) -> Result<LandOutcome, Trouble> {
        match self.inner.mode {
            Mode::Push => self.blocking(move |inner| inner.land(&spec)).await,
            Mode::Merge => self.land_by_merge(spec).await,
            Mode::Queue => self.land_by_queue(spec).await,
        }
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
