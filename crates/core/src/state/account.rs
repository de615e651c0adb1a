//! The accounts that agents use: whether they may be used now, and by how many at once.
//!
//! A breaker is all that is kept of an account that had too little; without one everything may start. Knows nothing of
//! when a breaker opens or widens.

use super::{Assignment, PauseCause, Phase, Running, State};
use crate::ids::{Millis, TaskId};
use crate::mutant::Mutant;
use crate::outcome::Shortage;

/// An account that had too little, until it has been used again by as many as there are slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Nothing of the account starts before; none once that time is over.
    pub until: Option<Millis>,
    /// What there was too little of.
    pub shortage: Shortage,
    /// In the provider's words.
    pub why: String,
    /// So many of its agents work at once, at most.
    pub width: u32,
    /// How often in a row it had too little.
    pub strikes: u32,
    /// When one more may work at once.
    pub widens: Millis,
}

/// Who would work on a task if it started now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// The agent.
    pub agent: String,
    /// The model, where one is wanted.
    pub model: Option<String>,
}

impl State {
    /// The account that an agent uses: its own, unless the policy says whose.
    pub fn account<'a>(&'a self, agent: &'a str) -> &'a str {
        self.policy.agents.get(agent).map_or(agent, |known| &known.account)
    }

    /// How many attempts use an account now.
    pub fn users(&self, account: &str) -> u32 {
        let uses = |at: &usize| {
            self.tasks[*at].running().is_some_and(|running| self.account(self.at_work(running)) == account)
        };
        u32::try_from(self.busy().filter(uses).count()).unwrap_or(u32::MAX)
    }

    /// The agent that an attempt keeps busy: the reviewer of one that is reviewed, else its own.
    pub fn at_work<'a>(&'a self, running: &'a Running) -> &'a str {
        match &self.policy.review {
            Some(reviewer) if running.phase == Phase::Reviewing => &reviewer.agent,
            Some(_) | None => &running.agent,
        }
    }

    /// Why an agent's program or access is not in order, as last found.
    pub fn broken(&self, agent: &str) -> Option<&str> {
        self.paused.iter().find_map(|cause| match cause {
            PauseCause::Agent { agent: broken, why } if broken == agent => Some(why.as_str()),
            _ => None,
        })
    }

    /// Why an agent cannot be had at all now, whatever room there is.
    pub fn out_of_reach(&self, agent: &str) -> Option<&str> {
        let closed = || self.breakers.get(self.account(agent)).filter(|breaker| breaker.until.is_some());
        self.broken(agent).or_else(|| closed().map(|breaker| breaker.why.as_str()))
    }

    /// Whether an agent's account bears one more at work in place of this task's own agent.
    pub fn bears_beside(&self, agent: &str, task: &TaskId) -> bool {
        let account = self.account(agent);
        let own =
            self.task(task).and_then(|t| t.running()).map(|running| self.account(self.at_work(running)));
        let others = self.users(account) - u32::from(own == Some(account));
        self.breakers.get(account).is_none_or(|breaker| breaker.until.is_none() && others < breaker.width)
    }

    /// Whether one more attempt of an agent may start, as far as its program and its account are concerned.
    pub fn is_usable(&self, agent: &str) -> bool {
        if self.broken(agent).is_some() {
            return false;
        }
        let account = self.account(agent);
        match self.breakers.get(account) {
            None => true,
            Some(breaker) => {
                let room = self.users(account) < breaker.width || self.has(Mutant::WidthIgnored);
                breaker.until.is_none() && room
            }
        }
    }

    /// Whether an agent waits for nothing but its account: time or another's end will let it start.
    pub fn waits_for_account(&self, agent: &str) -> bool {
        self.broken(agent).is_none() && !self.is_usable(agent)
    }

    /// Who may work on a task, the first one first: its own agent, then the one that takes its place.
    pub fn candidates(&self, at: usize) -> impl Iterator<Item = Worker> {
        let Assignment { agent, model, fallback } = self.assignment(at);
        let instead = fallback.map(|agent| Worker { model: self.model_for(at, &agent), agent });
        std::iter::once(Worker { agent, model }).chain(instead)
    }

    /// Who would work on a task if it started now; none if all who may are out.
    pub fn chosen(&self, at: usize) -> Option<Worker> {
        self.candidates(at).find(|choice| self.is_usable(&choice.agent))
    }

    /// Whether a task waits for an account and nothing else keeps its agents away.
    pub fn behind_account(&self, at: usize) -> bool {
        self.chosen(at).is_none() && self.candidates(at).any(|choice| self.waits_for_account(&choice.agent))
    }

    /// Whether something keeps every task from starting. An agent that is out of order keeps only its own.
    pub fn is_halted(&self) -> bool {
        self.paused.iter().any(|cause| !matches!(cause, PauseCause::Agent { .. }))
    }

    /// Whether nothing but a red target keeps the tasks from starting.
    pub(crate) fn only_red(&self) -> bool {
        self.paused.iter().all(|cause| matches!(cause, PauseCause::TargetRed | PauseCause::Agent { .. }))
    }
}
