//! A server of the Model Context Protocol that speaks on standard input and output, put behind HTTP for suites that know
//! nothing else. Knows no server.

use crate::server;
use std::ffi::{OsStr, OsString};
use std::process::{Child, Command};

/// The bridge. Ended when dropped, with every process of the server.
pub struct Bridge {
    child: Child,
    port: u16,
}

/// A command with its folder and environment in its arguments, for programs that start others with their own.
pub fn self_contained(command: &Command) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["env", "-i"].map(OsString::from).to_vec();
    if let Some(folder) = command.get_current_dir() {
        words.extend([OsStr::new("-C").to_owned(), folder.as_os_str().to_owned()]);
    }
    for (name, value) in command.get_envs() {
        let mut word = name.to_owned();
        word.push("=");
        word.push(value.unwrap_or_default());
        words.push(word);
    }
    words.push(command.get_program().to_owned());
    words.extend(command.get_args().map(OsStr::to_owned));
    words
}

impl Bridge {
    /// Puts a server behind HTTP.
    ///
    /// # Panics
    /// When it does not start: it needs `python3`.
    pub fn start(server: &Command) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/mcp/http_bridge.py");
        let mut command = Command::new("python3");
        command.args(["-u", program]).args(self_contained(server));
        let (child, port) = server::start(&mut command);
        Self { child, port }
    }

    /// Where it is found.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // It ends its servers when its input ends.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
