//! The git room and the local forge against real repositories.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails; the lint exempts test functions only"
)]

mod attack;
mod attribution;
mod forge;
mod hooks;
mod lane;
mod radar;
mod repo;
mod snapshot;
mod stack;
mod workspace;
mod world;
