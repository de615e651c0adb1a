//! Whose turn it is at a task's workspace: one thread at a time makes, measures or removes it, and what is only got
//! ready ahead of time keeps away once an attempt has it.
//!
//! Knows the threads of this process only: another process of the run is kept away by the run's lock.

use ppe_core::ids::TaskId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What a workspace is for at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Use {
    /// Nobody has begun to work in it.
    #[default]
    Idle,
    /// An attempt has it, and its agent may be at work there.
    Attempt,
}

/// The turns at all workspaces of a run.
#[derive(Debug, Default)]
pub(super) struct Turns {
    of_task: Mutex<BTreeMap<TaskId, Arc<Mutex<Use>>>>,
}

impl Turns {
    /// Waits for a task's turn and works in it. The work is told what the workspace is for, and may change that.
    pub(super) fn take<T>(&self, task: &TaskId, work: impl FnOnce(&mut Use) -> T) -> T {
        // A thread that panicked leaves at worst a workspace behind that the next one looks at anyway.
        let turn = {
            let mut all = self.of_task.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(task.clone()).or_default())
        };
        let mut used = turn.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_thread_at_a_time_has_a_workspace_and_others_are_not_held_up() {
        let turns = Turns::default();
        let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
        let enter = || {
            turns.take(&TaskId::new("T-001"), |_| {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Another task's turn can be had inside: it is not the same lock.
                turns.take(&TaskId::new("T-002"), |_| std::thread::yield_now());
                inside.fetch_sub(1, Ordering::SeqCst);
            });
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..200).for_each(|_| enter()));
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_a_workspace_is_for_is_remembered_by_task() {
        let turns = Turns::default();
        turns.take(&TaskId::new("T-001"), |used| *used = Use::Attempt);
        assert_eq!(turns.take(&TaskId::new("T-001"), |used| *used), Use::Attempt);
        assert_eq!(turns.take(&TaskId::new("T-002"), |used| *used), Use::Idle);
    }
}
