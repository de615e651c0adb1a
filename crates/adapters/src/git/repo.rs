//! The user's repository: what it is, where its parts lie, and whether we can work with it. Reads only.
//!
//! Knows nothing of runs and tasks.

use std::fs;
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId};

use super::{Git, GitError, Identity, cli::Call, commit_id, hooks, refs, shown, status};

const DIRTY_SHOWN: usize = 1000;

/// Why a folder cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// No repository there or above.
    #[error("{path} is not in a git repository; run `git init` there, or name one with --repo")]
    NotARepository {
        /// The folder asked about.
        path: PathBuf,
    },
    /// The folder does not exist or cannot be entered.
    #[error("cannot enter {path}: {source}")]
    Unreachable {
        /// The folder asked about.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder is the inside of a git directory.
    #[error("{path} is inside a git directory; name the checkout instead")]
    InsideGitDir {
        /// The folder asked about.
        path: PathBuf,
    },
    /// The path has characters that git's own files cannot hold safely.
    #[error(
        "{path:?} has line breaks, control characters or bytes that are no UTF-8 in its path; move the repository"
    )]
    BadPath {
        /// The folder asked about.
        path: PathBuf,
    },
    /// There is nothing to start from.
    #[error("{path} has no commit yet; make the first one, the plan starts from it")]
    Empty {
        /// The repository's root.
        path: PathBuf,
    },
    /// Objects are missing here by design and would have to be fetched one by one.
    #[error(
        "{path} is a partial clone; complete it with `git fetch --refetch --no-filter`, then unset extensions.partialClone"
    )]
    Partial {
        /// The repository's root.
        path: PathBuf,
    },
    /// It belongs to another user of this machine.
    #[error("{path} belongs to another user; if that is meant, run `git config --global --add safe.directory {path}`", path = path.display())]
    ForeignOwner {
        /// The folder asked about.
        path: PathBuf,
    },
    /// Git failed otherwise.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What kind of place the repository was entered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The main checkout.
    Main,
    /// A linked worktree of a repository elsewhere.
    Linked,
    /// A repository without a checkout.
    Bare,
}

/// Whether the whole history is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// It is.
    Full,
    /// Older commits are missing: ancestry across the edge cannot be proved.
    Shallow,
}

/// A user's repository that we can work with.
#[derive(Clone, Debug)]
pub struct Repo {
    /// How git is run.
    pub git: Git,
    /// The top of the checkout, or the bare repository itself.
    pub root: PathBuf,
    /// The git directory of this checkout.
    pub git_dir: PathBuf,
    /// The git directory that all worktrees share.
    pub common_dir: PathBuf,
    /// What kind of place it is.
    pub layout: Layout,
    /// Whether history is complete.
    pub depth: Depth,
    /// The hash in use: `sha1` or `sha256`.
    pub object_format: String,
}

/// How a local branch stands to the branch it follows, by what was last fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The followed ref in its short form, such as `origin/main`.
    pub upstream: String,
    /// Commits that only the local branch has.
    pub ahead: u32,
    /// Commits that only the followed one has.
    pub behind: u32,
}

/// A checkout of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worktree {
    /// Its top folder.
    pub path: PathBuf,
    /// The branch it has checked out, or is rebasing or bisecting.
    pub branch: Option<Branch>,
    /// Whether that branch is in the middle of an operation there.
    pub state: WorktreeState,
}

/// Whether a checkout can take a fast-forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorktreeState {
    /// It can.
    Usable,
    /// The branch is being rebased or bisected there.
    Busy(&'static str),
    /// Its folder is gone, and git still counts it.
    Gone,
}

impl Repo {
    /// Finds the repository that `start` is in.
    pub fn discover(git: &Git, start: &Path) -> Result<Self, DiscoverError> {
        let unreachable = |source| DiscoverError::Unreachable { path: start.to_owned(), source };
        let start = start.canonicalize().map_err(unreachable)?;
        plain_path(&start)?;
        let asked = [
            "rev-parse",
            "--path-format=absolute",
            "--is-bare-repository",
            "--is-inside-work-tree",
            "--is-shallow-repository",
            "--show-object-format",
            "--git-dir",
            "--git-common-dir",
        ];
        let call = git.user(&start).args(asked);
        let text = call.clone().text().map_err(|error| not_found(error, &start))?;
        let lines: Vec<&str> = text.lines().collect();
        let [bare, inside, shallow, format, git_dir, common_dir] = lines[..] else {
            return Err(call.unexpected(&text).into());
        };
        let (git_dir, common_dir) = (PathBuf::from(git_dir), PathBuf::from(common_dir));
        let (layout, root) = match (bare, inside) {
            ("true", _) => (Layout::Bare, git_dir.clone()),
            (_, "true") => {
                let top = git
                    .user(&start)
                    .args(["rev-parse", "--path-format=absolute", "--show-toplevel"])
                    .text()?;
                let layout = if git_dir == common_dir { Layout::Main } else { Layout::Linked };
                (layout, PathBuf::from(top))
            }
            _ => return Err(DiscoverError::InsideGitDir { path: start }),
        };
        plain_path(&common_dir)?;
        let depth = if shallow == "true" { Depth::Shallow } else { Depth::Full };
        let object_format = format.to_owned();
        let named = hooks::named(git, &start)?;
        let git = git.clone().with_owner(&common_dir).without_hooks(&named);
        let repo = Self { git, root, git_dir, common_dir, layout, depth, object_format };
        repo.check_content()?;
        Ok(repo)
    }

    fn check_content(&self) -> Result<(), DiscoverError> {
        if self.setting("extensions.partialClone")?.is_some() {
            return Err(DiscoverError::Partial { path: self.root.clone() });
        }
        if self.resolve("HEAD")?.is_none() {
            let any = self
                .store()
                .args(["for-each-ref", "--count=1", "--format=%(refname)", "refs/heads"])
                .text()?;
            if any.is_empty() {
                return Err(DiscoverError::Empty { path: self.root.clone() });
            }
        }
        Ok(())
    }

    /// A call that needs no checkout.
    pub fn store(&self) -> Call {
        self.git.store(&self.common_dir)
    }

    /// Where its objects lie.
    pub fn objects(&self) -> PathBuf {
        self.common_dir.join("objects")
    }

    /// One setting as git resolves it for this repository.
    pub fn setting(&self, key: &str) -> Result<Option<String>, GitError> {
        let output = self.store().args(["config", "--get", key]).any()?;
        Ok((output.code == 0).then(|| output.text()))
    }

    /// The address that a remote is pushed to; `None` when there is no such remote.
    pub fn remote_url(&self, remote: &str) -> Result<Option<String>, GitError> {
        let output = self.store().args(["remote", "get-url", "--push", "--", remote]).any()?;
        Ok((output.code == 0).then(|| output.text()).filter(|url| !url.is_empty()))
    }

    /// Settings that decide how files look in a checkout; a workspace needs the same.
    pub fn file_settings(&self) -> Result<Vec<(String, String)>, GitError> {
        let keys =
            "^(core\\.(filemode|ignorecase|precomposeunicode|symlinks|autocrlf|eol)|i18n\\.commitencoding)$";
        let output = self.store().args(["config", "-z", "--get-regexp", keys]).any()?;
        let pair = |field: &[u8]| shown(field).split_once('\n').map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut found: Vec<_> = output.fields().filter_map(pair).collect();
        let ignored = self.store().args(["config", "--type=path", "--get", "core.excludesFile"]).any()?;
        if ignored.code == 0 {
            found.push(("core.excludesfile".to_owned(), ignored.text()));
        }
        Ok(found)
    }

    /// Whether `tip` contains `commit`. A commit that is not known here is not contained.
    pub fn contains(&self, tip: &CommitId, commit: &CommitId) -> Result<bool, GitError> {
        match self.store().args(["merge-base", "--is-ancestor", commit.as_str(), tip.as_str()]).yes() {
            Err(error) if error.stderr().contains("Not a valid") => Ok(false),
            answer => answer,
        }
    }

    /// The commit a name stands for; `None` when it stands for none.
    pub fn resolve(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let name = format!("{name}^{{commit}}");
        let call =
            self.git.user(&self.root).args(["rev-parse", "--verify", "--quiet", "--end-of-options", &name]);
        let output = call.any()?;
        Ok((output.code == 0).then(|| commit_id(&output.text())).flatten())
    }

    /// The tip of a local branch; `None` when there is no such branch.
    pub fn tip(&self, branch: &Branch) -> Result<Option<CommitId>, GitError> {
        refs::read(self, &refs::head(branch))
    }

    /// The branch that is checked out where we entered; `None` when HEAD is detached.
    pub fn current_branch(&self) -> Result<Option<Branch>, GitError> {
        let output = self.git.user(&self.root).args(["symbolic-ref", "--quiet", "--short", "HEAD"]).any()?;
        Ok((output.code == 0).then(|| Branch::new(output.text())))
    }

    /// The branch that most likely is the target: what the remote calls its default, else a usual name, else the one
    /// checked out. Only branches that exist are named.
    pub fn default_branch(&self) -> Result<Option<Branch>, GitError> {
        let remote =
            self.store().args(["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]).any()?;
        let remote = (remote.code == 0).then(|| remote.text());
        let named = remote.as_deref().and_then(|name| name.split_once('/')).map(|(_, branch)| branch);
        for name in named.into_iter().chain(["main", "master", "trunk", "develop"]) {
            let branch = Branch::new(name);
            if self.tip(&branch)?.is_some() {
                return Ok(Some(branch));
            }
        }
        self.current_branch()
    }

    /// How a branch stands to the one it follows; `None` when it follows none that is known here.
    pub fn lag(&self, branch: &Branch) -> Result<Option<Lag>, GitError> {
        let format = "--format=%(upstream:short) %(upstream)";
        let call = self.store().args(["for-each-ref", format, &refs::head(branch)]);
        let text = call.text()?;
        let Some((upstream, full)) = text.split_once(' ').filter(|(name, _)| !name.is_empty()) else {
            return Ok(None);
        };
        if refs::read(self, full)?.is_none() {
            return Ok(None);
        }
        let range = format!("{}...{full}", refs::head(branch));
        let call = self.store().args(["rev-list", "--left-right", "--count", &range, "--"]);
        let counts = call.clone().text()?;
        let numbers: Vec<u32> = counts.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [ahead, behind] = numbers[..] else { return Err(call.unexpected(&counts)) };
        Ok(Some(Lag { upstream: upstream.to_owned(), ahead, behind }))
    }

    /// All checkouts, with the branch each holds.
    pub fn worktrees(&self) -> Result<Vec<Worktree>, GitError> {
        let output = self.store().args(["worktree", "list", "--porcelain", "-z"]).run()?;
        let mut found: Vec<Worktree> = Vec::new();
        for field in output.fields() {
            let line = shown(field);
            if let Some(path) = line.strip_prefix("worktree ") {
                let state = WorktreeState::Usable;
                found.push(Worktree { path: PathBuf::from(path), branch: None, state });
            } else if let Some(worktree) = found.last_mut() {
                match line.split_once(' ').unwrap_or((&line, "")) {
                    ("branch", name) => worktree.branch = name.strip_prefix("refs/heads/").map(Branch::new),
                    ("prunable", _) => worktree.state = WorktreeState::Gone,
                    _ => {}
                }
            }
        }
        for worktree in &mut found {
            if let Some((branch, what)) = busy_branch(&worktree.path) {
                worktree.branch = Some(branch);
                worktree.state = WorktreeState::Busy(what);
            }
        }
        Ok(found)
    }

    /// The checkouts that hold a branch.
    pub fn holders(&self, branch: &Branch) -> Result<Vec<Worktree>, GitError> {
        let all = self.worktrees()?;
        Ok(all.into_iter().filter(|worktree| worktree.branch.as_ref() == Some(branch)).collect())
    }

    /// Whom the user's commits are by, as configured or given in the environment; `None` when neither says.
    pub fn identity(&self) -> Result<Option<Identity>, GitError> {
        let call =
            self.git.user(&self.root).args(["-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"]);
        let named = ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"].map(|name| (name, std::env::var_os(name)));
        let call = named.into_iter().fold(call, |call, (name, value)| match value {
            Some(value) => call.env(name, value),
            None => call,
        });
        let output = call.any()?;
        Ok((output.code == 0).then(|| parse_identity(&output.text())).flatten())
    }

    /// Files of the checkout that differ from what is committed, at most a thousand. Writes nothing.
    pub fn dirty(&self) -> Result<Vec<String>, GitError> {
        if self.layout == Layout::Bare { Ok(Vec::new()) } else { dirty_in(&self.git, &self.root) }
    }

    /// What the user is in the middle of in this checkout, if anything.
    pub fn in_progress(&self) -> Option<&'static str> {
        let marks = [
            ("rebase-merge", "a rebase"),
            ("rebase-apply", "a rebase"),
            ("MERGE_HEAD", "a merge"),
            ("CHERRY_PICK_HEAD", "a cherry-pick"),
            ("REVERT_HEAD", "a revert"),
            ("BISECT_LOG", "a bisection"),
        ];
        marks.iter().find(|(mark, _)| self.git_dir.join(mark).exists()).map(|(_, what)| *what)
    }
}

/// Files of a checkout that differ from what is committed. Writes nothing.
pub(crate) fn dirty_in(git: &Git, worktree: &Path) -> Result<Vec<String>, GitError> {
    let call = git.user(worktree).args(status::ARGS);
    let output = call.clone().run()?;
    let entries = status::parse(&output.stdout).ok_or_else(|| call.unexpected("status"))?;
    Ok(entries.iter().take(DIRTY_SHOWN).map(|entry| shown(&entry.path)).collect())
}

fn plain_path(path: &Path) -> Result<(), DiscoverError> {
    let plain = path.to_str().is_some_and(|text| !text.chars().any(char::is_control));
    if plain { Ok(()) } else { Err(DiscoverError::BadPath { path: path.to_owned() }) }
}

fn not_found(error: GitError, start: &Path) -> DiscoverError {
    let path = start.to_owned();
    if error.stderr().contains("dubious ownership") {
        DiscoverError::ForeignOwner { path }
    } else if error.stderr().contains("not a git repository") {
        DiscoverError::NotARepository { path }
    } else {
        DiscoverError::Git(error)
    }
}

/// The branch that a rebase or bisection in this checkout will come back to: git lists such a checkout as detached.
fn busy_branch(worktree: &Path) -> Option<(Branch, &'static str)> {
    let git_dir = git_dir_of(worktree)?;
    let marks = [
        ("rebase-merge/head-name", "a rebase"),
        ("rebase-apply/head-name", "a rebase"),
        ("BISECT_START", "a bisection"),
    ];
    marks.iter().find_map(|(mark, what)| {
        let text = fs::read_to_string(git_dir.join(mark)).ok()?;
        let name = text.trim();
        Some((Branch::new(name.strip_prefix("refs/heads/").unwrap_or(name)), *what))
    })
}

fn git_dir_of(worktree: &Path) -> Option<PathBuf> {
    let dot_git = worktree.join(".git");
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    let text = fs::read_to_string(dot_git).ok()?;
    Some(worktree.join(text.strip_prefix("gitdir: ")?.trim_end_matches('\n')))
}

fn parse_identity(text: &str) -> Option<Identity> {
    let (name, rest) = text.split_once(" <")?;
    let (email, _) = rest.rsplit_once("> ")?;
    Some(Identity { name: name.to_owned(), email: email.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_without_its_date() {
        let plain = parse_identity("Ada Lovelace <ada@x.org> 1700000000 +0100").unwrap();
        assert_eq!((plain.name.as_str(), plain.email.as_str()), ("Ada Lovelace", "ada@x.org"));
    }
}
