//! The state of a run: the fold of its events, and nothing else.
//!
//! [`State::apply`] is the only mutation in the program. The state knows the plan it is about, but no clock, no files
//! and no reasons: those are decided elsewhere and arrive as events.

mod account;
mod assign;
pub(crate) mod board;
mod evolve;
pub(crate) mod ground;
mod index;
pub(crate) mod lane;
pub(crate) mod radar;
pub(crate) mod run;
pub(crate) mod task;

pub use account::{Breaker, Worker};
pub use assign::Assignment;
pub use board::{Board, CardAt};
pub use evolve::Illegal;
pub use ground::{Ground, HeadChecks, Judged, Parent, Stack};
pub use lane::{Bisection, Candidate, Fared, FoundRed, Freeze, Lane, Stage, Subject};
pub use radar::{Conflict, Radar, Touched};
pub use run::{Clock, Deferred, Due, Matter, PauseCause, Progress, StopMode};
pub use task::{
    ApprovedAt, Asked, Closure, Collect, Facts, Flaky, GivenUp, Hold, Kind, Labelled, Leave, Park, Phase,
    Review, Round, Running, Satisfies, Session, Sighting, Step, Stop, Task, Totals, Tries, Wish, Work,
    Worked, Workspace,
};

use self::index::{Index, WaveCount};
use self::radar::Files;
use crate::ids::{Branch, CommitId, Millis, QuestionId, RunId, TaskId};
use crate::intent::Intent;
use crate::mutant::Mutant;
use crate::plan::{Plan, Priority};
use crate::policy::{Approval, Policy, StartOn};
use crate::question::{Answer, Ask};
use crate::usage::Usage;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A question that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What.
    pub ask: Ask,
    /// When it was asked, or the present session began: its time-out runs only while a run is live.
    pub asked: Millis,
}

/// Failures in a row with one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// What they have in common.
    pub summary: String,
    /// The tasks, in order.
    pub tasks: Vec<TaskId>,
}

/// The state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The plan as checked; replaced by a revision.
    pub plan: Arc<Plan>,
    /// The policy, frozen when the run started (slots may be changed).
    pub policy: Arc<Policy>,
    /// The run's id.
    pub run: RunId,
    /// The target branch.
    pub target: Branch,
    /// The target's tip when the run began.
    pub began_at: CommitId,
    /// The target's tip as last seen.
    pub target_tip: CommitId,
    /// How far the run is.
    pub progress: Progress,
    /// The tasks, by plan position.
    pub tasks: Vec<Task>,
    /// The lane of the target.
    pub lane: Lane,
    /// What was seen of all branches.
    pub radar: Radar,
    /// What is known of the board.
    pub board: Board,
    /// Why nothing new starts.
    pub paused: BTreeSet<PauseCause>,
    /// The stop that was asked for since the run was last taken up.
    pub stop: Option<StopMode>,
    /// How often a person granted the run's budget again.
    pub budget_grants: u32,
    /// Whether a person was told that it is nearly spent.
    pub budget_told: bool,
    /// Accounts that had too little.
    pub breakers: BTreeMap<String, Breaker>,
    /// Intents that failed and wait.
    pub deferred: BTreeMap<Intent, Deferred>,
    /// Open questions.
    pub questions: BTreeMap<QuestionId, Question>,
    /// How settled questions were answered, the latest per task where they are about one.
    pub settled: Vec<(Ask, Answer)>,
    /// Failures in a row.
    pub streak: Streak,
    /// Waves that were got ready ahead.
    pub preloaded: BTreeSet<u32>,
    /// Gated waves that were opened.
    pub opened: BTreeSet<u32>,
    /// Time.
    pub clock: Clock,
    /// Counts for the report.
    pub totals: Totals,
    /// Where the tasks are, counted; kept by [`State::set_step`].
    index: Index,
    /// In whose hands the plan's files are; kept by [`State::set_step`].
    files: Files,
    /// Positions whose dependencies changed since they were last looked at; empty between two records.
    stirred: BTreeSet<usize>,
    next_question: u32,
    next_preference: u32,
    /// A planted bug, for the simulator to find.
    #[cfg(feature = "mutants")]
    pub mutant: Option<crate::mutant::Mutant>,
}

impl State {
    /// The state before the first event.
    pub fn new(plan: Arc<Plan>) -> Self {
        let tasks = plan.tasks.iter().map(|_| Task::default()).collect();
        let files = Files::of(&plan);
        Self {
            plan,
            policy: Arc::new(Policy::default()),
            run: RunId::new(""),
            target: Branch::new(""),
            began_at: CommitId::new(""),
            target_tip: CommitId::new(""),
            progress: Progress::New,
            tasks,
            lane: Lane::default(),
            radar: Radar::default(),
            board: Board::default(),
            paused: BTreeSet::new(),
            stop: None,
            budget_grants: 0,
            budget_told: false,
            breakers: BTreeMap::new(),
            deferred: BTreeMap::new(),
            questions: BTreeMap::new(),
            settled: Vec::new(),
            streak: Streak::default(),
            preloaded: BTreeSet::new(),
            opened: BTreeSet::new(),
            clock: Clock::default(),
            totals: Totals::default(),
            index: Index::default(),
            files,
            stirred: BTreeSet::new(),
            next_question: 1,
            next_preference: 1,
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }

    /// Lets time pass until `at`, with the slots that were busy.
    pub(crate) fn pass(&mut self, at: Millis) {
        let span = at.since(self.clock.last);
        if self.progress == Progress::Open {
            self.clock.busy_ms += span * self.busy_count() as u64;
            if self.is_idle_by_order() {
                self.clock.paused_ms += span;
            }
        }
        self.clock.last = self.clock.last.max(at);
    }

    /// Whether nothing is at work because dispatch is paused or the run was stopped: such time counts as paused.
    pub fn is_idle_by_order(&self) -> bool {
        self.busy_count() == 0 && (self.is_halted() || self.stop.is_some())
    }

    /// The position of a task of this plan.
    pub fn position(&self, id: &TaskId) -> Option<usize> {
        self.plan.position(id)
    }

    /// A task's state by id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.position(id).map(|at| &self.tasks[at])
    }

    /// The task that is to make the target green again, while it is not closed.
    pub fn open_repair(&self) -> Option<&TaskId> {
        self.lane.repair.as_ref().filter(|id| self.task(id).is_some_and(|task| !task.is_closed()))
    }

    /// A task's id by position.
    pub fn id(&self, at: usize) -> &TaskId {
        &self.plan.tasks[at].spec.id.value
    }

    /// Positions that are ready, in plan order.
    pub fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        self.index.ready.iter().copied()
    }

    /// How many are ready.
    pub fn ready_count(&self) -> usize {
        self.index.ready.len()
    }

    /// Positions that hold a slot, in plan order.
    pub fn busy(&self) -> impl Iterator<Item = usize> + '_ {
        self.index.busy.iter().copied()
    }

    /// How many slots are held.
    pub fn busy_count(&self) -> usize {
        self.index.busy.len()
    }

    /// Positions in backoff, in plan order.
    pub fn backoff(&self) -> impl Iterator<Item = usize> + '_ {
        self.index.backoff.iter().copied()
    }

    /// Positions whose change is open and not in the lane, in plan order.
    pub fn open_changes(&self) -> impl Iterator<Item = usize> + '_ {
        self.index.changes.iter().copied()
    }

    /// Positions that gave their slot to others and return by themselves, in plan order.
    pub fn parked_for_room(&self) -> impl Iterator<Item = usize> + '_ {
        self.index.room.iter().copied()
    }

    /// Whether a task's change may land as far as a person is asked.
    pub fn is_approved(&self, at: usize) -> bool {
        let facts = &self.tasks[at].facts;
        match self.policy.approval {
            Approval::None => true,
            Approval::Each | Approval::Wave => facts.approved.is_some() && facts.approved == facts.tip,
        }
    }

    /// Whether a task's change waits for somebody to look at it.
    pub fn waits_for_person(&self, at: usize) -> bool {
        let task = &self.tasks[at];
        match &task.step {
            Step::Open => !self.is_approved(at) && !self.lands_later(at),
            Step::Held { hold: Hold::NeedsReview, .. } => task.facts.change.is_some(),
            Step::Published => true,
            _ => false,
        }
    }

    /// What a task's work stands on besides the target.
    pub fn stack(&self, at: usize) -> Option<&Stack> {
        match &self.tasks[at].facts.ground {
            Ground::Stacked(stack) => Some(stack),
            Ground::Target | Ground::Refused => None,
        }
    }

    /// Whether any of the work of others in a stack is closed without having landed.
    pub fn was_given_up(&self, stack: &Stack) -> bool {
        let closures = stack.parents.iter().filter_map(|parent| self.task(&parent.task)?.closure());
        closures.into_iter().any(|closure| closure.commit().is_none())
    }

    /// Whether a task's change does not land before others have, and it was brought onto the target.
    pub fn lands_later(&self, at: usize) -> bool {
        self.policy.start_on == StartOn::ChecksGreen
            && (self.stack(at).is_some() || self.unmet(at).next().is_some())
    }

    /// Selected tasks that are not closed.
    pub fn open_count(&self) -> usize {
        self.index.open
    }

    /// What a recount of all tasks gives; equal to what is kept, or the state is damaged.
    pub(crate) fn recount(&self) -> Result<(), String> {
        let mut counted = Index::default();
        for (at, task) in self.tasks.iter().enumerate() {
            counted.enter(at, self.plan.tasks[at].wave, &Step::Outside, &task.step);
        }
        counted.waves.resize_with(counted.waves.len().max(self.index.waves.len()), WaveCount::default);
        let mut kept = self.index.clone();
        kept.waves.resize_with(counted.waves.len(), WaveCount::default);
        if counted != kept {
            return Err(format!("kept {kept:?}, counted {counted:?}"));
        }
        let files = self.recounted_files(&self.files);
        if files == self.files { Ok(()) } else { Err(format!("kept {:?}, counted {files:?}", self.files)) }
    }

    /// The plan's files as they are in the hands of tasks now.
    fn recounted_files(&self, files: &Files) -> Files {
        let touched = self.radar.touched.iter();
        let touched = touched.filter_map(|(task, files)| Some((self.position(task)?, files.as_slice())));
        let on_way = (0..self.tasks.len()).filter(|at| radar::is_on_way(&self.tasks[*at].step));
        files.recounted(touched.collect(), on_way.collect())
    }

    /// A file that a task names and another has in hand, and that task: its work is being made or on its way into the
    /// target.
    pub fn shared_file(&self, at: usize) -> Option<(&str, &TaskId)> {
        self.files.shared(at).map(|(file, other)| (file, self.id(other)))
    }

    /// Whether the plan names a file.
    pub(crate) fn names_file(&self, file: &str) -> bool {
        self.files.knows(file)
    }

    /// Positions whose dependencies changed since the last call of [`State::calm`].
    pub(crate) fn stirred(&self) -> Vec<usize> {
        self.stirred.iter().copied().collect()
    }

    /// Forgets what was stirred: it has been looked at.
    pub(crate) fn calm(&mut self) {
        self.stirred.clear();
    }

    /// The dependencies of a task that do not satisfy it yet, as positions.
    pub fn unmet(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        self.plan.tasks[at].needs.iter().copied().filter(|dep| !self.is_satisfied(*dep))
    }

    fn is_satisfied(&self, at: usize) -> bool {
        let task = &self.tasks[at];
        task.satisfies()
            || (self.has(Mutant::OpenSatisfies) && matches!(task.step, Step::Open | Step::InLane))
    }

    /// The priority in force: a person's, else the plan's.
    pub fn priority(&self, at: usize) -> Priority {
        self.tasks[at].facts.priority.unwrap_or(self.plan.tasks[at].spec.priority)
    }

    /// What the run has used, by ended agents and by those at work.
    pub fn spent(&self) -> Usage {
        let mut spent = self.totals.usage;
        for at in self.busy() {
            spent += self.tasks[at].facts.seen.usage;
        }
        spent
    }

    /// What is left of a task's own budget, in millionths of a US dollar; none without one.
    pub fn task_money_left(&self, at: usize) -> Option<u64> {
        let (limit, facts) = (self.policy.budget.task_micro_usd, &self.tasks[at].facts);
        let spent = facts.usage.since(&facts.granted).cost_micro_usd.unwrap_or(0);
        (limit > 0).then(|| limit.saturating_sub(spent))
    }

    /// The id the next question gets.
    pub(crate) fn next_question(&self) -> QuestionId {
        QuestionId(self.next_question)
    }

    /// Tasks of a wave that belong to this run, and how many of them are closed.
    pub fn wave_progress(&self, wave: u32) -> (usize, usize) {
        self.index.waves.get(wave as usize).map_or((0, 0), |count| (count.closed, count.size))
    }

    /// Those that need a task have to be looked at.
    fn stir_dependents(&mut self, at: usize) {
        self.stirred.extend(&self.plan.tasks[at].needed_by);
    }

    /// Whether this bug is planted here.
    #[cfg(feature = "mutants")]
    pub(crate) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether this bug is planted here: never, in the product.
    #[cfg(not(feature = "mutants"))]
    #[expect(clippy::unused_self, reason = "the same call with and without the feature")]
    pub(crate) const fn has(&self, _: Mutant) -> bool {
        false
    }

    /// Moves a task to another step: the one place where the counters are kept.
    fn set_step(&mut self, at: usize, step: Step) {
        let now = self.clock.last;
        let task = &mut self.tasks[at];
        let was_satisfying = task.satisfies();
        if matches!(task.step, Step::Running(_)) && !matches!(step, Step::Running(_)) {
            task.facts.worked_ms += now.since(task.facts.started.unwrap_or(now));
            task.facts.started = None;
        }
        let before = std::mem::replace(&mut task.step, step);
        (task.since, task.told) = (now, false);
        self.index.enter(at, self.plan.tasks[at].wave, &before, &task.step);
        self.files.enter(at, &before, &task.step);
        if was_satisfying != task.satisfies() || self.policy.start_on == StartOn::ChecksGreen {
            self.stir_dependents(at);
        }
        if matches!(self.tasks[at].step, Step::Waiting) {
            self.stirred.insert(at);
        }
    }
}
