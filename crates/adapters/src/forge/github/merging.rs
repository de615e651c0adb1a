//! Landing by GitHub's own merge: CI judges the branch of the pull request once that contains the target, and GitHub merges
//! exactly what was judged.
//!
//! GitHub makes the landing's commit. Whether it is what was checked is looked at afterwards: somebody may have landed in
//! the moment between our look at the target and GitHub's merge.

use super::api::{Merge, NewMerge, Pull, method_name};
use super::checks::pause;
use super::ci::RollUp;
use super::client::ApiError;
use super::port::{GitHubPort, Inner};
use super::updating::{Head, Single};
use crate::failpoint;
use crate::git::lane::tree_of;
use crate::git::{GitError, commit_id};
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{LandOutcome, Verdict};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{CiSpec, LandSpec};
use std::fmt::Display;
use std::sync::PoisonError;
use std::time::Instant;

/// What is to be done about a landing.
enum Next {
    /// It is over already, or cannot be.
    Over(LandOutcome),
    /// This head is to be merged.
    Merge(CommitId),
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl GitHubPort {
    /// What CI says of a change's branch as it would be merged. What cannot be merged any more needs no verdict: the
    /// landing, which judges what it merges, says why.
    pub(super) async fn ci_of_head(&self, spec: CiSpec) -> Result<Verdict, Trouble> {
        let asked = spec.clone();
        let head = self
            .blocking(move |inner| {
                inner.update_head(&Single::of(&asked.members, &asked.base, &asked.commit)?)
            })
            .await?;
        match head {
            Head::At(head) => Ok(self.judge_head(spec, head).await?.unwrap_or(Verdict::Green)),
            Head::Moved(_) => Ok(Verdict::Green),
        }
    }

    /// What CI says of a head; nothing when it is overtaken meanwhile. What is green is remembered for its landing.
    async fn judge_head(&self, spec: CiSpec, head: CommitId) -> Result<Option<Verdict>, Trouble> {
        let asked = spec.clone();
        let required = self.blocking(move |inner| Ok(inner.required(&asked.target)?)).await?;
        let judged = CiSpec { commit: head.clone(), ..spec };
        let verdict = self.judge(judged, required).await?;
        if verdict == Some(Verdict::Green) {
            *self.inner.judged.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        }
        Ok(verdict)
    }

    /// Lands a candidate by GitHub's merge. Repeating it is harmless: what has been merged is found first.
    pub(super) async fn land_by_merge(&self, spec: LandSpec) -> Result<LandOutcome, Trouble> {
        let asked = spec.clone();
        let head = match self.blocking(move |inner| inner.next_step(&asked)).await? {
            Next::Over(outcome) => return Ok(outcome),
            Next::Merge(head) => head,
        };
        let known = self.inner.judged.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known.as_ref() != Some(&head) {
            match self.judge_head(ci_of(&spec), head.clone()).await? {
                Some(Verdict::Green) => {}
                Some(Verdict::Red(failure)) => return Ok(LandOutcome::Refused(failure.summary)),
                Some(Verdict::Unevaluated(why)) => return Err(Trouble::Elsewhere(why)),
                None => return Err(Trouble::Elsewhere(format!("{} moved meanwhile", spec.target))),
            }
        }
        self.blocking(move |inner| inner.merge(&spec, &head)).await
    }
}

/// The question about a landing's commit that the lane has asked before.
fn ci_of(spec: &LandSpec) -> CiSpec {
    CiSpec {
        subject: ppe_core::state::Subject::Candidate(spec.candidate),
        run: 1,
        commit: spec.commit.clone(),
        base: spec.base.clone(),
        target: spec.target.clone(),
        members: spec.members.clone(),
    }
}

impl Inner {
    /// How the checks of a head stand; nothing when it cannot be merged any more. GitHub runs no checks on what does not
    /// merge, so nobody waits for them.
    pub(super) fn unless_overtaken(&self, spec: &CiSpec, rolled: RollUp) -> Result<Option<RollUp>, Trouble> {
        let [(member, branch)] = &spec.members[..] else { return Ok(Some(rolled)) };
        let overtaken = match (&rolled, member.change) {
            (RollUp::Green | RollUp::Person(_), _) | (_, None) => false,
            // Checks of what was pushed over are stopped, which is nobody's fault.
            (RollUp::Red(_), _) => self.remote.heads()?.get(branch) != Some(&spec.commit),
            (RollUp::None | RollUp::Pending(_), Some(change)) => {
                let pull = self.api.pull(change)?;
                !pull.is_open() || (pull.stands_at(&spec.commit) && pull.mergeable == Some(false))
            }
        };
        Ok((!overtaken).then_some(rolled))
    }

    /// Looks up what has become of a candidate, and makes its branch ready.
    fn next_step(&self, spec: &LandSpec) -> Result<Next, Trouble> {
        let single = Single::of(&spec.members, &spec.base, &spec.commit)?;
        let Some(change) = single.member.change else {
            let what = format!("{} has no pull request", single.member.task);
            return Ok(Next::Over(LandOutcome::Refused(what)));
        };
        let pull = self.api.pull(change)?;
        if let Some(commit) = pull.merged_as() {
            return self.merged(spec, &commit).map(Next::Over);
        }
        let tip = self.target_tip(&spec.target)?;
        if self.repo.contains(&tip, &spec.commit).map_err(machine)? {
            // It was pushed, before the mode was another.
            return self.land(spec).map(Next::Over);
        }
        if !pull.is_open() {
            return Ok(Next::Over(LandOutcome::Refused(format!("pull request {change} is closed"))));
        }
        if tip != spec.base {
            return self.base_moved(spec, change).map(Next::Over);
        }
        match self.update_head(&single)? {
            Head::At(head) => Ok(Next::Merge(head)),
            Head::Moved(Some(_)) => match self.remote.fetch(&single.branch)? {
                Some(tip) => Ok(Next::Over(LandOutcome::HeadMoved { task: single.member.task, tip })),
                None => Err(gone(&single)),
            },
            Head::Moved(None) => Err(gone(&single)),
        }
    }

    /// Has GitHub merge a head that was judged.
    fn merge(&self, spec: &LandSpec, head: &CommitId) -> Result<LandOutcome, Trouble> {
        let Some(change) = spec.members.first().and_then(|(member, _)| member.change) else {
            return Ok(LandOutcome::Refused("there is no pull request".to_owned()));
        };
        self.make_ready(change)?;
        self.await_mergeable(change)?;
        // As late as can be: GitHub merges onto whatever is there.
        if self.remote.heads()?.get(&spec.target) != Some(&spec.base) {
            return self.base_moved(spec, change);
        }
        let new = self.new_merge(spec, head).map_err(machine)?;
        failpoint::hit("merge.before_call");
        if let Some(why) = self.call_merge(change, &new)? {
            return Ok(LandOutcome::Refused(why));
        }
        failpoint::hit("merge.after_call");
        let commit = self.api.pull(change)?.merged_as().ok_or_else(|| {
            Trouble::Elsewhere(format!("pull request {change} was merged, and GitHub does not show it yet"))
        })?;
        self.merged(spec, &commit)
    }

    /// The target is not where it was: by this very change, if a merge of it was still under way.
    fn base_moved(&self, spec: &LandSpec, change: ChangeNumber) -> Result<LandOutcome, Trouble> {
        match self.api.pull(change)?.merged_as() {
            Some(commit) => self.merged(spec, &commit),
            None => Ok(LandOutcome::BaseMoved),
        }
    }

    /// Waits until GitHub has found out whether a pull request merges, or it is over.
    fn await_mergeable(&self, change: ChangeNumber) -> Result<(), Trouble> {
        let known = |pull: Pull| Ok((pull.mergeable.is_some() || !pull.is_open()).then_some(()));
        let found = self.await_answer(|| known(self.api.pull(change)?))?;
        found.ok_or_else(|| {
            Trouble::Elsewhere(format!("GitHub has not found out yet whether pull request {change} merges"))
        })
    }

    /// Merges: in the background where GitHub can, else at once. Says why it was refused, if it was.
    fn call_merge(&self, change: ChangeNumber, new: &NewMerge) -> Result<Option<String>, Trouble> {
        let refused = |error: ApiError| match error {
            ApiError::Refused { status: 400 | 403 | 405 | 422, why } => Ok(Some(why)),
            error => Err(Trouble::from(error)),
        };
        match self.api.begin_merge(change, new) {
            Ok(merge) => self.await_merge(change, merge),
            Err(error) if error.is(404) => self.api.merge_now(change, new).map(|()| None).or_else(refused),
            Err(error) => refused(error),
        }
    }

    fn await_merge(&self, change: ChangeNumber, begun: Merge) -> Result<Option<String>, Trouble> {
        let ended = |merge: &Merge| match (merge.status.as_str(), &merge.details.uuid) {
            ("pending", Some(_)) => None,
            ("merged", _) => Some(None),
            _ => Some(Some(merge.details.message.clone())),
        };
        if let Some(ended) = ended(&begun) {
            return Ok(ended);
        }
        let uuid = begun.details.uuid.unwrap_or_default();
        let found = self.await_answer(|| Ok(ended(&self.api.merge_state(change, &uuid)?)))?;
        found.ok_or_else(|| Trouble::Elsewhere(format!("GitHub is still merging pull request {change}")))
    }

    /// Asks until there is an answer; none when that takes longer than a request may.
    fn await_answer<T>(&self, ask: impl Fn() -> Result<Option<T>, ApiError>) -> Result<Option<T>, Trouble> {
        let (begun, pace) = (Instant::now(), self.settings.pace);
        for look in 0.. {
            if let Some(answer) = ask()? {
                return Ok(Some(answer));
            }
            if begun.elapsed() >= pace.limit {
                break;
            }
            std::thread::sleep(pause(pace.poll, look).min(pace.limit));
        }
        Ok(None)
    }

    /// A merge with the words of the commit that was built.
    fn new_merge(&self, spec: &LandSpec, head: &CommitId) -> Result<NewMerge, GitError> {
        let text = self.repo.store().args(["show", "-s", "--format=%B", spec.commit.as_str()]).text()?;
        let (title, message) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
        Ok(NewMerge {
            sha: head.clone(),
            merge_method: method_name(self.settings.method),
            commit_title: title.to_owned(),
            commit_message: message.trim().to_owned(),
        })
    }

    /// What it means that a change is in the target as a commit.
    fn merged(&self, spec: &LandSpec, commit: &CommitId) -> Result<LandOutcome, Trouble> {
        let tip = self.target_tip(&spec.target)?;
        if !self.repo.contains(&tip, commit).map_err(machine)? {
            let short = ppe_core::wording::short(commit);
            return Err(Trouble::Elsewhere(format!("{} is not seen to contain {short} yet", spec.target)));
        }
        if let Some(why) = self.follow(&spec.target, &tip)? {
            // It has landed: no command may send it back.
            return Err(Trouble::Elsewhere(format!("landed on GitHub, but not here: {why}")));
        }
        let checked = self.is_as_checked(spec, commit).map_err(machine)?;
        let commit = commit.clone();
        Ok(if checked { LandOutcome::Landed(commit) } else { LandOutcome::LandedUnchecked(commit) })
    }

    /// Whether a landing has the tree that was checked, on the base that it was checked on; or was in that base already.
    fn is_as_checked(&self, spec: &LandSpec, landed: &CommitId) -> Result<bool, GitError> {
        if self.repo.contains(&spec.base, landed)? {
            return Ok(true);
        }
        if tree_of(&self.repo, landed)? != tree_of(&self.repo, &spec.commit)? {
            return Ok(false);
        }
        if self.settings.method == MergeMethod::Rebase {
            return self.repo.contains(landed, &spec.base);
        }
        let first = format!("{landed}^1");
        let call = self.repo.store().args(["rev-parse", "--verify", "--end-of-options", &first]);
        Ok(commit_id(&call.text()?).as_ref() == Some(&spec.base))
    }
}

fn gone(single: &Single) -> Trouble {
    Trouble::Elsewhere(format!("{} is gone from GitHub", single.branch))
}
