//! A task's private workspace as it stands: a repository that borrows the user's objects, on the task's branch, with the
//! files at a pinned commit.
//!
//! Beside the workspace `<dir>` lie `<dir>.ready` (the record, put in place last: without it the workspace does not
//! count), `<dir>.git-ours` (see [`super::ours`]) and whatever was set aside (`<dir>.broken-N`, `<dir>.git-old-N`).
//! Nothing is ever overwritten that an agent may have written.
//!
//! Callers see to it that no agent is at work in the workspace while it is prepared, moved, reset or removed. Knows
//! nothing of how one is made (see [`super::prepare`]).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId, RunId, TaskId};
use serde::{Deserialize, Serialize};

use super::ours::{Ours, OursError, beside};
use super::refs;
use super::seat::{self, Seat};
use super::status::Kind;
use super::{GitError, Identity, Repo, shown, untrusted};
use crate::failpoint;

/// The form of the record.
pub(super) const SCHEMA: u32 = 1;

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

/// Why something could not be done with a workspace.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
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
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The git directory of ours failed.
    #[error(transparent)]
    Ours(#[from] OursError),
    /// Git failed in the user's repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Workspace {
    /// The complete workspace at `dir`; `None` when there is none.
    pub fn open(repo: &Repo, dir: &Path) -> Result<Option<Self>, WorkspaceError> {
        let path = beside(dir, "ready");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(WorkspaceError::Io { path, source }),
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

    /// The first of some commits that the files are at, seen from which they can be brought to the first of them
    /// without losing a change: that one itself where leftovers lie in our commit already, the agent's head, or the
    /// commit that we were at when we were cut short.
    pub(super) fn way_to(&self, commits: &[&CommitId; 3]) -> Result<CommitId, WorkspaceError> {
        let [tip, head, _] = commits;
        for commit in commits {
            if self.uncommitted(commit)?.is_empty() {
                return Ok((*commit).clone());
            }
        }
        let files = self.uncommitted(head)?;
        Err(WorkspaceError::Diverged { dir: self.dir().to_owned(), tip: (*tip).clone(), files })
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
    pub fn move_to(&mut self, tip: &CommitId) -> Result<(), WorkspaceError> {
        if !self.is_pristine() {
            let files = Vec::new();
            return Err(WorkspaceError::Diverged { dir: self.dir().to_owned(), tip: tip.clone(), files });
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
    pub(super) fn seat_at(&mut self, tip: &CommitId) -> Result<(), WorkspaceError> {
        pin(&self.repo, &self.record, &self.record.base, tip)?;
        self.put_seat(tip)?;
        self.save()
    }

    pub(super) fn put_seat(&mut self, tip: &CommitId) -> Result<Option<PathBuf>, WorkspaceError> {
        let record = &self.record;
        let (branch, target, identity) = (&record.branch, record.target.as_ref(), &record.identity);
        let old = seat::seat(&self.ours, &Seat { branch, tip, target, identity })?;
        self.record.seated = tip.clone();
        Ok(old)
    }

    pub(super) fn save(&self) -> Result<(), WorkspaceError> {
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
        written.map_err(|source| WorkspaceError::Io { path, source })
    }
}

/// Keeps the commits a workspace needs alive in the user's repository, whatever is collected there.
pub(super) fn pin(repo: &Repo, record: &Record, base: &CommitId, tip: &CommitId) -> Result<(), GitError> {
    let (base_ref, seat_ref) = (refs::base(&record.run, &record.task), refs::seat(&record.run, &record.task));
    let mut commands = format!("update {base_ref}\0{base}\0\0update {seat_ref}\0{tip}\0\0");
    if let Some(target) = &record.target {
        let target_ref = refs::target(&record.run, &record.task);
        commands = format!("{commands}update {target_ref}\0{target}\0\0");
    }
    repo.store().args(["update-ref", "--stdin", "-z"]).stdin(commands).run().map(drop)
}
