//! Where checks run: each of those that run at once has a workspace of its own, which is kept for the next one there.
//!
//! Knows the tasks of this process only: another process of the run is kept away by the run's lock.

use ppe_core::ids::TaskId;
use ppe_core::state::Subject;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// In the folder of a check: the task that its workspace goes by.
pub(super) const NOTE: &str = "seat";

/// The seats of a run.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<BTreeMap<TaskId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Seats {
    /// Waits until a seat is free, and takes it.
    pub(super) async fn take(&self, seat: &TaskId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(seat.clone()).or_default())
        };
        lock.lock_owned().await
    }
}

/// The task that the workspace of a seat goes by. The target has one of its own.
pub(super) fn name(subject: &Subject, seat: u32) -> TaskId {
    TaskId::new(match (subject, seat) {
        (Subject::Base(_), _) => "target-checks".to_owned(),
        (Subject::Candidate(_), 0) => "lane-checks".to_owned(),
        (Subject::Candidate(_), seat) => format!("lane-checks-{}", seat + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::ids::CandidateId;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn one_check_has_a_seat_and_others_are_not_held_up() {
        let candidate = Subject::Candidate(CandidateId(1));
        let (seats, first, second) = (Seats::default(), name(&candidate, 0), name(&candidate, 1));
        let mut context = Context::from_waker(Waker::noop());
        let mut is_free = |seat| pin!(seats.take(seat)).poll(&mut context).is_ready();
        let Poll::Ready(held) = pin!(seats.take(&first)).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it is free")
        };
        assert!(!is_free(&first) && is_free(&second));
        drop(held);
        assert!(is_free(&first));
    }
}
