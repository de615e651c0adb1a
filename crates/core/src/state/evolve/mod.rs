//! What each event does to the state. Asserts what must hold before; decides nothing.

mod attempt;
mod lane;
mod stack;
mod task;

use super::{
    Breaker, CardAt, Closure, Deferred, Due, Facts, Ground, Kind, Labelled, PauseCause, Progress, Question,
    Running, State, Step, Workspace,
};
use crate::event::{Event, Record};
use crate::ids::{Attempt, Millis, QuestionId, TaskId};
use crate::mutant::Mutant;
use crate::plan::Plan;
use crate::question::{Answer, Ask};
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
    /// Applies one record: the only way a state changes.
    pub fn apply(&mut self, record: &Record) -> std::result::Result<(), Illegal> {
        self.pass(record.at);
        for event in &record.events {
            self.evolve(event)?;
        }
        self.calm();
        Ok(())
    }

    /// Applies one event at the time that has come.
    pub(crate) fn evolve(&mut self, event: &Event) -> std::result::Result<(), Illegal> {
        crate::invariant::permits(self, event)
            .map_err(|violation| violation.to_string())
            .and_then(|()| self.try_evolve(event))
            .map_err(|why| Illegal { event: format!("{event:?}").chars().take(160).collect(), why })?;
        if let Some(at) = event.task().and_then(|task| self.position(task)) {
            self.tasks[at].moved = self.clock.last;
        }
        if !self.deferred.is_empty() {
            self.forget_unwanted();
        }
        Ok(())
    }

    /// A deferred intent that is no longer wished for is over.
    fn forget_unwanted(&mut self) {
        let deferred = std::mem::take(&mut self.deferred);
        let wanted = crate::wishes::wishes(self);
        self.deferred = deferred.into_iter().filter(|(intent, _)| wanted.contains(intent)).collect();
    }

    fn try_evolve(&mut self, event: &Event) -> Result {
        match event {
            Event::RunStarted { .. } => self.run_started(event),
            Event::SessionOpened { down_ms } => self.session_opened(*down_ms),
            Event::RunCompleted => self.progress = Progress::Complete,
            Event::PlanRevised { plan, added } => return self.plan_revised(plan, added),
            Event::RepairAdded { plan, repair } => return self.repair_added(plan, repair),
            Event::DispatchPaused { cause } => drop(self.paused.insert(cause.clone())),
            Event::DispatchResumed { cause } => self.paused.retain(|c| !c.same_kind(cause)),
            Event::StopRequested { mode } => self.stop = self.stop.max(Some(*mode)),
            Event::StopWithdrawn => self.stop = None,
            Event::SlotsChanged { slots } => Arc::make_mut(&mut self.policy).slots = *slots,
            Event::BudgetNeared { .. } => self.budget_told = true,
            Event::BudgetGranted => {
                self.budget_grants += 1;
                self.budget_told = false;
            }
            Event::BreakerOpened { .. } => self.breaker_opened(event),
            Event::BreakerClosed { account, widens } => {
                let breaker = self.breakers.get_mut(account).ok_or_else(|| format!("{account} is open"))?;
                breaker.until = None;
                breaker.widens = *widens;
            }
            Event::BreakerWidened { account, widens } => self.breaker_widened(account, *widens),
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
            Event::TaskUnreadied { task } => return self.enter(task, Step::Waiting),
            Event::AttemptStarted { task, attempt, kind, agent, model, stack } => {
                self.begin_on(task, stack)?;
                return self.attempt_started(task, *attempt, *kind, (agent, model.as_deref()));
            }
            Event::StackRefused { task, .. } => self.facts(task)?.ground = Ground::Refused,
            Event::WorkspacePrepared { .. }
            | Event::AgentEnded { .. }
            | Event::SnapshotTaken { .. }
            | Event::LeftoversAsked { .. }
            | Event::LeftoversTaken { .. }
            | Event::VerifyStarted { .. }
            | Event::ReviewStarted { .. }
            | Event::ReviewEnded { .. }
            | Event::ReviewLeftOut { .. }
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
            Event::HeadJudged { task, tip, checks } => return self.head_judged(task, tip, *checks),
            Event::ChangeLabelled { task } => self.facts(task)?.labelled = Labelled::Yes,
            Event::TaskQueued { task } => {
                self.enter(task, Step::InLane)?;
                self.lane.queue.push(task.clone());
            }
            Event::BranchAdopted { task, tip } => {
                let facts = self.facts(task)?;
                facts.tip = Some(tip.clone());
                facts.published = Some(tip.clone());
                facts.adopted = true;
                let at = self.at(task)?;
                if let Step::Parked { kind, .. } | Step::Backoff { kind, .. } = &mut self.tasks[at].step {
                    *kind = Kind::Recheck;
                }
            }
            Event::CandidateChosen { .. }
            | Event::MemberLeftOut { .. }
            | Event::CandidateBuilt { .. }
            | Event::CheckStarted { .. }
            | Event::TreeGreen { .. }
            | Event::BaseGreen { .. }
            | Event::CheckRed { .. }
            | Event::CandidateGreen { .. }
            | Event::CandidateRed { .. }
            | Event::LandingStarted { .. }
            | Event::CandidateSplit { .. }
            | Event::CandidateDropped { .. }
            | Event::CandidateLanded { .. }
            | Event::LandedUnchecked { .. }
            | Event::TargetRed { .. }
            | Event::RacesLost { .. }
            | Event::LaneThawed => {
                self.lane.moved = self.clock.last;
                return self.lane_moved(event);
            }
            Event::ChangeReturned { task, failure, after } => {
                let facts = self.facts(task)?;
                facts.failed_tip.clone_from(&facts.tip);
                self.lane.queue.retain(|t| t != task);
                return self.failed(task, failure, *after);
            }
            Event::ChangeApproved { task, tip, at } => {
                let facts = self.facts(task)?;
                (facts.approved, facts.approved_at) = (Some(tip.clone()), *at);
            }
            Event::ApprovalWithdrawn { task } => return self.approval_withdrawn(task),
            Event::ChangeRejected { task, note } => return self.change_rejected(task, note),
            Event::StandstillTold { task } => {
                let at = self.at(task)?;
                self.tasks[at].told = true;
            }
            Event::TargetMoved { tip } => self.target_tip = tip.clone(),
            Event::BranchesSeen { conflicts, touched } => {
                self.radar.heed(conflicts, touched);
                self.files = self.recounted_files(&self.files);
            }
            Event::CoverageMeasured { task, coverage } => self.facts(task)?.coverage = *coverage,
            Event::CardSeen { task, card, column } => {
                let card = CardAt { id: card.clone(), column: *column, moving: None };
                self.board.cards.insert(task.clone(), card);
            }
            Event::CardMoving { task, to } => {
                let card = self.board.cards.get_mut(task).ok_or_else(|| format!("{task} has no card"))?;
                card.moving = Some(*to);
            }
            Event::CardTextsKept { tasks } => self.board.text_kept.extend(tasks.iter().cloned()),
            Event::BoardLost { why } => self.board.lost = Some(why.clone()),
            Event::BoardBack => self.board.lost = None,
            Event::TaskClosed { task, closure } => {
                self.lane.queue.retain(|t| t != task);
                self.facts(task)?.wish = None;
                let helped = self.facts(task)?.mending && matches!(closure, Closure::Landed(_));
                self.totals.repairs_helped += u32::from(helped);
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
            Event::ChangesRequested { task, review } => {
                let facts = self.facts(task)?;
                facts.heeded = facts.heeded.max(*review);
            }
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
                if let Ask::Agent { task, .. } = ask {
                    self.facts(task)?.tries.asked += 1;
                }
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
            Event::PermissionGranted { task, tools } => {
                self.facts(task)?.allowed.extend(tools.iter().cloned());
            }
            Event::Sighted { task, seen, .. } => self.facts(task)?.seen = seen.clone(),
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

    fn breaker_opened(&mut self, event: &Event) {
        let Event::BreakerOpened { account, until, shortage, width, why } = event else { return };
        // The same episode goes on while the breaker is open.
        let strikes = match self.breakers.get(account) {
            Some(Breaker { until: Some(_), strikes, .. }) => *strikes,
            Some(breaker) => breaker.strikes + 1,
            None => 1,
        };
        let breaker = Breaker {
            until: Some(*until),
            shortage: *shortage,
            why: why.clone(),
            width: *width,
            strikes,
            widens: *until,
        };
        self.breakers.insert(account.clone(), breaker);
    }

    fn breaker_widened(&mut self, account: &str, widens: Millis) {
        let slots = self.policy.slots;
        let Some(breaker) = self.breakers.get_mut(account) else { return };
        breaker.width += 1;
        breaker.strikes = 0;
        breaker.widens = widens;
        if breaker.width >= slots {
            self.breakers.remove(account);
        }
    }

    fn session_opened(&mut self, down_ms: u64) {
        self.totals.sessions += 1;
        // A complete run's time ended with its last task, and an idle run's was counted as it passed.
        if self.progress == Progress::Open && self.busy_count() == 0 && !self.is_idle_by_order() {
            self.clock.paused_ms += down_ms;
        }
        self.stop = None;
        self.paused.retain(|c| match c {
            PauseCause::Operator
            | PauseCause::Machine(_)
            | PauseCause::Agent { .. }
            | PauseCause::SameCause => false,
            PauseCause::TargetRed | PauseCause::TargetRewritten | PauseCause::Budget => true,
        });
        for deferred in self.deferred.values_mut() {
            deferred.due = Due::Now;
        }
        for question in self.questions.values_mut() {
            question.asked = self.clock.last;
        }
        self.clock.session = self.clock.last;
        // Whoever declined a repair is asked again by a new session.
        self.lane.declined = false;
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
        self.files = self.recounted_files(&super::Files::of(&self.plan));
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

    fn repair_added(&mut self, plan: &Plan, repair: &TaskId) -> Result {
        self.plan_revised(plan, std::slice::from_ref(repair))?;
        self.lane.repairs.push(repair.clone());
        self.lane.repair = Some(repair.clone());
        Ok(())
    }

    /// A repair that is opened again while the target is red is the repair again, unless there is another.
    fn take_up_repair(&mut self, task: &TaskId) {
        let repairs = self.lane.target_is_red() && self.lane.repairs.contains(task);
        if repairs && self.open_repair().is_none() {
            self.lane.repair = Some(task.clone());
        }
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

    fn question_answered(&mut self, question: QuestionId, answer: Answer) -> Result {
        let keeps = self.has(Mutant::AnswerKeepsQuestion);
        let open = self.questions.remove(&question).ok_or_else(|| format!("{question} is not open"))?;
        if keeps {
            self.questions.insert(question, open.clone());
        }
        if matches!((&open.ask, answer), (Ask::TargetRed { .. }, Answer::No | Answer::Hold)) {
            self.lane.declined = true;
        }
        self.settled.push((open.ask, answer));
        Ok(())
    }
}
