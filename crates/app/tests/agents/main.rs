//! Real coding agents, started by the real binary, from end to end: plans that land, kills, limits, refusals, costs.
//!
//! The agents are those that `scripts/agent-clis` installs; their model is a server on loopback whose answers are written
//! beforehand. They get an environment of their own, a key that opens nothing and, where this user may make one, a
//! network without anything but loopback. `make test-agents` runs all but `more`, `make test-all` those too.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

mod asking;
mod landing;
mod limits;
mod more;
mod place;
mod plugins;
mod resume;
mod review;
mod usage;
