//! The embedded forge: changes in files of its own, branches in the user's repository.
//!
//! Branches are made and moved only from the tip we last recorded, never where one is checked out, never over one that
//! is not ours. Knows nothing of what is checked or when something may land.

pub mod port;
pub mod store;
mod target;
mod upstream;

pub use upstream::Upstream;

use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, ChangeNumber, CommitId, Millis};

use crate::failpoint;
use crate::git::lane::{self, Landing, LaneError};
use crate::git::refs::{self, BadName, Expect, Moved};
use crate::git::{GitError, Repo};
use store::{Change, ChangeState, Check, Comment, NewChange, Opened, Store, StoreError};

const NAMES_TRIED: u32 = 100;

/// The embedded forge of one repository.
#[derive(Clone, Debug)]
pub struct LocalForge {
    repo: Repo,
    store: Store,
}

/// What publishing a branch gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// The branch is at the wanted tip.
    At {
        /// Its name: another than asked for when that was taken.
        branch: Branch,
    },
    /// Somebody else moved it; it was left alone.
    Moved {
        /// Where it is.
        tip: CommitId,
    },
    /// It is checked out; it was left alone.
    CheckedOut {
        /// Where.
        worktree: PathBuf,
    },
}

/// Why the forge cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum LocalForgeError {
    /// The files of its changes.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The branch's name.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// Every name that was tried is taken.
    #[error("{branch} and all names like it are taken")]
    NoFreeName {
        /// The name asked for.
        branch: Branch,
    },
    /// The lane.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl LocalForge {
    /// The forge whose changes lie in `dir`.
    pub fn open(repo: &Repo, dir: &Path) -> Result<Self, LocalForgeError> {
        Ok(Self { repo: repo.clone(), store: Store::open(dir)? })
    }

    /// Its changes.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Publishes a task's work for the first time, under `branch` or the first free name like it.
    ///
    /// A branch of that name that is at this very tip already counts as ours: a repeat finds it.
    pub fn publish_new(&self, branch: &Branch, tip: &CommitId) -> Result<Published, LocalForgeError> {
        refs::check_name(branch.as_str())?;
        let stem = self.without_taken_folders(branch)?;
        for n in 1..=NAMES_TRIED {
            let name = if n == 1 { stem.clone() } else { Branch::new(format!("{stem}-{n}")) };
            failpoint::hit("branch.before");
            if refs::update(&self.repo, &refs::head(&name), tip, &Expect::Absent)? == Moved::Done {
                failpoint::hit("branch.after");
                return Ok(Published::At { branch: name });
            }
        }
        Err(LocalForgeError::NoFreeName { branch: branch.clone() })
    }

    /// The name itself, or without folders when one of them is a branch already.
    fn without_taken_folders(&self, branch: &Branch) -> Result<Branch, GitError> {
        for (end, _) in branch.as_str().match_indices('/') {
            if self.repo.tip(&Branch::new(&branch.as_str()[..end]))?.is_some() {
                return Ok(Branch::new(branch.as_str().replace('/', "-")));
            }
        }
        Ok(branch.clone())
    }

    /// Moves a branch of ours from the tip we recorded last. One that was deleted meanwhile is made again.
    pub fn publish(
        &self,
        branch: &Branch,
        recorded: &CommitId,
        tip: &CommitId,
    ) -> Result<Published, LocalForgeError> {
        let now = self.repo.tip(branch)?;
        match &now {
            Some(now) if now == tip => return Ok(Published::At { branch: branch.clone() }),
            Some(now) if now != recorded => return Ok(Published::Moved { tip: now.clone() }),
            _ => {}
        }
        if let Some(holder) = self.repo.holders(branch)?.into_iter().next() {
            return Ok(Published::CheckedOut { worktree: holder.path });
        }
        let expect = now.map_or(Expect::Absent, Expect::At);
        failpoint::hit("branch.before_move");
        let moved = refs::update(&self.repo, &refs::head(branch), tip, &expect)?;
        failpoint::hit("branch.after_move");
        match moved {
            Moved::Done => Ok(Published::At { branch: branch.clone() }),
            Moved::Lost { now: Some(tip) } => Ok(Published::Moved { tip }),
            Moved::Lost { now: None } | Moved::Clash => {
                Err(LocalForgeError::NoFreeName { branch: branch.clone() })
            }
        }
    }

    /// The tips of branches; `None` for those that do not exist.
    pub fn tips(&self, branches: &[Branch]) -> Result<Vec<Option<CommitId>>, LocalForgeError> {
        let tips = branches.iter().map(|branch| self.repo.tip(branch));
        Ok(tips.collect::<Result<_, _>>()?)
    }

    /// Opens a change for a branch, or finds its open one.
    pub fn open_change(&self, new: &NewChange) -> Result<Opened, LocalForgeError> {
        Ok(self.store.open_change(new)?)
    }

    /// Shows a change against another branch.
    pub fn set_base(&self, number: ChangeNumber, base: &Branch) -> Result<Change, LocalForgeError> {
        Ok(self.store.edit(number, |change| change.base.clone_from(base))?)
    }

    /// Records how a check went; a later verdict on the same commit replaces the earlier.
    pub fn set_check(&self, number: ChangeNumber, check: Check) -> Result<Change, LocalForgeError> {
        let edited = self.store.edit(number, |change| {
            let same = |old: &&mut Check| old.name == check.name && old.commit == check.commit;
            match change.checks.iter_mut().find(same) {
                Some(old) => *old = check,
                None => change.checks.push(check),
            }
        });
        Ok(edited?)
    }

    /// Adds a label; one that is there already stays.
    pub fn add_label(&self, number: ChangeNumber, label: &str) -> Result<Change, LocalForgeError> {
        let edited = self.store.edit(number, |change| {
            if let Err(at) = change.labels.binary_search_by(|known| known.as_str().cmp(label)) {
                change.labels.insert(at, label.to_owned());
            }
        });
        Ok(edited?)
    }

    /// Takes a label off; one that is not there is off.
    pub fn remove_label(&self, number: ChangeNumber, label: &str) -> Result<Change, LocalForgeError> {
        Ok(self.store.edit(number, |change| change.labels.retain(|known| known != label))?)
    }

    /// Writes the one comment that carries `marker`; the same text again changes nothing.
    pub fn sticky_comment(
        &self,
        number: ChangeNumber,
        marker: &str,
        body: &str,
        now: Millis,
    ) -> Result<Change, LocalForgeError> {
        let edited = self.store.edit(number, |change| {
            let (marker, body) = (Some(marker.to_owned()), body.to_owned());
            match change.comments.iter_mut().find(|comment| comment.marker == marker) {
                Some(comment) if comment.body == body => {}
                Some(comment) => *comment = Comment { marker, body, written: now },
                None => change.comments.push(Comment { marker, body, written: now }),
            }
        });
        Ok(edited?)
    }

    /// Closes a change without merging it. One that is merged stays so.
    pub fn close(&self, number: ChangeNumber) -> Result<Change, LocalForgeError> {
        let edited = self.store.edit(number, |change| {
            if change.state == ChangeState::Open {
                change.state = ChangeState::Closed;
            }
        });
        Ok(edited?)
    }

    /// Lands a candidate on the change's base branch and marks the change merged. Repeating it is harmless.
    pub fn land(
        &self,
        number: ChangeNumber,
        base: &CommitId,
        commit: &CommitId,
    ) -> Result<Landing, LocalForgeError> {
        let change = self.store.change(number)?;
        let landing = lane::land(&self.repo, &change.base, base, commit)?;
        if landing == Landing::Landed {
            failpoint::hit("land.before_merged");
            self.set_merged(number, commit)?;
        }
        Ok(landing)
    }

    /// Marks a change merged; the first landing commit stays.
    pub fn set_merged(&self, number: ChangeNumber, commit: &CommitId) -> Result<Change, LocalForgeError> {
        let edited = self.store.edit(number, |change| {
            if !matches!(change.state, ChangeState::Merged { .. }) {
                change.state = ChangeState::Merged { commit: commit.clone() };
            }
        });
        Ok(edited?)
    }
}
