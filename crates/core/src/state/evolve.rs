//! What each event does to the state. Asserts what must hold before; decides nothing.

use super::{
    Asked, Collect, Deferred, Due, Facts, Flaky, Freeze, Kind, Labelled, Leave, Park, Phase, Progress,
    Question, Running,
};
use super::{
    Candidate, Closure, GivenUp, PauseCause, Seen, Stage, State, Step, Subject, Tries, Work, Workspace,
};
use crate::event::{After, Drop, Event};
use crate::ids::{Attempt, CandidateId, QuestionId, TaskId};
use crate::mutant::Mutant;
use crate::outcome::{Claim, Failure, Snapshot};
use crate::plan::Plan;
use std::sync::Arc;

/// An event that the state does not permit: a damaged log, or a fault in what decided it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} is not possible here: {why}")]
pub struct Illegal {
    /// The event's name.
    pub event: String,
    /// What stands against it.
    pub why: String,
}

type Result<T = ()> = std::result::Result<T, String>;

impl State {
    /// Applies one event at the time that has come.
    pub(crate) fn evolve(&mut self, event: &Event) -> std::result::Result<(), Illegal> {
        crate::invariant::permits(self, event)
            .map_err(|violation| violation.to_string())
            .and_then(|()| self.try_evolve(event))
            .map_err(|why| Illegal { event: format!("{event:?}").chars().take(160).collect(), why })?;
        if !self.deferred.is_empty() {
            self.forget_unwanted();
        }
        Ok(())
    }

    /// A deferred intent that is no longer wished for is over.
    fn forget_unwanted(&mut self) {
        let deferred = std::mem::take(&mut self.deferred);
        let wanted = crate::intent::wishes(self);
        self.deferred = deferred.into_iter().filter(|(intent, _)| wanted.contains(intent)).collect();
    }

    fn try_evolve(&mut self, event: &Event) -> Result {
        match event {
            Event::RunStarted { .. } => self.run_started(event),
            Event::SessionOpened { down_ms } => self.session_opened(*down_ms),
            Event::RunCompleted => self.progress = Progress::Complete,
            Event::PlanRevised { plan, added } => return self.plan_revised(plan, added),
            Event::DispatchPaused { cause } => drop(self.paused.insert(cause.clone())),
            Event::DispatchResumed { cause } => self.paused.retain(|c| !c.same_kind(cause)),
            Event::StopRequested { mode } => self.stop = self.stop.max(Some(*mode)),
            Event::StopWithdrawn => self.stop = None,
            Event::SlotsChanged { slots } => Arc::make_mut(&mut self.policy).slots = *slots,
            Event::BreakerOpened { agent, until } => drop(self.breakers.insert(agent.clone(), *until)),
            Event::BreakerClosed { agent } => drop(self.breakers.remove(agent)),
            Event::IntentDeferred { intent, until, why, matter } => {
                let times = self.deferred.get(intent).map_or(0, |d| d.times) + 1;
                let deferred =
                    Deferred { until: *until, why: why.clone(), times, matter: *matter, due: Due::Later };
                self.deferred.insert(intent.clone(), deferred);
            }
            Event::IntentDue { intent } => {
                let deferred = self.deferred.get_mut(intent).ok_or("it was not deferred")?;
                deferred.due = Due::Now;
            }
            Event::WavePreloaded { wave, tasks } => return self.wave_preloaded(*wave, tasks),
            Event::TaskPreloaded { task } => self.facts(task)?.workspace = Workspace::Preloaded,
            Event::WaveOpened { wave } => drop(self.opened.insert(*wave)),
            Event::TaskReadied { task, kind } => return self.enter(task, Step::Ready { kind: *kind }),
            Event::AttemptStarted { task, attempt, kind, agent } => {
                return self.attempt_started(task, *attempt, *kind, agent);
            }
            Event::WorkspacePrepared { .. }
            | Event::AgentEnded { .. }
            | Event::SnapshotTaken { .. }
            | Event::LeftoversAsked { .. }
            | Event::LeftoversTaken { .. }
            | Event::VerifyStarted { .. }
            | Event::AgentNeeded { .. }
            | Event::AttemptStopping { .. } => return self.attempt_moved(event),
            Event::AttemptSucceeded { task, attempt } => return self.attempt_succeeded(task, *attempt),
            Event::AttemptFailed { task, attempt, failure, after } => {
                self.expect_attempt(task, *attempt)?;
                return self.failed(task, failure, *after);
            }
            Event::AttemptReleased { task, attempt, failure, leave } => {
                return self.attempt_released(task, *attempt, failure, *leave);
            }
            Event::TaskParked { task, park } => return self.task_parked(task, *park),
            Event::BranchPublished { task, branch, tip } => {
                let facts = self.facts(task)?;
                facts.branch = Some(branch.clone());
                facts.published = Some(tip.clone());
                if self.policy.changes == crate::policy::Changes::Off && self.is_publishing(task)? {
                    return self.enter(task, Step::Published);
                }
            }
            Event::ChangeOpened { task, change } => {
                self.facts(task)?.change = Some(*change);
                return self.enter(task, Step::Open);
            }
            Event::ChangeLabelled { task } => self.facts(task)?.labelled = Labelled::Yes,
            Event::TaskQueued { task } => {
                self.enter(task, Step::InLane)?;
                self.lane.queue.push(task.clone());
            }
            Event::BranchAdopted { task, tip } => {
                let facts = self.facts(task)?;
                facts.tip = Some(tip.clone());
                facts.published = Some(tip.clone());
                let at = self.at(task)?;
                if let Step::Parked { kind, .. } | Step::Backoff { kind, .. } = &mut self.tasks[at].step {
                    *kind = Kind::Recheck;
                }
            }
            Event::CandidateChosen { .. }
            | Event::CandidateBuilt { .. }
            | Event::CheckStarted { .. }
            | Event::TreeGreen { .. }
            | Event::BaseGreen { .. }
            | Event::CheckRed { .. }
            | Event::LandingStarted { .. }
            | Event::CandidateDropped { .. }
            | Event::CandidateLanded { .. }
            | Event::TargetRed { .. }
            | Event::RacesLost { .. }
            | Event::LaneThawed => return self.lane_moved(event),
            Event::ChangeReturned { task, failure, after } => {
                let facts = self.facts(task)?;
                facts.failed_tip.clone_from(&facts.tip);
                self.lane.queue.retain(|t| t != task);
                return self.failed(task, failure, *after);
            }
            Event::TargetMoved { tip } => self.target_tip = tip.clone(),
            Event::TaskClosed { task, closure } => {
                self.lane.queue.retain(|t| t != task);
                self.facts(task)?.wish = None;
                return self.enter(task, Step::Closed(closure.clone()));
            }
            Event::TaskHeld { task, hold, failure } => {
                self.lane.queue.retain(|t| t != task);
                self.facts(task)?.wish = None;
                self.facts(task)?.failure = Some(failure.clone());
                return self.enter(task, Step::Held { hold: *hold, failure: failure.clone() });
            }
            Event::TaskReopened { task, note, kind } => {
                return self.task_reopened(task, note.as_deref(), *kind);
            }
            Event::TaskReset { task, note, work } => return self.task_reset(task, note.as_deref(), *work),
            Event::TaskWished { task, wish } => self.facts(task)?.wish = Some(*wish),
            Event::NoteLeft { task, note } => self.facts(task)?.note = Some(note.clone()),
            Event::LandingAccepted { task } => {
                let at = self.at(task)?;
                self.set_step(at, Step::Closed(Closure::DoneBefore));
            }
            Event::WorkspaceReleased { task } => self.facts(task)?.workspace = Workspace::None,
            Event::QuestionAsked { question, ask } => {
                let open = Question { ask: ask.clone(), asked: self.clock.last };
                self.questions.insert(*question, open);
                self.next_question = question.0 + 1;
            }
            Event::QuestionAnswered { question, answer } => {
                return self.question_answered(*question, *answer);
            }
            Event::QuestionWithdrawn { question } => {
                self.questions.remove(question).ok_or_else(|| format!("{question} is not open"))?;
            }
            Event::PriorityChanged { task, priority } => self.facts(task)?.priority = Some(*priority),
            Event::TaskPreferred { task } => {
                let order = self.next_preference;
                self.next_preference += 1;
                self.facts(task)?.preferred = order;
            }
            Event::Sighted { task, commits, phase, .. } => {
                self.facts(task)?.seen = Seen { commits: *commits, phase: phase.clone() };
            }
        }
        Ok(())
    }

    fn at(&self, task: &TaskId) -> Result<usize> {
        self.position(task).ok_or_else(|| format!("the plan has no task {task}"))
    }

    fn facts(&mut self, task: &TaskId) -> Result<&mut Facts> {
        let at = self.at(task)?;
        Ok(&mut self.tasks[at].facts)
    }

    fn is_publishing(&self, task: &TaskId) -> Result<bool> {
        Ok(matches!(self.tasks[self.at(task)?].step, Step::Publishing))
    }

    fn enter(&mut self, task: &TaskId, step: Step) -> Result {
        let at = self.at(task)?;
        match &self.tasks[at].step {
            Step::Closed(_) => Err(format!("{task} is closed")),
            Step::Outside => Err(format!("{task} is not part of the run")),
            _ => {
                self.set_step(at, step);
                Ok(())
            }
        }
    }

    /// The running attempt, if it is the one the event speaks of.
    fn expect_attempt(&mut self, task: &TaskId, attempt: Attempt) -> Result<&mut Running> {
        let at = self.at(task)?;
        match &mut self.tasks[at].step {
            Step::Running(running) if running.attempt == attempt => Ok(running),
            _ => Err(format!("{task} does not run attempt {attempt}")),
        }
    }

    fn run_started(&mut self, event: &Event) {
        let Event::RunStarted { run, target, target_tip, green, policy, selected, before } = event else {
            return;
        };
        self.run = run.clone();
        self.target = target.clone();
        self.began_at = target_tip.clone();
        self.target_tip = target_tip.clone();
        self.policy = Arc::new((**policy).clone());
        self.progress = Progress::Open;
        self.clock.started = self.clock.last;
        self.clock.session = self.clock.last;
        if let Some(tree) = green {
            self.lane.green.insert(tree.clone());
            self.lane.green_bases.insert(target_tip.clone());
        }
        for at in selected.iter().filter_map(|id| self.position(id)).collect::<Vec<_>>() {
            self.set_step(at, Step::Waiting);
        }
        for found in before {
            if let Some(at) = self.position(&found.task) {
                self.set_step(at, Step::Closed(found.closure.clone()));
            }
        }
    }

    fn session_opened(&mut self, down_ms: u64) {
        self.totals.sessions += 1;
        if self.busy_count() == 0 && !self.is_idle_by_order() {
            self.clock.paused_ms += down_ms;
        }
        self.stop = None;
        self.paused.retain(|c| match c {
            PauseCause::Operator | PauseCause::Machine(_) | PauseCause::Agent(_) | PauseCause::SameCause => {
                false
            }
            PauseCause::TargetRed | PauseCause::TargetRewritten => true,
        });
        for deferred in self.deferred.values_mut() {
            deferred.due = Due::Now;
        }
        for question in self.questions.values_mut() {
            question.asked = self.clock.last;
        }
        self.clock.session = self.clock.last;
        if self.has(Mutant::StopForgotten) {
            let running = self.tasks.iter_mut().filter_map(|t| match &mut t.step {
                Step::Running(running) => Some(running),
                _ => None,
            });
            running.for_each(|r| r.stop = None);
        }
    }

    fn plan_revised(&mut self, plan: &Plan, added: &[TaskId]) -> Result {
        let old = std::mem::replace(&mut self.plan, Arc::new(plan.clone()));
        let mut tasks: Vec<_> = self.plan.tasks.iter().map(|_| super::Task::default()).collect();
        let moved = std::mem::take(&mut self.tasks);
        for (task, state) in old.tasks.iter().zip(moved) {
            match self.plan.position(&task.spec.id.value) {
                Some(at) => tasks[at] = state,
                None if matches!(state.step, Step::Outside) => {}
                None => return Err(format!("the revised plan lacks {}", task.spec.id.value)),
            }
        }
        self.tasks = tasks;
        self.index = super::Index::default();
        for (at, task) in self.tasks.iter().enumerate() {
            self.index.enter(at, self.plan.tasks[at].wave, &Step::Outside, &task.step);
        }
        self.stirred = (0..self.tasks.len()).collect();
        for id in added {
            let at = self.at(id)?;
            if !self.tasks[at].in_run() {
                self.set_step(at, Step::Waiting);
                self.progress = Progress::Open;
            }
        }
        Ok(())
    }

    fn wave_preloaded(&mut self, wave: u32, tasks: &[TaskId]) -> Result {
        self.preloaded.insert(wave);
        for task in tasks {
            let facts = self.facts(task)?;
            if facts.workspace == Workspace::None {
                facts.workspace = Workspace::Wanted;
            }
        }
        Ok(())
    }

    fn attempt_started(&mut self, task: &TaskId, attempt: Attempt, kind: Kind, agent: &str) -> Result {
        let (at, now) = (self.at(task)?, self.clock.last);
        if !matches!(self.tasks[at].step, Step::Ready { .. }) {
            return Err(format!("{task} is not ready"));
        }
        let facts = &mut self.tasks[at].facts;
        facts.attempts = attempt.0;
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
            working_since: None,
        };
        self.set_step(at, Step::Running(running));
        self.totals.peak_busy =
            self.totals.peak_busy.max(u32::try_from(self.busy_count()).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Events that move a running attempt from one phase to the next.
    fn attempt_moved(&mut self, event: &Event) -> Result {
        let now = self.clock.last;
        match event {
            Event::WorkspacePrepared { task, attempt, prepared } => {
                let running = self.expect_attempt(task, *attempt)?;
                let skips_agent =
                    running.kind == Kind::Recheck || prepared.rebase == crate::outcome::Rebase::Clean;
                if skips_agent {
                    running.phase = Phase::Collecting(Collect::Look);
                } else {
                    running.phase = Phase::Working;
                    running.working_since = Some(now);
                }
                let facts = self.facts(task)?;
                facts.base = Some(prepared.base.clone());
                facts.branch.get_or_insert(prepared.branch.clone());
                facts.workspace = Workspace::Present;
                facts.seen.commits = 0;
            }
            Event::AgentEnded { task, attempt, end } => {
                let running = self.expect_attempt(task, *attempt)?;
                running.end = Some(end.clone());
                running.phase = Phase::Collecting(Collect::Look);
                if let Some(session) = &end.session {
                    self.facts(task)?.session = Some(session.clone());
                }
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

    fn snapshot_taken(&mut self, task: &TaskId, snapshot: &Snapshot) -> Result {
        let facts = self.facts(task)?;
        facts.tip = Some(snapshot.tip.clone());
        facts.seen.commits = snapshot.commits;
        facts.snapshot = Some(snapshot.clone());
        Ok(())
    }

    fn attempt_succeeded(&mut self, task: &TaskId, attempt: Attempt) -> Result {
        let running = self.expect_attempt(task, attempt)?;
        let (repair, flaky) = (
            matches!(running.kind, Kind::Verify | Kind::Ci | Kind::Conflict),
            running.end.as_ref().is_some_and(|e| matches!(e.claim, Claim::Flaky(_))),
        );
        self.totals.repairs_helped += u32::from(repair);
        self.streak = super::Streak::default();
        let facts = self.facts(task)?;
        facts.failure = None;
        facts.note = None;
        if flaky && facts.failed_tip == facts.tip {
            facts.flaky = Flaky::Used;
        }
        facts.failed_tip = None;
        self.enter(task, Step::Publishing)
    }

    /// A failure that costs a try, of an attempt or of a change in the lane.
    fn failed(&mut self, task: &TaskId, failure: &Failure, after: After) -> Result {
        use crate::outcome::Class;
        let forgets = self.has(Mutant::TryNotCounted);
        let facts = self.facts(task)?;
        match failure.class {
            Class::Execution => facts.tries.execution += 1,
            Class::Verification if forgets => {}
            Class::Verification => facts.tries.verification += 1,
            Class::Ci => facts.tries.ci += 1,
            Class::Conflict => facts.tries.conflict += 1,
            Class::Lost => facts.tries.lost += 1,
            Class::Capacity | Class::Machine | Class::Operator => {
                return Err("this class costs no try".to_owned());
            }
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
            self.streak = super::Streak { summary: failure.summary.clone(), tasks: vec![task.clone()] };
        }
        self.enter(
            task,
            match after {
                After::Retry { until, kind } => Step::Backoff { until, kind },
                After::Hold(hold) => Step::Held { hold, failure: failure.clone() },
            },
        )
    }

    fn attempt_released(
        &mut self,
        task: &TaskId,
        attempt: Attempt,
        failure: &Failure,
        leave: Leave,
    ) -> Result {
        let kind = self.expect_attempt(task, attempt)?.kind.resumed();
        if failure.class == crate::outcome::Class::Lost {
            self.facts(task)?.tries.lost += 1;
        }
        self.enter(
            task,
            match leave {
                Leave::Ready(kind) => Step::Ready { kind },
                Leave::Parked(park) => Step::Parked { park, kind },
                Leave::Closed(GivenUp::Cancelled) => Step::Closed(Closure::Cancelled),
                Leave::Closed(GivenUp::Skipped(satisfies)) => Step::Closed(Closure::Skipped(satisfies)),
            },
        )
    }

    fn task_parked(&mut self, task: &TaskId, park: Park) -> Result {
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
        self.tasks[at].facts.wish = None;
        self.enter(task, Step::Parked { park, kind })
    }

    fn task_reopened(&mut self, task: &TaskId, note: Option<&str>, kind: Kind) -> Result {
        let at = self.at(task)?;
        self.lane.queue.retain(|t| t != task);
        let facts = &mut self.tasks[at].facts;
        facts.tries = Tries::default();
        facts.labelled = Labelled::No;
        facts.wish = None;
        facts.flaky = Flaky::Unused;
        facts.note = note.map(str::to_owned).or_else(|| facts.note.take());
        if matches!(self.tasks[at].step, Step::Outside) {
            return Err(format!("{task} is not part of the run"));
        }
        self.progress = Progress::Open;
        self.set_step(at, Step::Ready { kind });
        Ok(())
    }

    fn task_reset(&mut self, task: &TaskId, note: Option<&str>, work: Work) -> Result {
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
            first_started: old.first_started,
            workspace: old.workspace,
            published: old.published,
            note: note.map(str::to_owned),
            ..Facts::default()
        };
        match work {
            Work::Keep => {
                facts.base = old.base;
                facts.tip = old.tip;
                facts.snapshot = old.snapshot;
                facts.change = old.change;
                facts.session = old.session;
            }
            Work::Anew => facts.undone.extend(landing),
        }
        self.progress = Progress::Open;
        self.set_step(at, Step::Waiting);
        Ok(())
    }

    fn question_answered(&mut self, question: QuestionId, answer: crate::question::Answer) -> Result {
        let keeps = self.has(Mutant::AnswerKeepsQuestion);
        let open = self.questions.remove(&question).ok_or_else(|| format!("{question} is not open"))?;
        if keeps {
            self.questions.insert(question, open.clone());
        }
        self.settled.push((open.ask, answer));
        Ok(())
    }

    fn candidate(&mut self, id: CandidateId) -> Result<&mut Candidate> {
        self.lane.chain.iter_mut().find(|c| c.id == id).ok_or_else(|| format!("there is no candidate {id}"))
    }

    /// Events of the lane.
    fn lane_moved(&mut self, event: &Event) -> Result {
        match event {
            Event::CandidateChosen { candidate, members } => {
                self.lane.queue.retain(|t| !members.contains(t));
                self.lane.made = candidate.0;
                let members = members.clone();
                self.lane.chain.push(Candidate {
                    id: *candidate,
                    members,
                    stage: Stage::Building,
                    red: None,
                });
            }
            Event::CandidateBuilt { candidate, built } => {
                self.target_tip = built.base.clone();
                self.candidate(*candidate)?.stage = Stage::Checking { built: built.clone(), run: 0 };
            }
            Event::CheckStarted { subject: Subject::Candidate(id), run } => {
                self.totals.checks += 1;
                let candidate = self.candidate(*id)?;
                let Stage::Checking { built, .. } = &candidate.stage else {
                    return Err(format!("candidate {id} is not to be checked"));
                };
                candidate.stage = Stage::Checking { built: built.clone(), run: *run };
            }
            Event::CheckStarted { subject: Subject::Base(_), .. } => return self.base_check_started(event),
            Event::TreeGreen { tree } => drop(self.lane.green.insert(tree.clone())),
            Event::BaseGreen { commit } => drop(self.lane.green_bases.insert(commit.clone())),
            Event::CheckRed { subject, failure, .. } => {
                self.totals.checks_red += 1;
                if let Subject::Candidate(id) = subject {
                    self.candidate(*id)?.red = Some(failure.clone());
                }
            }
            Event::LandingStarted { candidate } => {
                let candidate = self.candidate(*candidate)?;
                match &candidate.stage {
                    Stage::Checking { built, .. } | Stage::CheckingBase { built, .. } => {
                        candidate.stage = Stage::Landing { built: built.clone() };
                    }
                    Stage::Building | Stage::Landing { .. } => return Err("it was not checked".to_owned()),
                }
            }
            Event::CandidateDropped { candidate, why } => return self.candidate_dropped(*candidate, *why),
            Event::CandidateLanded { candidate, commit } => {
                self.candidate(*candidate)?;
                self.lane.chain.retain(|c| c.id != *candidate);
                self.lane.green_bases.insert(commit.clone());
                self.lane.races = 0;
                self.target_tip = commit.clone();
                self.totals.landings += 1;
            }
            Event::TargetRed { commit, .. } => self.lane.frozen = Some(Freeze::TargetRed(commit.clone())),
            Event::RacesLost { task } => self.lane.frozen = Some(Freeze::Races(task.clone())),
            Event::LaneThawed => {
                self.lane.frozen = None;
                self.lane.races = 0;
            }
            _ => return Err("not an event of the lane".to_owned()),
        }
        Ok(())
    }

    fn base_check_started(&mut self, event: &Event) -> Result {
        let Event::CheckStarted { subject: Subject::Base(commit), run } = event else {
            return Err("not a check of a base".to_owned());
        };
        self.totals.checks += 1;
        self.lane.base_checks = *run;
        if self.lane.frozen.is_some() {
            self.lane.frozen = Some(Freeze::Rechecking(commit.clone()));
            return Ok(());
        }
        let head = self.lane.chain.first_mut().ok_or("there is no candidate")?;
        let (Stage::Checking { built, .. }, Some(failure)) = (&head.stage, &head.red) else {
            return Err("its candidate is not red".to_owned());
        };
        head.stage = Stage::CheckingBase { built: built.clone(), failure: failure.clone() };
        Ok(())
    }

    fn candidate_dropped(&mut self, id: CandidateId, why: Drop) -> Result {
        let candidate = self.candidate(id)?.clone();
        self.lane.chain.retain(|c| c.id != id);
        match why {
            Drop::BaseMoved | Drop::TargetRed if self.has(Mutant::QueueLosesMember) => {}
            Drop::BaseMoved | Drop::TargetRed => {
                for member in candidate.members.iter().rev() {
                    self.lane.queue.insert(0, member.clone());
                }
            }
            Drop::HeadMoved | Drop::Conflict | Drop::Red | Drop::Withdrawn => {}
        }
        match why {
            Drop::BaseMoved => self.lane.races += 1,
            Drop::TargetRed => {}
            Drop::HeadMoved | Drop::Conflict | Drop::Red | Drop::Withdrawn => self.lane.races = 0,
        }
        Ok(())
    }
}
