//! What the events of an attempt do to the state: its phases, its end, and the tries it costs.

use super::Result;
use crate::event::{After, Event};
use crate::ids::{Attempt, TaskId};
use crate::mutant::Mutant;
use crate::outcome::{AgentEnd, Claim, Class, Exit, Failure, Prepared, Rebase, Snapshot};
use crate::state::{
    Asked, Closure, Collect, Flaky, GivenUp, Kind, Leave, Phase, Review, Running, Session, State, Step,
    Streak, Workspace,
};
use crate::usage::Usage;

impl State {
    pub(super) fn attempt_started(
        &mut self,
        task: &TaskId,
        attempt: Attempt,
        kind: Kind,
        (agent, model): (&str, Option<&str>),
    ) -> Result {
        let (at, now) = (self.at(task)?, self.clock.last);
        if !matches!(self.tasks[at].step, Step::Ready { .. }) {
            return Err(format!("{task} is not ready"));
        }
        let facts = &mut self.tasks[at].facts;
        facts.attempts = attempt.0;
        facts.mending = match kind {
            Kind::Ci | Kind::Conflict => true,
            // Its review is a part of the repair.
            Kind::Review => facts.mending,
            Kind::First | Kind::Verify | Kind::Restack | Kind::Continue | Kind::Rejected | Kind::Recheck => {
                false
            }
        };
        if facts.workspace == Workspace::None {
            // From here on one may exist, whatever becomes of the attempt.
            facts.workspace = Workspace::Wanted;
        }
        facts.seen.usage = Usage::default();
        facts.seen.quiet_since = None;
        facts.started = Some(now);
        facts.first_started.get_or_insert(now);
        facts.preferred = 0;
        self.clock.last_start = Some(now);
        self.totals.attempts += 1;
        self.totals.repairs += u32::from(matches!(kind, Kind::Verify | Kind::Ci | Kind::Conflict));
        let running = Running {
            attempt,
            kind,
            phase: Phase::Starting,
            stop: None,
            asked: Asked::No,
            end: None,
            agent: agent.to_owned(),
            model: model.map(str::to_owned),
            working_since: None,
        };
        self.set_step(at, Step::Running(running));
        self.totals.peak_busy =
            self.totals.peak_busy.max(u32::try_from(self.busy_count()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Events that move a running attempt from one phase to the next.
    pub(super) fn attempt_moved(&mut self, event: &Event) -> Result {
        let now = self.clock.last;
        match event {
            Event::WorkspacePrepared { task, attempt, prepared } => {
                self.workspace_prepared(task, *attempt, prepared)?;
            }
            Event::AgentEnded { task, attempt, end } => {
                let running = self.expect_attempt(task, *attempt)?;
                running.end = Some(Box::new(end.clone()));
                running.phase = Phase::Collecting(Collect::Look);
                let agent = running.agent.clone();
                self.agent_ended(task, agent, end)?;
            }
            Event::SnapshotTaken { task, snapshot, .. } => self.snapshot_taken(task, snapshot)?,
            Event::LeftoversAsked { task, attempt } => {
                let running = self.expect_attempt(task, *attempt)?;
                running.asked = Asked::Yes;
                running.phase = Phase::Leftovers;
                running.working_since = Some(now);
            }
            Event::LeftoversTaken { task, attempt } => {
                self.expect_attempt(task, *attempt)?.phase = Phase::Collecting(Collect::Commit);
            }
            Event::VerifyStarted { task, attempt } => {
                self.expect_attempt(task, *attempt)?.phase = Phase::Verifying;
            }
            Event::ReviewStarted { task, attempt } => {
                let running = self.expect_attempt(task, *attempt)?;
                running.phase = Phase::Reviewing;
                running.working_since = Some(now);
            }
            Event::ReviewEnded { task, attempt, end, review } => {
                let running = self.expect_attempt(task, *attempt)?;
                // A repair that passed its checks has helped, whatever a reviewer finds besides.
                let repairs = running.kind == Kind::Verify;
                match review {
                    // What is verified needs no agent again.
                    None => running.kind = Kind::Recheck,
                    Some(Review::Findings(_)) => running.kind = Kind::Review,
                    Some(Review::Clean | Review::LeftOut(_)) => {}
                }
                self.review_ended(task, end, review.as_ref(), repairs)?;
            }
            Event::ReviewLeftOut { task, attempt, why } => {
                self.expect_attempt(task, *attempt)?;
                self.facts(task)?.review = Some(Review::LeftOut(why.clone()));
            }
            Event::AgentNeeded { task, attempt, failure } => {
                let running = self.expect_attempt(task, *attempt)?;
                running.kind = Kind::Verify;
                running.phase = Phase::Working;
                running.working_since = Some(now);
                let facts = self.facts(task)?;
                facts.failed_tip.clone_from(&facts.tip);
                facts.failure = Some(failure.clone());
            }
            Event::AttemptStopping { task, attempt, stop } => {
                self.expect_attempt(task, *attempt)?.stop = Some(*stop);
            }
            _ => return Err("not a phase of an attempt".to_owned()),
        }
        Ok(())
    }

    fn workspace_prepared(&mut self, task: &TaskId, attempt: Attempt, prepared: &Prepared) -> Result {
        let now = self.clock.last;
        let running = self.expect_attempt(task, attempt)?;
        let skips_agent = running.kind == Kind::Recheck || prepared.rebase == Rebase::Clean;
        if skips_agent {
            running.phase = Phase::Collecting(Collect::Look);
        } else {
            running.phase = Phase::Working;
            running.working_since = Some(now);
        }
        self.ground_prepared(task, prepared)?;
        let facts = self.facts(task)?;
        facts.base = Some(prepared.base.clone());
        facts.branch.get_or_insert(prepared.branch.clone());
        facts.workspace = Workspace::Present;
        facts.seen.commits = 0;
        Ok(())
    }

    /// What an agent's end leaves behind, whatever becomes of its attempt.
    fn agent_ended(&mut self, task: &TaskId, agent: String, end: &AgentEnd) -> Result {
        self.totals.usage += end.usage;
        self.totals.metered += u32::from(!end.usage.is_unknown());
        let facts = self.facts(task)?;
        facts.usage += end.usage;
        facts.adopted = false;
        facts.seen.usage = Usage::default();
        facts.seen.quiet_since = None;
        let before = facts.session.take();
        facts.session = match (&end.exit, &end.session) {
            (Exit::SessionLost(_) | Exit::ContextFull(_), _) => None,
            (_, None) => before,
            (_, Some(id)) => {
                let same = before.filter(|session| session.agent == agent && session.id == *id);
                let known = same.map(|session| session.usage).unwrap_or_default();
                Some(Session { agent, id: id.clone(), usage: end.session_usage.unwrap_or(known) })
            }
        };
        Ok(())
    }

    /// What a reviewer's end leaves behind: what it used, and what it found as the next attempt's matter.
    fn review_ended(
        &mut self,
        task: &TaskId,
        end: &AgentEnd,
        review: Option<&Review>,
        repairs: bool,
    ) -> Result {
        self.totals.usage += end.usage;
        let facts = self.facts(task)?;
        facts.usage += end.usage;
        facts.seen.usage = Usage::default();
        facts.seen.quiet_since = None;
        facts.review = review.cloned();
        let found = match review {
            Some(Review::Findings(1)) => Some("its review found 1 thing".to_owned()),
            Some(Review::Findings(n)) => Some(format!("its review found {n} things")),
            Some(Review::Clean | Review::LeftOut(_)) | None => None,
        };
        if let Some(summary) = found {
            facts.findings.clone_from(&end.findings);
            facts.failure = Some(Failure::new(Class::Operator, summary));
            self.totals.repairs_helped += u32::from(repairs);
        }
        Ok(())
    }

    fn snapshot_taken(&mut self, task: &TaskId, snapshot: &Snapshot) -> Result {
        self.ground_measured(task, snapshot.contains_base)?;
        let facts = self.facts(task)?;
        facts.tip = Some(snapshot.tip.clone());
        facts.seen.commits = snapshot.commits;
        facts.snapshot = Some(snapshot.clone());
        Ok(())
    }

    pub(super) fn attempt_succeeded(&mut self, task: &TaskId, attempt: Attempt) -> Result {
        let running = self.expect_attempt(task, attempt)?;
        let (repair, flaky) = (
            running.kind == Kind::Verify,
            running.end.as_ref().is_some_and(|e| matches!(e.claim, Claim::Flaky(_))),
        );
        self.totals.repairs_helped += u32::from(repair);
        self.streak = Streak::default();
        let facts = self.facts(task)?;
        facts.failure = None;
        facts.findings = Vec::new();
        facts.note = None;
        if flaky && facts.failed_tip == facts.tip {
            facts.flaky = Flaky::Used;
        }
        facts.failed_tip = None;
        self.enter(task, Step::Publishing)
    }

    /// A failure that costs a try, of an attempt or of a change in the lane.
    pub(super) fn failed(&mut self, task: &TaskId, failure: &Failure, after: After) -> Result {
        let forgets = self.has(Mutant::TryNotCounted);
        let facts = self.facts(task)?;
        match facts.tries.of(failure.class, failure.red) {
            Some(_) if forgets && failure.class == Class::Verification => {}
            Some(tries) => *tries += 1,
            None => return Err("this class costs no try".to_owned()),
        }
        facts.failures += 1;
        facts.failure = Some(failure.clone());
        if failure.class == Class::Verification {
            facts.failed_tip.clone_from(&facts.tip);
        }
        if self.streak.summary == failure.summary {
            if !self.streak.tasks.contains(task) {
                self.streak.tasks.push(task.clone());
            }
        } else {
            self.streak = Streak { summary: failure.summary.clone(), tasks: vec![task.clone()] };
        }
        self.enter(
            task,
            match after {
                After::Retry { until, kind } => Step::Backoff { until, kind },
                After::Hold(hold) => Step::Held { hold, failure: failure.clone() },
            },
        )
    }

    pub(super) fn attempt_released(
        &mut self,
        task: &TaskId,
        attempt: Attempt,
        failure: &Failure,
        leave: Leave,
    ) -> Result {
        let kind = self.expect_attempt(task, attempt)?.kind.resumed();
        if failure.class == Class::Lost {
            self.facts(task)?.tries.lost += 1;
        }
        self.enter(
            task,
            match leave {
                Leave::Ready(kind) => Step::Ready { kind },
                Leave::Parked(park) => Step::Parked { park, kind },
                Leave::Waiting => Step::Waiting,
                Leave::Closed(GivenUp::Cancelled) => Step::Closed(Closure::Cancelled),
                Leave::Closed(GivenUp::Skipped(satisfies)) => Step::Closed(Closure::Skipped(satisfies)),
            },
        )
    }
}
