//! A place for objects that nobody keeps: what is only tried out or looked at lies in it, and neither in the user's
//! repository nor in a workspace.
//!
//! Work that an agent may still be at is looked at from here as well. Its repository is fetched from, with object checks,
//! into a git directory of the look's own, so that neither the agent nor the run at work notices.
//!
//! Knows nothing of what is looked for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId};
use tempfile::TempDir;

use super::Repo;
use super::cli::Call;
use super::ours::{Absorbed, Ours, OursError};

/// The place. It goes with all that is in it when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    repo: Repo,
    dir: TempDir,
}

/// What was seen of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The tip of the work in it.
    pub tip: CommitId,
    /// All that was found.
    pub found: Absorbed,
}

impl Scratch {
    /// A new one, from which all objects of the user's repository are seen.
    pub fn new(repo: &Repo) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("ppe-look-").tempdir()?;
        let scratch = Self { repo: repo.clone(), dir };
        fs::create_dir_all(scratch.objects().join("info"))?;
        scratch.lend(&repo.objects())?;
        Ok(scratch)
    }

    /// A call in the user's repository, with their configuration, that writes its objects here and sees those that are
    /// here.
    pub fn call(&self) -> Call {
        self.repo.store().env("GIT_OBJECT_DIRECTORY", self.objects())
    }

    /// Takes in what a workspace's repository has now. `known` is what counts where that repository cannot be read.
    pub fn glance(&self, workspace: &Path, branch: &Branch, known: &CommitId) -> Result<Glance, OursError> {
        let io = |source| OursError::Io { path: self.dir.path().to_owned(), source };
        let git_dir = tempfile::Builder::new().prefix("seen-").tempdir_in(self.dir.path()).map_err(io)?;
        let ours = Ours::apart(&self.repo, workspace, &git_dir.keep());
        ours.create(&self.repo, &[], "")?;
        ours.set_head(known)?;
        let found = ours.absorb(branch)?;
        let tip = ours.work_tip(&found)?;
        self.lend(&ours.git_dir.join("objects")).map_err(io)?;
        Ok(Glance { tip, found })
    }

    fn objects(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    fn lend(&self, objects: &Path) -> io::Result<()> {
        let path = self.objects().join("info/alternates");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        // Whole, since several may be lent at once.
        file.write_all(&[objects.as_os_str().as_encoded_bytes(), b"\n"].concat())
    }
}
