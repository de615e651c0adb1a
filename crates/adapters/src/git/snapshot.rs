//! What an agent has done so far, measured from git, and its result as a commit in the user's repository.
//!
//! The result is the tip of the agent's branch. Where its repository is gone, damaged or rewritten below the base, the
//! files are taken instead, as one commit of ours. A repeat with the same stamp gives the same commit.
//!
//! Knows nothing of whether the result is any good beyond [`super::gate`].

use ppe_core::ids::{Attempt, CommitId, TreeId};
use ppe_core::outcome::Attributed;

use super::attribution::Patterns;
use super::diff::{self, Change};
use super::gate::{self, Gate, Refusal};
use super::keep::commit_tree;
use super::ours::{Absorbed, Care, OursError, Whereabouts};
use super::status::{Entry, Kind};
use super::workspace::Workspace;
use super::{GitError, Stamp, refs, reword, shown};
use crate::failpoint;

const PATHS_SHOWN: usize = 200;
const SUBJECTS_SHOWN: u32 = 100;

/// What a workspace holds at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The tip of the agent's work.
    pub tip: CommitId,
    /// Where its `HEAD` is.
    pub at: Whereabouts,
    /// What the work is measured against: the target's tip it shall be brought onto, once it contains that, else its
    /// base.
    pub base: CommitId,
    /// Commits of the work, those of the target not counted.
    pub commits: u32,
    /// Their subjects, oldest first, at most a hundred.
    pub subjects: Vec<String>,
    /// Changed or new files that are not committed, at most two hundred.
    pub dirty: Vec<String>,
    /// Repositories inside the workspace that belong to no commit; their content is never taken.
    pub nested: Vec<String>,
    /// Whether the work contains the target's tip it shall be brought onto.
    pub target: TargetIn,
    /// Whether the work still goes on from its base.
    pub history: History,
}

/// Whether the work contains the pinned tip of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetIn {
    /// None is pinned.
    NotWanted,
    /// It does.
    Yes,
    /// It does not yet.
    No,
}

/// Whether the base is still part of the agent's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// It is.
    GoesOn,
    /// The agent replaced it; only the files can be taken.
    Rewritten,
}

/// How to take a result.
#[derive(Clone, Debug)]
pub struct TakeSpec {
    /// The attempt it is the result of.
    pub attempt: Attempt,
    /// What happens to uncommitted files.
    pub leftovers: Leftovers,
    /// An earlier result that a commit of ours goes on top of, where it contains the agent's work.
    pub onto: Option<CommitId>,
    /// The message of a commit of ours, should there be one.
    pub message: String,
    /// Author and date of a commit of ours.
    pub stamp: Stamp,
    /// What is refused.
    pub gate: Gate,
    /// What counts as naming an AI, where it must not be named. With [`Leftovers::Commit`] messages are reworded.
    pub attribution: Option<Patterns>,
}

/// What happens to files that the agent left uncommitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftovers {
    /// They stay out of the result.
    Ignore,
    /// They become a commit on top.
    Commit,
}

/// A result, which lies in the user's repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The ref it lies under.
    pub reference: String,
    /// Its commit.
    pub tip: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// What was found, measured on the result.
    pub look: Look,
    /// Changed files.
    pub changed_files: u32,
    /// Lines added.
    pub lines_added: u64,
    /// Lines removed.
    pub lines_removed: u64,
    /// The changed files, at most two hundred.
    pub files: Vec<String>,
    /// Where it names an AI, bounded.
    pub attributed: Vec<Attributed>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The workspace is not there any more.
    #[error("the workspace {dir} was removed")]
    Gone {
        /// Its folder.
        dir: std::path::PathBuf,
    },
    /// The result must not be taken as it is.
    #[error("the result is refused: {}", join(.0))]
    Refused(Vec<Refusal>),
    /// The git directory of ours failed.
    #[error(transparent)]
    Ours(#[from] OursError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Looks at a workspace and changes nothing in it. May be called while the agent is at work.
pub fn look(workspace: &Workspace) -> Result<Look, SnapshotError> {
    let found = Found::of(workspace)?;
    measure(workspace, &found, &found.tip)
}

/// Takes the result. Call it when nothing runs in the workspace any more, or with [`Leftovers::Ignore`].
pub fn take(workspace: &Workspace, spec: &TakeSpec) -> Result<Snapshot, SnapshotError> {
    let found = Found::of(workspace)?;
    let ours = &workspace.ours;
    let tip = result_commit(workspace, &found, spec)?;
    let tip = match &spec.attribution {
        Some(patterns) if spec.leftovers == Leftovers::Commit => reword::without(workspace, &tip, patterns)?,
        Some(_) | None => tip,
    };
    let look = measure(workspace, &found, &tip)?;
    let changes = diff::between(ours.store(), &look.base, &tip)?;
    let lent = &workspace.record.copied;
    refuse(gate::judge_commits(ours, (&look.base, &tip), &changes, lent, &spec.gate)?)?;
    let attributed = match &spec.attribution {
        Some(patterns) => reword::find(workspace, (&look.base, &tip), &changes, patterns)?,
        None => Vec::new(),
    };
    ours.set_head(&tip)?;
    let reference = refs::work(&workspace.record.run, &workspace.record.task, spec.attempt);
    failpoint::hit("work.before_publish");
    publish(workspace, &tip, &reference)?;
    failpoint::hit("work.after_publish");
    let tree = ours.tree_of(&tip)?;
    Ok(Snapshot { attributed, ..snapshot(reference, tip, tree, look, &changes) })
}

fn publish(workspace: &Workspace, tip: &CommitId, reference: &str) -> Result<(), SnapshotError> {
    match workspace.ours.publish(&workspace.repo, tip, reference, Care::Checked) {
        Err(OursError::Git(error)) if error.is_refusal() && error.stderr().contains("error: object ") => {
            let what = error
                .stderr()
                .lines()
                .find_map(|line| line.split_once("error: object "))
                .map(|(_, what)| what);
            Err(SnapshotError::Refused(vec![Refusal::Unsound { what: what.unwrap_or_default().to_owned() }]))
        }
        other => Ok(other?),
    }
}

struct Found {
    absorbed: Absorbed,
    tip: CommitId,
    entries: Vec<Entry>,
}

impl Found {
    fn of(workspace: &Workspace) -> Result<Self, SnapshotError> {
        if !workspace.dir().is_dir() {
            return Err(SnapshotError::Gone { dir: workspace.dir().to_owned() });
        }
        let ours = &workspace.ours;
        let absorbed = ours.absorb(&workspace.record.branch)?;
        let entries = ours.changes(&absorbed.head, &workspace.record.copied)?;
        let tip = ours.work_tip(&absorbed)?;
        Ok(Self { absorbed, tip, entries })
    }

    fn history(&self, workspace: &Workspace) -> Result<History, SnapshotError> {
        let record = &workspace.record;
        // Work that was to be brought onto the target may have left its base to get there.
        for start in std::iter::once(&record.base).chain(&record.target) {
            if workspace.ours.contains(&self.tip, start)? {
                return Ok(History::GoesOn);
            }
        }
        Ok(History::Rewritten)
    }

    fn takes_files(&self, leftovers: Leftovers) -> bool {
        let only_files = matches!(self.absorbed.at, Whereabouts::Unreadable { .. });
        self.tip == self.absorbed.head && (only_files || leftovers == Leftovers::Commit)
    }
}

/// The commit that is the result: the tip itself, or one of ours that brings in leftovers or replaces a lost history.
fn result_commit(workspace: &Workspace, found: &Found, spec: &TakeSpec) -> Result<CommitId, SnapshotError> {
    let ours = &workspace.ours;
    let mut tree = ours.tree_of(&found.tip)?;
    if found.takes_files(spec.leftovers) && !found.entries.is_empty() {
        refuse(gate::judge_files(workspace.dir(), &found.entries, &spec.gate))?;
        ours.stage(&ours.index(), &found.entries)?;
        tree = ours.write_tree(&ours.index())?;
    }
    let parent = match found.history(workspace)? {
        History::GoesOn => &found.tip,
        History::Rewritten => &workspace.record.base,
    };
    let parent = match &spec.onto {
        Some(onto) if ours.contains(onto, parent)? => onto,
        Some(_) | None => parent,
    };
    if tree == ours.tree_of(parent)? {
        return Ok(parent.clone());
    }
    Ok(commit_tree(workspace, &tree, std::slice::from_ref(parent), &spec.message, &spec.stamp)?)
}

fn refuse(refusals: Vec<Refusal>) -> Result<(), SnapshotError> {
    if refusals.is_empty() { Ok(()) } else { Err(SnapshotError::Refused(refusals)) }
}

fn measure(workspace: &Workspace, found: &Found, tip: &CommitId) -> Result<Look, SnapshotError> {
    let (ours, record) = (&workspace.ours, &workspace.record);
    let (target, base) = match &record.target {
        None => (TargetIn::NotWanted, &record.base),
        Some(target) if ours.contains(tip, target)? => (TargetIn::Yes, target),
        Some(_) => (TargetIn::No, &record.base),
    };
    let outside = [base, &record.base].into_iter().chain(&record.target).map(CommitId::as_str);
    let range: Vec<&str> = [tip.as_str(), "--not"].into_iter().chain(outside).collect();
    let call = ours.store().args(["rev-list", "--count"]).args(&range);
    let count = call.clone().text()?;
    let commits = count.parse().map_err(|_| call.unexpected(&count))?;
    let limit = format!("--max-count={SUBJECTS_SHOWN}");
    let log =
        ours.store().args(["log", "-z", "--no-show-signature", "--format=%s", &limit]).args(&range).run()?;
    let mut subjects: Vec<String> = log.fields().map(shown).collect();
    subjects.reverse();
    let named = |wanted: fn(Kind) -> bool| {
        let chosen = found.entries.iter().filter(|entry| wanted(entry.kind));
        chosen.take(PATHS_SHOWN).map(|entry| shown(&entry.path)).collect()
    };
    Ok(Look {
        tip: tip.clone(),
        at: found.absorbed.at.clone(),
        base: base.clone(),
        commits,
        subjects,
        dirty: named(|kind| kind != Kind::Nested),
        nested: named(|kind| kind == Kind::Nested),
        target,
        history: found.history(workspace)?,
    })
}

fn snapshot(reference: String, tip: CommitId, tree: TreeId, look: Look, changes: &[Change]) -> Snapshot {
    Snapshot {
        reference,
        tip,
        tree,
        look,
        changed_files: u32::try_from(changes.len()).unwrap_or(u32::MAX),
        lines_added: changes.iter().map(|change| change.added).sum(),
        lines_removed: changes.iter().map(|change| change.removed).sum(),
        files: changes.iter().take(PATHS_SHOWN).map(|change| shown(&change.path)).collect(),
        attributed: Vec::new(),
    }
}

fn join(refusals: &[Refusal]) -> String {
    refusals.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; ")
}
