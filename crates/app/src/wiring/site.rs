//! Where the program works: the repository, its settings, and its state folder.

use crate::error::AppError;
use ppe_adapters::config::{self, Flag, Settings};
use ppe_adapters::git::{Git, Repo, lane};
use ppe_adapters::state_dir::{Places, RepoState, state_root};
use ppe_core::ids::{Branch, CommitId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A repository with everything that is known about working in it.
pub(crate) struct Site {
    /// The repository.
    pub(crate) repo: Repo,
    /// The settings.
    pub(crate) settings: Settings,
    /// The folder of all state, which all repositories share.
    pub(crate) state_root: PathBuf,
    /// Its state folder.
    pub(crate) state: RepoState,
    /// The environment the program was started in.
    pub(crate) env: BTreeMap<String, String>,
}

impl Site {
    /// Opens the repository that `dir` lies in.
    pub(crate) fn open(dir: &Path, flags: Vec<Flag>) -> Result<Self, AppError> {
        let repo = Repo::discover(&Git::default(), dir)?;
        let settings = config::load(&repo.root, config::ambient(), flags)?;
        Self::of(repo, settings)
    }

    /// Opens the repository for a command on a run, whose settings were frozen when it began: a mistake in the settings
    /// as they are written now is said, and keeps nobody from steering it.
    pub(crate) fn open_run(dir: &Path, ui: &mut impl FnMut(&str)) -> Result<Self, AppError> {
        let repo = Repo::discover(&Git::default(), dir)?;
        let settings = match config::load(&repo.root, config::ambient(), Vec::new()) {
            Ok(settings) => settings,
            Err(error) => {
                ui(&format!("warning: {error}"));
                config::settle(&config::Inputs::default())?
            }
        };
        Self::of(repo, settings)
    }

    /// Works in a repository by these settings.
    pub(super) fn of(repo: Repo, settings: Settings) -> Result<Self, AppError> {
        let env = config::ambient();
        let text = |name: &str| env.get(name).map(Path::new);
        let places = Places {
            ppe_state_dir: text("PPE_STATE_DIR"),
            xdg_state_home: text("XDG_STATE_HOME"),
            home: text("HOME"),
        };
        let state_root = state_root(places)?;
        let state = RepoState::of(&state_root, &repo.common_dir)?;
        let mut site = Self { repo, settings, state_root, state, env };
        site.settle_stagger();
        Ok(site)
    }

    /// Scripted agents cost nothing to start: they are not staggered unless the user says so.
    fn settle_stagger(&mut self) {
        let by_default =
            matches!(self.settings.origin("run.stagger_ms"), None | Some(config::Origin::Default));
        if by_default && self.settings.policy.agent == "scripted" {
            self.settings.policy.stagger_ms = 0;
        }
    }

    /// The target branch: as set, else the repository's default branch, else the one that is checked out.
    pub(crate) fn target(&self) -> Result<Branch, AppError> {
        if let Some(target) = &self.settings.target {
            let branch = Branch::new(target.as_str());
            return match self.repo.tip(&branch)? {
                Some(_) => Ok(branch),
                None => Err(AppError::environment(format!("there is no branch {target} to land on"))
                    .hint(format!("make it with `git branch {target}`, or name another with `--target`"))),
            };
        }
        let found = match self.repo.current_branch()? {
            Some(branch) => Some(branch),
            None => self.repo.default_branch()?,
        };
        found.ok_or_else(|| {
            AppError::environment("no branch to land on was named and none is checked out")
                .hint("name it with `--target BRANCH`, or in ppe.toml: [repo] target = \"…\"")
        })
    }

    /// A commit the user named, proved to be in the target.
    pub(crate) fn proved_commit(&self, named: &str) -> Result<CommitId, AppError> {
        let target = self.target()?;
        let Some(commit) = self.repo.resolve(named)? else {
            return Err(AppError::usage(format!("there is no commit {named}")));
        };
        let tip = lane::tip(&self.repo, &target)?;
        if self.repo.contains(&tip, &commit)? {
            return Ok(commit);
        }
        Err(AppError::environment(format!("{named} is not in {target}"))
            .hint(format!("merge it into {target} first")))
    }

    /// Whether git ignores a path of the checkout.
    pub(crate) fn is_ignored(&self, path: &str) -> bool {
        let call = self.repo.git.user(&self.repo.root).args(["check-ignore", "--quiet", "--", path]);
        call.any().is_ok_and(|output| output.code == 0)
    }

    /// A path as the user wrote it, seen from the repository's top when it is relative and from nowhere else.
    pub(crate) fn path(&self, written: &str) -> PathBuf {
        self.repo.root.join(written)
    }
}

/// Settings outside of any repository, for commands that need none.
pub(crate) fn settings_only(dir: &Path, flags: Vec<Flag>) -> Result<Settings, AppError> {
    Ok(config::load(&top(dir), config::ambient(), flags)?)
}

/// The top of the repository that a folder is in, or the folder itself.
pub(super) fn top(dir: &Path) -> PathBuf {
    Repo::discover(&Git::default(), dir).map_or_else(|_| dir.to_owned(), |repo| repo.root)
}
