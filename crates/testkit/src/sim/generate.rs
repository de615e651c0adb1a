//! Random plans and policies. Knows nothing of what becomes of them.

use ppe_core::event::Before;
use ppe_core::ids::{Branch, CommitId, RunId, TaskId, TreeId};
use ppe_core::input::Start;
use ppe_core::plan::{At, Duration, Plan, PlanSpec, PlannedCommit, Priority, Spot, TaskSpec, check};
use ppe_core::policy::{
    AgentPolicy, Approval, Budget, Changes, MergeStrategy, Mode, NoChange, Order, Policy, Retries, Reviewer,
    StartOn, Waves,
};
use ppe_core::sim::Seed;
use ppe_core::state::Closure;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The agents of the simulated world.
pub(super) const AGENTS: [&str; 2] = ["claude", "codex"];

const STRATEGIES: [MergeStrategy; 4] =
    [MergeStrategy::Independent, MergeStrategy::Priority, MergeStrategy::Batch, MergeStrategy::Speculative];
/// Longer than any simulated run takes.
pub(super) const FOR_EVER_MS: u64 = 1 << 50;

fn id(at: u64) -> TaskId {
    TaskId::new(format!("T-{:03}", at + 1))
}

fn spot() -> Spot {
    Spot { file: Arc::from("plan"), line: 1 }
}

fn commit(nth: u64) -> PlannedCommit {
    PlannedCommit { subject: Arc::from(format!("step {nth}")), phase: None, files: Vec::new(), spot: None }
}

/// Most tasks name a file, and several name the same.
fn files(at: u64) -> Vec<At<Arc<str>>> {
    let file = At { value: Arc::from(format!("src/{}.rs", at % 4)), spot: spot() };
    if at.is_multiple_of(3) { Vec::new() } else { vec![file] }
}

/// A task that needs some of those before it.
fn task(seed: &mut Seed, at: u64, may_need: &[TaskId]) -> TaskSpec {
    let mut task = TaskSpec::bare(id(at), format!("task {at}"), spot());
    let many = seed.below(3).min(may_need.len() as u64);
    for _ in 0..many {
        if let Some(need) = seed.pick(may_need) {
            task.depends_on.push(At { value: need.clone(), spot: spot() });
        }
    }
    task.priority = [Priority::Low, Priority::Medium, Priority::High, Priority::Critical]
        [usize::try_from(seed.below(4)).unwrap_or(0)];
    task.commits = (0..seed.below(7)).map(commit).collect();
    task.files = files(at);
    if seed.chance(40) {
        task.agent = seed.pick(&AGENTS).map(|agent| Arc::from(*agent));
    }
    if seed.chance(60) {
        task.estimate = Some(Duration(seed.between(1, 40) * Duration::HOUR));
    }
    task
}

fn checked(tasks: Vec<TaskSpec>) -> Option<Plan> {
    check(PlanSpec { name: Arc::from("simulated"), tasks }, Vec::new()).plan
}

/// Many quick tasks that need nothing, and a few with a great many commits.
fn crowd(seed: &mut Seed) -> Option<Plan> {
    let tasks = (0..14).map(|at| {
        let mut task = task(seed, at, &[]);
        let great = seed.chance(25);
        task.priority = if great { Priority::Critical } else { Priority::Low };
        let commits = if great { 40 } else { seed.between(1, 2) };
        task.commits = (0..commits).map(commit).collect();
        task
    });
    let tasks = tasks.collect();
    checked(tasks)
}

/// A plan of 3 to 14 tasks. Shapes differ: from all at once to long chains.
pub(super) fn plan(seed: &mut Seed) -> Option<Plan> {
    if seed.chance(8) {
        return crowd(seed);
    }
    let (size, near) = (seed.between(3, 14), seed.between(1, 14));
    let flat = seed.chance(15);
    let tasks = (0..size)
        .map(|at| {
            let from = if flat { at } else { at.saturating_sub(near) };
            let may_need: Vec<TaskId> = (from..at).map(id).collect();
            task(seed, at, &may_need)
        })
        .collect();
    checked(tasks)
}

/// The same plan with a task or two more, which need only what is in the run; sometimes with an edge more, sometimes
/// without a task. Besides the tasks that were added.
pub(super) fn revised(seed: &mut Seed, plan: &Plan, in_run: &[TaskId]) -> Option<(Plan, Vec<TaskId>)> {
    let mut tasks: Vec<TaskSpec> = plan.tasks.iter().map(|task| task.spec.clone()).collect();
    let mut added = Vec::new();
    for _ in 0..=seed.below(2) {
        let new = task(seed, tasks.len() as u64, in_run);
        added.push(new.id.value.clone());
        tasks.push(new);
    }
    if seed.chance(20)
        && let (Some(needs), Some(waits)) = (seed.pick(in_run).cloned(), seed.pick(in_run).cloned())
        && needs < waits
        && let Some(task) = tasks.iter_mut().find(|task| task.id.value == waits)
    {
        task.depends_on.push(At { value: needs, spot: spot() });
    }
    if seed.chance(15)
        && let Some(gone) = seed.pick(in_run).cloned()
    {
        tasks.retain(|task| task.id.value != gone);
        for task in &mut tasks {
            task.depends_on.retain(|need| need.value != gone);
        }
    }
    if seed.chance(5) {
        added.push(TaskId::new("T-999"));
    }
    checked(tasks).map(|plan| (plan, added))
}

/// Retry limits; builds and tests have some of their own where two others happen to be so.
fn retries(seed: &mut Seed) -> Retries {
    let mut tries = || u32::try_from(seed.below(3)).unwrap_or(0);
    let (execution, verification, ci, conflict) = (tries(), tries(), tries(), tries());
    let (build, test) = ((execution == 0).then_some(conflict), (ci == 1).then_some(execution));
    Retries { execution, verification, build, test, ci, conflict }
}

fn reviewer(agent: &str) -> Reviewer {
    Reviewer { agent: agent.to_owned(), model: None }
}

/// A policy with every switch in every position, some more often than others.
pub(super) fn policy(seed: &mut Seed, plan: &Plan) -> Policy {
    let most = if plan.waves.len() == 1 { 2 } else { 4 };
    let one_of = |seed: &mut Seed, values: &[u64]| seed.pick(values).copied().unwrap_or(0);
    Policy {
        slots: u32::try_from(seed.between(1, most)).unwrap_or(1),
        wave_threshold: [0.3, 0.5, 0.8, 1.0][usize::try_from(seed.below(4)).unwrap_or(0)],
        order: *seed.pick(&[Order::Priority, Order::CriticalPath, Order::Plan]).unwrap_or(&Order::Priority),
        start_on: if seed.clone().chance(40) { StartOn::ChecksGreen } else { StartOn::Landed },
        waves: *seed.pick(&[Waves::Free, Waves::Free, Waves::Gate, Waves::Ask]).unwrap_or(&Waves::Free),
        merge_strategy: *seed.pick(&STRATEGIES).unwrap_or(&MergeStrategy::Independent),
        check_slots: u32::try_from(seed.between(1, 3)).unwrap_or(1),
        longest_wait_ms: one_of(seed, &[0, 600_000, 36_000_000, FOR_EVER_MS, FOR_EVER_MS]),
        approval: *seed
            .pick(&[Approval::None, Approval::None, Approval::None, Approval::Each, Approval::Wave])
            .unwrap_or(&Approval::None),
        no_change: if seed.chance(50) { NoChange::Ask } else { NoChange::Accept },
        retries: retries(seed),
        changes: if seed.chance(85) { Changes::Open } else { Changes::Off },
        stagger_ms: one_of(seed, &[0, 0, 2_000]),
        ramp: u32::try_from(one_of(seed, &[0, 0, 0, 1, 2])).unwrap_or(0),
        backoff_ms: one_of(seed, &[0, 100, 5_000]),
        attempt_limit_ms: one_of(seed, &[0, 0, 3_600_000, 4 * 3_600_000]),
        question_timeout_ms: one_of(seed, &[0, 0, 3_600_000]),
        open_changes: u32::try_from(one_of(seed, &[0, 0, 0, 1, 2])).unwrap_or(0),
        agent: seed.pick(&AGENTS).map_or_else(String::new, |agent| (*agent).to_owned()),
        agents: agents(seed),
        budget: Budget {
            run_micro_usd: one_of(seed, &[0, 0, 0, 40_000]),
            run_tokens: one_of(seed, &[0, 0, 0, 5_000]),
            task_micro_usd: one_of(seed, &[0, 0, 0, 10_000]),
            task_tokens: one_of(seed, &[0, 0, 0, 2_000]),
        },
        mode: *seed
            .pick(&[
                Mode::Autonomous,
                Mode::Autonomous,
                Mode::Autonomous,
                Mode::CommitByCommit,
                Mode::PhaseByPhase,
            ])
            .unwrap_or(&Mode::Autonomous),
        silence_ms: one_of(seed, &[0, 900_000]),
        review: if seed.chance(30) { seed.pick(&AGENTS).map(|agent| reviewer(agent)) } else { None },
        ..Policy::default()
    }
}

/// Some agents share an account, and some stand in for others.
fn agents(seed: &mut Seed) -> BTreeMap<String, AgentPolicy> {
    let mut agents = BTreeMap::new();
    for agent in AGENTS {
        let account = if seed.chance(50) { "shared" } else { agent };
        let fallback = seed.pick(&AGENTS).filter(|_| seed.chance(30)).map(|agent| (*agent).to_owned());
        let policy = AgentPolicy { account: account.to_owned(), model: None, fallback };
        agents.insert(agent.to_owned(), policy);
    }
    agents
}

/// What a run begins with. A part of the plan may be left out, and some may be done before.
pub(super) fn start(
    seed: &mut Seed,
    plan: &Plan,
    policy: Policy,
    target: (CommitId, Option<TreeId>),
) -> Start {
    let ids: Vec<TaskId> = plan.tasks.iter().map(|task| task.spec.id.value.clone()).collect();
    let part = if seed.chance(20) { seed.between(1, ids.len() as u64) } else { ids.len() as u64 };
    let selected: Vec<TaskId> = ids.iter().take(usize::try_from(part).unwrap_or(1)).cloned().collect();
    let mut before = Vec::new();
    for (at, task) in ids.iter().enumerate() {
        let done_needs =
            plan.tasks[at].needs.iter().all(|need| before.iter().any(|b: &Before| b.task == ids[*need]));
        if done_needs && seed.chance(8) {
            before.push(Before { task: task.clone(), closure: Closure::DoneBefore });
        }
    }
    Start {
        run: RunId::new("simulated"),
        target: Branch::new("main"),
        target_tip: target.0,
        green: target.1,
        policy,
        selected,
        before,
    }
}
