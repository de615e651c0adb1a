//! What the events between a task's attempts do to the state: it waits, goes back, begins again.

use super::Result;
use crate::ids::TaskId;
use crate::state::{
    ApprovedAt, Closure, Facts, Flaky, Kind, Labelled, Park, Progress, State, Step, Tries, Work,
};

/// Nobody looks at a change for a while: an approval that was seen on the forge counts once it is seen again.
fn leave_sight(facts: &mut Facts) {
    if facts.approved_at == ApprovedAt::Forge {
        facts.approved = None;
    }
}

impl State {
    pub(super) fn task_parked(&mut self, task: &TaskId, park: Park) -> Result {
        let at = self.at(task)?;
        let kind = match &self.tasks[at].step {
            Step::Ready { kind } | Step::Backoff { kind, .. } | Step::Parked { kind, .. } => *kind,
            Step::Open | Step::InLane | Step::Published | Step::Publishing | Step::Held { .. } => {
                Kind::Recheck
            }
            Step::Running(_) => Kind::Continue,
            Step::Waiting => Kind::First,
            Step::Outside | Step::Closed(_) => return Err(format!("{task} is not open")),
        };
        self.lane.queue.retain(|t| t != task);
        let facts = &mut self.tasks[at].facts;
        leave_sight(facts);
        facts.wish = None;
        self.enter(task, Step::Parked { park, kind })
    }

    pub(super) fn approval_withdrawn(&mut self, task: &TaskId) -> Result {
        self.lane.queue.retain(|t| t != task);
        let facts = self.facts(task)?;
        (facts.approved, facts.wish) = (None, None);
        self.enter(task, Step::Open)
    }

    pub(super) fn change_rejected(&mut self, task: &TaskId, note: &str) -> Result {
        self.lane.queue.retain(|t| t != task);
        let facts = self.facts(task)?;
        facts.failed_tip.clone_from(&facts.tip);
        facts.approved = None;
        facts.wish = None;
        facts.note = Some(note.to_owned());
        self.enter(task, Step::Ready { kind: Kind::Rejected })
    }

    pub(super) fn task_reopened(&mut self, task: &TaskId, note: Option<&str>, kind: Kind) -> Result {
        let at = self.at(task)?;
        self.lane.queue.retain(|t| t != task);
        let facts = &mut self.tasks[at].facts;
        leave_sight(facts);
        facts.tries = Tries::default();
        facts.labelled = Labelled::No;
        facts.wish = None;
        facts.flaky = Flaky::Unused;
        facts.granted = facts.usage;
        facts.note = note.map(str::to_owned).or_else(|| facts.note.take());
        if matches!(self.tasks[at].step, Step::Outside) {
            return Err(format!("{task} is not part of the run"));
        }
        self.progress = Progress::Open;
        self.take_up_repair(task);
        self.set_step(at, Step::Ready { kind });
        Ok(())
    }

    pub(super) fn task_reset(&mut self, task: &TaskId, note: Option<&str>, work: Work) -> Result {
        let at = self.at(task)?;
        let landing = self.tasks[at].closure().and_then(Closure::commit).cloned();
        let facts = &mut self.tasks[at].facts;
        let old = std::mem::take(facts);
        *facts = Facts {
            undone: old.undone,
            attempts: old.attempts,
            branch: old.branch,
            priority: old.priority,
            worked_ms: old.worked_ms,
            usage: old.usage,
            granted: old.usage,
            allowed: old.allowed,
            first_started: old.first_started,
            workspace: old.workspace,
            published: old.published,
            heeded: old.heeded,
            note: note.map(str::to_owned),
            ..Facts::default()
        };
        match work {
            Work::Keep => {
                facts.base = old.base;
                facts.ground = old.ground;
                facts.tip = old.tip;
                facts.snapshot = old.snapshot;
                facts.coverage = old.coverage;
                facts.change = old.change;
                facts.session = old.session;
                facts.review = old.review;
                facts.findings = old.findings;
                facts.adopted = old.adopted;
            }
            Work::Anew => facts.undone.extend(landing),
        }
        self.progress = Progress::Open;
        self.take_up_repair(task);
        self.set_step(at, Step::Waiting);
        Ok(())
    }
}
