//! Tasks that may run together and name the same file.
//!
//! Knows nothing of what is in a file, and takes paths as they are written.

use super::finding::{Code, Findings};
use super::spec::{Spot, TaskSpec};
use crate::graph::{Graph, Reach};
use crate::text::shown;
use std::collections::BTreeMap;

/// Pairs named one by one for each file; the others are counted in one more finding.
const PAIRS: usize = 20;

/// The tasks that name one file, each with the place where it does.
type Group<'a> = Vec<(usize, &'a Spot)>;

/// Warns of each pair of tasks neither of which needs the other, and which name the same file.
///
/// Only tasks that share a file are looked at, and pairs are found by sets of bits, so that a file that thousands of
/// tasks name costs no more than a few passes.
pub(super) fn report_shared_files(
    tasks: &[TaskSpec],
    graph: &Graph,
    order: &[usize],
    findings: &mut Findings,
) {
    let mut groups = group_by_file(tasks);
    let mut place = vec![0; tasks.len()];
    for (at, node) in order.iter().enumerate() {
        place[*node] = at;
    }
    let mut sharing: Vec<usize> = groups.values().flatten().map(|(task, _)| *task).collect();
    sharing.sort_unstable_by_key(|task| place[*task]);
    sharing.dedup();
    let mut column = vec![0; tasks.len()];
    for (at, task) in sharing.iter().enumerate() {
        column[*task] = at;
    }
    let reach = graph.ancestors(order, &sharing);
    for (file, group) in &mut groups {
        group.sort_unstable_by_key(|(task, _)| column[*task]);
        let pairs = unordered_pairs(group, &column, &sharing, &reach);
        report(file, group, &pairs, tasks, findings);
    }
}

/// The files that more than one task names.
fn group_by_file(tasks: &[TaskSpec]) -> BTreeMap<&str, Group<'_>> {
    let mut named: Vec<(&str, usize, &Spot)> = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        named.extend(task.named_files().map(|(file, spot)| (file, at, spot)));
    }
    named.sort_by_key(|(file, at, _)| (*file, *at));
    named.dedup_by_key(|(file, at, _)| (*file, *at));
    named
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|same_file| same_file.len() > 1)
        .map(|same_file| (same_file[0].0, same_file.iter().map(|(_, at, spot)| (*at, *spot)).collect()))
        .collect()
}

/// Pairs of tasks of one file that may run at the same time.
struct Pairs {
    /// The first of them, as positions.
    named: Vec<(usize, usize)>,
    /// How many there are in all.
    count: usize,
}

/// Pairs of which the later does not need the earlier. The group is in topological order, so the reverse cannot be.
fn unordered_pairs(group: &Group<'_>, column: &[usize], sharing: &[usize], reach: &Reach) -> Pairs {
    let mut earlier = vec![0_u64; sharing.len().div_ceil(64)];
    let mut pairs = Pairs { named: Vec::new(), count: 0 };
    for (task, _) in group {
        for (word, (of_group, needed)) in earlier.iter().zip(reach.of(*task)).enumerate() {
            let mut free = of_group & !needed;
            pairs.count += free.count_ones() as usize;
            while free != 0 && pairs.named.len() < PAIRS {
                pairs.named.push((sharing[word * 64 + free.trailing_zeros() as usize], *task));
                free &= free - 1;
            }
        }
        earlier[column[*task] / 64] |= 1 << (column[*task] % 64);
    }
    pairs
}

fn report(file: &str, group: &Group<'_>, pairs: &Pairs, tasks: &[TaskSpec], findings: &mut Findings) {
    let file = shown(file);
    let spots: BTreeMap<usize, &Spot> = group.iter().copied().collect();
    for (a, b) in &pairs.named {
        let (first, second) = (*a.min(b), *a.max(b));
        let message = format!(
            "{} ({}) and {} ({}) may run at the same time and both name `{file}`",
            tasks[first].id.value, spots[&first], tasks[second].id.value, spots[&second],
        );
        findings.warning(Code::SharedFile, message, Some(spots[&first]));
    }
    if pairs.count > pairs.named.len() {
        let more = pairs.count - pairs.named.len();
        let message =
            format!("`{file}` is named by {} tasks: {more} more pairs may run at the same time", group.len());
        findings.warning(Code::SharedFile, message, group.first().map(|(_, spot)| *spot));
    }
}
