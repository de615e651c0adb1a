//! What the `Forge` and `Lane` ports promise, asked of every forge; and what each does besides.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails; the lint exempts test functions only"
)]

mod auto_merge;
mod bench;
mod checks;
mod clearing;
mod conformance;
mod emulated;
mod faults;
mod issues;
mod merging;
mod people;
mod queueing;
mod reviews;
mod secrets;
mod stacks;
mod tls;
mod webhook;
