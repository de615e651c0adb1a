//! Wishes that could not be fulfilled: what is tried again, when, and what pauses meanwhile.

use super::Decider;
use crate::event::Event;
use crate::input::Trouble;
use crate::intent::{Intent, intents};
use crate::state::{Matter, PauseCause};

/// The first wait before a wish is tried again, ms; doubled each time.
const FIRST_WAIT_MS: u64 = 1_000;
/// The longest wait, ms.
const LONGEST_WAIT_MS: u64 = 60_000;

impl Decider<'_> {
    pub(super) fn intent_failed(&mut self, intent: Intent, trouble: Trouble) {
        if !intents(self.state).contains(&intent) {
            return self.stale();
        }
        let (matter, why) = match trouble {
            Trouble::Machine(why) => (Matter::Machine, why),
            Trouble::Elsewhere(why) => (Matter::Elsewhere, why),
            Trouble::NotAncestor { tasks } => {
                let why =
                    format!("the target no longer contains what landed for {}", crate::wording::list(&tasks));
                self.landings_gone(tasks);
                (Matter::Elsewhere, why)
            }
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

    /// Once nothing waits for the machine any more, dispatch goes on by itself.
    pub(super) fn resume_after_machine(&mut self) {
        let waiting = self.state.deferred.values().any(|d| d.matter == Matter::Machine);
        let cause = self.state.paused.iter().find(|c| matches!(c, PauseCause::Machine(_))).cloned();
        if let (false, Some(cause)) = (waiting, cause) {
            self.emit(Event::DispatchResumed { cause });
        }
    }
}
