//! stub
pub(super) mod dashboard;
pub(super) mod plain;
pub(super) mod summary;
