//! Builds candidates as objects: members merged one after the other, without any checkout or branch.
//!
//! The same specification gives the same commit, whoever builds it and however often: dates and names are told, and those
//! who do not merge are left out by what git says alone.

use std::collections::BTreeSet;

use ppe_core::ids::{CandidateId, CommitId, RunId, TaskId, TreeId};
use ppe_core::outcome::{Clash, ClashWith};
use ppe_core::policy::{MergeMethod, Trailers};

use super::super::cli::Call;
use super::super::refs::{self, Expect};
use super::super::{GitError, Repo, Stamp, commit_id, shown, tree_id};
use super::{FILES_SHOWN, LaneError, tree_of};
use crate::failpoint;

/// Tasks that a subject names; of more it only tells how many.
const NAMED: usize = 5;

/// A commit that shall become the target's next, or the next after another candidate.
#[derive(Clone, Debug)]
pub struct CandidateSpec {
    /// The run it belongs to.
    pub run: RunId,
    /// Its number.
    pub id: CandidateId,
    /// The commit that it is built on.
    pub base: CommitId,
    /// The target's tip, with which a member that clashes is tried alone.
    pub target: CommitId,
    /// The work that it brings, in order; at least one.
    pub members: Vec<Member>,
    /// What it looks like.
    pub method: MergeMethod,
    /// Whether its message names tasks and run.
    pub trailers: Trailers,
    /// Its author and date.
    pub stamp: Stamp,
}

/// One task's work.
#[derive(Clone, Debug)]
pub struct Member {
    /// The task.
    pub task: TaskId,
    /// The tip of its work.
    pub head: CommitId,
    /// What it is, on one line: `T-001: GraphQL Subscriptions (#3)`.
    pub line: String,
}

/// What building gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Built {
    /// A commit, pinned under the candidate's ref.
    Commit {
        /// Its id.
        commit: CommitId,
        /// Its tree.
        tree: TreeId,
        /// Members that do not merge onto those before them.
        left_out: Vec<Clash>,
    },
    /// No member merges.
    Conflict {
        /// Each of them.
        clashes: Vec<Clash>,
    },
}

/// Builds a candidate without touching any checkout or branch.
pub fn build(repo: &Repo, spec: &CandidateSpec) -> Result<Built, LaneError> {
    if spec.members.is_empty() {
        return Err(LaneError::NoMember(spec.id));
    }
    let mut pile = Pile { repo, spec, tip: spec.base.clone(), tree: tree_of(repo, &spec.base)? };
    let (mut merged, mut left_out) = (Vec::new(), Vec::new());
    for member in &spec.members {
        match pile.add(member)? {
            None => merged.push(member),
            Some(files) => {
                let with = pile.clash_with(member)?;
                left_out.push(Clash { task: member.task.clone(), with, files });
            }
        }
    }
    if merged.is_empty() {
        return Ok(Built::Conflict { clashes: left_out });
    }
    let commit = pile.close(&merged)?;
    failpoint::hit("candidate.before_pin");
    refs::update(repo, &refs::candidate(&spec.run, spec.id), &commit, &Expect::Any)?;
    failpoint::hit("candidate.after_pin");
    Ok(Built::Commit { commit, tree: pile.tree, left_out })
}

/// What is merged so far.
struct Pile<'a> {
    repo: &'a Repo,
    spec: &'a CandidateSpec,
    /// A commit that has all of it.
    tip: CommitId,
    /// Its tree.
    tree: TreeId,
}

impl Pile<'_> {
    /// Merges a member onto the rest, or tells the files that clash.
    fn add(&mut self, member: &Member) -> Result<Option<Vec<String>>, GitError> {
        let tree = match merge_trees(self.repo, &self.tip, &member.head)? {
            Merged::Tree(tree) => tree,
            Merged::Conflict(files) => return Ok(Some(files)),
        };
        if self.spec.method == MergeMethod::Rebase {
            self.tip = self.replay(member, &tree)?;
            self.tree = tree_of(self.repo, &self.tip)?;
        } else {
            // Merging needs commits; those between are no part of the result.
            self.tip = self.commit(&tree, &[&self.tip, &member.head], "ppe: between")?;
            self.tree = tree;
        }
        Ok(None)
    }

    /// Whether a member that does not merge onto the rest would onto the target.
    fn clash_with(&self, member: &Member) -> Result<ClashWith, GitError> {
        if self.tip == self.spec.target {
            return Ok(ClashWith::Target);
        }
        Ok(match merge_trees(self.repo, &self.spec.target, &member.head)? {
            Merged::Tree(_) => ClashWith::Others,
            Merged::Conflict(_) => ClashWith::Target,
        })
    }

    /// The commit that all of it becomes.
    fn close(&self, members: &[&Member]) -> Result<CommitId, GitError> {
        let base = std::iter::once(&self.spec.base);
        let parents: Vec<&CommitId> = match self.spec.method {
            MergeMethod::Merge => base.chain(members.iter().map(|member| &member.head)).collect(),
            MergeMethod::Squash => base.collect(),
            MergeMethod::Rebase => return Ok(self.tip.clone()),
        };
        self.commit(&self.tree, &parents, &self.signed(&message(members), members))
    }

    /// A member's commits once more, each on what was there; the last names the task. What cannot be repeated one by one,
    /// since it holds merges or clashes on the way, becomes one commit with the merged tree.
    fn replay(&self, member: &Member, merged: &TreeId) -> Result<CommitId, GitError> {
        let commits = self.commits_of(member)?;
        let mut tip = self.tip.clone();
        for (at, commit) in commits.iter().flatten().enumerate() {
            let Some(tree) = self.tree_on(&tip, commit)? else { return self.squashed(member, merged) };
            let is_last = commits.as_ref().is_some_and(|all| at + 1 == all.len());
            let text = self.repo.store().args(["show", "-s", "--format=%B", commit.as_str()]).text()?;
            let text = if is_last { self.signed(&text, &[member]) } else { text };
            tip = self.authored(commit, &tree, &tip, &text)?;
        }
        if commits.is_none() || tree_of(self.repo, &tip)? != *merged {
            return self.squashed(member, merged);
        }
        Ok(tip)
    }

    fn squashed(&self, member: &Member, tree: &TreeId) -> Result<CommitId, GitError> {
        self.commit(tree, &[&self.tip], &self.signed(&member.line, &[member]))
    }

    /// The commits of a member's work, the oldest first; none if there are merges among them.
    fn commits_of(&self, member: &Member) -> Result<Option<Vec<CommitId>>, GitError> {
        let range = [member.head.as_str(), "--not", self.tip.as_str()];
        let listed =
            |switch| self.repo.store().args(["rev-list", "--reverse", "--topo-order", switch]).args(range);
        if !listed("--merges").text()?.trim().is_empty() {
            return Ok(None);
        }
        Ok(Some(listed("--no-merges").text()?.lines().filter_map(commit_id).collect()))
    }

    /// The tree of a commit's change on another commit; none if it clashes there, or git is too old to say.
    fn tree_on(&self, onto: &CommitId, commit: &CommitId) -> Result<Option<TreeId>, GitError> {
        let base = format!("--merge-base={commit}^");
        let call = self.repo.store().args(MERGE_TREE).arg(base).args([onto.as_str(), commit.as_str()]);
        let output = call.any()?;
        let tree = output.fields().next().and_then(|field| tree_id(&shown(field)));
        Ok(tree.filter(|_| output.code == 0))
    }

    /// A commit by whoever made `like`.
    fn authored(
        &self,
        like: &CommitId,
        tree: &TreeId,
        parent: &CommitId,
        text: &str,
    ) -> Result<CommitId, GitError> {
        let asked = ["show", "-s", "--date=raw", "--format=%an%x00%ae%x00%ad", like.as_str()];
        let call = self.repo.store().args(asked);
        let said = call.clone().text()?;
        let [name, email, date] = said.trim_end().split('\0').collect::<Vec<_>>()[..] else {
            return Err(call.unexpected(&said));
        };
        let author = [("NAME", name), ("EMAIL", email), ("DATE", date)];
        let call = self.repo.store().stamp(&self.spec.stamp);
        let call = author.into_iter().fold(call, |call, (what, value)| {
            let value = if what == "DATE" { format!("@{value}") } else { value.to_owned() };
            call.env(format!("GIT_AUTHOR_{what}"), value)
        });
        made(call, tree, &[parent], text)
    }

    fn commit(&self, tree: &TreeId, parents: &[&CommitId], text: &str) -> Result<CommitId, GitError> {
        made(self.repo.store().stamp(&self.spec.stamp), tree, parents, text)
    }

    /// A message with the trailers of its tasks.
    fn signed(&self, text: &str, members: &[&Member]) -> String {
        let text = text.trim_end();
        if self.spec.trailers == Trailers::None {
            return format!("{text}\n");
        }
        let tasks = members.iter().map(|member| format!("Ppe-Task: {}\n", member.task));
        let trailers: String = tasks.chain([format!("Ppe-Run: {}\n", self.spec.run)]).collect();
        format!("{text}\n\n{trailers}")
    }
}

/// What a landing says of itself.
fn message(members: &[&Member]) -> String {
    match members {
        [one] => format!("Merge {}", one.line),
        several => {
            let ids: Vec<_> = several.iter().map(|member| member.task.clone()).collect();
            let what = match ids.len() {
                ..=NAMED => ppe_core::wording::list(&ids),
                n => format!("{n} changes"),
            };
            let lines: Vec<_> = several.iter().map(|member| format!("- {}", member.line)).collect();
            format!("Merge {what}\n\n{}", lines.join("\n"))
        }
    }
}

/// What merging two commits gives.
pub(in crate::git) enum Merged {
    /// A tree.
    Tree(TreeId),
    /// Files that clash, bounded.
    Conflict(Vec<String>),
}

const MERGE_TREE: [&str; 5] = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];

/// Merges two commits without a checkout.
pub(in crate::git) fn merge_trees(
    repo: &Repo,
    ours: &CommitId,
    theirs: &CommitId,
) -> Result<Merged, GitError> {
    let call = repo.store().args(MERGE_TREE).args([ours.as_str(), theirs.as_str()]);
    let output = call.clone().any()?;
    let mut fields = output.fields();
    let tree = fields.next().and_then(|field| tree_id(&shown(field)));
    match (output.code, tree) {
        (0, Some(tree)) => Ok(Merged::Tree(tree)),
        (1, Some(_)) => {
            let files: BTreeSet<String> = fields.filter(|field| !field.is_empty()).map(shown).collect();
            Ok(Merged::Conflict(files.into_iter().take(FILES_SHOWN).collect()))
        }
        _ => Err(call.unexpected(&output.stderr)),
    }
}

/// A commit, stamped by the call it is made with.
pub(in crate::git) fn made(
    call: Call,
    tree: &TreeId,
    parents: &[&CommitId],
    text: &str,
) -> Result<CommitId, GitError> {
    let parents = parents.iter().flat_map(|parent| ["-p", parent.as_str()]);
    let call = call.args(["commit-tree", tree.as_str()]).args(parents).stdin(text);
    let said = call.clone().text()?;
    commit_id(&said).ok_or_else(|| call.unexpected(&said))
}
