//! What a tool answers: a document and the same in words, in which nothing of a plan or an agent acts.

use crate::error::AppError;
use ppe_core::text::shown;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, InputRequiredResult};
use serde::Serialize;
use serde_json::Value;

/// How a call goes on.
pub(super) enum Turn {
    /// It is answered.
    Answer(Answer),
    /// The user is asked first, by the client.
    Asks(InputRequiredResult),
}

/// An answer.
pub(super) struct Answer {
    lines: Vec<String>,
    document: Value,
}

impl Answer {
    /// A document, and the lines that say the same.
    pub(super) fn new(document: &impl Serialize, lines: Vec<String>) -> Result<Self, AppError> {
        let lines = lines.iter().map(|line| shown(line).into_owned()).collect();
        Ok(Self { lines, document: harmless(serde_json::to_value(document)?) })
    }
}

impl From<Answer> for Turn {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<Turn> for CallToolResponse {
    fn from(turn: Turn) -> Self {
        match turn {
            Turn::Asks(input) => input.into(),
            Turn::Answer(Answer { lines, document }) => {
                let mut result = CallToolResult::structured(document);
                result.content = vec![ContentBlock::text(lines.join("\n"))];
                result.into()
            }
        }
    }
}

/// A failure as an answer that the client's model can read.
pub(super) fn failure(error: &AppError) -> CallToolResponse {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().map(|line| shown(line)).collect();
    CallToolResult::error(vec![ContentBlock::text(lines.join("\n"))]).into()
}

/// The same with every text made harmless.
pub(super) fn harmless(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(shown(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(harmless).collect()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, harmless(value))).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}
