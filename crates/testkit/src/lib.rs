//! What tests of the other rooms share; nothing of it is in the product.

pub mod board;
pub mod cost;
pub mod drive;
pub mod emulator;
pub mod env;
pub mod fingerprint;
pub mod git;
pub mod github;
pub mod loopback;
pub mod mcp;
pub mod model;
mod server;
pub mod sim;
