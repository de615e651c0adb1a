//! The shell around the core: it performs what the core decides, through the ports, and feeds back what came of it.
//!
//! Knows no vendor, no file layout and no process: those are behind the ports.

pub mod api;
pub mod attach;
pub mod mirror;
mod notice;
mod perform;
pub mod ports;
pub mod run_loop;
pub mod session;
mod sweep;
mod writer;
