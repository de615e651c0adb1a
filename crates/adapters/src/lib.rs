//! Adapters: everything that touches the machine. Rooms here never import each other.

pub mod executor;
pub mod failpoint;
