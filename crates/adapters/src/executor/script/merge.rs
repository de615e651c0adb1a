//! Brings the branch onto the target by merging it, with both sides kept wherever they clash.
//!
//! Goes on with a merge that was begun and interrupted. Knows neither plan nor script.

use super::files;
use super::repo::{GitError, Merged, Repo, TARGET, Unmerged};
use std::path::{Path, PathBuf};

/// Why the branch is not on the target.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The workspace does not hold the target.
    #[error("no {TARGET} in this workspace to bring the work onto")]
    NoTarget,
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Makes the target an ancestor of the branch.
pub(super) fn onto_target(repo: &Repo<'_>, task: &str) -> Result<(), MergeError> {
    if repo.resolve(TARGET)?.is_none() {
        return Err(MergeError::NoTarget);
    }
    let subject = format!("Merge the target into {task}");
    let merged = match repo.resolve("MERGE_HEAD")? {
        Some(_) => Merged::Begun,
        None => repo.merge(TARGET, &subject)?,
    };
    if merged == Merged::Clean {
        return Ok(());
    }
    for unmerged in repo.unmerged()? {
        settle(repo, &unmerged)?;
        repo.add(std::slice::from_ref(&unmerged.path))?;
    }
    Ok(repo.commit(&subject)?)
}

/// Both sides of a text; our side of what is no text; the only side where the other removed the file.
fn settle(repo: &Repo<'_>, unmerged: &Unmerged) -> Result<(), GitError> {
    let content = match &unmerged.blobs {
        [_, None, None] => return files::remove(repo.dir(), &unmerged.path),
        [_, Some(only), None] | [_, None, Some(only)] => repo.blob(only)?,
        [base, Some(ours), Some(theirs)] => {
            let mine = repo.blob(ours)?;
            let base = base.as_deref().map_or_else(|| Ok(Vec::new()), |id| repo.blob(id))?;
            union(repo, [&mine, &base, &repo.blob(theirs)?])?.unwrap_or(mine)
        }
    };
    // What lies there is what git could not settle; it may even be a folder's link.
    files::remove(repo.dir(), &unmerged.path)?;
    files::put(repo.dir(), &unmerged.path, &content)
}

fn union(repo: &Repo<'_>, versions: [&[u8]; 3]) -> Result<Option<Vec<u8>>, GitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| GitError::File { path, source }
    };
    let dir = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
    let paths: [PathBuf; 3] = ["ours", "base", "theirs"].map(|name| dir.path().join(name));
    for (path, bytes) in paths.iter().zip(versions) {
        std::fs::write(path, bytes).map_err(failed(path))?;
    }
    let [ours, base, theirs] = &paths;
    repo.both_sides(ours, base, theirs)
}
