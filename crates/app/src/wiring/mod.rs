//! Builds adapters and hands them to the engine. The one room of the program that sees both.

mod launch;
mod preflight;
mod runs;
mod site;

pub(crate) use launch::{Launched, LocalPorts, launch};
pub(crate) use preflight::{Check, CheckLevel, Preflight, preflight};
pub(crate) use runs::{Found, RunLock, create_run, latest, open_run};
pub(crate) use site::{Site, find_plan, read_plan, settings_only};
