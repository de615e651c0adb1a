//! The machine's slots: all runs of a user on this machine share them, so that no combination of runs puts more agents to
//! work, or more heavy commands at once, than one machine takes.
//!
//! A slot is a lock on a file, which the kernel gives back however its holder ends. Knows nothing of what runs in one.

use crate::lock::{LockError, Note, RecordLock};
use ppe_core::ids::{Attempt, RunId, TaskId};
use ppe_core::input::Trouble;
use ppe_core::policy::MAX_SLOTS;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// So many locks in a folder that all runs of this user share.
pub(super) struct Pool {
    dir: PathBuf,
    most: u32,
}

impl Pool {
    pub(super) fn new(dir: PathBuf, most: u32) -> Self {
        Self { dir, most }
    }

    /// Takes a free slot, if there is one.
    pub(super) fn try_take(&self, note: &Note) -> Result<Option<RecordLock>, Trouble> {
        std::fs::create_dir_all(&self.dir).map_err(super::trouble::machine)?;
        for slot in 1..=self.most {
            match RecordLock::try_acquire(&self.dir.join(slot.to_string()), note) {
                Ok(lock) => return Ok(Some(lock)),
                Err(LockError::Held { .. }) => {}
                Err(error @ LockError::Io { .. }) => return Err(super::trouble::machine(error)),
            }
        }
        Ok(None)
    }
}

/// An attempt that holds a slot.
type Holder = (TaskId, Attempt);

/// The slots that this process holds.
pub(super) struct MachineSlots {
    pool: Pool,
    run: RunId,
    held: Mutex<BTreeMap<Holder, RecordLock>>,
}

impl MachineSlots {
    /// The machine's slots lie in `dir`, which all runs of this user share.
    pub(super) fn new(dir: PathBuf, run: RunId) -> Self {
        Self { pool: Pool::new(dir, MAX_SLOTS), run, held: Mutex::default() }
    }

    /// Takes a slot for an attempt, or finds the one it has.
    pub(super) fn take(&self, task: &TaskId, attempt: Attempt) -> Result<(), Trouble> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = (task.clone(), attempt);
        if held.contains_key(&holder) {
            return Ok(());
        }
        let lock = self.free_slot(task)?;
        held.insert(holder, lock);
        Ok(())
    }

    /// Gives back the slots of attempts that are not among these, and takes up those of attempts that went on while no
    /// process held them, as far as there are any.
    pub(super) fn keep(&self, running: &BTreeSet<Holder>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|holder, _| running.contains(holder));
        for holder in running {
            if held.contains_key(holder) {
                continue;
            }
            if let Ok(lock) = self.free_slot(&holder.0) {
                held.insert(holder.clone(), lock);
            }
        }
    }

    fn free_slot(&self, task: &TaskId) -> Result<RecordLock, Trouble> {
        let note = Note { run: Some(self.run.clone()), command: format!("an agent on {task}") };
        self.pool.try_take(&note)?.ok_or_else(|| {
            Trouble::Elsewhere(format!("all {MAX_SLOTS} slots of this machine are in use by other runs"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(n: u32) -> Holder {
        (TaskId::new(format!("T-{n}")), Attempt(1))
    }

    #[test]
    fn two_runs_share_the_machines_ten() {
        let dir = tempfile::tempdir().unwrap();
        let slots = |run: &str| MachineSlots::new(dir.path().join("slots"), RunId::new(run));
        let (one, other) = (slots("one"), slots("other"));
        for n in 1..=7 {
            one.take(&holder(n).0, Attempt(1)).unwrap();
        }
        for n in 1..=3 {
            other.take(&holder(n).0, Attempt(1)).unwrap();
        }
        let refused = other.take(&holder(4).0, Attempt(1)).unwrap_err();
        assert!(matches!(&refused, Trouble::Elsewhere(why) if why.contains("all 10 slots")), "{refused:?}");
        // Taking again what is held costs nothing.
        other.take(&holder(3).0, Attempt(1)).unwrap();

        one.keep(&(1..=6).map(holder).collect());
        other.take(&holder(4).0, Attempt(1)).unwrap();
        assert!(other.take(&holder(5).0, Attempt(1)).is_err());
        drop(one);
        other.take(&holder(5).0, Attempt(1)).unwrap();
    }
}
