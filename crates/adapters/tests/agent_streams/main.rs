//! Recorded streams of real agents, replayed through their drivers: what each end means, and what nothing may break.
//!
//! `recordings/` holds what the programs printed, long texts and lists cut; `index.json` says by which command, and how
//! the process ended.

#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails; the lint exempts test functions only"
)]

mod claude;
mod codex;
mod gemini;
mod hostile;
mod opencode;
mod replay;
