//! The user: any command at any time, and, once a run has come to rest, what a sensible person does next. Knows the state
//! as any face shows it.

use super::generate;
use super::git::commit_id;
use super::weather::Weather;
use super::world::World;
use ppe_core::ids::{QuestionId, TaskId};
use ppe_core::input::{Command, Input, Which};
use ppe_core::plan::Priority;
use ppe_core::question::{Answer, Ask};
use ppe_core::state::{Closure, Freeze, Park, PauseCause, Satisfies, State, Step, StopMode};

impl World {
    /// Any command, whether or not it makes sense.
    pub(super) fn command(&mut self, state: &State) -> Command {
        let all: Vec<TaskId> = state.plan.tasks.iter().map(|task| task.spec.id.value.clone()).collect();
        let task = self.seed.pick(&all).cloned().unwrap_or_else(|| TaskId::new("T-999"));
        let note = self.seed.chance(50).then(|| "look again".to_owned());
        let satisfies = if self.seed.chance(50) { Satisfies::Yes } else { Satisfies::No };
        match self.seed.below(44) {
            0 | 1 => Command::Pause(None),
            2 | 3 => Command::Pause(Some(task)),
            4 | 5 => Command::Unpause(None),
            6 | 7 => Command::Unpause(Some(task)),
            8 => Command::Stop(StopMode::Drain),
            9 => Command::Stop(StopMode::Agents),
            10 if self.seed.chance(15) => Command::Stop(StopMode::Cancel),
            10..=13 => Command::Retry { task, note },
            14 | 15 => Command::Skip { task: bearer(state).unwrap_or(task), satisfies },
            16 | 17 => Command::Take { task },
            18 | 19 => Command::Give { task },
            20 => Command::Done { task, commit: commit_id(self.target) },
            21 | 22 => Command::Reopen { task, note },
            23 | 24 => Command::Next { task },
            25 => Command::Priority { task, priority: Priority::Critical },
            26..=28 => Command::Slots(u32::try_from(self.seed.below(6)).unwrap_or(0)),
            29 | 30 => self.adopt(state),
            31 if self.seed.chance(10) => {
                Command::Priority { task: TaskId::new("T-999"), priority: Priority::Low }
            }
            40 | 41 => self.approve(task, state),
            42 | 43 => Command::Reject { task, note: "not so".to_owned() },
            _ => self.any_answer(state),
        }
    }

    fn approve(&mut self, task: TaskId, state: &State) -> Command {
        let tip = self.seed.chance(20).then(|| commit_id(self.target).to_string());
        let wave = u32::try_from(self.seed.below(state.plan.waves.len() as u64)).unwrap_or(0);
        let which = match self.seed.below(3) {
            0 => Which::All,
            1 => Which::Wave(wave),
            _ => Which::Tasks(vec![task]),
        };
        Command::Approve { which, tip }
    }

    fn adopt(&mut self, state: &State) -> Command {
        let in_run: Vec<TaskId> = (0..state.tasks.len())
            .filter(|at| state.tasks[*at].in_run())
            .map(|at| state.id(at).clone())
            .collect();
        match generate::revised(&mut self.seed, &state.plan, &in_run) {
            Some((plan, added)) => Command::Adopt { plan: Box::new(plan), added },
            None => Command::Pause(None),
        }
    }

    /// Any answer to any open question, or to one that is not there.
    pub(super) fn any_answer(&mut self, state: &State) -> Command {
        let open: Vec<QuestionId> = state.questions.keys().copied().collect();
        let question = self.seed.pick(&open).copied().unwrap_or(QuestionId(9));
        let fitting: Vec<Answer> = match state.questions.get(&question) {
            Some(open) if self.seed.chance(80) => {
                open.ask.choices().iter().map(|choice| choice.answer).collect()
            }
            Some(_) | None => vec![Answer::Yes, Answer::No, Answer::Hold, Answer::Retry],
        };
        Command::Answer { question, answer: self.seed.pick(&fitting).copied().unwrap_or(Answer::No) }
    }

    /// What a person does with a run that needs them; none when there is nothing they could do.
    pub(super) fn resolve(&mut self, state: &State) -> Option<Input> {
        if let Some((question, open)) = state.questions.iter().next() {
            return Some(self.answer(*question, &open.ask));
        }
        if matches!(state.lane.frozen, Some(Freeze::TargetRed(_))) {
            self.repair_target();
            return self.look(state).into_iter().next();
        }
        if state.paused.iter().any(|cause| *cause != PauseCause::TargetRed) {
            return Some(Input::Operator(Command::Unpause(None)));
        }
        (0..state.tasks.len()).find_map(|at| self.mend(state, at)).or_else(|| {
            // A wave that was told to wait is all that is left.
            (state.open_count() > 0).then_some(Input::Operator(Command::Unpause(None)))
        })
    }

    fn mend(&mut self, state: &State, at: usize) -> Option<Input> {
        let task = state.id(at).clone();
        let note = None;
        let command = match &state.tasks[at].step {
            Step::Held { .. } if self.seed.chance(10) => {
                Command::Done { task: task.clone(), commit: commit_id(self.target) }
            }
            Step::Held { .. } => Command::Retry { task, note },
            Step::Open if self.seed.chance(10) => Command::Reject { task, note: "not so".to_owned() },
            Step::Open => Command::Approve { which: Which::Tasks(vec![task]), tip: None },
            Step::Parked { park: Park::Operator | Park::Room, .. } => Command::Unpause(Some(task)),
            Step::Parked { park: Park::Taken, .. } => Command::Give { task },
            Step::Published => {
                self.land_by_hand(&task);
                return self.look(state).into_iter().next();
            }
            Step::Closed(Closure::Cancelled | Closure::Skipped(Satisfies::No)) if is_needed(state, at) => {
                Command::Retry { task, note }
            }
            Step::Outside
            | Step::Waiting
            | Step::Ready { .. }
            | Step::Running(_)
            | Step::Backoff { .. }
            | Step::Parked { .. }
            | Step::Publishing
            | Step::InLane
            | Step::Closed(_) => return None,
        };
        Some(Input::Operator(command))
    }

    fn answer(&mut self, question: QuestionId, ask: &Ask) -> Input {
        let choices = ask.choices();
        let any = self.seed.pick(&choices).map(|choice| choice.answer);
        let answer = match self.weather {
            Weather::Storm => any.unwrap_or(Answer::No),
            // By hand or by an agent: both work.
            Weather::Calm if matches!(ask, Ask::TargetRed { .. }) && self.seed.chance(50) => Answer::Retry,
            Weather::Calm => sensible(ask),
        };
        if matches!(ask, Ask::TargetRed { .. }) && answer == Answer::Retry {
            self.repair_target();
        }
        Input::Operator(Command::Answer { question, answer })
    }
}

fn sensible(ask: &Ask) -> Answer {
    match ask {
        Ask::TaskRemoved { .. } | Ask::CardMoved { .. } => Answer::No,
        Ask::Starvation { .. }
        | Ask::NoChange { .. }
        | Ask::SameCause { .. }
        | Ask::TargetRed { .. }
        | Ask::Permission { .. }
        | Ask::Silence { .. }
        | Ask::Boundary { .. }
        | Ask::Budget { .. }
        | Ask::NextWave { .. } => Answer::Yes,
        Ask::Agent { .. } => ask.default_answer(),
        Ask::LostRaces { .. } | Ask::ChangeClosed { .. } | Ask::TargetRewritten { .. } => Answer::Retry,
    }
}

fn is_needed(state: &State, at: usize) -> bool {
    state.plan.tasks[at].needed_by.iter().any(|next| {
        let task = &state.tasks[*next];
        task.in_run() && !task.is_closed()
    })
}

/// A task that has not landed and on whose work another stands.
fn bearer(state: &State) -> Option<TaskId> {
    let parents = (0..state.tasks.len()).filter_map(|at| state.stack(at)).flat_map(|stack| &stack.parents);
    let mut open = parents.filter(|parent| state.task(&parent.task).is_some_and(|t| !t.is_closed()));
    open.next().map(|parent| parent.task.clone())
}
