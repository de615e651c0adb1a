//! Commands of the user, each with an answer in a line. On a task whose candidate is under way they act afterwards.

use super::Decider;
use crate::event::Event;
use crate::ids::{CommitId, QuestionId, TaskId};
use crate::input::{Command, Reply};
use crate::plan::{Plan, TaskSpec};
use crate::policy::MAX_SLOTS;
use crate::question::{Answer, Ask};
use crate::state::{
    Closure, Kind, Park, PauseCause, Phase, Progress, Satisfies, Step, Stop, StopMode, Task, Wish, Work,
};

pub(super) fn done(text: impl Into<String>) -> Reply {
    Reply::Done(text.into())
}

pub(super) fn refused(text: impl Into<String>) -> Reply {
    Reply::Refused(text.into())
}

impl Decider<'_> {
    pub(super) fn command(&mut self, command: Command) -> Reply {
        if self.state.progress == Progress::New {
            return refused("the run has not begun");
        }
        let task = match &command {
            Command::Pause(task) | Command::Unpause(task) => task.as_ref(),
            Command::Retry { task, .. }
            | Command::Skip { task, .. }
            | Command::Take { task }
            | Command::Give { task }
            | Command::Done { task, .. }
            | Command::Reopen { task, .. }
            | Command::Next { task }
            | Command::Reject { task, .. }
            | Command::Priority { task, .. }
            | Command::LinkCard { task, .. } => Some(task),
            Command::Stop(_)
            | Command::Slots(_)
            | Command::Answer { .. }
            | Command::Approve { .. }
            | Command::Adopt { .. } => None,
        };
        if let Some(task) = task {
            match self.step(task) {
                None => return refused(format!("the plan has no task {task}")),
                Some(Step::Outside) => return refused(format!("{task} is not part of this run")),
                Some(_) => {}
            }
        }
        match command {
            Command::Pause(None) => self.pause(),
            Command::Pause(Some(task)) => self.set_aside(task, Stop::Park),
            Command::Unpause(None) => self.unpause(),
            Command::Unpause(Some(task)) => self.unpause_task(task),
            Command::Stop(mode) => self.stop(mode),
            Command::Retry { task, note } => self.retry(task, note),
            Command::Skip { task, satisfies } => self.skip(&task, satisfies),
            Command::Take { task } => self.set_aside(task, Stop::Take),
            Command::Give { task } => self.give(task),
            Command::Done { task, commit } => self.done(task, commit),
            Command::Reopen { task, note } => self.reopen(task, note),
            Command::Next { task } => self.prefer(task),
            Command::Priority { task, priority } => {
                let text = format!("{task} has {priority} priority now");
                self.emit(Event::PriorityChanged { task, priority });
                done(text)
            }
            Command::Slots(slots) => self.set_slots(slots),
            Command::Answer { question, answer } => self.answer(question, answer),
            Command::Approve { which, tip } => self.approve(&which, tip.as_deref()),
            Command::Reject { task, note } => self.reject(task, note),
            Command::LinkCard { task, card, column } => self.link_card(task, card, column),
            Command::Adopt { plan, added } => self.adopt(*plan, added),
        }
    }

    fn pause(&mut self) -> Reply {
        if self.state.paused.contains(&PauseCause::Operator) {
            return Reply::Nothing("paused already; `ppe unpause` goes on".to_owned());
        }
        self.emit(Event::DispatchPaused { cause: PauseCause::Operator });
        done(format!("paused: nothing new starts, {} at work go on", self.state.busy_count()))
    }

    fn unpause(&mut self) -> Reply {
        let causes: Vec<_> = self.state.paused.iter().cloned().collect();
        let denied = self.denied_waves();
        let rested = self.open_accounts();
        if causes.is_empty() && denied.is_empty() && self.state.stop.is_none() && !rested {
            return Reply::Nothing("not paused".to_owned());
        }
        for wave in denied {
            self.emit(Event::WaveOpened { wave });
        }
        let mut red = false;
        for cause in causes {
            match cause {
                PauseCause::Operator
                | PauseCause::Machine(_)
                | PauseCause::Agent { .. }
                | PauseCause::SameCause
                // It is asked about again while it is so.
                | PauseCause::Budget
                // The next look at the target pauses and asks again if it still is so.
                | PauseCause::TargetRewritten => {
                    self.emit(Event::DispatchResumed { cause });
                }
                PauseCause::TargetRed => {
                    red = true;
                    self.recheck_target(self.state.target_tip.clone());
                }
            }
        }
        self.settle_questions(|ask| matches!(ask, Ask::SameCause { .. }), Answer::Yes);
        if self.state.stop == Some(StopMode::Drain) {
            self.emit(Event::StopWithdrawn);
        }
        done(if red {
            "the target is red and is checked again; new tasks start once it is green"
        } else {
            "new tasks start again"
        })
    }

    /// Waves that were asked about and told to wait.
    fn denied_waves(&self) -> Vec<u32> {
        let denied = |(ask, _): &(Ask, Answer)| match ask {
            Ask::NextWave { wave } if !self.state.opened.contains(wave) => Some(*wave),
            _ => None,
        };
        self.state.settled.iter().filter_map(denied).collect()
    }

    /// Parks a task for a person: `pause T` or `take T`.
    fn set_aside(&mut self, task: TaskId, stop: Stop) -> Reply {
        let (park, wish, word) = match stop {
            Stop::Take => (Park::Taken, Wish::Take, "is yours"),
            _ => (Park::Operator, Wish::Park, "is paused"),
        };
        match self.step(&task) {
            Some(Step::Running(running)) => {
                let attempt = running.attempt;
                self.emit(Event::AttemptStopping { task: task.clone(), attempt, stop });
                done(format!("{task}: its agent is being stopped, then it {word}"))
            }
            Some(Step::InLane) if self.state.lane.carries(&task) => {
                self.emit(Event::TaskWished { task: task.clone(), wish });
                done(format!("{task} is being landed; if it does not land it {word}"))
            }
            Some(Step::Waiting) => {
                refused(format!("{task} waits for its dependencies: nothing is at work on it"))
            }
            Some(Step::Closed(_)) => refused(format!("{task} is closed")),
            Some(Step::Parked { park: p, .. }) if *p == park => {
                Reply::Nothing(format!("{task} {word} already"))
            }
            Some(_) => {
                self.emit(Event::TaskParked { task: task.clone(), park });
                done(format!("{task} {word}"))
            }
            None => refused(format!("the plan has no task {task}")),
        }
    }

    fn unpause_task(&mut self, task: TaskId) -> Reply {
        match self.step(&task) {
            Some(Step::Parked { park: Park::Operator | Park::Room, kind }) => {
                let kind = *kind;
                let text = format!("{task} goes on");
                self.emit(Event::TaskReadied { task, kind });
                done(text)
            }
            Some(Step::Parked { park: Park::Taken, .. }) => {
                refused(format!("{task} is taken; `ppe give {task}` hands it back"))
            }
            Some(Step::Parked { park: Park::Question(q), .. }) => {
                refused(format!("{task} waits for an answer: `ppe answer {q} …`"))
            }
            Some(_) | None => Reply::Nothing(format!("{task} is not paused")),
        }
    }

    fn stop(&mut self, mode: StopMode) -> Reply {
        self.emit(Event::StopRequested { mode });
        if mode == StopMode::Agents {
            for at in self.state.busy().collect::<Vec<_>>() {
                let task = self.state.id(at).clone();
                let Some(running) = self.state.tasks[at].running() else { continue };
                let attempt = running.attempt;
                if running.stop.is_none() {
                    self.emit(Event::AttemptStopping { task, attempt, stop: Stop::Halt });
                }
            }
        }
        if mode == StopMode::Cancel {
            for at in 0..self.state.tasks.len() {
                let task = self.state.id(at).clone();
                self.give_up(&task, Stop::Cancel);
            }
        }
        let busy = self.state.busy_count();
        done(match mode {
            StopMode::Drain => format!("draining: {busy} at work finish, nothing new starts"),
            StopMode::Agents => format!("stopping {busy} at work; `ppe resume` goes on"),
            StopMode::Cancel => "cancelling what is open".to_owned(),
        })
    }

    pub(super) fn retry(&mut self, task: TaskId, note: Option<String>) -> Reply {
        let Some(t) = self.state.task(&task) else { return refused(format!("the plan has no task {task}")) };
        let has_work = t.facts.tip.is_some() || t.facts.branch.is_some();
        let kind = match (&note, has_work) {
            (None, true) => Kind::Recheck,
            (Some(_), true) => Kind::Continue,
            (_, false) => Kind::First,
        };
        let text = format!("{task} is tried again");
        match &t.step {
            Step::Held { .. } | Step::Backoff { .. } => self.emit(Event::TaskReopened { task, note, kind }),
            Step::Parked { park: Park::Taken, .. } => {
                return refused(format!("{task} is taken; `ppe give {task}` hands it back"));
            }
            Step::Parked { .. } => {
                self.settle_questions(|ask| ask.task() == Some(&task), Answer::Retry);
                self.emit(Event::TaskReopened { task, note, kind });
            }
            Step::Closed(Closure::Skipped(_) | Closure::Cancelled) => {
                self.emit(Event::TaskReset { task, note, work: Work::Keep });
            }
            Step::Closed(_) => return refused(format!("{task} is done; `ppe reopen {task}` opens it again")),
            Step::Running(running) => {
                let attempt = running.attempt;
                self.leave_note(&task, note);
                self.emit(Event::AttemptStopping { task: task.clone(), attempt, stop: Stop::Retry });
                return done(format!("{task}: its agent is being stopped, then it begins again"));
            }
            Step::InLane if self.state.lane.carries(&task) => {
                self.leave_note(&task, note);
                self.emit(Event::TaskWished { task: task.clone(), wish: Wish::Retry });
                return done(format!("{task} is being landed; if it does not land it is tried again"));
            }
            Step::Open | Step::InLane | Step::Published => {
                self.emit(Event::TaskReopened { task, note, kind: Kind::Recheck });
            }
            Step::Publishing | Step::Ready { .. } | Step::Waiting | Step::Outside => {
                return Reply::Nothing(format!("{task} has not failed"));
            }
        }
        done(text)
    }

    fn leave_note(&mut self, task: &TaskId, note: Option<String>) {
        if let Some(note) = note {
            self.emit(Event::NoteLeft { task: task.clone(), note });
        }
    }

    pub(super) fn skip(&mut self, task: &TaskId, satisfies: Satisfies) -> Reply {
        if let Some(Step::Closed(closure)) = self.step(task) {
            return match closure {
                Closure::Skipped(s) if *s == satisfies => {
                    Reply::Nothing(format!("{task} is skipped already"))
                }
                Closure::Skipped(_) | Closure::Cancelled => {
                    let task = task.clone();
                    let text = format!("{task} is skipped");
                    self.emit(Event::TaskReset { task: task.clone(), note: None, work: Work::Keep });
                    self.emit(Event::TaskClosed { task, closure: Closure::Skipped(satisfies) });
                    done(text)
                }
                _ => refused(format!("{task} is done")),
            };
        }
        self.give_up(task, Stop::Skip(satisfies));
        done(match satisfies {
            Satisfies::Yes => format!("{task} is skipped; its dependents may go on"),
            Satisfies::No => format!("{task} is skipped; its dependents stay blocked"),
        })
    }

    fn give(&mut self, task: TaskId) -> Reply {
        match self.step(&task) {
            Some(Step::Parked { park: Park::Taken, .. }) => {
                let text = format!("{task} goes on from your commits");
                let kind = Kind::Continue;
                self.emit(Event::TaskReadied { task, kind });
                done(text)
            }
            Some(Step::Running(r)) if r.stop == Some(Stop::Take) => {
                refused(format!("{task}'s agent is still being stopped ({})", phase_word(r.phase)))
            }
            Some(_) | None => Reply::Nothing(format!("{task} is not taken")),
        }
    }

    fn done(&mut self, task: TaskId, commit: CommitId) -> Reply {
        match self.step(&task) {
            Some(Step::Running(_)) => refused(format!("an agent works on {task}: `ppe pause {task}` first")),
            Some(Step::InLane) if self.state.lane.carries(&task) => {
                refused(format!("{task} is just being landed"))
            }
            Some(Step::Closed(_)) => Reply::Nothing(format!("{task} is closed already")),
            Some(_) | None => {
                let text = format!("{task} is done by {}", crate::wording::short(&commit));
                self.settle_questions(|ask| ask.task() == Some(&task), Answer::Yes);
                self.emit(Event::TaskClosed { task, closure: Closure::LandedByOthers(commit) });
                done(text)
            }
        }
    }

    fn reopen(&mut self, task: TaskId, note: Option<String>) -> Reply {
        match self.step(&task) {
            Some(Step::Closed(_)) => {
                let text = format!("{task} is open again: a new attempt and a new change");
                self.emit(Event::TaskReset { task, note, work: Work::Anew });
                done(text)
            }
            Some(_) | None => Reply::Nothing(format!("{task} is open; `ppe retry {task}` starts it again")),
        }
    }

    fn prefer(&mut self, task: TaskId) -> Reply {
        if let Some(Step::Closed(_)) = self.step(&task) {
            refused(format!("{task} is closed"))
        } else {
            let text = format!("{task} goes ahead of all others");
            self.emit(Event::TaskPreferred { task });
            done(text)
        }
    }

    fn set_slots(&mut self, slots: u32) -> Reply {
        if slots == 0 || slots > MAX_SLOTS {
            return refused(format!("slots must be 1 to {MAX_SLOTS} on one machine, not {slots}"));
        }
        self.emit(Event::SlotsChanged { slots });
        let busy = self.state.busy_count();
        done(format!("{slots} slots, {busy} at work; nobody is stopped"))
    }

    fn answer(&mut self, question: QuestionId, answer: Answer) -> Reply {
        let Some(open) = self.state.questions.get(&question) else {
            return refused(format!("there is no open question {question}"));
        };
        let choices = open.ask.choices();
        if !choices.iter().any(|c| c.answer == answer) {
            let words: Vec<_> = choices.iter().map(|c| c.answer.word()).collect();
            return refused(format!("{question} can be answered with {}", words.join(", ")));
        }
        let repairs = self.state.lane.repairs.len();
        self.settle_question(question, answer);
        let word = answer.word();
        done(match self.state.lane.repairs.get(repairs) {
            Some(repair) => format!("{question}: {word}; {repair} is added, ahead of all others"),
            None => format!("{question}: {word}"),
        })
    }

    fn adopt(&mut self, revised: Plan, added: Vec<TaskId>) -> Reply {
        let plan = Box::new(self.with_history(revised));
        let gone: Vec<_> = (0..self.state.tasks.len())
            .filter(|at| self.state.tasks[*at].in_run() && plan.position(self.state.id(*at)).is_none())
            .map(|at| self.state.id(at).clone())
            .collect();
        if let Some(closed) = gone.iter().find(|id| self.state.task(id).is_some_and(Task::is_closed)) {
            return refused(format!(
                "the revised plan has an id that is too like {closed}, which this run has closed"
            ));
        }
        if let Some(task) = gone.first().cloned() {
            if !self.is_asked(|ask| ask.task() == Some(&task)) {
                self.ask(Ask::TaskRemoved { task });
            }
            return refused(format!(
                "the revised plan lacks {}; answer that question first",
                crate::wording::list(&gone)
            ));
        }
        if let Some(unknown) = added.iter().find(|id| plan.position(id).is_none()) {
            return refused(format!("the revised plan has no task {unknown}"));
        }
        let count = added.len();
        self.emit(Event::PlanRevised { plan, added });
        done(format!("the plan is revised, {count} {} added", if count == 1 { "task" } else { "tasks" }))
    }

    /// A revised plan with what it may leave out and a run may not forget: tasks that are closed, and repairs of the
    /// target, which no source has.
    fn with_history(&self, revised: Plan) -> Plan {
        let kept = (0..self.state.tasks.len()).filter(|at| {
            let closed = self.state.tasks[*at].in_run() && self.state.tasks[*at].is_closed();
            closed || self.state.lane.repairs.contains(self.state.id(*at))
        });
        kept.fold(revised, |plan, at| {
            let spec = &self.state.plan.tasks[at].spec;
            if plan.position(&spec.id.value).is_some() {
                return plan;
            }
            // It is history: what it waited for and what waited for it is the revised plan's to say.
            let alone = TaskSpec { depends_on: Vec::new(), blocks: Vec::new(), ..spec.clone() };
            // One whose id is too like another's is missed by whoever compares the plans.
            plan.with(alone).unwrap_or(plan)
        })
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Working => "working",
        Phase::Leftovers => "leftovers",
        Phase::Collecting(_) => "collecting",
        Phase::Verifying => "verifying",
        Phase::Reviewing => "reviewing",
    }
}
