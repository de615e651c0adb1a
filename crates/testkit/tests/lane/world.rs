//! A lane in virtual time: all work is there at once, agents mend in no time, checks take ten minutes. What is in a tree
//! and whether it is red is known exactly, so that whatever lands can be held against it.

use ppe_core::ids::{CandidateId, CommitId, Millis, TaskId, TreeId};
use ppe_core::input::{Command, Input, Observed};
use ppe_core::intent::Intent;
use ppe_core::invariant;
use ppe_core::outcome::{BuildOutcome, Built, Clash, ClashWith, Class, Failure, LandOutcome, Verdict};
use ppe_core::policy::{MergeStrategy, Policy, Retries};
use ppe_core::question::{Answer, Ask};
use ppe_core::sim::Seed;
use ppe_core::state::{Conflict, Step, Subject};
use ppe_core::wishes::intents;
use ppe_testkit::drive::{Drive, MINUTE, plan, task};
use std::collections::{BTreeMap, BTreeSet};

/// How long a check takes, ms.
const CHECK_MS: u64 = 10 * MINUTE;
/// More steps than any lane of this size needs.
const MAX_STEPS: u32 = 200_000;

/// Tasks with how often each was mended.
type Content = BTreeMap<usize, u32>;

/// What is wrong with the work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Red by themselves, until they are mended.
    pub(crate) bad: BTreeSet<usize>,
    /// Green alone and red together, until one of them is mended.
    pub(crate) hostile: BTreeSet<(usize, usize)>,
    /// Do not merge with each other, until one of them is reworked.
    pub(crate) clashing: BTreeSet<(usize, usize)>,
    /// How many of a hundred checks are red for nothing.
    pub(crate) flaky_percent: u64,
    /// How many of a hundred landings come too late, since somebody pushed.
    pub(crate) rush_percent: u64,
}

impl Faults {
    fn together(pairs: &BTreeSet<(usize, usize)>, content: &Content) -> bool {
        let raw = |at: &usize| content.get(at) == Some(&0);
        pairs.iter().any(|(one, other)| raw(one) && raw(other))
    }

    fn is_red(&self, content: &Content) -> bool {
        self.bad.iter().any(|at| content.get(at) == Some(&0)) || Self::together(&self.hostile, content)
    }
}

/// What a lane is told beforehand of branches that do not merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Nothing.
    None,
    /// What is so, at once.
    Right,
    /// What was so at the beginning.
    Once,
    /// Anything, as this seed has it.
    Wrong(u64),
}

/// A lane at work.
pub(crate) struct World {
    pub(crate) drive: Drive,
    faults: Faults,
    seed: Seed,
    sight: Sight,
    /// What is in each commit that was made.
    commits: BTreeMap<CommitId, Content>,
    target: CommitId,
    mended: Vec<u32>,
    due: BTreeMap<(Millis, u32), Intent>,
    sent: u32,
    pushes: u32,
    green: BTreeSet<Content>,
    in_vain: usize,
}

impl World {
    /// So many changes that are all in the lane.
    pub(crate) fn new(
        tasks: usize,
        strategy: MergeStrategy,
        check_slots: u32,
        faults: Faults,
        seed: u64,
    ) -> Self {
        Self::told(tasks, strategy, check_slots, faults, (seed, Sight::None))
    }

    /// The same, told of branches from the beginning.
    pub(crate) fn told(
        tasks: usize,
        strategy: MergeStrategy,
        check_slots: u32,
        faults: Faults,
        (seed, sight): (u64, Sight),
    ) -> Self {
        let many = (0..tasks).map(|at| task(&name(at), "work").commits(1)).collect();
        let policy = Policy {
            slots: u32::try_from(tasks).expect("few"),
            merge_strategy: strategy,
            check_slots,
            longest_wait_ms: 1 << 50,
            stagger_ms: 0,
            backoff_ms: 0,
            retries: Retries { ci: 100, conflict: 100, ..Retries::default() },
            ..Policy::default()
        };
        let drive = Drive::with(plan("lane", many), policy, &[]);
        let target = drive.state.target_tip.clone();
        let mut world = Self {
            drive,
            faults,
            seed: Seed::new(seed),
            sight: Sight::None,
            commits: BTreeMap::from([(target.clone(), Content::new())]),
            target,
            mended: vec![0; tasks],
            due: BTreeMap::new(),
            sent: 0,
            pushes: 0,
            green: BTreeSet::new(),
            in_vain: 0,
        };
        world.begin(sight);
        for at in 0..tasks {
            world.drive.to_review(&name(at), 1, at as u64 + 1);
        }
        world
    }

    /// Plays until everything has landed, and says in how many minutes.
    pub(crate) fn play(&mut self) -> u64 {
        let began = self.drive.now;
        for _ in 0..MAX_STEPS {
            if self.drive.state.open_count() == 0 {
                return self.drive.now.since(began) / MINUTE;
            }
            self.step();
        }
        panic!("no end: {:?}", self.drive.state.lane);
    }

    /// Before any work is done, what is so is seen once, unless nobody looks.
    fn begin(&mut self, sight: Sight) {
        if sight != Sight::None {
            self.sight = Sight::Right;
            self.look();
        }
        self.sight = sight;
    }

    fn look(&mut self) {
        let pairs: Vec<(usize, usize)> = match &mut self.sight {
            Sight::None | Sight::Once => return,
            Sight::Right => {
                let raw = |at: &usize| self.mended[*at] == 0;
                self.faults.clashing.iter().copied().filter(|(one, other)| raw(one) && raw(other)).collect()
            }
            Sight::Wrong(number) => {
                let mut seed = Seed::new(*number);
                *number = seed.draw();
                let mut any = || usize::try_from(seed.below(14)).expect("few");
                (0..6).map(|_| (any(), any())).collect()
            }
        };
        let task = |at: usize| TaskId::new(name(at));
        let conflict = |(one, other)| Conflict {
            tasks: vec![task(one), task(other)],
            files: vec!["a".to_owned()],
            file_count: 1,
        };
        let conflicts = pairs.into_iter().map(conflict).collect();
        self.drive.input(Input::Observed(Observed::Branches { conflicts, touched: Vec::new() }));
        assert_eq!(invariant::check(&self.drive.state), [], "after a look at branches");
    }

    /// Members that did not merge onto those before them.
    pub(crate) fn tried_in_vain(&self) -> usize {
        self.in_vain
    }

    fn step(&mut self) {
        self.work();
        self.look();
        self.reassure();
        let wanted = intents(&self.drive.state);
        self.due.retain(|_, intent| wanted.contains(intent));
        for intent in wanted {
            let checks = matches!(intent, Intent::EnsureChecked { .. });
            if checks && !self.due.values().any(|known| *known == intent) {
                self.sent += 1;
                self.due.insert((self.drive.now.plus(CHECK_MS), self.sent), intent);
            } else if !checks && let Some(input) = self.answer(&intent) {
                self.drive.input(input);
                return;
            }
        }
        let Some(((at, _), Intent::EnsureChecked { subject, run })) = self.due.pop_first() else { return };
        self.drive.now = at;
        let verdict = self.judge(&subject);
        self.drive.input(Input::CheckEnded { subject, run, verdict });
    }

    /// Whoever was sent back mends its work at once.
    fn work(&mut self) {
        self.drive.later(1);
        for at in 0..self.mended.len() {
            if matches!(self.drive.state.tasks[at].step, Step::Running(_)) {
                self.mended[at] += 1;
                self.drive.to_review(&name(at), 1, at as u64 + 1);
            }
        }
    }

    /// Three that fail alike, or a landing that is late again and again, are a question: it may go on. A target that
    /// was red by chance is looked at again.
    fn reassure(&mut self) {
        let open = self.drive.state.questions.iter().next();
        let answer = |ask: &Ask| match ask {
            Ask::TargetRed { .. } => Some(Answer::Retry),
            other => other.choices().first().map(|choice| choice.answer),
        };
        let settled = open.and_then(|(id, open)| Some((*id, answer(&open.ask)?)));
        if let Some((question, answer)) = settled {
            self.drive.command(Command::Answer { question, answer });
        }
    }

    fn answer(&mut self, intent: &Intent) -> Option<Input> {
        match intent {
            Intent::EnsureCandidate { candidate } => Some(self.build(*candidate)),
            Intent::EnsureLanded { candidate } => Some(self.land(*candidate)),
            Intent::EnsureReleased { task } => Some(Input::Released { task: task.clone() }),
            _ => None,
        }
    }

    fn place(&self, task: &TaskId) -> usize {
        self.drive.state.position(task).expect("in the plan")
    }

    fn build(&mut self, candidate: CandidateId) -> Input {
        let lane = &self.drive.state.lane;
        let before = lane.before(candidate).map(|before| before.stage.built().expect("built").commit.clone());
        let members = lane.candidate(candidate).expect("in the lane").members.clone();
        let base = before.unwrap_or_else(|| self.target.clone());
        let mut content = self.commits[&base].clone();
        let mut left_out = Vec::new();
        for task in &members {
            let at = self.place(task);
            let with = |there: &Content| {
                let mut both = there.clone();
                both.insert(at, self.mended[at]);
                both
            };
            let joined = with(&content);
            if Faults::together(&self.faults.clashing, &joined) {
                let alone = with(&self.commits[&self.target]);
                let target = Faults::together(&self.faults.clashing, &alone);
                let with = if target { ClashWith::Target } else { ClashWith::Others };
                self.in_vain += usize::from(!target);
                left_out.push(Clash { task: task.clone(), with, files: vec!["a".to_owned()] });
            } else {
                content = joined;
            }
        }
        let outcome = if left_out.len() == members.len() {
            BuildOutcome::Conflict { base, clashes: left_out }
        } else {
            let commit = CommitId::new(format!("m{}", self.commits.len()));
            let tree = TreeId::new(format!("{content:?}/{}", self.pushes));
            self.commits.insert(commit.clone(), content);
            BuildOutcome::Built { built: Built { base, commit, tree }, left_out }
        };
        Input::CandidateBuilt { candidate, outcome }
    }

    fn judge(&mut self, subject: &Subject) -> Verdict {
        let commit = match subject {
            Subject::Base(commit) => commit.clone(),
            Subject::Candidate(id) => {
                let candidate = self.drive.state.lane.candidate(*id).expect("it is checked");
                candidate.stage.built().expect("built").commit.clone()
            }
        };
        let content = self.commits[&commit].clone();
        if self.faults.is_red(&content) || self.seed.chance(self.faults.flaky_percent) {
            return Verdict::Red(Failure::new(Class::Ci, "a test fails"));
        }
        self.green.insert(content);
        Verdict::Green
    }

    fn land(&mut self, candidate: CandidateId) -> Input {
        let found = self.drive.state.lane.candidate(candidate).expect("in the lane");
        let built = found.stage.built().expect("built").clone();
        if self.seed.chance(self.faults.rush_percent) {
            let content = self.commits[&self.target].clone();
            self.pushes += 1;
            self.target = CommitId::new(format!("p{}", self.pushes));
            self.commits.insert(self.target.clone(), content);
        }
        if built.base != self.target {
            return Input::LandEnded { candidate, outcome: LandOutcome::BaseMoved };
        }
        let content = &self.commits[&built.commit];
        assert!(!self.faults.is_red(content), "red work lands: {content:?}");
        assert!(self.green.contains(content), "unchecked work lands: {content:?}");
        self.target = built.commit.clone();
        Input::LandEnded { candidate, outcome: LandOutcome::Landed(built.commit) }
    }

    /// Whoever was sent back for red checks, in order.
    pub(crate) fn sent_back(&self, class: Class) -> Vec<usize> {
        let events = self.drive.records.iter().flat_map(|record| &record.events);
        let returned = events.filter_map(|event| match event {
            ppe_core::event::Event::ChangeReturned { task, failure, .. } if failure.class == class => {
                Some(self.place(task))
            }
            _ => None,
        });
        returned.collect()
    }

    /// Check runs so far.
    pub(crate) fn runs(&self) -> u32 {
        self.drive.state.totals.checks
    }

    /// The tasks that are in the target.
    pub(crate) fn in_target(&self) -> usize {
        self.commits[&self.target].len()
    }
}

fn name(at: usize) -> String {
    format!("T-{:03}", at + 1)
}
