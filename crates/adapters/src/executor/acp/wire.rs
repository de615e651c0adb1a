//! The wire to the agent's program: its process, lines to it and from it, and the wish to stop.
//!
//! Threads carry them, so that neither side can hold the other up. Knows no message.

use nix::sys::signal::{SigSet, Signal};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// A longer line is passed over: nothing that a client needs is so long.
const LINE_CAP_BYTES: u64 = 16 * 1024 * 1024;
/// So many lines wait to be dealt with before the agent has to.
const LINES_WAITING: usize = 64;
/// How often it is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// What comes over the wire.
#[derive(Debug)]
pub(super) enum Heard {
    /// A line of the agent's.
    Line(String),
    /// A line that is too long to be kept: its beginning.
    Cut(String),
    /// The agent says nothing more.
    Closed,
    /// We are to stop.
    Stop,
}

/// Lines to the agent, and what comes from it.
pub(super) struct Wire {
    to: Sender<String>,
    from: Receiver<Heard>,
}

/// The agent's process.
pub(super) struct Agent {
    child: Child,
}

impl Wire {
    /// Starts the program in a process group of its own: a signal to ours must not reach it, since it is told in words.
    /// Must be called while the process has one thread.
    pub(super) fn start(argv: &[OsString]) -> io::Result<(Self, Agent)> {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).process_group(0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        // After the program has begun, which would have them blocked as well, and all that it starts; and before there is
        // a second thread, so that every one of them leaves a signal to the one that waits for it.
        let stop: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
        stop.thread_block()?;
        let (to, lines) = channel();
        let (heard, from) = sync_channel(LINES_WAITING);
        if let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
            std::thread::spawn(move || write(stdin, &lines));
            let tell = heard.clone();
            std::thread::spawn(move || read(stdout, &tell));
        }
        std::thread::spawn(move || while stop.wait().is_ok() && heard.send(Heard::Stop).is_ok() {});
        Ok((Self { to, from }, Agent { child }))
    }

    /// Sends a line. One that cannot be sent is noticed by what is not heard any more.
    pub(super) fn send(&self, line: String) {
        let _gone = self.to.send(line);
    }

    /// What is heard next; nothing if the moment comes first.
    pub(super) fn hear(&self, until: Option<Instant>) -> Option<Heard> {
        let Some(until) = until else { return Some(self.from.recv().unwrap_or(Heard::Closed)) };
        match self.from.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(heard) => Some(heard),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Heard::Closed),
        }
    }
}

impl Agent {
    /// How it ended, if it has within this time.
    pub(super) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

/// How a process ended, in words.
pub(super) fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    }
}

fn write(mut stdin: ChildStdin, lines: &Receiver<String>) {
    while let Ok(mut line) = lines.recv() {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read(stdout: ChildStdout, tell: &SyncSender<Heard>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = (&mut stdout).take(LINE_CAP_BYTES).read_until(b'\n', &mut line);
        let whole =
            line.len() < usize::try_from(LINE_CAP_BYTES).unwrap_or(usize::MAX) || line.ends_with(b"\n");
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let heard = match read {
            Ok(0) | Err(_) => Heard::Closed,
            Ok(_) if whole => Heard::Line(text),
            Ok(_) => {
                // The rest of it, in pieces.
                let mut rest = Vec::new();
                while matches!((&mut stdout).take(LINE_CAP_BYTES).read_until(b'\n', &mut rest), Ok(n) if n > 0)
                    && !rest.ends_with(b"\n")
                {
                    rest.clear();
                }
                Heard::Cut(text)
            }
        };
        let closed = matches!(heard, Heard::Closed);
        if tell.send(heard).is_err() || closed {
            return;
        }
    }
}
