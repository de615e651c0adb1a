//! A plan of another program: shown as a run would have it, or written as task files.

use super::args::PlanImport;
use super::plan_text;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::findings::{self, require, written};
use crate::wiring::{find_plan, is_task_files, read_plan, settings_only, write_plan_files};
use ppe_core::plan::show;

/// Reads the plan, and writes it where that is asked for.
pub(super) fn run(args: &PlanImport, ui: &mut Ui) -> Result<u8, AppError> {
    let place = &args.place;
    let settings = settings_only(&place.repo, place.written_in.flags())?;
    let source = find_plan(&place.repo, place.plan.as_deref(), &settings)?;
    let checked = read_plan(&source)?;
    let findings = checked.findings.clone();
    let plan = require(checked)?;
    if let Some(out) = &args.out {
        if is_task_files(&source) {
            return Err(AppError::usage(format!("{} holds task files already", source.path.display()))
                .hint("`--from KIND` names the program whose plan is to be taken"));
        }
        let tasks = write_plan_files(&plan, out)?;
        let files = if tasks == 1 { "task file" } else { "task files" };
        ui.talk(&format!("{tasks} {files} written to {}", out.display()));
        ui.talk(&format!(
            "`ppe run {0}` executes them; [plan] path = \"{0}\" in ppe.toml makes them the plan",
            out.display()
        ));
    }
    if place.json {
        ui.json(&show::plan_document(&plan, &findings, settings.policy.order))?;
    } else if args.out.is_none() {
        ui.raw(&written(|text| plan_text::plan(text, &plan, &findings)));
    } else {
        ui.talk(written(|text| findings::list(text, &findings)).trim_end());
    }
    Ok(EXIT_DONE)
}
