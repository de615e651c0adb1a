//! The adapters: everything that touches the world on behalf of the engine.
//!
//! Each room implements a port and knows nothing of the others; only git is shared.

pub mod sources;
