//! A run in a process of its own, which outlives whoever started it.

use super::Site;
use super::control::ping;
use crate::error::AppError;
use ppe_adapters::executor::output::end;
use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// So much of what it said last tells why it ended.
const LAST_WORDS_BYTES: usize = 1_000;

/// A process that was started in the background.
pub(crate) struct Background {
    child: Child,
    /// The file that takes what it says.
    pub(crate) console: PathBuf,
    said_before: u64,
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
        /// What it said.
        said: String,
    },
}

impl Background {
    /// Starts this program with a command of its own that asks nothing: what there was to ask is in its arguments.
    pub(crate) fn start(site: &Site, command: &str, arguments: &[OsString]) -> Result<Self, AppError> {
        // The first run of a repository makes its state folder only later.
        DirBuilder::new().recursive(true).mode(0o700).create(site.state.folder())?;
        let console = console(site);
        let file = File::options().create(true).append(true).open(&console)?;
        let said_before = file.metadata()?.len();
        let child = Command::new(std::env::current_exe()?)
            .args([command, "--yes", "--plain"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // Out of the terminal's foreground group: its keys are not for this one.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, console, said_before })
    }

    /// How far it is.
    pub(crate) fn startup(&mut self, site: &Site) -> Result<Startup, AppError> {
        if ping(site) {
            return Ok(Startup::AtWork);
        }
        match self.child.try_wait()? {
            None => Ok(Startup::Preparing),
            Some(status) if status.success() => Ok(Startup::Ended),
            Some(status) => Ok(Startup::Failed { status: status.to_string(), said: self.said() }),
        }
    }

    /// Leaves it to itself: a thread of its own waits for its end, so that nothing of it stays behind in this process.
    pub(crate) fn let_go(mut self) {
        std::thread::spawn(move || drop(self.child.wait()));
    }

    /// The end of what the last one said.
    pub(crate) fn last_words(site: &Site) -> String {
        end(&console(site), LAST_WORDS_BYTES).unwrap_or_default().trim().to_owned()
    }

    /// What it said so far.
    fn said(&self) -> String {
        let all = std::fs::read(&self.console).unwrap_or_default();
        let from = usize::try_from(self.said_before).unwrap_or(usize::MAX).min(all.len());
        String::from_utf8_lossy(&all[from..]).into_owned()
    }
}

/// The file that takes what processes in the background say.
fn console(site: &Site) -> PathBuf {
    site.state.folder().join("console.log")
}
