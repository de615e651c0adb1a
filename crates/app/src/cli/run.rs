//! Execute a plan: pre-flight, one question, then the run.

mod board;

use super::args::{RunArgs, Selecting};
use super::drive::{self, Drive};
use super::plan::{require, written};
use super::screen::opening;
use super::ui::{Terminal, Ui};
use super::{doctor, plan_text, runtime};
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{
    BoardSettings, CheckLevel, Found, Preflight, RunDir, RunLock, Site, Source, create_run, find_plan,
    forge_in_words, judge_target, latest, launch, preflight, read_plan, verdict_check,
};
use ppe_core::decide::{decide, start_key};
use ppe_core::ids::{Millis, RunId, TaskId};
use ppe_core::input::{Input, Start};
use ppe_core::outcome::Verdict;
use ppe_core::plan::{Plan, SelectError, Selection, select};
use ppe_core::policy::Policy;
use ppe_core::state::{Assignment, State};
use ppe_core::text::shown;
use ppe_core::view::{Outside, view};
use ppe_engine::run_loop::Stay;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Executes a plan.
pub(super) fn run(args: RunArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let mut site = Site::open(&args.repo, [args.overrides.flags(), args.written_in.flags()].concat())?;
    if args.no_board {
        site.settings.board = BoardSettings::default();
    }
    let source = find_plan(&site.repo.root, args.plan.as_deref(), &site.settings)?;
    let checked = read_plan(&source)?;
    let findings = checked.findings.clone();
    let plan = require(checked)?;
    refuse_beside_another(&site)?;
    let board = board::consult(&site, &plan, &args, ui)?;
    let ids = |names: &[String]| names.iter().map(|n| TaskId::new(n.as_str())).collect::<BTreeSet<_>>();
    let mut done = ids(&args.selecting.done);
    done.extend(board.done);
    let found = preflight(&site, Some(&plan), &done, &ids(&args.selecting.again))?;
    let selected = selection(&plan, &args.selecting, board.only, &found, &site)?;
    let start = Start {
        run: RunId::new("preview"),
        target: found.target.clone(),
        target_tip: found.tip.clone(),
        green: None,
        policy: Policy { prompt: found.prompt.clone(), ..site.settings.policy.clone() },
        selected,
        before: found.before.clone(),
    };
    let begun = preview(&plan, start.clone());
    let mut lines = opening(&view(&begun, Millis(0), &Outside::default()));
    // The last two, a gap and "Launching", are said when it is so.
    let launching = lines.split_off(lines.len().saturating_sub(2));
    for line in lines {
        ui.data(&line);
    }
    let text = written(|out| plan_text::findings(out, &findings));
    if !text.is_empty() {
        ui.talk(text.trim_end());
    }
    for check in found.checks.iter().filter(|c| c.level == CheckLevel::Warning) {
        doctor::tell(check, ui);
    }
    if let Some(error) = found.stop() {
        return Err(error);
    }
    if args.dry_run {
        say_first_starts(&begun, ui);
        return Ok(EXIT_DONE);
    }
    confirm(&args, &site, &found, (&plan.name, start.selected.len()), ui)?;
    if args.detach {
        return drive::detach(&site, "run", ui);
    }
    begin(&args, &site, (plan, &source, start), &found, &launching, ui)
}

/// What the run will look like the moment it begins.
fn preview(plan: &Plan, start: Start) -> State {
    let mut state = State::new(Arc::new(plan.clone()));
    drop(decide(&mut state, Millis(0), Input::Start(Box::new(start))));
    state
}

/// Says who would start at once, and on what, in the order of their starts.
fn say_first_starts(state: &State, ui: &mut Ui) {
    let mut first: Vec<usize> = state.busy().chain(state.ready()).collect();
    first.sort_by_key(|at| (state.tasks[*at].running().is_none(), start_key(state, *at)));
    ui.data("Would start at once:");
    for at in first.into_iter().take(state.policy.slots as usize) {
        let spec = &state.plan.tasks[at].spec;
        let Assignment { agent, model, .. } = state.assignment(at);
        let model = model.map_or_else(String::new, |model| format!(", model {model}"));
        let line = format!(
            "  {} {} (agent {agent}{model}), on {}",
            spec.id.value, spec.title, state.plan.tasks[at].branch_name
        );
        ui.data(&shown(&line));
    }
    ui.talk("nothing was started; `ppe plan prompt ID` prints what an agent would be told");
}

/// One run at a time: neither beside a live one nor beside one that can be resumed.
fn refuse_beside_another(site: &Site) -> Result<(), AppError> {
    // Taken and given back: the error says who has it.
    drop(RunLock::take(site, "ppe run", None)?);
    match latest(site, None)?.filter(Found::is_unfinished) {
        Some(found) => Err(AppError::environment(format!("run {} is unfinished", found.id))
            .hint("`ppe resume` goes on with it")
            .hint("`ppe stop --cancel` ends it for good; then `ppe run` starts a new one")),
        None => Ok(()),
    }
}

fn selection(
    plan: &Plan,
    args: &Selecting,
    of_board: Vec<TaskId>,
    found: &Preflight,
    site: &Site,
) -> Result<Vec<TaskId>, AppError> {
    let named: Vec<_> = args.only.iter().map(|id| TaskId::new(id.as_str())).collect();
    let selection = Selection {
        // Who names tasks means them, wherever their cards stand.
        only: if named.is_empty() { of_board } else { named },
        waves: args.wave.clone(),
        quarters: args.quarter.clone(),
        modules: args.module.clone(),
        limit: args.limit,
        with_deps: args.with_deps,
        done: found.before.iter().map(|b| b.task.clone()).collect(),
    };
    let chosen = select(plan, site.settings.policy.order, &selection).map_err(|error| {
        let hint = "`--with-deps` takes in what they depend on; `--done ID` says what is done already";
        match error {
            SelectError::Unmet(_) => AppError::usage(error).hint(hint),
            SelectError::Unknown(_) | SelectError::Nothing => AppError::usage(error),
        }
    })?;
    Ok(plan.tasks.iter().map(|t| t.spec.id.value.clone()).filter(|id| chosen.contains(id)).collect())
}

fn confirm(
    args: &RunArgs,
    site: &Site,
    found: &Preflight,
    (plan, tasks): (&str, usize),
    ui: &mut Ui,
) -> Result<(), AppError> {
    let policy = &site.settings.policy;
    ui.talk(&format!(
        "{}: {tasks} {}, {} at once, by agent `{}`; changes on {}, merged ({}) into {} of {}",
        shown(plan),
        if tasks == 1 { "task" } else { "tasks" },
        policy.slots,
        policy.agent,
        forge_in_words(site),
        strategy_word(policy.merge_strategy),
        found.target,
        site.repo.root.display()
    ));
    if args.yes || ui.confirm("Start?") {
        return Ok(());
    }
    Err(AppError::usage("not started").hint("`--yes` starts without asking"))
}

/// A merge strategy as the user names it.
pub(super) fn strategy_word(strategy: ppe_core::policy::MergeStrategy) -> &'static str {
    match strategy {
        ppe_core::policy::MergeStrategy::Independent => "independent",
        ppe_core::policy::MergeStrategy::Priority => "priority",
        ppe_core::policy::MergeStrategy::Batch => "batch",
        ppe_core::policy::MergeStrategy::Speculative => "speculative",
    }
}

fn begin(
    args: &RunArgs,
    site: &Site,
    (plan, source, start): (Plan, &Source, Start),
    found: &Preflight,
    launching: &[String],
    ui: &mut Ui,
) -> Result<u8, AppError> {
    let (dir, id, log) = create_run(site, &plan, source, &jiff::Zoned::now())?;
    let _lock = RunLock::take(site, "ppe run", Some(&id))?;
    let runtime = runtime()?;
    let green = runtime.block_on(judge(site, found, &dir, &id, ui))?.then(|| found.tree.clone());
    let start = Start { run: id.clone(), green, ..start };
    for line in launching {
        ui.data(line);
    }
    let state = State::new(Arc::new(plan));
    let drive = Drive::new(site, &dir, stay(args.plain, ui), args.plain);
    let end = runtime.block_on(async {
        let launched = launch(site, &dir, &id, log, state, drive.stay)?;
        drive::drive(drive, launched, vec![Input::Start(Box::new(start))], ui).await
    });
    // Whoever still waits for a job that goes on is not waited for.
    runtime.shutdown_background();
    end
}

/// On a terminal a run stays up while the user is needed.
pub(super) fn stay(plain: bool, ui: &Ui) -> Stay {
    if ui.terminal == Terminal::Yes && !plain { Stay::UntilOver } else { Stay::UntilRest }
}

async fn judge(
    site: &Site,
    found: &Preflight,
    dir: &RunDir,
    id: &RunId,
    ui: &mut Ui,
) -> Result<bool, AppError> {
    if site.settings.verify.is_empty() && site.settings.checks().is_empty() {
        return Ok(true);
    }
    ui.talk(&format!("checking {} as it is", found.target));
    let verdict = judge_target(site, found, dir, id).await?;
    if verdict == Verdict::Green {
        return Ok(true);
    }
    let check = verdict_check(&verdict);
    let error = AppError::environment(format!("{} cannot be built on: {}", found.target, check.text));
    Err(check.hint.iter().fold(error, super::super::error::AppError::hint))
}
