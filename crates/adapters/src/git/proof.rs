//! What proves that work is where it is said to be: a branch's first-parent chain, the branches that hold a commit, and,
//! as mere evidence, patches that are the same.
//!
//! Reads only. Knows nothing of what a log says.

use std::collections::BTreeSet;

use ppe_core::ids::CommitId;

use super::refs;
use super::{GitError, Repo, commit_id};

/// Commits of a chain that are compared with a patch, from its tip on.
const COMPARED: usize = 1000;

/// The first-parent chain of a commit, newest first.
#[derive(Clone, Debug)]
pub struct Chain {
    commits: Vec<CommitId>,
    members: BTreeSet<CommitId>,
}

impl Chain {
    /// Of this commit.
    pub fn of(repo: &Repo, tip: &CommitId) -> Result<Self, GitError> {
        let call = repo.store().args(["rev-list", "--first-parent", tip.as_str(), "--"]);
        let text = call.clone().text()?;
        let commits: Option<Vec<CommitId>> = text.lines().map(commit_id).collect();
        let commits = commits.ok_or_else(|| call.unexpected(&text))?;
        let members = commits.iter().cloned().collect();
        Ok(Self { commits, members })
    }

    /// Whether a commit is on it.
    pub fn has(&self, commit: &CommitId) -> bool {
        self.members.contains(commit)
    }

    /// The newest commit on it that changes the same lines as `commit` does to its first parent. Evidence that somebody
    /// brought the change in another way, and no proof: what stands around it may differ.
    pub fn same_patch(&self, repo: &Repo, commit: &CommitId) -> Result<Option<CommitId>, GitError> {
        let Some(parent) = repo.resolve(&format!("{commit}^"))? else { return Ok(None) };
        let of_commit = patch_ids(repo, &[(commit, &parent)])?;
        let Some((wanted, _)) = of_commit.first() else { return Ok(None) };
        let steps: Vec<_> = self.commits.iter().zip(self.commits.iter().skip(1)).take(COMPARED).collect();
        let found = patch_ids(repo, &steps)?;
        Ok(found.into_iter().find(|(id, _)| id == wanted).map(|(_, commit)| commit))
    }
}

/// Of each commit, beside the one it is compared with, what tells its patch from others. Empty ones have none.
fn patch_ids(repo: &Repo, steps: &[(&CommitId, &CommitId)]) -> Result<Vec<(String, CommitId)>, GitError> {
    let lines: Vec<String> = steps.iter().map(|(commit, parent)| format!("{commit} {parent}\n")).collect();
    let asked = ["diff-tree", "--stdin", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv"];
    let patches = repo.store().args(asked).stdin(lines.concat()).run()?.stdout;
    let call = repo.store().args(["patch-id", "--stable"]).stdin(patches);
    let text = call.clone().text()?;
    let entry = |line: &str| {
        let (patch, commit) = line.split_once(' ')?;
        Some((patch.to_owned(), commit_id(commit)?))
    };
    text.lines().map(|line| entry(line).ok_or_else(|| call.unexpected(line))).collect()
}

/// The first branch or tag that holds a commit, by its full name.
pub fn home(repo: &Repo, commit: &CommitId) -> Result<Option<String>, GitError> {
    let contains = format!("--contains={commit}");
    let asked = ["for-each-ref", "--count=1", "--format=%(refname)", &contains];
    let text = repo.store().args(asked).args(["refs/heads", "refs/remotes", "refs/tags"]).text()?;
    Ok((!text.is_empty()).then_some(text))
}

/// Whether a commit is one of these tips or lies behind them. Tips that are not in the repository are left out.
pub fn is_within(repo: &Repo, commit: &CommitId, tips: &[CommitId]) -> Result<bool, GitError> {
    if tips.is_empty() {
        return Ok(false);
    }
    let asked = ["rev-list", "--max-count=1", "--ignore-missing", commit.as_str(), "--not"];
    let outside = repo.store().args(asked).args(tips.iter().map(CommitId::as_str)).text()?;
    Ok(outside.is_empty())
}

/// Whether a commit holds nothing but what `other` and its own parents hold: the same files, and no history of its own.
pub fn adds_nothing(repo: &Repo, commit: &CommitId, other: &CommitId) -> Result<bool, GitError> {
    let tree = |commit: &CommitId| super::lane::tree_of(repo, commit);
    if tree(commit)? != tree(other)? {
        return Ok(false);
    }
    let parents =
        repo.store().args(["rev-list", "--parents", "--max-count=1", commit.as_str(), "--"]).text()?;
    for parent in parents.split(' ').skip(1).filter_map(commit_id) {
        if !repo.contains(other, &parent)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A branch name that is free, for work that is to be got back.
pub fn free_branch(repo: &Repo, wanted: &str) -> Result<String, GitError> {
    let taken: BTreeSet<String> = refs::list(repo, "refs/heads")?.into_iter().map(|(name, _)| name).collect();
    let names = std::iter::once(wanted.to_owned()).chain((2..).map(|n: u32| format!("{wanted}-{n}")));
    let mut free = names.filter(|name| !taken.contains(&format!("refs/heads/{name}")));
    Ok(free.next().unwrap_or_else(|| wanted.to_owned()))
}
