//! JSON whose values know where they stand in their file.
//!
//! A value is a piece of the file's own text, so its place is where that text lies. Knows nothing of what it means.

use super::files::{Found, read_text};
use super::place::{error, spot};
use ppe_core::plan::{Code, Finding, Spot};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A JSON file.
pub(super) struct Document {
    file: Arc<str>,
    text: String,
    /// Where each line begins.
    starts: Vec<usize>,
}

/// A value in a document.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    document: &'a Document,
    text: &'a str,
}

/// The members of an object.
pub(super) type Members<'a> = BTreeMap<String, Value<'a>>;

impl Document {
    /// Reads a file; a finding when it is no text.
    pub(super) fn open(found: &Found, findings: &mut Vec<Finding>) -> Option<Self> {
        let text = read_text(found, findings)?;
        let starts = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Some(Self { file: found.shown.clone(), text, starts })
    }

    /// The whole as a value; a finding when it is no JSON.
    pub(super) fn value(&self, findings: &mut Vec<Finding>) -> Option<Value<'_>> {
        if let Some(at) = escaped_nul(&self.text) {
            findings.push(error(Code::Unreadable, "holds a NUL".to_owned(), self.spot(at)));
            return None;
        }
        match serde_json::from_str::<&RawValue>(&self.text) {
            Ok(raw) => Some(Value { document: self, text: raw.get() }),
            Err(wrong) => {
                let line = u32::try_from(wrong.line()).unwrap_or(u32::MAX).max(1);
                findings.push(error(
                    Code::Unreadable,
                    format!("is not JSON: {wrong}"),
                    spot(&self.file, line),
                ));
                None
            }
        }
    }

    fn spot(&self, offset: usize) -> Spot {
        let line = self.starts.partition_point(|start| *start <= offset);
        spot(&self.file, u32::try_from(line).unwrap_or(u32::MAX))
    }
}

impl<'a> Value<'a> {
    /// Where it stands.
    pub(super) fn spot(self) -> Spot {
        self.document.spot(self.text.as_ptr().addr().saturating_sub(self.document.text.as_ptr().addr()))
    }

    /// The members that have a value, when it is an object.
    pub(super) fn members(self) -> Option<Members<'a>> {
        let raw: BTreeMap<String, &'a RawValue> = serde_json::from_str(self.text).ok()?;
        let value = |raw: &'a RawValue| Value { document: self.document, text: raw.get() };
        let there = raw.into_iter().filter(|(_, raw)| raw.get() != "null");
        Some(there.map(|(name, raw)| (name, value(raw))).collect())
    }

    /// The elements, when it is a list.
    pub(super) fn elements(self) -> Option<Vec<Value<'a>>> {
        let raw: Vec<&'a RawValue> = serde_json::from_str(self.text).ok()?;
        Some(raw.into_iter().map(|raw| Value { document: self.document, text: raw.get() }).collect())
    }

    /// The text of a string, the digits of a number.
    pub(super) fn text(self) -> Option<String> {
        match self.text.bytes().next()? {
            b'"' => serde_json::from_str(self.text).ok(),
            b'-' | b'0'..=b'9' => Some(self.text.to_owned()),
            _ => None,
        }
    }
}

/// Where a NUL is spelled out, if one is: nothing that is made of it could be written to a file of text.
pub(super) fn escaped_nul(json: &str) -> Option<usize> {
    json.match_indices("\\u0000").map(|(at, _)| at).find(|at| {
        let before = &json.as_bytes()[..*at];
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.json"), text).unwrap();
        Document::open(&Found::below(folder.path(), "x.json"), &mut Vec::new()).unwrap()
    }

    #[test]
    fn every_value_knows_its_line() {
        let document = document("{\n \"a\": [1,\n  \"b\\n\"],\n \"c\": null}\n");
        let members = document.value(&mut Vec::new()).unwrap().members().unwrap();
        assert_eq!(members.keys().collect::<Vec<_>>(), ["a"]);
        let elements = members["a"].elements().unwrap();
        let seen: Vec<_> = elements.iter().map(|v| (v.text().unwrap(), v.spot().line)).collect();
        assert_eq!(seen, [("1".to_owned(), 2), ("b\n".to_owned(), 3)]);
        assert!(members["a"].members().is_none() && elements[0].elements().is_none());
    }

    #[test]
    fn what_is_no_json_is_named_with_its_line() {
        let said = |text: &str| {
            let mut findings = Vec::new();
            assert!(document(text).value(&mut findings).is_none());
            findings[0].to_string()
        };
        assert_eq!(said("{\n\"a\": }\n"), "x.json:2: is not JSON: expected value at line 2 column 6");
        assert_eq!(said("[\n\n\"a\\u0000\"]"), "x.json:3: holds a NUL");
        assert_eq!(escaped_nul(r#""a\\u0000""#), None);
    }
}
