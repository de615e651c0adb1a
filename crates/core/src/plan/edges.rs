//! The dependencies of a plan: Depends ∪ Blocks, with every complaint about them.
//!
//! Knows nothing of waves, order, or what a circle means for a run.

use super::finding::{Code, Findings};
use super::spec::{At, Spot, TaskSpec};
use crate::graph::Graph;
use crate::ids::TaskId;
use crate::text::{nearest, shown};
use std::collections::BTreeMap;

/// Unknown ids beyond these get no suggestion: each is compared with the whole plan.
const SUGGESTIONS: usize = 100;
/// Names in a printed circle; a longer one is cut in the middle.
const CIRCLE_NAMES: usize = 12;

/// One dependency and the places that state it, on either side.
#[derive(Default)]
struct Sides<'a> {
    depends: Option<&'a Spot>,
    blocks: Option<&'a Spot>,
}

/// The dependencies between the tasks of a plan, by position; the key is (what needs, what is needed).
pub(super) struct Edges<'a> {
    tasks: &'a [TaskSpec],
    positions: BTreeMap<&'a TaskId, usize>,
    sides: BTreeMap<(usize, usize), Sides<'a>>,
    suggested: usize,
}

/// Which list names the other task.
#[derive(Clone, Copy)]
enum List {
    Depends,
    Blocks,
}

/// Reads all dependencies; reports unknown ids, tasks that wait for themselves, and one-sided edges.
pub(super) fn read<'a>(tasks: &'a [TaskSpec], findings: &mut Findings) -> Edges<'a> {
    let mut positions = BTreeMap::new();
    for (at, task) in tasks.iter().enumerate() {
        positions.entry(&task.id.value).or_insert(at);
    }
    let mut edges = Edges { tasks, positions, sides: BTreeMap::new(), suggested: 0 };
    for (at, task) in tasks.iter().enumerate() {
        for named in &task.depends_on {
            edges.add(at, named, List::Depends, findings);
        }
        for named in &task.blocks {
            edges.add(at, named, List::Blocks, findings);
        }
    }
    edges.report_one_sided(findings);
    edges
}

impl<'a> Edges<'a> {
    fn add(&mut self, at: usize, named: &'a At<TaskId>, list: List, findings: &mut Findings) {
        let id = &self.tasks[at].id.value;
        let verb = match list {
            List::Depends => "depends on",
            List::Blocks => "blocks",
        };
        let Some(other) = self.positions.get(&named.value).copied() else {
            let hint = self.suggestion(&named.value);
            let message =
                format!("{id} {verb} {}, which is not in the plan{hint}", shown(named.value.as_str()));
            findings.error(Code::UnknownId, message, Some(&named.spot));
            return;
        };
        let at = self.positions.get(id).copied().unwrap_or(at);
        if other == at {
            findings.error(Code::SelfDependency, format!("{id} {verb} itself"), Some(&named.spot));
            return;
        }
        match list {
            List::Depends => self.sides.entry((at, other)).or_default().depends = Some(&named.spot),
            List::Blocks => self.sides.entry((other, at)).or_default().blocks = Some(&named.spot),
        }
    }

    fn suggestion(&mut self, unknown: &TaskId) -> String {
        self.suggested += 1;
        if self.suggested > SUGGESTIONS {
            return String::new();
        }
        nearest(unknown.as_str(), self.positions.keys().map(|id| id.as_str()))
            .map_or_else(String::new, |near| format!("; did you mean {near}?"))
    }

    fn report_one_sided(&self, findings: &mut Findings) {
        let plan_says_blocks = self.tasks.iter().any(|task| task.says_blocks || !task.blocks.is_empty());
        for ((at, other), sides) in &self.sides {
            let (task, needed) = (&self.tasks[*at].id, &self.tasks[*other].id);
            match (sides.depends, sides.blocks) {
                (Some(spot), None) if plan_says_blocks => {
                    let message = format!(
                        "{} depends on {}, but {} ({}) does not list it under Blocks; the dependency is kept",
                        task.value, needed.value, needed.value, needed.spot
                    );
                    findings.warning(Code::OneSidedEdge, message, Some(spot));
                }
                (None, Some(spot)) => {
                    let message = format!(
                        "{} blocks {}, but {} ({}) does not list it under Dependencies; the dependency is kept",
                        needed.value, task.value, task.value, task.spot
                    );
                    findings.warning(Code::OneSidedEdge, message, Some(spot));
                }
                (Some(_), _) | (None, None) => {}
            }
        }
    }

    /// The edges as a graph over positions.
    pub(super) fn graph(&self) -> Graph {
        let mut needs = vec![Vec::new(); self.tasks.len()];
        for (at, other) in self.sides.keys() {
            needs[*at].push(*other);
        }
        Graph::new(needs)
    }

    /// Reports each circle once, with one shortest path through it.
    pub(super) fn report_circles(&self, graph: &Graph, findings: &mut Findings) {
        for circle in graph.circles() {
            let path = graph.circle_in(&circle);
            let hops: Vec<(usize, usize)> =
                path.iter().copied().zip(path.iter().copied().cycle().skip(1)).collect();
            let spots: Vec<&Spot> = hops.iter().filter_map(|hop| self.spot(*hop)).collect();
            let others = circle.len() - path.len();
            let more =
                if others == 0 { String::new() } else { format!("; {others} more in circles with them") };
            let message = format!(
                "tasks wait for each other in a circle: {} ({}){more}",
                self.circle_names(&path),
                cut_in_the_middle(&spots, ", "),
            );
            findings.error(Code::Cycle, message, spots.first().copied());
        }
    }

    fn spot(&self, hop: (usize, usize)) -> Option<&'a Spot> {
        self.sides.get(&hop).and_then(|sides| sides.depends.or(sides.blocks))
    }

    fn circle_names(&self, path: &[usize]) -> String {
        let ids: Vec<&TaskId> = path.iter().chain(path.first()).map(|at| &self.tasks[*at].id.value).collect();
        cut_in_the_middle(&ids, " → ")
    }
}

fn cut_in_the_middle(items: &[impl ToString], between: &str) -> String {
    let all = |items: &[_]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    let half = CIRCLE_NAMES / 2;
    let mut named = all(items);
    if items.len() > CIRCLE_NAMES {
        named = all(&items[..half]);
        named.push(format!("… {} more …", items.len() - 2 * half));
        named.extend(all(&items[items.len() - half..]));
    }
    named.join(between)
}
