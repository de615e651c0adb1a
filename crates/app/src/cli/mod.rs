//! The command line: one command, one file.
//!
//! Knows the engine's operations and the core's words, and nothing of adapters.

mod plan_graph;
mod plan_text;
