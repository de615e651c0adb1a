//! Where a reviewer works: in a clone of its own on the commit it looks at, which is gone when its end is told. The
//! task's workspace stays as it was verified, whatever a reviewer does.

use super::{Inner, trouble};
use crate::executor::record;
use crate::git::keep;
use crate::git::prepare::{self, Start, WorkspaceSpec};
use crate::git::workspace::Workspace;
use ppe_core::ids::{Millis, TaskId};
use ppe_core::input::Trouble;
use ppe_core::state::Round;
use ppe_engine::ports::AgentJob;

/// Behind a task's id: the name that its reviewer's workspace goes by. No id has such an end.
const BEHIND: &str = "+review";

/// The name that the workspace of a job goes by: the task's, or for a reviewer one beside it.
pub(super) fn seat(job: &AgentJob) -> TaskId {
    match job.round {
        Round::Main | Round::Leftovers => job.task.clone(),
        Round::Review => beside(&job.task),
    }
}

fn beside(task: &TaskId) -> TaskId {
    TaskId::new(format!("{task}{BEHIND}"))
}

impl Inner {
    /// Makes a reviewer's workspace. Other jobs have theirs already.
    pub(super) fn seat_reviewer(&self, job: &AgentJob) -> Result<(), Trouble> {
        let Some(tip) = job.tip.clone().filter(|_| job.round == Round::Review) else { return Ok(()) };
        let seat = seat(job);
        self.check_disk()?;
        record::make_dir(&self.places.workspaces).map_err(trouble::machine)?;
        let spec = WorkspaceSpec {
            dir: self.workspace_dir(&seat),
            run: self.run.clone(),
            task: seat.clone(),
            branch: job.branch.clone(),
            target_tip: tip,
            start: Start::Fresh,
            grounds: Vec::new(),
            must_contain: Vec::new(),
            copy: self.settings.copy.clone(),
            stamp: self.stamp(Millis(record::wall_ms())),
        };
        self.turns.take(&seat, |_| {
            // One of an earlier review that could not be taken away is not looked at.
            self.discard(&seat)?;
            prepare::prepare(&self.repo, &spec).map_err(trouble::machine)?;
            Ok(())
        })
    }

    /// Takes the workspace of a task's reviewer away, as often as its end is told and when the task's own goes. What
    /// resists stays, and holds nothing up.
    pub(super) fn unseat_reviewer(&self, task: &TaskId) {
        let seat = beside(task);
        drop(self.turns.take(&seat, |_| self.discard(&seat)));
        drop(self.clear_out(&seat));
    }

    fn discard(&self, seat: &TaskId) -> Result<(), Trouble> {
        let dir = self.workspace_dir(seat);
        if let Some(workspace) = Workspace::open(&self.repo, &dir).map_err(trouble::machine)? {
            let trash = keep::discard(workspace).map_err(trouble::machine)?;
            // What cannot be deleted now is found again at the next removal.
            drop(trash.delete());
        }
        Ok(())
    }
}
