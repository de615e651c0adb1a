//! The command line's screens, compared as text.

mod dashboard;
mod hostile;
mod plain;
mod summary;
mod world;
