//! One more task file.

use super::args::PlanNew;
use super::control::parse_priority;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{NewTask, settings_only, write_task_file};
use ppe_core::ids::TaskId;

/// The name and version of the document.
const SCHEMA: &str = "ppe.plan-new.v1";

/// What was written, as data.
#[derive(serde::Serialize)]
struct NewDocument {
    schema: &'static str,
    id: TaskId,
    file: String,
}

/// Writes the file.
pub(super) fn run(args: &PlanNew, ui: &mut Ui) -> Result<u8, AppError> {
    let settings = settings_only(&args.repo, Vec::new())?;
    let new = NewTask {
        title: args.title.clone(),
        id: args.id.as_deref().map(TaskId::new),
        depends_on: args.depends_on.iter().map(|id| TaskId::new(id.trim())).collect(),
        priority: parse_priority(&args.priority)?,
        module: args.module.clone(),
        commits: args.commits,
        folder: args.dir.clone(),
    };
    let written = write_task_file(&args.repo, &settings, new)?;
    let file = written.file.display().to_string();
    if args.json {
        ui.json(&NewDocument { schema: SCHEMA, id: written.id, file })?;
    } else {
        ui.data(&file);
        ui.talk(&format!("{}: say below its heading what is to be done", written.id));
    }
    Ok(EXIT_DONE)
}
