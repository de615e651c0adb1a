//! Rescue and removal of a workspace: nothing goes before all of it lies under `refs/ppe/keep/…` in the user's
//! repository, but for what was made to be thrown away.
//!
//! A rescue is one commit. Its tree is the workspace's files (tracked, changed and untracked, not the ignored ones;
//! nested repositories as plain files). Its parents are the commit the files belonged to, a commit of the agent's index,
//! and the tips of its other branches and of its stash.
//!
//! Knows nothing of when a workspace may go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ppe_core::ids::{CommitId, TreeId};

use super::ours::{Absorbed, Care, OursError, beside};
use super::seat::free_name;
use super::status::{Entry, Kind};
use super::workspace::Workspace;
use super::{GitError, Stamp, commit_id, refs, shown, untrusted};
use crate::failpoint;

const INDEX_LIMIT: u64 = 256 * 1024 * 1024;
const NESTING_LIMIT: u32 = 4;
const PARENTS_LIMIT: usize = 100;

/// A finished rescue; needed to remove the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its ref in the user's repository.
    pub reference: String,
    /// Its commit.
    pub commit: CommitId,
    /// Whether what the agent had staged is in it as a commit of its own.
    pub index: IndexKept,
}

/// What became of the agent's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexKept {
    /// It is the second parent.
    Saved,
    /// It says nothing that the files do not say.
    Same,
    /// It cannot be read; the files are saved all the same.
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
}

/// Why a workspace was not rescued. It is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The workspace is not there any more.
    #[error("the workspace {dir} is gone")]
    Gone {
        /// Its folder.
        dir: PathBuf,
    },
    /// Repositories inside repositories inside repositories …
    #[error("{path} is nested too deeply to be rescued")]
    TooDeep {
        /// The innermost looked at.
        path: String,
    },
    /// The rescue belongs to another workspace.
    #[error("{reference} does not hold {dir}")]
    NotOfThis {
        /// The rescue's ref.
        reference: String,
        /// The workspace.
        dir: PathBuf,
    },
    /// A file cannot be read, written or moved.
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
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Saves all that a workspace holds. The same content at the same time gives the same rescue, which is then reused.
pub fn keep(workspace: &Workspace, stamp: &Stamp) -> Result<Kept, KeepError> {
    let dir = workspace.dir();
    if !dir.is_dir() {
        return Err(KeepError::Gone { dir: dir.to_owned() });
    }
    let found = workspace.ours.absorb(&workspace.record.branch)?;
    let entries = workspace.ours.changes(&found.head, &workspace.record.copied)?;
    let tree = tree_of_files(workspace, &entries)?;
    let (staged, index) = match staged_commit(workspace, &found, stamp) {
        Ok(Some(commit)) => (Some(commit), IndexKept::Saved),
        Ok(None) => (None, IndexKept::Same),
        Err(why) => (None, IndexKept::Unreadable { why }),
    };
    let message = format!("ppe: what the workspace of {} held", workspace.record.task);
    let commit = commit_tree(workspace, &tree, &parents(found, staged), &message, stamp)?;
    let reference = publish(workspace, &commit)?;
    Ok(Kept { reference, commit, index })
}

fn parents(found: Absorbed, staged: Option<CommitId>) -> Vec<CommitId> {
    let mut parents = vec![found.head];
    for commit in staged.into_iter().chain(found.branch_tip).chain(found.tips).take(PARENTS_LIMIT) {
        if !parents.contains(&commit) {
            parents.push(commit);
        }
    }
    parents
}

fn tree_of_files(workspace: &Workspace, entries: &[Entry]) -> Result<TreeId, KeepError> {
    let ours = &workspace.ours;
    let index = ours.git_dir.join("index.keep");
    fs::copy(ours.index(), &index).map_err(|source| KeepError::Io { path: index.clone(), source })?;
    ours.stage(&index, entries)?;
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Nested) {
        graft(workspace, &index, Path::new(&shown(&entry.path)), 1)?;
    }
    for path in populated_submodules(workspace, &index)? {
        let removal = workspace.ours.store().env("GIT_INDEX_FILE", &index);
        removal.args(["update-index", "--force-remove", "--", &path]).run()?;
        graft(workspace, &index, Path::new(&path), 1)?;
    }
    Ok(ours.write_tree(&index)?)
}

/// Adds the files of a nested repository to an index as if they were plain files.
fn graft(workspace: &Workspace, index: &Path, path: &Path, depth: u32) -> Result<(), KeepError> {
    if depth > NESTING_LIMIT {
        return Err(KeepError::TooDeep { path: path.display().to_string() });
    }
    let mut inner = workspace.ours.clone();
    inner.work_tree = workspace.dir().join(path);
    let scratch = workspace.ours.git_dir.join(format!("index.nested-{depth}"));
    let empty = inner.store().env("GIT_INDEX_FILE", &scratch).args(["read-tree", "--empty"]);
    empty.run()?;
    let asked = ["ls-files", "-z", "--others", "--exclude-standard"];
    let output = inner.files().env("GIT_INDEX_FILE", &scratch).args(asked).run()?;
    let entry = |field: &[u8]| match field.strip_suffix(b"/") {
        Some(path) => Entry { path: path.to_owned(), kind: Kind::Nested },
        None => Entry { path: field.to_owned(), kind: Kind::Untracked },
    };
    let entries: Vec<Entry> = output.fields().map(entry).collect();
    inner.stage(&scratch, &entries)?;
    let tree = inner.write_tree(&scratch)?;
    let prefix = format!("--prefix={}/", path.display());
    let graft_call = workspace.ours.store().env("GIT_INDEX_FILE", index);
    graft_call.args(["read-tree", &prefix, tree.as_str()]).run()?;
    for entry in entries.iter().filter(|entry| entry.kind == Kind::Nested) {
        graft(workspace, index, &path.join(shown(&entry.path)), depth + 1)?;
    }
    Ok(())
}

/// Submodules of the commit whose folder holds a repository now.
fn populated_submodules(workspace: &Workspace, index: &Path) -> Result<Vec<String>, KeepError> {
    let links = workspace.ours.submodules(index)?;
    let populated = |path: &String| fs::symlink_metadata(workspace.dir().join(path).join(".git")).is_ok();
    Ok(links.iter().map(|path| shown(path)).filter(populated).collect())
}

/// A commit of what the agent had staged; `None` when that is just its head's tree.
///
/// Staged content lies in the agent's object store alone. It is borrowed for one command that packs it into ours.
fn staged_commit(workspace: &Workspace, found: &Absorbed, stamp: &Stamp) -> Result<Option<CommitId>, String> {
    let ours = &workspace.ours;
    let dot_git = workspace.dir().join(".git");
    if untrusted::leads_elsewhere(&dot_git, &ours.alternates).is_some() {
        return Err("its repository cannot be read".to_owned());
    }
    let bytes = untrusted::read(&dot_git.join("index"), 0, INDEX_LIMIT).map_err(|error| error.to_string())?;
    let index = ours.git_dir.join("index.agent");
    fs::write(&index, bytes).map_err(|error| error.to_string())?;
    let asked = ["diff-index", "--cached", "--raw", "-z", "--no-renames", "--abbrev=64", found.head.as_str()];
    let output =
        ours.store().env("GIT_INDEX_FILE", &index).args(asked).run().map_err(|error| error.to_string())?;
    let blobs: Vec<String> = output.fields().filter_map(staged_blob).collect();
    if output.stdout.is_empty() {
        return Ok(None);
    }
    if !blobs.is_empty() {
        let pack = ours.git_dir.join("objects/pack/pack");
        let call = ours.store().env("GIT_ALTERNATE_OBJECT_DIRECTORIES", dot_git.join("objects"));
        let call = call.args(["pack-objects", "--quiet", "--non-empty"]).arg(pack);
        call.stdin(blobs.join("\n") + "\n").run().map_err(|error| error.to_string())?;
    }
    let tree = ours.write_tree(&index).map_err(|error| error.to_string())?;
    let message = format!("ppe: what the workspace of {} had staged", workspace.record.task);
    let parents = std::slice::from_ref(&found.head);
    commit_tree(workspace, &tree, parents, &message, stamp).map(Some).map_err(|error| error.to_string())
}

fn staged_blob(field: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(field.strip_prefix(b":")?).ok()?;
    let mut words = text.split(' ').skip(1);
    let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
    (mode != "160000" && id.bytes().any(|byte| byte != b'0')).then(|| id.to_owned())
}

/// Writes a commit into our git directory.
pub(super) fn commit_tree(
    workspace: &Workspace,
    tree: &TreeId,
    parents: &[CommitId],
    message: &str,
    stamp: &Stamp,
) -> Result<CommitId, GitError> {
    let parents = parents.iter().flat_map(|parent| ["-p", parent.as_str()]);
    let call = workspace.ours.store().stamp(stamp).args(["commit-tree", tree.as_str()]).args(parents);
    let call = call.stdin(message);
    let text = call.clone().text()?;
    commit_id(&text).ok_or_else(|| call.unexpected(&text))
}

fn publish(workspace: &Workspace, commit: &CommitId) -> Result<String, KeepError> {
    let record = &workspace.record;
    let prefix = format!("refs/ppe/keep/{}/{}", record.run, record.task);
    let before = refs::list(&workspace.repo, &prefix)?;
    if let Some((name, _)) = before.iter().find(|(_, kept)| kept == commit) {
        return Ok(name.clone());
    }
    let number = |name: &str| name.rsplit('/').next().and_then(|n| n.parse::<u32>().ok());
    let last = before.iter().filter_map(|(name, _)| number(name)).max().unwrap_or(0);
    let name = refs::kept(&record.run, &record.task, last + 1);
    failpoint::hit("keep.before_ref");
    workspace.ours.publish(&workspace.repo, commit, &name, Care::AsIs)?;
    failpoint::hit("keep.after_ref");
    Ok(name)
}

/// A workspace that is out of the way and may be deleted, for instance by a thread in the background.
#[derive(Debug)]
pub struct Trash {
    dir: PathBuf,
}

/// Moves a rescued workspace out of the way, by renames alone.
pub fn remove(workspace: Workspace, kept: &Kept) -> Result<Trash, KeepError> {
    let record = workspace.record();
    let prefix = format!("refs/ppe/keep/{}/{}/", record.run, record.task);
    let held = refs::read(&workspace.repo, &kept.reference)?;
    if !kept.reference.starts_with(&prefix) || held.as_ref() != Some(&kept.commit) {
        let dir = workspace.dir().to_owned();
        return Err(KeepError::NotOfThis { reference: kept.reference.clone(), dir });
    }
    discard(workspace)
}

/// Moves a workspace out of the way, by renames alone, that holds nobody's work: nothing of it is kept.
pub fn discard(workspace: Workspace) -> Result<Trash, KeepError> {
    let Workspace { ours, .. } = workspace;
    let dir = &ours.work_tree;
    let trash = free_name(dir, "trash");
    let moves = (|| {
        fs::create_dir(&trash)?;
        failpoint::hit("trash.made");
        // First: from here on it does not count as a workspace any more.
        fs::rename(beside(dir, "ready"), trash.join(MARK))?;
        failpoint::hit("trash.marked");
        fs::rename(dir, trash.join("files"))?;
        failpoint::hit("trash.half_moved");
        fs::rename(&ours.git_dir, trash.join("git-ours"))?;
        for (n, old) in earlier_repositories(dir).iter().enumerate() {
            fs::rename(old, trash.join(format!("git-old-{n}")))?;
        }
        Ok(())
    })();
    moves.map_err(|source| KeepError::Io { path: dir.clone(), source })?;
    Ok(Trash { dir: trash })
}

/// Repositories that a reset put aside; each was rescued before.
fn earlier_repositories(dir: &Path) -> Vec<PathBuf> {
    let stem = beside(dir, "git-old-");
    let (Some(parent), Some(stem)) = (stem.parent(), stem.file_name()) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let stem = stem.as_encoded_bytes();
    let theirs = entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(stem));
    theirs.map(|entry| entry.path()).collect()
}

/// The record of a removed workspace, which makes a folder ours to delete.
const MARK: &str = "ready";

/// Removed workspaces in a folder of workspaces whose deletion was cut short.
pub fn trash_in(workspaces: &Path) -> Vec<Trash> {
    let Ok(entries) = fs::read_dir(workspaces) else { return Vec::new() };
    let named = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().contains(".trash-"));
    named.map(|entry| Trash { dir: entry.path() }).filter(|trash| trash.dir.join(MARK).is_file()).collect()
}

impl Trash {
    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Deletes it. Only a folder that carries our record is touched; links are removed, never followed.
    pub fn delete(self) -> io::Result<()> {
        if !self.dir.join(MARK).is_file() {
            return Err(io::Error::other("it does not carry the record of a workspace"));
        }
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                make_writable(&entry.path());
                fs::remove_dir_all(entry.path())?;
                failpoint::hit("trash.half_deleted");
            }
        }
        fs::remove_file(self.dir.join(MARK))?;
        fs::remove_dir(self.dir)
    }
}

/// Tool chains leave read-only folders in their caches; their entries could not be removed.
fn make_writable(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = fs::symlink_metadata(dir) else { return };
    if !found.is_dir() {
        return;
    }
    if found.permissions().mode() & 0o700 != 0o700 {
        let mode = fs::Permissions::from_mode(found.permissions().mode() | 0o700);
        // What cannot be changed makes the deletion fail, and that is reported.
        drop(fs::set_permissions(dir, mode));
    }
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        make_writable(&entry.path());
    }
}
