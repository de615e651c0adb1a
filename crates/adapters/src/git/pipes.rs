//! The two ends of a child process's pipes, each served by a thread of its own, so that neither can block the other.
//!
//! Knows nothing of what is said.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

/// Writes all of `bytes` to a child. One that stops reading early says so by its exit status.
pub(super) fn feed(mut pipe: impl Write + Send + 'static, bytes: Vec<u8>) -> JoinHandle<()> {
    thread::spawn(move || drop(pipe.write_all(&bytes)))
}

/// Which part of a long output is kept.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// So many bytes from the start.
    Start(usize),
    /// So many bytes at the end.
    End(usize),
}

/// What a child wrote.
#[derive(Default)]
pub(super) struct Collected {
    /// What was kept of it.
    pub(super) bytes: Vec<u8>,
    /// Whether the end was not kept.
    pub(super) cut: bool,
}

/// Reads until the other end closes, then says so on `done`.
pub(super) fn collect(
    mut pipe: impl Read + Send + 'static,
    keep: Keep,
    done: Sender<()>,
) -> JoinHandle<Collected> {
    thread::spawn(move || {
        let mut kept = VecDeque::new();
        let mut cut = false;
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(count) = pipe.read(&mut chunk) {
            if count == 0 {
                break;
            }
            match keep {
                Keep::Start(limit) => {
                    let room = limit.saturating_sub(kept.len()).min(count);
                    kept.extend(&chunk[..room]);
                    cut |= room < count;
                }
                Keep::End(limit) => {
                    kept.extend(&chunk[..count]);
                    kept.drain(..kept.len().saturating_sub(limit));
                }
            }
        }
        // The other end is gone only when the command was given up.
        done.send(()).ok();
        Collected { bytes: kept.into(), cut }
    })
}
