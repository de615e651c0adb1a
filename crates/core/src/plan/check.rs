//! From what was written to what may be executed: every finding at once, each with its place.
//!
//! Knows nothing of files and of what happened in a run.

use super::finding::{Code, Finding, Findings};
use super::spec::{Duration, PlanSpec, TaskSpec};
use super::{branch, edges, ident, shared};
use crate::graph::{self, Graph};
use crate::ids::TaskId;
use crate::text::natural;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;

/// A checked task: its spec, and what follows from the whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// As written.
    pub spec: TaskSpec,
    /// All tasks this one waits for (Depends ∪ Blocks), as plan positions, sorted.
    pub needs: Vec<usize>,
    /// All tasks that wait for this one, as plan positions, sorted.
    pub needed_by: Vec<usize>,
    /// The computed wave: 0 without dependencies, else one more than the greatest among its dependencies.
    pub wave: u32,
    /// The branch, `feat/<id>-<slug>`.
    pub branch_name: Arc<str>,
    /// Longest remaining path in seconds of estimated work, this task included.
    pub path_s: u64,
}

/// A plan that may be executed. Positions (`usize`) index `tasks`, which is sorted by id in natural order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The plan's name.
    pub name: Arc<str>,
    /// The tasks, by id in natural order (`T-2` before `T-10`).
    pub tasks: Vec<Task>,
    /// The waves as plan positions.
    pub waves: Vec<Vec<usize>>,
    /// The estimate, in seconds, that stands in for a task without one: the plan's median, else one day.
    pub assumed_s: u64,
}

/// The result of a check: a plan unless a finding is an error.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The plan; absent when a finding is an error.
    pub plan: Option<Plan>,
    /// All findings, errors first, then by place.
    pub findings: Vec<Finding>,
}

/// Checks a plan; `found` are the source's own findings, which are merged in.
pub fn check(spec: PlanSpec, found: Vec<Finding>) -> Checked {
    let mut findings = Findings::of(found);
    let PlanSpec { name, mut tasks } = spec;
    tasks.sort_by(|a, b| natural(a.id.value.as_str(), b.id.value.as_str()));
    // When the source has an error to tell, that is why there are none.
    if tasks.is_empty() && !findings.stop_the_plan() {
        findings.error(Code::Empty, format!("the plan `{name}` has no tasks"), None);
    }
    ident::check_ids(&tasks, &mut findings);
    check_commit_counts(&tasks, &mut findings);
    let edges = edges::read(&tasks, &mut findings);
    let graph = edges.graph();
    let Some(order) = graph.topological_order() else {
        edges.report_circles(&graph, &mut findings);
        return Checked { plan: None, findings: findings.sorted() };
    };
    let waves = graph.waves(&order);
    // With a dependency missing or doubled, what follows from the dependencies would mislead.
    let graph_is_whole = !findings.have(&[Code::DuplicateId, Code::UnknownId, Code::SelfDependency]);
    if graph_is_whole {
        check_waves(&tasks, &graph, &waves, &mut findings);
        shared::report_shared_files(&tasks, &graph, &order, &mut findings);
    }
    let plan = (!findings.stop_the_plan()).then(|| assemble(name, tasks, &graph, &order, &waves));
    Checked { plan, findings: findings.sorted() }
}

fn check_commit_counts(tasks: &[TaskSpec], findings: &mut Findings) {
    for task in tasks {
        let Some(declared) = &task.declared_commits else { continue };
        let listed = task.commits.len();
        if listed > 0 && u32::try_from(listed).ok() != Some(declared.value) {
            let message =
                format!("{} announces {} commits and lists {listed}", task.id.value, declared.value);
            findings.warning(Code::CommitCountDiffers, message, Some(&declared.spot));
        }
    }
}

fn check_waves(tasks: &[TaskSpec], graph: &Graph, waves: &[u32], findings: &mut Findings) {
    for (at, task) in tasks.iter().enumerate() {
        let Some(declared) = &task.declared_wave else { continue };
        if declared.value == waves[at] {
            continue;
        }
        let decisive: Vec<&str> = graph
            .needs(at)
            .iter()
            .filter(|need| waves[**need] + 1 == waves[at])
            .map(|need| tasks[*need].id.value.as_str())
            .take(3)
            .collect();
        let because = match decisive.as_slice() {
            [] => "it depends on nothing".to_owned(),
            ids => format!("it depends on {} in wave {}", ids.join(", "), waves[at] - 1),
        };
        let message = format!(
            "{} is written down for wave {} and belongs to wave {}: {because}",
            task.id.value, declared.value, waves[at]
        );
        findings.warning(Code::WaveDiffers, message, Some(&declared.spot));
    }
}

fn assemble(name: Arc<str>, specs: Vec<TaskSpec>, graph: &Graph, order: &[usize], waves: &[u32]) -> Plan {
    let assumed_s = median_estimate(&specs).unwrap_or(Duration::DAY);
    let weights: Vec<u64> =
        specs.iter().map(|spec| spec.estimate.map_or(assumed_s, |estimate| estimate.0)).collect();
    let remaining = graph.remaining(order, &weights);
    let branches = branch::names(&specs);
    let mut by_wave: Vec<Vec<usize>> = Vec::new();
    let mut tasks = Vec::with_capacity(specs.len());
    for (at, (spec, branch_name)) in specs.into_iter().zip(branches).enumerate() {
        let wave = waves[at] as usize;
        by_wave.resize_with(by_wave.len().max(wave + 1), Vec::new);
        by_wave[wave].push(at);
        tasks.push(Task {
            spec,
            needs: graph.needs(at).to_vec(),
            needed_by: graph.needed_by(at).to_vec(),
            wave: waves[at],
            branch_name,
            path_s: remaining[at],
        });
    }
    Plan { name, tasks, waves: by_wave, assumed_s }
}

/// The middle of all estimates, in seconds.
fn median_estimate(specs: &[TaskSpec]) -> Option<u64> {
    let mut estimates: Vec<u64> =
        specs.iter().filter_map(|spec| spec.estimate).map(|estimate| estimate.0).collect();
    estimates.sort_unstable();
    let (low, high) =
        (estimates.get(estimates.len().checked_sub(1)? / 2)?, estimates.get(estimates.len() / 2)?);
    Some(low.midpoint(*high))
}

impl Plan {
    /// This plan with a task more; none when the task does not fit in, such as one whose id is taken.
    pub fn with(&self, task: TaskSpec) -> Option<Self> {
        let specs = self.tasks.iter().map(|task| task.spec.clone()).chain([task]);
        check(PlanSpec { name: self.name.clone(), tasks: specs.collect() }, Vec::new()).plan
    }

    /// The position of a task.
    pub fn position(&self, id: &TaskId) -> Option<usize> {
        self.tasks.binary_search_by(|task| natural(task.spec.id.value.as_str(), id.as_str())).ok()
    }

    /// A task by id.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.position(id).map(|at| &self.tasks[at])
    }

    /// The id at a position.
    pub fn id(&self, position: usize) -> &TaskId {
        &self.tasks[position].spec.id.value
    }

    /// The estimated work of a task in seconds; [`Plan::assumed_s`] when it has no estimate.
    pub fn work_s(&self, position: usize) -> u64 {
        self.tasks[position].spec.estimate.map_or(self.assumed_s, |estimate| estimate.0)
    }

    /// The estimated work of all tasks in seconds.
    pub fn total_work_s(&self) -> u64 {
        (0..self.tasks.len()).fold(0, |sum, at| sum.saturating_add(self.work_s(at)))
    }

    /// The planned commits of all tasks.
    pub fn planned_commits(&self) -> u32 {
        self.tasks.iter().fold(0, |sum, task| sum.saturating_add(task.spec.planned_commits()))
    }

    /// The chain of tasks that takes longest by the estimates, first to last, as positions.
    pub fn critical_path(&self) -> Vec<usize> {
        self.longest_path_from(0..self.tasks.len())
    }

    /// The longest chain of tasks that begins with a task, as positions; the task itself is the first.
    pub fn path_from(&self, position: usize) -> Vec<usize> {
        self.longest_path_from([position])
    }

    fn longest_path_from(&self, starts: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let start = starts.into_iter().min_by_key(|at| (Reverse(self.tasks[*at].path_s), *at));
        let next = |at: usize| self.tasks[at].needed_by.as_slice();
        graph::longest_path(start, next, |at| self.tasks[at].path_s)
    }
}
