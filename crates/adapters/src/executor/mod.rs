//! Where an agent runs: workspaces, agents, and jobs, each under a shim with a folder of its own.

pub mod acp;
pub mod coverage;
pub mod drivers;
pub mod job;
pub mod local;
pub mod modules;
mod orphans;
pub mod output;
pub mod process;
pub mod record;
pub mod script;
pub mod shim;
