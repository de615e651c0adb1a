//! The target on GitHub: followed, judged by CI, and moved to a checked commit if it still is where it was.

use super::Mode;
use super::api::WorkflowRun;
use super::ci::{is_to_be_repeated, lane_branch};
use super::client::ApiError;
use super::port::Inner;
use super::wording::{TAKEN_BACK, closed, gone};
use crate::failpoint;
use crate::git::refs::Expect;
use crate::git::remote::{self, Pushed};
use ppe_core::ids::{Branch, CommitId, TaskId};
use ppe_core::input::Trouble;
use ppe_core::outcome::LandOutcome;
use ppe_core::state::Subject;
use ppe_core::wording;
use ppe_engine::ports::{CiSpec, LandSpec, Member, Wished};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// Marks the comment that says where a squashed change has landed.
const LANDED: &str = "<!-- ppe:landed -->";

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl Inner {
    /// The target's tip on GitHub.
    pub(super) fn target_tip(&self, target: &Branch) -> Result<CommitId, Trouble> {
        let missing = || {
            let place = &self.settings.place;
            let what = format!("{}/{} has no branch {target}", place.owner, place.name);
            Trouble::Elsewhere(format!("{what}: push it there first"))
        };
        self.remote.fetch(target)?.ok_or_else(missing)
    }

    /// Brings the local target to GitHub's.
    pub(super) fn catch_up(&self, target: &Branch) -> Result<(), Trouble> {
        let tip = self.target_tip(target)?;
        self.follow(target, &tip)?.map_or(Ok(()), |why| Err(Trouble::Elsewhere(why)))
    }

    /// Moves the local target on to a tip of GitHub's, by fast-forward; or says what stands in the way.
    pub(super) fn follow(&self, target: &Branch, tip: &CommitId) -> Result<Option<String>, Trouble> {
        remote::follow(&self.repo, target, tip, &self.settings.place.host)
    }

    /// Has CI run on a candidate, and says which checks it needs.
    pub(super) fn begin_ci(&self, spec: &CiSpec) -> Result<Vec<String>, Trouble> {
        // What was required when a base landed is not known.
        let Subject::Candidate(candidate) = spec.subject else { return Ok(Vec::new()) };
        let branch = lane_branch(&self.run, candidate);
        failpoint::hit("ci.before_push");
        match self.remote.push(&branch, &spec.commit, &Expect::Absent)? {
            Pushed::Done => Ok(self.required(&spec.target)?),
            Pushed::Stale => Err(Trouble::Elsewhere(format!("{branch} was moved by somebody else"))),
            Pushed::Refused(why) => Err(Trouble::Elsewhere(format!("GitHub does not take {branch}: {why}"))),
        }
    }

    /// Why a candidate that CI says nothing of is not green by that: CI runs on what it was made of, and not on candidates.
    pub(super) fn ci_elsewhere(&self, spec: &CiSpec) -> Result<Option<String>, Trouble> {
        let (Mode::Push, Subject::Candidate(candidate)) = (self.mode, &spec.subject) else { return Ok(None) };
        let heads = spec.members.iter().map(|(member, _)| &member.head);
        let commits: Vec<CommitId> = std::iter::once(&spec.base).chain(heads).cloned().collect();
        for (commit, checks) in self.checks(&commits) {
            if !checks?.is_empty() {
                return Ok(Some(format!(
                    "CI says nothing of {}, and runs on {}: have its workflows run on pushes to ppe/lane/**, whatever \
                     the files in them",
                    lane_branch(&self.run, *candidate),
                    wording::short(&commit),
                )));
            }
        }
        Ok(None)
    }

    /// Whether failed workflows are at it again: a second run of a red candidate is a second run of those.
    pub(super) fn repeat_failed(&self, spec: &CiSpec) -> Result<bool, Trouble> {
        if spec.run < 2 || !matches!(spec.subject, Subject::Candidate(_)) {
            return Ok(false);
        }
        let runs = self.api.workflow_runs(&spec.commit)?;
        let failed: Vec<&WorkflowRun> = runs.iter().filter(|run| is_to_be_repeated(run, spec.run)).collect();
        for run in &failed {
            self.api.rerun_failed(run.id)?;
        }
        Ok(!failed.is_empty())
    }

    /// The checks without which nothing may land, by rules of either kind.
    pub(super) fn required(&self, target: &Branch) -> Result<Vec<String>, ApiError> {
        let rules = self.api.rules(target)?;
        let mut required: BTreeSet<String> =
            rules.iter().flat_map(super::api::Rule::required_checks).collect();
        required.extend(self.api.branch(target)?.required_checks());
        Ok(required.into_iter().collect())
    }

    /// Lands a candidate on GitHub, then here. Repeating it is harmless.
    pub(super) fn land(&self, spec: &LandSpec) -> Result<LandOutcome, Trouble> {
        let heads = self.remote.heads()?;
        let mut tip = match heads.get(&spec.target) {
            Some(tip) if *tip == spec.base => tip.clone(),
            _ => self.target_tip(&spec.target)?,
        };
        if !self.repo.contains(&tip, &spec.commit).map_err(machine)? {
            if spec.wished == Wished::NoMore {
                return Ok(LandOutcome::Refused(TAKEN_BACK.to_owned()));
            }
            if let Some((task, tip)) = self.moved_head(&spec.members, &heads)? {
                return Ok(LandOutcome::HeadMoved { task, tip });
            }
            // A person may have merged one of them, which closes it as well and may take its branch.
            if tip != spec.base {
                return Ok(LandOutcome::BaseMoved);
            }
            let changes = spec.members.iter().filter_map(|(member, _)| member.change);
            let pulls = changes.map(|change| self.api.pull(change)).collect::<Result<Vec<_>, _>>()?;
            if let Some(pull) = pulls.iter().find(|pull| !pull.is_open()) {
                return Ok(closed(pull.number()));
            }
            if let Some((_, branch)) = spec.members.iter().find(|(_, branch)| !heads.contains_key(branch)) {
                return Ok(LandOutcome::Refused(gone(branch)));
            }
            for pull in &pulls {
                self.goes_on(pull)?;
                self.make_ready(pull.number())?;
            }
            self.retarget(spec)?;
            failpoint::hit("land.before_push");
            match self.remote.push(&spec.target, &spec.commit, &Expect::At(spec.base.clone()))? {
                Pushed::Done => {}
                Pushed::Stale => return Ok(LandOutcome::BaseMoved),
                Pushed::Refused(why) => {
                    let what = format!("GitHub does not take {}: {why}", spec.target);
                    return Ok(LandOutcome::Refused(what));
                }
            }
            failpoint::hit("land.after_push");
            tip = self.target_tip(&spec.target)?;
            if !self.repo.contains(&tip, &spec.commit).map_err(machine)? {
                let what = format!("{} was pushed to {}", wording::short(&spec.commit), spec.target);
                return Err(Trouble::Elsewhere(format!("{what}, and GitHub does not show it yet")));
            }
        }
        if let Some(why) = self.follow(&spec.target, &tip)? {
            // It has landed: no command may send it back.
            return Err(Trouble::Elsewhere(format!("landed on GitHub, but not here: {why}")));
        }
        self.settle_changes(spec)?;
        self.remove_lane_branch(spec);
        Ok(LandOutcome::Landed(spec.commit.clone()))
    }

    /// A member's branch that is not where its work was taken from. Its tip is fetched.
    fn moved_head(
        &self,
        members: &[(Member, Branch)],
        heads: &BTreeMap<Branch, CommitId>,
    ) -> Result<Option<(TaskId, CommitId)>, Trouble> {
        for (member, branch) in members {
            let Some(head) = heads.get(branch) else { continue };
            if !self.is_ours(&member.task, &member.head, head)? {
                return Ok(self.remote.fetch(branch)?.map(|tip| (member.task.clone(), tip)));
            }
        }
        Ok(None)
    }

    /// GitHub sees for itself that a change has landed whose head is in the target. A squashed one is closed with a word.
    fn settle_changes(&self, spec: &LandSpec) -> Result<(), Trouble> {
        for (member, _) in &spec.members {
            let Some(change) = member.change else { continue };
            let seen_by_github = self.repo.contains(&spec.commit, &member.head).map_err(machine)?;
            if seen_by_github || !self.api.pull(change)?.is_open() {
                continue;
            }
            let text = format!("Landed on {} as {}.", spec.target, spec.commit);
            self.say_once(change, LANDED, &text, true)?;
            self.api.close_pull(change)?;
        }
        Ok(())
    }

    /// Takes away the branch that CI ran on. One that cannot be taken away is in nobody's way.
    fn remove_lane_branch(&self, spec: &LandSpec) {
        drop(self.remote.delete(&lane_branch(&self.run, spec.candidate), &spec.commit));
    }
}
