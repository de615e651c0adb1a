//! The world outside: repository, workspaces, processes, forge. It outlives every crash, remembers everything, and knows
//! the truth: what was checked, what landed, who is at work. Knows nothing of how a run decides.

use super::board::Board;
use super::git::{Commit, Git, Tree};
use super::weather::Weather;
use ppe_core::ids::{Attempt, Millis, TaskId};
use ppe_core::intent::JobName;
use ppe_core::outcome::{AgentEnd, Claim, Exit, Prepared, Verdict};
use ppe_core::sim::Seed;
use ppe_core::state::{Conflict, State, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// A workspace.
#[derive(Clone, Debug)]
pub(super) struct Workspace {
    pub(super) base: Commit,
    pub(super) tip: Commit,
    /// Work of others under its own, which it is to leave.
    pub(super) leaves: Option<Commit>,
    pub(super) dirty: u32,
    /// Whether its files say that an AI made them.
    pub(super) lines: bool,
}

/// What a change is, on the forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Open(u64),
    Closed(u64),
    Merged,
}

/// What an agent does to its workspace by the time it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effect {
    pub(super) commits: u32,
    pub(super) dirty: u32,
    pub(super) onto: Option<Commit>,
    pub(super) rewrites: bool,
    /// Whether its last commit, and whether its files, name an AI.
    pub(super) named: bool,
    pub(super) lines: bool,
}

/// How a job ended, or will.
#[derive(Clone, Debug)]
pub(super) enum JobEnd {
    Agent(Box<AgentEnd>),
    Verdict(Verdict),
}

/// A process, running or over.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) ends: Millis,
    pub(super) end: JobEnd,
    pub(super) effect: Option<Effect>,
}

/// Everything outside about one task.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) workspace: Option<Workspace>,
    pub(super) branch: Option<Commit>,
    pub(super) change: Option<Change>,
    pub(super) jobs: BTreeMap<(Attempt, JobName), Job>,
    pub(super) prepared: BTreeMap<Attempt, Prepared>,
    /// Reviews of its change that request others.
    pub(super) reviews: u64,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: Seed,
    pub(super) weather: Weather,
    pub(super) git: Git,
    pub(super) target: Commit,
    /// Where the target has been.
    history: Vec<Commit>,
    pub(super) desks: BTreeMap<TaskId, Desk>,
    /// Commits that name an AI.
    named: BTreeSet<Commit>,
    /// Trees the verify commands refuse.
    pub(super) broken: BTreeSet<Tree>,
    /// Trees the checks refuse, and those they sometimes refuse.
    pub(super) red: BTreeSet<Tree>,
    pub(super) flaky: BTreeSet<Tree>,
    /// Merges that do not go by themselves.
    pub(super) clashes: BTreeMap<(Commit, Commit), bool>,
    /// Merged trees that were looked at: two good works may be bad together.
    joined: BTreeSet<Tree>,
    /// Tasks whose work was said not to merge with the target.
    pub(super) clashing: BTreeSet<TaskId>,
    /// Candidates that the forge has landed as commits of its own.
    pub(super) landed_as: BTreeMap<Commit, Commit>,
    /// Trees that checks have found green: nothing else may land.
    pub(super) green: BTreeSet<Tree>,
    pub(super) verdicts: BTreeMap<(Subject, u32), Verdict>,
    /// What is in the target, by task, with the commit that brought it there.
    pub(super) landed: BTreeMap<TaskId, Commit>,
    /// Of these, what the lane has landed.
    pub(super) ours: BTreeSet<TaskId>,
    pub(super) next_change: u64,
    /// How often somebody pushes just before a landing.
    pub(super) rush_percent: u64,
    /// What a look at all branches tells is drawn by itself.
    pub(super) radar: Seed,
    /// What the last of them told.
    pub(super) told: Vec<Conflict>,
    pub(super) board: Board,
}

impl World {
    pub(super) fn new(mut seed: Seed) -> Self {
        let radar = Seed::new(seed.draw());
        let rush_percent = if seed.chance(8) { 70 } else { 4 };
        let mut git = Git::default();
        let target = git.commit(&[]);
        Self {
            seed,
            weather: Weather::Storm,
            git,
            target,
            history: vec![target],
            desks: BTreeMap::new(),
            named: BTreeSet::new(),
            broken: BTreeSet::new(),
            red: BTreeSet::new(),
            flaky: BTreeSet::new(),
            clashes: BTreeMap::new(),
            joined: BTreeSet::new(),
            clashing: BTreeSet::new(),
            landed_as: BTreeMap::new(),
            green: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            landed: BTreeMap::new(),
            ours: BTreeSet::new(),
            next_change: 1,
            rush_percent,
            board: Board::new(Seed::new(radar.clone().draw())),
            radar,
            told: Vec::new(),
        }
    }

    /// Whether a misfortune of this chance happens: never in calm weather.
    pub(super) fn strikes(&mut self, percent: u64) -> bool {
        self.weather == Weather::Storm && self.seed.chance(percent)
    }

    /// Moves the target: the one place where it moves.
    pub(super) fn move_target(&mut self, to: Commit) {
        self.target = to;
        self.history.push(to);
    }

    /// Whether a commit has ever been in the target.
    pub(super) fn was_target(&self, commit: Commit) -> bool {
        self.history.iter().any(|tip| self.git.contains(*tip, commit))
    }

    /// Whether a tip came into the target with a commit, and not before.
    pub(super) fn came_with(&self, commit: Commit, tip: Commit) -> bool {
        let before = |at: &Commit| self.git.contains(*at, tip) && !self.git.contains(*at, commit);
        self.git.contains(commit, tip) && !self.history.iter().any(before)
    }

    pub(super) fn desk(&mut self, task: &TaskId) -> &mut Desk {
        self.desks.entry(task.clone()).or_default()
    }

    /// A commit of somebody's work, good or bad as the weather has it.
    pub(super) fn work(&mut self, parents: &[Commit]) -> Commit {
        let commit = self.git.commit(parents);
        let tree = self.git.tree(commit);
        if self.strikes(12) {
            self.broken.insert(tree);
        }
        if self.strikes(10) {
            self.red.insert(tree);
        } else if self.strikes(8) {
            self.flaky.insert(tree);
        }
        commit
    }

    /// Commits of somebody's work that name an AI.
    pub(super) fn named(&self, tip: Commit) -> Vec<Commit> {
        self.named.iter().copied().filter(|commit| self.git.contains(tip, *commit)).collect()
    }

    /// The merge of a tip into a base; it has the faults of both, and perhaps one that neither has.
    pub(super) fn merged(&mut self, base: Commit, tip: Commit) -> Commit {
        let commit = self.git.merge(base, tip);
        let (tree, of_base, of_tip) = (self.git.tree(commit), self.git.tree(base), self.git.tree(tip));
        if tree == of_tip || tree == of_base || !self.joined.insert(tree) {
            return commit;
        }
        if self.red.contains(&of_base) || self.red.contains(&of_tip) || self.strikes(5) {
            self.red.insert(tree);
        } else if self.flaky.contains(&of_tip) {
            self.flaky.insert(tree);
        }
        commit
    }

    /// Jobs whose time has come are over, and what they did is in their workspaces.
    pub(super) fn catch_up(&mut self, now: Millis) {
        let over: Vec<(TaskId, Effect)> = self
            .desks
            .iter_mut()
            .flat_map(|(task, desk)| desk.jobs.values_mut().map(move |job| (task, job)))
            .filter(|(_, job)| job.ends <= now)
            .filter_map(|(task, job)| job.effect.take().map(|effect| (task.clone(), effect)))
            .collect();
        for (task, effect) in over {
            self.take_effect(&task, effect);
        }
    }

    fn take_effect(&mut self, task: &TaskId, effect: Effect) {
        let Some(mut workspace) = self.desk(task).workspace.clone() else { return };
        if effect.rewrites {
            workspace.tip = self.work(&[]);
        }
        let is_off = |onto: &Commit| workspace.leaves.is_none() && self.git.contains(workspace.tip, *onto);
        if let Some(onto) = effect.onto.filter(|onto| !is_off(onto)) {
            workspace.tip = self.moved(workspace.leaves.take(), workspace.tip, onto);
        }
        for _ in 0..effect.commits {
            workspace.tip = self.work(&[workspace.tip]);
        }
        if effect.commits > 0 {
            workspace.lines = effect.lines;
            self.named.extend(effect.named.then_some(workspace.tip));
        }
        workspace.dirty = effect.dirty;
        self.desk(task).workspace = Some(workspace);
    }

    /// Work that was brought onto a base; what it leaves stays behind.
    pub(super) fn moved(&mut self, leaves: Option<Commit>, tip: Commit, base: Commit) -> Commit {
        match leaves {
            None => self.work(&[tip, base]),
            Some(stood_on) => (0..self.git.ahead(stood_on, tip)).fold(base, |made, _| self.work(&[made])),
        }
    }

    /// Agents and verify commands at work now.
    pub(super) fn alive(&self, now: Millis) -> impl Iterator<Item = (&TaskId, Attempt, JobName)> {
        self.desks.iter().flat_map(move |(task, desk)| {
            let alive = desk.jobs.iter().filter(move |(_, job)| job.ends > now);
            alive.map(move |((attempt, name), _)| (task, *attempt, *name))
        })
    }

    /// Whoever is at work has a slot: its attempt runs.
    pub(super) fn check(&self, state: &State, now: Millis) -> Result<(), String> {
        for (task, attempt, name) in self.alive(now) {
            let runs = state.task(task).and_then(|t| t.running()).is_some_and(|r| r.attempt == attempt);
            if !runs {
                return Err(format!("{name:?} of {task} attempt {attempt} is at work without a slot"));
            }
        }
        Ok(())
    }

    /// After the end nothing is left at work, and no workspace of a closed task.
    pub(super) fn check_tidy(&self, state: &State, now: Millis) -> Result<(), String> {
        if let Some((task, attempt, name)) = self.alive(now).next() {
            return Err(format!("{name:?} of {task} attempt {attempt} is at work after the end"));
        }
        for (task, desk) in &self.desks {
            if desk.workspace.is_some() && state.task(task).is_some_and(ppe_core::state::Task::is_closed) {
                return Err(format!("the workspace of {task} is left behind"));
            }
        }
        Ok(())
    }
}

pub(super) fn ended(exit: Exit, claim: Claim) -> AgentEnd {
    AgentEnd { claim, ..AgentEnd::new(exit) }
}
