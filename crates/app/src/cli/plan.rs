//! Looking at a plan: show, check, graph, prompt; and taking an edited one into a run.

use super::args::{
    GraphFormat, PlanAdopt, PlanArgs, PlanCommand, PlanGraph, PlanPlace, PlanPrompt, PlanShow, RunOf,
};
use super::control::give;
use super::ui::Ui;
use super::{plan_graph, plan_import, plan_new, plan_text};
use crate::error::{AppError, EXIT_DONE, Kind};
use crate::findings::{require, written};
use crate::wiring::{
    Found, Site, as_it_is_now, find_plan, latest, own_template, read_plan, settings_only, template_text,
};
use ppe_core::ids::TaskId;
use ppe_core::input::Command;
use ppe_core::plan::{Checked, Difference, show};
use ppe_core::policy::Policy;
use ppe_core::text::shown;

/// Does a plan command.
pub(super) fn run(args: &PlanArgs, ui: &mut Ui) -> Result<u8, AppError> {
    match &args.command {
        PlanCommand::Show(args) => show_plan(args, ui),
        PlanCommand::Check(place) => check(place, ui),
        PlanCommand::Graph(args) => graph(args, ui),
        PlanCommand::Prompt(args) => prompt(args, ui),
        PlanCommand::Adopt(args) => adopt(args, ui),
        PlanCommand::Import(args) => plan_import::run(args, ui),
        PlanCommand::New(args) => plan_new::run(args, ui),
    }
}

fn read(place: &PlanPlace) -> Result<(Checked, Policy), AppError> {
    let settings = settings_only(&place.repo, place.written_in.flags())?;
    let source = find_plan(&place.repo, place.plan.as_deref(), &settings)?;
    Ok((read_plan(&source)?, settings.policy))
}

fn show_plan(args: &PlanShow, ui: &mut Ui) -> Result<u8, AppError> {
    let (checked, policy) = read(&args.place)?;
    let findings = checked.findings.clone();
    let plan = require(checked)?;
    if args.place.json {
        ui.json(&show::plan_document(&plan, &findings, policy.order))?;
        return Ok(EXIT_DONE);
    }
    ui.raw(&written(|out| {
        if args.order {
            plan_text::order(out, &plan, policy.order)
        } else {
            plan_text::plan(out, &plan, &findings)
        }
    }));
    Ok(EXIT_DONE)
}

fn check(place: &PlanPlace, ui: &mut Ui) -> Result<u8, AppError> {
    let (checked, _) = read(place)?;
    if place.json {
        ui.json(&show::check_document(&checked))?;
    } else {
        ui.raw(&written(|out| plan_text::check(out, &checked)));
    }
    Ok(if checked.plan.is_some() { EXIT_DONE } else { Kind::Plan.exit_code() })
}

fn graph(args: &PlanGraph, ui: &mut Ui) -> Result<u8, AppError> {
    let plan = require(read(&args.place)?.0)?;
    ui.raw(&match args.format {
        GraphFormat::Dot => written(|out| plan_graph::dot(out, &plan)),
        GraphFormat::Mermaid => written(|out| plan_graph::mermaid(out, &plan)),
        GraphFormat::Json => {
            let json = serde_json::to_string_pretty(&show::GraphDocument(&plan))? + "\n";
            ppe_core::text::shown_json(&json).into_owned()
        }
    });
    Ok(EXIT_DONE)
}

/// What the first attempt of a task would be told, or the template that it is made from.
fn prompt(args: &PlanPrompt, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&args.repo, args.written_in.flags())?;
    let Some(id) = args.task.as_deref().map(TaskId::new) else {
        ui.raw(&template_text(&site)?);
        return Ok(EXIT_DONE);
    };
    let source = find_plan(&site.repo.root, args.plan.as_deref(), &site.settings)?;
    let plan = require(read_plan(&source)?)?;
    let at = plan.position(&id).ok_or_else(|| AppError::usage(format!("the plan has no task {id}")))?;
    let policy = Policy { prompt: own_template(&site)?, ..site.settings.policy.clone() };
    let text = ppe_core::prompt::first(&policy, &plan.tasks[at], &site.target()?);
    for line in text.lines() {
        ui.data(&shown(line));
    }
    Ok(EXIT_DONE)
}

fn adopt(args: &PlanAdopt, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&args.place.repo, args.place.written_in.flags())?;
    let Some(found) = latest(&site, None)?.filter(Found::is_unfinished) else {
        return Err(
            AppError::environment("this repository has no unfinished run").hint("`ppe run` starts one")
        );
    };
    let flags = args.place.written_in.flags();
    let recorded = found.plan_source(&site.settings);
    let source = match (args.place.plan.as_deref(), recorded) {
        (None, Some(recorded)) if flags.is_empty() => as_it_is_now(&site, recorded)?,
        (named, recorded) => {
            let here = recorded.as_ref().filter(|source| !source.kind.is_elsewhere());
            let path = named.or(here.map(|source| source.path.as_path()));
            find_plan(&site.repo.root, path, &site.settings)?
        }
    };
    let plan = require(found.read_revised(&source)?)?;
    let difference = found.difference(&plan);
    let left_out = |id: &TaskId| found.state.task(id).is_some_and(|task| !task.in_run());
    let known: Vec<TaskId> = plan.tasks.iter().map(|task| task.spec.id.value.clone()).collect();
    let mut added = difference.new.clone();
    added.extend(known.into_iter().filter(|id| args.add && left_out(id)));
    if difference == Difference::default() && added.is_empty() {
        ui.talk("the plan is as the run has it");
        return Ok(EXIT_DONE);
    }
    for line in (Difference { new: added.clone(), ..difference }).lines() {
        ui.talk(&line);
    }
    if !args.yes && !ui.confirm("Take this into the run?") {
        return Err(AppError::usage("not taken").hint("`--yes` takes it without asking"));
    }
    let of = RunOf { repo: args.place.repo.clone(), run: None, json: args.place.json };
    let code = give(Command::Adopt { plan: Box::new(plan), added }, &of, ui)?;
    found.set_plan_source(&source)?;
    Ok(code)
}
