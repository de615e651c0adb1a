//! A repository as far as a run can tell: commits with parents and trees, and who contains whom. Knows no files.

use ppe_core::ids::{CommitId, TreeId};
use std::collections::BTreeMap;

/// A commit, as its place in the list.
pub(super) type Commit = usize;
/// A tree, as its number.
pub(super) type Tree = usize;

#[derive(Debug)]
struct Entry {
    parents: Vec<Commit>,
    tree: Tree,
}

/// All commits that were ever made.
#[derive(Debug, Default)]
pub(super) struct Git {
    commits: Vec<Entry>,
    trees: Tree,
    merges: BTreeMap<(Commit, Vec<Commit>), Commit>,
    /// What merging a tip into a tree gives.
    merged: BTreeMap<(Tree, Commit), Tree>,
}

impl Git {
    /// A new commit with a tree of its own.
    pub(super) fn commit(&mut self, parents: &[Commit]) -> Commit {
        self.trees += 1;
        self.commits.push(Entry { parents: parents.to_vec(), tree: self.trees });
        self.commits.len() - 1
    }

    /// The merge of a tip into a base: the same tip on the same tree always gives the same tree, and a tip that contains
    /// the base keeps its own.
    pub(super) fn merge(&mut self, base: Commit, tip: Commit) -> Commit {
        if self.contains(base, tip) {
            return base;
        }
        let known = self.merged.get(&(self.tree(base), tip)).copied();
        let tree = if self.contains(tip, base) { Some(self.tree(tip)) } else { known };
        let made = self.join(base, &[tip], tree);
        self.merged.insert((self.tree(base), tip), self.tree(made));
        made
    }

    /// A commit with the tips behind a base: the same ones always give the same.
    pub(super) fn join(&mut self, base: Commit, tips: &[Commit], tree: Option<Tree>) -> Commit {
        let key = (base, tips.to_vec());
        if let Some(made) = self.merges.get(&key) {
            return *made;
        }
        let made = self.commit(&[&[base], tips].concat());
        if let Some(tree) = tree {
            self.commits[made].tree = tree;
        }
        self.merges.insert(key, made);
        made
    }

    /// The same tree on the same first parent, as somebody else's commit.
    pub(super) fn alike(&mut self, commit: Commit) -> Commit {
        let made = self.commit(&self.commits[commit].parents.clone());
        self.commits[made].tree = self.commits[commit].tree;
        made
    }

    /// As many commits as the work of `tip` has, with the same tree in the end, on whatever of `base` it contains.
    pub(super) fn rewrite(&mut self, base: Commit, tip: Commit) -> Commit {
        let mut made = self.contains(tip, base).then_some(base);
        for _ in 0..self.ahead(base, tip) {
            made = Some(self.commit(made.as_slice()));
        }
        let made = made.unwrap_or(tip);
        self.commits[made].tree = self.commits[tip].tree;
        made
    }

    pub(super) fn tree(&self, commit: Commit) -> Tree {
        self.commits[commit].tree
    }

    pub(super) fn first_parent(&self, commit: Commit) -> Option<Commit> {
        self.commits[commit].parents.first().copied()
    }

    /// Whether `ancestor` is reachable from `tip`.
    pub(super) fn contains(&self, tip: Commit, ancestor: Commit) -> bool {
        self.reach(tip)[ancestor]
    }

    /// The last commit of a branch that `tip` contains.
    pub(super) fn fork(&self, tip: Commit, branch: Commit) -> Commit {
        let mut at = branch;
        while !self.contains(tip, at)
            && let Some(parent) = self.first_parent(at)
        {
            at = parent;
        }
        at
    }

    /// Commits of `tip` that `base` does not have.
    pub(super) fn ahead(&self, base: Commit, tip: Commit) -> u32 {
        let (mine, theirs) = (self.reach(tip), self.reach(base));
        let count = mine.iter().zip(theirs).filter(|(mine, theirs)| **mine && !theirs).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn reach(&self, tip: Commit) -> Vec<bool> {
        let mut seen = vec![false; self.commits.len()];
        let mut next = vec![tip];
        while let Some(commit) = next.pop() {
            if !std::mem::replace(&mut seen[commit], true) {
                next.extend(&self.commits[commit].parents);
            }
        }
        seen
    }
}

pub(super) fn commit_id(commit: Commit) -> CommitId {
    CommitId::new(format!("c{commit}"))
}

pub(super) fn tree_id(tree: Tree) -> TreeId {
    TreeId::new(format!("t{tree}"))
}

/// The commit of an id that this world gave out.
pub(super) fn commit_of(id: &CommitId) -> Result<Commit, String> {
    number(id.as_str())
}

/// The tree of an id that this world gave out.
pub(super) fn tree_of(id: &TreeId) -> Result<Tree, String> {
    number(id.as_str())
}

fn number(id: &str) -> Result<usize, String> {
    id.get(1..).and_then(|digits| digits.parse().ok()).ok_or_else(|| format!("`{id}` is no id of this world"))
}
