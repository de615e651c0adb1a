//! What a board answers, as values: text that is JSON, with whatever fields it has. Everything here was written by others:
//! it is cut to a size, and what cannot be understood is left out.

use ppe_core::card::{Card, Column};
use ppe_engine::ports::BoardError;
use serde_json::Value;

/// Letters of a title that are kept.
const TITLE: usize = 300;
/// Letters that an id may have.
const ID: usize = 200;

/// The answer of a tool. One that says that it failed is an error, however it says so.
pub(super) fn understood(text: &str, says_failed: bool) -> Result<Value, BoardError> {
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    if !says_failed && value.get("success") != Some(&Value::Bool(false)) {
        return Ok(value);
    }
    let word = |key: &str| value.get(key).and_then(Value::as_str);
    let why = match (word("error").or_else(|| word("message")), word("details")) {
        (Some(error), Some(details)) => format!("{error}: {details}"),
        (Some(error), None) => error.to_owned(),
        (None, _) => text.to_owned(),
    };
    let why = told(&why);
    // The server is there, and what it stands for is not.
    let lost = why.contains("Failed to connect");
    Err(if lost { BoardError::Lost(why) } else { BoardError::Refused(why) })
}

/// What a server says, as a line that may be shown.
pub(super) fn told(text: &str) -> String {
    ppe_core::text::shown(&ppe_core::wording::first_line(text, TITLE)).into_owned()
}

/// The rows of a list.
pub(super) fn rows<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    let list = answer.as_array().or_else(|| answer.get(key)?.as_array());
    list.map_or(&[], Vec::as_slice)
}

/// How many rows there are in all, where the answer says so.
pub(super) fn total(answer: &Value) -> Option<usize> {
    let total = answer.get("total_count").or_else(|| answer.get("total"))?;
    usize::try_from(total.as_u64()?).ok()
}

/// An id, which some write as a number.
pub(super) fn id(row: &Value) -> Option<String> {
    let id = match row.get("id")? {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.chars().count() <= ID).then_some(id)
}

/// A row as a card.
pub(super) fn card(row: &Value, column_key: &str) -> Option<Card> {
    let title = row.get("title").and_then(Value::as_str).unwrap_or_default();
    let title = title.chars().take(TITLE).collect();
    Some(Card { id: id(row)?, title, column: column(row, column_key), description: None })
}

/// What a row says that its card says.
pub(super) fn description(row: &Value) -> String {
    row.get("description").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Where a row says that its card stands.
pub(super) fn column(row: &Value, key: &str) -> Option<Column> {
    row.get(key).and_then(Value::as_str).and_then(Column::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_strange_is_left_out() {
        let text = r#"{"tasks":[{"id":"a","title":"T-1","status":"in-progress","new":[1]},{"id":7},{"title":"x"},3]}"#;
        let answer = understood(text, false).unwrap();
        let cards: Vec<_> = rows(&answer, "tasks").iter().filter_map(|row| card(row, "status")).collect();
        let first =
            Card { id: "a".into(), title: "T-1".into(), column: Some(Column::InProgress), description: None };
        assert_eq!(
            cards,
            [first, Card { id: "7".into(), title: String::new(), column: None, description: None }]
        );
        assert_eq!(rows(&Value::Null, "tasks"), [] as [Value; 0]);
    }

    #[test]
    fn a_failure_is_one_however_it_is_said() {
        let refused = |text: &str, failed| understood(text, failed).unwrap_err();
        let text = r#"{"success":false,"error":"Invalid status","details":"todo, done"}"#;
        assert_eq!(refused(text, false), BoardError::Refused("Invalid status: todo, done".into()));
        assert_eq!(refused(text, true), BoardError::Refused("Invalid status: todo, done".into()));
        assert_eq!(refused("not JSON", true), BoardError::Refused("not JSON".into()));
        let down = r#"{"success":false,"error":"Failed to connect to VK API"}"#;
        assert_eq!(refused(down, true), BoardError::Lost("Failed to connect to VK API".into()));
    }
}
