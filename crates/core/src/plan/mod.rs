//! The plan: what a source wrote down ([`spec`]) and what was checked ([`check`]).
//!
//! Knows nothing of files, of how a source is parsed, or of what has been done already.

pub mod check;
pub mod spec;

pub use check::{Checked, Code, Finding, Level, Plan, Task, check};
pub use spec::{Duration, PlanSpec, PlannedCommit, Priority, Spot, TaskSpec};
