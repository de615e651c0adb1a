//! The plumbing of the merge lane: candidates built without any checkout (see [`build`](mod@build)), landed by
//! compare-and-swap or, where the target is checked out, by one fast-forward there.
//!
//! Knows nothing of queues, verdicts or changes.

mod build;

pub use build::{Built, CandidateSpec, Member, build};
pub(super) use build::{Merged, made, merge_trees};

use std::collections::BTreeSet;

use ppe_core::ids::{Branch, CandidateId, CommitId, RunId, TaskId, TreeId};

use super::diff::TREES;
use super::refs::{self, Expect, Moved};
use super::repo::{Worktree, WorktreeState, dirty_in};
use super::{GitError, Repo, commit_id, shown, tree_id};
use crate::failpoint;

const FILES_SHOWN: usize = 100;

/// What landing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// The commit is part of the target, now or already before.
    Landed,
    /// The target is not what the candidate was built on.
    BaseMoved {
        /// What it is now.
        tip: CommitId,
    },
    /// The checkout that holds the target does not take it.
    Refused {
        /// Why, in a sentence.
        why: String,
        /// The files that stand in the way, where that is the reason.
        files: Vec<String>,
    },
}

/// A landing found on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLanding {
    /// The commit on the target's first-parent chain.
    pub commit: CommitId,
    /// The task it says it is of.
    pub task: TaskId,
    /// The run it says it is of.
    pub run: Option<RunId>,
}

/// Why the lane cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The target is no branch here.
    #[error("there is no branch {0}")]
    NoTarget(Branch),
    /// A candidate brings nothing.
    #[error("candidate {0} has no member")]
    NoMember(CandidateId),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// The tip of the target.
pub fn tip(repo: &Repo, target: &Branch) -> Result<CommitId, LaneError> {
    repo.tip(target)?.ok_or_else(|| LaneError::NoTarget(target.clone()))
}

/// The tree of a commit.
pub fn tree_of(repo: &Repo, commit: &CommitId) -> Result<TreeId, GitError> {
    let call =
        repo.store().args(["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{tree}}")]);
    let text = call.clone().text()?;
    tree_id(text.lines().last().unwrap_or_default()).ok_or_else(|| call.unexpected(&text))
}

/// Makes `commit` the target's tip, if the target is still at `base`. Repeating it is harmless.
pub fn land(repo: &Repo, target: &Branch, base: &CommitId, commit: &CommitId) -> Result<Landing, LaneError> {
    let now = tip(repo, target)?;
    if repo.contains(&now, commit)? {
        return Ok(Landing::Landed);
    }
    if now != *base {
        return Ok(Landing::BaseMoved { tip: now });
    }
    let holders = repo.holders(target)?;
    match holders.as_slice() {
        [] => land_by_ref(repo, target, base, commit),
        [holder] => match &holder.state {
            WorktreeState::Usable => land_in(repo, holder, target, base, commit),
            WorktreeState::Busy(what) => {
                Ok(refused(format!("{what} of {target} is under way in {}", at(holder))))
            }
            WorktreeState::Gone => {
                let hint = "bring it back, or run `git worktree prune`";
                Ok(refused(format!("the checkout of {target} at {} is gone; {hint}", at(holder))))
            }
        },
        several => {
            let places: Vec<String> = several.iter().map(at).collect();
            Ok(refused(format!("{target} is checked out more than once: {}", places.join(", "))))
        }
    }
}

fn land_by_ref(
    repo: &Repo,
    target: &Branch,
    base: &CommitId,
    commit: &CommitId,
) -> Result<Landing, LaneError> {
    failpoint::hit("land.before_ref");
    let moved = refs::update(repo, &refs::head(target), commit, &Expect::At(base.clone()))?;
    failpoint::hit("land.after_ref");
    match moved {
        Moved::Done => Ok(Landing::Landed),
        Moved::Lost { now: Some(tip) } => Ok(Landing::BaseMoved { tip }),
        Moved::Lost { now: None } | Moved::Clash => Err(LaneError::NoTarget(target.clone())),
    }
}

/// One fast-forward in the checkout that holds the target. Git itself refuses to lose local changes.
fn land_in(
    repo: &Repo,
    holder: &Worktree,
    target: &Branch,
    base: &CommitId,
    commit: &CommitId,
) -> Result<Landing, LaneError> {
    // Asked first, because a merge that is refused leaves a trace in the checkout all the same.
    let files = in_the_way(repo, holder, base, commit)?;
    if !files.is_empty() {
        return Ok(Landing::Refused {
            why: format!("local changes in {} would be overwritten", at(holder)),
            files,
        });
    }
    let settings = ["-c", "merge.verifySignatures=false", "-c", "merge.ff=only"];
    let switches = ["merge", "--ff-only", "--no-overwrite-ignore", "--no-stat", "--quiet"];
    failpoint::hit("land.before_merge");
    let output = repo.git.user(&holder.path).args(settings).args(switches).arg(commit.as_str()).any()?;
    failpoint::hit("land.after_merge");
    let now = tip(repo, target)?;
    if repo.contains(&now, commit)? {
        return Ok(Landing::Landed);
    }
    if now != *base {
        return Ok(Landing::BaseMoved { tip: now });
    }
    if output.code == 0 {
        return Ok(refused(format!("{} was switched to another branch meanwhile", at(holder))));
    }
    let said = output.stderr.lines().take(3).collect::<Vec<_>>().join("; ");
    Ok(refused(format!("git refuses in {}: {said}", at(holder))))
}

fn in_the_way(
    repo: &Repo,
    holder: &Worktree,
    base: &CommitId,
    commit: &CommitId,
) -> Result<Vec<String>, GitError> {
    let dirty: BTreeSet<String> = dirty_in(&repo.git, &holder.path)?.into_iter().collect();
    let range = [base.as_str(), commit.as_str()];
    let output = repo.store().args(TREES).arg("--name-only").args(range).run()?;
    Ok(output.fields().map(shown).filter(|path| dirty.contains(path)).take(FILES_SHOWN).collect())
}

fn refused(why: String) -> Landing {
    Landing::Refused { why, files: Vec::new() }
}

fn at(worktree: &Worktree) -> String {
    worktree.path.display().to_string()
}

/// Landings on the target's first-parent chain, newest first, as their trailers name them. Those made without trailers are
/// not found: nothing else in a commit says for certain whose it is. `since` and what it contains
/// are left out.
pub fn landed_tasks(
    repo: &Repo,
    tip: &CommitId,
    since: Option<&CommitId>,
) -> Result<Vec<FoundLanding>, GitError> {
    let format = "--format=%H%x1f%(trailers:key=Ppe-Task,valueonly,separator=%x1e)%x1f\
        %(trailers:key=Ppe-Run,valueonly,separator=%x1e)";
    let asked =
        ["log", "-z", "--first-parent", "--no-show-signature", "--no-color", "--grep=^Ppe-Task: ", format];
    let mut call = repo.store().args(asked).arg(tip.as_str());
    if let Some(since) = since {
        call = call.args(["--not", since.as_str()]);
    }
    let output = call.arg("--").run()?;
    let mut found = Vec::new();
    for field in output.fields() {
        let text = shown(field);
        let mut parts = text.trim_start_matches('\n').split('\u{1f}');
        let (Some(commit), Some(tasks)) = (parts.next().and_then(commit_id), parts.next()) else { continue };
        let run = parts.next().map(str::trim).filter(|run| !run.is_empty()).map(RunId::new);
        for task in tasks.split('\u{1e}').map(str::trim).filter(|task| !task.is_empty()) {
            found.push(FoundLanding { commit: commit.clone(), task: TaskId::new(task), run: run.clone() });
        }
    }
    Ok(found)
}
