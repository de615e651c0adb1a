//! Drives a run by hand through the core: each step is one input, answered as a patient world would answer it.
//!
//! For tests that need a state of which every detail is known. Knows nothing of ports and clocks: time passes when the
//! test says so.

use ppe_core::decide::decide;
use ppe_core::event::{Before, Record};
use ppe_core::ids::{Attempt, Branch, ChangeNumber, CommitId, Millis, RunId, TaskId, TreeId};
use ppe_core::input::{Command, Input, Observed, Reply, Start};
use ppe_core::intent::Intent;
use ppe_core::outcome::{
    AgentEnd, BuildOutcome, Built, Claim, Class, Differs, Exit, Failure, LandOutcome, Leftovers, Prepared,
    Rebase, Snapshot, SnapshotOutcome, Verdict, Verified,
};
use ppe_core::plan::{At, Duration, Plan, PlanSpec, PlannedCommit, Priority, Spot, TaskSpec, check};
use ppe_core::policy::Policy;
use ppe_core::state::{Conflict, Kind, Phase, Sighting, Stage, State, Step, Subject, Touched};
use ppe_core::wishes::intents;
use std::sync::Arc;

/// One minute, ms.
pub const MINUTE: u64 = 60_000;
/// One hour, ms.
pub const HOUR: u64 = 60 * MINUTE;

/// A task under construction.
#[derive(Clone, Debug)]
pub struct Draft(TaskSpec);

/// A task with an id and a title.
pub fn task(id: &str, title: &str) -> Draft {
    Draft(TaskSpec::bare(TaskId::new(id), title, spot()))
}

fn spot() -> Spot {
    Spot { file: Arc::from("plan.md"), line: 1 }
}

impl Draft {
    /// What it depends on.
    #[must_use]
    pub fn needs(mut self, ids: &[&str]) -> Self {
        self.0.depends_on = ids.iter().map(|id| At { value: TaskId::new(*id), spot: spot() }).collect();
        self
    }

    /// Its module.
    #[must_use]
    pub fn module(mut self, name: &str) -> Self {
        self.0.module = Some(Arc::from(name));
        self
    }

    /// Its phases, each with its planned commits.
    #[must_use]
    pub fn phases(mut self, phases: &[(&str, usize)]) -> Self {
        self.0.phases = phases.iter().map(|(name, _)| Arc::from(*name)).collect();
        for (phase, (_, commits)) in (0..).zip(phases) {
            let commit = PlannedCommit {
                subject: Arc::from("feat: part"),
                phase: Some(phase),
                files: vec![],
                spot: None,
            };
            self.0.commits.extend(std::iter::repeat_n(commit, *commits));
        }
        self
    }

    /// Its planned commits, without phases.
    #[must_use]
    pub fn commits(mut self, n: usize) -> Self {
        let commit =
            PlannedCommit { subject: Arc::from("feat: part"), phase: None, files: vec![], spot: None };
        self.0.commits = vec![commit; n];
        self
    }

    /// The files it names.
    #[must_use]
    pub fn files(mut self, names: &[&str]) -> Self {
        self.0.files = names.iter().map(|name| At { value: Arc::from(*name), spot: spot() }).collect();
        self
    }

    /// Its priority.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.0.priority = priority;
        self
    }

    /// Its estimate in working weeks.
    #[must_use]
    pub fn weeks(mut self, weeks: u64) -> Self {
        self.0.estimate = Some(Duration(weeks * Duration::WEEK));
        self
    }
}

/// A checked plan of these tasks.
pub fn plan(name: &str, tasks: Vec<Draft>) -> Plan {
    let spec = PlanSpec { name: Arc::from(name), tasks: tasks.into_iter().map(|draft| draft.0).collect() };
    let checked = check(spec, Vec::new());
    checked.plan.unwrap_or_else(|| panic!("the plan has errors: {:?}", checked.findings))
}

/// A run in hand.
#[derive(Clone, Debug)]
pub struct Drive {
    /// The state as it is.
    pub state: State,
    /// The time.
    pub now: Millis,
    /// Everything decided so far.
    pub records: Vec<Record>,
    made: u64,
}

impl Drive {
    /// A run of all tasks of a plan, without stagger and backoff.
    pub fn new(plan: Plan) -> Self {
        Self::with(plan, Policy { stagger_ms: 0, backoff_ms: 0, ..Policy::default() }, &[])
    }

    /// A run of all tasks of a plan under a policy; some of them were done before.
    pub fn with(plan: Plan, policy: Policy, before: &[Before]) -> Self {
        let selected = plan.tasks.iter().map(|task| task.spec.id.value.clone()).collect();
        let mut drive = Self {
            state: State::new(Arc::new(plan)),
            now: Millis(1_769_690_000_000),
            records: Vec::new(),
            made: 0,
        };
        drive.input(Input::Start(Box::new(Start {
            run: RunId::new("run-1"),
            target: Branch::new("main"),
            target_tip: CommitId::new("base0"),
            green: Some(TreeId::new("tree0")),
            policy,
            selected,
            before: before.to_vec(),
        })));
        drive
    }

    /// Takes one input and returns what was decided.
    pub fn input(&mut self, input: Input) -> &Record {
        let decision = decide(&mut self.state, self.now, input);
        self.records.push(decision.record);
        self.records.last().expect("just pushed")
    }

    /// Takes a command and returns its answer.
    pub fn command(&mut self, command: Command) -> Reply {
        let decision = decide(&mut self.state, self.now, Input::Operator(command));
        self.records.push(decision.record);
        decision.reply.expect("a command is answered")
    }

    /// Lets time pass, with a tick at its end.
    pub fn later(&mut self, span_ms: u64) {
        self.now = self.now.plus(span_ms);
        self.input(Input::Tick);
    }

    /// All branches are looked at: the pairs that do not merge, and who touches which file.
    pub fn branches(&mut self, pairs: &[[&str; 2]], touched: &[(&str, &str)]) {
        let conflict = |pair: &[&str; 2]| Conflict {
            tasks: pair.iter().map(|id| TaskId::new(*id)).collect(),
            files: vec!["src/lib.rs".to_owned()],
            file_count: 2,
        };
        let touched = touched
            .iter()
            .map(|(id, file)| Touched { task: TaskId::new(*id), files: vec![(*file).to_owned()] })
            .collect();
        let conflicts = pairs.iter().map(conflict).collect();
        self.input(Input::Observed(Observed::Branches { conflicts, touched }));
    }

    /// The tasks that hold a slot.
    pub fn active(&self) -> Vec<String> {
        self.state.busy().map(|at| self.state.id(at).to_string()).collect()
    }

    fn fresh(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}{:04}", self.made)
    }

    fn attempt(&self, id: &str) -> Attempt {
        let task = self.state.task(&TaskId::new(id)).expect("in the plan");
        task.running().unwrap_or_else(|| panic!("{id} is at work, not {:?}", task.step)).attempt
    }

    /// The task's workspace becomes ready, if it is not.
    pub fn prepare(&mut self, id: &str) {
        let (task, attempt) = (TaskId::new(id), self.attempt(id));
        let running = self.state.task(&task).and_then(|t| t.running()).expect("at work");
        if running.phase != Phase::Starting {
            return;
        }
        let facts = &self.state.task(&task).expect("in the plan").facts;
        let at = self.state.position(&task).expect("in the plan");
        let (base, rebase) = match self.state.stack(at) {
            Some(_) if running.kind == Kind::Restack => (self.state.target_tip.clone(), Rebase::Clean),
            Some(stack) => {
                (stack.base.clone().unwrap_or_else(|| stack.parents[0].tip.clone()), Rebase::NotTried)
            }
            None => (self.state.target_tip.clone(), Rebase::NotTried),
        };
        let tip = facts.tip.clone().unwrap_or_else(|| base.clone());
        let name = self.state.plan.task(&task).expect("in the plan").branch_name.to_string();
        let prepared = Prepared { base, tip, branch: Branch::new(name), rebase, aside: None };
        self.input(Input::Prepared { task, attempt, prepared });
    }

    /// The agent at work is seen with this many commits.
    pub fn sight(&mut self, id: &str, commits: u32, phase: Option<&str>) {
        let (task, attempt) = (TaskId::new(id), self.attempt(id));
        self.prepare(id);
        self.input(Input::Sighted {
            task,
            attempt,
            seen: Sighting { commits, phase: phase.map(str::to_owned), ..Sighting::default() },
        });
    }

    /// The agent ends like this, and its work of this many commits is measured. An attempt that was asked to stop
    /// before its agent began is over already.
    pub fn agent_ends(&mut self, id: &str, commits: u32, exit: Exit, claim: Claim) {
        let snapshot = self.snapshot(commits);
        self.agent_ends_at(id, snapshot, exit, claim);
    }

    /// The same with one commit that is measured as `change` has it.
    pub fn agent_ends_with(
        &mut self,
        id: &str,
        exit: Exit,
        claim: Claim,
        change: impl FnOnce(&mut Snapshot),
    ) {
        let mut snapshot = self.snapshot(1);
        change(&mut snapshot);
        self.agent_ends_at(id, snapshot, exit, claim);
    }

    /// The work is measured once more, as `change` has it.
    pub fn measured(&mut self, id: &str, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = self.snapshot(1);
        change(&mut snapshot);
        self.measure(&TaskId::new(id), self.attempt(id), snapshot);
    }

    fn measure(&mut self, task: &TaskId, attempt: Attempt, snapshot: Snapshot) {
        let running = self.state.task(task).and_then(|t| t.running());
        if let Some((Phase::Collecting(collect), worked)) = running.map(|r| (r.phase, r.worked())) {
            let outcome = SnapshotOutcome::Taken(snapshot);
            self.input(Input::SnapshotTaken { task: task.clone(), attempt, worked, collect, outcome });
        }
    }

    fn agent_ends_at(&mut self, id: &str, snapshot: Snapshot, exit: Exit, claim: Claim) {
        let (task, attempt) = (TaskId::new(id), self.attempt(id));
        self.prepare(id);
        let running = self.state.task(&task).and_then(|t| t.running()).filter(|r| r.attempt == attempt);
        let Some(round) = running.map(ppe_core::state::Running::round) else { return };
        let end = AgentEnd { claim, ..AgentEnd::new(exit) };
        self.input(Input::AgentEnded { task: task.clone(), attempt, round, end: Box::new(end) });
        let still = self.state.task(&task).and_then(|t| t.running()).is_some_and(|r| r.attempt == attempt);
        if still {
            self.measure(&task, attempt, snapshot);
        }
    }

    fn snapshot(&mut self, commits: u32) -> Snapshot {
        Snapshot {
            tip: CommitId::new(self.fresh("tip")),
            tree: TreeId::new(self.fresh("tree")),
            commits,
            differs: if commits == 0 { Differs::No } else { Differs::Yes },
            leftovers: Leftovers::Clean,
            contains_base: true,
            loses_published: false,
            lines_added: u64::from(commits) * 40,
            lines_removed: u64::from(commits),
            tests_added: u64::from(commits) * 2,
            attributed: Vec::new(),
        }
    }

    /// The verify commands end like this.
    pub fn verdict(&mut self, id: &str, verdict: Verdict) {
        self.verified(id, verdict.into());
    }

    /// They end like this, and have found this.
    pub fn verified(&mut self, id: &str, verified: Verified) {
        let (task, attempt) = (TaskId::new(id), self.attempt(id));
        let Some(worked) =
            self.state.task(&task).and_then(|t| t.running()).map(ppe_core::state::Running::worked)
        else {
            return;
        };
        self.input(Input::VerifyEnded { task, attempt, job: worked.into(), verified });
    }

    /// The attempt fails with this summary: the agent's own failure, or a red verify command.
    pub fn fail(&mut self, id: &str, class: Class, summary: &str) {
        match class {
            Class::Verification => {
                self.agent_ends(id, 3, Exit::Done, Claim::Nothing);
                self.settle_leftovers(id, 3);
                self.verdict(id, Verdict::Red(Failure::new(class, summary)));
            }
            _ => self.agent_ends(id, 3, Exit::Failed(summary.to_owned()), Claim::Nothing),
        }
    }

    /// Asked for what is missing, the agent has nothing to add.
    fn settle_leftovers(&mut self, id: &str, commits: u32) {
        let asked = self.state.task(&TaskId::new(id)).and_then(|t| t.running()).map(|r| r.phase);
        if asked == Some(Phase::Leftovers) {
            self.agent_ends(id, commits, Exit::Done, Claim::Nothing);
        }
    }

    /// The attempt reaches what it is for, and the task's change is open.
    pub fn to_review(&mut self, id: &str, commits: u32, change: u64) {
        self.agent_ends(id, commits, Exit::Done, Claim::Nothing);
        self.settle_leftovers(id, commits);
        self.verdict(id, Verdict::Green);
        self.publish(id, change);
    }

    /// The verified task's branch and change stand.
    pub fn publish(&mut self, id: &str, change: u64) {
        let task = TaskId::new(id);
        let facts = &self.state.task(&task).expect("in the plan").facts;
        let (branch, tip) = (facts.branch.clone().expect("a branch"), facts.tip.clone().expect("a tip"));
        self.input(Input::Published { task: task.clone(), branch, tip });
        if matches!(self.state.task(&task).expect("in the plan").step, Step::Publishing) {
            self.input(Input::ChangeOpened { task, change: ChangeNumber(change) });
        }
    }

    /// The forge's checks of the head of the task's change end like this.
    pub fn head_checks(&mut self, id: &str, verdict: Verdict) {
        let task = TaskId::new(id);
        let tip = self.state.task(&task).and_then(|t| t.facts.tip.clone()).expect("a tip");
        self.input(Input::HeadJudged { task, tip, verdict });
    }

    /// The work of a stacked task is brought onto the target by itself, verified and published.
    pub fn restack(&mut self, id: &str, commits: u32, change: u64) {
        self.prepare(id);
        let snapshot = self.snapshot(commits);
        self.measure(&TaskId::new(id), self.attempt(id), snapshot);
        self.verdict(id, Verdict::Green);
        self.publish(id, change);
    }

    /// The lane's candidate is built and its checks begin.
    pub fn build(&mut self) {
        let id = self.state.lane.head().expect("a candidate").id;
        let (commit, tree) = (CommitId::new(self.fresh("merge")), TreeId::new(self.fresh("tree")));
        let built = Built { base: self.state.target_tip.clone(), commit, tree };
        let outcome = BuildOutcome::Built { built, left_out: Vec::new() };
        self.input(Input::CandidateBuilt { candidate: id, outcome });
    }

    /// The lane's checks end like this, run after run, until they are over.
    pub fn checks(&mut self, verdict: &Verdict) {
        let Some(head) = self.state.lane.head() else { return };
        let (id, Stage::Checking { run, .. }) = (head.id, head.stage.clone()) else { return };
        self.input(Input::CheckEnded { subject: Subject::Candidate(id), run, verdict: verdict.clone() });
        if matches!(verdict, Verdict::Red(_)) {
            self.checks(verdict);
        }
    }

    /// Lands everything that waits in the lane.
    pub fn land_all(&mut self) {
        while let Some(head) = self.state.lane.head() {
            let id = head.id;
            match head.stage.clone() {
                Stage::Building => self.build(),
                Stage::Checking { .. } => self.checks(&Verdict::Green),
                Stage::Landing { built } => {
                    self.input(Input::LandEnded {
                        candidate: id,
                        outcome: LandOutcome::Landed(built.commit),
                    });
                }
                Stage::Red { .. } | Stage::Green { .. } => unreachable!("the first does not wait"),
                Stage::CheckingBase { built, .. } => {
                    let subject = Subject::Base(built.base);
                    self.input(Input::CheckEnded { subject, run: 1, verdict: Verdict::Green });
                }
            }
        }
    }

    /// From start to landing in one go.
    pub fn land(&mut self, id: &str, commits: u32, change: u64) {
        self.to_review(id, commits, change);
        self.land_all();
    }

    /// Publishes and removes what is to be published and removed.
    pub fn tidy(&mut self) {
        for intent in intents(&self.state) {
            match intent {
                Intent::EnsureReleased { task } => {
                    self.input(Input::Released { task });
                }
                Intent::EnsurePublished { task } => {
                    let facts = &self.state.task(&task).expect("in the plan").facts;
                    if let (Some(branch), Some(tip)) = (facts.branch.clone(), facts.tip.clone()) {
                        self.input(Input::Published { task, branch, tip });
                    }
                }
                Intent::EnsureLabelled { task } => {
                    self.input(Input::Labelled { task });
                }
                _ => {}
            }
        }
    }
}
