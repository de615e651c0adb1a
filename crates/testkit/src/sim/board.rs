//! A kanban board: cards that go where a run has said it moves them, unless a write is lost, and that people move
//! meanwhile. Knows nothing of what a run makes of that.

use super::weather::Weather;
use ppe_core::board::misplaced;
use ppe_core::card::{Column, Seen};
use ppe_core::ids::TaskId;
use ppe_core::input::{Command, Input, Observed};
use ppe_core::sim::Seed;
use ppe_core::state::State;
use std::collections::BTreeMap;

/// A card.
#[derive(Debug)]
struct Card {
    id: String,
    column: Column,
}

/// The board of a world. Most have none.
#[derive(Debug)]
pub(super) struct Board {
    seed: Seed,
    is_there: bool,
    cards: BTreeMap<TaskId, Card>,
    /// Cards that were ever made.
    made: u32,
}

impl Board {
    pub(super) fn new(mut seed: Seed) -> Self {
        Self { is_there: seed.chance(30), seed, cards: BTreeMap::new(), made: 0 }
    }

    /// Whether somebody looks at it now.
    pub(super) fn has_turn(&mut self) -> bool {
        self.is_there && self.seed.chance(8)
    }

    /// What comes of a look, before which what is decided is written to it.
    pub(super) fn turn(&mut self, state: &State, weather: Weather) -> Input {
        self.deal(state);
        let storm = weather == Weather::Storm;
        if storm && self.seed.chance(8) {
            return Input::Observed(Observed::BoardLost { why: "nobody there".to_owned() });
        }
        self.write(state, storm);
        if storm && self.seed.chance(30) {
            self.meddle();
        }
        if storm && self.seed.chance(4) {
            return self.link();
        }
        let text_kept = if self.seed.chance(10) { self.any().into_iter().collect() } else { Vec::new() };
        Input::Observed(Observed::Board { cards: self.seen().collect(), text_kept })
    }

    /// A last look at what does not show yet how a run ended; none once all cards do.
    pub(super) fn closing_turn(&mut self, state: &State) -> Option<Input> {
        let is_settled = |at: usize| {
            let (known, card) = (state.board.cards.get(state.id(at)), self.cards.get(state.id(at)));
            let is_known = match (known, card) {
                (Some(known), Some(card)) => known.id == card.id && known.column == card.column,
                (_, card) => card.is_none(),
            };
            is_known && known.is_none_or(|known| known.moving.is_none()) && misplaced(state, at).is_none()
        };
        let in_run = (0..state.tasks.len()).filter(|at| state.tasks[*at].in_run());
        (self.is_there && !in_run.clone().all(is_settled)).then(|| self.turn(state, Weather::Calm))
    }

    fn seen(&self) -> impl Iterator<Item = Seen> {
        let seen = |(task, card): (&TaskId, &Card)| Seen {
            task: task.clone(),
            card: card.id.clone(),
            column: card.column,
        };
        self.cards.iter().map(seen)
    }

    /// Most tasks have a card, and not all of these are to do.
    fn deal(&mut self, state: &State) {
        for task in &state.plan.tasks {
            let task = &task.spec.id.value;
            if !self.cards.contains_key(task) && self.seed.chance(80) {
                let column = if self.seed.chance(90) { Column::Todo } else { self.column() };
                self.make(task.clone(), column);
            }
        }
    }

    fn make(&mut self, task: TaskId, column: Column) {
        self.made += 1;
        self.cards.insert(task, Card { id: format!("card-{}", self.made), column });
    }

    /// Moves cards where they are to go. In a storm a write may be lost, or end on the way.
    fn write(&mut self, state: &State, storm: bool) {
        for (task, known) in &state.board.cards {
            let Some(card) = self.cards.get_mut(task).filter(|card| card.id == known.id) else { continue };
            let goes = known.may_be_at(card.column);
            let Some(to) = known.moving.filter(|to| goes && card.column != *to) else { continue };
            let way = card.column.way_to(to);
            let lost = if storm && self.seed.chance(30) { self.seed.below(way.len() as u64 + 1) } else { 0 };
            let done = way.len().saturating_sub(usize::try_from(lost).unwrap_or(0));
            card.column = way[..done].last().copied().unwrap_or(card.column);
        }
    }

    /// A person moves a card, or puts another in its place.
    fn meddle(&mut self) {
        let (Some(task), column) = (self.any(), self.column()) else { return };
        if self.seed.chance(10) {
            self.make(task, column);
        } else if let Some(card) = self.cards.get_mut(&task) {
            card.column = column;
        }
    }

    /// A person says which card is a task's, right or wrong.
    fn link(&mut self) -> Input {
        let (task, of) = (self.any(), self.any());
        let card =
            of.and_then(|of| self.cards.get(&of)).map_or_else(|| "card".to_owned(), |card| card.id.clone());
        let task = task.unwrap_or_else(|| TaskId::new("T-999"));
        Input::Operator(Command::LinkCard { task, card, column: self.column() })
    }

    fn any(&mut self) -> Option<TaskId> {
        let with: Vec<TaskId> = self.cards.keys().cloned().collect();
        self.seed.pick(&with).cloned()
    }

    fn column(&mut self) -> Column {
        self.seed.pick(&Column::ALL).copied().unwrap_or(Column::Todo)
    }
}
