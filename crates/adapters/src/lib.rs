//! What the executor touches outside itself, one room for each thing.

pub mod forge;
pub mod git;
