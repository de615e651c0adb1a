//! A start that is thought through: the plan, the pre-flight, the tasks, and what the run will look like. Starts nothing.

mod board;

use super::Site;
use super::found::Found;
use super::names::one_name;
use super::plans::find_plan;
use super::preflight::{Preflight, preflight};
use super::reading::read_plan;
use super::runs::{RunLock, latest};
use crate::error::AppError;
use crate::findings::require;
use ppe_adapters::config::{BoardSettings, Flag};
use ppe_adapters::sources::Source;
use ppe_core::card::Seen;
use ppe_core::decide::{decide, start_key};
use ppe_core::ids::{Branch, Millis, RunId, TaskId};
use ppe_core::input::{Input, Start};
use ppe_core::plan::{Finding, Plan, SelectError, Selection, select};
use ppe_core::policy::{MergeStrategy, Policy};
use ppe_core::state::{Assignment, State};
use ppe_core::text::shown;
use ppe_core::wording::counted;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the user wants to be executed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The plan, where it is named.
    pub(crate) plan: Option<PathBuf>,
    /// Settings that are to be otherwise.
    pub(crate) flags: Vec<Flag>,
    /// Whether the kanban board is left alone.
    pub(crate) no_board: bool,
    /// Which tasks.
    pub(crate) selection: Selection,
    /// Tasks that are to be done anew.
    pub(crate) again: BTreeSet<TaskId>,
}

impl Wanted {
    /// The repository, with its settings as wanted.
    pub(crate) fn site(&self, repo: &Path) -> Result<Site, AppError> {
        let mut site = Site::open(repo, self.flags.clone())?;
        if self.no_board {
            site.settings.board = BoardSettings::default();
        }
        Ok(site)
    }

    /// The same as arguments of `ppe run`.
    pub(crate) fn arguments(&self, repo: &Path) -> Vec<OsString> {
        let Selection { only, waves, quarters, modules, limit, with_deps, done } = &self.selection;
        let mut arguments = place_arguments(repo, &self.flags);
        arguments.extend(self.no_board.then(|| "--no-board".into()));
        arguments.extend(only.iter().map(|id| valued("--only", id.as_str())));
        arguments.extend(waves.iter().map(|wave| valued("--wave", &wave.to_string())));
        arguments.extend(quarters.iter().map(|quarter| valued("--quarter", &one_name(quarter))));
        arguments.extend(modules.iter().map(|module| valued("--module", &one_name(module))));
        arguments.extend(limit.iter().map(|limit| valued("--limit", &limit.to_string())));
        arguments.extend(with_deps.then(|| "--with-deps".into()));
        arguments.extend(done.iter().map(|id| valued("--done", id.as_str())));
        arguments.extend(self.again.iter().map(|id| valued("--again", id.as_str())));
        if let Some(plan) = &self.plan {
            arguments.push("--".into());
            arguments.push(plan.into());
        }
        arguments
    }
}

/// A repository and settings that are to be otherwise, as arguments of a command.
pub(crate) fn place_arguments(repo: &Path, flags: &[Flag]) -> Vec<OsString> {
    let mut repo_flag = OsString::from("--repo=");
    repo_flag.push(repo);
    let settings = flags.iter().map(|flag| valued(&flag.flag, &flag.value));
    std::iter::once(repo_flag).chain(settings).collect()
}

/// A flag with its value, which cannot be taken for a flag itself.
fn valued(flag: &str, value: &str) -> OsString {
    OsString::from(format!("{flag}={value}"))
}

/// A start with everything that it needs.
pub(crate) struct Prepared {
    /// The plan.
    pub(crate) plan: Plan,
    /// Where it was read from.
    pub(crate) source: Source,
    /// What was found in it.
    pub(crate) findings: Vec<Finding>,
    /// What the board says of it, in words.
    pub(crate) board: Vec<String>,
    /// Why the board says nothing although there is one: the start is then thought through without it.
    pub(crate) board_lost: Option<AppError>,
    /// The cards of the plan's tasks as they were found.
    pub(crate) cards: Vec<Seen>,
    /// What the pre-flight found.
    pub(crate) preflight: Preflight,
    /// The run's first input, still without the run's id.
    pub(crate) start: Start,
    /// Nobody else starts one meanwhile.
    pub(crate) lock: RunLock,
}

/// A task that would start at once.
pub(crate) struct FirstStart {
    /// The task.
    pub(crate) task: TaskId,
    /// Its title.
    pub(crate) title: Arc<str>,
    /// Who would do it.
    pub(crate) worker: Assignment,
    /// On which branch.
    pub(crate) branch: Branch,
}

/// Thinks a start through. What stops it is an error, but for what the pre-flight found: see [`Preflight::stop`].
pub(crate) fn prepare(site: &Site, wanted: &Wanted) -> Result<Prepared, AppError> {
    let source = find_plan(&site.repo.root, wanted.plan.as_deref(), &site.settings)?;
    let checked = read_plan(&source)?;
    let findings = checked.findings.clone();
    let plan = require(checked)?;
    let lock = alone(site)?;
    let mut board = board::consult(site, &plan, &wanted.selection.only)?;
    let done = wanted.selection.done.iter().chain(&board.done).cloned().collect();
    let preflight = preflight(site, Some(&plan), &done, &wanted.again)?;
    if wanted.selection.only.is_empty() && !wanted.selection.with_deps {
        let done = preflight.before.iter().map(|before| before.task.clone()).collect();
        board.leave_out_waiting(&plan, &done)?;
    }
    let selected = selected(&plan, &wanted.selection, board.only, &preflight, site)?;
    let start = Start {
        run: RunId::new("preview"),
        target: preflight.target.clone(),
        target_tip: preflight.tip.clone(),
        green: None,
        policy: Policy { prompt: preflight.prompt.clone(), ..site.settings.policy.clone() },
        selected,
        before: preflight.before.clone(),
    };
    let board::Said { lines, lost, cards, .. } = board;
    Ok(Prepared { plan, source, findings, board: lines, board_lost: lost, cards, preflight, start, lock })
}

impl Prepared {
    /// What the run will look like the moment it begins.
    pub(crate) fn preview(&self) -> State {
        let mut state = State::new(Arc::new(self.plan.clone()));
        drop(decide(&mut state, Millis(0), Input::Start(Box::new(self.start.clone()))));
        state
    }

    /// What is about to happen, in a sentence.
    pub(crate) fn in_words(&self, site: &Site) -> String {
        let policy = &site.settings.policy;
        format!(
            "{}: {}, {} at once, by agent `{}`; changes on {}, merged ({}) into {} of {}",
            shown(&self.plan.name),
            counted(self.start.selected.len(), "task"),
            policy.slots,
            policy.agent,
            super::forge::in_words(site),
            strategy_word(policy.merge_strategy),
            self.preflight.target,
            site.repo.root.display()
        )
    }
}

/// Who would start at once, in the order of their starts.
pub(crate) fn first_starts(state: &State) -> Vec<FirstStart> {
    let mut first: Vec<usize> = state.busy().chain(state.ready()).collect();
    first.sort_by_key(|at| (state.tasks[*at].running().is_none(), start_key(state, *at)));
    first.truncate(state.policy.slots as usize);
    let start = |at: usize| {
        let task = &state.plan.tasks[at];
        FirstStart {
            task: task.spec.id.value.clone(),
            title: task.spec.title.clone(),
            worker: state.assignment(at),
            branch: Branch::new(&*task.branch_name),
        }
    };
    first.into_iter().map(start).collect()
}

/// One run at a time: neither beside a live one nor beside one that can be resumed.
fn alone(site: &Site) -> Result<RunLock, AppError> {
    let lock = RunLock::for_new_run(site)?;
    match latest(site, None)?.filter(Found::is_unfinished) {
        Some(found) => Err(AppError::environment(format!("run {} is unfinished", found.id))
            .hint("`ppe resume` goes on with it")
            .hint("`ppe stop --cancel` ends it for good; then `ppe run` starts a new one")),
        None => Ok(lock),
    }
}

fn selected(
    plan: &Plan,
    wanted: &Selection,
    of_board: Vec<TaskId>,
    found: &Preflight,
    site: &Site,
) -> Result<Vec<TaskId>, AppError> {
    let done = found.before.iter().map(|b| b.task.clone()).collect();
    // Who names tasks means them, wherever their cards stand.
    let only = if wanted.only.is_empty() { of_board } else { wanted.only.clone() };
    let selection = Selection { only, done, ..wanted.clone() };
    let chosen = select(plan, site.settings.policy.order, &selection).map_err(|error| {
        let hint = "`--with-deps` takes in what they depend on; `--done ID` says what is done already";
        match error {
            SelectError::Unmet(_) => AppError::usage(error).hint(hint),
            SelectError::Unknown(_) | SelectError::Nothing => AppError::usage(error),
        }
    })?;
    Ok(plan.tasks.iter().map(|t| t.spec.id.value.clone()).filter(|id| chosen.contains(id)).collect())
}

/// A merge strategy as the user names it.
pub(crate) fn strategy_word(strategy: MergeStrategy) -> &'static str {
    match strategy {
        MergeStrategy::Independent => "independent",
        MergeStrategy::Priority => "priority",
        MergeStrategy::Batch => "batch",
        MergeStrategy::Speculative => "speculative",
    }
}
