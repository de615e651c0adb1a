//! Brings a task's work onto the target's tip, rebased or with the target merged into it, in the workspace's own files but
//! with a git directory of ours: no hook, filter, merge driver or editor of the agent's runs.
//!
//! Whatever comes of it, the workspace ends with a fresh repository (see [`super::seat`]) in which the target's tip is
//! `refs/ppe/target`, so that an agent can finish what did not go by itself. What was there before is rescued first.
//!
//! Knows nothing of who resolves a conflict.

use ppe_core::ids::{Attempt, CommitId};
use ppe_core::policy::Update;

use super::keep::{self, KeepError, commit_tree};
use super::ours::{Care, OursError};
use super::status::Kind;
use super::workspace::{Workspace, WorkspaceError};
use super::{GitError, Stamp, refs, shown, tree_id};
use crate::failpoint;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brought {
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
pub enum OntoError {
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

/// Brings the work whose tip is `tip` (its last snapshot) onto the target's tip: of what stands on others' work only the
/// commits after that. `grounds` says where it may stand; the first that it does stand on counts. The result is published
/// under the attempt's ref.
pub fn bring_onto(
    workspace: &mut Workspace,
    tip: &CommitId,
    (grounds, target): (&[CommitId], &CommitId),
    update: Update,
    made: (Attempt, &Stamp),
) -> Result<Brought, OntoError> {
    let goal = Goal { target, stood_on: stands_on(workspace, tip, (grounds, target))?, update };
    failpoint::hit("onto.before");
    let brought = bring(workspace, tip, &goal, made)?;
    failpoint::hit("onto.made");
    Ok(brought)
}

/// What work is to leave behind. What was put on other commits meanwhile has left it already, and what the target holds
/// need not be left.
fn stands_on<'a>(
    workspace: &Workspace,
    tip: &CommitId,
    (grounds, target): (&'a [CommitId], &CommitId),
) -> Result<Option<&'a CommitId>, OursError> {
    for ground in grounds {
        if workspace.ours.contains(tip, ground)? && !workspace.ours.contains(target, ground)? {
            return Ok(Some(ground));
        }
    }
    Ok(None)
}

/// Where work shall go, and how.
struct Goal<'a> {
    target: &'a CommitId,
    stood_on: Option<&'a CommitId>,
    update: Update,
}

fn bring(
    workspace: &mut Workspace,
    tip: &CommitId,
    goal: &Goal<'_>,
    (attempt, stamp): (Attempt, &Stamp),
) -> Result<Brought, OntoError> {
    let target = goal.target;
    workspace.reset_to(tip, stamp)?;
    workspace.record.target = Some(target.clone());
    // Others' work would come along.
    if goal.stood_on.is_none() && workspace.ours.contains(tip, target)? {
        workspace.seat_at(tip)?;
        return Ok(Brought::Clean { tip: tip.clone() });
    }
    let brought = match goal.update {
        Update::Rebase => rebase(workspace, goal, stamp)?,
        Update::Merge => merge(workspace, tip, goal, stamp)?,
    };
    let stands = match &brought {
        Brought::Conflicted { .. } => tip,
        Brought::Clean { tip } => {
            let name = refs::work(&workspace.record.run, &workspace.record.task, attempt);
            workspace.ours.publish(&workspace.repo, tip, &name, Care::Checked)?;
            // Of what was merged, what it stood on is still in its history, and none of its own.
            if goal.update == Update::Rebase || goal.stood_on.is_none() {
                workspace.record.base = target.clone();
            }
            tip
        }
    };
    workspace.seat_at(stands)?;
    Ok(brought)
}

fn rebase(workspace: &Workspace, goal: &Goal<'_>, stamp: &Stamp) -> Result<Brought, OntoError> {
    // Committer and date are ours, so that a repeat gives the same commits; the authors stay.
    let committer = stamp.env().into_iter().filter(|(name, _)| name.starts_with("GIT_COMMITTER"));
    let call = committer.fold(workspace.ours.files(), |call, (name, value)| call.env(name, value));
    let call = call.args(REBASE);
    let call = match goal.stood_on {
        Some(base) => call.arg(format!("--onto={}", goal.target)).arg(base.as_str()),
        None => call.arg(goal.target.as_str()),
    };
    let output = call.any()?;
    if output.code == 0 {
        return Ok(Brought::Clean { tip: workspace.ours.head()? });
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
    Ok(Brought::Conflicted { files })
}

/// Merges the target into the work, which stays as it was published.
fn merge(
    workspace: &Workspace,
    tip: &CommitId,
    goal: &Goal<'_>,
    stamp: &Stamp,
) -> Result<Brought, OntoError> {
    let sides = [tip.as_str(), goal.target.as_str()];
    let plain = || workspace.ours.store().args(MERGE).args(sides);
    let mut call = match goal.stood_on {
        Some(base) => workspace.ours.store().args(MERGE).arg(format!("--merge-base={base}")).args(sides),
        None => plain(),
    };
    let mut output = call.clone().any()?;
    if goal.stood_on.is_some() && !matches!(output.code, 0 | 1) {
        // A git before 2.40 finds a base of its own.
        call = plain();
        output = call.clone().any()?;
    }
    let mut fields = output.fields().map(shown);
    let first = fields.next().unwrap_or_default();
    match (output.code, tree_id(&first)) {
        (0, Some(tree)) => {
            let message = format!("Merge the target into {}\n", workspace.record.branch);
            let parents = [tip.clone(), goal.target.clone()];
            let merged = commit_tree(workspace, &tree, &parents, &message, stamp)?;
            workspace.ours.switch(tip, &merged)?;
            Ok(Brought::Clean { tip: merged })
        }
        (1, Some(_)) => Ok(Brought::Conflicted { files: fields.filter(|file| !file.is_empty()).collect() }),
        _ => Err(call.unexpected(&output.stderr).into()),
    }
}

/// The tree, then the names of files that clash.
const MERGE: [&str; 5] = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
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
    fn reset_to(&mut self, tip: &CommitId, stamp: &Stamp) -> Result<(), OntoError> {
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
