//! Execute a plan: pre-flight, one question, then the run.

use super::args::RunArgs;
use super::drive::{self, Drive};
use super::screen::opening;
use super::ui::{Terminal, Ui};
use super::{doctor, runtime};
use crate::error::{AppError, EXIT_DONE};
use crate::findings::{self, written};
use crate::wiring::{
    CheckLevel, Names, Preflight, Prepared, RunDir, Site, Wanted, create_run, first_starts, judge_target,
    launch, prepare, verdict_check,
};
use ppe_core::ids::{Millis, RunId, TaskId};
use ppe_core::input::{Input, Observed, Start};
use ppe_core::outcome::Verdict;
use ppe_core::plan::Selection;
use ppe_core::state::{Assignment, State};
use ppe_core::text::shown;
use ppe_core::view::{Outside, view};
use ppe_engine::run_loop::Stay;
use std::sync::Arc;

/// Executes a plan.
pub(super) fn run(args: RunArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let mut wanted = wanted(&args);
    let site = wanted.site(&args.repo)?;
    let prepared = prepare(&site, &wanted)?;
    wanted.no_board |= goes_without_board(&prepared, &args, ui)?;
    let begun = prepared.preview();
    let mut lines = opening(&view(&begun, Millis(0), &Outside::default()));
    // The last two, a gap and "Launching", are said when it is so.
    let launching = lines.split_off(lines.len().saturating_sub(2));
    for line in lines {
        ui.data(&line);
    }
    let text = written(|out| findings::list(out, &prepared.findings));
    if !text.is_empty() {
        ui.talk(text.trim_end());
    }
    for check in prepared.preflight.checks.iter().filter(|c| c.level == CheckLevel::Warning) {
        doctor::tell(check, ui);
    }
    if let Some(error) = prepared.preflight.stop() {
        return Err(error);
    }
    if args.dry_run {
        say_first_starts(&begun, ui);
        return Ok(EXIT_DONE);
    }
    ui.talk(&prepared.in_words(&site));
    if !args.yes && !ui.confirm("Start?") {
        return Err(AppError::usage("not started").hint("`--yes` starts without asking"));
    }
    if args.detach {
        // Who starts it in the background thinks it through anew.
        drop(prepared);
        return drive::detach(&site, "run", &wanted.arguments(&args.repo), ui);
    }
    begin(&args, &wanted, &site, prepared, &launching, ui)
}

fn wanted(args: &RunArgs) -> Wanted {
    let ids = |names: &[String]| -> Vec<TaskId> { names.iter().map(|n| TaskId::new(n.as_str())).collect() };
    let all = |names: &[Names]| names.iter().flat_map(|Names(names)| names.clone()).collect();
    let selecting = &args.selecting;
    let selection = Selection {
        only: ids(&selecting.only),
        waves: selecting.wave.clone(),
        quarters: all(&selecting.quarter),
        modules: all(&selecting.module),
        limit: selecting.limit,
        with_deps: selecting.with_deps,
        done: ids(&selecting.done).into_iter().collect(),
    };
    let again = ids(&selecting.again).into_iter().collect();
    let flags = [args.overrides.flags(), args.written_in.flags()].concat();
    Wanted { plan: args.plan.clone(), flags, no_board: args.no_board, selection, again }
}

/// Says what the board says; without its word the user is asked whether the run is to go without it. A yes is worth
/// what `--no-board` is.
fn goes_without_board(prepared: &Prepared, args: &RunArgs, ui: &mut Ui) -> Result<bool, AppError> {
    for line in &prepared.board {
        ui.talk(line);
    }
    let Some(lost) = &prepared.board_lost else { return Ok(false) };
    ui.talk(&format!("warning: {}", lost.message));
    let what = match args.selecting.only.as_slice() {
        [] => format!("all {} tasks", prepared.plan.tasks.len()),
        named => named.join(", "),
    };
    if args.dry_run || (!args.yes && ui.confirm(&format!("Run {} without it?", shown(&what)))) {
        return Ok(true);
    }
    Err(lost.clone())
}

/// Says who would start at once, and on what, in the order of their starts.
fn say_first_starts(state: &State, ui: &mut Ui) {
    ui.data("Would start at once:");
    for first in first_starts(state) {
        let Assignment { agent, model, .. } = &first.worker;
        let model = model.as_ref().map_or_else(String::new, |model| format!(", model {model}"));
        let line = format!("  {} {} (agent {agent}{model}), on {}", first.task, first.title, first.branch);
        ui.data(&shown(&line));
    }
    ui.talk("nothing was started; `ppe plan prompt ID` prints what an agent would be told");
}

fn begin(
    args: &RunArgs,
    wanted: &Wanted,
    site: &Site,
    prepared: Prepared,
    launching: &[String],
    ui: &mut Ui,
) -> Result<u8, AppError> {
    let Prepared { plan, source, preflight, cards, start, lock, .. } = prepared;
    let (dir, id, log) = create_run(site, &plan, &source, &jiff::Zoned::now())?;
    if wanted.no_board {
        std::fs::write(dir.no_board(), "")?;
    }
    lock.is_for(&id);
    let runtime = runtime()?;
    let green = runtime.block_on(judge(site, &preflight, &dir, &id, ui))?.then(|| preflight.tree.clone());
    let start = Start { run: id.clone(), green, ..start };
    for line in launching {
        ui.data(line);
    }
    let state = State::new(Arc::new(plan));
    let drive = Drive::new(site, &dir, stay(args.plain, ui), args.plain);
    let end = runtime.block_on(async {
        let launched = launch(site, &dir, &id, log, state, drive.stay)?;
        // Whose the cards are is known from the start on, whatever their titles become.
        let board = Input::Observed(Observed::Board { cards, text_kept: Vec::new() });
        drive::drive(drive, launched, vec![Input::Start(Box::new(start)), board], ui).await
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
