//! A server that is a program: in a process group of its own, with a bounded environment, ended with us. What it complains
//! of is kept, up to a size. Knows nothing of what it is told.

use super::McpSettings;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;
use tokio::net::unix::pipe;

/// What is kept of its complaints, bytes.
const COMPLAINTS: u64 = 1 << 20;
/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// A server's process. Dropping it ends its group.
pub(super) struct Server(Option<Child>);

impl Server {
    /// Starts a program; answers what it prints and what it reads as well.
    pub(super) fn start(
        argv: &[String],
        settings: &McpSettings,
    ) -> io::Result<(Self, pipe::Receiver, pipe::Sender)> {
        let (program, args) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&settings.env).current_dir(&settings.folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let server = Self(Some(child));
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        keep_complaints(stderr, settings.complaints.as_deref())?;
        let stdout = pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))?;
        Ok((server, stdout, pipe::Sender::from_owned_fd(OwnedFd::from(stdin))?))
    }
}

/// On a thread of its own, so that it can never be held up by a full pipe.
fn keep_complaints(stderr: ChildStderr, file: Option<&Path>) -> io::Result<()> {
    let mut file = file.map(File::create).transpose()?;
    let copy = move || {
        let mut stderr = stderr;
        if let Some(file) = &mut file {
            drop(io::copy(&mut stderr.by_ref().take(COMPLAINTS), file));
        }
        drop(io::copy(&mut stderr, &mut io::sink()));
    };
    std::thread::Builder::new().name("board-stderr".to_owned()).spawn(copy).map(drop)
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        let Ok(group) = i32::try_from(child.id()).map(Pid::from_raw) else { return };
        let _gone = killpg(group, Signal::SIGTERM);
        let reap = move || {
            std::thread::sleep(GRACE);
            // Not reaped yet: the number is still its own.
            let _gone = killpg(group, Signal::SIGKILL);
            drop(child.wait());
        };
        drop(std::thread::Builder::new().name("board-end".to_owned()).spawn(reap));
    }
}
