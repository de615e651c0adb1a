//! The git room and the local forge against real repositories.

mod attack;
mod forge;
mod lane;
mod repo;
mod snapshot;
mod workspace;
mod world;
