//! What a run leaves behind on GitHub and of GitHub, taken away: branches that CI ran on, and pins of what was seen there.
//!
//! Only what is ours: a branch goes only from the commit that we pushed, a pin only when its commit is somewhere else too.

use super::ci::lane_branch;
use super::port::{GitHubPort, Inner};
use crate::git::refs;
use crate::git::remote::{self, Pushed};
use ppe_core::ids::{Branch, CandidateId, ChangeNumber, CommitId, RunId};
use ppe_core::input::Trouble;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// How a run stands, as far as it says what is still of use.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The target.
    pub target: Branch,
    /// Candidates that are still in the lane.
    pub candidates: BTreeSet<CandidateId>,
    /// Changes that are being landed.
    pub landing: Vec<ChangeNumber>,
    /// Branches that nothing more will be done with: those of closed tasks.
    pub over: Vec<Branch>,
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl GitHubPort {
    /// Takes away what is of no use any more. Repeating it is harmless.
    pub async fn clear(&self, standing: Standing) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.clear(&standing)).await
    }

    /// Takes away what runs that are over have left of their lanes, be it that they were killed.
    pub async fn clear_over(&self, runs: Vec<RunId>) -> Result<(), Trouble> {
        self.blocking(move |inner| inner.clear_over(&runs)).await
    }
}

impl Inner {
    fn clear(&self, standing: &Standing) -> Result<(), Trouble> {
        self.stop_waiting(&standing.landing)?;
        let built = refs::candidates(&self.repo, &self.run).map_err(machine)?.into_iter();
        let out: Vec<_> = built.filter(|(id, _)| !standing.candidates.contains(id)).collect();
        let pins = self.pins(&standing.over)?;
        if out.is_empty() && pins.is_empty() {
            return Ok(());
        }
        let heads = self.remote.heads()?;
        self.clear_lane(&self.run, out, &heads)?;
        self.drop_pins(pins, &heads, &standing.target)
    }

    /// While nobody watches, GitHub merges nothing of ours by itself.
    fn stop_waiting(&self, landing: &[ChangeNumber]) -> Result<(), Trouble> {
        for change in landing.iter().filter(|_| self.settings.auto_merge) {
            let pull = self.api.pull(*change)?;
            if pull.is_open() && pull.is_to_merge_itself() {
                self.api.disable_auto_merge(&pull.node_id)?;
            }
        }
        Ok(())
    }

    fn clear_over(&self, runs: &[RunId]) -> Result<(), Trouble> {
        let heads = self.remote.heads()?;
        for run in runs {
            let built = refs::candidates(&self.repo, run).map_err(machine)?;
            self.clear_lane(run, built, &heads)?;
        }
        Ok(())
    }

    /// Takes away the branches of candidates, and then what says that there may be one.
    fn clear_lane(
        &self,
        run: &RunId,
        candidates: Vec<(CandidateId, CommitId)>,
        heads: &BTreeMap<Branch, CommitId>,
    ) -> Result<(), Trouble> {
        for (candidate, commit) in candidates {
            let branch = lane_branch(run, candidate);
            if heads.get(&branch) == Some(&commit) {
                self.take_away(&branch, &commit)?;
            }
            refs::delete(&self.repo, &refs::candidate(run, candidate), &commit).map_err(machine)?;
        }
        Ok(())
    }

    /// Takes a branch away. One that somebody has moved meanwhile is theirs.
    fn take_away(&self, branch: &Branch, commit: &CommitId) -> Result<(), Trouble> {
        match self.remote.delete(branch, commit)? {
            Pushed::Done | Pushed::Stale => Ok(()),
            Pushed::Refused(why) => Err(Trouble::Elsewhere(format!("GitHub keeps {branch}: {why}"))),
        }
    }

    fn pins(&self, over: &[Branch]) -> Result<Vec<(Branch, CommitId)>, Trouble> {
        let mut pins = Vec::new();
        for branch in over {
            let seen = refs::read(&self.repo, &remote::seen(branch)).map_err(machine)?;
            pins.extend(seen.map(|commit| (branch.clone(), commit)));
        }
        Ok(pins)
    }

    /// Drops the pins of commits that are still on GitHub, or have landed.
    fn drop_pins(
        &self,
        pins: Vec<(Branch, CommitId)>,
        heads: &BTreeMap<Branch, CommitId>,
        target: &Branch,
    ) -> Result<(), Trouble> {
        let tip = self.repo.tip(target).map_err(machine)?;
        for (branch, commit) in pins {
            let landed = match &tip {
                Some(tip) => self.repo.contains(tip, &commit).map_err(machine)?,
                None => false,
            };
            if landed || heads.get(&branch) == Some(&commit) {
                refs::delete(&self.repo, &remote::seen(&branch), &commit).map_err(machine)?;
            }
        }
        Ok(())
    }
}
