//! Forges: where changes are reviewed, checked and merged.

mod commits;
pub mod github;
pub mod local;
