//! Boards: a server that speaks the Model Context Protocol, or a Markdown file. Knows nothing of what a column means for a
//! task.

mod markdown;
mod mcp;

pub use markdown::MarkdownBoard;
pub use mcp::{McpBoard, McpSettings, Place};

use ppe_core::card::{Card, Column};
use ppe_engine::ports::{Board, BoardError, CardChange, CardText, Changed};
use std::collections::BTreeMap;

/// The board of a run.
pub enum RunBoard {
    /// None.
    Nowhere,
    /// A server.
    Mcp(Box<McpBoard>),
    /// A file.
    Markdown(MarkdownBoard),
}

impl Board for RunBoard {
    fn is_there(&self) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Mcp(_) | Self::Markdown(_) => true,
        }
    }

    async fn cards(&self, column: Option<Column>) -> Result<Vec<Card>, BoardError> {
        match self {
            Self::Nowhere => Ok(Vec::new()),
            Self::Mcp(board) => board.cards(column).await,
            Self::Markdown(board) => board.cards(column),
        }
    }

    async fn texts(&self) -> Result<Option<BTreeMap<String, CardText>>, BoardError> {
        match self {
            Self::Nowhere | Self::Markdown(_) => Ok(None),
            Self::Mcp(board) => board.texts().await,
        }
    }

    async fn card(&self, id: &str) -> Result<CardText, BoardError> {
        match self {
            Self::Nowhere => Err(BoardError::Refused("there is no board".to_owned())),
            Self::Mcp(board) => board.card(id).await,
            Self::Markdown(board) => board.card(id),
        }
    }

    async fn change(&self, id: &str, change: CardChange) -> Result<Changed, BoardError> {
        match self {
            Self::Nowhere => Err(BoardError::Refused("there is no board".to_owned())),
            Self::Mcp(board) => board.change(id, change).await,
            Self::Markdown(board) => board.change(id, &change).map(|()| Changed::All),
        }
    }
}
