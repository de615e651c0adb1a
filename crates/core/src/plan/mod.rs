//! The plan: what a source wrote down ([`spec`]), what was checked ([`mod@check`]), which part of it runs
//! ([`mod@select`]), how two differ ([`Difference`]), and the documents that show it ([`show`]).
//!
//! Knows nothing of files, of how a source is parsed, or of what has been done already.

mod branch;
pub mod check;
mod differ;
mod edges;
mod finding;
mod ident;
mod next;
pub mod select;
mod shared;
pub mod show;
pub mod spec;

pub use check::{Checked, Plan, Task, check};
pub use differ::Difference;
pub use finding::{Code, Finding, Level};
pub use next::next_id;
pub use select::{SelectError, Selection, select, without_waiting};
pub use spec::{At, Duration, PlanSpec, PlannedCommit, Priority, Spot, TaskSpec};
