//! What was seen of the board: cards are found, where they go is recorded before it is tried, and a move of a person's
//! becomes a question. Nothing else ever follows from a board.

use super::Decider;
use crate::board;
use crate::card::{Column, Seen};
use crate::event::Event;
use crate::ids::TaskId;
use crate::input::Reply;
use crate::mutant::Mutant;
use crate::question::{Answer, Ask};
use crate::state::{Park, Satisfies, State, Step, Task};

impl Decider<'_> {
    pub(super) fn board_seen(&mut self, cards: Vec<Seen>, mut text_kept: Vec<TaskId>) {
        if self.state.board.lost.is_some() {
            self.emit(Event::BoardBack);
        }
        for seen in cards {
            self.card_seen(seen);
        }
        // It is told once of each.
        text_kept.retain(|task| !self.state.board.text_kept.contains(task));
        if !text_kept.is_empty() {
            self.emit(Event::CardTextsKept { tasks: text_kept });
        }
    }

    /// It is told once.
    pub(super) fn board_lost(&mut self, why: String) {
        if self.state.board.lost.is_none() {
            self.emit(Event::BoardLost { why });
        }
    }

    fn card_seen(&mut self, Seen { task, card, column }: Seen) {
        let Some(at) = self.state.position(&task).filter(|at| self.state.tasks[*at].in_run()) else { return };
        let known = self.state.board.cards.get(&task).filter(|known| known.id == card).cloned();
        // Where it stands when it is first seen is nobody's command.
        let by_others = known.as_ref().is_some_and(|known| !known.may_be_at(column));
        let news = known.as_ref().is_none_or(|k| k.column != column || k.moving == Some(column));
        if news {
            self.emit(Event::CardSeen { task: task.clone(), card, column });
        }
        let asks = by_others && asks_for(self.state, &task, column);
        if asks && !self.state.board.is_asked_about(self.state, &task) {
            self.ask(Ask::CardMoved { task: task.clone(), to: column });
        }
        let moving = self.state.board.cards.get(&task).and_then(|card| card.moving);
        let follows = news || !self.state.has(Mutant::CardStays);
        if let Some(to) = board::misplaced(self.state, at).filter(|to| follows && moving != Some(*to)) {
            self.emit(Event::CardMoving { task, to });
        }
    }

    /// A person's word on which card is a task's.
    pub(super) fn link_card(&mut self, task: TaskId, card: String, column: Column) -> Reply {
        if let Some(other) = self.state.board.task_of(&card).filter(|other| **other != task) {
            return Reply::Refused(format!("that is the card of {other}"));
        }
        let text = format!("{task} has the card {card}");
        self.emit(Event::CardSeen { task, card, column });
        Reply::Done(text)
    }

    pub(super) fn answer_card_moved(&mut self, task: &TaskId, to: Column, answer: Answer) {
        if answer != Answer::Yes || !asks_for(self.state, task, to) {
            return;
        }
        let _told = match to {
            Column::Cancelled => self.skip(task, Satisfies::No),
            Column::Todo | Column::InProgress | Column::InReview | Column::Done => {
                self.retry(task.clone(), None)
            }
        };
    }
}

/// Whether a card in a column that a person moved it to asks for anything: to be skipped, or tried again. What is done
/// stays done.
pub(super) fn asks_for(state: &State, task: &TaskId, to: Column) -> bool {
    let Some(at) = state.position(task) else { return false };
    let elsewhere = board::wanted(state, at) != Some(to);
    elsewhere
        && match to {
            Column::Cancelled => !state.tasks[at].is_closed(),
            Column::Todo => can_be_tried_again(&state.tasks[at]),
            Column::InProgress | Column::InReview | Column::Done => false,
        }
}

fn can_be_tried_again(task: &Task) -> bool {
    match &task.step {
        // Only who has it gives it back.
        Step::Parked { park, .. } => *park != Park::Taken,
        Step::Running(_)
        | Step::Backoff { .. }
        | Step::Published
        | Step::Open
        | Step::InLane
        | Step::Held { .. } => true,
        Step::Closed(closure) => !closure.satisfies(),
        Step::Outside | Step::Waiting | Step::Ready { .. } | Step::Publishing => false,
    }
}
