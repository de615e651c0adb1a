//! The shim at the level of the real binary: killed at every point, held up, cut off, and asked to supervise
//! programs that behave badly. `make test-all` adds rounds of random kills and of escaping programs.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "the whole of this program is a test")]

mod kills;
mod long;
mod programs;
mod stops;
mod world;
