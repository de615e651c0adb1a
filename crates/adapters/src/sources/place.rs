//! Findings at a place in a file.

use ppe_core::plan::{Code, Finding, Level, Spot};
use std::sync::Arc;

pub(super) fn spot(file: &Arc<str>, line: u32) -> Spot {
    Spot { file: file.clone(), line }
}

pub(super) fn error(code: Code, message: String, spot: Spot) -> Finding {
    Finding { level: Level::Error, code, message, spot: Some(spot) }
}

pub(super) fn warning(code: Code, message: String, spot: Spot) -> Finding {
    Finding { level: Level::Warning, code, message, spot: Some(spot) }
}
