//! Boards behind the Model Context Protocol: one conformance suite for every dialect, over streams and addresses, in both
//! eras of the protocol; and what goes wrong there.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

mod conformance;
mod faults;
mod strangers;

use ppe_adapters::board::{McpBoard, McpSettings, Place};
use ppe_testkit::board::Shelf;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Waits for what a board answers.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

fn settings(place: Place, folder: &Path) -> McpSettings {
    let path = std::env::var("PATH").unwrap();
    McpSettings {
        place,
        project: None,
        token: None,
        env: BTreeMap::from([("PATH".to_owned(), path)]),
        folder: folder.to_owned(),
        limit: Duration::from_secs(10),
        complaints: Some(folder.join("board.stderr")),
    }
}

/// A board and a client of it.
fn board(folder: &Path, dialect: &str, titles: &[&str]) -> (Shelf, McpBoard) {
    let shelf = Shelf::new(folder, dialect, titles);
    let board = McpBoard::new(settings(Place::Server(shelf.server()), folder));
    (shelf, board)
}
