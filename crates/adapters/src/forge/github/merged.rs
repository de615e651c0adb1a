//! What GitHub has merged: whether it is in the target, as which commit, and whether that is what was checked.
//!
//! GitHub shows a merge in more than one place, and not at once: what git says of the target is the truth.

use super::port::Inner;
use crate::git::lane::tree_of;
use crate::git::{GitError, commit_id};
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::LandOutcome;
use ppe_core::policy::MergeMethod;
use ppe_core::wording;
use ppe_engine::ports::{LandSpec, Member};
use std::fmt::Display;

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl Inner {
    /// The target is not where it was: by this very change, if a merge of it was still under way.
    pub(super) fn base_moved(&self, spec: &LandSpec, change: ChangeNumber) -> Result<LandOutcome, Trouble> {
        let shown = self.api.pull(change)?.merged_as();
        let landed = match (shown, spec.members.first()) {
            (None, Some((member, _))) => self.landed_unseen(spec, member)?,
            (shown, _) => shown,
        };
        landed.map_or(Ok(LandOutcome::BaseMoved), |commit| self.merged(spec, &commit))
    }

    /// The commit by which the target has a change that GitHub does not show as merged yet.
    fn landed_unseen(&self, spec: &LandSpec, member: &Member) -> Result<Option<CommitId>, Trouble> {
        let tip = self.target_tip(&spec.target)?;
        match self.settings.method {
            MergeMethod::Merge => self.merge_of(&member.head, &spec.base, &tip),
            MergeMethod::Squash | MergeMethod::Rebase => self.same_as(spec, &tip),
        }
        .map_err(machine)
    }

    /// The first of the target's commits that contains some work.
    fn merge_of(
        &self,
        work: &CommitId,
        base: &CommitId,
        tip: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        let range = format!("{base}..{tip}");
        let call = self.repo.store().args(["rev-list", "--first-parent", "--reverse", &range, "--"]);
        for commit in call.text()?.lines().filter_map(commit_id) {
            if self.repo.contains(&commit, work)? {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// The last of the target's commits that changes what the candidate, made in the same manner, changes.
    fn same_as(&self, spec: &LandSpec, tip: &CommitId) -> Result<Option<CommitId>, GitError> {
        let range = format!("{}...{tip}", spec.commit);
        let switches = ["rev-list", "--cherry-mark", "--right-only", "--no-merges", &range, "--"];
        let listed = self.repo.store().args(switches).text()?;
        Ok(listed.lines().find_map(|line| commit_id(line.strip_prefix('=')?)))
    }

    /// What it means that a change is in the target as a commit.
    pub(super) fn merged(&self, spec: &LandSpec, commit: &CommitId) -> Result<LandOutcome, Trouble> {
        let tip = self.target_tip(&spec.target)?;
        if !self.repo.contains(&tip, commit).map_err(machine)? {
            let short = wording::short(commit);
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
