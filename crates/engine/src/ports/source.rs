//! Where plans are read from. Knows nothing of what makes a plan valid.

use ppe_core::plan::{Finding, PlanSpec};

/// A source could not be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {why}")]
pub struct SourceError {
    /// The folder or file.
    pub place: String,
    /// Why.
    pub why: String,
}

/// A place that holds a plan. Reading changes nothing; findings carry their places, and only what makes reading
/// impossible as a whole is an error.
pub trait PlanSource {
    /// Reads the plan as it is written now.
    fn read(&self) -> Result<(PlanSpec, Vec<Finding>), SourceError>;
}
