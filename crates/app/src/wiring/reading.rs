//! Reads and checks a plan.

use crate::error::AppError;
use ppe_adapters::sources::Source;
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Checked, check};
use ppe_engine::ports::{PlanSource, SourceKind};
use std::collections::BTreeSet;

/// Whether a plan is written in our own form.
pub(crate) fn is_task_files(source: &Source) -> bool {
    source.kind == SourceKind::Markdown
}

/// Reads and checks a plan.
pub(crate) fn read_plan(source: &Source) -> Result<Checked, AppError> {
    read_plan_beside(source, &[])
}

/// Reads and checks a plan whose tasks may name `settled` ones that it does not have.
pub(super) fn read_plan_beside(source: &Source, settled: &[TaskId]) -> Result<Checked, AppError> {
    let (mut spec, found) = source.read()?;
    let there: BTreeSet<TaskId> = spec.tasks.iter().map(|task| task.id.value.clone()).collect();
    let names_one = |id: &At<TaskId>| there.contains(&id.value) || !settled.contains(&id.value);
    for task in &mut spec.tasks {
        task.depends_on.retain(names_one);
        task.blocks.retain(names_one);
    }
    Ok(check(spec, found))
}
