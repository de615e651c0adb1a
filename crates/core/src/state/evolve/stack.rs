//! What becomes of the ground that a task's work stands on.

use super::Result;
use crate::ids::{CommitId, TaskId};
use crate::outcome::{Prepared, Rebase};
use crate::state::{Ground, HeadChecks, Judged, Kind, Parent, Stack, State};

impl State {
    /// What a task begins on. One that has begun stays where it is.
    pub(super) fn begin_on(&mut self, task: &TaskId, parents: &[Parent]) -> Result {
        let facts = self.facts(task)?;
        let begun = facts.base.is_some();
        facts.ground = match std::mem::take(&mut facts.ground) {
            ground if begun => ground,
            Ground::Refused => Ground::Refused,
            Ground::Target | Ground::Stacked(_) if parents.is_empty() => Ground::Target,
            Ground::Target | Ground::Stacked(_) => {
                Ground::Stacked(Stack { parents: parents.to_vec(), base: None })
            }
        };
        Ok(())
    }

    /// A workspace stands on what it was to stand on.
    pub(super) fn ground_prepared(&mut self, task: &TaskId, prepared: &Prepared) -> Result {
        if let (Ground::Stacked(stack), Rebase::NotTried) = (&mut self.facts(task)?.ground, prepared.rebase) {
            stack.base.get_or_insert_with(|| prepared.base.clone());
        }
        Ok(())
    }

    /// Work that was to be brought onto the target and contains it stands there. Not before it is measured: what was only
    /// prepared may be lost, and the work is where it was.
    pub(super) fn ground_measured(&mut self, task: &TaskId, contains_base: bool) -> Result {
        let at = self.at(task)?;
        let brings = |kind| matches!(kind, Kind::Restack | Kind::Conflict);
        if contains_base && self.tasks[at].running().is_some_and(|running| brings(running.kind)) {
            let facts = &mut self.tasks[at].facts;
            if matches!(facts.ground, Ground::Stacked(_)) {
                facts.ground = Ground::Target;
            }
        }
        Ok(())
    }

    pub(super) fn head_judged(&mut self, task: &TaskId, tip: &CommitId, checks: HeadChecks) -> Result {
        self.facts(task)?.judged = Some(Judged { tip: tip.clone(), checks });
        self.stir_dependents(self.at(task)?);
        Ok(())
    }
}
