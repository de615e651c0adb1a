//! A task's private workspace: a repository that borrows the user's objects, on the task's branch, with the files at a
//! pinned commit. Made so that a crash at any point leaves either nothing that counts or all of it.
//!
//! Beside the workspace `<dir>` lie `<dir>.ready` (the record, put in place last: without it the workspace does not
//! count), `<dir>.git-ours` (see [`super::ours`]) and whatever was set aside (`<dir>.broken-N`, `<dir>.git-old-N`).
//! Nothing is ever overwritten that an agent may have written.
//!
//! Callers see to it that no agent is at work in the workspace while it is prepared, moved, reset or removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId, RunId, TaskId};
use serde::{Deserialize, Serialize};

use super::keep::{self, KeepError};
use super::ours::{Ours, OursError, Whereabouts, beside};
use super::refs::{self, BadName};
use super::seat::{self, Seat, free_name};
use super::status::Kind;
use super::{GitError, Identity, Repo, Stamp, lent, shown, untrusted};
use crate::failpoint;

const SCHEMA: u32 = 1;

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
    /// The target's tip at this moment.
    pub target_tip: CommitId,
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

/// What is known of a workspace, in the file that makes it count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The form of this record.
    pub schema: u32,
    /// The run it belongs to.
    pub run: RunId,
    /// The task it is for.
    pub task: TaskId,
    /// The branch that is checked out in it.
    pub branch: Branch,
    /// The target's commit that its work is measured against.
    pub base: CommitId,
    /// The commit its repository was last set to.
    pub seated: CommitId,
    /// The target's tip that its work shall be brought onto, when there is one.
    pub target: Option<CommitId>,
    /// Whom the agent's commits are by.
    pub identity: Identity,
    /// Ignored files that were brought in; they never become part of a commit.
    pub copied: Vec<String>,
}

/// A workspace that is complete.
#[derive(Clone, Debug)]
pub struct Workspace {
    pub(super) repo: Repo,
    pub(super) ours: Ours,
    pub(super) record: Record,
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
    /// The wanted tip is not what the workspace went on from, and there is uncommitted work in the way.
    #[error("{dir} has uncommitted changes, and {tip} is not part of its history: {}", files.join(", "))]
    Diverged {
        /// The workspace.
        dir: PathBuf,
        /// The wanted tip.
        tip: CommitId,
        /// What is uncommitted.
        files: Vec<String>,
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
    /// More ignored files match the patterns than can be meant.
    #[error("more than {} ignored files match {patterns:?}", lent::LIMIT)]
    TooManyCopies {
        /// The patterns.
        patterns: Vec<String>,
    },
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
        Some(workspace) if workspace.is_for(spec) => workspace.resume(spec),
        _ => {
            prove(repo, &spec.target_tip, &spec.must_contain)?;
            make_anew(repo, spec)
        }
    }
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
    /// The complete workspace at `dir`; `None` when there is none.
    pub fn open(repo: &Repo, dir: &Path) -> Result<Option<Self>, PrepareError> {
        let path = beside(dir, "ready");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(PrepareError::Io { path, source }),
        };
        let record = serde_json::from_slice::<Record>(&text).ok().filter(|record| record.schema == SCHEMA);
        let ours = Ours::of(repo, dir);
        let whole = ours.git_dir.is_dir() && fs::symlink_metadata(dir).is_ok_and(|found| found.is_dir());
        Ok(record.filter(|_| whole).map(|record| Self { repo: repo.clone(), ours, record }))
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.ours.work_tree
    }

    /// What is recorded of it.
    pub fn record(&self) -> &Record {
        &self.record
    }

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
            Err(error) if error.is_refusal() => make_anew(&self.repo, spec),
            Err(error) => Err(error),
        }
    }

    fn resume_from(mut self, spec: &WorkspaceSpec, tip: &CommitId) -> Result<Prepared, PrepareError> {
        self.clear_stale_locks();
        self.ours.abandon_rebase()?;
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

    /// The first of some commits that the files are at, seen from which they can be brought to the first of them
    /// without losing a change: that one itself where leftovers lie in our commit already, the agent's head, or the
    /// commit that we were at when we were cut short.
    pub(super) fn way_to(&self, commits: &[&CommitId; 3]) -> Result<CommitId, PrepareError> {
        let [tip, head, _] = commits;
        for commit in commits {
            if self.uncommitted(commit)?.is_empty() {
                return Ok((*commit).clone());
            }
        }
        let files = self.uncommitted(head)?;
        Err(PrepareError::Diverged { dir: self.dir().to_owned(), tip: (*tip).clone(), files })
    }

    /// Files that differ from a commit, at most a hundred. Nested repositories stay where they are and do not count.
    fn uncommitted(&self, commit: &CommitId) -> Result<Vec<String>, OursError> {
        let changes = self.ours.changes(commit, &self.record.copied)?;
        let own = changes.iter().filter(|entry| entry.kind != Kind::Nested);
        Ok(own.take(100).map(|entry| shown(&entry.path)).collect())
    }

    /// Moves a workspace in which no agent has run to another commit, in two git processes.
    ///
    /// Git refuses when a file that differs between the two was changed; then nothing has happened.
    pub fn move_to(&mut self, tip: &CommitId) -> Result<(), PrepareError> {
        if !self.is_pristine() {
            let files = Vec::new();
            return Err(PrepareError::Diverged { dir: self.dir().to_owned(), tip: tip.clone(), files });
        }
        let from = self.ours.head()?;
        pin(&self.repo, &self.record, tip, tip)?;
        failpoint::hit("workspace.before_move");
        self.ours.switch(&from, tip)?;
        failpoint::hit("workspace.half_moved");
        self.record.base = tip.clone();
        let old = self.put_seat(tip)?;
        self.save()?;
        // Nobody has written to that repository: it is one of ours.
        if let Some(old) = old {
            drop(fs::remove_dir_all(old));
        }
        Ok(())
    }

    /// Whether no agent has committed or switched branches here. Says nothing of the files.
    pub fn is_pristine(&self) -> bool {
        let dot_git = self.dir().join(".git");
        let tip = untrusted::read(&dot_git.join(refs::head(&self.record.branch)), 0, 200).unwrap_or_default();
        let tip = super::commit_id(&String::from_utf8_lossy(&tip));
        // A move that was cut short has left the second.
        let ours = [Some(self.record.seated.clone()), self.ours.head().ok()];
        fs::symlink_metadata(dot_git.join("logs")).is_err()
            && untrusted::head(&dot_git) == untrusted::HeadText::Branch(self.record.branch.to_string())
            && tip.is_some()
            && ours.contains(&tip)
    }

    /// Removes lock files that killed git processes left in the workspace's repository, and names them. Only when
    /// nothing runs in it any more.
    pub fn clear_stale_locks(&self) -> Vec<String> {
        let dot_git = self.dir().join(".git");
        if untrusted::leads_elsewhere(&dot_git, &self.ours.alternates).is_some() {
            return Vec::new();
        }
        let branch = format!("{}.lock", refs::head(&self.record.branch));
        let names =
            ["index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", branch.as_str()];
        let removed = names.iter().filter(|name| fs::remove_file(dot_git.join(name)).is_ok());
        removed.map(|name| (*name).to_owned()).collect()
    }

    /// Gives the files a fresh repository at `tip`, which they are at already, and records it.
    pub(super) fn seat_at(&mut self, tip: &CommitId) -> Result<(), PrepareError> {
        pin(&self.repo, &self.record, &self.record.base, tip)?;
        self.put_seat(tip)?;
        self.save()
    }

    fn put_seat(&mut self, tip: &CommitId) -> Result<Option<PathBuf>, PrepareError> {
        let record = &self.record;
        let (branch, target, identity) = (&record.branch, record.target.as_ref(), &record.identity);
        let old = seat::seat(&self.ours, &Seat { branch, tip, target, identity })?;
        self.record.seated = tip.clone();
        Ok(old)
    }

    pub(super) fn save(&self) -> Result<(), PrepareError> {
        let path = beside(self.dir(), "ready");
        let fresh = beside(self.dir(), "ready-new");
        let written = (|| {
            let mut file = fs::File::create(&fresh)?;
            failpoint::write_all("workspace.ready", &mut file, &serde_json::to_vec_pretty(&self.record)?)?;
            file.sync_all()?;
            failpoint::hit("workspace.before_ready");
            fs::rename(&fresh, &path)?;
            failpoint::hit("workspace.after_ready");
            Ok::<_, io::Error>(())
        })();
        written.map_err(|source| PrepareError::Io { path, source })
    }
}

impl PrepareError {
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Ours(OursError::Git(error)) if error.is_refusal())
    }
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
        Start::Continue { tip } => (tip, merge_base(repo, tip, &spec.target_tip)?),
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

/// Keeps the commits a workspace needs alive in the user's repository, whatever is collected there.
fn pin(repo: &Repo, record: &Record, base: &CommitId, tip: &CommitId) -> Result<(), GitError> {
    let (base_ref, seat_ref) = (refs::base(&record.run, &record.task), refs::seat(&record.run, &record.task));
    let mut commands = format!("update {base_ref}\0{base}\0\0update {seat_ref}\0{tip}\0\0");
    if let Some(target) = &record.target {
        let target_ref = refs::target(&record.run, &record.task);
        commands = format!("{commands}update {target_ref}\0{target}\0\0");
    }
    repo.store().args(["update-ref", "--stdin", "-z"]).stdin(commands).run().map(drop)
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
