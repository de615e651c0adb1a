//! Landing by GitHub's own merge: CI judges the branch of the pull request once that contains the target, and GitHub merges
//! exactly what was judged.
//!
//! GitHub makes the landing's commit. Whether it is what was checked is looked at afterwards: somebody may have landed in
//! the moment between our look at the target and GitHub's merge.

use super::Mode;
use super::api::{Merge, NewMerge, Pull, method_name};
use super::checks::pause;
use super::ci::RollUp;
use super::client::ApiError;
use super::port::{GitHubPort, Inner};
use super::updating::{Head, Single};
use super::wording::{TAKEN_BACK, closed, gone};
use crate::failpoint;
use crate::git::GitError;
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{LandOutcome, Verdict};
use ppe_engine::ports::{CiSpec, LandSpec, Wished};
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
                let single = Single::of(&asked.members, &asked.base, &asked.commit)?;
                match inner.mode {
                    // Whatever is behind, the queue brings together.
                    Mode::Queue => inner.present_head(&single),
                    Mode::Push | Mode::Merge => inner.update_head(&single),
                }
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
        if let Some(outcome) = self.unless_green(&spec, &head).await? {
            return Ok(outcome);
        }
        self.blocking(move |inner| inner.merge(&spec, &head)).await
    }

    /// What becomes of a landing whose head CI does not find green. What was judged in this process is known.
    pub(super) async fn unless_green(
        &self,
        spec: &LandSpec,
        head: &CommitId,
    ) -> Result<Option<LandOutcome>, Trouble> {
        if self.inner.judged.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(head) {
            return Ok(None);
        }
        match self.judge_head(ci_of(spec), head.clone()).await? {
            Some(Verdict::Green) => Ok(None),
            Some(Verdict::Red(failure)) => Ok(Some(LandOutcome::Red(failure))),
            Some(Verdict::Unevaluated(why)) => Err(Trouble::Elsewhere(why)),
            None => Err(Trouble::Elsewhere("its branch or its target moved meanwhile".to_owned())),
        }
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
        let is_pushed_over = || Ok::<_, Trouble>(self.remote.heads()?.get(branch) != Some(&spec.commit));
        let is_out = |change| {
            let pull = self.api.pull(change)?;
            // GitHub may not have noticed our own push yet.
            let is_moved = !pull.stands_at(&spec.commit) && is_pushed_over()?;
            let clashes = pull.stands_at(&spec.commit) && pull.mergeable == Some(false);
            Ok::<_, Trouble>(!pull.is_open() || is_moved || clashes)
        };
        let overtaken = match (&rolled, member.change) {
            (RollUp::Green, _) | (_, None) => false,
            // Checks of what was pushed over are stopped, which is nobody's fault.
            (RollUp::Red(_), _) => is_pushed_over()?,
            // Nobody lets them go on, either.
            (RollUp::Person(_) | RollUp::None | RollUp::Pending(_), Some(change)) => is_out(change)?,
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
            return Ok(Next::Over(closed(change)));
        }
        let taken_back = self.settings.auto_merge && spec.wished == Wished::NoMore;
        if tip != spec.base || taken_back {
            self.call_off(&pull)?;
        }
        if tip != spec.base {
            return self.base_moved(spec, change).map(Next::Over);
        }
        if taken_back {
            return Ok(Next::Over(LandOutcome::Refused(TAKEN_BACK.to_owned())));
        }
        match self.update_head(&single)? {
            Head::At(head) => {
                self.goes_on(&pull)?;
                Ok(Next::Merge(head))
            }
            Head::Moved(_) => {
                self.call_off(&pull)?;
                self.moved(single).map(Next::Over)
            }
        }
    }

    /// The outcome for a branch that somebody else has moved.
    pub(super) fn moved(&self, single: Single) -> Result<LandOutcome, Trouble> {
        let tip =
            self.remote.fetch(&single.branch)?.ok_or_else(|| Trouble::Elsewhere(gone(&single.branch)))?;
        Ok(LandOutcome::HeadMoved { task: single.member.task, tip })
    }

    /// Has GitHub not merge by itself what is not to land like this any more.
    fn call_off(&self, pull: &Pull) -> Result<(), ApiError> {
        if self.settings.auto_merge && pull.is_to_merge_itself() {
            self.api.disable_auto_merge(&pull.node_id)?;
        }
        Ok(())
    }

    /// Has GitHub merge a head that was judged.
    fn merge(&self, spec: &LandSpec, head: &CommitId) -> Result<LandOutcome, Trouble> {
        let Some(change) = spec.members.first().and_then(|(member, _)| member.change) else {
            return Ok(LandOutcome::Refused("there is no pull request".to_owned()));
        };
        self.retarget(spec)?;
        self.make_ready(change)?;
        self.await_mergeable(change)?;
        // As late as can be: GitHub merges onto whatever is there.
        if self.remote.heads()?.get(&spec.target) != Some(&spec.base) {
            return self.base_moved(spec, change);
        }
        let new = self.new_merge(spec, head).map_err(machine)?;
        if let Some(why) = self.merge_or_wait(change, &new)? {
            return Ok(LandOutcome::Refused(why));
        }
        let commit = self.api.pull(change)?.merged_as().ok_or_else(|| {
            Trouble::Elsewhere(format!("pull request {change} was merged, and GitHub does not show it yet"))
        })?;
        self.merged(spec, &commit)
    }

    /// Merges at once, or has GitHub do it by itself once it may. Says why neither, if so.
    fn merge_or_wait(&self, change: ChangeNumber, new: &NewMerge) -> Result<Option<String>, Trouble> {
        let pull = self.api.pull(change)?;
        let waits = self.settings.auto_merge && pull.is_to_merge_itself();
        // What is clean and still there, GitHub has forgotten.
        if waits && !pull.is_clean() {
            return Err(waiting(change, "what it requires is not there yet"));
        }
        failpoint::hit("merge.before_call");
        let refused = self.call_merge(change, new)?;
        failpoint::hit("merge.after_call");
        let why = match refused {
            Some(why) if self.settings.auto_merge => why,
            other => return Ok(other),
        };
        match self.api.enable_auto_merge(&pull.node_id, new) {
            Ok(()) => Err(waiting(change, &why)),
            // It has become so meanwhile.
            Err(ApiError::Refused { why, .. }) if why.contains("clean status") => {
                self.call_merge(change, new)
            }
            Err(ApiError::Refused { why: more, .. }) => Ok(Some(format!("{why}; no auto-merge: {more}"))),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until GitHub has found out whether a pull request merges, or it is over.
    pub(super) fn await_mergeable(&self, change: ChangeNumber) -> Result<(), Trouble> {
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

    pub(super) fn await_merge(&self, change: ChangeNumber, begun: Merge) -> Result<Option<String>, Trouble> {
        let ended = |merge: &Merge| match (merge.status.as_str(), &merge.details.uuid) {
            ("pending", Some(_)) => None,
            ("merged" | "enqueued", _) => Some(None),
            _ => Some(Some(merge.details.message.clone())),
        };
        if let Some(ended) = ended(&begun) {
            return Ok(ended);
        }
        let uuid = begun.details.uuid.unwrap_or_default();
        let found = self.await_answer(|| Ok(ended(&self.api.merge_state(change, &uuid)?)))?;
        found.ok_or_else(|| Trouble::Elsewhere(format!("GitHub is still merging pull request {change}")))
    }

    /// Asks until there is an answer; none when that takes too long.
    fn await_answer<T>(&self, ask: impl Fn() -> Result<Option<T>, ApiError>) -> Result<Option<T>, Trouble> {
        let (begun, pace) = (Instant::now(), self.settings.pace);
        for look in 0.. {
            if let Some(answer) = ask()? {
                return Ok(Some(answer));
            }
            if begun.elapsed() >= pace.wait {
                break;
            }
            std::thread::sleep(pause(pace.poll, look).min(pace.wait));
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
}

fn waiting(change: ChangeNumber, for_what: &str) -> Trouble {
    Trouble::Elsewhere(format!("GitHub merges pull request {change} by itself once it may: {for_what}"))
}
