//! A server of a test: a program that says its port in its first line, and ends when its input does.
//!
//! Knows nothing of what is served.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Starts a program with these arguments and an environment that holds the search path alone; answers the process and its
/// port.
///
/// # Panics
/// When it does not start, or does not say its port.
pub(crate) fn start(command: &mut Command) -> (Child, u16) {
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("its first line");
    let told: Value = serde_json::from_str(&line).expect("its port as JSON");
    let port = told["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
    (child, port)
}

/// Asks it for something as whom a token says: status and body.
///
/// # Panics
/// When there is no answer.
pub(crate) fn ask(port: u16, token: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the server is there");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    (status, body.to_owned())
}
