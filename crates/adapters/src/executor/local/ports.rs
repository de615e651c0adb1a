//! Ports for what a task's jobs start: each workspace has a range of its own, so that two test servers never meet.
//!
//! A range is a file that names the workspace it belongs to, in a folder that all runs of this user share. It is free
//! again when that workspace is gone, so nothing that ends badly keeps one. Knows nothing of who else listens.

use crate::lock::{LockError, Note, RecordLock};
use ppe_core::input::Trouble;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The first port of the first range: below those that systems give out by themselves.
const FIRST: u16 = 20_000;
/// Ports of one range.
const WIDTH: u16 = 20;
/// Ranges there are.
const RANGES: u16 = 600;
/// How often the list is asked for while another run has it, and the wait between.
const TRIES: u32 = 400;
const WAIT: Duration = Duration::from_millis(5);

/// The first and the last port of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
}

/// The ranges of this user.
pub(super) struct Ports {
    dir: PathBuf,
    /// One thread at a time asks for the list.
    turn: Mutex<()>,
}

impl Ports {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, turn: Mutex::new(()) }
    }

    /// The range of a workspace that exists: the one it has, or a free one.
    pub(super) fn of(&self, workspace: &Path) -> Result<Range, Trouble> {
        self.with_list(|taken| {
            if let Some((n, _)) = taken.iter().find(|(_, owner)| owner == workspace) {
                return Ok(range(*n));
            }
            let live = |(n, owner): &(u16, PathBuf)| owner.exists().then_some(*n);
            let live: BTreeSet<u16> = taken.iter().filter_map(live).collect();
            let Some(n) = (0..RANGES).find(|n| !live.contains(n)) else {
                return Err(Trouble::Elsewhere(format!("all {RANGES} ranges of ports are in use")));
            };
            fs::write(self.dir.join(n.to_string()), workspace.as_os_str().as_bytes())
                .map_err(super::trouble::machine)?;
            Ok(range(n))
        })
    }

    /// Gives a workspace's range back.
    pub(super) fn give_back(&self, workspace: &Path) -> Result<(), Trouble> {
        self.with_list(|taken| {
            for (n, _) in taken.iter().filter(|(_, owner)| owner == workspace) {
                fs::remove_file(self.dir.join(n.to_string())).map_err(super::trouble::machine)?;
            }
            Ok(())
        })
    }

    /// Works on the ranges that have an owner, while nobody else does.
    fn with_list<T>(&self, work: impl FnOnce(&[(u16, PathBuf)]) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        fs::create_dir_all(&self.dir).map_err(super::trouble::machine)?;
        let _lock = self.lock()?;
        let mut taken = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(super::trouble::machine)?.flatten() {
            let Some(n) = entry.file_name().to_str().and_then(|name| name.parse::<u16>().ok()) else {
                continue;
            };
            let owner = fs::read(entry.path()).map_err(super::trouble::machine)?;
            taken.push((n, PathBuf::from(OsStr::from_bytes(&owner))));
        }
        work(&taken)
    }

    fn lock(&self) -> Result<RecordLock, Trouble> {
        let note = Note { run: None, command: "ports".to_owned() };
        for _ in 0..TRIES {
            match RecordLock::try_acquire(&self.dir.join("lock"), &note) {
                Ok(lock) => return Ok(lock),
                Err(LockError::Held { .. }) => std::thread::sleep(WAIT),
                Err(error @ LockError::Io { .. }) => return Err(super::trouble::machine(error)),
            }
        }
        Err(Trouble::Elsewhere("another run has the list of ports".to_owned()))
    }
}

fn range(n: u16) -> Range {
    let first = FIRST + n * WIDTH;
    Range { first, last: first + WIDTH - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_workspaces_have_ranges_of_their_own_and_keep_them() {
        let dir = tempfile::tempdir().unwrap();
        let made = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (a, b, c) = (made("a"), made("b"), made("c"));
        let (one, other) = (Ports::new(dir.path().join("ports")), Ports::new(dir.path().join("ports")));
        let first = one.of(&a).unwrap();
        assert_eq!(first, Range { first: 20_000, last: 20_019 });
        assert_eq!(other.of(&b).unwrap(), Range { first: 20_020, last: 20_039 }, "another run");
        assert_eq!(one.of(&a).unwrap(), first, "stable");

        // Given back, or its workspace gone: it is free.
        one.give_back(&a).unwrap();
        assert_eq!(one.of(&c).unwrap(), first);
        fs::remove_dir(&b).unwrap();
        assert_eq!(one.of(&a).unwrap(), Range { first: 20_020, last: 20_039 });
        // What a crash wrote halfway belongs to nobody.
        fs::write(dir.path().join("ports/0"), "").unwrap();
        assert_eq!(one.of(&c).unwrap(), first);
    }

    #[test]
    fn all_ranges_stay_below_the_ports_that_systems_give_out() {
        assert!(range(RANGES - 1).last < 32_768);
    }
}
