//! A run in virtual time: the product's own decisions over a world in which every wish comes true and the work takes its
//! estimated time. For `ppe simulate`, and for nothing that is real. Same plan, policy and options: same report.

mod plan;
mod seed;
mod world;

pub use plan::{Job, JobsError, Name};
pub use seed::Seed;

use self::world::World;
use crate::decide::{decide, next_wakeup};
use crate::event::{Event, Record};
use crate::ids::{Branch, CommitId, Millis, RunId, TaskId, TreeId};
use crate::input::{Command, Input, Start};
use crate::invariant;
use crate::plan::Plan;
use crate::policy::{Changes, Policy, StartOn};
use crate::state::{Progress, State};
use crate::wishes::{lane_intents, task_intents};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a simulation is told besides plan and policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimOptions {
    /// Agents at work at once; may be more than one machine allows.
    pub slots: u32,
    /// What chance follows from.
    pub seed: u64,
    /// How far a task may take less or more than its estimate, in per cent of it; 0 is exactly the estimate.
    pub spread_percent: u32,
}

/// Time in a report, kept in milliseconds and written in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds {
    /// Milliseconds.
    pub ms: u64,
}

impl Seconds {
    /// As a number with its fraction.
    #[expect(clippy::cast_precision_loss, reason = "exact for more than a hundred thousand years")]
    pub fn as_f64(self) -> f64 {
        self.ms as f64 / 1_000.0
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.ms.is_multiple_of(1_000) {
            serializer.serialize_u64(self.ms / 1_000)
        } else {
            serializer.serialize_f64(self.as_f64())
        }
    }
}

/// One task's time at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimStart {
    /// The task, or the job's own id.
    pub task: String,
    /// When it took its slot.
    pub start_s: Seconds,
    /// When its slot was free again.
    pub end_s: Seconds,
    /// Which slot, from 1: the lowest that was free.
    pub slot: u32,
}

/// What a simulation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimReport {
    /// Which document this is.
    pub schema: &'static str,
    /// Agents at work at once, as allowed.
    pub slots: u32,
    /// The seed.
    pub seed: u64,
    /// Tasks.
    pub tasks: usize,
    /// From the first start to the last landing.
    pub makespan_s: Seconds,
    /// No schedule can be shorter: the longest path, or all work shared by the slots evenly.
    pub lower_bound_s: Seconds,
    /// The makespan over the lower bound.
    pub ratio: f64,
    /// All work.
    pub total_work_s: Seconds,
    /// The longest path.
    pub critical_path_s: Seconds,
    /// Agents at work at once, at most.
    pub peak: u32,
    /// The tasks, in the order of their starts.
    pub starts: Vec<SimStart>,
}

/// Why a simulation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// A plan without tasks, or no slots.
    #[error("nothing to simulate: {0}")]
    Nothing(&'static str),
    /// The list of jobs is wrong.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The run came to rest before its end: a fault in what decides.
    #[error("the simulated run stands still with {0} tasks open")]
    Stuck(usize),
    /// A rule of the product does not hold: a fault in what decides.
    #[error("the simulated run breaks a rule: {0}")]
    Broken(String),
}

/// Runs a plan in virtual time. Of the policy, what orders and gates counts; pauses between starts do not.
pub fn simulate(plan: &Plan, policy: &Policy, options: SimOptions) -> Result<SimReport, SimError> {
    let durations_ms = (0..plan.tasks.len()).map(|at| plan.work_s(at).saturating_mul(1_000)).collect();
    let names = plan.tasks.iter().map(|task| task.spec.id.value.to_string()).collect();
    run(plan, policy, options, durations_ms, names)
}

/// Runs a list of jobs in virtual time, longest remaining path first.
pub fn simulate_jobs(jobs: &[Job], policy: &Policy, options: SimOptions) -> Result<SimReport, SimError> {
    let jobs = plan::plan_of(jobs)?;
    run(&jobs.plan, policy, options, jobs.durations_ms, jobs.names)
}

fn run(
    plan: &Plan,
    policy: &Policy,
    options: SimOptions,
    durations_ms: Vec<u64>,
    names: Vec<String>,
) -> Result<SimReport, SimError> {
    if plan.tasks.is_empty() {
        return Err(SimError::Nothing("the plan has no tasks"));
    }
    if options.slots == 0 {
        return Err(SimError::Nothing("there are no slots"));
    }
    let durations_ms = spread(durations_ms, options);
    let (critical, total) = (critical_path_ms(plan, &durations_ms), durations_ms.iter().sum::<u64>());
    let bound = critical.max(total.div_ceil(u64::from(options.slots)));
    let mut simulation = Simulation::new(plan, durations_ms);
    simulation.play(simulated(policy, options.slots))?;
    let makespan = simulation.state.clock.last.0;
    Ok(SimReport {
        schema: "ppe.simulation.v1",
        slots: options.slots,
        seed: options.seed,
        tasks: plan.tasks.len(),
        makespan_s: Seconds { ms: makespan },
        lower_bound_s: Seconds { ms: bound },
        ratio: ratio(makespan, bound),
        total_work_s: Seconds { ms: total },
        critical_path_s: Seconds { ms: critical },
        peak: simulation.state.totals.peak_busy,
        starts: simulation.starts(&names),
    })
}

fn simulated(policy: &Policy, slots: u32) -> Policy {
    Policy {
        slots,
        stagger_ms: 0,
        changes: Changes::Open,
        // Here a landing takes no time, so that nothing can be gained by not waiting for it.
        start_on: StartOn::Landed,
        attempt_limit_ms: 0,
        question_timeout_ms: 0,
        open_changes: 0,
        // Bounds for checks of minutes say nothing about estimates of weeks.
        longest_wait_ms: 1 << 50,
        stuck_after_ms: 0,
        ..policy.clone()
    }
}

fn spread(mut durations_ms: Vec<u64>, options: SimOptions) -> Vec<u64> {
    let mut seed = Seed::new(options.seed);
    let spread = u64::from(options.spread_percent.min(100));
    for ms in &mut durations_ms {
        let percent = seed.between(100 - spread, 100 + spread);
        *ms = u64::try_from(u128::from(*ms) * u128::from(percent) / 100).unwrap_or(u64::MAX);
    }
    durations_ms
}

fn critical_path_ms(plan: &Plan, durations_ms: &[u64]) -> u64 {
    let mut ends = vec![0; plan.tasks.len()];
    for at in plan.waves.iter().flatten() {
        let begins = plan.tasks[*at].needs.iter().map(|need| ends[*need]).max().unwrap_or(0);
        ends[*at] = durations_ms[*at].saturating_add(begins);
    }
    ends.into_iter().max().unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of two times")]
fn ratio(makespan: u64, bound: u64) -> f64 {
    if bound == 0 { 1.0 } else { makespan as f64 / bound as f64 }
}

struct Simulation {
    state: State,
    world: World,
    begun: Vec<(usize, Millis)>,
    ended: BTreeMap<usize, Millis>,
}

impl Simulation {
    fn new(plan: &Plan, durations_ms: Vec<u64>) -> Self {
        let state = State::new(Arc::new(plan.clone()));
        Self { state, world: World::new(durations_ms), begun: Vec::new(), ended: BTreeMap::new() }
    }

    fn play(&mut self, policy: Policy) -> Result<(), SimError> {
        let start = Start {
            run: RunId::new("simulation"),
            target: Branch::new("main"),
            target_tip: CommitId::new("c0"),
            green: Some(TreeId::new("t0")),
            policy,
            selected: self.state.plan.tasks.iter().map(|task| task.spec.id.value.clone()).collect(),
            before: Vec::new(),
        };
        let mut next = Some((Millis(0), Input::Start(Box::new(start))));
        while let Some((now, input)) = next {
            let record = decide(&mut self.state, now, input).record;
            self.note(&record);
            if let Some(broken) = invariant::check_touched(&self.state, &record).first() {
                return Err(SimError::Broken(broken.to_string()));
            }
            for intent in self.wishes(&record) {
                self.world.perform(&self.state, now, intent);
            }
            next = self.next(now);
        }
        match self.state.progress {
            Progress::Complete => Ok(()),
            Progress::New | Progress::Open => Err(SimError::Stuck(self.state.open_count())),
        }
    }

    /// What happens next: an answer to a question, a wish that comes true, or a moment that was waited for.
    fn next(&mut self, now: Millis) -> Option<(Millis, Input)> {
        let question = self.state.questions.iter().next();
        if let Some((question, choice)) =
            question.and_then(|(id, q)| Some((*id, q.ask.choices().into_iter().next()?)))
        {
            let answer = Command::Answer { question, answer: choice.answer };
            return Some((now, Input::Operator(answer)));
        }
        match (self.world.next_at(), next_wakeup(&self.state)) {
            (Some(due), Some(wakeup)) if wakeup < due => Some((wakeup.max(now), Input::Tick)),
            (Some(_), _) => self.world.next(),
            (None, Some(wakeup)) => Some((wakeup.max(now), Input::Tick)),
            (None, None) => None,
        }
    }

    fn note(&mut self, record: &Record) {
        for event in &record.events {
            let Some(at) = event.task().and_then(|id| self.state.position(id)) else { continue };
            match event {
                Event::AttemptStarted { .. } => self.begun.push((at, record.at)),
                Event::AttemptSucceeded { .. } => drop(self.ended.insert(at, record.at)),
                _ => {}
            }
        }
    }

    /// The wishes about what a record touched.
    fn wishes(&self, record: &Record) -> Vec<crate::intent::Intent> {
        let mut touched: BTreeSet<&TaskId> = record.events.iter().filter_map(Event::task).collect();
        for event in &record.events {
            if let Event::WavePreloaded { tasks, .. } = event {
                touched.extend(tasks);
            }
        }
        let mut wishes = lane_intents(&self.state);
        for at in touched.into_iter().filter_map(|id| self.state.position(id)) {
            wishes.extend(task_intents(&self.state, at));
        }
        wishes
    }

    fn starts(&self, names: &[String]) -> Vec<SimStart> {
        let mut free: BTreeSet<u32> = BTreeSet::new();
        let mut held: BTreeSet<(Millis, u32)> = BTreeSet::new();
        let mut slots = 0;
        let mut starts = Vec::with_capacity(self.begun.len());
        for (at, begun) in &self.begun {
            while let Some((end, slot)) = held.first().copied().filter(|(end, _)| end <= begun) {
                held.remove(&(end, slot));
                free.insert(slot);
            }
            let slot = free.pop_first().unwrap_or_else(|| {
                slots += 1;
                slots
            });
            let ended = self.ended.get(at).copied().unwrap_or(*begun);
            held.insert((ended, slot));
            starts.push(SimStart {
                task: names[*at].clone(),
                start_s: Seconds { ms: begun.0 },
                end_s: Seconds { ms: ended.0 },
                slot,
            });
        }
        starts
    }
}
