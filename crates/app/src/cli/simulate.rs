//! A plan in virtual time: what the schedule could give, beside what no schedule can beat.
//!
//! Nothing is started and nothing is written. Knows plans of tasks and lists of jobs, not how either is executed.

use super::args::SimulateArgs;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::findings::require;
use crate::wiring::{find_plan, flag, read_plan, settings_only, strategy_word};
use ppe_core::plan::Duration;
use ppe_core::policy::{Order, Policy};
use ppe_core::sim::{Job, Seconds, SimError, SimOptions, SimReport, simulate, simulate_jobs};
use ppe_core::text::shown;
use ppe_core::wording::{counted, span};
use std::path::Path;

/// Plays the plan.
pub(super) fn run(args: &SimulateArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let order = args.order.iter().map(|order| flag("--order", "run.order", order));
    let strategy = args.merge_strategy.iter().map(|s| flag("--merge-strategy", "merge.strategy", s));
    let flags = order.chain(strategy).chain(args.written_in.flags()).collect();
    let settings = settings_only(&args.repo, flags)?;
    let source = find_plan(&args.repo, args.plan.as_deref(), &settings)?;
    let options = SimOptions { slots: args.slots, seed: args.seed, spread_percent: args.spread };
    // A plan estimates working time; a list of jobs counts seconds of any kind.
    let (name, time, report): (_, fn(Seconds) -> String, _) = if let Some(jobs) = jobs(&source.path)? {
        (file_name(&source.path), |time| span(time.ms), simulate_jobs(&jobs, &settings.policy, options))
    } else {
        let plan = require(read_plan(&source)?)?;
        let working = |time: Seconds| Duration(time.ms.div_ceil(1_000)).to_string();
        (plan.name.to_string(), working, simulate(&plan, &settings.policy, options))
    };
    let report = report.map_err(|error| in_vain(&source.path, error))?;
    if args.json {
        ui.json(&report)?;
    } else {
        for line in lines(&name, time, &settings.policy, args.spread, &report) {
            ui.data(&line);
        }
    }
    Ok(EXIT_DONE)
}

/// The jobs of a list, or nothing if the path leads to a plan of tasks.
fn jobs(path: &Path) -> Result<Option<Vec<Job>>, AppError> {
    if !path.is_file() || path.extension().is_none_or(|extension| extension != "json") {
        return Ok(None);
    }
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| AppError::plan(format!("{} cannot be read: {error}", shown(&place))))?;
    // A plan in JSON is an object.
    if text.trim_start().starts_with('{') {
        return Ok(None);
    }
    serde_json::from_str(&text).map(Some).map_err(|error| {
        AppError::plan(format!("{} is not a list of jobs: {error}", shown(&place)))
            .hint(r#"a list of jobs is `[{"id": "a", "duration": 60, "deps": []}, …]`, durations in seconds"#)
    })
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn in_vain(path: &Path, error: SimError) -> AppError {
    match error {
        SimError::Nothing(_) | SimError::Jobs(_) => {
            AppError::plan(format!("{}: {error}", shown(&path.display().to_string())))
        }
        SimError::Stuck(_) | SimError::Broken(_) => AppError::bug(error),
    }
}

fn lines(
    name: &str,
    time: fn(Seconds) -> String,
    policy: &Policy,
    spread: u32,
    report: &SimReport,
) -> Vec<String> {
    let chance = match spread {
        0 => String::new(),
        percent => format!(", each up to {percent}% shorter or longer than estimated (seed {})", report.seed),
    };
    let (order, strategy) = (order_word(policy.order), strategy_word(policy.merge_strategy));
    vec![
        format!(
            "{}: {}, {}, order {order}, merged ({strategy}){chance}",
            shown(name),
            counted(report.tasks, "task"),
            slots(report)
        ),
        String::new(),
        format!("  Makespan       {}", time(report.makespan_s)),
        format!("  Lower bound    {}, which no schedule can beat", time(report.lower_bound_s)),
        format!("  Ratio          {:.2}", report.ratio),
        format!("  Total work     {}", time(report.total_work_s)),
        format!("  Critical path  {}", time(report.critical_path_s)),
        format!("  At work        {} at once at most", report.peak),
    ]
}

fn slots(report: &SimReport) -> String {
    counted(report.slots, "slot")
}

fn order_word(order: Order) -> &'static str {
    match order {
        Order::Priority => "priority",
        Order::CriticalPath => "critical-path",
        Order::Plan => "plan",
    }
}
