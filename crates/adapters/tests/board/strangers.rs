//! A server that is not ours, `@modelcontextprotocol/server-everything`: it is no board, but what its tools are is learned
//! over streams and at an address.

use crate::{settings, wait};
use ppe_adapters::board::{McpBoard, Place};
use ppe_engine::ports::BoardError;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn program() -> PathBuf {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mcp-servers/node_modules");
    let program = modules.join("@modelcontextprotocol/server-everything/dist/index.js");
    assert!(program.is_file(), "{} is not there: scripts/mcp-servers gets it", program.display());
    program
}

#[track_caller]
fn is_understood_and_no_board(board: McpBoard) {
    let Err(BoardError::Lost(why)) = wait(board.kind()) else { panic!("it is no board") };
    assert!(why.contains("is no board that is known; it has echo, "), "{why}");
}

#[test]
fn a_stranger_over_streams() {
    let folder = tempfile::tempdir().unwrap();
    let argv = ["node".to_owned(), program().display().to_string(), "stdio".to_owned()].to_vec();
    is_understood_and_no_board(McpBoard::new(settings(Place::Server(argv), folder.path())));
}

/// Ended when dropped.
struct Ours(Child);

impl Drop for Ours {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Ports that are free now, and that no system gives to anybody who did not ask for that one.
fn free_ports() -> impl Iterator<Item = u16> {
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let ports = (0..10_000).map(move |n| 20_000 + (first + n) % 10_000);
    ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// The server where it listens, and its port.
fn listening() -> (Ours, u16) {
    let start = Instant::now();
    for port in free_ports() {
        let mut command = Command::new("node");
        command.arg(program()).arg("streamableHttp").env("PORT", port.to_string());
        let mut server = Ours(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        // It ends where somebody else was faster.
        while server.0.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (server, port);
            }
            assert!(start.elapsed() < Duration::from_secs(30), "it does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("no port is free");
}

#[test]
fn a_stranger_at_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, port) = listening();
    let url = format!("http://127.0.0.1:{port}/mcp");
    is_understood_and_no_board(McpBoard::new(settings(Place::Url(url), folder.path())));
}
