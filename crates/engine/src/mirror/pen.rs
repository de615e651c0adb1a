//! Writes to cards, none of them over what a person has done meanwhile: each follows upon a look at its card. Knows nothing
//! of turns.

use crate::ports::{Board, BoardError, CardChange, CardText, Changed};
use ppe_core::board::with_progress;
use ppe_core::state::CardAt;
use std::collections::BTreeMap;

/// Whether a card was written.
pub(super) enum Written {
    Yes(Changed),
    /// It stands where it is not ours to touch.
    LeftAlone,
}

/// What is known of cards by one look at all of them.
enum Look {
    /// Nothing yet.
    None,
    /// All of them; old where a card was written since.
    All { texts: BTreeMap<String, CardText>, is_old: bool },
    /// Each card has to be looked at by itself.
    OneByOne,
}

/// Writes to the cards of a board.
pub(super) struct Pen<'a, B> {
    board: &'a B,
    look: Look,
}

impl<'a, B: Board> Pen<'a, B> {
    pub(super) fn new(board: &'a B) -> Self {
        Self { board, look: Look::None }
    }

    /// Moves a card where it is going, unless somebody else has moved it, and says on it how the task stands.
    pub(super) async fn write(&mut self, card: &CardAt, progress: &str) -> Result<Written, BoardError> {
        let mut needed = steps(card, &self.card(&card.id).await?, progress);
        let is_old = matches!(self.look, Look::All { is_old: true, .. });
        if is_old && needed.as_ref().is_some_and(|steps| !steps.is_empty()) {
            self.look = Look::None;
            needed = steps(card, &self.card(&card.id).await?, progress);
        }
        let Some(steps) = needed else { return Ok(Written::LeftAlone) };
        let mut written = Changed::All;
        for change in steps {
            // Writes take their time, in which a person may be at the other cards.
            if let Look::All { is_old, .. } = &mut self.look {
                *is_old = true;
            }
            if self.board.change(&card.id, change).await? == Changed::TextKept {
                written = Changed::TextKept;
            }
        }
        Ok(Written::Yes(written))
    }

    /// What a card says: now, or as it was seen with all others.
    async fn card(&mut self, id: &str) -> Result<CardText, BoardError> {
        if matches!(self.look, Look::None) {
            // A list that is refused is none of one card's.
            let lost = |error: BoardError| BoardError::Lost(error.to_string());
            let texts = self.board.texts().await.map_err(lost)?;
            self.look = texts.map_or(Look::OneByOne, |texts| Look::All { texts, is_old: false });
        }
        match &self.look {
            Look::All { texts, .. } => texts.get(id).cloned().ok_or_else(gone),
            Look::None | Look::OneByOne => self.board.card(id).await,
        }
    }
}

fn gone() -> BoardError {
    BoardError::Refused("there is no such card".to_owned())
}

/// What has to be done to a card, step by step; none for one that is not ours to touch.
fn steps(card: &CardAt, there: &CardText, progress: &str) -> Option<Vec<CardChange>> {
    let column = there.column.filter(|column| card.may_be_at(*column))?;
    let description = with_progress(&there.description, progress);
    let mut description = Some(description).filter(|text| *text != there.description);
    let way = card.moving.filter(|to| *to != column).map_or_else(Vec::new, |to| column.way_to(to));
    let shift = |column| CardChange { column: Some(column), description: description.take() };
    let mut steps: Vec<CardChange> = way.into_iter().map(shift).collect();
    if description.is_some() {
        steps.push(CardChange { column: None, description });
    }
    Some(steps)
}
