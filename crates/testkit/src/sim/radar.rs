//! What a look at all branches tells: the truth as far as it is known, an old one, or what is not so at all. A run must
//! come to its end whichever it is told.

use super::git::commit_id;
use super::world::World;
use ppe_core::ids::TaskId;
use ppe_core::input::{Input, Observed};
use ppe_core::state::{Conflict, State, Touched};

/// Pairs that are told although nobody knows of them.
const MOST_RUMOURS: u64 = 4;

impl World {
    /// What a look at all branches tells now; none where nobody looks.
    pub(super) fn branches(&mut self, state: &State) -> Option<Input> {
        if !self.radar.chance(6) {
            return None;
        }
        match self.radar.below(4) {
            0 | 1 => self.told = self.known_clashes(state),
            2 => self.told = self.rumours(state),
            // Nothing new was found, or the look is an old one.
            _ => {}
        }
        let touched = self.touched(state);
        Some(Input::Observed(Observed::Branches { conflicts: self.told.clone(), touched }))
    }

    /// Branches of which one is known not to merge into the other.
    fn known_clashes(&self, state: &State) -> Vec<Conflict> {
        let tips: Vec<_> = self.desks.iter().filter_map(|(task, desk)| Some((task, desk.branch?))).collect();
        let clash = |one, other| self.clashes.get(&(one, other)) == Some(&true);
        let mut known = Vec::new();
        for (at, (task, tip)) in tips.iter().enumerate() {
            let rivals =
                tips[at + 1..].iter().filter(|(_, other)| clash(*tip, *other) || clash(*other, *tip));
            known.extend(rivals.map(|(rival, _)| conflict(&[task, rival])));
            let target = clash(self.target, *tip) && commit_id(self.target) == state.target_tip;
            known.extend(target.then(|| conflict(&[task])));
        }
        known
    }

    /// Any tasks, whether or not they have work, or are there at all.
    fn rumours(&mut self, state: &State) -> Vec<Conflict> {
        let mut all: Vec<TaskId> = state.plan.tasks.iter().map(|task| task.spec.id.value.clone()).collect();
        all.push(TaskId::new("T-999"));
        let many = self.radar.below(MOST_RUMOURS + 1);
        let pair =
            |world: &mut Self| Some([world.radar.pick(&all)?.clone(), world.radar.pick(&all)?.clone()]);
        (0..many).filter_map(|_| pair(self)).map(|[one, other]| conflict(&[&one, &other])).collect()
    }

    /// Files that somebody has in hand: some that the plan names, and one that it does not.
    fn touched(&mut self, state: &State) -> Vec<Touched> {
        let mut touched = Vec::new();
        for task in &state.plan.tasks {
            let file = format!("src/{}.rs", self.radar.below(6));
            if self.radar.chance(30) {
                let files = vec![file, "src/unnamed.rs".to_owned()];
                touched.push(Touched { task: task.spec.id.value.clone(), files });
            }
        }
        touched
    }
}

fn conflict(tasks: &[&TaskId]) -> Conflict {
    let tasks = tasks.iter().map(|task| (*task).clone()).collect();
    Conflict { tasks, files: vec!["src/lib.rs".to_owned()], file_count: 1 }
}
