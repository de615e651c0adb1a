//! Where the tasks of a run are, as sets and counts, so that nobody has to look through all of them. Knows nothing of why
//! a task is where it is; a recount must always agree.

use super::task::{Park, Step};
use std::collections::BTreeSet;

/// Tasks of one wave that belong to the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WaveCount {
    pub(super) size: usize,
    pub(super) closed: usize,
}

/// Positions and counts by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) ready: BTreeSet<usize>,
    pub(super) busy: BTreeSet<usize>,
    pub(super) backoff: BTreeSet<usize>,
    pub(super) changes: BTreeSet<usize>,
    pub(super) room: BTreeSet<usize>,
    /// Tasks of the run that are not closed.
    pub(super) open: usize,
    pub(super) waves: Vec<WaveCount>,
}

impl Index {
    /// A task went from one step to another.
    pub(super) fn enter(&mut self, at: usize, wave: u32, before: &Step, after: &Step) {
        if let Some(set) = self.set_of(before) {
            set.remove(&at);
        }
        if let Some(set) = self.set_of(after) {
            set.insert(at);
        }
        let (was_open, is_open) = (is_open(before), is_open(after));
        self.open = self.open + usize::from(is_open) - usize::from(was_open);
        let wave = wave as usize;
        if self.waves.len() <= wave {
            self.waves.resize_with(wave + 1, WaveCount::default);
        }
        let count = &mut self.waves[wave];
        count.size = count.size + usize::from(in_run(after)) - usize::from(in_run(before));
        count.closed = count.closed + usize::from(is_closed(after)) - usize::from(is_closed(before));
    }

    fn set_of(&mut self, step: &Step) -> Option<&mut BTreeSet<usize>> {
        match step {
            Step::Ready { .. } => Some(&mut self.ready),
            Step::Running(_) => Some(&mut self.busy),
            Step::Backoff { .. } => Some(&mut self.backoff),
            Step::Open => Some(&mut self.changes),
            Step::Parked { park: Park::Room, .. } => Some(&mut self.room),
            Step::Outside
            | Step::Waiting
            | Step::Parked { .. }
            | Step::Publishing
            | Step::Published
            | Step::InLane
            | Step::Held { .. }
            | Step::Closed(_) => None,
        }
    }
}

fn in_run(step: &Step) -> bool {
    !matches!(step, Step::Outside)
}

fn is_closed(step: &Step) -> bool {
    matches!(step, Step::Closed(_))
}

fn is_open(step: &Step) -> bool {
    in_run(step) && !is_closed(step)
}
