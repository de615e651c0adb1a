//! The work of a run's tasks as it stands now: as it was measured last or, where somebody is at it, with what they have
//! committed since. Nothing is written, neither into the user's repository nor into a workspace.

use super::found::Found;
use super::site::Site;
use crate::error::AppError;
use ppe_adapters::git::radar::Radar;
use ppe_adapters::git::scratch::Scratch;
use ppe_adapters::git::{Repo, diff, lane};
use ppe_adapters::radar::{self, LookError, Looked};
use ppe_core::ids::CommitId;
use ppe_core::state::{Closure, Conflict};
use ppe_engine::ports::{Branches, WorkAt, work_of};

pub(crate) use ppe_adapters::radar::{Found as Work, Seen};

/// How long a screen may wait for what it can do without, ms.
const AT_ONCE_MS: u64 = 500;
/// As many git processes as one look at all branches takes.
const GIT_CALLS: u64 = 5;

/// Tries all branches of tasks that are not over with each other and with the target.
pub(crate) fn conflicts(repo: &Repo, found: &Found) -> Result<Looked, AppError> {
    Ok(radar::look(repo, &found.dir, &Branches::of(&found.state), &mut Radar::default())?)
}

/// The same for a screen that has no time: of what was measured, and nothing where that would take long.
pub(crate) fn conflicts_at_once(site: &Site, found: &Found, known: &mut Radar) -> Vec<Conflict> {
    let mut repo = site.repo.clone();
    repo.git = repo.git.with_limit_ms(AT_ONCE_MS / GIT_CALLS);
    let mut branches = Branches::of(&found.state);
    branches.works.retain(|work| work.at == WorkAt::Measured);
    radar::look(&repo, &found.dir, &branches, known).map_or_else(|_| Vec::new(), |seen| seen.conflicts())
}

impl From<LookError> for AppError {
    fn from(error: LookError) -> Self {
        Self::environment(error)
    }
}

/// What a task changes, seen from where it left the target.
pub(crate) struct TaskChange {
    /// Its work.
    pub(crate) work: Work,
    /// The commit that it is seen from.
    pub(crate) base: CommitId,
    /// Its commits, oldest first.
    pub(crate) commits: Vec<diff::Commit>,
    /// The paths it changes.
    pub(crate) files: Vec<diff::Change>,
    scratch: Scratch,
}

impl TaskChange {
    /// The change as a patch.
    pub(crate) fn patch(&self) -> Result<String, AppError> {
        let bytes = diff::patch(self.scratch.call(), &self.base, &self.work.tip)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The change of a task, if it has any work yet.
pub(crate) fn task_change(site: &Site, found: &Found, at: usize) -> Result<Option<TaskChange>, AppError> {
    let scratch = Scratch::new(&site.repo)?;
    let Some(work) = work_of(&found.state, at) else { return Ok(None) };
    let work = radar::find(&scratch, &found.dir, &work)?;
    let base = base_of(site, found, at, &work.tip, &scratch)?;
    let commits = diff::commits(scratch.call(), &[base.as_str()], &work.tip)?;
    let files = diff::between(scratch.call(), &base, &work.tip)?;
    Ok(Some(TaskChange { work, base, commits, files, scratch }))
}

/// Where the work began, if it is stacked on others'; else where it left the target: as that was just before it landed,
/// or as it is now.
fn base_of(
    site: &Site,
    found: &Found,
    at: usize,
    tip: &CommitId,
    scratch: &Scratch,
) -> Result<CommitId, AppError> {
    let state = &found.state;
    let stood_on = state.stack(at).and_then(|stack| stack.base.clone());
    if let Some(base) = stood_on
        && diff::fork(scratch.call(), tip, &base)?.as_ref() == Some(&base)
    {
        return Ok(base);
    }
    let before_landing = match state.tasks[at].closure() {
        Some(Closure::Landed(commit)) => site.repo.resolve(&format!("{commit}^"))?,
        _ => None,
    };
    let target = match before_landing {
        Some(commit) => commit,
        None => lane::tip(&site.repo, &state.target)?,
    };
    let fork = diff::fork(scratch.call(), tip, &target)?.filter(|fork| fork != tip);
    // Work that is in the target already left it where it began.
    let began = state.tasks[at].facts.base.clone();
    fork.or(began)
        .ok_or_else(|| AppError::environment(format!("{tip} has no commit in common with {}", state.target)))
}
