//! What must be true of a whole run, told from its records alone and from the world, without a look into the state.

use super::git::commit_of;
use super::world::World;
use ppe_core::event::{After, Event, Record};
use ppe_core::ids::{CommitId, TaskId};
use ppe_core::outcome::{Class, Failure, Red};
use ppe_core::policy::{Retries, StartOn};
use ppe_core::state::{Closure, GivenUp, HeadChecks, Kind, Leave, Parent, Stop};
use std::collections::{BTreeMap, BTreeSet};

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct Truth {
    retries: Retries,
    failures: BTreeMap<(TaskId, Class, Red), u32>,
    losses: BTreeMap<TaskId, u32>,
    given_up: BTreeMap<TaskId, Stop>,
    closed: BTreeMap<TaskId, Closure>,
    needs: BTreeMap<TaskId, Vec<TaskId>>,
    start_on: StartOn,
    /// Heads that the forge's checks found green.
    green: BTreeSet<(TaskId, CommitId)>,
    /// What tasks were stacked on when they began.
    stacked: BTreeMap<TaskId, Vec<TaskId>>,
    /// The last review of each change that was heeded.
    heeded: BTreeMap<TaskId, u64>,
    /// What landed last is a tree that was never found green, and nothing was said of it yet.
    unchecked: bool,
}

impl Truth {
    /// Takes in a record that is durable.
    pub(super) fn learn(&mut self, world: &mut World, record: &Record) -> Result<(), String> {
        record.events.iter().try_for_each(|event| self.learn_event(world, event))
    }

    /// The dependencies as the plan has them now.
    pub(super) fn learn_plan(&mut self, plan: &ppe_core::plan::Plan) {
        let needs = |task: &ppe_core::plan::Task| task.needs.iter().map(|at| plan.id(*at).clone()).collect();
        self.needs = plan.tasks.iter().map(|task| (task.spec.id.value.clone(), needs(task))).collect();
    }

    fn learn_event(&mut self, world: &mut World, event: &Event) -> Result<(), String> {
        match event {
            Event::RunStarted { policy, before, .. } => {
                self.retries = policy.retries;
                self.start_on = policy.start_on;
                self.closed.extend(before.iter().map(|b| (b.task.clone(), b.closure.clone())));
            }
            Event::PlanRevised { plan, .. } | Event::RepairAdded { plan, .. } => self.learn_plan(plan),
            Event::HeadJudged { task, tip, checks: HeadChecks::Green } => {
                self.green.insert((task.clone(), tip.clone()));
            }
            Event::AttemptStarted { task, kind, stack, .. } => self.starts(world, task, *kind, stack)?,
            Event::TaskQueued { task } if self.start_on == StartOn::ChecksGreen => {
                self.dependencies_are_in(world, task, &[])?;
            }
            Event::AttemptFailed { task, failure, after, .. }
            | Event::ChangeReturned { task, failure, after } => {
                let returned = matches!(event, Event::ChangeReturned { .. });
                if returned && failure.class == Class::Conflict && !world.clashing.remove(task) {
                    return Err(format!("{task} goes back for a conflict, and merges with the target"));
                }
                self.count_try(task, failure, *after)?;
                self.must_not_go_on(task, "failed")?;
            }
            Event::AttemptSucceeded { task, .. } => self.must_not_go_on(task, "succeeded")?,
            Event::AttemptReleased { task, failure, leave, .. } => {
                if failure.class == Class::Lost {
                    let losses = self.losses.entry(task.clone()).or_default();
                    *losses += 1;
                    if *losses > 10 {
                        return Err(format!("{task} is lost again and again, and nobody is told"));
                    }
                }
                match leave {
                    Leave::Closed(given_up) => {
                        self.given_up.remove(task);
                        self.closed.insert(
                            task.clone(),
                            match given_up {
                                GivenUp::Cancelled => Closure::Cancelled,
                                GivenUp::Skipped(satisfies) => Closure::Skipped(*satisfies),
                            },
                        );
                    }
                    Leave::Ready(_) | Leave::Parked(_) | Leave::Waiting => {
                        self.must_not_go_on(task, "went on")?;
                    }
                }
            }
            Event::AttemptStopping { task, stop, .. } => {
                self.given_up.remove(task);
                if matches!(stop, Stop::Cancel | Stop::Skip(_)) {
                    self.given_up.insert(task.clone(), *stop);
                }
            }
            Event::TaskReopened { task, .. } | Event::TaskReset { task, .. } => {
                self.failures.retain(|(of, ..), _| of != task);
                self.losses.remove(task);
                if matches!(event, Event::TaskReset { .. }) {
                    self.closed.remove(task);
                    world.ours.remove(task);
                }
            }
            Event::CandidateLanded { commit, candidate } if !world.was_target(commit_of(commit)?) => {
                return Err(format!("{candidate} has landed, and was never in the target"));
            }
            Event::CandidateLanded { commit, .. } => {
                self.brings_nothing_given_up(world, commit)?;
                self.unchecked = !world.green.contains(&world.git.tree(commit_of(commit)?));
            }
            Event::ChangesRequested { task, review, .. }
                if self.heeded.insert(task.clone(), *review) >= Some(*review) =>
            {
                return Err(format!("{task} goes back for the same review again"));
            }
            Event::LandedUnchecked { .. } => self.unchecked = false,
            Event::CandidateChosen { candidate, .. } if self.unchecked => {
                return Err(format!("{candidate} is built on what landed unchecked"));
            }
            Event::TaskClosed { task, closure } => drop(self.closed.insert(task.clone(), closure.clone())),
            Event::LandingAccepted { task } => drop(self.closed.insert(task.clone(), Closure::DoneBefore)),
            _ => {}
        }
        Ok(())
    }

    /// A task begins on what has landed and on green heads; and goes on where it began.
    fn starts(&mut self, world: &World, task: &TaskId, kind: Kind, stack: &[Parent]) -> Result<(), String> {
        let green = |parent: &Parent| self.green.contains(&(parent.task.clone(), parent.tip.clone()));
        if let Some(other) = stack.iter().find(|parent| !green(parent)) {
            return Err(format!("{task} is stacked on {other:?}, which was not found green"));
        }
        if !stack.is_empty() {
            let parents = stack.iter().map(|parent| parent.task.clone()).collect();
            self.stacked.insert(task.clone(), parents);
        }
        // What is brought onto the target needs everything there.
        let ends = matches!(kind, Kind::Restack | Kind::Conflict);
        let parents = if ends { None } else { self.stacked.get(task) };
        self.dependencies_are_in(world, task, parents.map_or(&[], Vec::as_slice))
    }

    /// The dependencies of a task, but for some, are closed as satisfied, and those that landed were once in the target.
    fn dependencies_are_in(&self, world: &World, task: &TaskId, but: &[TaskId]) -> Result<(), String> {
        for need in self.needs.get(task).into_iter().flatten() {
            match self.closed.get(need) {
                None if but.contains(need) => {}
                None => return Err(format!("{task} begins before {need} is closed")),
                Some(Closure::Landed(commit) | Closure::LandedByOthers(commit)) => {
                    if !world.was_target(commit_of(commit)?) {
                        return Err(format!("{task} begins, and {need} has never landed"));
                    }
                }
                Some(closure) if closure.satisfies() => {}
                Some(closure) => return Err(format!("{task} begins, and {need} is {closure:?}")),
            }
        }
        Ok(())
    }

    /// What was given up does not land with what stood on it.
    fn brings_nothing_given_up(&self, world: &World, commit: &CommitId) -> Result<(), String> {
        let commit = commit_of(commit)?;
        let gone = self
            .closed
            .iter()
            .filter(|(_, closure)| matches!(closure, Closure::Skipped(_) | Closure::Cancelled));
        for (task, _) in gone {
            let tip = world.desks.get(task).and_then(|desk| desk.branch);
            if let Some(tip) = tip.filter(|tip| world.came_with(commit, *tip)) {
                return Err(format!("{task} was given up, and its work (c{tip}) has landed with another's"));
            }
        }
        Ok(())
    }

    fn count_try(&mut self, task: &TaskId, failure: &Failure, after: After) -> Result<(), String> {
        let (class, red) = (failure.class, failure.red);
        let limit = match (class, red) {
            (Class::Verification, Red::Build) => self.retries.build.unwrap_or(self.retries.verification),
            (Class::Verification, Red::Test) => self.retries.test.unwrap_or(self.retries.verification),
            (Class::Verification, Red::Other) => self.retries.verification,
            (Class::Execution, _) => self.retries.execution,
            (Class::Ci, _) => self.retries.ci,
            (Class::Conflict, _) => self.retries.conflict,
            (Class::Capacity | Class::Machine | Class::Lost | Class::Operator, _) => return Ok(()),
        };
        let count = self.failures.entry((task.clone(), class, red)).or_default();
        *count += 1;
        if *count > limit && matches!(after, After::Retry { .. }) {
            return Err(format!(
                "{task} has failed {count} times ({class:?}, {limit} retries) and is tried again"
            ));
        }
        Ok(())
    }

    fn must_not_go_on(&self, task: &TaskId, how: &str) -> Result<(), String> {
        match self.given_up.get(task) {
            Some(stop) if how != "failed" => Err(format!("{task} was to end ({stop:?}) and {how}")),
            Some(_) | None => Ok(()),
        }
    }
}
