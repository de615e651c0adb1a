//! What was seen when repository and forge were looked at: others move branches, land work, close changes.

use super::Decider;
use super::approval::unapproved;
use crate::event::Event;
use crate::ids::{ChangeNumber, CommitId, TaskId};
use crate::input::Observed;
use crate::mutant::Mutant;
use crate::question::Ask;
use crate::state::{ApprovedAt, Closure, Freeze, Kind, Park, PauseCause, Step, Wish};

impl Decider<'_> {
    pub(super) fn observed(&mut self, observed: Observed) {
        match observed {
            Observed::Target { tip, landed, gone } => self.target_seen(tip, landed, &gone),
            Observed::Branch { task, tip } => self.branch_seen(task, tip),
            Observed::ChangeClosed { task, change } => self.change_closed(task, change),
            Observed::Branches { conflicts, touched } => self.branches_seen(conflicts, touched),
            Observed::Board { cards, text_kept } => self.board_seen(cards, text_kept),
            Observed::BoardLost { why } => self.board_lost(why),
            Observed::Approved { task, tip } => self.approved_there(task, tip),
            Observed::Unapproved { task } => self.unapproved_there(task),
            Observed::ChangesRequested { task, review, text } => self.changes_requested(task, review, text),
        }
    }

    fn target_seen(&mut self, tip: CommitId, landed: Vec<(TaskId, CommitId)>, gone: &[TaskId]) {
        for (task, commit) in landed {
            let in_lane = self.state.lane.carries(&task);
            match self.step(&task) {
                // A running attempt ends first, and a candidate has its own outcome; the next look finds the rest.
                Some(Step::Running(_) | Step::Closed(_) | Step::Outside) | None => {}
                Some(_) if in_lane || self.is_undone(&task, &commit) => {}
                Some(_) => self.emit(Event::TaskClosed { task, closure: Closure::LandedByOthers(commit) }),
            }
        }
        if self.state.target_tip != tip {
            self.emit(Event::TargetMoved { tip: tip.clone() });
        }
        if matches!(&self.state.lane.frozen, Some(Freeze::TargetRed(red)) if *red != tip) {
            self.recheck_target(tip);
        }
        if self.landed_of(gone).is_empty() && self.state.paused.contains(&PauseCause::TargetRewritten) {
            self.emit(Event::DispatchResumed { cause: PauseCause::TargetRewritten });
        }
        self.landings_gone(gone);
    }

    fn is_undone(&self, task: &TaskId, commit: &CommitId) -> bool {
        self.state.task(task).is_some_and(|t| t.facts.undone.contains(commit))
    }

    fn landed_of(&self, tasks: &[TaskId]) -> Vec<TaskId> {
        let landed = |id: &&TaskId| {
            self.state.task(id).and_then(|t| t.closure()).is_some_and(|c| c.commit().is_some())
        };
        tasks.iter().filter(landed).cloned().collect()
    }

    /// What had landed is no longer in the target: nothing starts until a person has decided. Who answered "stay
    /// paused" is asked again after `unpause`.
    pub(super) fn landings_gone(&mut self, gone: &[TaskId]) {
        let tasks = self.landed_of(gone);
        if !tasks.is_empty() && !self.state.paused.contains(&PauseCause::TargetRewritten) {
            self.emit(Event::DispatchPaused { cause: PauseCause::TargetRewritten });
            self.ask(Ask::TargetRewritten { tasks });
        }
    }

    fn branch_seen(&mut self, task: TaskId, tip: CommitId) {
        let Some(t) = self.state.task(&task) else { return self.stale() };
        let ours = t.facts.published.as_ref() == Some(&tip) || t.facts.tip.as_ref() == Some(&tip);
        if !ours {
            self.leave_stuck(&task);
        }
        let Some(t) = self.state.task(&task) else { return self.stale() };
        let carried = self.state.lane.carries(&task);
        match &t.step {
            Step::Held { .. }
            | Step::Publishing
            | Step::Open
            | Step::InLane
            | Step::Published
            | Step::Parked { .. }
            | Step::Backoff { .. }
                if !ours && !carried =>
            {
                self.adopt_branch(task, tip);
            }
            // A running attempt ends first: its tip cannot be published then, and the branch is looked at again.
            _ => {}
        }
    }

    fn change_closed(&mut self, task: TaskId, change: ChangeNumber) {
        let Some(t) = self.state.task(&task) else { return self.stale() };
        if t.facts.change != Some(change) {
            return self.stale();
        }
        let carried = self.state.lane.carries(&task);
        match &t.step {
            // Its candidate cannot land any more, and says so when it is tried.
            Step::InLane if carried && t.facts.wish.is_none() => {
                self.emit(Event::TaskWished { task, wish: Wish::AskClosed });
            }
            Step::Open | Step::InLane if !carried => self.ask_about_closed_change(task),
            _ => {}
        }
    }

    /// A review on the forge approves as a command here does.
    fn approved_there(&mut self, task: TaskId, tip: CommitId) {
        let waits = self.state.position(&task).filter(|at| unapproved(self.state).any(|other| other == *at));
        let Some(at) = waits else { return };
        if self.state.tasks[at].facts.tip.as_ref() == Some(&tip) {
            self.emit(Event::ChangeApproved { task, tip, at: ApprovedAt::Forge });
        }
    }

    /// Who approved on the forge may think better of it until it lands.
    fn unapproved_there(&mut self, task: TaskId) {
        let Some(t) = self.state.task(&task) else { return self.stale() };
        let stands = t.facts.approved.is_some() && t.facts.approved_at == ApprovedAt::Forge;
        if !stands {
            return;
        }
        let carried = self.state.lane.carries(&task);
        match &t.step {
            Step::InLane if carried && t.facts.wish.is_none() => {
                self.emit(Event::TaskWished { task, wish: Wish::Unapprove });
            }
            Step::Open | Step::InLane if !carried => self.emit(Event::ApprovalWithdrawn { task }),
            _ => {}
        }
    }

    /// A person's review goes to the agent, once and at the cost of no try. What is on its way to the target answers first:
    /// as long as it is not there, it comes back.
    fn changes_requested(&mut self, task: TaskId, review: u64, text: String) {
        let Some(t) = self.state.task(&task) else { return self.stale() };
        if review <= t.facts.heeded && !self.state.has(Mutant::RequestRepeated) {
            return;
        }
        match &t.step {
            Step::Open | Step::InLane if t.facts.wish.is_none() => {
                self.emit(Event::ChangesRequested { task: task.clone(), review });
                // As if they had said it here.
                self.reject(task, text);
            }
            Step::Held { .. } => {
                self.emit(Event::ChangesRequested { task: task.clone(), review });
                self.emit(Event::TaskReopened { task, note: Some(text), kind: Kind::Rejected });
            }
            _ => {}
        }
    }

    pub(super) fn ask_about_closed_change(&mut self, task: TaskId) {
        let park = Park::Question(self.state.next_question());
        self.emit(Event::TaskParked { task: task.clone(), park });
        self.ask(Ask::ChangeClosed { task });
    }
}
