//! The run on its board: at each turn what was decided is written to the cards, one by one, and then all cards are looked
//! at. A turn comes with each refresh, and soon after a card was misplaced. Nothing waits for it but the end of the run,
//! and that for a while only. Decides nothing about cards.

mod pen;

use crate::ports::{Board, BoardError, Changed};
use pen::{Pen, Written};
use ppe_core::board::{misplaced, progress};
use ppe_core::card::{Seen, find_cards};
use ppe_core::ids::{Millis, TaskId};
use ppe_core::input::Observed;
use ppe_core::state::{CardAt, State};
use std::collections::{BTreeMap, BTreeSet};

/// Between two turns at the least, ms.
const PAUSE_MS: u64 = 500;
/// Until a board that is lost is looked for again, at most, ms.
const LONGEST_PAUSE_MS: u64 = 300_000;
/// How long the end of a run waits for its cards, ms.
const END_MS: u64 = 10_000;

/// What a turn came to.
pub struct Turn {
    /// The cards of tasks; why not, if the board is lost.
    pub seen: Result<Vec<Seen>, String>,
    /// What stands on cards since, by task.
    pub written: BTreeMap<TaskId, String>,
    /// Tasks whose cards the board refused to show or change, or does not move, or somebody has taken elsewhere.
    pub refused: BTreeSet<TaskId>,
    /// Tasks whose cards do not say how they stand: the board would have replaced a person's words there.
    pub text_kept: BTreeSet<TaskId>,
}

impl Turn {
    /// What is told of it.
    pub fn observed(&self) -> Observed {
        match &self.seen {
            Ok(cards) => {
                Observed::Board { cards: cards.clone(), text_kept: self.text_kept.iter().cloned().collect() }
            }
            Err(why) => Observed::BoardLost { why: why.clone() },
        }
    }

    /// Makes the writes one by one, then looks at all cards.
    async fn take(
        &mut self,
        board: &impl Board,
        state: &State,
        writes: Vec<Write<'_>>,
    ) -> Result<Vec<Seen>, BoardError> {
        let mut pen = Pen::new(board);
        for Write { task, card, text } in writes {
            match pen.write(card, &text).await {
                Ok(Written::LeftAlone) | Err(BoardError::Refused(_)) => {
                    self.refused.insert(task.clone());
                }
                Ok(Written::Yes(changed)) => {
                    self.written.insert(task.clone(), text);
                    if changed == Changed::TextKept {
                        self.text_kept.insert(task.clone());
                    }
                }
                Err(lost) => return Err(lost),
            }
        }
        let cards = board.cards(None).await?;
        let seen = find_cards(&state.plan, &cards, |card| state.board.task_of(card));
        for at in (0..state.tasks.len()).filter(|at| state.tasks[*at].in_run()) {
            let task = state.id(at);
            if state.board.cards.get(task).is_some_and(|card| self.stays(task, card, &seen)) {
                self.refused.insert(task.clone());
            }
        }
        Ok(seen)
    }

    /// Whether a card is where no write reaches it, or did not go where it was written to go. It is looked at again with
    /// the next refresh: a turn at once would find the same.
    fn stays(&self, task: &TaskId, card: &CardAt, seen: &[Seen]) -> bool {
        let Some(seen) = seen.iter().find(|seen| seen.task == *task) else { return true };
        let goes = card.moving.filter(|_| self.written.contains_key(task));
        seen.card == card.id && goes.is_some_and(|to| seen.column != to)
    }
}

/// A card that is to be moved or does not say how its task stands.
struct Write<'a> {
    task: &'a TaskId,
    card: &'a CardAt,
    text: String,
}

/// Writes what was decided to the cards, then looks at all of them. `written` is what stood on cards before.
pub async fn turn(
    board: &impl Board,
    state: &State,
    written: &BTreeMap<TaskId, String>,
    change_url: Option<&str>,
) -> Turn {
    let write = |at: usize| {
        let task = state.id(at);
        let card = state.board.cards.get(task).filter(|_| state.tasks[at].in_run())?;
        let text = progress(state, at, change_url);
        let is_said = card.moving.is_none() && written.get(task) == Some(&text);
        (!is_said).then_some(Write { task, card, text })
    };
    let writes = (0..state.tasks.len()).filter_map(write).collect();
    let mut turn = Turn {
        seen: Ok(Vec::new()),
        written: BTreeMap::new(),
        refused: BTreeSet::new(),
        text_kept: BTreeSet::new(),
    };
    turn.seen = turn.take(board, state, writes).await.map_err(|error| error.to_string());
    turn
}

/// Whether a card is on its way or has to be, but for those of `refused` tasks.
pub fn has_moves(state: &State, refused: &BTreeSet<TaskId>) -> bool {
    let moves = |at: usize| {
        let card = state.board.cards.get(state.id(at));
        card.is_some_and(|card| card.moving.is_some()) || misplaced(state, at).is_some()
    };
    (0..state.tasks.len()).any(|at| moves(at) && !refused.contains(state.id(at)))
}

/// The turns of a run.
pub(crate) struct Mirror {
    refresh_ms: u64,
    pub(crate) change_url: Option<String>,
    /// When the next turn is to begin; never without a board.
    due: Option<Millis>,
    ended: Millis,
    under_way: bool,
    /// Turns in a row that did not find the board.
    lost: u32,
    /// Tasks whose cards were refused at the last turn: nobody waits for those.
    refused: BTreeSet<TaskId>,
    pub(crate) written: BTreeMap<TaskId, String>,
    /// Until when the end of the run waits.
    end_by: Option<Millis>,
}

impl Mirror {
    pub(crate) fn new(is_there: bool, refresh_ms: u64, change_url: Option<String>, now: Millis) -> Self {
        Self {
            refresh_ms,
            change_url,
            due: is_there.then_some(now),
            ended: Millis(0),
            under_way: false,
            lost: 0,
            refused: BTreeSet::new(),
            written: BTreeMap::new(),
            end_by: None,
        }
    }

    /// When the loop is to look here again: for a turn, or for one that the end waits for too long.
    pub(crate) fn due(&self) -> Option<Millis> {
        if self.under_way { self.end_by } else { self.due }
    }

    /// Whether a turn begins now.
    pub(crate) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.under_way, true)
    }

    /// The turn has ended.
    pub(crate) fn end(&mut self, turn: &mut Turn, now: Millis) {
        self.under_way = false;
        self.ended = now;
        self.refused = std::mem::take(&mut turn.refused);
        if turn.seen.is_err() {
            // It is not told of those: they are written again.
            turn.written.retain(|task, _| !turn.text_kept.contains(task));
        }
        self.written.append(&mut turn.written);
        self.lost = if turn.seen.is_ok() { 0 } else { self.lost + 1 };
        let pause = self.refresh_ms.saturating_mul(1 << self.lost.min(16));
        let longest = LONGEST_PAUSE_MS.max(self.refresh_ms);
        self.due = Some(now.plus(pause.min(longest)));
    }

    /// The run has moved.
    pub(crate) fn notice(&mut self, state: &State) {
        let soon = self.ended.plus(PAUSE_MS);
        if self.can_write() && self.due.is_some_and(|due| due > soon) && has_moves(state, &self.refused) {
            self.due = Some(soon);
        }
    }

    fn can_write(&self) -> bool {
        self.due.is_some() && self.lost == 0
    }

    /// The run goes on: its end, should it have been near, is not.
    pub(crate) fn goes_on(&mut self) {
        self.end_by = None;
    }

    /// Whether the run may not end yet, since its cards do not say how it ended.
    pub(crate) fn holds_end(&mut self, state: &State, now: Millis) -> bool {
        let is_said = |at: usize| {
            let task = state.id(at);
            let text = progress(state, at, self.change_url.as_deref());
            !state.board.cards.contains_key(task)
                || self.refused.contains(task)
                || self.written.get(task) == Some(&text)
        };
        let said =
            self.ended > Millis(0) && (0..state.tasks.len()).all(is_said) && !has_moves(state, &self.refused);
        if !self.can_write() || said {
            self.end_by = None;
            return false;
        }
        let end_by = *self.end_by.get_or_insert(now.plus(END_MS));
        if !self.under_way {
            self.due = Some(now);
        }
        now < end_by
    }
}

#[cfg(test)]
mod tests;
