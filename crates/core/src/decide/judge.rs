//! What an attempt's measured work is worth, once its agent has ended: verified, asked for more, sent back, or given to
//! a person. What the agent said of it is asked about, never believed.

use super::Decider;
use crate::event::{After, Event};
use crate::ids::{Attempt, TaskId};
use crate::outcome::{Attributed, Claim, Class, Differs, Exit, Failure, Snapshot};
use crate::plan::TaskSpec;
use crate::policy::Mode;
use crate::question::Ask;
use crate::scope;
use crate::state::{Asked, Collect, Flaky, Hold, Kind, Leave, Park, Running, Task};

/// More decisions than this of one task are a person's to look at: defaults could answer for ever.
const MOST_QUESTIONS: u32 = 10;

/// What follows from measured work.
enum Judgement {
    /// The verify commands are to look at it.
    Verify,
    /// The agent is asked once for what it left over.
    AskLeftovers,
    /// What it left over is committed by us.
    TakeLeftovers,
    /// No agent has worked yet, and one must.
    NeedsAgent(Failure),
    /// It failed, and that costs a try.
    Fail(Failure),
    /// Only a person can help.
    Hold(Failure),
    /// A person has to answer first. The text says why the attempt ends meanwhile.
    Ask(Ask, &'static str),
}

impl Decider<'_> {
    /// Does what the measured work of a running attempt calls for.
    pub(super) fn judge(&mut self, task: &TaskId, attempt: Attempt, collect: Collect, snapshot: &Snapshot) {
        let Some(at) = self.state.position(task) else { return };
        let now = &self.state.tasks[at];
        let Some(running) = now.running() else { return };
        let scope = (&self.state.plan.tasks[at].spec, self.state.policy.mode);
        let judgement = judgement(now, running, collect, snapshot, scope);
        let task = task.clone();
        match judgement {
            Judgement::Verify => self.emit(Event::VerifyStarted { task, attempt }),
            Judgement::AskLeftovers => self.emit(Event::LeftoversAsked { task, attempt }),
            Judgement::TakeLeftovers => self.emit(Event::LeftoversTaken { task, attempt }),
            Judgement::NeedsAgent(failure) => self.emit(Event::AgentNeeded { task, attempt, failure }),
            Judgement::Fail(failure) => self.fail(&task, attempt, failure),
            Judgement::Hold(failure) => {
                let after = After::Hold(Hold::Stuck);
                self.emit(Event::AttemptFailed { task, attempt, failure, after });
            }
            Judgement::Ask(ask, why) => {
                let leave = Leave::Parked(Park::Question(self.state.next_question()));
                let failure = Failure::new(Class::Operator, why);
                self.emit(Event::AttemptReleased { task, attempt, failure, leave });
                self.ask(ask);
            }
        }
    }
}

fn judgement(
    task: &Task,
    running: &Running,
    collect: Collect,
    snapshot: &Snapshot,
    (spec, mode): (&TaskSpec, Mode),
) -> Judgement {
    let end = running.end.as_deref();
    let (exit, claim) = (end.map(|e| &e.exit), end.map_or(&Claim::Nothing, |e| &e.claim));
    let may_ask = running.asked == Asked::No && exit == Some(&Exit::Done) && *claim == Claim::Nothing;
    let empty = snapshot.commits == 0 && snapshot.differs == Differs::No;
    let denied = end.map(|e| &e.denied).filter(|denied| empty && !denied.is_empty());
    if collect == Collect::Look && snapshot.is_raw() {
        return if may_ask { Judgement::AskLeftovers } else { Judgement::TakeLeftovers };
    }
    match (exit, claim) {
        (Some(Exit::Refused(why) | Exit::OverBudget(why)), _) => {
            return Judgement::Hold(Failure::new(Class::Execution, why.clone()));
        }
        (Some(Exit::Failed(why)), _) => {
            return Judgement::Fail(Failure::new(Class::Execution, why.clone()));
        }
        (_, Claim::Blocked(why)) => {
            return Judgement::Hold(Failure::new(Class::Execution, format!("the agent is blocked: {why}")));
        }
        (None, _) if empty || !snapshot.contains_base || snapshot.loses_published => {
            let lacks = if empty {
                "nothing is done yet"
            } else {
                "the branch does not contain the commit it is measured against"
            };
            return Judgement::NeedsAgent(Failure::new(Class::Execution, lacks));
        }
        _ => {}
    }
    let id = || spec.id.value.clone();
    if let Claim::Question(inquiry) = claim {
        if task.facts.tries.asked >= MOST_QUESTIONS {
            let why = format!("its agents asked for {MOST_QUESTIONS} decisions; the next: {}", inquiry.text);
            return Judgement::Hold(Failure::new(Class::Execution, why));
        }
        let ask = Ask::Agent { task: id(), inquiry: inquiry.clone() };
        return Judgement::Ask(ask, "its agent asks for a decision");
    }
    if let Some(tools) = denied {
        let ask = Ask::Permission { task: id(), tools: tools.clone() };
        return Judgement::Ask(ask, "its agent was not permitted what it needs");
    }
    if let Some(failure) = shortfall(task, running, snapshot, empty) {
        return Judgement::Fail(failure);
    }
    if let Some(failure) = attributed(&snapshot.attributed) {
        return if end.is_none() { Judgement::NeedsAgent(failure) } else { Judgement::Fail(failure) };
    }
    let fresh = matches!(running.kind, Kind::First | Kind::Continue);
    let (done, planned) = (snapshot.commits, spec.planned_commits());
    match scope::next(spec, mode, done) {
        _ if !fresh || done >= planned => Judgement::Verify,
        Some(next) if exit == Some(&Exit::Done) && *claim == Claim::Nothing => {
            let ask = Ask::Boundary { task: id(), done, planned, next };
            Judgement::Ask(ask, "a part of it is made")
        }
        _ if may_ask => Judgement::AskLeftovers,
        _ => Judgement::Verify,
    }
}

/// The failure that it is to go on naming an AI after the agent was asked about it and messages were reworded.
fn attributed(places: &[Attributed]) -> Option<Failure> {
    let first = places.first()?;
    let more = match places.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let summary = format!("the work names an AI as its author: {first}{more}");
    let detail = places.iter().map(Attributed::to_string).collect::<Vec<_>>().join("\n");
    Some(Failure { detail, ..Failure::new(Class::Verification, summary) })
}

/// In what way the work is not what the attempt was for, apart from what verification will find.
fn shortfall(task: &Task, running: &Running, snapshot: &Snapshot, empty: bool) -> Option<Failure> {
    let kind = running.kind;
    let claim = running.end.as_ref().map_or(&Claim::Nothing, |e| &e.claim);
    let execution = |summary: &str| Some(Failure::new(Class::Execution, summary));
    let unchanged = task.facts.failed_tip.as_ref() == Some(&snapshot.tip)
        && matches!(kind, Kind::Verify | Kind::Ci | Kind::Rejected);
    let flaky = matches!(claim, Claim::Flaky(_)) && task.facts.flaky == Flaky::Unused;
    match claim {
        Claim::NoChange(_) if empty => None,
        _ if empty => execution("the agent ended without a change"),
        _ if snapshot.loses_published => execution("the branch has lost a commit that was published"),
        _ if !snapshot.contains_base && matches!(kind, Kind::Conflict | Kind::Restack) => Some(Failure::new(
            Class::Conflict,
            "the branch does not lie on the target it was to be brought onto",
        )),
        _ if !snapshot.contains_base => execution("the branch no longer contains the commit it began from"),
        _ if unchanged && !flaky && running.end.is_some() => execution("the repair changed nothing"),
        _ => None,
    }
}
