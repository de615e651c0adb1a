//! Forges: where changes are reviewed, checked and merged.

pub mod local;
