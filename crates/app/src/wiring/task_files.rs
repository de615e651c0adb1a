//! Task files that are written for the user: a plan of another program's, or one more task.

use super::plans::find_plan;
use super::reading::is_task_files;
use crate::error::AppError;
use ppe_adapters::config::Settings;
use ppe_adapters::sources::markdown::{WriteError, write_plan, write_task};
use ppe_adapters::sources::{Options, Source};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Checked, Level, Plan, PlanSpec, Priority, Spot, TaskSpec, check, next_id};
use ppe_engine::ports::{PlanSource, SourceKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl From<WriteError> for AppError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Differs { .. } => Self::plan(error),
            WriteError::Exists { .. } | WriteError::Io { .. } => Self::environment(error),
        }
    }
}

/// Writes a plan as task files into a folder. Returns how many.
pub(crate) fn write_plan_files(plan: &Plan, folder: &Path) -> Result<usize, AppError> {
    let tasks = plan.tasks.iter().map(|task| task.spec.clone()).collect();
    Ok(write_plan(&PlanSpec { name: plan.name.clone(), tasks }, folder)?)
}

/// A task that is to be written.
pub(crate) struct NewTask {
    /// Its title.
    pub(crate) title: String,
    /// Its id; without one, the next of the plan.
    pub(crate) id: Option<TaskId>,
    /// What it waits for.
    pub(crate) depends_on: Vec<TaskId>,
    /// How urgent it is.
    pub(crate) priority: Priority,
    /// Its module.
    pub(crate) module: Option<String>,
    /// How many commits it is to have.
    pub(crate) commits: Option<u32>,
    /// The folder it belongs in; without one, the plan's.
    pub(crate) folder: Option<PathBuf>,
}

/// A task that was written.
pub(crate) struct NewTaskFile {
    /// Its id.
    pub(crate) id: TaskId,
    /// Its file.
    pub(crate) file: PathBuf,
}

/// Writes a task file that the plan in whose folder it comes to lie can be executed with.
pub(crate) fn write_task_file(
    root: &Path,
    settings: &Settings,
    new: NewTask,
) -> Result<NewTaskFile, AppError> {
    let title = new.title.split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() {
        return Err(AppError::usage("a task needs a title"));
    }
    let (plan, folder) = home(root, settings, new.folder)?;
    let (mut spec, found) = match plan {
        Some(source) => source.read()?,
        None => (PlanSpec::default(), Vec::new()),
    };
    let id = new.id.unwrap_or_else(|| next_id(spec.tasks.iter().map(|task| &task.id.value)));
    let spot = Spot { file: Arc::from("the new task"), line: 1 };
    let needs = new.depends_on.into_iter().map(|value| At { value, spot: spot.clone() });
    let task = TaskSpec {
        body: Arc::from(format!("# {title}\n")),
        depends_on: needs.collect(),
        priority: new.priority,
        module: new.module.map(Arc::from),
        declared_commits: new.commits.map(|value| At { value, spot: spot.clone() }),
        ..TaskSpec::bare(id.clone(), title, spot)
    };
    spec.tasks.push(task.clone());
    let Checked { plan, findings } = check(spec, found);
    if plan.is_none() {
        let errors = findings.iter().filter(|finding| finding.level == Level::Error);
        let lines: Vec<String> = errors.map(|error| format!("  {error}")).collect();
        return Err(AppError::plan(format!(
            "with this task the plan cannot be executed\n{}",
            lines.join("\n")
        )));
    }
    Ok(NewTaskFile { file: write_task(&task, &folder)?, id })
}

/// The plan that a new task becomes part of, if there is one, and the folder for its file.
fn home(
    root: &Path,
    settings: &Settings,
    named: Option<PathBuf>,
) -> Result<(Option<Source>, PathBuf), AppError> {
    let plan = find_plan(root, None, settings);
    let Some(folder) = named else {
        let plan = plan.map_err(|error| error.hint("`--dir DIR` names the folder for the file"))?;
        if !is_task_files(&plan) || !plan.path.is_dir() {
            let form = plan.kind.as_str();
            return Err(AppError::usage(format!(
                "the plan at {} is no folder of task files ({form})",
                plan.path.display()
            ))
            .hint("`--dir DIR` names a folder for the file"));
        }
        let folder = plan.path.clone();
        return Ok((Some(plan), folder));
    };
    let contains = |plan: &Source| {
        let (plan, folder) = (plan.path.canonicalize(), folder.canonicalize());
        plan.is_ok_and(|plan| folder.is_ok_and(|folder| folder.starts_with(plan)))
    };
    let around = plan.ok().filter(|plan| is_task_files(plan) && contains(plan));
    let path = folder.clone();
    let own = Source { kind: SourceKind::Markdown, path, options: Options::default() };
    Ok((around.or_else(|| folder.exists().then_some(own)), folder))
}
