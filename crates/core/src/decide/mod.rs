//! What follows from what happened: inputs become events. The only place in the program where anything is decided.
//!
//! Pure: the time is an argument, nothing is drawn by chance, and whatever is returned has already been applied to the
//! state it was decided on. Stale inputs (of an attempt, candidate or question that is over) are counted and ignored.

mod approval;
mod attempt;
mod board;
mod budget;
mod capacity;
mod judge;
mod lane;
mod observe;
mod operator;
mod question;
mod radar;
mod rest;
mod review;
mod schedule;
mod stack;
mod standstill;
mod starvation;
mod timer;
mod trouble;

pub use approval::{still_to_come, to_approve, unapproved};
pub use lane::{awaited, gives_way_to, left_behind};
pub(crate) use lane::{comes, is_stuck, most_candidates, most_members, overdue, waits_too_long};
pub(crate) use question::is_live;
pub use rest::{Rest, rest};
pub use schedule::{HoldBack, StartKey, hold_back, may_start, start_key};
pub(crate) use schedule::{gate_is_open, next_start, room_for_parked};
pub use stack::start_lacks;
pub(crate) use stack::wants_judgement;
pub(crate) use standstill::Heads;
pub use standstill::{moved, stands_from};
pub use starvation::{left_ms, pace_ms};
pub use timer::next_wakeup;

use crate::event::{Event, Record};
use crate::ids::{Attempt, Millis, TaskId};
use crate::input::{Input, Reply, Start};
use crate::question::Ask;
use crate::state::{Phase, Progress, Running, Sighting, State, Step};

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The record to make durable; without events there is nothing to record.
    pub record: Record,
    /// The answer to a command.
    pub reply: Option<Reply>,
}

/// Decides what follows from an input. `state` is left as the returned record makes it.
pub fn decide(state: &mut State, now: Millis, input: Input) -> Decision {
    let now = now.max(state.clock.last);
    let down_ms = now.since(state.clock.last);
    let clock = state.clock;
    state.pass(now);
    let mut decider = Decider { state, now, down_ms, events: Vec::new() };
    let reply = decider.take(input);
    if decider.state.progress != Progress::New {
        decider.settle();
    }
    let events = decider.events;
    if events.is_empty() {
        // Nothing to record: then nothing has changed either, or a replay of the log would differ.
        state.clock = clock;
    }
    state.calm();
    Decision { record: Record { at: now, events }, reply }
}

/// A decision in the making: each event is applied as soon as it is decided.
struct Decider<'a> {
    state: &'a mut State,
    now: Millis,
    /// Since the record before, ms.
    down_ms: u64,
    events: Vec<Event>,
}

impl Decider<'_> {
    fn take(&mut self, input: Input) -> Option<Reply> {
        if self.state.progress == Progress::New && !matches!(input, Input::Start(_) | Input::Operator(_)) {
            self.stale();
            return None;
        }
        match input {
            Input::Start(start) => self.start(*start),
            Input::Opened => self.emit(Event::SessionOpened { down_ms: self.down_ms }),
            Input::Tick => self.tick(),
            Input::Preloaded { task } => self.preloaded(&task),
            Input::Prepared { task, attempt, prepared } => self.prepared(&task, attempt, prepared),
            Input::AgentEnded { task, attempt, round, end } => self.agent_ended(&task, attempt, round, *end),
            Input::SnapshotTaken { task, attempt, worked, collect, outcome } => {
                self.snapshot_taken(&task, attempt, (worked, collect), outcome);
            }
            Input::VerifyEnded { task, attempt, job, verified } => {
                self.verify_ended(&task, attempt, job, verified);
            }
            Input::Published { task, branch, tip } => self.published(task, branch, tip),
            Input::ChangeOpened { task, change } => self.change_opened(task, change),
            Input::HeadJudged { task, tip, verdict } => self.head_judged(task, tip, verdict),
            Input::Labelled { task } => self.labelled(task),
            Input::CandidateBuilt { candidate, outcome } => self.candidate_built(candidate, outcome),
            Input::CheckEnded { subject, run, verdict } => self.check_ended(subject, run, verdict),
            Input::LandEnded { candidate, outcome } => self.land_ended(candidate, outcome),
            Input::Released { task } => self.released(task),
            Input::IntentFailed { intent, trouble } => self.intent_failed(intent, trouble),
            Input::Sighted { task, attempt, seen } => self.sighted(task, attempt, seen),
            Input::Observed(observed) => self.observed(observed),
            Input::Operator(command) => return Some(self.command(command)),
        }
        None
    }

    /// Records an event and applies it.
    fn emit(&mut self, event: Event) {
        if let Err(illegal) = self.state.evolve(&event) {
            panic!("BUG: {illegal}");
        }
        self.events.push(event);
    }

    /// A report of something that is over.
    fn stale(&mut self) {
        self.state.totals.stale += 1;
    }

    fn start(&mut self, start: Start) {
        if self.state.progress != Progress::New {
            return self.stale();
        }
        let Start { run, target, target_tip, green, policy, selected, before } = start;
        let policy = Box::new(policy);
        self.emit(Event::RunStarted { run, target, target_tip, green, policy, selected, before });
        self.emit(Event::SessionOpened { down_ms: 0 });
    }

    /// The running attempt of a task, if it is the one a report speaks of.
    fn running(&self, task: &TaskId, attempt: Attempt) -> Option<&Running> {
        self.state.task(task).and_then(|t| t.running()).filter(|r| r.attempt == attempt)
    }

    fn step(&self, task: &TaskId) -> Option<&Step> {
        self.state.task(task).map(|t| &t.step)
    }

    fn ask(&mut self, ask: Ask) {
        let question = self.state.next_question();
        self.emit(Event::QuestionAsked { question, ask });
    }

    fn is_asked(&self, about: impl Fn(&Ask) -> bool) -> bool {
        self.state.questions.values().any(|q| about(&q.ask))
    }

    fn sighted(&mut self, task: TaskId, attempt: Attempt, mut seen: Sighting) {
        // One that comes after the agent's end says nothing that the end did not.
        if !self.running(&task, attempt).is_some_and(Running::agent_works) {
            return self.stale();
        }
        let Some(before) = self.state.task(&task).map(|t| &t.facts.seen) else { return };
        if self.running(&task, attempt).is_some_and(|r| r.phase == Phase::Reviewing) {
            // A reviewer commits nothing of the task's, and works in none of its phases.
            (seen.commits, seen.phase) = (before.commits, None);
        }
        // A phase holds until the next is named.
        seen.phase = seen.phase.or_else(|| before.phase.clone());
        if *before != seen {
            self.emit(Event::Sighted { task, attempt, seen });
        }
    }
}
