//! What touches the world: files, processes, git, forges. Each room implements ports of the engine and knows none of
//! the others.

pub mod config;
