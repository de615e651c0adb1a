//! What a stacked task begins on: the tip of the one task it stands on, or a commit of ours that joins several with the
//! target.
//!
//! The same specification gives the same commit. Knows nothing of why a task is stacked.

use ppe_core::ids::{CommitId, TaskId};

use super::lane::{Merged, made, merge_trees, tree_of};
use super::{GitError, Repo, Stamp};
use crate::failpoint;

/// What a task shall stand on.
#[derive(Clone, Debug)]
pub struct StackSpec<'a> {
    /// The task.
    pub task: &'a TaskId,
    /// The target's tip.
    pub target: &'a CommitId,
    /// The tips of those it stands on, in order; at least one.
    pub tips: &'a [CommitId],
    /// Commits that must be in it: the landings of what else the task depends on.
    pub must_contain: &'a [CommitId],
    /// Author and date of a commit of ours.
    pub stamp: &'a Stamp,
}

/// What there is to stand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// A commit that holds all of it.
    At(CommitId),
    /// Some of it does not merge.
    Clash {
        /// In these files.
        files: Vec<String>,
    },
}

/// Finds or makes the commit that a task shall stand on. One tip that has everything is taken as it is: it was judged,
/// and what is made on it shows nothing else.
pub fn base(repo: &Repo, spec: &StackSpec<'_>) -> Result<Base, GitError> {
    if let [tip] = spec.tips
        && holds(repo, tip, spec.must_contain)?
    {
        return Ok(Base::At(tip.clone()));
    }
    let commit = |tree: &_, parents: &[&CommitId]| {
        let text = format!("Join what {} stands on\n", spec.task);
        made(repo.store().stamp(spec.stamp), tree, parents, &text)
    };
    let (mut joined, mut tree) = (spec.target.clone(), tree_of(repo, spec.target)?);
    for tip in spec.tips {
        tree = match merge_trees(repo, &joined, tip)? {
            Merged::Tree(tree) => tree,
            Merged::Conflict(files) => return Ok(Base::Clash { files }),
        };
        // Merging needs commits; those between are no part of the result.
        joined = commit(&tree, &[&joined, tip])?;
    }
    let parents: Vec<&CommitId> = std::iter::once(spec.target).chain(spec.tips).collect();
    let made = commit(&tree, &parents)?;
    failpoint::hit("stack.joined");
    Ok(Base::At(made))
}

fn holds(repo: &Repo, tip: &CommitId, commits: &[CommitId]) -> Result<bool, GitError> {
    for commit in commits {
        if !repo.contains(tip, commit)? {
            return Ok(false);
        }
    }
    Ok(true)
}
