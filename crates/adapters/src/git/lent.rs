//! Git-ignored files of the user's checkout that a workspace needs as well: settings of tools, local keys.
//!
//! They are lent: excluded from every snapshot, whatever the agent does to its ignore files. Knows nothing of how a
//! workspace is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::repo::Layout;
use super::{GitError, Repo};

/// The most files that are lent.
pub(super) const LIMIT: usize = 20_000;

/// Why files could not be lent.
#[derive(Debug, thiserror::Error)]
pub enum LentError {
    /// More ignored files match the patterns than can be meant.
    #[error("more than {LIMIT} ignored files match {patterns:?}")]
    TooMany {
        /// The patterns.
        patterns: Vec<String>,
    },
    /// A file cannot be copied.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Git failed in the user's repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Git-ignored files of the user's checkout that match the patterns.
pub(super) fn matching_files(repo: &Repo, patterns: &[String]) -> Result<Vec<String>, LentError> {
    if patterns.is_empty() || repo.layout == Layout::Bare {
        return Ok(Vec::new());
    }
    let specs = patterns.iter().flat_map(|pattern| {
        let plain = pattern.trim_matches('/');
        let anywhere = if plain.contains('/') || pattern.starts_with('/') { "" } else { "**/" };
        [format!(":(top,glob){anywhere}{plain}"), format!(":(top,glob){anywhere}{plain}/**")]
    });
    let asked = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--"];
    let output = repo.git.user(&repo.root).args(asked).args(specs).run()?;
    let text = output.fields().filter_map(|field| std::str::from_utf8(field).ok());
    let found: Vec<String> = text.filter(|path| !path.ends_with('/')).map(str::to_owned).collect();
    if found.len() > LIMIT {
        return Err(LentError::TooMany { patterns: patterns.to_vec() });
    }
    Ok(found)
}

/// Copies plain files of the user's checkout to the same places in a workspace. Nobody else writes there yet.
pub(super) fn copy_files(repo: &Repo, dir: &Path, files: &[String]) -> Result<(), LentError> {
    for file in files {
        let (from, to) = (repo.root.join(file), dir.join(file));
        let copied = (|| {
            if !fs::symlink_metadata(&from)?.is_file() || fs::symlink_metadata(&to).is_ok() {
                return Ok(());
            }
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(&from, &to).map(drop)
        })();
        copied.map_err(|source| LentError::Io { path: from, source })?;
    }
    Ok(())
}

/// The user's own list of ignored files, and the files that were brought in.
pub(super) fn exclude(repo: &Repo, copied: &[String]) -> String {
    let mut text = fs::read_to_string(repo.common_dir.join("info/exclude")).unwrap_or_default();
    for file in copied {
        let literal: String =
            file.chars().flat_map(|c| if "*?[\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
        text.push_str("\n/");
        text.push_str(&literal);
    }
    text.push('\n');
    text
}
