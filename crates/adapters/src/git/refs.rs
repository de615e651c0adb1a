//! Names below `refs/ppe/`, and changes to refs that succeed only from the value we last saw.
//!
//! Knows nothing of what the commits behind them are.

use ppe_core::ids::{Attempt, Branch, CandidateId, CommitId, RunId, TaskId};

use super::{GitError, Repo, commit_id};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A text cannot be part of a ref's name.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} cannot be part of a git ref")]
pub struct BadName {
    /// The text.
    pub text: String,
}

/// The pin of the commit a task's workspace was made from.
pub fn base(run: &RunId, task: &TaskId) -> String {
    format!("refs/ppe/base/{run}/{task}")
}

/// A task's work as of one attempt.
pub fn work(run: &RunId, task: &TaskId, attempt: Attempt) -> String {
    format!("refs/ppe/run/{run}/{task}/{attempt}")
}

/// The pin of the commit a task's workspace was last set to.
pub fn seat(run: &RunId, task: &TaskId) -> String {
    format!("refs/ppe/run/{run}/{task}/seat")
}

/// The pin of the target's tip that a task's work shall be brought onto.
pub fn target(run: &RunId, task: &TaskId) -> String {
    format!("refs/ppe/run/{run}/{task}/target")
}

/// The pin of the commit that last brought a task's branch on a forge up to date with the target.
pub fn update_of(run: &RunId, task: &TaskId) -> String {
    format!("refs/ppe/run/{run}/{task}/update")
}

/// The note of when a task's change was last put into a merge queue.
pub fn queued_of(run: &RunId, task: &TaskId) -> String {
    format!("refs/ppe/run/{run}/{task}/queued")
}

/// The runs of which commits of the merge lane are kept.
pub fn with_lane(repo: &Repo) -> Result<BTreeSet<RunId>, GitError> {
    let of_lane = |name: &str| {
        let (run, room) = name.strip_prefix("refs/ppe/run/")?.split_once('/')?;
        room.starts_with("lane/").then(|| RunId::new(run))
    };
    Ok(list(repo, "refs/ppe/run")?.iter().filter_map(|(name, _)| of_lane(name)).collect())
}

/// A commit of the merge lane.
pub fn candidate(run: &RunId, candidate: CandidateId) -> String {
    format!("refs/ppe/run/{run}/lane/{candidate}")
}

/// The `n`-th rescue of a task's workspace.
pub fn kept(run: &RunId, task: &TaskId, n: u32) -> String {
    format!("refs/ppe/keep/{run}/{task}/{n}")
}

/// The ref of a branch.
pub fn head(branch: &Branch) -> String {
    format!("refs/heads/{branch}")
}

/// Lock files on refs, as they were found: who works on a ref has such a file for a moment, and a git that was killed
/// leaves its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Locks(BTreeMap<PathBuf, Found>);

/// Which file it was, and since when.
type Found = (u64, SystemTime);

impl Locks {
    /// Those on refs of ours in the user's repository, where the user's git may come by as well.
    pub fn of_ours(repo: &Repo) -> Self {
        Self::below(&repo.common_dir.join("refs/ppe"))
    }

    /// Those below a folder of refs.
    pub(super) fn below(folder: &Path) -> Self {
        let mut found = Self::default();
        found.walk(folder);
        found
    }

    /// Removes those that are still there. Only after a time in which anybody at work would have been done.
    pub fn clear(self) {
        for (path, found) in self.0 {
            if fs::symlink_metadata(&path).is_ok_and(|now| is_it(&now) == Some(found)) {
                // One that cannot be removed is told of by git, by its name.
                drop(fs::remove_file(path));
            }
        }
    }

    fn walk(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, metadata) = (entry.path(), entry.metadata().ok());
            if metadata.as_ref().is_some_and(fs::Metadata::is_dir) {
                self.walk(&path);
            } else if path.extension().is_some_and(|end| end == "lock") {
                self.0.extend(metadata.as_ref().and_then(is_it).map(|found| (path, found)));
            }
        }
    }
}

fn is_it(metadata: &fs::Metadata) -> Option<Found> {
    Some((metadata.ino(), metadata.modified().ok()?))
}

/// Whether every part of a name between slashes is allowed in a ref and safe as a file name.
pub fn check_name(name: &str) -> Result<(), BadName> {
    if name.split('/').all(is_component) { Ok(()) } else { Err(BadName { text: name.to_owned() }) }
}

fn is_component(part: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\\"".contains(c);
    !part.is_empty()
        && part != "@"
        && part.len() <= 200
        && !part.starts_with(['.', '-'])
        && !part.ends_with(['.', ' '])
        && !part.to_ascii_lowercase().ends_with(".lock")
        && !part.contains("..")
        && !part.contains("@{")
        && !part.contains(forbidden)
}

/// What a ref must be for a change to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It must not exist.
    Absent,
    /// It must be exactly this.
    At(CommitId),
    /// Whatever it is. Only for names that are ours alone.
    Any,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The ref is the new value, now or already before.
    Done,
    /// The ref was something else and was left alone.
    Lost {
        /// What it is; `None` when it does not exist.
        now: Option<CommitId>,
    },
    /// The name is a folder of other refs, or one of its folders is a ref.
    Clash,
}

/// Sets `name` to `new` if it is as expected. Repeating it is harmless.
pub fn update(repo: &Repo, name: &str, new: &CommitId, expect: &Expect) -> Result<Moved, GitError> {
    let command = match expect {
        Expect::Absent => format!("create {name}\0{new}\0"),
        Expect::At(old) => format!("update {name}\0{new}\0{old}\0"),
        // An empty old value asks for no comparison.
        Expect::Any => format!("update {name}\0{new}\0\0"),
    };
    let call = repo.store().args(["update-ref", "--stdin", "-z"]).stdin(command);
    let Err(error) = call.run() else { return Ok(Moved::Done) };
    if !error.is_refusal() {
        return Err(error);
    }
    let now = read(repo, name)?;
    if now.as_ref() == Some(new) {
        return Ok(Moved::Done);
    }
    let unexpected = match expect {
        Expect::Absent => now.is_some(),
        Expect::At(old) => now.as_ref() != Some(old),
        Expect::Any => false,
    };
    if now.is_none() && clashes(repo, name)? {
        return Ok(Moved::Clash);
    }
    if unexpected { Ok(Moved::Lost { now }) } else { Err(error) }
}

/// Deletes `name` if it is still `old`. A ref that is gone already counts as done.
pub fn delete(repo: &Repo, name: &str, old: &CommitId) -> Result<Moved, GitError> {
    let command = format!("delete {name}\0{old}\0");
    let Err(error) = repo.store().args(["update-ref", "--stdin", "-z"]).stdin(command).run() else {
        return Ok(Moved::Done);
    };
    match read(repo, name)? {
        None => Ok(Moved::Done),
        Some(now) if now != *old => Ok(Moved::Lost { now: Some(now) }),
        Some(_) => Err(error),
    }
}

/// The object a ref points to; `None` when there is no such ref.
pub fn read(repo: &Repo, name: &str) -> Result<Option<CommitId>, GitError> {
    let call = repo.store().args(["show-ref", "--verify", "--hash", name]);
    match call.clone().text() {
        Ok(text) => commit_id(&text).map(Some).ok_or_else(|| call.unexpected(&text)),
        Err(error) if error.stderr().contains("not a valid ref") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The refs below a prefix (whole parts only), sorted by name.
pub fn list(repo: &Repo, prefix: &str) -> Result<Vec<(String, CommitId)>, GitError> {
    let call = repo.store().args(["for-each-ref", "--format=%(objectname) %(refname)", prefix]);
    let text = call.clone().text()?;
    let entry = |line: &str| {
        let (id, name) = line.split_once(' ')?;
        Some((name.to_owned(), commit_id(id)?))
    };
    text.lines().map(|line| entry(line).ok_or_else(|| call.unexpected(line))).collect()
}

/// All commits of a run's merge lane.
pub fn candidates(repo: &Repo, run: &RunId) -> Result<Vec<(CandidateId, CommitId)>, GitError> {
    let built = list(repo, &format!("refs/ppe/run/{run}/lane"))?.into_iter();
    let known = built.filter_map(|(name, commit)| {
        let number = name.rsplit_once("/c")?.1.parse().ok()?;
        Some((CandidateId(number), commit))
    });
    Ok(known.collect())
}

/// All refs that belong to a run: pins, work, candidates and rescues.
pub fn of_run(repo: &Repo, run: &RunId) -> Result<Vec<(String, CommitId)>, GitError> {
    let mut found = Vec::new();
    for room in ["base", "run", "keep"] {
        found.extend(list(repo, &format!("refs/ppe/{room}/{run}"))?);
    }
    Ok(found)
}

fn clashes(repo: &Repo, name: &str) -> Result<bool, GitError> {
    if !list(repo, &format!("{name}/"))?.is_empty() {
        return Ok(true);
    }
    let folders = name.match_indices('/').map(|(at, _)| &name[..at]).skip(2);
    for folder in folders {
        if read(repo, folder)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_git_takes_and_that_are_safe_as_files_pass() {
        for good in ["feat/T-001-graphql", "main", "a.b/c_d", "é"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let bad = [
            "", "/a", "a/", "a//b", "..", "a/../b", ".git", "-f", "a.lock", "a.LOCK", "a b", "a\nb", "a~1",
            "@", "a@{1}",
        ];
        for bad in bad {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
