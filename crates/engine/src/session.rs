//! A run read back from its log. Folding never decides: the same records give the same state for ever.

use ppe_core::event::Record;
use ppe_core::ids::Seq;
use ppe_core::plan::Plan;
use ppe_core::state::State;
use std::sync::Arc;

/// A log that cannot be folded: it is shown, and nothing is appended to it.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// A record that this version does not understand.
    #[error("record {seq} is not understood by this version: {why}")]
    Unknown {
        /// The record's number.
        seq: u64,
        /// What about it.
        why: String,
    },
    /// A record that cannot follow the ones before it.
    #[error("record {seq} contradicts the ones before it: {why}")]
    Contradiction {
        /// The record's number.
        seq: u64,
        /// What about it.
        why: String,
    },
}

/// Folds a run's records over its plan.
pub fn fold(plan: Plan, records: &[String]) -> Result<State, FoldError> {
    let mut state = State::new(Arc::new(plan));
    fold_on(&mut state, Seq(0), records)?;
    Ok(state)
}

/// Folds the records that have come behind the record `last`. After an error the state is of no use any more.
pub fn fold_on(state: &mut State, last: Seq, records: &[String]) -> Result<(), FoldError> {
    for (seq, line) in (last.0 + 1..).zip(records) {
        let record = Record::of_line(line).map_err(|e| FoldError::Unknown { seq, why: e.to_string() })?;
        state.apply(&record).map_err(|e| FoldError::Contradiction { seq, why: e.to_string() })?;
    }
    Ok(())
}
