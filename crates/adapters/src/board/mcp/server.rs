//! A server that is a program: in a process group of its own, with a bounded environment, ended with us. What it complains
//! of is kept, up to a size, and its last words are told where it cannot be used. Knows nothing of what it is told.

use super::McpSettings;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

/// What is kept of its complaints, bytes.
const COMPLAINTS: u64 = 1 << 20;
/// What is kept of its last words, bytes.
const WORDS: usize = 4096;
/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_millis(500);
/// How long one that failed may take to end by itself, and how long until all that it said is there.
const LAST_WORDS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// A server's process. Dropping it ends its group.
pub(super) struct Server {
    child: Option<Child>,
    /// The end of what it complained of, once it has closed that.
    complained: oneshot::Receiver<Vec<u8>>,
}

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
        let (ended, complained) = oneshot::channel();
        let server = Self { child: Some(child), complained };
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        keep_complaints(stderr, settings.complaints.as_deref(), ended)?;
        let stdout = pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))?;
        Ok((server, stdout, pipe::Sender::from_owned_fd(OwnedFd::from(stdin))?))
    }

    /// Lets it end, or ends it; the last line that it complained with, if there is any.
    pub(super) async fn last_words(mut self) -> Option<String> {
        let mut said = tokio::time::timeout(LAST_WORDS.0, &mut self.complained).await;
        if said.is_err() {
            self.end();
            said = tokio::time::timeout(LAST_WORDS.1, &mut self.complained).await;
        }
        let said = said.ok()?.ok()?;
        let said = String::from_utf8_lossy(&said);
        said.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
    }

    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
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

/// On a thread of its own, so that it can never be held up by a full pipe.
fn keep_complaints(
    mut stderr: ChildStderr,
    file: Option<&Path>,
    ended: oneshot::Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut file = file.map(complaints).transpose()?;
    let copy = move || {
        let (mut buffer, mut last) = ([0; WORDS], Vec::new());
        loop {
            let said = match stderr.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if let Some((file, left)) = &mut file {
                let kept = said.get(..*left).unwrap_or(said);
                drop(file.write_all(kept));
                *left -= kept.len();
            }
            last.extend_from_slice(said);
            last.drain(..last.len().saturating_sub(WORDS));
        }
        drop(ended.send(last));
    };
    std::thread::Builder::new().name("board-stderr".to_owned()).spawn(copy).map(drop)
}

/// The file for complaints, and how much goes into it. What servers before this one said stays while there is room.
fn complaints(path: &Path) -> io::Result<(File, usize)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if file.metadata()?.len() >= COMPLAINTS {
        file.set_len(0)?;
    }
    let left = COMPLAINTS.saturating_sub(file.metadata()?.len());
    Ok((file, usize::try_from(left).unwrap_or(usize::MAX)))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
