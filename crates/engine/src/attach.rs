//! Commands from other processes: versioned JSON lines over a Unix socket that only the user may open.
//!
//! What a run looks like is read from its log by whoever wants to know; the socket takes commands and gives answers.

use crate::api::{Leave, RunHandle};
use ppe_core::input::{Command, Reply};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// The protocol's version; another one is refused by name.
pub const SCHEMA: &str = "ppe.control.v1";
/// The longest request, bytes: a revised plan is the largest.
const REQUEST_BYTES: u64 = 64 << 20;
/// How long a run that is over waits for those who have come and not yet asked.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// A command on the run.
    Command(Command),
    /// Whether someone is there.
    Ping,
    /// Leave the run; agents go on.
    Leave,
}

#[derive(Serialize, Deserialize)]
struct Request {
    schema: String,
    call: Call,
}

/// The run's end of the socket, at work.
pub struct Server {
    over: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Takes commands from now on.
    pub fn start(listener: UnixListener, run: RunHandle) -> Self {
        let (over, closing) = oneshot::channel();
        Self { over, task: tokio::spawn(serve(listener, run, closing)) }
    }

    /// Takes no more, once all who asked have their answer: the run may have ended by the command itself.
    pub async fn close(self) {
        drop(self.over);
        // A task that panicked has nobody left to answer.
        drop(self.task.await);
    }
}

async fn serve(listener: UnixListener, run: RunHandle, mut closing: oneshot::Receiver<()>) {
    let mut asking = JoinSet::new();
    loop {
        tokio::select! {
            // Who has come before the end is let in.
            biased;
            Ok((stream, _)) = listener.accept() => drop(asking.spawn(serve_one(stream, run.clone()))),
            Some(_) = asking.join_next() => {}
            _ = &mut closing => break,
        }
    }
    drop(tokio::time::timeout(LAST_ANSWERS, async { while asking.join_next().await.is_some() {} }).await);
}

async fn serve_one(stream: UnixStream, run: RunHandle) {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(REQUEST_BYTES));
    if reader.read_line(&mut line).await.is_err() {
        return;
    }
    let reply = match serde_json::from_str::<Request>(&line) {
        Ok(request) if request.schema == SCHEMA => answer(&run, request.call).await,
        Ok(request) => Reply::Refused(format!("this run speaks {SCHEMA}, not {}", request.schema)),
        Err(error) => Reply::Refused(format!("not a request: {error}")),
    };
    if let Ok(mut text) = serde_json::to_string(&reply) {
        text.push('\n');
        // Who asked may have gone.
        drop(writer.write_all(text.as_bytes()).await);
    }
}

async fn answer(run: &RunHandle, call: Call) -> Reply {
    let over = |_| Reply::Refused("the run is over".to_owned());
    match call {
        Call::Ping => Reply::Done("here".to_owned()),
        Call::Command(command) => run.command(command).await.unwrap_or_else(over),
        Call::Leave => match run.leave(Leave::Now).await {
            Ok(()) => Reply::Done("leaving; agents go on".to_owned()),
            Err(gone) => over(gone),
        },
    }
}

/// Asks the run behind a socket.
pub async fn ask(socket: &Path, call: &Call) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut text = serde_json::to_string(&Request { schema: SCHEMA.to_owned(), call: call.clone() })?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the run ended before it answered"));
    }
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Request, Snapshot};
    use ppe_core::ids::{Millis, Seq, TaskId};
    use ppe_core::plan::{PlanSpec, Spot, TaskSpec, check};
    use ppe_core::state::{State, StopMode};
    use std::sync::Arc;
    use tokio::sync::{broadcast, mpsc, watch};

    /// A `stop` with nobody at work ends the run at once; whoever asked is told before the process is gone.
    #[test]
    fn a_command_that_ends_the_run_is_answered() {
        let (requests, mut inbox) = mpsc::channel(1);
        let spot = Spot { file: "plan.md".into(), line: 1 };
        let tasks = vec![TaskSpec::bare(TaskId::new("T-1"), "One", spot)];
        let plan = check(PlanSpec { name: "p".into(), tasks }, Vec::new()).plan.expect("a sound plan");
        let state = Arc::new(State::new(Arc::new(plan)));
        let (_looks, snapshots) =
            watch::channel(Snapshot { state, seq: Seq::default(), now: Millis::default(), stalled: None });
        let run = RunHandle { requests, snapshots, tail: broadcast::channel(1).0 };
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("run.sock");
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");

        let process = runtime();
        let listener = process.block_on(async { UnixListener::bind(&path).expect("a socket") });
        let stop = Call::Command(Command::Stop(StopMode::Agents));
        let asked = std::thread::spawn(move || runtime().block_on(ask(&path, &stop)));
        process.block_on(async {
            let server = Server::start(listener, run);
            let Some(Request::Command(_, answer)) = inbox.recv().await else { panic!("no command came") };
            answer.send(Reply::Done("stopped".to_owned())).expect("someone waits");
            server.close().await;
        });
        drop(process);
        let reply = asked.join().expect("no panic").expect("an answer");
        assert_eq!(reply, Reply::Done("stopped".to_owned()));
    }
}
