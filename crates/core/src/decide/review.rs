//! Another agent's look at verified work before it becomes a change. What it finds goes back once, at no cost of a try; a
//! review that cannot be had is left out and said so: it holds nothing up.

use super::{Decider, budget};
use crate::event::Event;
use crate::ids::{Attempt, TaskId};
use crate::mutant::Mutant;
use crate::outcome::{AgentEnd, Class, Exit, Failure};
use crate::state::{Kind, Leave, PauseCause, Phase, Review, Stop};

impl Decider<'_> {
    /// Verified work is reviewed, where a review is wanted and was not had.
    pub(super) fn review(&mut self, task: &TaskId, attempt: Attempt) {
        let Some(reviewer) = self.state.policy.review.as_ref().map(|reviewer| reviewer.agent.clone()) else {
            return self.succeed(task, attempt);
        };
        let had = self.state.task(task).is_some_and(|t| t.facts.review.is_some());
        let reviewed = had && !self.state.has(Mutant::ReviewRepeated);
        // What no agent of this attempt has made is a person's, or was looked at before.
        let made = self.running(task, attempt).is_some_and(|r| r.end.is_some());
        if reviewed || !made {
            return self.succeed(task, attempt);
        }
        match self.no_reviewer(task, &reviewer) {
            None => self.emit(Event::ReviewStarted { task: task.clone(), attempt }),
            Some(why) => {
                self.emit(Event::ReviewLeftOut { task: task.clone(), attempt, why });
                self.succeed(task, attempt);
            }
        }
    }

    /// Why the reviewer cannot look at it now.
    fn no_reviewer(&self, task: &TaskId, reviewer: &str) -> Option<String> {
        if let Some(why) = self.state.out_of_reach(reviewer) {
            return Some(format!("{reviewer} cannot be had: {why}"));
        }
        if !self.state.bears_beside(reviewer, task) {
            return Some(format!("{reviewer} has no room: its account bears no more at once"));
        }
        budget::is_used_up(self.state).then(|| "the budget is spent".to_owned())
    }

    /// A reviewer ended.
    pub(super) fn review_ended(&mut self, task: &TaskId, attempt: Attempt, end: AgentEnd) {
        let running = self.running(task, attempt).filter(|r| r.phase == Phase::Reviewing);
        let (Some(running), Some(reviewer)) = (running, self.state.policy.review.clone()) else {
            return self.stale();
        };
        // A review that takes too long, or does nothing, is over. Other stops are for the whole attempt.
        let stop = running.stop.filter(|stop| !matches!(stop, Stop::Timeout | Stop::Silent));
        let cut_short = running.stop.is_some();
        let review = match stop {
            Some(_) => None,
            None => Some(outcome(&end, cut_short)),
        };
        let exit = end.exit.clone();
        self.emit(Event::ReviewEnded { task: task.clone(), attempt, end, review: review.clone() });
        if !cut_short {
            self.learn_from(&reviewer.agent, exit);
        }
        match (stop, review) {
            (Some(stop), _) => self.end_stopped(task, attempt, stop),
            (None, Some(Review::Findings(_))) => {
                let failure = Failure::new(Class::Operator, "its review found something");
                let leave = Leave::Ready(Kind::Review);
                self.emit(Event::AttemptReleased { task: task.clone(), attempt, failure, leave });
            }
            (None, _) => self.succeed(task, attempt),
        }
    }

    /// What a reviewer's end says of its account and its program.
    fn learn_from(&mut self, agent: &str, exit: Exit) {
        match exit {
            Exit::Done => self.served(agent),
            Exit::TryLater { until, why, shortage } => {
                // The one that ended is one of them still.
                let users = self.state.users(self.state.account(agent)) + 1;
                self.shortage(agent, users, (shortage, until), &why);
            }
            Exit::CannotStart(why) if self.state.broken(agent).is_none() => {
                let agent = agent.to_owned();
                self.emit(Event::DispatchPaused { cause: PauseCause::Agent { agent, why } });
            }
            _ => {}
        }
    }
}

/// What came of a review that was not called off.
fn outcome(end: &AgentEnd, cut_short: bool) -> Review {
    let why = match &end.exit {
        _ if !end.findings.is_empty() => {
            return Review::Findings(u32::try_from(end.findings.len()).unwrap_or(u32::MAX));
        }
        Exit::Done => return Review::Clean,
        _ if cut_short => "it took too long",
        Exit::Failed(why)
        | Exit::TryLater { why, .. }
        | Exit::CannotStart(why)
        | Exit::SessionLost(why)
        | Exit::ContextFull(why)
        | Exit::Refused(why)
        | Exit::OverBudget(why)
        | Exit::Lost(why) => why,
        Exit::Stopped => "it was stopped from outside",
    };
    Review::LeftOut(why.to_owned())
}
