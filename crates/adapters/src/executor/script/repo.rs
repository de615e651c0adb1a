//! The scripted agent's own git: the commands that an agent would type in its workspace.
//!
//! Knows no plan and no script. Our other git calls, which must be safe from what agents leave behind, are elsewhere;
//! this is the agent.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The ref under which a workspace holds the target that work is to be brought onto.
pub(super) const TARGET: &str = "refs/ppe/target";

/// Why a git command was of no use.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// It could not be started.
    #[error("cannot start git: {0}")]
    Spawn(#[source] io::Error),
    /// It ran and said no.
    #[error("git {what}: {stderr}")]
    Failed {
        /// The subcommand.
        what: String,
        /// The last line that it complained with.
        stderr: String,
    },
    /// A file of the workspace or of git's cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A version of a file that a merge could not settle.
pub(super) struct Unmerged {
    /// The path, seen from the top of the workspace.
    pub path: String,
    /// The blobs of base, ours and theirs, where there are any.
    pub blobs: [Option<String>; 3],
}

/// The repository of a workspace.
#[derive(Debug)]
pub(super) struct Repo<'a> {
    dir: &'a Path,
}

impl<'a> Repo<'a> {
    pub(super) fn new(dir: &'a Path) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &'a Path {
        self.dir
    }

    /// Takes away what a killed git left locked. Nobody else works in this workspace.
    pub(super) fn unlock(&self, branch: &str) -> Result<(), GitError> {
        let git = self.dir.join(".git");
        let lock_of_branch = git.join("refs/heads").join(format!("{branch}.lock"));
        for path in [git.join("index.lock"), git.join("HEAD.lock"), lock_of_branch] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(GitError::File { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The subjects of the branch's own commits since `base`.
    pub(super) fn subjects(&self, base: &str) -> Result<Vec<String>, GitError> {
        let range = format!("{base}..HEAD");
        let text = self.run(&["log", "--first-parent", "--no-merges", "--format=%s", &range, "--"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Takes these paths, as they now are, into the index.
    pub(super) fn add(&self, paths: &[String]) -> Result<(), GitError> {
        let mut args = vec!["add", "--force", "--all", "--"];
        args.extend(paths.iter().map(String::as_str));
        self.run(&args).map(drop)
    }

    /// Takes everything into the index that is not ignored; says whether there was anything.
    pub(super) fn add_all(&self) -> Result<Anything, GitError> {
        if self.run(&["status", "--porcelain"])?.is_empty() {
            return Ok(Anything::No);
        }
        self.run(&["add", "--all"])?;
        Ok(Anything::Yes)
    }

    /// Commits the index, even if that changes nothing.
    pub(super) fn commit(&self, subject: &str) -> Result<(), GitError> {
        self.run(&["commit", "-q", "--no-verify", "--allow-empty", "-m", subject]).map(drop)
    }

    /// The commit that a name stands for, if it stands for one.
    pub(super) fn resolve(&self, name: &str) -> Result<Option<String>, GitError> {
        let commit = format!("{name}^{{commit}}");
        let output = self.output(&["rev-parse", "--verify", "--quiet", &commit])?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !text.is_empty()).then_some(text))
    }

    /// Begins to merge a commit. Clean merges are committed; says whether that was so.
    pub(super) fn merge(&self, name: &str, subject: &str) -> Result<Merged, GitError> {
        let args = ["merge", "-q", "--no-ff", "--no-verify", "-m", subject, name];
        let output = self.output(&args)?;
        if output.status.success() {
            return Ok(Merged::Clean);
        }
        // A merge that conflicts and one that was refused both fail; only the first has begun.
        match self.resolve("MERGE_HEAD")? {
            Some(_) => Ok(Merged::Begun),
            None => Err(refused(&args, &output)),
        }
    }

    /// What the merge that has begun could not settle.
    pub(super) fn unmerged(&self) -> Result<Vec<Unmerged>, GitError> {
        let text = self.run(&["ls-files", "--unmerged", "-z"])?;
        let mut found: Vec<Unmerged> = Vec::new();
        for record in text.split('\0') {
            let Some((head, path)) = record.split_once('\t') else { continue };
            let mut words = head.split(' ').skip(1);
            let (Some(blob), Some(stage)) = (words.next(), words.next()) else { continue };
            if found.last().is_none_or(|last| last.path != path) {
                found.push(Unmerged { path: path.to_owned(), blobs: [const { None }; 3] });
            }
            let stage = stage.parse::<usize>().unwrap_or(0).wrapping_sub(1);
            if let Some(place) = found.last_mut().and_then(|last| last.blobs.get_mut(stage)) {
                *place = Some(blob.to_owned());
            }
        }
        Ok(found)
    }

    /// A blob's bytes.
    pub(super) fn blob(&self, id: &str) -> Result<Vec<u8>, GitError> {
        let args = ["cat-file", "blob", id];
        let output = self.output(&args)?;
        if output.status.success() { Ok(output.stdout) } else { Err(refused(&args, &output)) }
    }

    /// Three versions of a file as one, with both sides where they differ; none for files that are not text.
    pub(super) fn both_sides(
        &self,
        ours: &Path,
        base: &Path,
        theirs: &Path,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let path = |p: &Path| p.to_string_lossy().into_owned();
        let args = ["merge-file", "-p", "-q", "--union", &path(ours), &path(base), &path(theirs)];
        let output = self.output(&args)?;
        Ok(output.status.success().then_some(output.stdout))
    }

    fn run(&self, args: &[&str]) -> Result<String, GitError> {
        let output = self.output(args)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(refused(args, &output))
        }
    }

    fn output(&self, args: &[&str]) -> Result<Output, GitError> {
        Command::new("git")
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.quotePath=false"])
            .args(args)
            .current_dir(self.dir)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_EDITOR", "true")
            .env("LC_ALL", "C")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .stdin(Stdio::null())
            .output()
            .map_err(GitError::Spawn)
    }
}

/// Whether there was anything to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anything {
    Yes,
    No,
}

/// What became of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    /// It is committed, or there was nothing to merge.
    Clean,
    /// It has begun, and something is left to settle.
    Begun,
}

fn refused(args: &[&str], output: &Output) -> GitError {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let fatal = stderr.lines().find(|line| line.starts_with("fatal: "));
    let last = || stderr.lines().rfind(|line| !line.trim().is_empty());
    let why = fatal.or_else(last).unwrap_or("failed without a word");
    GitError::Failed { what: args.first().copied().unwrap_or_default().to_owned(), stderr: why.to_owned() }
}
