//! How a red batch is taken apart: halves on top of what is known to be good, until the culprit is alone.
//!
//! The first half is tried; once it has landed, what is left has the very tree that was red, which needs no further run.
//! A culprit that is found ends the search: the rest is tried together.

use super::super::Decider;
use crate::event::Event;
use crate::ids::{CandidateId, TaskId};

impl Decider<'_> {
    /// Takes a red candidate apart. Those behind it begin anew once it is known what can land.
    pub(super) fn split(&mut self, candidate: CandidateId, members: &[TaskId]) {
        self.restart_behind(candidate);
        let (first, second) = members.split_at(members.len().div_ceil(2));
        let parts = vec![first.to_vec(), second.to_vec()];
        self.emit(Event::CandidateSplit { candidate, parts });
        for member in members {
            self.fulfil_wish(member);
        }
    }
}
