//! The work of a run's tasks as it stands now: as it was measured last or, where somebody is at it, with what they have
//! committed since. Nothing is written, neither into the user's repository nor into a workspace.

use super::runs::Found;
use super::site::Site;
use crate::error::AppError;
use ppe_adapters::git::ours::{OursError, Whereabouts};
use ppe_adapters::git::radar::{Pair, Radar, Tip};
use ppe_adapters::git::scratch::Scratch;
use ppe_adapters::git::{Repo, diff, lane};
use ppe_core::ids::{Branch, CommitId, TaskId};
use ppe_core::state::{Closure, Park, Phase, Step, Task};
use ppe_core::view::Conflict;

/// How long a screen may wait for what it can do without, ms.
const AT_ONCE_MS: u64 = 500;
/// As many git processes as one look at all branches takes.
const GIT_CALLS: u64 = 5;

/// A task's work.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The task.
    pub(crate) task: TaskId,
    /// Its branch.
    pub(crate) branch: Branch,
    /// The commit that holds it.
    pub(crate) tip: CommitId,
    /// How it was found.
    pub(crate) seen: Seen,
}

/// How a task's work was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// As it was measured when somebody was last at it.
    Measured,
    /// In its workspace: whoever works there may have more to come.
    AtWork,
    /// As it was measured, for its workspace cannot be read.
    Unreadable(String),
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// At what was measured: quick.
    Measured,
    /// Into the workspaces where somebody is at work as well.
    Workspaces,
}

/// A task's work, if there is any yet.
fn work_of(found: &Found, at: usize, reach: Reach, scratch: &Scratch) -> Result<Option<Work>, AppError> {
    let (task, state) = (found.state.id(at), &found.state.tasks[at]);
    let Some(branch) = state.facts.branch.clone() else { return Ok(None) };
    let work = |tip: CommitId, seen| Some(Work { task: task.clone(), branch: branch.clone(), tip, seen });
    let measured = state.facts.tip.clone();
    let known = measured.as_ref().or(state.facts.base.as_ref());
    let Some(known) = known.filter(|_| reach == Reach::Workspaces && is_worked_at(state)) else {
        return Ok(measured.and_then(|tip| work(tip, Seen::Measured)));
    };
    let glance = match scratch.glance(&found.dir.workspace(task), &branch, known) {
        Ok(glance) => glance,
        Err(OursError::Git(error)) if !error.is_refusal() => return Err(error.into()),
        Err(error) => return Ok(work(known.clone(), Seen::Unreadable(error.to_string()))),
    };
    Ok(match glance.found.at {
        Whereabouts::Unreadable { why } => work(known.clone(), Seen::Unreadable(why)),
        Whereabouts::OnBranch | Whereabouts::Elsewhere { .. } | Whereabouts::Detached => {
            work(glance.tip, Seen::AtWork)
        }
    })
}

/// Whether its workspace may hold more than was measured: an attempt runs there, or a person took it.
fn is_worked_at(task: &Task) -> bool {
    match &task.step {
        Step::Running(running) => running.phase != Phase::Starting,
        Step::Parked { park, .. } => *park == Park::Taken,
        Step::Outside
        | Step::Waiting
        | Step::Ready { .. }
        | Step::Backoff { .. }
        | Step::Publishing
        | Step::Published
        | Step::Open
        | Step::InLane
        | Step::Held { .. }
        | Step::Closed(_) => false,
    }
}

/// Branches that do not merge.
pub(crate) struct Conflicts {
    /// The work that was looked at: of each task that is not over and has some.
    pub(crate) works: Vec<Work>,
    /// The pairs; the target is among them.
    pub(crate) pairs: Vec<Pair>,
}

/// Tries all branches of tasks that are not over with each other and with the target.
pub(crate) fn conflicts(
    repo: &Repo,
    found: &Found,
    reach: Reach,
    radar: &mut Radar,
) -> Result<Conflicts, AppError> {
    let scratch = Scratch::new(repo)?;
    let state = &found.state;
    let mut works = Vec::new();
    for at in (0..state.tasks.len()).filter(|at| !state.tasks[*at].is_closed()) {
        works.extend(work_of(found, at, reach, &scratch)?);
    }
    let target = Tip { branch: state.target.clone(), commit: lane::tip(repo, &state.target)? };
    let of_work = |work: &Work| Tip { branch: work.branch.clone(), commit: work.tip.clone() };
    let tips: Vec<Tip> = works.iter().map(of_work).chain([target]).collect();
    let pairs = radar.conflicts(&scratch, &tips)?;
    Ok(Conflicts { works, pairs })
}

impl Conflicts {
    /// Whose branch it is; none for the target.
    pub(crate) fn task(&self, branch: &Branch) -> Option<&TaskId> {
        self.works.iter().find(|work| work.branch == *branch).map(|work| &work.task)
    }
}

/// The same for a screen that has no time: of what was measured, and nothing where that would take long.
pub(crate) fn conflicts_at_once(site: &Site, found: &Found, radar: &mut Radar) -> Vec<Conflict> {
    let mut repo = site.repo.clone();
    repo.git = repo.git.with_limit_ms(AT_ONCE_MS / GIT_CALLS);
    let Ok(seen) = conflicts(&repo, found, Reach::Measured, radar) else { return Vec::new() };
    let tasks = |pair: &Pair| pair.branches.iter().filter_map(|b| seen.task(b).cloned()).collect();
    seen.pairs.iter().map(|pair| Conflict { tasks: tasks(pair), files: pair.files.clone() }).collect()
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
    let Some(work) = work_of(found, at, Reach::Workspaces, &scratch)? else { return Ok(None) };
    let base = base_of(site, found, at, &work.tip, &scratch)?;
    let commits = diff::commits(scratch.call(), &base, &work.tip)?;
    let files = diff::between(scratch.call(), &base, &work.tip)?;
    Ok(Some(TaskChange { work, base, commits, files, scratch }))
}

/// Where the work left the target: as it was just before it landed, or as it is now.
fn base_of(
    site: &Site,
    found: &Found,
    at: usize,
    tip: &CommitId,
    scratch: &Scratch,
) -> Result<CommitId, AppError> {
    let state = &found.state;
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
