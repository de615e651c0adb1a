//! How wishes about branches, changes, candidates, checks and landings come true or do not. Says when something would land
//! that was not checked, or twice.

use super::git::{Commit, commit_id, commit_of, tree_id, tree_of};
use super::perform::{Answer, Answers};
use super::world::{Change, World};
use ppe_core::ids::{CandidateId, ChangeNumber, TaskId};
use ppe_core::input::{Input, Observed};
use ppe_core::intent::Intent;
use ppe_core::outcome::{BuildOutcome, Built, Clash, ClashWith, Class, Failure, LandOutcome, Verdict};
use ppe_core::state::{Candidate, Stage, State, Subject};

impl World {
    pub(super) fn perform_landing(&mut self, state: &State, intent: &Intent) -> Answers {
        let answer = match intent.clone() {
            Intent::EnsurePublished { task } => (self.seed.between(1, 2_000), self.publish(state, task)?),
            Intent::EnsureChange { task } => (self.seed.between(1, 3_000), self.open_change(state, task)?),
            Intent::EnsureHeadJudged { task, .. } => {
                (self.seed.between(1, 60_000), self.judge_head(state, task)?)
            }
            Intent::EnsureLabelled { task } => (self.seed.between(1, 2_000), Input::Labelled { task }),
            Intent::EnsureCandidate { candidate } => {
                let outcome = self.build(state, candidate)?;
                (self.seed.between(1, 3_000), Input::CandidateBuilt { candidate, outcome })
            }
            Intent::EnsureChecked { subject, run } => self.check_subject(state, subject, run)?,
            Intent::EnsureLanded { candidate } => {
                let outcome = self.land(state, candidate)?;
                (self.seed.between(1, 3_000), Input::LandEnded { candidate, outcome })
            }
            other => return Err(format!("{other:?} is no matter of the lane")),
        };
        Ok(vec![answer])
    }

    /// Moves the branch from where we left it, and from nowhere else.
    fn publish(&mut self, state: &State, task: TaskId) -> Result<Input, String> {
        let facts = &state.task(&task).ok_or("an unknown task is published")?.facts;
        let tip = facts.tip.clone().ok_or("a task without a tip is published")?;
        let branch = facts.branch.clone().ok_or("a task without a branch is published")?;
        let ours = facts.published.as_ref().map(commit_of).transpose()?;
        let wanted = commit_of(&tip)?;
        if !self.named(wanted).is_empty() {
            return Err(format!("{task} is published, and its commits name an AI"));
        }
        let desk = self.desk(&task);
        match desk.branch {
            Some(stands) if stands != wanted && Some(stands) != ours => {
                return Ok(Input::Observed(Observed::Branch { task, tip: commit_id(stands) }));
            }
            Some(_) | None => desk.branch = Some(wanted),
        }
        Ok(Input::Published { task, branch, tip })
    }

    fn open_change(&mut self, state: &State, task: TaskId) -> Result<Input, String> {
        if state.task(&task).is_none_or(|t| t.facts.published.is_none() || t.facts.published != t.facts.tip) {
            return Err(format!("a change of {task} is opened before its branch stands"));
        }
        let fresh = self.next_change;
        let desk = self.desk(&task);
        let number = match desk.change {
            Some(Change::Open(number) | Change::Closed(number)) => number,
            Some(Change::Merged) | None => fresh,
        };
        desk.change = Some(Change::Open(number));
        self.next_change = self.next_change.max(number + 1);
        Ok(Input::ChangeOpened { task, change: ChangeNumber(number) })
    }

    /// What the forge's checks say of a change's head; they do not always come.
    fn judge_head(&mut self, state: &State, task: TaskId) -> Result<Input, String> {
        let facts = &state.task(&task).ok_or("the head of an unknown task is judged")?.facts;
        let tip = facts.tip.clone().ok_or("a head that is not there is judged")?;
        let tree = self.git.tree(commit_of(&tip)?);
        let verdict = if self.strikes(4) {
            Verdict::Unevaluated("the runner is gone".to_owned())
        } else if self.red.contains(&tree) || (self.flaky.contains(&tree) && self.strikes(50)) {
            Verdict::Red(Failure::new(Class::Ci, "CI: test (failure)"))
        } else {
            Verdict::Green
        };
        Ok(Input::HeadJudged { task, tip, verdict })
    }

    fn members(state: &State, candidate: CandidateId) -> Result<(Candidate, Vec<(TaskId, Commit)>), String> {
        let found = state.lane.candidate(candidate).cloned();
        let candidate = found.ok_or_else(|| format!("{candidate} is not in the lane"))?;
        let head = |member: &TaskId| {
            let published = state.task(member).and_then(|t| t.facts.published.as_ref());
            Ok((member.clone(), commit_of(published.ok_or("a member without a head")?)?))
        };
        let heads = candidate.members.iter().map(head).collect::<Result<Vec<_>, String>>()?;
        if heads.is_empty() { Err("no member".to_owned()) } else { Ok((candidate, heads)) }
    }

    /// Merges the members one after the other; whoever clashes is left out.
    fn build(&mut self, state: &State, candidate: CandidateId) -> Result<BuildOutcome, String> {
        let (_, members) = Self::members(state, candidate)?;
        let base = match state.lane.before(candidate).map(|before| before.stage.built()) {
            Some(built) => commit_of(&built.ok_or("it is built on what was not built")?.commit)?,
            None => self.target,
        };
        let (mut so_far, mut merged, mut left_out) = (base, Vec::new(), Vec::new());
        for (task, head) in members {
            if !self.clashes(so_far, head) {
                so_far = self.merged(so_far, head);
                merged.push(head);
                continue;
            }
            let target = self.target;
            let with = if so_far == target || self.clashes(target, head) {
                self.clashing.insert(task.clone());
                ClashWith::Target
            } else {
                ClashWith::Others
            };
            left_out.push(Clash { task, with, files: vec!["src/lib.rs".to_owned()] });
        }
        if merged.is_empty() {
            return Ok(BuildOutcome::Conflict { base: commit_id(base), clashes: left_out });
        }
        let tree = self.git.tree(so_far);
        let commit = if merged.len() == 1 { so_far } else { self.git.join(base, &merged, Some(tree)) };
        let built = Built { base: commit_id(base), commit: commit_id(commit), tree: tree_id(tree) };
        Ok(BuildOutcome::Built { built, left_out })
    }

    /// Whether a head does not merge into a base by itself; once drawn, it stays so.
    pub(super) fn clashes(&mut self, base: Commit, head: Commit) -> bool {
        let clean = self.git.contains(head, base) || self.git.contains(base, head);
        let clash = !clean && self.strikes(10);
        *self.clashes.entry((base, head)).or_insert(clash)
    }

    fn check_subject(&mut self, state: &State, subject: Subject, run: u32) -> Result<Answer, String> {
        let tree = match &subject {
            Subject::Base(commit) => self.git.tree(commit_of(commit)?),
            Subject::Candidate(id) => {
                let (candidate, _) = Self::members(state, *id)?;
                let seat = |other: &&Candidate| other.seat == candidate.seat;
                if state.lane.chain.iter().filter(seat).count() > 1 {
                    return Err(format!("{id} is checked where another is"));
                }
                match &candidate.stage {
                    Stage::Checking { built, .. } => tree_of(&built.tree)?,
                    stage => return Err(format!("{id} is checked while {stage:?}")),
                }
            }
        };
        let takes_ms = self.seed.between(1_000, 1_200_000);
        let known = self.verdicts.get(&(subject.clone(), run)).cloned();
        let verdict = match known {
            Some(verdict) => verdict,
            None if self.strikes(4) => {
                let verdict = Verdict::Unevaluated("the runner is gone".to_owned());
                return Ok((takes_ms, Input::CheckEnded { subject, run, verdict }));
            }
            None => self.judge(tree),
        };
        if verdict == Verdict::Green {
            self.green.insert(tree);
        }
        self.verdicts.insert((subject.clone(), run), verdict.clone());
        Ok((takes_ms, Input::CheckEnded { subject, run, verdict }))
    }

    fn judge(&mut self, tree: usize) -> Verdict {
        let red = self.red.contains(&tree) || (self.flaky.contains(&tree) && self.strikes(50));
        if red {
            let nth = self.seed.below(4);
            Verdict::Red(Failure::new(Class::Ci, format!("check {nth} is red")))
        } else {
            Verdict::Green
        }
    }

    fn land(&mut self, state: &State, candidate: CandidateId) -> Result<LandOutcome, String> {
        let (candidate, members) = Self::members(state, candidate)?;
        let Stage::Landing { built } = &candidate.stage else {
            return Err(format!("{} lands while {:?}", candidate.id, candidate.stage));
        };
        let (base, commit, tree) =
            (commit_of(&built.base)?, commit_of(&built.commit)?, tree_of(&built.tree)?);
        let landed = self.landed_as.get(&commit).copied().unwrap_or(commit);
        if self.git.contains(self.target, landed) {
            for (member, _) in members {
                self.landed.entry(member).or_insert(landed);
            }
            return Ok(self.landing(landed, tree));
        }
        let rush = self.rush_percent;
        if self.strikes(rush) {
            self.push();
        }
        if self.target != base {
            return Ok(LandOutcome::BaseMoved);
        }
        for (task, head) in &members {
            if let Some(moved) = self.desk(task).branch.filter(|branch| branch != head) {
                return Ok(LandOutcome::HeadMoved { task: task.clone(), tip: commit_id(moved) });
            }
            // What a person has merged meanwhile lands once more, with nothing new.
            let there = self.git.contains(base, *head);
            if !there && !matches!(self.desk(task).change, Some(Change::Open(_))) {
                return Ok(LandOutcome::Refused("the change is closed".to_owned()));
            }
        }
        if self.strikes(5) {
            return Ok(LandOutcome::Refused("local changes in src/lib.rs".to_owned()));
        }
        if self.strikes(5) {
            return Ok(LandOutcome::Red(Failure::new(Class::Ci, "red in the forge's queue")));
        }
        if !self.green.contains(&tree)
            || self.git.tree(commit) != tree
            || self.git.first_parent(commit) != Some(base)
        {
            return Err(format!("{members:?} land as {commit}, which was not checked on its base"));
        }
        // The forge merges by itself: the same in another commit, or, when somebody was faster, something else.
        let landed = match (self.strikes(20), self.seed.below(4)) {
            (false, _) => commit,
            (true, 0..=2) => self.git.alike(commit),
            (true, _) => {
                self.push();
                self.merged(self.target, commit)
            }
        };
        self.landed_as.insert(commit, landed);
        self.move_target(landed);
        for (member, _) in members {
            if !self.ours.insert(member.clone()) {
                return Err(format!("{member} lands again"));
            }
            self.desk(&member).change = Some(Change::Merged);
            self.landed.insert(member, landed);
        }
        Ok(self.landing(landed, tree))
    }

    /// What is said of a landing whose checked tree was this.
    fn landing(&self, landed: Commit, checked: usize) -> LandOutcome {
        if self.git.tree(landed) == checked {
            LandOutcome::Landed(commit_id(landed))
        } else {
            LandOutcome::LandedUnchecked(commit_id(landed))
        }
    }

    /// Somebody else pushes to the target.
    pub(super) fn push(&mut self) {
        let pushed = self.work(&[self.target]);
        self.move_target(pushed);
    }
}
