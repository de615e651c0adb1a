//! What the kanban board says of a run that is to begin: which tasks are to do, and which are done. A board that is not
//! there never means all tasks without a word.

use super::super::args::RunArgs;
use super::super::ui::Ui;
use crate::error::AppError;
use crate::wiring::{Loaded, Site, board_lost, load_board};
use ppe_core::board::Column;
use ppe_core::ids::TaskId;
use ppe_core::plan::Plan;
use ppe_core::text::shown;
use ppe_core::wording::several;

/// What follows from the board for a run.
#[derive(Default)]
pub(super) struct Said {
    /// The tasks to run; all if there is no board.
    pub(super) only: Vec<TaskId>,
    /// Tasks that are done.
    pub(super) done: Vec<TaskId>,
}

/// Looks at the board, and says what it says.
pub(super) fn consult(site: &Site, plan: &Plan, args: &RunArgs, ui: &mut Ui) -> Result<Said, AppError> {
    let loaded = match load_board(site, plan)? {
        None => return Ok(Said::default()),
        Some(Ok(loaded)) => loaded,
        Some(Err(error)) => {
            let error = board_lost(&error);
            ui.talk(&format!("warning: {}", error.message));
            let named = &args.selecting.only;
            let what = match named.len() {
                0 => format!("all {} tasks", plan.tasks.len()),
                _ => named.join(", "),
            };
            if args.dry_run || (!args.yes && ui.confirm(&format!("Run {} without it?", shown(&what)))) {
                return Ok(Said::default());
            }
            return Err(error.hint("`--no-board` runs without it: all tasks, or those of `--only`"));
        }
    };
    tell(&loaded, plan.tasks.len(), ui);
    let done = loaded.of(Column::Done);
    if args.selecting.only.is_empty() && loaded.todo.is_empty() && done.len() < plan.tasks.len() {
        return Err(AppError::environment("no card of the board that is to do names a task of the plan").hint(
            "a card's title begins with its task's id, such as `T-001: …`; `--no-board` runs without the board",
        ));
    }
    // What was done meanwhile is taken in, and costs nothing.
    let only = if loaded.todo.is_empty() { Vec::new() } else { [loaded.todo, done.clone()].concat() };
    Ok(Said { only, done })
}

/// One line, and one for each thing that is not as it might be meant.
fn tell(loaded: &Loaded, tasks: usize, ui: &mut Ui) {
    let (todo, done) = (loaded.todo.len(), loaded.of(Column::Done).len());
    ui.talk(&format!("board ({}): {todo} of {tasks} tasks to do, {done} done", loaded.kind));
    let told = |word: &str, ids: Vec<TaskId>| {
        let is = if ids.len() == 1 { "is" } else { "are" };
        (!ids.is_empty()).then(|| format!("board: {} {is} {word}, and not run", several(&ids)))
    };
    let columns = [Column::InProgress, Column::InReview, Column::Cancelled];
    let elsewhere = columns.map(|column| told(column.word(), loaded.of(column)));
    for line in elsewhere.into_iter().chain([told("without a card", loaded.without.clone())]).flatten() {
        ui.talk(&line);
    }
}
