//! The adapters: each room fulfils one of the engine's ports with something real.
//!
//! Rooms do not know each other; git is shared, and what is no port's (`failpoint`, `file`, `lock`). None of them decides
//! anything: they look, do, and say what came of it.

pub mod board;
pub mod clock;
pub mod config;
pub mod executor;
pub mod failpoint;
pub mod file;
pub mod forge;
pub mod git;
pub mod lock;
pub mod log;
pub mod notify;
pub mod radar;
pub mod sources;
pub mod state_dir;
