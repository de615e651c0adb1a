//! What others do meanwhile: push, move branches, close changes, land by hand, rewrite the target; and what can be seen of
//! it from outside. Knows nothing of what a run makes of that.

use super::git::commit_id;
use super::world::{Change, World};
use ppe_core::ids::TaskId;
use ppe_core::input::{Input, Observed};
use ppe_core::state::{State, Step};

impl World {
    /// One thing that nobody asked for.
    pub(super) fn mischief(&mut self, state: &State) {
        match self.seed.below(12) {
            0..=3 => self.push(),
            4..=6 => {
                if let Some(task) = self.some_branch(state) {
                    // Onto what is there, or onto the target without it.
                    let rebases = self.seed.chance(25);
                    let at = if rebases { Some(self.target) } else { self.desk(&task).branch };
                    let moved = self.work(at.as_slice());
                    self.desk(&task).branch = Some(moved);
                }
            }
            roll @ (7 | 8) => {
                let open =
                    self.some_branch(state).filter(|t| matches!(self.desk(t).change, Some(Change::Open(_))));
                if let Some(task) = open
                    && let Some(Change::Open(number)) = self.desk(&task).change
                {
                    if roll == 7 {
                        self.desk(&task).change = Some(Change::Closed(number));
                    } else {
                        self.desk(&task).reviews += 1;
                    }
                }
            }
            9 | 10 => {
                if let Some(task) = self.some_branch(state) {
                    self.land_by_hand(&task);
                }
            }
            _ => self.rewrite(),
        }
    }

    /// An open task whose branch stands.
    fn some_branch(&mut self, state: &State) -> Option<TaskId> {
        let open = |task: &TaskId| state.task(task).is_some_and(|t| t.in_run() && !t.is_closed());
        let with: Vec<TaskId> = self
            .desks
            .iter()
            .filter(|(id, desk)| desk.branch.is_some() && open(id))
            .map(|(id, _)| id.clone())
            .collect();
        self.seed.pick(&with).cloned()
    }

    /// A person merges a task's branch into the target.
    pub(super) fn land_by_hand(&mut self, task: &TaskId) {
        let Some(branch) = self.desk(task).branch else { return };
        let merge = self.merged(self.target, branch);
        self.move_target(merge);
        self.landed.insert(task.clone(), merge);
        if let Some(Change::Open(_)) = self.desk(task).change {
            self.desk(task).change = Some(Change::Merged);
        }
    }

    /// A person takes commits out of the target and pushes another.
    fn rewrite(&mut self) {
        for _ in 0..=self.seed.below(2) {
            self.target = self.git.first_parent(self.target).unwrap_or(self.target);
        }
        self.push();
        let (git, target) = (&self.git, self.target);
        for (task, _) in self.landed.iter().filter(|(_, commit)| !git.contains(target, **commit)) {
            // A change that was merged into what is gone cannot be landed again: it has to be opened anew.
            if let Some(desk) = self.desks.get_mut(task)
                && desk.change == Some(Change::Merged)
            {
                desk.change = Some(Change::Closed(self.next_change));
                self.next_change += 1;
            }
        }
        let landed = &self.landed;
        self.ours.retain(|task| landed.get(task).is_some_and(|commit| git.contains(target, *commit)));
    }

    /// A person repairs a red target.
    pub(super) fn repair_target(&mut self) {
        let repaired = self.git.commit(&[self.target]);
        self.move_target(repaired);
    }

    /// What a look at repository and forge finds.
    pub(super) fn look(&self, state: &State) -> Vec<Input> {
        let unlanded = |task: &TaskId| state.task(task).is_some_and(|t| t.in_run() && !t.is_closed());
        let landed = self
            .landed
            .iter()
            .filter(|(task, commit)| unlanded(task) && self.git.contains(self.target, **commit));
        let landed = landed.map(|(task, commit)| (task.clone(), commit_id(*commit))).collect();
        let gone = (0..state.tasks.len()).filter(|at| {
            let commit = state.tasks[*at].closure().and_then(|c| c.commit());
            commit
                .and_then(|c| super::git::commit_of(c).ok())
                .is_some_and(|c| !self.git.contains(self.target, c))
        });
        let gone = gone.map(|at| state.id(at).clone()).collect();
        let mut seen = vec![Input::Observed(Observed::Target { tip: commit_id(self.target), landed, gone })];
        for (task, desk) in &self.desks {
            let Some(t) = state.task(task) else { continue };
            if let Some(branch) = desk.branch.map(commit_id)
                && t.facts.published.is_some()
                && t.facts.published.as_ref() != Some(&branch)
            {
                seen.push(Input::Observed(Observed::Branch { task: task.clone(), tip: branch }));
            }
            if let (Some(Change::Closed(_)), Step::Open | Step::InLane, Some(change)) =
                (desk.change, &t.step, t.facts.change)
            {
                seen.push(Input::Observed(Observed::ChangeClosed { task: task.clone(), change }));
            }
            // A third of all tips please somebody until they look closer; which may be another than the run knows by now.
            if let (Some(Change::Open(_)), Some(branch)) = (desk.change, desk.branch) {
                let (task, tip) = (task.clone(), commit_id(branch));
                seen.push(Input::Observed(match (branch % 3, desk.reviews) {
                    (0, 0) => Observed::Approved { task, tip },
                    _ => Observed::Unapproved { task },
                }));
            }
            if let (Some(Change::Open(_)), 1..) = (desk.change, desk.reviews) {
                let (task, review, text) = (task.clone(), desk.reviews, "rename it".to_owned());
                seen.push(Input::Observed(Observed::ChangesRequested { task, review, text }));
            }
        }
        seen
    }
}
