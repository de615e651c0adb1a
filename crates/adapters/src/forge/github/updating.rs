//! A task's branch is made to contain the target, for GitHub merges what CI has judged only where it does.
//!
//! The commit that does so is ours, and no work of the task: it is recorded before it is pushed, so that nobody mistakes
//! it for a person's. Knows nothing of CI and of merging.

use super::port::Inner;
use crate::failpoint;
use crate::git::lane::tree_of;
use crate::git::refs::{self, Expect};
use crate::git::remote::Pushed;
use crate::git::{GitError, Identity, Stamp, commit_id};
use ppe_core::ids::{Branch, CommitId, Millis, TaskId};
use ppe_core::input::Trouble;
use ppe_engine::ports::Member;
use std::fmt::Display;

/// A candidate of one change.
#[derive(Clone, Debug)]
pub(super) struct Single {
    /// The change.
    pub(super) member: Member,
    /// Its branch.
    pub(super) branch: Branch,
    /// The target's tip that it was built on.
    pub(super) base: CommitId,
    /// What was built: the tree that is to land.
    pub(super) commit: CommitId,
}

impl Single {
    /// The only member of a candidate; pre-flight lets no strategy with more come here.
    pub(super) fn of(
        members: &[(Member, Branch)],
        base: &CommitId,
        commit: &CommitId,
    ) -> Result<Self, Trouble> {
        match members {
            [(member, branch)] => Ok(Self {
                member: member.clone(),
                branch: branch.clone(),
                base: base.clone(),
                commit: commit.clone(),
            }),
            several => Err(Trouble::Elsewhere(format!(
                "GitHub merges one change at a time, not {}: merge.strategy = \"independent\"",
                several.len()
            ))),
        }
    }
}

/// Where a branch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Where it contains the target and has the tree that is to land.
    At(CommitId),
    /// Where somebody else left it; not at all, if it is gone.
    Moved(Option<CommitId>),
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl Inner {
    /// Brings a change's branch up to date with the target that its candidate was built on. Repeating it is harmless.
    pub(super) fn update_head(&self, single: &Single) -> Result<Head, Trouble> {
        let Some(now) = self.remote.heads()?.remove(&single.branch) else { return Ok(Head::Moved(None)) };
        let Single { member, branch, base, commit } = single;
        if !self.is_ours(&member.task, &member.head, &now)? {
            return Ok(Head::Moved(Some(now)));
        }
        if self.is_up_to_date(&now, base, commit).map_err(machine)? {
            return Ok(Head::At(now));
        }
        let update = self.update(&now, single).map_err(machine)?;
        let record = refs::update_of(&self.run, &member.task);
        refs::update(&self.repo, &record, &update, &Expect::Any).map_err(machine)?;
        failpoint::hit("update.before_push");
        let pushed = self.remote.push(branch, &update, &Expect::At(now))?;
        failpoint::hit("update.after_push");
        match pushed {
            Pushed::Done => Ok(Head::At(update)),
            Pushed::Stale => Ok(Head::Moved(self.remote.heads()?.remove(branch))),
            Pushed::Refused(why) => Err(Trouble::Elsewhere(format!("GitHub does not take {branch}: {why}"))),
        }
    }

    fn is_up_to_date(&self, head: &CommitId, base: &CommitId, commit: &CommitId) -> Result<bool, GitError> {
        Ok(self.repo.contains(head, base)? && tree_of(&self.repo, head)? == tree_of(&self.repo, commit)?)
    }

    /// Whether a branch that stands at `now` holds a task's work up to `tip` and nothing else but updates of ours.
    pub(super) fn is_ours(&self, task: &TaskId, tip: &CommitId, now: &CommitId) -> Result<bool, Trouble> {
        if now == tip {
            return Ok(true);
        }
        let record = refs::update_of(&self.run, task);
        let Some(last) = refs::read(&self.repo, &record).map_err(machine)? else { return Ok(false) };
        let range = format!("{tip}..{last}");
        let call = self.repo.store().args(["rev-list", "--first-parent", "--parents", &range, "--"]);
        let listed = call.text().map_err(machine)?;
        // Each line is a commit with its parents, the newest first; the oldest must lie on the work itself.
        let first_parent = |line: &str| line.split(' ').nth(1).and_then(commit_id);
        let lies_on_work = listed.lines().last().and_then(first_parent).as_ref() == Some(tip);
        Ok(lies_on_work && listed.lines().any(|line| line.split(' ').next() == Some(now.as_str())))
    }

    /// The commit with the tree that is to land, on where the branch stands and on the target. Its dates and names are
    /// those of what was built, so that a repeat gives the same commit.
    fn update(&self, now: &CommitId, single: &Single) -> Result<CommitId, GitError> {
        let Single { member, base, commit, .. } = single;
        let stamp = self.stamp_of(commit)?;
        let tree = tree_of(&self.repo, commit)?;
        let text = format!(
            "Bring {} up to date with the target\n\nPpe-Update: {}\nPpe-Run: {}\n",
            member.task, member.head, self.run
        );
        let parents = ["-p", now.as_str(), "-p", base.as_str()];
        let call = self.repo.store().stamp(&stamp).args(["commit-tree", tree.as_str()]).args(parents);
        let call = call.stdin(text);
        let said = call.clone().text()?;
        commit_id(&said).ok_or_else(|| call.unexpected(&said))
    }

    /// Who committed something, and when.
    fn stamp_of(&self, commit: &CommitId) -> Result<Stamp, GitError> {
        let call = self.repo.store().args(["show", "-s", "--format=%cn%x00%ce%x00%ct", commit.as_str()]);
        let said = call.clone().text()?;
        let parts: Vec<&str> = said.trim_end().split('\0').collect();
        let [name, email, seconds] = parts[..] else { return Err(call.unexpected(&said)) };
        let seconds: u64 = seconds.parse().map_err(|_| call.unexpected(&said))?;
        let who = Identity { name: name.to_owned(), email: email.to_owned() };
        Ok(Stamp { who, when: Millis(seconds * 1_000) })
    }
}
