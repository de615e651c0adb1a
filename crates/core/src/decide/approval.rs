//! The review gate: which changes wait for a person, and what the person says. What is approved is a tip, not a task:
//! whatever becomes of the work afterwards is looked at again.

use super::Decider;
use super::lane::awaited;
use super::operator::{done, refused};
use crate::event::Event;
use crate::ids::TaskId;
use crate::input::{Reply, Which};
use crate::policy::Approval;
use crate::state::{ApprovedAt, State, Step, Wish};
use crate::wording::{list, short};
use std::collections::BTreeSet;

/// The changes that wait for approval, as positions in plan order. What is stacked is looked at once it lies on the target.
pub fn unapproved(state: &State) -> impl Iterator<Item = usize> + '_ {
    state.open_changes().filter(|at| !state.is_approved(*at) && !state.lands_later(*at))
}

/// Those of a wave that the approval of its changes waits for, where a wave is approved as a whole.
pub fn still_to_come(state: &State, wave: u32) -> Vec<TaskId> {
    match state.policy.approval {
        Approval::None | Approval::Each => Vec::new(),
        Approval::Wave => awaited(state, wave),
    }
}

/// The changes that a person may look at now: where a wave is approved as a whole, those of waves that are all there.
pub fn to_approve(state: &State) -> Vec<usize> {
    let wave = |at: usize| state.plan.tasks[at].wave;
    let waves: BTreeSet<u32> = unapproved(state).map(wave).collect();
    let whole: BTreeSet<u32> = waves.into_iter().filter(|w| still_to_come(state, *w).is_empty()).collect();
    unapproved(state).filter(|at| whole.contains(&wave(*at))).collect()
}

impl Decider<'_> {
    pub(super) fn approve(&mut self, which: &Which, tip: Option<&str>) -> Reply {
        let waiting: Vec<usize> = match self.chosen_changes(which) {
            Ok(waiting) => waiting,
            Err(reply) => return reply,
        };
        let moved = |at: &&usize| {
            let present = self.state.tasks[**at].facts.tip.as_ref();
            tip.is_some_and(|tip| !present.is_some_and(|present| present.as_str().starts_with(tip)))
        };
        if let Some(at) = waiting.iter().find(moved) {
            let present = self.state.tasks[*at].facts.tip.as_ref().map_or("another commit", short);
            return refused(format!("{} is at {present} by now: look at it again", self.state.id(*at)));
        }
        let mut approved = Vec::new();
        for at in waiting {
            let task = self.state.id(at).clone();
            let Some(tip) = self.state.tasks[at].facts.tip.clone() else { continue };
            approved.push(format!("{task} at {}", short(&tip)));
            self.emit(Event::ChangeApproved { task, tip, at: ApprovedAt::Here });
        }
        match approved.len() {
            0 => Reply::Nothing("no change waits for approval".to_owned()),
            1 => done(format!("approved: {}", approved.concat())),
            n => done(format!("{n} approved: {}", approved.join(", "))),
        }
    }

    /// The changes that are meant, all of which wait for approval.
    fn chosen_changes(&self, which: &Which) -> Result<Vec<usize>, Reply> {
        let ids = match which {
            Which::All => return Ok(unapproved(self.state).collect()),
            Which::Wave(wave) => {
                return Ok(unapproved(self.state)
                    .filter(|at| self.state.plan.tasks[*at].wave == *wave)
                    .collect());
            }
            Which::Tasks(ids) => ids,
        };
        let waiting: Vec<usize> = unapproved(self.state).collect();
        let place = |id: &TaskId| self.state.position(id).filter(|at| waiting.contains(at));
        let unfit: Vec<TaskId> = ids.iter().filter(|id| place(id).is_none()).cloned().collect();
        if unfit.is_empty() {
            return Ok(ids.iter().filter_map(place).collect::<BTreeSet<_>>().into_iter().collect());
        }
        let in_lane = |id: &TaskId| matches!(self.step(id), Some(Step::InLane));
        Err(if unfit.iter().all(in_lane) {
            Reply::Nothing(format!("{} may land already", list(&unfit)))
        } else {
            refused(format!("no change of {} waits for approval", list(&unfit)))
        })
    }

    pub(super) fn reject(&mut self, task: TaskId, note: String) -> Reply {
        match self.step(&task) {
            Some(Step::InLane) if self.state.lane.carries(&task) => {
                self.emit(Event::NoteLeft { task: task.clone(), note });
                let text = format!("{task} is being landed; if it does not land it goes back to its agent");
                self.emit(Event::TaskWished { task, wish: Wish::Reject });
                done(text)
            }
            Some(Step::Open | Step::InLane | Step::Published) => {
                let text = format!("{task} goes back to its agent with your note");
                self.emit(Event::ChangeRejected { task, note });
                done(text)
            }
            Some(Step::Held { .. } | Step::Parked { .. } | Step::Backoff { .. }) => {
                refused(format!("{task} is not in review: `ppe retry {task} --note …` sends it on"))
            }
            Some(Step::Closed(_)) => {
                refused(format!("{task} is closed: `ppe reopen {task} --note …` begins it again"))
            }
            Some(
                Step::Outside | Step::Waiting | Step::Ready { .. } | Step::Running(_) | Step::Publishing,
            )
            | None => refused(format!("{task} has no open change yet")),
        }
    }
}
