//! What the engine asks of the world, one port per concern, each with its contract in prose.
//!
//! Knows no implementation: the adapters fulfil the contracts, and each port has one conformance suite for all of them.

pub mod log;
