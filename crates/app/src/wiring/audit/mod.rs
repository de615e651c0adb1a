//! A run proved again, from git alone beside its log: what landed is in the target, what did not is somewhere.
//!
//! Decides nothing and changes nothing. A commit's place in the target proves a landing; patches that look the same are
//! shown as evidence and prove nothing.

mod landings;
mod log;
mod places;

use super::forge::heads;
use super::runs::RunLock;
use super::site::Site;
use crate::error::AppError;
use ppe_adapters::git::lane;
use ppe_adapters::git::proof::{Chain, free_branch, home, is_within};
use ppe_adapters::state_dir::RunDir;
use ppe_core::ids::{Branch, CommitId, RunId, TaskId};
use ppe_core::input::Trouble;
use ppe_core::state::State;
use serde::Serialize;
use std::collections::BTreeSet;

/// The name and version of [`Audit`] as a document.
const SCHEMA: &str = "ppe.audit.v1";

/// What an audit found.
#[derive(Debug, Serialize)]
pub(crate) struct Audit {
    schema: &'static str,
    /// The run.
    pub(crate) run: RunId,
    /// Its target, and where that is now.
    pub(crate) target: Branch,
    target_tip: CommitId,
    /// Whether all is as the log says, and nothing needs to be got back.
    pub(crate) sound: bool,
    /// Records that could be read and follow from each other.
    pub(crate) records: usize,
    /// What the log calls landed.
    pub(crate) landings: Vec<Landing>,
    /// What is worth saying.
    pub(crate) findings: Vec<Finding>,
}

/// A task that the log calls landed.
#[derive(Debug, Serialize)]
pub(crate) struct Landing {
    /// The task.
    pub(crate) task: TaskId,
    /// The commit it landed with.
    pub(crate) commit: CommitId,
    /// What proves it.
    pub(crate) proof: Proof,
    /// A commit of the target that changes the same lines, where the landing itself is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) same_patch: Option<CommitId>,
}

/// What proves a landing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Proof {
    /// The commit is on the target's first-parent chain and names the task.
    Named,
    /// It is on the chain and names nobody, as the run's settings want it.
    OnChain,
    /// The target contains it.
    Contained,
    /// Nothing: the target does not contain it.
    Lost,
}

/// Something that is not as it should be, or that only the audit shows.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What kind.
    pub(crate) kind: FindingKind,
    /// Whose.
    pub(crate) task: Option<TaskId>,
    /// The commit in question.
    pub(crate) commit: Option<CommitId>,
    /// In words.
    pub(crate) text: String,
    /// The command that gets it back, or goes on.
    pub(crate) command: Option<String>,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FindingKind {
    /// A line of the log, or the plan beside it, is not as it was written.
    LogDamaged,
    /// A landing is no longer in the target.
    LandingLost,
    /// A landing does not name its task although it should.
    LandingUnnamed,
    /// The target has a landing of this run that the log does not know.
    LandingUnrecorded,
    /// Work is on no branch.
    WorkAdrift,
    /// Work is not even in the repository any more.
    WorkGone,
    /// Files that were in a landed task's workspace and are not part of its work are kept.
    LeftoversKept,
}

impl FindingKind {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] = [
        Self::LogDamaged,
        Self::LandingLost,
        Self::LandingUnnamed,
        Self::LandingUnrecorded,
        Self::WorkAdrift,
        Self::WorkGone,
        Self::LeftoversKept,
    ];

    /// Whether it is for the user to know alone.
    pub(crate) fn is_note(self) -> bool {
        match self {
            Self::LeftoversKept => true,
            Self::LogDamaged
            | Self::LandingLost
            | Self::LandingUnnamed
            | Self::LandingUnrecorded
            | Self::WorkAdrift
            | Self::WorkGone => false,
        }
    }
}

/// All that an audit looks at.
struct Subject<'a> {
    site: &'a Site,
    dir: RunDir,
    state: State,
    /// What its lane has built.
    built: BTreeSet<CommitId>,
    /// The branches on the forge, where they are not in the repository.
    elsewhere: Result<Vec<CommitId>, Trouble>,
    tip: CommitId,
    chain: Chain,
    /// Whether a process is at work on the run.
    live: bool,
}

impl Subject<'_> {
    /// Whether a branch or tag has a commit, here or on the forge.
    fn has_home(&self, commit: &CommitId) -> Result<bool, AppError> {
        let (repo, elsewhere) = (&self.site.repo, self.elsewhere.as_deref().unwrap_or_default());
        Ok(home(repo, commit)?.is_some() || is_within(repo, commit, elsewhere)?)
    }

    /// Why the forge could not be asked, to be added to what is missed.
    fn unasked(&self) -> String {
        self.elsewhere.as_ref().err().map(|why| format!(" here ({why})")).unwrap_or_default()
    }

    /// The command that gives a commit a branch of its own.
    fn branch_for(&self, task: &TaskId, commit: &CommitId) -> Result<String, AppError> {
        let name = free_branch(&self.site.repo, &format!("rescued/{task}"))?;
        Ok(format!("git branch {name} {commit}"))
    }
}

/// Audits the latest run, or the one that is named.
pub(crate) fn audit(site: &Site, wanted: Option<&str>) -> Result<Option<Audit>, AppError> {
    let Some(read) = log::read(site, wanted)? else { return Ok(None) };
    let log::Read { run, dir, state, built, records, mut findings } = read;
    let tip = lane::tip(&site.repo, &state.target)?;
    let chain = Chain::of(&site.repo, &tip)?;
    let live = RunLock::is_held(site)?;
    let elsewhere = heads(site);
    let subject = Subject { site, dir, state, built, elsewhere, tip, chain, live };
    let landings = landings::prove(&subject, &mut findings)?;
    places::look(&subject, &landings, &mut findings)?;
    Ok(Some(Audit {
        schema: SCHEMA,
        run,
        target: subject.state.target,
        target_tip: subject.tip,
        sound: findings.iter().all(|finding| finding.kind.is_note()),
        records,
        landings,
        findings,
    }))
}
