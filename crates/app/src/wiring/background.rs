//! A run in a process of its own, which outlives whoever started it.

use super::Site;
use super::control::ping;
use crate::error::AppError;
use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A process that was started in the background.
pub(crate) struct Background {
    child: Child,
    /// The file that takes what it says.
    pub(crate) console: PathBuf,
}

/// How far a process in the background is.
pub(crate) enum Startup {
    /// It looks at what there is before its run begins.
    Preparing,
    /// Its run has begun.
    AtWork,
    /// It has ended, well.
    Ended,
    /// It has ended, and says why.
    Failed {
        /// How, as the system tells it.
        status: String,
    },
}

impl Background {
    /// Starts this program with a command of its own that asks nothing.
    pub(crate) fn start(site: &Site, command: &[OsString]) -> Result<Self, AppError> {
        // The first run of a repository makes its state folder only later.
        DirBuilder::new().recursive(true).mode(0o700).create(site.state.folder())?;
        let console = console(site);
        let file = File::options().create(true).append(true).open(&console)?;
        let child = Command::new(std::env::current_exe()?)
            .args(command)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Out of the terminal's foreground group: its keys are not for this one.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, console })
    }

    /// How far it is.
    pub(crate) fn startup(&mut self, site: &Site) -> Result<Startup, AppError> {
        if ping(site) {
            return Ok(Startup::AtWork);
        }
        match self.child.try_wait()? {
            None => Ok(Startup::Preparing),
            Some(status) if status.success() => Ok(Startup::Ended),
            Some(status) => Ok(Startup::Failed { status: status.to_string() }),
        }
    }
}

/// The file that takes what processes in the background say.
fn console(site: &Site) -> PathBuf {
    site.state.folder().join("console.log")
}
