//! The kanban board that mirrors a run. Knows nothing of what a column means for a task.

use ppe_core::card::{Card, Column};
use std::collections::BTreeMap;
use std::future::Future;

/// Why a board did not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// It cannot be reached, or does not answer in time.
    #[error("{0}")]
    Lost(String),
    /// It is there, and does not do this.
    #[error("{0}")]
    Refused(String),
}

/// A card's own text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardText {
    /// Where it stands; none in a column that is not ours to touch.
    pub column: Option<Column>,
    /// Its description.
    pub description: String,
}

/// What is to become of a card. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardChange {
    /// Where it is to stand.
    pub column: Option<Column>,
    /// Its whole description.
    pub description: Option<String>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// All of it is made.
    All,
    /// All but the description: the board would have replaced words of a person's in it.
    TextKept,
}

/// A board.
///
/// The contract: every call is bounded in time and answers in values of bounded size. A board that was lost is looked for
/// again by the next call. Changes are what they say, so that one may be made again.
pub trait Board: Send + Sync + 'static {
    /// Whether there is one at all; without one nothing is ever asked.
    fn is_there(&self) -> bool;

    /// Its cards, those of one column where that is wanted.
    fn cards(&self, column: Option<Column>) -> impl Future<Output = Result<Vec<Card>, BoardError>> + Send;

    /// What all cards say now, where one look shows that; none where each card has to be looked at by itself.
    fn texts(&self) -> impl Future<Output = Result<Option<BTreeMap<String, CardText>>, BoardError>> + Send;

    /// A card's text as it is now.
    fn card(&self, id: &str) -> impl Future<Output = Result<CardText, BoardError>> + Send;

    /// Changes a card.
    fn change(
        &self,
        id: &str,
        change: CardChange,
    ) -> impl Future<Output = Result<Changed, BoardError>> + Send;
}
