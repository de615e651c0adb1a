//! Wishes that could not be fulfilled: what is tried again, when, and what pauses meanwhile.

use super::Decider;
use crate::event::Event;
use crate::ids::{Attempt, TaskId};
use crate::input::Trouble;
use crate::intent::Intent;
use crate::outcome::{Class, Failure};
use crate::state::{Leave, Matter, PauseCause};
use crate::wishes::intents;

/// The first wait before a wish is tried again, ms; doubled each time.
const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait, ms.
const LONGEST_WAIT_MS: u64 = 60_000;

impl Decider<'_> {
    pub(super) fn intent_failed(&mut self, intent: Intent, trouble: Trouble) {
        if !intents(self.state).contains(&intent) {
            return self.stale();
        }
        if let Intent::EnsureWorkspace { task, attempt } = &intent
            && self.leave_start(task, *attempt, &trouble)
        {
            return;
        }
        let (matter, why) = match trouble {
            Trouble::Machine(why) => (Matter::Machine, why),
            Trouble::Elsewhere(why) => (Matter::Elsewhere, why),
            Trouble::NotAncestor { tasks } => {
                let why =
                    format!("the target no longer contains what landed for {}", crate::wording::list(&tasks));
                self.landings_gone(&tasks);
                (Matter::Elsewhere, why)
            }
            trouble @ Trouble::DoesNotStack { .. } => (Matter::Elsewhere, trouble.to_string()),
        };
        let times = self.state.deferred.get(&intent).map_or(0, |d| d.times);
        let wait_ms = (FIRST_WAIT_MS << times.min(6)).min(LONGEST_WAIT_MS);
        let until = self.now.plus(wait_ms);
        if matter == Matter::Machine && !self.state.paused.iter().any(|c| matches!(c, PauseCause::Machine(_)))
        {
            self.emit(Event::DispatchPaused { cause: PauseCause::Machine(why.clone()) });
        }
        self.emit(Event::IntentDeferred { intent, until, why, matter });
    }

    /// An attempt that cannot be made ready gives its slot back where waiting makes no sense: it is to stop anyway, or
    /// what it is to begin from is no longer in the target, or does not merge.
    fn leave_start(&mut self, task: &TaskId, attempt: Attempt, trouble: &Trouble) -> bool {
        let Some(running) = self.running(task, attempt) else { return false };
        let (stop, kind) = (running.stop, running.kind);
        if let Some(stop) = stop {
            self.end_stopped(task, attempt, stop);
            return true;
        }
        if let Trouble::DoesNotStack { files } = trouble {
            self.refuse_stack(task, attempt, files);
            return true;
        }
        let Trouble::NotAncestor { tasks } = trouble else { return false };
        self.landings_gone(tasks);
        let pauses = self.state.paused.contains(&PauseCause::TargetRewritten);
        if pauses {
            let failure = Failure::new(Class::Operator, "the target no longer contains what it builds on");
            let (task, leave) = (task.clone(), Leave::Ready(kind));
            self.emit(Event::AttemptReleased { task, attempt, failure, leave });
        }
        pauses
    }

    /// Once nothing waits for the machine any more, dispatch goes on by itself.
    pub(super) fn resume_after_machine(&mut self) {
        let waiting = self.state.deferred.values().any(|d| d.matter == Matter::Machine);
        let cause = self.state.paused.iter().find(|c| matches!(c, PauseCause::Machine(_))).cloned();
        if let (false, Some(cause)) = (waiting, cause) {
            self.emit(Event::DispatchResumed { cause });
        }
    }
}
