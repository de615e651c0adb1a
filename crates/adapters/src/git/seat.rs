//! Puts a fresh repository of the agent's own into a workspace whose files are at a known commit.
//!
//! It is written file by file and without running git: a repository that borrows the user's objects, with one branch,
//! their tags, their identity, and no remote. That makes it safe to do over files an agent has written, and cheap: the
//! files and everything ignored (build results, dependencies) stay as they are; only `.git` is replaced. The old one is
//! moved out of the workspace, never into a place git would look at.
//!
//! Knows nothing of how the files got to that commit, or of what was worth saving from the old repository.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId};

use super::Identity;
use crate::failpoint;

use super::ours::{Ours, OursError, beside, config_lines};

/// What the new repository shall say.
#[derive(Clone, Debug)]
pub struct Seat<'a> {
    /// The one branch, checked out.
    pub branch: &'a Branch,
    /// Its tip; the files and our index are at it already.
    pub tip: &'a CommitId,
    /// The target's tip that the work shall be brought onto, as `refs/ppe/target`.
    pub target: Option<&'a CommitId>,
    /// Whom the agent's commits are by.
    pub identity: &'a Identity,
}

/// Writes the repository and swaps it in. Gives the place of the old one, if there was one.
pub fn seat(ours: &Ours, wanted: &Seat<'_>) -> Result<Option<PathBuf>, OursError> {
    let fresh = beside(&ours.work_tree, "git-new");
    let dot_git = ours.work_tree.join(".git");
    let io = |source| OursError::Io { path: fresh.clone(), source };
    if fresh.exists() {
        // Left by a seat that was cut short; it never was anybody's repository.
        fs::remove_dir_all(&fresh).map_err(io)?;
    }
    write(ours, &fresh, wanted).map_err(io)?;
    let old = if fs::symlink_metadata(&dot_git).is_ok() {
        let aside = free_name(&ours.work_tree, "git-old");
        fs::rename(&dot_git, &aside).map_err(io)?;
        Some(aside)
    } else {
        None
    };
    failpoint::hit("seat.between");
    fs::rename(&fresh, &dot_git).map_err(io)?;
    failpoint::hit("seat.after");
    Ok(old)
}

/// The first of `<dir>.<what>-1`, `-2` … that does not exist.
pub(super) fn free_name(dir: &Path, what: &str) -> PathBuf {
    let names = (1..).map(|n: u32| beside(dir, &format!("{what}-{n}")));
    let mut free = names.filter(|path| fs::symlink_metadata(path).is_err());
    free.next().unwrap_or_else(|| beside(dir, what))
}

fn write(ours: &Ours, fresh: &Path, wanted: &Seat<'_>) -> io::Result<()> {
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"] {
        fs::create_dir_all(fresh.join(folder))?;
    }
    put(fresh, "HEAD", &format!("ref: refs/heads/{}\n", wanted.branch))?;
    put(fresh, &format!("refs/heads/{}", wanted.branch), &format!("{}\n", wanted.tip))?;
    if let Some(target) = wanted.target {
        put(fresh, "refs/ppe/target", &format!("{target}\n"))?;
    }
    put(fresh, "objects/info/alternates", &ours.alternates)?;
    put(fresh, "config", &config(ours, wanted)?)?;
    for name in ["index", "packed-refs", "info/exclude", "info/attributes", "shallow"] {
        let from = ours.git_dir.join(name);
        if from.exists() {
            fs::copy(from, fresh.join(name))?;
        }
    }
    Ok(())
}

fn config(ours: &Ours, wanted: &Seat<'_>) -> io::Result<String> {
    // The format's version, the hash, what the file system can do, and how the user's files look.
    let mut text = fs::read_to_string(ours.git_dir.join("config"))?;
    let own = [
        ("core.logAllRefUpdates", "true"),
        ("user.name", wanted.identity.name.as_str()),
        ("user.email", wanted.identity.email.as_str()),
        ("commit.gpgSign", "false"),
        ("tag.gpgSign", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
    ];
    text.push_str(&config_lines(&own.map(|(key, value)| (key.to_owned(), value.to_owned()))));
    Ok(text)
}

fn put(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = dir.join(name);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}
