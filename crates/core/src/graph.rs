//! Directed graphs over positions: order, circles, waves, longest paths, reachability.
//!
//! Knows nothing of tasks: a node is a position, an edge says that one node needs another.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A graph whose nodes are the positions `0..len`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    needs: Vec<Vec<usize>>,
    needed_by: Vec<Vec<usize>>,
}

impl Graph {
    /// A graph from what each node needs; repeated edges count once. Edges to nodes that do not exist are left out.
    pub fn new(mut needs: Vec<Vec<usize>>) -> Self {
        let len = needs.len();
        let mut needed_by = vec![Vec::new(); len];
        for (node, of_node) in needs.iter_mut().enumerate() {
            of_node.retain(|need| *need < len);
            of_node.sort_unstable();
            of_node.dedup();
            for need in of_node {
                needed_by[*need].push(node);
            }
        }
        Self { needs, needed_by }
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// What a node needs directly, sorted.
    pub fn needs(&self, node: usize) -> &[usize] {
        &self.needs[node]
    }

    /// What needs a node directly, sorted.
    pub fn needed_by(&self, node: usize) -> &[usize] {
        &self.needed_by[node]
    }

    /// All nodes, each after what it needs, lowest position first among equals; `None` when there is a circle.
    pub fn topological_order(&self) -> Option<Vec<usize>> {
        let mut missing: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut free: BinaryHeap<Reverse<usize>> =
            (0..self.len()).filter(|node| missing[*node] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(node)) = free.pop() {
            order.push(node);
            for next in &self.needed_by[node] {
                missing[*next] -= 1;
                if missing[*next] == 0 {
                    free.push(Reverse(*next));
                }
            }
        }
        (order.len() == self.len()).then_some(order)
    }

    /// Each set of nodes that need one another in circles, sorted; a node that needs itself is a set of one.
    pub fn circles(&self) -> Vec<Vec<usize>> {
        let mut circles: Vec<Vec<usize>> = Components::new(self)
            .collect()
            .into_iter()
            .filter(|nodes| nodes.len() > 1 || self.needs[nodes[0]].contains(&nodes[0]))
            .collect();
        circles.sort_unstable();
        circles
    }

    /// A shortest circle through the first node of one of [`Graph::circles`]: each node needs the next, the last
    /// needs the first, which is not repeated.
    pub fn circle_in(&self, circle: &[usize]) -> Vec<usize> {
        let Some(&start) = circle.first() else { return Vec::new() };
        let mut came_from: Vec<Option<usize>> = vec![None; self.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            if self.needs[node].contains(&start) {
                return trace(&came_from, start, node);
            }
            for next in &self.needs[node] {
                if came_from[*next].is_none() && circle.binary_search(next).is_ok() {
                    came_from[*next] = Some(node);
                    queue.push_back(*next);
                }
            }
        }
        Vec::new()
    }

    /// The wave of each node: 0 where nothing is needed, else one more than the greatest of what is needed.
    /// `order` is [`Graph::topological_order`].
    pub fn waves(&self, order: &[usize]) -> Vec<u32> {
        let mut waves = vec![0; self.len()];
        for node in order {
            waves[*node] = self.needs[*node].iter().map(|need| waves[*need] + 1).max().unwrap_or(0);
        }
        waves
    }

    /// For each node the heaviest path that begins there and goes on through what needs it, its own weight included.
    pub fn remaining(&self, order: &[usize], weights: &[u64]) -> Vec<u64> {
        let mut remaining = weights.to_vec();
        for node in order.iter().rev() {
            let rest = self.needed_by[*node].iter().map(|next| remaining[*next]).max().unwrap_or(0);
            remaining[*node] = weights[*node].saturating_add(rest);
        }
        remaining
    }

    /// For each node which of `targets` it needs, directly or through others.
    pub fn ancestors(&self, order: &[usize], targets: &[usize]) -> Reach {
        let words = targets.len().div_ceil(64);
        let mut column = vec![None; self.len()];
        for (at, target) in targets.iter().enumerate() {
            column[*target] = Some(at);
        }
        let mut bits = vec![0_u64; self.len() * words];
        for node in order {
            for need in &self.needs[*node] {
                for word in 0..words {
                    bits[node * words + word] |= bits[need * words + word];
                }
                if let Some(at) = column[*need] {
                    bits[node * words + at / 64] |= 1 << (at % 64);
                }
            }
        }
        Reach { words, bits }
    }
}

/// For each node a set of targets, as bits by the target's place in the list that was asked for.
pub struct Reach {
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    /// The set of one node, 64 targets a word.
    pub fn of(&self, node: usize) -> &[u64] {
        &self.bits[node * self.words..(node + 1) * self.words]
    }

    /// Whether a node needs the target at place `at`.
    pub fn has(&self, node: usize, at: usize) -> bool {
        self.of(node)[at / 64] & (1 << (at % 64)) != 0
    }
}

/// From `start` always on to the heaviest of what comes next, the lowest position among equals.
///
/// With [`Graph::remaining`] as the weight this is the longest path that begins with `start`.
pub fn longest_path<'a>(
    start: Option<usize>,
    next_of: impl Fn(usize) -> &'a [usize],
    weight: impl Fn(usize) -> u64,
) -> Vec<usize> {
    std::iter::successors(start, |node| {
        next_of(*node).iter().copied().min_by_key(|next| (Reverse(weight(*next)), *next))
    })
    .collect()
}

fn trace(came_from: &[Option<usize>], start: usize, end: usize) -> Vec<usize> {
    let mut path = vec![end];
    let mut at = end;
    while at != start {
        match came_from[at] {
            Some(before) => at = before,
            None => break,
        }
        path.push(at);
    }
    path.reverse();
    path
}

/// Strongly connected components by Tarjan's method, with a stack of its own instead of recursion: a chain of ten
/// thousand tasks is an ordinary plan.
struct Components<'a> {
    graph: &'a Graph,
    number: Vec<Option<usize>>,
    lowest: Vec<usize>,
    open: Vec<usize>,
    is_open: Vec<bool>,
    counted: usize,
    found: Vec<Vec<usize>>,
}

impl<'a> Components<'a> {
    fn new(graph: &'a Graph) -> Self {
        let len = graph.len();
        Self {
            graph,
            number: vec![None; len],
            lowest: vec![0; len],
            open: Vec::new(),
            is_open: vec![false; len],
            counted: 0,
            found: Vec::new(),
        }
    }

    fn collect(mut self) -> Vec<Vec<usize>> {
        for root in 0..self.graph.len() {
            if self.number[root].is_none() {
                self.walk(root);
            }
        }
        self.found
    }

    fn walk(&mut self, root: usize) {
        self.enter(root);
        let mut path = vec![(root, 0)];
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            if let Some(&next) = self.graph.needs[node].get(*edge) {
                *edge += 1;
                match self.number[next] {
                    None => {
                        self.enter(next);
                        path.push((next, 0));
                    }
                    Some(number) if self.is_open[next] => self.lowest[node] = self.lowest[node].min(number),
                    Some(_) => {}
                }
            } else {
                path.pop();
                self.leave(node, path.last().map(|(parent, _)| *parent));
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.number[node] = Some(self.counted);
        self.lowest[node] = self.counted;
        self.counted += 1;
        self.open.push(node);
        self.is_open[node] = true;
    }

    fn leave(&mut self, node: usize, parent: Option<usize>) {
        if self.number[node] == Some(self.lowest[node]) {
            let from = self.open.iter().rposition(|open| *open == node).unwrap_or(0);
            let mut component = self.open.split_off(from);
            for closed in &component {
                self.is_open[*closed] = false;
            }
            component.sort_unstable();
            self.found.push(component);
        }
        if let Some(parent) = parent {
            self.lowest[parent] = self.lowest[parent].min(self.lowest[node]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 ← 1 ← 3, 0 ← 2, 4 alone.
    fn sample() -> Graph {
        Graph::new(vec![vec![], vec![0, 0], vec![0], vec![1], vec![]])
    }

    #[test]
    fn order_and_waves_follow_the_edges() {
        let graph = sample();
        let order = graph.topological_order().unwrap();
        assert_eq!(order, [0, 1, 2, 3, 4]);
        assert_eq!(graph.waves(&order), [0, 1, 1, 2, 0]);
        assert_eq!(graph.needed_by(0), [1, 2]);
    }

    #[test]
    fn the_heaviest_path_counts_what_comes_after() {
        let graph = sample();
        let order = graph.topological_order().unwrap();
        let remaining = graph.remaining(&order, &[1, 10, 50, 5, 7]);
        assert_eq!(remaining, [51, 15, 50, 5, 7]);
        assert_eq!(longest_path(Some(0), |node| graph.needed_by(node), |node| remaining[node]), [0, 2]);
    }

    #[test]
    fn each_circle_is_found_once_and_its_path_is_short() {
        // 0 → 1 → 2 → 0 with a chord 1 → 0; 3 ↔ 4; 5 needs a circle and is in none; 6 needs itself.
        let graph = Graph::new(vec![vec![1], vec![0, 2], vec![0], vec![4], vec![3], vec![3], vec![6]]);
        assert_eq!(graph.topological_order(), None);
        assert_eq!(graph.circles(), [vec![0, 1, 2], vec![3, 4], vec![6]]);
        assert_eq!(graph.circle_in(&[0, 1, 2]), [0, 1]);
        assert_eq!(graph.circle_in(&[6]), [6]);
    }

    #[test]
    fn a_ring_of_many_needs_no_deep_stack() {
        let len = 100_000;
        let graph = Graph::new((0..len).map(|node| vec![(node + 1) % len]).collect());
        let circles = graph.circles();
        assert_eq!(circles.len(), 1);
        assert_eq!(graph.circle_in(&circles[0]).len(), len);
    }

    #[test]
    fn reachability_passes_through_others() {
        let graph = sample();
        let order = graph.topological_order().unwrap();
        let reach = graph.ancestors(&order, &[0, 4]);
        assert!(reach.has(3, 0) && reach.has(2, 0));
        assert!(!reach.has(3, 1) && !reach.has(0, 0) && !reach.has(4, 0));
    }
}
