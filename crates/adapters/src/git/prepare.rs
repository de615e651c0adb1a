//! Makes the workspace that is wanted, or finds it: so that a crash at any point leaves either nothing that counts or all
//! of it. What was there is rescued or set aside, never overwritten.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId, RunId, TaskId};

use super::keep::{self, KeepError};
use super::lent::{self, LentError};
use super::ours::{Ours, OursError, Whereabouts, beside};
use super::refs::{self, BadName};
use super::seat::free_name;
use super::workspace::{Record, SCHEMA, Workspace, WorkspaceError, pin};
use super::{GitError, Repo, Stamp};
use crate::failpoint;

/// What a workspace shall be.
#[derive(Clone, Debug)]
pub struct WorkspaceSpec {
    /// Its folder; the folder above must exist and be ours.
    pub dir: PathBuf,
    /// The run it belongs to.
    pub run: RunId,
    /// The task it is for.
    pub task: TaskId,
    /// The branch that is checked out in it.
    pub branch: Branch,
    /// The target's tip at this moment, or what is begun on in its place.
    pub target_tip: CommitId,
    /// Others' work that work that goes on may stand on: it is the task's own after the first that it holds, else after
    /// where it left the target.
    pub grounds: Vec<CommitId>,
    /// What to start from.
    pub start: Start,
    /// Commits that must be in what it starts from: the landings of what the task depends on.
    pub must_contain: Vec<CommitId>,
    /// Patterns of git-ignored files of the user's checkout that shall be there too, written as in `.gitignore`.
    pub copy: Vec<String>,
    /// Whom the agent's commits are by, and the time of rescues that become necessary.
    pub stamp: Stamp,
}

/// What a workspace starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// The target's tip.
    Fresh,
    /// The task's own work so far, which lies in the user's repository.
    Continue {
        /// Its tip as last recorded, or as the user moved it since.
        tip: CommitId,
    },
}

/// A workspace and how it came to be what it is.
#[derive(Debug)]
pub struct Prepared {
    /// The workspace.
    pub workspace: Workspace,
    /// What was done.
    pub how: How,
}

/// What preparing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// Made anew.
    Made,
    /// Made anew; what was in its place is kept aside.
    Remade {
        /// Where it is now.
        aside: PathBuf,
    },
    /// It was there and stays as it is.
    Kept,
    /// It was there, untouched, and was moved to the fresh tip.
    Moved,
    /// It was there and got a fresh repository at the wanted commit; what it held before is rescued.
    Reset {
        /// The ref of the rescue.
        rescued: String,
    },
}

/// Why there is no workspace.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The start would lack work that the task builds on.
    #[error("{tip} does not contain {}", list(missing))]
    NotAncestor {
        /// What the work would have started from.
        tip: CommitId,
        /// The commits that are not in it.
        missing: Vec<CommitId>,
    },
    /// The target's tip and the task's have no history in common.
    #[error("{tip} and {target} have no history in common")]
    Unrelated {
        /// The task's tip.
        tip: CommitId,
        /// The target's.
        target: CommitId,
    },
    /// A name of the specification is not safe.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// Files of the user's checkout could not be lent.
    #[error(transparent)]
    Lent(#[from] LentError),
    /// Something could not be done with the workspace that is there.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// What was there could not be rescued, so it was left as it is.
    #[error("nothing was changed: {0}")]
    Keep(#[from] Box<KeepError>),
    /// The git directory of ours failed.
    #[error(transparent)]
    Ours(#[from] OursError),
    /// Git failed in the user's repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Makes the workspace that is wanted, or finds it. Repeating it is harmless.
pub fn prepare(repo: &Repo, spec: &WorkspaceSpec) -> Result<Prepared, PrepareError> {
    for name in [spec.run.as_str(), spec.task.as_str(), spec.branch.as_str()] {
        refs::check_name(name)?;
    }
    match Workspace::open(repo, &spec.dir)? {
        // A rebase of ours that was killed in its middle and cannot be taken back: the work is in its commits, what lies
        // in the folder is kept aside.
        Some(workspace) if workspace.is_for(spec) && workspace.is_half_rebased() => make_anew(repo, spec),
        Some(workspace) if workspace.is_for(spec) => match workspace.resume(spec) {
            Err(PrepareError::Workspace(WorkspaceError::Diverged { .. })) => remake(repo, spec),
            resumed => resumed,
        },
        _ => {
            prove(repo, &spec.target_tip, &spec.must_contain)?;
            make_anew(repo, spec)
        }
    }
}

/// Makes the workspace anew although one is there, whose files are not what its work can go on from. What it holds is
/// rescued, and its folder kept aside.
pub fn remake(repo: &Repo, spec: &WorkspaceSpec) -> Result<Prepared, PrepareError> {
    if let Some(workspace) = Workspace::open(repo, &spec.dir)? {
        keep::keep(&workspace, &spec.stamp).map_err(Box::new)?;
    }
    make_anew(repo, spec)
}

/// Proves by ancestry that `tip` contains each commit.
pub fn prove(repo: &Repo, tip: &CommitId, commits: &[CommitId]) -> Result<(), PrepareError> {
    if commits.is_empty() {
        return Ok(());
    }
    let wanted = commits.iter().map(CommitId::as_str);
    let all = repo.store().args(["rev-list", "--max-count=1"]).args(wanted).args(["--not", tip.as_str()]);
    if all.any()?.text_if_ok().is_some_and(|text| text.is_empty()) {
        return Ok(());
    }
    let mut missing = Vec::new();
    for commit in commits {
        if !repo.contains(tip, commit)? {
            missing.push(commit.clone());
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(PrepareError::NotAncestor { tip: tip.clone(), missing }) }
}

impl Workspace {
    /// Whether a rebase of ours was killed in its middle so that it cannot be taken back.
    fn is_half_rebased(&self) -> bool {
        self.ours.clear_stale_locks();
        self.ours.abandon_rebase().is_err()
    }

    fn is_for(&self, spec: &WorkspaceSpec) -> bool {
        (&self.record.run, &self.record.task, &self.record.branch) == (&spec.run, &spec.task, &spec.branch)
    }

    fn resume(self, spec: &WorkspaceSpec) -> Result<Prepared, PrepareError> {
        self.ours.clear_stale_locks();
        match &spec.start {
            Start::Fresh => self.resume_fresh(spec),
            Start::Continue { tip } => self.resume_from(spec, tip),
        }
    }

    fn resume_fresh(mut self, spec: &WorkspaceSpec) -> Result<Prepared, PrepareError> {
        if fs::symlink_metadata(self.dir().join(".git")).is_err() {
            prove(&self.repo, &spec.target_tip, &spec.must_contain)?;
            return make_anew(&self.repo, spec);
        }
        if self.record.seated == spec.target_tip || !self.is_pristine() {
            prove(&self.repo, &self.record.base, &spec.must_contain)?;
            return Ok(Prepared { workspace: self, how: How::Kept });
        }
        prove(&self.repo, &spec.target_tip, &spec.must_contain)?;
        match self.move_to(&spec.target_tip) {
            Ok(()) => Ok(Prepared { workspace: self, how: How::Moved }),
            // Git refuses where set-up changed what the fresh tip changes too: made anew, the old one set aside.
            Err(error) if is_refusal(&error) => make_anew(&self.repo, spec),
            Err(error) => Err(error.into()),
        }
    }

    fn resume_from(mut self, spec: &WorkspaceSpec, tip: &CommitId) -> Result<Prepared, PrepareError> {
        self.clear_stale_locks();
        self.ours.abandon_rebase()?;
        if !self.repo.contains(tip, &self.record.base)? {
            // An agent or a person has brought the work elsewhere.
            self.record.base = began_at(&self.repo, spec, tip)?;
            self.save()?;
        }
        let before = self.ours.head()?;
        let found = self.ours.absorb(&self.record.branch)?;
        let went_on = self.ours.contains(&found.head, tip)?;
        if went_on && found.at == Whereabouts::OnBranch {
            return Ok(Prepared { workspace: self, how: How::Kept });
        }
        let goal = if went_on { &found.head } else { tip };
        let from = if went_on { goal.clone() } else { self.way_to(&[tip, &found.head, &before])? };
        let rescued = keep::keep(&self, &spec.stamp).map_err(Box::new)?.reference;
        // Afterwards git knows of each file that it is as in that commit, or would refuse to change it.
        self.ours.changes(&from, &[])?;
        if from != *goal {
            self.ours.switch(&from, goal)?;
        }
        self.seat_at(goal)?;
        Ok(Prepared { workspace: self, how: How::Reset { rescued } })
    }
}

/// Whether git refused, rather than failed.
fn is_refusal(error: &WorkspaceError) -> bool {
    matches!(error, WorkspaceError::Ours(OursError::Git(error)) if error.is_refusal())
}

fn make_anew(repo: &Repo, spec: &WorkspaceSpec) -> Result<Prepared, PrepareError> {
    let aside = set_aside(&spec.dir)?;
    let workspace = make(repo, spec)?;
    let how = aside.map_or(How::Made, |aside| How::Remade { aside });
    Ok(Prepared { workspace, how })
}

fn make(repo: &Repo, spec: &WorkspaceSpec) -> Result<Workspace, PrepareError> {
    let (tip, base) = match &spec.start {
        Start::Fresh => (&spec.target_tip, spec.target_tip.clone()),
        Start::Continue { tip } => (tip, began_at(repo, spec, tip)?),
    };
    let record = Record {
        schema: SCHEMA,
        run: spec.run.clone(),
        task: spec.task.clone(),
        branch: spec.branch.clone(),
        base,
        seated: tip.clone(),
        target: None,
        identity: spec.stamp.who.clone(),
        copied: lent::matching_files(repo, &spec.copy)?,
    };
    failpoint::hit("workspace.before_pin");
    pin(repo, &record, &record.base, tip)?;
    failpoint::hit("workspace.after_pin");
    let ours = Ours::of(repo, &spec.dir);
    fs::create_dir(&spec.dir).map_err(|source| PrepareError::Io { path: spec.dir.clone(), source })?;
    failpoint::hit("workspace.folder_made");
    ours.create(repo, &repo.file_settings()?, &lent::exclude(repo, &record.copied))?;
    ours.files().args(["read-tree", "--reset", "-u", tip.as_str()]).run()?;
    failpoint::hit("workspace.files_made");
    ours.set_head(tip)?;
    lent::copy_files(repo, &spec.dir, &record.copied)?;
    let mut workspace = Workspace { repo: repo.clone(), ours, record };
    workspace.put_seat(tip)?;
    workspace.save()?;
    Ok(workspace)
}

/// Renames whatever lies where a workspace shall be. Gives the new place of the folder, or of what was beside it.
fn set_aside(dir: &Path) -> Result<Option<PathBuf>, PrepareError> {
    let aside = free_name(dir, "broken");
    let mut moved = false;
    let parts = [
        (beside(dir, "ready"), beside(&aside, "ready")),
        (dir.to_owned(), aside.clone()),
        (beside(dir, "git-ours"), beside(&aside, "git-ours")),
    ];
    for (from, to) in parts {
        if fs::symlink_metadata(&from).is_ok() {
            fs::rename(&from, to).map_err(|source| PrepareError::Io { path: from, source })?;
            moved = true;
        }
    }
    Ok(moved.then_some(aside))
}

/// Where a task's own work began.
fn began_at(repo: &Repo, spec: &WorkspaceSpec, tip: &CommitId) -> Result<CommitId, PrepareError> {
    for ground in &spec.grounds {
        if repo.contains(tip, ground)? {
            return Ok(ground.clone());
        }
    }
    merge_base(repo, tip, &spec.target_tip)
}

fn merge_base(repo: &Repo, tip: &CommitId, target: &CommitId) -> Result<CommitId, PrepareError> {
    let call = repo.store().args(["merge-base", tip.as_str(), target.as_str()]);
    let output = call.clone().any()?;
    match (output.code, super::commit_id(&output.text())) {
        (0, Some(base)) => Ok(base),
        (1, _) => Err(PrepareError::Unrelated { tip: tip.clone(), target: target.clone() }),
        _ => Err(call.unexpected(&output.stderr).into()),
    }
}

fn list(commits: &[CommitId]) -> String {
    commits.iter().map(CommitId::as_str).collect::<Vec<_>>().join(", ")
}
