//! The pure core of the parallel plan executor: what a plan is, what has happened, and what follows from it.
//!
//! Knows no clock, no randomness, no files, no processes and no async: time and outcomes arrive as data. Everything
//! that decides lives here, so that the simulator, the tests and the product decide alike.

pub mod board;
pub mod card;
pub mod decide;
pub mod event;
pub mod graph;
pub mod ids;
pub mod input;
pub mod intent;
pub mod invariant;
pub mod mutant;
pub mod outcome;
pub mod plan;
pub mod policy;
pub mod prompt;
pub mod question;
pub mod rank;
pub mod report;
pub mod scope;
pub mod sim;
pub mod state;
pub mod text;
pub mod usage;
pub mod view;
pub mod wishes;
pub mod wording;
