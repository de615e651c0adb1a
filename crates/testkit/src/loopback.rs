//! A network of its own for a test: nothing but loopback, so that no agent reaches anything else whatever it is told.
//!
//! Needs the right to make network namespaces and `ip`. Knows nothing of who is started in it.

use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::process::{Command, Stdio};

/// Which network a test has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Its own, with loopback alone.
    Loopback,
    /// The machine's: this user may not make another one.
    Machine,
}

/// Gives the calling thread, and every process that it starts from now on, a network with loopback alone, where that is
/// possible.
///
/// # Panics
/// When the thread can neither have one nor go back to the machine's.
pub fn only_loopback() -> Network {
    let Ok(before) = File::open("/proc/thread-self/ns/net") else { return Network::Machine };
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        return Network::Machine;
    }
    let mut up = Command::new("ip");
    up.args(["link", "set", "lo", "up"]).stdin(Stdio::null()).stderr(Stdio::null());
    if up.status().is_ok_and(|status| status.success()) {
        return Network::Loopback;
    }
    setns(before, CloneFlags::CLONE_NEWNET).expect("the thread goes back to the network it came from");
    Network::Machine
}
