//! When a run's branches are held against each other: after something of them has moved, one look at a time, and with a
//! pause before each, so that many commits cost one look. Knows nothing of what is found.

use crate::ports::Branches;
use ppe_core::ids::Millis;
use ppe_core::state::State;

/// The pause grows no longer than so many times, while looks see nothing.
const MOST_FAILURES: u32 = 6;

/// The looks of a run.
pub(crate) struct Sweeps {
    /// Between a move and the look that it leads to; 0 is no look at all.
    pause_ms: u64,
    /// What the last look was about.
    looked_at: Option<Branches>,
    due: Option<Millis>,
    under_way: bool,
    /// Looks in a row that saw nothing.
    failures: u32,
}

impl Sweeps {
    pub(crate) fn new(pause_ms: u64) -> Self {
        Self { pause_ms, looked_at: None, due: None, under_way: false, failures: 0 }
    }

    /// When the next look is to begin.
    pub(crate) fn due(&self) -> Option<Millis> {
        self.due.filter(|_| !self.under_way)
    }

    /// The run has moved.
    pub(crate) fn notice(&mut self, state: &State, now: Millis) {
        let branches = Branches::of_a_look(state);
        let moved = !branches.works.is_empty() && self.looked_at.as_ref() != Some(&branches);
        let pause_ms = self.pause_ms << self.failures.min(MOST_FAILURES);
        self.due = (moved && self.pause_ms > 0).then(|| self.due.unwrap_or(now.plus(pause_ms)));
    }

    /// A look begins, at what is returned.
    pub(crate) fn begin(&mut self, state: &State) -> Branches {
        let branches = Branches::of_a_look(state);
        self.looked_at = Some(branches.clone());
        self.under_way = true;
        self.due = None;
        branches
    }

    /// The look has ended. One that could not see is repeated, later each time; of the first in a row it is true that
    /// somebody should hear of it.
    pub(crate) fn end(&mut self, state: &State, now: Millis, saw: bool) -> bool {
        self.under_way = false;
        self.looked_at = self.looked_at.take().filter(|_| saw);
        self.failures = if saw { 0 } else { self.failures.saturating_add(1) };
        self.notice(state, now);
        self.failures == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::ids::TaskId;
    use ppe_core::state::Step;
    use ppe_testkit::drive::{Drive, plan, task};

    fn at_work() -> Drive {
        let mut drive =
            Drive::new(plan("two", vec![task("T-1", "one").commits(9), task("T-2", "two").commits(9)]));
        drive.sight("T-1", 1, None);
        drive
    }

    #[test]
    fn many_moves_cost_one_look_and_none_is_missed() {
        let (mut drive, mut sweeps) = (at_work(), Sweeps::new(5_000));
        sweeps.notice(&drive.state, Millis(0));
        assert_eq!(sweeps.due(), Some(Millis(5_000)));
        drive.sight("T-1", 2, None);
        sweeps.notice(&drive.state, Millis(4_000));
        assert_eq!(sweeps.due(), Some(Millis(5_000)), "the pause does not begin anew");
        let branches = sweeps.begin(&drive.state);
        assert_eq!(branches.works.iter().map(|work| work.task.as_str()).collect::<Vec<_>>(), ["T-1"]);
        sweeps.notice(&drive.state, Millis(6_000));
        assert_eq!(sweeps.due(), None, "nothing has moved");
        drive.sight("T-1", 3, None);
        sweeps.notice(&drive.state, Millis(7_000));
        assert_eq!(sweeps.due(), None, "one look at a time");
        assert!(!sweeps.end(&drive.state, Millis(8_000), true));
        assert_eq!(sweeps.due(), Some(Millis(12_000)), "what moved meanwhile is looked at");
        sweeps.begin(&drive.state);
        sweeps.end(&drive.state, Millis(13_000), true);
        assert_eq!(sweeps.due(), None);
        drive.state.target_tip = ppe_core::ids::CommitId::new("moved");
        sweeps.notice(&drive.state, Millis(14_000));
        assert_eq!(sweeps.due(), Some(Millis(19_000)), "the target has moved");
        sweeps.begin(&drive.state);
        for (now, due, told) in [(20_000, 30_000, true), (30_000, 50_000, false), (50_000, 90_000, false)] {
            assert_eq!(sweeps.end(&drive.state, Millis(now), false), told, "of one row it is told once");
            assert_eq!(
                sweeps.due(),
                Some(Millis(due)),
                "a look that saw nothing is repeated, later each time"
            );
            sweeps.begin(&drive.state);
        }
        sweeps.end(&drive.state, Millis(90_000), true);
        drive.state.target_tip = ppe_core::ids::CommitId::new("moved again");
        sweeps.notice(&drive.state, Millis(91_000));
        assert_eq!(sweeps.due(), Some(Millis(96_000)), "the pause is as it was");
    }

    #[test]
    fn nothing_is_looked_at_without_work_or_where_nobody_wants_it() {
        let mut idle = Sweeps::new(5_000);
        idle.notice(&Drive::new(plan("one", vec![task("T-1", "one")])).state, Millis(0));
        assert_eq!(idle.due(), None, "there is no branch yet");
        let mut off = Sweeps::new(0);
        off.notice(&at_work().state, Millis(0));
        assert_eq!(off.due(), None);
    }

    #[test]
    fn what_is_over_is_not_looked_at_and_a_crowd_only_in_part() {
        let mut drive = at_work();
        drive.land("T-1", 9, 1);
        assert!(matches!(drive.state.task(&TaskId::new("T-1")).map(|t| &t.step), Some(Step::Closed(_))));
        assert_eq!(Branches::of(&drive.state).works, []);
        let many = (0..90).map(|n| task(&format!("T-{n:02}"), "work").commits(1)).collect();
        let policy =
            ppe_core::policy::Policy { slots: 90, stagger_ms: 0, ..ppe_core::policy::Policy::default() };
        let mut drive = Drive::with(plan("many", many), policy, &[]);
        for n in 0..90 {
            drive.sight(&format!("T-{n:02}"), 1, None);
        }
        assert_eq!(Branches::of(&drive.state).works.len(), 90);
        drive.to_review("T-89", 1, 1);
        let looked_at = Branches::of_a_look(&drive.state).works;
        assert_eq!(looked_at.len(), 60);
        assert_eq!(looked_at[59].task, TaskId::new("T-89"), "what lands next is looked at before all others");
    }
}
