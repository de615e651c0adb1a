//! Whose matter an error is.

use ppe_core::input::Trouble;
use std::fmt::Display;

/// The machine's: files, processes, memory.
pub(super) fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}
