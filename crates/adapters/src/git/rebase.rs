//! Brings a task's work onto the target's tip, in the workspace's own files but with a git directory of ours: no hook,
//! filter, merge driver or editor of the agent's runs.
//!
//! Whatever comes of it, the workspace ends with a fresh repository (see [`super::seat`]) in which the target's tip is
//! `refs/ppe/target`, so that an agent can finish what did not go by itself. What was there before is rescued first.
//!
//! Knows nothing of who resolves a conflict.

use ppe_core::ids::{Attempt, CommitId};

use super::keep::{self, KeepError};
use super::ours::{Care, OursError};
use super::status::Kind;
use super::workspace::{Workspace, WorkspaceError};
use super::{GitError, Stamp, refs, shown};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebased {
    /// The work lies on the target's tip now, and in the user's repository.
    Clean {
        /// Its new tip.
        tip: CommitId,
    },
    /// It does not go by itself; the workspace is at the old tip.
    Conflicted {
        /// The files that clash at the first commit that does.
        files: Vec<String>,
    },
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum RebaseError {
    /// The workspace is not what it should be, or holds changes that are in no snapshot.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// What was there could not be rescued, so it was left as it is.
    #[error("nothing was changed: {0}")]
    Keep(#[from] KeepError),
    /// The git directory of ours failed.
    #[error(transparent)]
    Ours(#[from] OursError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Rebases the work whose tip is `tip` (its last snapshot) onto the target's tip. The result is published under the
/// attempt's ref.
pub fn rebase_onto(
    workspace: &mut Workspace,
    tip: &CommitId,
    target: &CommitId,
    attempt: Attempt,
    stamp: &Stamp,
) -> Result<Rebased, RebaseError> {
    workspace.reset_to(tip, stamp)?;
    workspace.record.target = Some(target.clone());
    if workspace.ours.contains(tip, target)? {
        workspace.seat_at(tip)?;
        return Ok(Rebased::Clean { tip: tip.clone() });
    }
    // Committer and date are ours, so that a repeat gives the same commits; the authors stay.
    let committer = stamp.env().into_iter().filter(|(name, _)| name.starts_with("GIT_COMMITTER"));
    let call = committer.fold(workspace.ours.files(), |call, (name, value)| call.env(name, value));
    let output = call.args(REBASE).arg(target.as_str()).any()?;
    if output.code == 0 {
        let tip = workspace.ours.head()?;
        let name = refs::work(&workspace.record.run, &workspace.record.task, attempt);
        workspace.ours.publish(&workspace.repo, &tip, &name, Care::Checked)?;
        workspace.record.base = target.clone();
        workspace.seat_at(&tip)?;
        return Ok(Rebased::Clean { tip });
    }
    let files = clashing_files(workspace)?;
    workspace.ours.abandon_rebase()?;
    if files.is_empty() {
        return Err(GitError::Failed {
            what: "rebase".into(),
            code: output.code.to_string(),
            stderr: output.stderr,
        }
        .into());
    }
    workspace.seat_at(tip)?;
    Ok(Rebased::Conflicted { files })
}

const REBASE: [&str; 10] = [
    "rebase",
    "--merge",
    "--quiet",
    "--no-stat",
    "--no-verify",
    "--no-autostash",
    "--no-fork-point",
    "--no-gpg-sign",
    "--no-update-refs",
    "--empty=drop",
];

fn clashing_files(workspace: &Workspace) -> Result<Vec<String>, GitError> {
    let call = workspace.ours.files().args(super::status::ARGS);
    let output = call.clone().run()?;
    let entries = super::status::parse(&output.stdout).ok_or_else(|| call.unexpected("status"))?;
    let unmerged = entries.iter().filter(|entry| entry.kind == Kind::Unmerged);
    Ok(unmerged.map(|entry| shown(&entry.path)).collect())
}

impl Workspace {
    /// Brings the files to `tip`, rescuing what is there; refused when that would touch uncommitted changes.
    fn reset_to(&mut self, tip: &CommitId, stamp: &Stamp) -> Result<(), RebaseError> {
        self.ours.clear_stale_locks();
        self.clear_stale_locks();
        self.ours.abandon_rebase()?;
        let before = self.ours.head()?;
        let found = self.ours.absorb(&self.record.branch)?;
        let from = self.way_to(&[tip, &found.head, &before])?;
        keep::keep(self, stamp)?;
        // Afterwards git knows of each file that it is as in that commit, or would refuse to change it.
        self.ours.changes(&from, &[])?;
        if from != *tip {
            self.ours.switch(&from, tip)?;
        }
        self.ours.set_head(tip)?;
        Ok(())
    }
}
