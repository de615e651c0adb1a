//! The documents that show a plan: `plan show --json`, `plan check --json`, `plan graph --format json`, the order.
//!
//! Knows nothing of screens; texts for people are written by the faces from the same figures.

use super::check::{Checked, Plan};
use super::finding::{Finding, Level};
use super::spec::Priority;
use crate::ids::TaskId;
use crate::policy::Order;
use crate::rank::{ranked, reason};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::sync::Arc;

/// The name and version of [`PlanDocument`].
pub const PLAN_SCHEMA: &str = "ppe.plan.v1";
/// The name and version of [`CheckDocument`].
pub const CHECK_SCHEMA: &str = "ppe.plan-check.v1";

/// A plan as data.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PlanDocument {
    /// [`PLAN_SCHEMA`].
    pub schema: &'static str,
    /// The plan's name.
    pub name: Arc<str>,
    /// The tasks by id in natural order.
    pub tasks: Vec<TaskRow>,
    /// The ids of each computed wave.
    pub waves: Vec<Vec<TaskId>>,
    /// The chain of tasks that takes longest, first to last.
    pub critical_path: Vec<TaskId>,
    /// The work on that chain in seconds of working time.
    pub critical_path_s: u64,
    /// The work of all tasks in seconds of working time.
    pub total_work_s: u64,
    /// The planned commits of all tasks.
    pub planned_commits: u32,
    /// The default order of starts: the ids, first to last, each with its reason.
    pub order: Vec<OrderRow>,
    /// What was found and does not stop the plan.
    pub warnings: Vec<FindingRow>,
}

/// A task as data.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct TaskRow {
    /// The id.
    pub id: TaskId,
    /// The title.
    pub title: Arc<str>,
    /// All tasks it waits for, whichever side said so.
    pub depends_on: Vec<TaskId>,
    /// All tasks that wait for it, whichever side said so.
    pub blocks: Vec<TaskId>,
    /// The computed wave.
    pub wave: u32,
    /// The wave written down.
    pub declared_wave: Option<u32>,
    /// Urgency.
    pub priority: Priority,
    /// The module.
    pub module: Option<Arc<str>>,
    /// The quarter.
    pub quarter: Option<Arc<str>>,
    /// The phases of its commit plan.
    pub phases: Vec<Arc<str>>,
    /// Planned commits: as listed, else as announced.
    pub planned_commits: u32,
    /// Estimated work in seconds of working time; absent when the plan gives none.
    pub estimate_s: Option<u64>,
    /// Longest remaining path in seconds of working time, this task included.
    pub path_s: u64,
    /// The coverage target in per cent.
    pub coverage_target: Option<u32>,
    /// The branch.
    pub branch: Arc<str>,
    /// Whether the plan says that it is done already.
    pub done: bool,
    /// The file it was read from.
    pub file: Arc<str>,
    /// The line of its heading there.
    pub line: u32,
}

/// One place in the order of starts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OrderRow {
    /// From 1.
    pub place: usize,
    /// The task.
    pub id: TaskId,
    /// Why it stands there.
    pub reason: String,
}

/// A finding as data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FindingRow {
    /// Its kind, such as `wave-differs`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The file, relative to the plan's folder.
    pub file: Option<Arc<str>>,
    /// The line, from 1.
    pub line: Option<u32>,
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str(),
            message: finding.message.clone(),
            file: finding.spot.as_ref().map(|spot| spot.file.clone()),
            line: finding.spot.as_ref().map(|spot| spot.line),
        }
    }
}

/// What a check found, whether or not there is a plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CheckDocument {
    /// [`CHECK_SCHEMA`].
    pub schema: &'static str,
    /// Whether the plan may run.
    pub ok: bool,
    /// The number of tasks; absent when the plan may not run.
    pub tasks: Option<usize>,
    /// What stops the plan.
    pub errors: Vec<FindingRow>,
    /// What does not.
    pub warnings: Vec<FindingRow>,
}

/// The plan as data; of the findings only warnings are taken, as a plan has no errors.
pub fn plan_document(plan: &Plan, findings: &[Finding], order_of_starts: Order) -> PlanDocument {
    let ids =
        |positions: &[usize]| -> Vec<TaskId> { positions.iter().map(|at| plan.id(*at).clone()).collect() };
    let critical_path = plan.critical_path();
    PlanDocument {
        schema: PLAN_SCHEMA,
        name: plan.name.clone(),
        tasks: (0..plan.tasks.len()).map(|at| task_row(plan, at, &ids)).collect(),
        waves: plan.waves.iter().map(|wave| ids(wave)).collect(),
        critical_path_s: critical_path.first().map_or(0, |at| plan.tasks[*at].path_s),
        critical_path: ids(&critical_path),
        total_work_s: plan.total_work_s(),
        planned_commits: plan.planned_commits(),
        order: order(plan, order_of_starts),
        warnings: rows(findings, Level::Warning),
    }
}

/// The order of starts as data.
pub fn order(plan: &Plan, order: Order) -> Vec<OrderRow> {
    let row = |(place, at): (usize, usize)| OrderRow {
        place: place + 1,
        id: plan.id(at).clone(),
        reason: reason(plan, order, at),
    };
    ranked(plan, order).into_iter().enumerate().map(row).collect()
}

/// The result of a check as data.
pub fn check_document(checked: &Checked) -> CheckDocument {
    CheckDocument {
        schema: CHECK_SCHEMA,
        ok: checked.plan.is_some(),
        tasks: checked.plan.as_ref().map(|plan| plan.tasks.len()),
        errors: rows(&checked.findings, Level::Error),
        warnings: rows(&checked.findings, Level::Warning),
    }
}

fn rows(findings: &[Finding], level: Level) -> Vec<FindingRow> {
    findings.iter().filter(|finding| finding.level == level).map(FindingRow::from).collect()
}

fn task_row(plan: &Plan, at: usize, ids: &dyn Fn(&[usize]) -> Vec<TaskId>) -> TaskRow {
    let task = &plan.tasks[at];
    let spec = &task.spec;
    TaskRow {
        id: spec.id.value.clone(),
        title: spec.title.clone(),
        depends_on: ids(&task.needs),
        blocks: ids(&task.needed_by),
        wave: task.wave,
        declared_wave: spec.declared_wave.as_ref().map(|wave| wave.value),
        priority: spec.priority,
        module: spec.module.clone(),
        quarter: spec.quarter.clone(),
        phases: spec.phases.clone(),
        planned_commits: spec.planned_commits(),
        estimate_s: spec.estimate.map(|estimate| estimate.0),
        path_s: task.path_s,
        coverage_target: spec.coverage_target,
        branch: task.branch_name.clone(),
        done: spec.done.is_some(),
        file: spec.id.spot.file.clone(),
        line: spec.id.spot.line,
    }
}

/// The dependencies as data: id → what it depends on, what it blocks; the ids in natural order.
#[derive(Clone, Copy, Debug)]
pub struct GraphDocument<'a>(pub &'a Plan);

#[derive(serde::Serialize)]
struct GraphNode<'a> {
    dependencies: Vec<&'a TaskId>,
    blocks: Vec<&'a TaskId>,
}

impl Serialize for GraphDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plan = self.0;
        let ids = |positions: &[usize]| positions.iter().map(|at| plan.id(*at)).collect();
        let mut map = serializer.serialize_map(Some(plan.tasks.len()))?;
        for task in &plan.tasks {
            let node = GraphNode { dependencies: ids(&task.needs), blocks: ids(&task.needed_by) };
            map.serialize_entry(&task.spec.id.value, &node)?;
        }
        map.end()
    }
}
