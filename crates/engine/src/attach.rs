//! Commands from other processes: versioned JSON lines over a Unix socket that only the user may open.
//!
//! What a run looks like is read from its log by whoever wants to know; the socket takes commands and gives answers.

use crate::api::{Leave, RunHandle};
use ppe_core::input::{Command, Reply};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// The protocol's version; another one is refused by name.
pub const SCHEMA: &str = "ppe.control.v1";
/// The longest request, bytes: a revised plan is the largest.
const REQUEST_BYTES: u64 = 64 << 20;

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

/// Serves commands until the run is over.
pub async fn serve(listener: UnixListener, run: RunHandle) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_one(stream, run.clone()));
    }
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
pub async fn ask(socket: &Path, call: Call) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket).await?;
    let mut text = serde_json::to_string(&Request { schema: SCHEMA.to_owned(), call })?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the run ended before it answered"));
    }
    Ok(serde_json::from_str(&line)?)
}
