//! What the kanban board says of a run that is to begin: which tasks are to do, and which are done. A board that is not
//! there never means all tasks without a word.

use super::super::board::{Loaded, load, lost};
use super::Site;
use crate::error::AppError;
use ppe_core::card::{Column, Seen};
use ppe_core::ids::TaskId;
use ppe_core::plan::{Plan, without_waiting};
use ppe_core::wording::several;
use std::collections::BTreeSet;

/// Tasks that wait and are named where nothing is left to be run.
const MOST_HINTS: usize = 12;

/// What follows from the board for a run.
#[derive(Default)]
pub(super) struct Said {
    /// The tasks to run; all if there is no board.
    pub(super) only: Vec<TaskId>,
    /// Tasks that are done.
    pub(super) done: Vec<TaskId>,
    /// The cards of the plan's tasks.
    pub(super) cards: Vec<Seen>,
    /// The same in words, with what might be meant otherwise.
    pub(super) lines: Vec<String>,
    /// Why it says nothing although there is one.
    pub(super) lost: Option<AppError>,
}

/// Looks at the board. `named` are the tasks that the user wants wherever their cards stand.
pub(super) fn consult(site: &Site, plan: &Plan, named: &[TaskId]) -> Result<Said, AppError> {
    let loaded = match load(site, plan)? {
        None => return Ok(Said::default()),
        Some(Ok(loaded)) => loaded,
        Some(Err(error)) => {
            let hint = "`--no-board` runs without it: all tasks, or those of `--only`";
            return Ok(Said { lost: Some(lost(&error).hint(hint)), ..Said::default() });
        }
    };
    let lines = in_words(&loaded, plan.tasks.len());
    let mut done = loaded.of(Column::Done);
    // Who names a task wants it done, whatever its card says.
    done.retain(|task| !named.contains(task));
    if named.is_empty() && loaded.todo.is_empty() && done.len() < plan.tasks.len() {
        return Err(AppError::environment("no card of the board that is to do names a task of the plan").hint(
            "a card's title begins with its task's id, such as `T-001: …`; `--no-board` runs without the board",
        ));
    }
    // What was done meanwhile is taken in, and costs nothing.
    let only = if loaded.todo.is_empty() { Vec::new() } else { [loaded.todo, done.clone()].concat() };
    Ok(Said { only, done, cards: loaded.seen, lines, lost: None })
}

impl Said {
    /// Leaves out what waits for a task that is neither to do on the board nor `done`, and says so for each.
    pub(super) fn leave_out_waiting(&mut self, plan: &Plan, done: &BTreeSet<TaskId>) -> Result<(), AppError> {
        let (only, waiting) = without_waiting(plan, &self.only, done);
        let lines: Vec<String> = waiting.iter().map(|(task, lacks)| self.waits(task, lacks)).collect();
        if !waiting.is_empty() && only.iter().all(|task| done.contains(task)) {
            let error = AppError::environment("what is to do on the board waits for what is not run");
            return Err(lines.into_iter().take(MOST_HINTS).fold(error, AppError::hint));
        }
        (self.only, self.lines) = (only, [std::mem::take(&mut self.lines), lines].concat());
        Ok(())
    }

    fn waits(&self, task: &TaskId, lacks: &[TaskId]) -> String {
        let lacked = |task: &TaskId| match self.cards.iter().find(|seen| seen.task == *task) {
            // It waits itself, and is told of in a line of its own.
            Some(seen) if seen.column == Column::Todo => task.to_string(),
            Some(seen) => format!("{task} ({})", seen.column.word()),
            None => format!("{task} (without a card)"),
        };
        let lacked: Vec<String> = lacks.iter().map(lacked).collect();
        format!("board: {task} waits for {}, and is not run", lacked.join(", "))
    }
}

/// One line, and one for each thing that is not as it might be meant.
fn in_words(loaded: &Loaded, tasks: usize) -> Vec<String> {
    let (todo, done) = (loaded.todo.len(), loaded.of(Column::Done).len());
    let head = format!("board ({}): {todo} of {tasks} tasks to do, {done} done", loaded.kind);
    let told = |word: &str, ids: Vec<TaskId>| {
        let is = if ids.len() == 1 { "is" } else { "are" };
        (!ids.is_empty()).then(|| format!("board: {} {is} {word}, and not run", several(&ids)))
    };
    let columns = [Column::InProgress, Column::InReview, Column::Cancelled];
    let elsewhere = columns.map(|column| told(column.word(), loaded.of(column)));
    let without = told("without a card", loaded.without.clone());
    [Some(head)].into_iter().chain(elsewhere).chain([without]).flatten().collect()
}
