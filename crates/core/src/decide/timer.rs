//! Time: what is due, and when something will be. There are no timers to keep: the next moment follows from the state.

use super::{Decider, capacity, lane, schedule, standstill};
use crate::event::Event;
use crate::ids::Millis;
use crate::mutant::Mutant;
use crate::question::Ask;
use crate::state::{Due, Phase, State, Step, Stop};

impl Decider<'_> {
    /// Everything that is due by now.
    pub(super) fn tick(&mut self) {
        let now = self.now;
        let due: Vec<_> =
            self.state.deferred.iter().filter(|(_, d)| d.due == Due::Later && d.until <= now).collect();
        let due = if self.state.has(Mutant::DeferredForgotten) { Vec::new() } else { due };
        for intent in due.into_iter().map(|(intent, _)| intent.clone()).collect::<Vec<_>>() {
            self.emit(Event::IntentDue { intent });
        }
        self.accounts_due();
        for at in self.state.backoff().collect::<Vec<_>>() {
            if let Step::Backoff { until, kind } = self.state.tasks[at].step
                && until <= now
            {
                self.emit(Event::TaskReadied { task: self.state.id(at).clone(), kind });
            }
        }
        for at in self.state.busy().collect::<Vec<_>>() {
            self.enforce_limit(at);
            self.ask_about_silence(at);
        }
        for question in self.state.questions.keys().copied().collect::<Vec<_>>() {
            if question_deadline(self.state, question).is_some_and(|until| until <= now) {
                let answer = self.state.questions[&question].ask.default_answer();
                self.settle_question(question, answer);
            }
        }
        self.tell_of_standstills();
    }

    fn ask_about_silence(&mut self, at: usize) {
        if silence_deadline(self.state, at).is_none_or(|until| until > self.now) {
            return;
        }
        let task = &self.state.tasks[at];
        if let (Some(running), Some(since)) = (task.running(), task.facts.seen.quiet_since) {
            let (attempt, quiet_ms) = (running.attempt, self.now.since(since));
            if running.phase == Phase::Reviewing {
                // Nobody is asked about a reviewer: the work does without.
                let task = self.state.id(at).clone();
                return self.emit(Event::AttemptStopping { task, attempt, stop: Stop::Silent });
            }
            self.ask(Ask::Silence { task: self.state.id(at).clone(), attempt, since, quiet_ms });
        }
    }

    fn enforce_limit(&mut self, at: usize) {
        if attempt_deadline(self.state, at).is_none_or(|until| until > self.now) {
            return;
        }
        if let Some(attempt) = self.state.tasks[at].running().map(|r| r.attempt) {
            let task = self.state.id(at).clone();
            self.emit(Event::AttemptStopping { task, attempt, stop: Stop::Timeout });
        }
    }
}

/// When a person is asked about an agent that is quiet; none if it is not, or was asked about.
fn silence_deadline(state: &State, at: usize) -> Option<Millis> {
    let task = &state.tasks[at];
    let (running, since) = (task.running()?, task.facts.seen.quiet_since?);
    let same = |ask: &Ask| matches!(ask, Ask::Silence { attempt, since: asked, .. } if *attempt == running.attempt && *asked == since);
    let about = |ask: &Ask| ask.task() == Some(state.id(at)) && same(ask);
    let asked = state.questions.values().map(|open| &open.ask);
    let settled = state.settled.iter().map(|(ask, _)| ask);
    let limited = state.policy.silence_ms > 0 && running.stop.is_none() && running.agent_works();
    (limited && !asked.chain(settled).any(about)).then(|| since.plus(state.policy.silence_ms))
}

fn attempt_deadline(state: &State, at: usize) -> Option<Millis> {
    let running = state.tasks[at].running()?;
    let limited = state.policy.attempt_limit_ms > 0 && running.stop.is_none();
    running
        .working_since
        .filter(|_| limited && running.agent_works())
        .map(|since| since.plus(state.policy.attempt_limit_ms))
}

fn question_deadline(state: &State, question: crate::ids::QuestionId) -> Option<Millis> {
    let open = state.questions.get(&question)?;
    (state.policy.question_timeout_ms > 0).then(|| open.asked.plus(state.policy.question_timeout_ms))
}

/// The next moment at which [`crate::input::Input::Tick`] would change something; none when only others can.
pub fn next_wakeup(state: &State) -> Option<Millis> {
    let backoff = state.backoff().filter_map(|at| match state.tasks[at].step {
        Step::Backoff { until, .. } => Some(until),
        _ => None,
    });
    let deferred = state.deferred.values().filter(|d| d.due == Due::Later).map(|d| d.until);
    let limits = state.busy().filter_map(|at| attempt_deadline(state, at));
    let silences = state.busy().filter_map(|at| silence_deadline(state, at));
    let questions = state.questions.keys().filter_map(|q| question_deadline(state, *q));
    backoff
        .chain(deferred)
        .chain(capacity::next_account(state))
        .chain(limits)
        .chain(silences)
        .chain(questions)
        .chain(lane::wait_due(state))
        .chain(schedule::stagger_until(state))
        .chain(standstill::next_standstill(state))
        .min()
}
