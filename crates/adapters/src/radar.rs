//! The branches of a run held against each other, in the words of the engine's port. What is committed in a workspace
//! counts, without anything of it being run.
//!
//! Knows nothing of when a look is worth its while.

use crate::git::ours::{OursError, Whereabouts};
use crate::git::radar::{self, Pair, Tip};
use crate::git::scratch::Scratch;
use crate::git::{GitError, Repo, lane};
use crate::state_dir::RunDir;
use ppe_core::ids::{Branch, CommitId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::state::{Conflict, Touched};
use ppe_engine::ports::{Branches, Radar, Work, WorkAt};
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

/// How long one call of git may take, ms.
const CALL_MS: u64 = 30_000;
/// Workspaces that are looked into at once.
const AT_ONCE: usize = 4;

/// A task's work as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The task.
    pub task: TaskId,
    /// Its branch.
    pub branch: Branch,
    /// The commit that holds it.
    pub tip: CommitId,
    /// How it was found.
    pub seen: Seen,
}

/// How a task's work was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// As it was measured when somebody was last at it.
    Measured,
    /// In its workspace: whoever works there may have more to come.
    AtWork,
    /// As it was measured, for its workspace cannot be read.
    Unreadable(String),
}

/// Why branches could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The target.
    #[error(transparent)]
    Lane(#[from] lane::LaneError),
    /// A place for what is only looked at.
    #[error("no place to look at branches in: {0}")]
    Io(#[from] std::io::Error),
}

/// What a look found.
#[derive(Debug)]
pub struct Looked {
    /// The work that was looked at.
    pub works: Vec<Found>,
    /// The branches that do not merge; the target is among them.
    pub pairs: Vec<Pair>,
}

impl Looked {
    /// Whose branch it is; none for the target.
    pub fn task(&self, branch: &Branch) -> Option<&TaskId> {
        self.works.iter().find(|work| work.branch == *branch).map(|work| &work.task)
    }

    /// The pairs by their tasks.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let tasks = |pair: &Pair| pair.branches.iter().filter_map(|b| self.task(b).cloned()).collect();
        let conflict = |pair: &Pair| Conflict {
            tasks: tasks(pair),
            files: pair.files.clone(),
            file_count: u32::try_from(pair.files.len()).unwrap_or(u32::MAX),
        };
        self.pairs.iter().map(conflict).collect()
    }
}

/// Finds a task's work: what was measured or, where somebody is at it, what they have committed since.
pub fn find(scratch: &Scratch, dir: &RunDir, work: &Work) -> Result<Found, LookError> {
    let found =
        |tip: CommitId, seen| Found { task: work.task.clone(), branch: work.branch.clone(), tip, seen };
    if work.at == WorkAt::Measured {
        return Ok(found(work.tip.clone(), Seen::Measured));
    }
    let glance = match scratch.glance(&dir.workspace(&work.task), &work.branch, &work.tip) {
        Ok(glance) => glance,
        Err(OursError::Git(error)) if !error.is_refusal() => return Err(error.into()),
        Err(error) => return Ok(found(work.tip.clone(), Seen::Unreadable(error.to_string()))),
    };
    Ok(match glance.found.at {
        Whereabouts::Unreadable { why } => found(work.tip.clone(), Seen::Unreadable(why)),
        Whereabouts::OnBranch | Whereabouts::Elsewhere { .. } | Whereabouts::Detached => {
            found(glance.tip, Seen::AtWork)
        }
    })
}

/// Finds the work of all, several at once: each look into a workspace is a few git processes that mostly wait.
fn find_all(scratch: &Scratch, dir: &RunDir, works: &[Work]) -> Result<Vec<Found>, LookError> {
    let share = works.len().div_ceil(AT_ONCE).max(1);
    let find_part = |part: &[Work]| -> Result<Vec<Found>, LookError> {
        part.iter().map(|work| find(scratch, dir, work)).collect()
    };
    let find_part = &find_part;
    let parts = std::thread::scope(|scope| {
        let parts: Vec<_> = works.chunks(share).map(|part| scope.spawn(move || find_part(part))).collect();
        parts.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut found = Vec::with_capacity(works.len());
    for part in parts {
        found.extend(part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    Ok(found)
}

/// Tries all branches with each other and with the target.
pub fn look(
    repo: &Repo,
    dir: &RunDir,
    branches: &Branches,
    known: &mut radar::Radar,
) -> Result<Looked, LookError> {
    look_in(&Scratch::new(repo)?, repo, dir, branches, known).map(|(looked, _)| looked)
}

fn look_in(
    scratch: &Scratch,
    repo: &Repo,
    dir: &RunDir,
    branches: &Branches,
    known: &mut radar::Radar,
) -> Result<(Looked, CommitId), LookError> {
    let works = find_all(scratch, dir, &branches.works)?;
    let target = lane::tip(repo, &branches.target)?;
    let tip = |found: &Found| Tip { branch: found.branch.clone(), commit: found.tip.clone() };
    let of_target = Tip { branch: branches.target.clone(), commit: target.clone() };
    let tips: Vec<Tip> = works.iter().map(tip).chain([of_target]).collect();
    let pairs = known.conflicts(scratch, &tips)?;
    Ok((Looked { works, pairs }, target))
}

/// The radar of one run.
#[derive(Clone)]
pub struct RunRadar {
    repo: Repo,
    dir: RunDir,
    known: Arc<Mutex<radar::Radar>>,
}

impl RunRadar {
    /// The radar of the run in this folder.
    pub fn new(repo: &Repo, dir: &RunDir) -> Self {
        let mut repo = repo.clone();
        repo.git = repo.git.with_limit_ms(CALL_MS);
        Self { repo, dir: dir.clone(), known: Arc::default() }
    }

    fn observe(&self, branches: &Branches) -> Result<Observed, LookError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = Scratch::new(&self.repo)?;
        let (looked, target) = look_in(&scratch, &self.repo, &self.dir, branches, &mut known)?;
        let tips: Vec<CommitId> = looked.works.iter().map(|work| work.tip.clone()).collect();
        let files = radar::touched(&scratch, &tips, &target)?;
        let touched = |work: &Found| {
            let files = files.get(&work.tip)?.clone();
            Some(Touched { task: work.task.clone(), files })
        };
        let touched = looked.works.iter().filter_map(touched).collect();
        Ok(Observed::Branches { conflicts: looked.conflicts(), touched })
    }
}

impl Radar for RunRadar {
    async fn look(&self, branches: Branches) -> Result<Observed, Trouble> {
        let this = self.clone();
        let looked = tokio::task::spawn_blocking(move || this.observe(&branches)).await;
        looked.map_err(machine)?.map_err(machine)
    }
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}
