//! Whole runs of the real binary, killed with SIGKILL at named points, half-way through writes and at random moments,
//! and gone on with by `ppe resume`: the end must be that of a run which nobody killed. `PPE_TEST_LONG=1` takes every
//! point at several hits, and more random moments; `PPE_KILL_ONLY=text` only cases with that text; `PPE_KILL_SEED=n`
//! other random moments; `PPE_KILL_KEEP=DIR` keeps the folder of each case that failed.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

mod disk;
mod matrix;
mod world;
