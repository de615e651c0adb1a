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
        let facts = self.state.task(task).map(|t| &t.facts);
        let had =
            facts.is_some_and(|facts| facts.review.is_some()) && !self.state.has(Mutant::ReviewRepeated);
        if had || facts.is_none_or(|facts| facts.adopted) {
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
        if budget::is_used_up(self.state) {
            return Some("the budget is spent".to_owned());
        }
        budget::overspent(self.state, self.state.position(task)?)
    }

    /// Whether the reviewer works as its agent does for tasks, so that what stops one stops the other.
    fn works_alike(&self, agent: &str) -> bool {
        let own = self.state.policy.agents.get(agent).and_then(|known| known.model.as_ref());
        self.state.policy.review.as_ref().is_some_and(|reviewer| reviewer.model.as_ref() == own)
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
        let review = Some(outcome(&end, cut_short));
        let review = review.filter(|review| stop.is_none() || matches!(review, Review::Findings(_)));
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
                let users = self.state.users(self.state.account(agent));
                self.shortage(agent, users, (shortage, until), &why);
            }
            Exit::CannotStart(why) if self.works_alike(agent) && self.state.broken(agent).is_none() => {
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
