//! Answers: what each does. A question that is about a task leaves the task alone if it has moved on since.

use super::Decider;
use crate::event::Event;
use crate::ids::{Attempt, CommitId, QuestionId, TaskId};
use crate::outcome::{Class, Failure, Inquiry};
use crate::question::{Answer, Ask};
use crate::state::{Closure, Freeze, Hold, Kind, Park, PauseCause, Running, State, Step, Stop, Work};

impl Decider<'_> {
    /// Settles an open question and does what the answer says.
    pub(super) fn settle_question(&mut self, question: QuestionId, answer: Answer) {
        let Some(open) = self.state.questions.get(&question) else { return };
        let ask = open.ask.clone();
        self.emit(Event::QuestionAnswered { question, answer });
        match &ask {
            Ask::Starvation { task, .. } => self.answer_starvation(task, answer),
            Ask::NoChange { task, .. } => self.answer_no_change(task, question, answer),
            Ask::SameCause { .. } => {
                if answer == Answer::Yes {
                    self.emit(Event::DispatchResumed { cause: PauseCause::SameCause });
                }
            }
            Ask::TargetRed { .. } => match answer {
                Answer::Yes => self.add_repair(),
                Answer::Retry => self.recheck_target(self.state.target_tip.clone()),
                Answer::No | Answer::Hold | Answer::Option(_) => {}
            },
            Ask::LostRaces { task, .. } => self.answer_lost_races(task, answer),
            Ask::ChangeClosed { task } => self.answer_change_closed(task, question, answer),
            Ask::Agent { task, inquiry } => self.answer_agent(task, inquiry, question, answer),
            Ask::Silence { task, attempt, .. } => self.answer_silence(task, *attempt, answer),
            Ask::Boundary { task, .. } => {
                if self.waits_for(task, question) {
                    self.send_on(task, None, answer, "it is left to you");
                }
            }
            Ask::Budget { .. } => {
                if answer == Answer::Yes {
                    self.emit(Event::BudgetGranted);
                    self.emit(Event::DispatchResumed { cause: PauseCause::Budget });
                }
            }
            Ask::Permission { task, tools } => self.answer_permission(task, tools, question, answer),
            Ask::TargetRewritten { tasks } => self.answer_rewritten(tasks, answer),
            Ask::NextWave { wave } => {
                if answer == Answer::Yes {
                    self.emit(Event::WaveOpened { wave: *wave });
                }
            }
            Ask::CardMoved { task, to } => self.answer_card_moved(task, *to, answer),
            Ask::TaskRemoved { task } => {
                if answer == Answer::Yes {
                    self.give_up(task, Stop::Cancel);
                }
            }
        }
    }

    /// What has passed needs no answer any more.
    pub(super) fn withdraw_moot_questions(&mut self) {
        let moot: Vec<_> = self
            .state
            .questions
            .iter()
            .filter(|(id, open)| !is_live(self.state, **id, &open.ask))
            .map(|(id, _)| *id)
            .collect();
        for question in moot {
            self.emit(Event::QuestionWithdrawn { question });
        }
    }

    /// Settles every open question of a kind.
    pub(super) fn settle_questions(&mut self, about: impl Fn(&Ask) -> bool, answer: Answer) {
        let open: Vec<_> =
            self.state.questions.iter().filter(|(_, q)| about(&q.ask)).map(|(id, _)| *id).collect();
        for question in open {
            self.emit(Event::QuestionAnswered { question, answer });
        }
    }

    fn answer_starvation(&mut self, task: &TaskId, answer: Answer) {
        let running = self.state.task(task).and_then(|t| t.running()).filter(|r| r.stop.is_none());
        if let (Answer::Yes, Some(attempt)) = (answer, running.map(|r| r.attempt)) {
            self.emit(Event::AttemptStopping { task: task.clone(), attempt, stop: Stop::Yield });
        }
    }

    fn waits_for(&self, task: &TaskId, question: QuestionId) -> bool {
        matches!(self.step(task), Some(Step::Parked { park: Park::Question(q), .. }) if *q == question)
    }

    fn answer_no_change(&mut self, task: &TaskId, question: QuestionId, answer: Answer) {
        if !self.waits_for(task, question) {
            return;
        }
        let task = task.clone();
        self.emit(match answer {
            Answer::Yes => Event::TaskClosed { task, closure: Closure::NoChange },
            Answer::Retry => Event::TaskReopened { task, note: None, kind: Kind::Continue },
            Answer::No | Answer::Hold | Answer::Option(_) => {
                let failure = Failure::new(Class::Operator, "the agent says that no change is needed");
                Event::TaskHeld { task, hold: Hold::NeedsReview, failure }
            }
        });
    }

    fn answer_lost_races(&mut self, task: &TaskId, answer: Answer) {
        if self.state.lane.frozen == Some(Freeze::Races(task.clone())) {
            self.emit(Event::LaneThawed);
        }
        if answer == Answer::Hold
            && matches!(self.step(task), Some(Step::InLane))
            && !self.state.lane.carries(task)
        {
            let failure = Failure::new(Class::Operator, "the target kept moving while it was to land");
            self.emit(Event::TaskHeld { task: task.clone(), hold: Hold::NeedsReview, failure });
        }
    }

    fn answer_change_closed(&mut self, task: &TaskId, question: QuestionId, answer: Answer) {
        if !self.waits_for(task, question) {
            return;
        }
        let task = task.clone();
        self.emit(match answer {
            Answer::Yes => Event::TaskClosed { task, closure: Closure::Cancelled },
            Answer::Retry => Event::TaskReopened { task, note: None, kind: Kind::Recheck },
            Answer::No | Answer::Hold | Answer::Option(_) => {
                let failure = Failure::new(Class::Operator, "its change was closed by a person");
                Event::TaskHeld { task, hold: Hold::NeedsReview, failure }
            }
        });
    }

    fn answer_permission(&mut self, task: &TaskId, tools: &[String], question: QuestionId, answer: Answer) {
        if !self.waits_for(task, question) {
            return;
        }
        let mut note = None;
        if answer == Answer::Yes {
            note = Some(format!("You are now permitted: {}.", tools.join(", ")));
            self.emit(Event::PermissionGranted { task: task.clone(), tools: tools.to_vec() });
        }
        self.send_on(task, note, answer, "its agent was not permitted what it needs");
    }

    fn answer_agent(&mut self, task: &TaskId, inquiry: &Inquiry, question: QuestionId, answer: Answer) {
        if !self.waits_for(task, question) {
            return;
        }
        let said = match answer {
            Answer::Option(n) => inquiry.options.get(usize::from(n).saturating_sub(1)).map(String::as_str),
            Answer::Yes => Some("yes"),
            Answer::No => Some("no"),
            Answer::Hold | Answer::Retry => None,
        };
        match said {
            Some(said) => {
                let note = format!("The answer to your question \"{}\" is: {said}.", inquiry.text);
                self.send_on(task, Some(note), Answer::Yes, "");
            }
            None => self.send_on(task, None, Answer::Hold, "its agent asks for a decision"),
        }
    }

    fn answer_silence(&mut self, task: &TaskId, attempt: Attempt, answer: Answer) {
        let working = self.running(task, attempt).is_some_and(|running| running.stop.is_none());
        if answer == Answer::Yes && working {
            self.emit(Event::AttemptStopping { task: task.clone(), attempt, stop: Stop::Silent });
        }
    }

    /// A parked task goes on with its agent, as what it was parked for and with the tries and budget that it has left; or
    /// it is left to the user.
    fn send_on(&mut self, task: &TaskId, note: Option<String>, answer: Answer, why: &str) {
        let Some(Step::Parked { kind, .. }) = self.step(task) else { return };
        let (kind, task) = (*kind, task.clone());
        match answer {
            Answer::Yes | Answer::Retry | Answer::Option(_) => {
                if let Some(note) = note {
                    self.emit(Event::NoteLeft { task: task.clone(), note });
                }
                self.emit(Event::TaskReadied { task, kind });
            }
            Answer::No | Answer::Hold => {
                let failure = Failure::new(Class::Operator, why);
                self.emit(Event::TaskHeld { task, hold: Hold::Stuck, failure });
            }
        }
    }

    fn answer_rewritten(&mut self, tasks: &[TaskId], answer: Answer) {
        for task in tasks {
            if landing(self.state, task).is_none() {
                continue;
            }
            let task = task.clone();
            match answer {
                Answer::Yes => self.emit(Event::LandingAccepted { task }),
                Answer::Retry => self.emit(Event::TaskReset { task, note: None, work: Work::Keep }),
                Answer::No | Answer::Hold | Answer::Option(_) => return,
            }
        }
        self.emit(Event::DispatchResumed { cause: PauseCause::TargetRewritten });
    }

    /// Gives a task up: at once, or once its attempt or candidate has ended.
    pub(super) fn give_up(&mut self, task: &TaskId, stop: Stop) {
        let (wish, closure) = match stop {
            Stop::Skip(satisfies) => (crate::state::Wish::Skip(satisfies), Closure::Skipped(satisfies)),
            _ => (crate::state::Wish::Cancel, Closure::Cancelled),
        };
        let task_id = task.clone();
        match self.step(task) {
            Some(Step::Running(running)) => {
                let attempt = running.attempt;
                self.emit(Event::AttemptStopping { task: task_id, attempt, stop });
            }
            Some(Step::InLane) if self.state.lane.carries(task) => {
                self.emit(Event::TaskWished { task: task_id, wish });
            }
            Some(Step::Closed(_) | Step::Outside) | None => {}
            Some(_) => self.emit(Event::TaskClosed { task: task_id, closure }),
        }
    }
}

/// The commit that a task is closed with.
fn landing<'a>(state: &'a State, task: &TaskId) -> Option<&'a CommitId> {
    state.task(task).and_then(|t| t.closure()).and_then(Closure::commit)
}

/// Whether a question is still about something: what it asks about has not passed.
pub(crate) fn is_live(state: &State, question: QuestionId, ask: &Ask) -> bool {
    let waits = |task: &TaskId| {
        matches!(
            state.task(task).map(|t| &t.step),
            Some(Step::Parked { park: Park::Question(q), .. }) if *q == question
        )
    };
    match ask {
        Ask::Starvation { task, .. } => {
            state.task(task).and_then(|t| t.running()).is_some_and(|r| r.stop.is_none())
        }
        Ask::NoChange { task, .. }
        | Ask::ChangeClosed { task }
        | Ask::Permission { task, .. }
        | Ask::Agent { task, .. }
        | Ask::Boundary { task, .. } => waits(task),
        Ask::Silence { task, attempt, since, .. } => state.task(task).is_some_and(|t| {
            let works = |r: &Running| r.attempt == *attempt && r.stop.is_none() && r.agent_works();
            t.running().is_some_and(works) && t.facts.seen.quiet_since == Some(*since)
        }),
        Ask::Budget { .. } => state.paused.contains(&PauseCause::Budget),
        Ask::SameCause { .. } => state.paused.contains(&PauseCause::SameCause),
        Ask::TargetRed { .. } => state.lane.target_is_red() && state.open_count() > 0,
        Ask::LostRaces { task, .. } => state.lane.frozen == Some(Freeze::Races(task.clone())),
        Ask::TargetRewritten { tasks } => {
            let gone = tasks.iter().any(|task| landing(state, task).is_some());
            gone && state.paused.contains(&PauseCause::TargetRewritten)
        }
        Ask::NextWave { wave } => !state.opened.contains(wave),
        Ask::CardMoved { task, to } => {
            let stands = state.board.cards.get(task).is_some_and(|card| card.column == *to);
            stands && super::board::asks_for(state, task, *to)
        }
        Ask::TaskRemoved { task } => state.task(task).is_some_and(|t| !t.is_closed()),
    }
}
