//! What is known of the board: where each task's card was last seen and where it is being moved, so that a person's move
//! can be told from ours after a crash as well. Knows nothing of boards' words.

use super::State;
use crate::card::Column;
use crate::ids::TaskId;
use crate::question::Ask;
use std::collections::{BTreeMap, BTreeSet};

/// A task's card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardAt {
    /// The board's own id of it.
    pub id: String,
    /// Where it was last seen.
    pub column: Column,
    /// Where it is being moved by us; recorded before it is tried.
    pub moving: Option<Column>,
}

impl CardAt {
    /// Whether a column is where the card may be without anyone else having moved it.
    pub fn may_be_at(&self, column: Column) -> bool {
        self.column == column || self.moving.is_some_and(|to| self.column.way_to(to).contains(&column))
    }
}

/// What is known of the board.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// The cards of tasks.
    pub cards: BTreeMap<TaskId, CardAt>,
    /// Tasks of whose cards it was told that they do not say how these stand.
    pub text_kept: BTreeSet<TaskId>,
    /// Why it cannot be reached, if so.
    pub lost: Option<String>,
}

impl Board {
    /// The task whose card has this id.
    pub fn task_of(&self, card: &str) -> Option<&TaskId> {
        self.cards.iter().find(|(_, at)| at.id == card).map(|(task, _)| task)
    }

    /// Whether a person is asked what their move of a task's card means: it is left where they put it.
    pub fn is_asked_about(&self, state: &State, task: &TaskId) -> bool {
        let about = |ask: &Ask| matches!(ask, Ask::CardMoved { task: asked, .. } if asked == task);
        state.questions.values().any(|question| about(&question.ask))
    }
}
