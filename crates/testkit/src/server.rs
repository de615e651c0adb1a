//! A server of a test: a Python program that says its port in its first line, and ends when its input does.
//!
//! Knows nothing of what is served.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Starts `python3` with these arguments and an environment that holds the search path alone; answers the process and its
/// port.
///
/// # Panics
/// When it does not start, or does not say its port.
pub(crate) fn start(command: &mut Command) -> (Child, u16) {
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("its first line");
    let told: Value = serde_json::from_str(&line).expect("its port as JSON");
    let port = told["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
    (child, port)
}
