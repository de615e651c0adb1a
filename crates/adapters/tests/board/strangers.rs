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

#[test]
fn a_stranger_at_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("node");
    command.arg(program()).arg("streamableHttp").env("PORT", port.to_string());
    let _server = Ours(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let url = format!("http://127.0.0.1:{port}/mcp");
    is_understood_and_no_board(McpBoard::new(settings(Place::Url(url), folder.path())));
}
