//! Forges: where changes are reviewed, checked and merged.

pub mod github;
pub mod local;
