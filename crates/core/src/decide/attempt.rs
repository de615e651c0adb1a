//! The way of an attempt: workspace, agent, measuring, verification, and what follows from how it ended.

use super::Decider;
use crate::event::{After, Event};
use crate::ids::{Attempt, Branch, ChangeNumber, CommitId, Millis, TaskId};
use crate::intent::{Intent, JobName};
use crate::mutant::Mutant;
use crate::outcome::{AgentEnd, Claim, Class, Coverage, Differs, Exit, Failure, Prepared, Rebase};
use crate::outcome::{SnapshotOutcome, Verdict, Verified};
use crate::policy::{Changes, NoChange, Policy};
use crate::question::Ask;
use crate::state::{
    Closure, Collect, GivenUp, Hold, Kind, Leave, Park, PauseCause, Phase, Round, Running, Step, Stop, Tries,
    Worked,
};

/// How often an attempt may be lost before a person is asked.
const MAX_LOST: u32 = 10;
/// Tasks in a row that fail alike before dispatch pauses.
const SAME_CAUSE: usize = 3;

impl Decider<'_> {
    pub(super) fn preloaded(&mut self, task: &TaskId) {
        use crate::state::Workspace;
        match self.state.task(task) {
            Some(t) if t.facts.workspace == Workspace::Wanted => {
                self.emit(Event::TaskPreloaded { task: task.clone() });
            }
            Some(_) | None => self.stale(),
        }
    }

    pub(super) fn prepared(&mut self, task: &TaskId, attempt: Attempt, prepared: Prepared) {
        let Some(running) = self.running(task, attempt).filter(|r| r.phase == Phase::Starting) else {
            return self.stale();
        };
        let stop = running.stop;
        let rebase = prepared.rebase;
        self.emit(Event::WorkspacePrepared { task: task.clone(), attempt, prepared });
        match stop {
            Some(stop) if rebase != Rebase::Clean => self.end_stopped(task, attempt, stop),
            Some(_) | None => {}
        }
    }

    pub(super) fn agent_ended(&mut self, task: &TaskId, attempt: Attempt, round: Round, end: AgentEnd) {
        if round == Round::Review {
            return self.review_ended(task, attempt, end);
        }
        let believed = self.state.has(Mutant::StaleEndBelieved);
        let Some(running) = self
            .running(task, attempt)
            .filter(|r| matches!(r.phase, Phase::Working | Phase::Leftovers))
            .filter(|r| r.round() == round || believed)
        else {
            return self.stale();
        };
        let (stopping, agent, kind) = (running.stop.is_some(), running.agent.clone(), running.kind.resumed());
        let release = |class, summary: &str, leave| Event::AttemptReleased {
            task: task.clone(),
            attempt,
            failure: Failure::new(class, summary),
            leave,
        };
        let exit = end.exit.clone();
        // What it used and its session are recorded whatever becomes of the attempt.
        self.emit(Event::AgentEnded { task: task.clone(), attempt, end });
        match exit {
            Exit::Done => self.served(&agent),
            Exit::Failed(_) | Exit::Refused(_) | Exit::OverBudget(_) => {}
            _ if stopping => {}
            Exit::Stopped => self.lost(task, attempt, "it was stopped from outside"),
            Exit::Lost(why) | Exit::SessionLost(why) | Exit::ContextFull(why) => {
                self.lost(task, attempt, &why);
            }
            Exit::TryLater { until, why, shortage } => {
                let users = self.state.users(self.state.account(&agent));
                self.emit(release(Class::Capacity, &why, Leave::Ready(kind)));
                self.shortage(&agent, users, (shortage, until), &why);
            }
            Exit::CannotStart(why) => {
                self.emit(release(Class::Machine, &why, Leave::Ready(kind)));
                if self.state.broken(&agent).is_none() {
                    self.emit(Event::DispatchPaused { cause: PauseCause::Agent { agent, why } });
                }
            }
        }
    }

    /// Nothing is known of how the attempt ended: a new one goes on in the same workspace.
    fn lost(&mut self, task: &TaskId, attempt: Attempt, why: &str) {
        let Some(t) = self.state.task(task) else { return };
        let kind = t.running().map_or(Kind::Continue, |r| r.kind.resumed());
        let failure = Failure::new(Class::Lost, format!("attempt {attempt} was lost: {why}"));
        let task = task.clone();
        if t.facts.tries.lost >= MAX_LOST {
            self.emit(Event::AttemptFailed { task, attempt, failure, after: After::Hold(Hold::Stuck) });
        } else {
            self.emit(Event::AttemptReleased { task, attempt, failure, leave: Leave::Ready(kind) });
        }
    }

    pub(super) fn snapshot_taken(
        &mut self,
        task: &TaskId,
        attempt: Attempt,
        (worked, collect): (Worked, Collect),
        outcome: SnapshotOutcome,
    ) {
        let fits = |r: &&Running| r.phase == Phase::Collecting(collect) && r.worked() == worked;
        let Some(running) = self.running(task, attempt).filter(fits) else { return self.stale() };
        let stop = running.stop;
        match outcome {
            SnapshotOutcome::Taken(snapshot) => {
                self.emit(Event::SnapshotTaken { task: task.clone(), attempt, snapshot: snapshot.clone() });
                match (stop, collect, snapshot.is_raw()) {
                    (Some(stop), Collect::Look, false) | (Some(stop), Collect::Commit, _) => {
                        self.end_stopped(task, attempt, stop);
                    }
                    (Some(_), Collect::Look, true) => {
                        self.emit(Event::LeftoversTaken { task: task.clone(), attempt });
                    }
                    (None, _, _) => self.judge(task, attempt, collect, &snapshot),
                }
            }
            SnapshotOutcome::Refused(why) => match stop {
                Some(stop) => self.end_stopped(task, attempt, stop),
                None => self.fail(
                    task,
                    attempt,
                    Failure::new(Class::Execution, format!("its work cannot be taken over: {why}")),
                ),
            },
            SnapshotOutcome::Gone(why) => match stop {
                Some(stop) => self.end_stopped(task, attempt, stop),
                None => self.lost(task, attempt, &why),
            },
        }
    }

    pub(super) fn verify_ended(&mut self, task: &TaskId, attempt: Attempt, job: JobName, verified: Verified) {
        let fits = |r: &&Running| r.phase == Phase::Verifying && JobName::from(r.worked()) == job;
        let Some(running) = self.running(task, attempt).filter(fits) else { return self.stale() };
        let (end, stop) = (running.end.as_deref().cloned(), running.stop);
        if let Some(snapshot) = verified.fixed {
            // What was judged is the work as it stands after the fix commands.
            self.emit(Event::SnapshotTaken { task: task.clone(), attempt, snapshot });
        }
        self.coverage_measured(task, &verified.verdict, verified.coverage);
        if let Some(stop) = stop {
            return self.end_stopped(task, attempt, stop);
        }
        match verified.verdict {
            Verdict::Green => self.verified(task, attempt, end.as_ref()),
            Verdict::Red(failure) if end.is_none() => {
                self.emit(Event::AgentNeeded { task: task.clone(), attempt, failure });
            }
            Verdict::Red(failure) => self.fail(task, attempt, failure),
            Verdict::Unevaluated(why) => {
                let intent = Intent::EnsureVerified { task: task.clone(), attempt, job };
                self.intent_failed(intent, crate::input::Trouble::Machine(why));
            }
        }
    }

    fn coverage_measured(&mut self, task: &TaskId, verdict: &Verdict, coverage: Option<Coverage>) {
        let known = self.state.task(task).and_then(|t| t.facts.coverage);
        // What was not found out says nothing of the work.
        if known != coverage && !matches!(verdict, Verdict::Unevaluated(_)) {
            self.emit(Event::CoverageMeasured { task: task.clone(), coverage });
        }
    }

    fn verified(&mut self, task: &TaskId, attempt: Attempt, end: Option<&AgentEnd>) {
        let snapshot = self.state.task(task).and_then(|t| t.facts.snapshot.as_ref());
        let empty = snapshot.is_none_or(|s| s.commits == 0 && s.differs == Differs::No);
        let why = match end.map(|e| &e.claim) {
            Some(Claim::NoChange(why)) if empty => why.clone(),
            _ => return self.review(task, attempt),
        };
        let task = task.clone();
        match self.state.policy.no_change {
            NoChange::Accept => {
                self.emit(Event::AttemptSucceeded { task: task.clone(), attempt });
                self.emit(Event::TaskClosed { task, closure: Closure::NoChange });
            }
            NoChange::Ask => {
                let question = self.state.next_question();
                let failure = Failure::new(Class::Operator, "the agent says that no change is needed");
                let leave = Leave::Parked(Park::Question(question));
                self.emit(Event::AttemptReleased { task: task.clone(), attempt, failure, leave });
                self.ask(Ask::NoChange { task, why });
            }
        }
    }

    pub(super) fn succeed(&mut self, task: &TaskId, attempt: Attempt) {
        self.emit(Event::AttemptSucceeded { task: task.clone(), attempt });
        let Some(facts) = self.state.task(task).map(|t| &t.facts) else { return };
        if let (Changes::Off, Some(branch), Some(tip)) =
            (self.state.policy.changes, &facts.branch, &facts.tip)
            && facts.published.as_ref() == Some(tip)
        {
            // Its branch stands there already, and no change is wanted: nothing is left to be done.
            let (branch, tip) = (branch.clone(), tip.clone());
            self.emit(Event::BranchPublished { task: task.clone(), branch, tip });
        }
    }

    /// An attempt failed in a way that costs a try.
    pub(super) fn fail(&mut self, task: &TaskId, attempt: Attempt, failure: Failure) {
        let Some(t) = self.state.task(task) else { return };
        let kind = match (failure.class, t.running().map(|r| r.kind)) {
            (Class::Verification, _) => Kind::Verify,
            (Class::Conflict, _) => Kind::Conflict,
            (_, Some(kind)) => kind.resumed(),
            (_, None) => Kind::Continue,
        };
        let after = after_failure(&self.state.policy, self.now, t.facts.tries, &failure, kind);
        self.emit(Event::AttemptFailed { task: task.clone(), attempt, failure, after });
        self.notice_same_cause();
    }

    pub(super) fn notice_same_cause(&mut self) {
        if self.state.streak.tasks.len() < SAME_CAUSE || self.state.paused.contains(&PauseCause::SameCause) {
            return;
        }
        let (tasks, summary) = (self.state.streak.tasks.clone(), self.state.streak.summary.clone());
        self.emit(Event::DispatchPaused { cause: PauseCause::SameCause });
        self.ask(Ask::SameCause { tasks, summary });
    }

    /// An attempt that was asked to stop has ended.
    pub(super) fn end_stopped(&mut self, task: &TaskId, attempt: Attempt, stop: Stop) {
        let kind = self.running(task, attempt).map_or(Kind::Continue, |r| r.kind.resumed());
        let leave = match stop {
            Stop::Halt => Leave::Ready(kind),
            Stop::Retry => Leave::Ready(Kind::Continue),
            Stop::Yield => Leave::Parked(Park::Room),
            Stop::Park => Leave::Parked(Park::Operator),
            Stop::Take => Leave::Parked(Park::Taken),
            Stop::Cancel => Leave::Closed(GivenUp::Cancelled),
            Stop::Skip(satisfies) => Leave::Closed(GivenUp::Skipped(satisfies)),
            // What does nothing is bounded as what is lost: its next attempt goes on from its work, not for ever.
            Stop::Silent => return self.lost(task, attempt, "it was silent for long"),
            Stop::Timeout => {
                let limit = crate::wording::span(self.state.policy.attempt_limit_ms);
                return self.fail(
                    task,
                    attempt,
                    Failure::new(Class::Execution, format!("it ran out of time ({limit})")),
                );
            }
        };
        let failure = Failure::new(Class::Operator, "stopped");
        self.emit(Event::AttemptReleased { task: task.clone(), attempt, failure, leave });
    }

    pub(super) fn published(&mut self, task: TaskId, branch: Branch, tip: CommitId) {
        match self.state.task(&task) {
            Some(t) if t.facts.tip.as_ref() == Some(&tip) && t.facts.published.as_ref() != Some(&tip) => {
                self.emit(Event::BranchPublished { task, branch, tip });
            }
            Some(_) | None => self.stale(),
        }
    }

    pub(super) fn change_opened(&mut self, task: TaskId, change: ChangeNumber) {
        let published = self.state.task(&task).is_some_and(|t| t.facts.published == t.facts.tip);
        match self.step(&task) {
            Some(Step::Publishing) if published => self.emit(Event::ChangeOpened { task, change }),
            Some(_) | None => self.stale(),
        }
    }

    pub(super) fn labelled(&mut self, task: TaskId) {
        use crate::state::Labelled;
        match self.state.task(&task) {
            Some(t) if matches!(t.step, Step::Held { .. }) && t.facts.labelled == Labelled::No => {
                self.emit(Event::ChangeLabelled { task });
            }
            Some(_) | None => self.stale(),
        }
    }

    pub(super) fn released(&mut self, task: TaskId) {
        use crate::state::Workspace;
        match self.state.task(&task) {
            Some(t) if t.is_closed() && t.facts.workspace != Workspace::None => {
                self.emit(Event::WorkspaceReleased { task });
            }
            Some(_) | None => self.stale(),
        }
    }
}

/// What follows a failure: a further attempt while the class has tries left, else a person.
pub(super) fn after_failure(
    policy: &Policy,
    now: Millis,
    tries: Tries,
    failure: &Failure,
    kind: Kind,
) -> After {
    let (class, red) = (failure.class, failure.red);
    let (used, limit) = (tries.used(class, red), policy.retries.of(class, red));
    let hold = match class {
        Class::Ci | Class::Conflict => Hold::NeedsReview,
        Class::Verification
        | Class::Execution
        | Class::Capacity
        | Class::Machine
        | Class::Lost
        | Class::Operator => Hold::Stuck,
    };
    if used < limit {
        After::Retry { until: now.plus(policy.backoff(used + 1)), kind }
    } else {
        After::Hold(hold)
    }
}
