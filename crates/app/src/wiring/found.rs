//! A run as found on disk, with its plan as it was checked and where that was read from.

use super::reading::read_plan_beside;
use crate::error::AppError;
use ppe_adapters::config::Settings;
use ppe_adapters::sources::{Options, Source};
use ppe_adapters::state_dir::RunDir;
use ppe_core::ids::{RunId, TaskId};
use ppe_core::plan::{Checked, Difference, Plan};
use ppe_core::state::{Progress, State, Task};
use ppe_engine::ports::SourceKind;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A run as found on disk.
pub(crate) struct Found {
    /// Its folder.
    pub(crate) dir: RunDir,
    /// Its id.
    pub(crate) id: RunId,
    /// What its log folds to.
    pub(crate) state: State,
}

impl Found {
    /// Where the run's plan was read from, and how. None when that was not written down.
    pub(crate) fn plan_source(&self, settings: &Settings) -> Option<Source> {
        let text = std::fs::read_to_string(self.dir.plan_source()).ok()?;
        let SourceRecord { path, kind, tag } = serde_json::from_str(&text).ok()?;
        Some(Source { kind, path, options: Options { name: settings.plan.name.clone(), tag } })
    }

    /// Writes down where the run's plan is read from now.
    pub(crate) fn set_plan_source(&self, source: &Source) -> Result<(), AppError> {
        write_plan_source(&self.dir, source)
    }

    /// A plan as it is written now, seen from this run: tasks may need what the run has done, though the plan has that no
    /// longer.
    pub(crate) fn read_revised(&self, source: &Source) -> Result<Checked, AppError> {
        read_plan_beside(source, &self.those(Task::satisfies))
    }

    /// What a plan as it is written now has that the run's has not. What is closed, and what no source has, may be
    /// missing.
    pub(crate) fn difference(&self, revised: &Plan) -> Difference {
        let settled = [self.those(Task::is_closed), self.state.lane.repairs.clone()].concat();
        Difference::of(&self.state.plan, revised, &settled)
    }

    fn those(&self, are: impl Fn(&Task) -> bool) -> Vec<TaskId> {
        let all = self.state.tasks.iter().zip(&self.state.plan.tasks);
        all.filter(|(task, _)| are(task)).map(|(_, task)| task.spec.id.value.clone()).collect()
    }

    /// Whether something is left to do.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.state.progress == Progress::Open
    }
}

/// Where a run's plan is read from, as it is written down.
#[derive(Serialize, Deserialize)]
struct SourceRecord {
    path: PathBuf,
    kind: SourceKind,
    tag: Option<String>,
}

/// A path that is no text is not written down: nothing but `ppe plan adopt` without its argument misses it.
pub(super) fn write_plan_source(dir: &RunDir, source: &Source) -> Result<(), AppError> {
    let path = std::path::absolute(&source.path)?;
    let record = SourceRecord { path, kind: source.kind, tag: source.options.tag.clone() };
    match serde_json::to_vec(&record) {
        Ok(text) => Ok(std::fs::write(dir.plan_source(), text)?),
        Err(_) => Ok(()),
    }
}

pub(super) fn read_plan_file(dir: &RunDir) -> Result<Plan, AppError> {
    let path = dir.plan();
    let text = std::fs::read(&path).map_err(|e| AppError::environment(format!("{}: {e}", path.display())))?;
    serde_json::from_slice(&text)
        .map_err(|e| AppError::environment(format!("{}: not the plan of a run: {e}", path.display())))
}
