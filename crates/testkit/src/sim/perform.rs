//! How wishes about an attempt come true or do not: workspaces, agents, snapshots, verification. Looks before it acts, and
//! says when the core asks for something that must not be.

use super::git::{Commit, commit_id, commit_of, tree_id};
use super::weather::Weather;
use super::world::{Effect, Job, JobEnd, Workspace, World, ended};
use ppe_core::ids::{Attempt, Branch, Millis, TaskId};
use ppe_core::input::{Input, Trouble};
use ppe_core::intent::{Intent, JobName};
use ppe_core::outcome::{
    AgentEnd, Attributed, Claim, Class, Differs, Exit, Failure, Inquiry, Leftovers, Place, Prepared, Rebase,
    Red, Shortage, Snapshot, SnapshotOutcome, Verdict,
};
use ppe_core::state::{Collect, Kind, Round, Sighting, Stack, State};
use ppe_core::usage::Usage;

/// An answer and how long it takes, ms.
pub(super) type Answer = (u64, Input);
pub(super) type Answers = Result<Vec<Answer>, String>;

impl World {
    /// Makes a wish come true, or not. The first answer is the wish's own; others come unasked.
    pub(super) fn perform(&mut self, state: &State, now: Millis, intent: &Intent) -> Answers {
        self.catch_up(now);
        let trouble = match intent {
            Intent::EnsureAgent { .. } | Intent::EnsureStopped { .. } => 0,
            _ => 3,
        };
        if self.strikes(trouble) {
            let why = "nobody knows".to_owned();
            let machine = self.seed.chance(40) && !matches!(intent, Intent::EnsureLanded { .. });
            let trouble = if machine { Trouble::Machine(why) } else { Trouble::Elsewhere(why) };
            return Ok(vec![(
                self.seed.between(1, 3_000),
                Input::IntentFailed { intent: intent.clone(), trouble },
            )]);
        }
        match intent.clone() {
            Intent::EnsurePreloaded { task } => {
                let target = self.target;
                let desk = self.desk(&task);
                let fresh = Workspace { base: target, tip: target, leaves: None, dirty: 0, lines: false };
                desk.workspace.get_or_insert(fresh);
                Ok(vec![(self.seed.between(1, 5_000), Input::Preloaded { task })])
            }
            Intent::EnsureWorkspace { task, attempt } => self.ensure_workspace(state, &task, attempt),
            Intent::EnsureAgent { task, attempt, round } => {
                self.ensure_agent(state, now, &task, attempt, round)
            }
            Intent::EnsureStopped { task, attempt, job } => {
                Ok(vec![self.ensure_stopped(now, &task, attempt, job)])
            }
            Intent::EnsureSnapshot { task, attempt, worked, collect } => {
                let outcome = self.snapshot(state, &task, collect);
                let input = Input::SnapshotTaken { task, attempt, worked, collect, outcome };
                Ok(vec![(self.seed.between(1, 2_000), input)])
            }
            Intent::EnsureVerified { task, attempt, job } => self.ensure_verified(now, &task, attempt, job),
            Intent::EnsureReleased { task } => {
                if !state.task(&task).is_some_and(ppe_core::state::Task::is_closed) {
                    return Err(format!("the workspace of {task} is to go, and {task} is open"));
                }
                self.desk(&task).workspace = None;
                Ok(vec![(self.seed.between(1, 2_000), Input::Released { task })])
            }
            Intent::EnsurePublished { .. }
            | Intent::EnsureChange { .. }
            | Intent::EnsureHeadJudged { .. }
            | Intent::EnsureLabelled { .. }
            | Intent::EnsureCandidate { .. }
            | Intent::EnsureChecked { .. }
            | Intent::EnsureLanded { .. } => self.perform_landing(state, intent),
        }
    }

    fn ensure_workspace(&mut self, state: &State, task: &TaskId, attempt: Attempt) -> Answers {
        let answer = |world: &mut Self, input| Ok(vec![(world.seed.between(1, 20_000), input)]);
        let at = state.position(task).ok_or("a task that is not in the plan")?;
        let (gone, needed) = self.dependencies(state, at)?;
        if !gone.is_empty() {
            let intent = Intent::EnsureWorkspace { task: task.clone(), attempt };
            return answer(
                self,
                Input::IntentFailed { intent, trouble: Trouble::NotAncestor { tasks: gone } },
            );
        }
        let known = self.desk(task).prepared.get(&attempt).cloned();
        if let Some(prepared) = known.filter(|_| self.desk(task).workspace.is_some()) {
            return answer(self, Input::Prepared { task: task.clone(), attempt, prepared });
        }
        let facts = &state.tasks[at].facts;
        let kind = state.tasks[at].running().map_or(Kind::First, |r| r.kind);
        let tip = facts.tip.as_ref().map(commit_of).transpose()?;
        let old_base = facts.base.as_ref().map(commit_of).transpose()?;
        let (onto, stack) = (matches!(kind, Kind::Conflict | Kind::Restack), state.stack(at));
        let kept = old_base.filter(|base| {
            let holds = needed.iter().all(|c| self.git.contains(*base, *c));
            !onto && (stack.is_some() || (tip.is_some() && holds))
        });
        // Where somebody has put it on other commits, it began where it left the target.
        let left_at = |base| match tip {
            Some(tip) if !self.git.contains(tip, base) => self.git.fork(tip, self.target),
            Some(_) | None => base,
        };
        let kept = kept.map(left_at);
        let base = match stack {
            Some(stack) if old_base.is_none() => {
                let Some(base) = self.stack_base(stack, &needed)? else {
                    let intent = Intent::EnsureWorkspace { task: task.clone(), attempt };
                    let trouble = Trouble::DoesNotStack { files: vec!["src/lib.rs".to_owned()] };
                    return answer(self, Input::IntentFailed { intent, trouble });
                };
                base
            }
            Some(_) | None => kept.unwrap_or(self.target),
        };
        let leaves = match (stack, tip) {
            (Some(stack), Some(tip)) if kept.is_none() => self.stands_on(state, stack, tip)?,
            _ => None,
        };
        let is_off = |tip| leaves.is_none() && self.git.contains(tip, base);
        let moves = tip.is_some_and(|tip| kept.is_none() && !is_off(tip));
        let (tip, rebase) = match tip {
            Some(tip) if moves && self.seed.chance(50) => (self.moved(leaves, tip, base), Rebase::Clean),
            Some(tip) if moves => (tip, Rebase::Conflicted),
            Some(tip) => (tip, Rebase::NotTried),
            None => (base, Rebase::NotTried),
        };
        let branch = Branch::new(state.plan.tasks[at].branch_name.clone());
        let prepared = Prepared { base: commit_id(base), tip: commit_id(tip), branch, rebase, aside: None };
        let desk = self.desk(task);
        let (dirty, lines) = desk.workspace.as_ref().map_or((0, false), |there| (there.dirty, there.lines));
        desk.workspace = Some(Workspace { base, tip, leaves, dirty, lines });
        desk.prepared.insert(attempt, prepared.clone());
        answer(self, Input::Prepared { task: task.clone(), attempt, prepared })
    }

    /// What a task that is stacked begins on; none where that does not merge.
    fn stack_base(&mut self, stack: &Stack, needed: &[Commit]) -> Result<Option<Commit>, String> {
        let tips: Vec<Commit> =
            stack.parents.iter().map(|parent| commit_of(&parent.tip)).collect::<Result<_, _>>()?;
        if let [tip] = tips[..]
            && needed.iter().all(|commit| self.git.contains(tip, *commit))
        {
            return Ok(Some(tip));
        }
        let mut joined = self.target;
        for tip in &tips {
            if self.strikes(20) || self.clashes(joined, *tip) {
                return Ok(None);
            }
            joined = self.merged(joined, *tip);
        }
        let tree = self.git.tree(joined);
        Ok(Some(self.git.join(self.target, &tips, Some(tree))))
    }

    /// Work of others that a tip stands on and that the target lacks.
    fn stands_on(&self, state: &State, stack: &Stack, tip: Commit) -> Result<Option<Commit>, String> {
        let now = stack.single().and_then(|parent| state.task(&parent.task)?.facts.tip.as_ref());
        let grounds = now.into_iter().chain(&stack.base).map(commit_of).collect::<Result<Vec<_>, _>>()?;
        let is_under =
            |ground: &Commit| self.git.contains(tip, *ground) && !self.git.contains(self.target, *ground);
        Ok(grounds.into_iter().find(is_under))
    }

    /// Landing commits that a task's dependencies brought: those that are gone from the target, and all.
    fn dependencies(&self, state: &State, at: usize) -> Result<(Vec<TaskId>, Vec<Commit>), String> {
        let (mut gone, mut needed) = (Vec::new(), Vec::new());
        for need in &state.plan.tasks[at].needs {
            let id = state.id(*need);
            let Some(commit) = state.tasks[*need].closure().and_then(|c| c.commit()) else { continue };
            let commit = commit_of(commit)?;
            needed.push(commit);
            if !self.git.contains(self.target, commit) {
                gone.push(id.clone());
            } else if !self.landed.contains_key(id) {
                return Err(format!("{} begins, and {id} is not in the target", state.id(at)));
            }
        }
        Ok((gone, needed))
    }

    fn ensure_agent(
        &mut self,
        state: &State,
        now: Millis,
        task: &TaskId,
        attempt: Attempt,
        round: Round,
    ) -> Answers {
        let (name, mut answers) = (JobName::from(round), Vec::new());
        if !self.desk(task).jobs.contains_key(&(attempt, name)) {
            if self.desk(task).workspace.is_none() {
                return Err(format!("an agent of {task} starts without a workspace"));
            }
            let at = state.position(task).ok_or("a task that is not in the plan")?;
            let job = self.agent_job(state, now, at, round);
            answers = self.sightings(state, now, at, attempt, job.ends);
            self.desk(task).jobs.insert((attempt, name), job);
        }
        let job = &self.desk(task).jobs[&(attempt, name)];
        let JobEnd::Agent(end) = job.end.clone() else { return Err("an agent with a verdict".to_owned()) };
        let wait_ms = job.ends.since(now);
        answers.insert(0, (wait_ms, Input::AgentEnded { task: task.clone(), attempt, round, end }));
        Ok(answers)
    }

    fn agent_job(&mut self, state: &State, now: Millis, at: usize, round: Round) -> Job {
        let takes_ms = match self.seed.below(4) {
            0 => self.seed.between(1_000, 60_000),
            1 | 2 => self.seed.between(60_000, 3_600_000),
            _ => self.seed.between(3_600_000, 6 * 3_600_000),
        };
        let ends = now.plus(if self.weather == Weather::Calm { takes_ms / 100 + 1 } else { takes_ms });
        let task = &state.tasks[at];
        let planned = state.plan.tasks[at].spec.planned_commits();
        let workspace = self.desk(state.id(at)).workspace.clone();
        let base = workspace.map(|workspace| workspace.base);
        let conflict = task.running().is_some_and(|r| matches!(r.kind, Kind::Conflict | Kind::Restack));
        let mut effect = Effect {
            commits: planned.max(1),
            dirty: 0,
            onto: base.filter(|_| self.weather == Weather::Calm || conflict || self.seed.chance(60)),
            rewrites: false,
            named: false,
            lines: false,
        };
        if round == Round::Leftovers {
            effect.commits = 1;
        }
        let mut end = ended(Exit::Done, Claim::Nothing);
        if self.weather != Weather::Calm {
            (end.exit, end.claim) = self.fate(now, round, conflict, &mut effect);
            self.account_for(&mut end);
            if !end.denied.is_empty() {
                effect = Effect::default();
            }
        }
        if round == Round::Review {
            end.findings = (0..self.seed.below(6).saturating_sub(3)).map(|n| format!("point {n}")).collect();
        }
        // A reviewer touches nothing of the task's.
        let effect = (round != Round::Review).then_some(effect);
        Job { ends, end: JobEnd::Agent(Box::new(end)), effect }
    }

    /// What an agent used, was refused, and can be gone on with by.
    fn account_for(&mut self, end: &mut AgentEnd) {
        let tokens = self.seed.below(1_000);
        let cost_micro_usd = self.seed.chance(70).then(|| tokens * 10);
        end.usage = Usage { input: tokens, output: tokens / 10, cost_micro_usd, ..Usage::default() };
        end.session = self.seed.chance(60).then(|| format!("s{}", self.seed.below(3)));
        end.session_usage = end.session.is_some().then_some(end.usage);
        if end.exit == Exit::Done && end.claim == Claim::Nothing && self.seed.chance(3) {
            end.denied = vec!["Bash(make)".to_owned()];
        }
    }

    fn fate(&mut self, now: Millis, round: Round, conflict: bool, effect: &mut Effect) -> (Exit, Claim) {
        let why = || "so it was drawn".to_owned();
        effect.commits = u32::try_from(self.seed.below(u64::from(effect.commits) + 2)).unwrap_or(0);
        effect.dirty = u32::try_from(self.seed.below(6)).unwrap_or(0).saturating_sub(3);
        effect.rewrites = self.seed.chance(2);
        (effect.named, effect.lines) = (self.seed.chance(10), self.seed.chance(5));
        if conflict && self.seed.chance(20) {
            effect.onto = None;
        }
        match self.seed.below(100) {
            0..=7 => (Exit::Failed(format!("error {}", self.seed.below(3))), Claim::Nothing),
            8..=12 => (Exit::Lost(why()), Claim::Nothing),
            13..=18 => {
                let until = self.seed.chance(50).then(|| now.plus(self.seed.below(7_200_000)));
                let shortages = [Shortage::Servers, Shortage::Rate, Shortage::Allowance];
                let shortage = self.seed.pick(&shortages).copied().unwrap_or_default();
                (Exit::TryLater { until, why: why(), shortage }, Claim::Nothing)
            }
            19 => (Exit::CannotStart(why()), Claim::Nothing),
            20 | 21 => (Exit::Stopped, Claim::Nothing),
            22..=27 if round == Round::Main => {
                *effect = Effect { dirty: effect.dirty / 2, ..Effect::default() };
                (Exit::Done, Claim::NoChange(why()))
            }
            28 | 29 => (Exit::Done, Claim::Blocked(why())),
            30..=35 => {
                effect.commits = effect.commits.min(1);
                (Exit::Done, Claim::Flaky(why()))
            }
            36 => (Exit::SessionLost(why()), Claim::Nothing),
            37 => (Exit::ContextFull(why()), Claim::Nothing),
            38 => (Exit::Refused(why()), Claim::Nothing),
            39 => (Exit::OverBudget(why()), Claim::Nothing),
            40..=42 => (Exit::Done, Claim::Question(self.inquiry())),
            _ => (Exit::Done, Claim::Nothing),
        }
    }

    fn inquiry(&mut self) -> Inquiry {
        let options: Vec<String> = (0..self.seed.below(3)).map(|n| format!("option {n}")).collect();
        let default = (!options.is_empty() && self.seed.chance(50)).then_some(1);
        Inquiry { text: "which way".to_owned(), options, default }
    }

    /// What can be seen of an agent while it works.
    fn sightings(
        &mut self,
        state: &State,
        now: Millis,
        at: usize,
        attempt: Attempt,
        ends: Millis,
    ) -> Vec<Answer> {
        let takes_ms = ends.since(now);
        (0..self.seed.below(5))
            .map(|n| {
                let commits = u32::try_from(n * 2 + 1).unwrap_or(0);
                let phase = self.seed.chance(30).then(|| format!("phase {n}"));
                let seen = Input::Sighted {
                    task: state.id(at).clone(),
                    attempt,
                    seen: Sighting {
                        commits,
                        phase,
                        usage: Usage { input: n * 10, cost_micro_usd: Some(n), ..Usage::default() },
                        quiet_since: self.seed.chance(20).then_some(now),
                    },
                };
                (takes_ms * (n + 1) / 6, seen)
            })
            .collect()
    }

    fn ensure_stopped(&mut self, now: Millis, task: &TaskId, attempt: Attempt, name: JobName) -> Answer {
        let grace_ms = self.seed.between(1, 15_000);
        let obeys = self.seed.chance(85);
        let stopped = || match name {
            JobName::Agent | JobName::Leftovers | JobName::Review => {
                JobEnd::Agent(Box::new(ended(Exit::Stopped, Claim::Nothing)))
            }
            JobName::Recheck | JobName::Verify => JobEnd::Verdict(Verdict::Unevaluated("stopped".to_owned())),
        };
        let job = self.desk(task).jobs.entry((attempt, name)).or_insert_with(|| {
            // It never began, and never will.
            Job { ends: now, end: stopped(), effect: None }
        });
        if job.ends > now {
            job.ends = job.ends.min(now.plus(grace_ms));
            if obeys {
                job.end = stopped();
            }
        }
        let (wait_ms, end) = (job.ends.since(now), job.end.clone());
        let task = task.clone();
        let input = match (end, name) {
            (JobEnd::Agent(end), JobName::Leftovers) => {
                Input::AgentEnded { task, attempt, round: Round::Leftovers, end }
            }
            (JobEnd::Agent(end), JobName::Review) => {
                Input::AgentEnded { task, attempt, round: Round::Review, end }
            }
            (JobEnd::Agent(end), _) => Input::AgentEnded { task, attempt, round: Round::Main, end },
            (JobEnd::Verdict(verdict), job) => {
                Input::VerifyEnded { task, attempt, job, verified: verdict.into() }
            }
        };
        (wait_ms, input)
    }

    fn snapshot(&mut self, state: &State, task: &TaskId, collect: Collect) -> SnapshotOutcome {
        let at = state.position(task);
        let given_up = at.and_then(|at| state.stack(at)).is_some_and(|stack| state.was_given_up(stack));
        if self.strikes(2) {
            self.desk(task).workspace = None;
        }
        let Some(mut workspace) = self.desk(task).workspace.clone() else {
            return SnapshotOutcome::Gone("the folder is not there".to_owned());
        };
        if self.strikes(3) {
            return SnapshotOutcome::Refused("a file is too large".to_owned());
        }
        if collect == Collect::Commit && workspace.dirty > 0 {
            workspace.tip = self.work(&[workspace.tip]);
            workspace.dirty = 0;
        }
        if collect == Collect::Commit && !self.named(workspace.tip).is_empty() {
            workspace.tip = self.git.rewrite(workspace.base, workspace.tip);
        }
        self.desk(task).workspace = Some(workspace.clone());
        let (base, tip) = (workspace.base, workspace.tip);
        let commits = self.named(tip).into_iter().map(|commit| Place::Commit(commit_id(commit)));
        let line = workspace.lines.then(|| Place::Line { file: "a".to_owned(), line: 1 });
        let attributed = commits.chain(line).map(|place| Attributed { place, text: "named".to_owned() });
        let attributed = attributed.collect();
        let differs = self.git.tree(base) != self.git.tree(tip);
        SnapshotOutcome::Taken(Snapshot {
            tip: commit_id(tip),
            tree: tree_id(self.git.tree(tip)),
            commits: self.git.ahead(base, tip),
            differs: if differs { Differs::Yes } else { Differs::No },
            leftovers: match workspace.dirty {
                0 => Leftovers::Clean,
                files => Leftovers::Files(files),
            },
            contains_base: self.git.contains(tip, base)
                && (!given_up || workspace.leaves.is_none_or(|it| self.git.contains(base, it))),
            loses_published: false,
            lines_added: 1,
            lines_removed: 0,
            tests_added: 0,
            attributed,
        })
    }

    fn ensure_verified(&mut self, now: Millis, task: &TaskId, attempt: Attempt, name: JobName) -> Answers {
        if !self.desk(task).jobs.contains_key(&(attempt, name)) {
            let Some(workspace) = self.desk(task).workspace.clone() else {
                return Err(format!("the work of {task} is verified without a workspace"));
            };
            let tree = self.git.tree(workspace.tip);
            let verdict = if self.broken.contains(&tree) || self.strikes(3) {
                let nth = self.seed.below(3);
                let red = [Red::Other, Red::Build, Red::Test][usize::try_from(nth).unwrap_or(0)];
                let failure = Failure::new(Class::Verification, format!("test {nth} fails"));
                Verdict::Red(Failure { red, ..failure })
            } else if self.strikes(3) {
                Verdict::Unevaluated("the tool is not there".to_owned())
            } else {
                Verdict::Green
            };
            let ends = now.plus(self.seed.between(1, 300_000));
            self.desk(task)
                .jobs
                .insert((attempt, name), Job { ends, end: JobEnd::Verdict(verdict), effect: None });
        }
        let job = self.desk(task).jobs[&(attempt, name)].clone();
        let JobEnd::Verdict(verdict) = job.end else { return Err("a verdict from an agent".to_owned()) };
        if matches!(verdict, Verdict::Unevaluated(_)) {
            // What could not be found out is tried again from the start.
            self.desk(task).jobs.remove(&(attempt, name));
            let input =
                Input::VerifyEnded { task: task.clone(), attempt, job: name, verified: verdict.into() };
            return Ok(vec![(1, input)]);
        }
        let input = Input::VerifyEnded { task: task.clone(), attempt, job: name, verified: verdict.into() };
        Ok(vec![(job.ends.since(now), input)])
    }
}
