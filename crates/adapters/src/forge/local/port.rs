//! The local forge in the words of the engine's ports.
//!
//! Every call blocks on files and git, so each goes to a thread of its own.

use super::store::{Change, ChangeState, Check, NewChange, Opened, Verdict as Shown};
use super::target::Target;
use super::{LocalForge, LocalForgeError, Published as At, Upstream};
use crate::forge::commits::described;
use crate::git::lane::{self, Built as GitBuilt, CandidateSpec, Landing, Member};
use crate::git::refs::{self, Expect};
use crate::git::{Identity, Repo, Stamp};
use ppe_core::ids::{ChangeNumber, CommitId, Millis, RunId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, Built, LandOutcome, Verdict};
use ppe_engine::ports::{
    self, BuildSpec, ChangeSpec, CheckReport, CiSpec, Forge, HeadSpec, LabelSpec, LandSpec, Lane, Look,
    NEEDS_REVIEW, OpenTask, PublishSpec, Published, Wished,
};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// Marks the one comment that says a change needs a person.
const NEEDS_PERSON: &str = "ppe:needs-review";
/// The name under which the checks of a candidate are shown.
const CHECKS: &str = "checks";

/// The local forge of one run.
#[derive(Clone)]
pub struct LocalForgePort {
    inner: Arc<Inner>,
}

struct Inner {
    forge: LocalForge,
    run: RunId,
    identity: Identity,
    target: Mutex<Target>,
    upstream: Option<Upstream>,
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl LocalForgePort {
    /// The forge for a run; commits of ours are by `identity`.
    pub fn new(forge: LocalForge, run: RunId, identity: Identity) -> Self {
        let inner = Inner { forge, run, identity, target: Mutex::default(), upstream: None };
        Self { inner: Arc::new(inner) }
    }

    /// The same, whose landings go to a remote as well.
    #[must_use]
    pub fn pushing_to(self, upstream: Upstream) -> Self {
        let Inner { forge, run, identity, .. } = &*self.inner;
        let (forge, run, identity) = (forge.clone(), run.clone(), identity.clone());
        let inner = Inner { forge, run, identity, target: Mutex::default(), upstream: Some(upstream) };
        Self { inner: Arc::new(inner) }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(machine)?
    }
}

impl Lane for LocalForgePort {
    async fn build(&self, spec: BuildSpec) -> Result<BuildOutcome, Trouble> {
        self.blocking(move |inner| inner.build(&spec)).await
    }
}

impl Forge for LocalForgePort {
    async fn publish(&self, spec: PublishSpec) -> Result<Published, Trouble> {
        self.blocking(move |inner| inner.publish(&spec)).await
    }

    async fn open(&self, spec: ChangeSpec) -> Result<ChangeNumber, Trouble> {
        self.blocking(move |inner| inner.open(spec).map_err(machine)).await
    }

    async fn ci(&self, _spec: CiSpec) -> Result<Verdict, Trouble> {
        Ok(Verdict::Green)
    }

    async fn head_checks(&self, _spec: HeadSpec) -> Result<Verdict, Trouble> {
        Ok(Verdict::Green)
    }

    async fn report_check(&self, report: CheckReport) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.report_check(report).map_err(machine)).await
    }

    async fn label(&self, spec: LabelSpec) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.label(&spec).map_err(machine)).await
    }

    async fn land(&self, spec: LandSpec) -> Result<LandOutcome, Trouble> {
        self.blocking(move |inner| inner.land(&spec)).await
    }

    async fn look(&self, look: Look) -> Result<Vec<Observed>, Trouble> {
        self.blocking(move |inner| {
            // What stands in its way is told when a candidate is built, and hides nothing of what is seen here.
            let _obstacle = inner.upstream.as_ref().map(|upstream| upstream.catch_up(&look.target));
            inner.look(&look).map_err(machine)
        })
        .await
    }
}

impl Inner {
    fn repo(&self) -> &Repo {
        &self.forge.repo
    }

    fn build(&self, spec: &BuildSpec) -> Result<BuildOutcome, Trouble> {
        if let Some(upstream) = &self.upstream {
            upstream.catch_up(&spec.target)?;
        }
        let target = lane::tip(self.repo(), &spec.target).map_err(machine)?;
        let base = spec.onto.clone().unwrap_or_else(|| target.clone());
        let candidate = CandidateSpec {
            run: spec.stamp.run.clone(),
            id: spec.candidate,
            base: base.clone(),
            target,
            members: spec.members.iter().map(member).collect(),
            method: spec.method,
            trailers: spec.trailers,
            stamp: Stamp { who: self.identity.clone(), when: spec.stamp.at },
        };
        Ok(match lane::build(self.repo(), &candidate).map_err(machine)? {
            GitBuilt::Commit { commit, tree, left_out } => {
                BuildOutcome::Built { built: Built { base, commit, tree }, left_out }
            }
            GitBuilt::Conflict { clashes } => BuildOutcome::Conflict { base, clashes },
        })
    }

    fn publish(&self, spec: &PublishSpec) -> Result<Published, Trouble> {
        let at = match &spec.last {
            None => self.forge.publish_new(&spec.branch, &spec.tip),
            Some(last) => self.forge.publish(&spec.branch, last, &spec.tip),
        };
        match at.map_err(machine)? {
            At::At { branch } => Ok(Published { branch, tip: spec.tip.clone() }),
            At::Moved { tip } => {
                let tip = ppe_core::wording::short(&tip);
                Err(Trouble::Elsewhere(format!("someone moved {} to {tip}: left as it is", spec.branch)))
            }
            At::CheckedOut { worktree } => Err(Trouble::Elsewhere(format!(
                "{} is checked out in {}: switch that checkout to another branch",
                spec.branch,
                worktree.display()
            ))),
        }
    }

    fn open(&self, spec: ChangeSpec) -> Result<ChangeNumber, LocalForgeError> {
        // Told to go on although somebody has deleted its branch.
        let head = refs::head(&spec.branch);
        if refs::read(self.repo(), &head)?.is_none() {
            refs::update(self.repo(), &head, &spec.tip, &Expect::Absent)?;
        }
        let new = NewChange {
            body: described(self.repo(), &spec)?,
            title: spec.title,
            head: spec.branch,
            base: spec.base,
            now: wall_now(),
        };
        let change = match self.forge.open_change(&new)? {
            Opened::Created(change) => change,
            Opened::Found(change) => self.forge.store().edit(change.number, |found| {
                found.body.clone_from(&new.body);
                found.base.clone_from(&new.base);
            })?,
        };
        self.goes_on(&change)?;
        for label in &spec.labels {
            self.forge.add_label(change.number, label)?;
        }
        Ok(change.number)
    }

    /// Takes back that a change needs a person.
    fn goes_on(&self, change: &Change) -> Result<(), LocalForgeError> {
        if change.labels.iter().any(|label| label == NEEDS_REVIEW) {
            self.forge.remove_label(change.number, NEEDS_REVIEW)?;
            let text = "It needed a person, and goes on.";
            self.forge.sticky_comment(change.number, NEEDS_PERSON, text, wall_now())?;
        }
        Ok(())
    }

    fn report_check(&self, report: CheckReport) -> Result<(), LocalForgeError> {
        let (verdict, summary) = match report.verdict {
            Verdict::Green => (Shown::Green, format!("run {}: green", report.run)),
            Verdict::Red(failure) => (Shown::Red, format!("run {}: {}", report.run, failure.summary)),
            Verdict::Unevaluated(why) => {
                (Shown::Pending, format!("run {}: not found out: {why}", report.run))
            }
        };
        let check = Check { name: CHECKS.to_owned(), commit: report.commit, verdict, summary };
        self.forge.set_check(report.change, check)?;
        Ok(())
    }

    fn label(&self, spec: &LabelSpec) -> Result<(), LocalForgeError> {
        self.forge.add_label(spec.change, &spec.label)?;
        self.forge.sticky_comment(spec.change, NEEDS_PERSON, &spec.comment, wall_now())?;
        Ok(())
    }

    fn land(&self, spec: &LandSpec) -> Result<LandOutcome, Trouble> {
        let tip = lane::tip(self.repo(), &spec.target).map_err(machine)?;
        if !self.repo().contains(&tip, &spec.commit).map_err(machine)? {
            for (member, branch) in &spec.members {
                let head = refs::read(self.repo(), &refs::head(branch)).map_err(machine)?;
                match head {
                    Some(head) if head == member.head => {}
                    Some(tip) => return Ok(LandOutcome::HeadMoved { task: member.task.clone(), tip }),
                    // Whoever merged it by hand may have tidied up.
                    None if tip != spec.base => return Ok(LandOutcome::BaseMoved),
                    None => return Ok(LandOutcome::Refused(format!("{branch} is gone"))),
                }
            }
            // What is upstream already has landed.
            if spec.wished == Wished::NoMore && self.upstream.is_none() {
                return Ok(LandOutcome::Refused("it was taken back".to_owned()));
            }
            for number in spec.members.iter().filter_map(|(member, _)| member.change) {
                let change = self.forge.store().change(number).map_err(machine)?;
                if change.state == ChangeState::Closed {
                    return Ok(LandOutcome::Refused(format!("change {number} is closed")));
                }
                self.goes_on(&change).map_err(machine)?;
            }
        }
        for stacked in &spec.stacked {
            let base = self.forge.store().change(*stacked).map_err(machine)?.base;
            if spec.members.iter().any(|(_, branch)| *branch == base) {
                self.forge.set_base(*stacked, &spec.target).map_err(machine)?;
            }
        }
        let upstream = self.upstream.as_ref();
        if let Some(outcome) = upstream.map(|upstream| upstream.take(spec)).transpose()?.flatten() {
            return Ok(outcome);
        }
        match lane::land(self.repo(), &spec.target, &spec.base, &spec.commit).map_err(machine)? {
            Landing::Landed => {
                for change in spec.members.iter().filter_map(|(member, _)| member.change) {
                    self.forge.set_merged(change, &spec.commit).map_err(machine)?;
                }
                Ok(LandOutcome::Landed(spec.commit.clone()))
            }
            Landing::BaseMoved { .. } => Ok(LandOutcome::BaseMoved),
            Landing::Refused { why, files } => {
                let why = if files.is_empty() { why } else { format!("{why}: {}", files.join(", ")) };
                match upstream {
                    None => Ok(LandOutcome::Refused(why)),
                    // It has landed: no command may send it back.
                    Some(there) => {
                        Err(Trouble::Elsewhere(format!("landed on {}, but not here: {why}", there.name())))
                    }
                }
            }
        }
    }

    fn look(&self, look: &Look) -> Result<Vec<Observed>, LocalForgeError> {
        let tip = lane::tip(self.repo(), &look.target)?;
        let (target, landed) = self.look_at_target(look, tip)?;
        let mut seen = Vec::new();
        for open in &look.open {
            seen.extend(self.look_at_branch(open)?);
            // Whoever merges by hand tidies up.
            if !landed.contains(&open.task) {
                seen.extend(self.look_at_change(open)?);
            }
        }
        seen.push(target);
        Ok(seen)
    }

    fn look_at_branch(&self, open: &OpenTask) -> Result<Option<Observed>, LocalForgeError> {
        let (Some(branch), Some(published)) = (&open.branch, &open.published) else { return Ok(None) };
        let now = refs::read(self.repo(), &refs::head(branch))?;
        let moved = now.filter(|now| now != published);
        Ok(moved.map(|tip| Observed::Branch { task: open.task.clone(), tip }))
    }

    /// Whether a person has closed a change. As on any other forge, who deletes the branch does that.
    fn look_at_change(&self, open: &OpenTask) -> Result<Option<Observed>, LocalForgeError> {
        let Some(number) = open.change else { return Ok(None) };
        let branch = open.branch.as_ref().filter(|_| open.published.is_some()).map(refs::head);
        let is_gone = match branch {
            Some(branch) => refs::read(self.repo(), &branch)?.is_none(),
            None => false,
        };
        let change = if is_gone { self.forge.close(number)? } else { self.forge.store().change(number)? };
        let closed = Observed::ChangeClosed { task: open.task.clone(), change: number };
        Ok((change.state == ChangeState::Closed).then_some(closed))
    }

    /// Open tasks whose work is in the target, by the trailers of its commits or because their branch was merged; and
    /// landings that it no longer has.
    fn look_at_target(
        &self,
        look: &Look,
        tip: CommitId,
    ) -> Result<(Observed, BTreeSet<TaskId>), LocalForgeError> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        target.move_to(self.repo(), &tip, &look.since, &self.run)?;
        let mut landed = Vec::new();
        for open in &look.open {
            let commit = match target.landing_of(&open.task) {
                Some(commit) => Some(commit.clone()),
                None => self.merged_by_hand(open, &tip)?,
            };
            landed.extend(commit.map(|commit| (open.task.clone(), commit)));
        }
        let mut gone = Vec::new();
        for (task, commit) in &look.landed {
            if !target.contains(self.repo(), commit)? {
                gone.push(task.clone());
            }
        }
        let those = landed.iter().map(|(task, _)| task.clone()).collect();
        Ok((Observed::Target { tip, landed, gone }, those))
    }

    fn merged_by_hand(&self, open: &OpenTask, tip: &CommitId) -> Result<Option<CommitId>, LocalForgeError> {
        let Some(published) = open.published.as_ref().filter(|p| Some(*p) != open.base.as_ref()) else {
            return Ok(None);
        };
        Ok(self.repo().contains(tip, published)?.then(|| tip.clone()))
    }
}

/// A member in the words of a landing's message.
fn member(spec: &ports::Member) -> Member {
    let number = spec.change.map_or(String::new(), |n| format!(" ({n})"));
    let line = format!("{}: {}{number}", spec.task, spec.title);
    Member { task: spec.task.clone(), head: spec.head.clone(), line }
}

fn wall_now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
