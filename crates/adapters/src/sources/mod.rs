//! Where plans are read from. Each source turns what it finds into a plan as written, with the place of every value.
//!
//! Knows nothing of whether a plan is valid; that is checked in core, for all sources alike.

pub mod markdown;
