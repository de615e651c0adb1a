//! Every input there is, about one task of a state: as it would come now, and as it would come from something that is
//! over. For tests that feed them all. Knows nothing of what follows.

use ppe_core::card::{Column, Seen};
use ppe_core::ids::{Attempt, Branch, CandidateId, ChangeNumber, CommitId, QuestionId, TaskId, TreeId};
use ppe_core::input::{Command, Input, Observed, Trouble, Which};
use ppe_core::intent::{Intent, JobName};
use ppe_core::outcome::{
    AgentEnd, Attributed, BuildOutcome, Built, Claim, Clash, ClashWith, Class, Differs, Exit, Failure,
    LandOutcome, Leftovers, Place, Prepared, Rebase, Shortage, Snapshot, SnapshotOutcome, Verdict,
};
use ppe_core::plan::Priority;
use ppe_core::question::Answer;
use ppe_core::state::{
    Collect, Conflict, Park, Phase, Round, Satisfies, Sighting, Stage, State, Step, StopMode, Subject, Task,
    Touched, Worked,
};
use ppe_core::wishes::{lane_intents, task_intents};

/// An input and what it is called.
pub type Named = (&'static str, Input);

fn commit(id: &str) -> CommitId {
    CommitId::new(id.to_owned())
}

/// Every input about a task, as it would come now.
pub fn about(state: &State, at: usize) -> Vec<Named> {
    let (id, task) = (state.id(at).clone(), &state.tasks[at]);
    let attempt = Attempt(task.facts.attempts);
    let running = task.running();
    let round = running.map_or(Round::Main, ppe_core::state::Running::round);
    let worked = running.map_or(Worked::Main, ppe_core::state::Running::worked);
    let collect = match running.map(|r| r.phase) {
        Some(Phase::Collecting(collect)) => collect,
        _ => Collect::Look,
    };
    let mut all = attempt_inputs(&id, attempt, (round, worked, collect));
    all.extend(publication_inputs(&id, task));
    all.extend(lane_inputs(state, &id));
    all.extend(trouble_inputs(state, at));
    all.extend(seen_inputs(&id, task));
    all.extend(branch_inputs(state, at));
    all.extend(board_inputs(&id));
    all.extend(task_commands(&id, task));
    all.extend(run_commands());
    all
}

/// Inputs of an attempt, a candidate and a question that are over, or never were. Nothing may follow from them.
pub fn stale(state: &State, at: usize) -> Vec<Named> {
    let id = state.id(at).clone();
    let gone = Attempt(state.tasks[at].facts.attempts + 7);
    let unknown = TaskId::new("T-999");
    let mut all = Vec::new();
    for (id, attempt) in [(&id, gone), (&unknown, Attempt(1))] {
        for round in
            [(Round::Main, Worked::Main, Collect::Look), (Round::Leftovers, Worked::NotYet, Collect::Commit)]
        {
            all.extend(attempt_inputs(id, attempt, round));
        }
    }
    all.extend(candidate_inputs(CandidateId(state.lane.made + 7), 1, &id, &commit("c0")));
    let never = Subject::Base(commit("c-never"));
    for verdict in verdicts() {
        all.push((
            "a check of another base",
            Input::CheckEnded { subject: never.clone(), run: 99, verdict: verdict.1 },
        ));
    }
    let intent = Intent::EnsureAgent { task: id, attempt: gone, round: Round::Main };
    for trouble in troubles() {
        all.push(("a wish that is over fails", Input::IntentFailed { intent: intent.clone(), trouble }));
    }
    all.push(("unknown", Input::Labelled { task: unknown.clone() }));
    all.push(("unknown", Input::Released { task: unknown.clone() }));
    all.push(("unknown", Input::Preloaded { task: unknown.clone() }));
    all.push(("unknown", Input::ChangeOpened { task: unknown.clone(), change: ChangeNumber(1) }));
    all.push((
        "unknown",
        Input::Observed(Observed::ChangeClosed { task: unknown.clone(), change: ChangeNumber(1) }),
    ));
    all.push((
        "unknown",
        Input::Observed(Observed::Branch { task: unknown.clone(), tip: commit("c-never") }),
    ));
    all.push(("unknown", Input::Operator(Command::Next { task: unknown })));
    let nobody = Command::Answer { question: QuestionId(9_999), answer: Answer::Yes };
    all.push(("an answer to nothing", Input::Operator(nobody)));
    all
}

fn verdicts() -> [(&'static str, Verdict); 3] {
    let red = Failure::new(Class::Verification, "a test fails");
    [
        ("green", Verdict::Green),
        ("red", Verdict::Red(red)),
        ("not found out", Verdict::Unevaluated("no runner".to_owned())),
    ]
}

fn troubles() -> [Trouble; 2] {
    [Trouble::Machine("disk full".to_owned()), Trouble::Elsewhere("not now".to_owned())]
}

fn attempt_inputs(id: &TaskId, attempt: Attempt, at: (Round, Worked, Collect)) -> Vec<Named> {
    let (round, worked, collect) = at;
    let mut all = Vec::new();
    for (name, rebase) in [
        ("workspace ready", Rebase::NotTried),
        ("workspace ready, rebased by itself", Rebase::Clean),
        ("workspace ready, rebase left to the agent", Rebase::Conflicted),
    ] {
        let branch = Branch::new(format!("feat/{id}"));
        let prepared = Prepared { base: commit("c0"), tip: commit("c0"), branch, rebase, aside: None };
        all.push((name, Input::Prepared { task: id.clone(), attempt, prepared }));
    }
    for (name, exit, claim) in ends() {
        let end = AgentEnd { claim, session: Some("s1".to_owned()), ..AgentEnd::new(exit) };
        all.push((name, Input::AgentEnded { task: id.clone(), attempt, round, end: Box::new(end) }));
    }
    let findings = vec!["a point".to_owned()];
    let end = Box::new(AgentEnd { findings, ..AgentEnd::new(Exit::Done) });
    all.push(("agent done, with findings", Input::AgentEnded { task: id.clone(), attempt, round, end }));
    for (name, outcome) in snapshots() {
        all.push((name, Input::SnapshotTaken { task: id.clone(), attempt, worked, collect, outcome }));
    }
    for (name, (_, verdict)) in
        ["verify green", "verify red", "verify not found out"].into_iter().zip(verdicts())
    {
        let job = JobName::from(worked);
        all.push((name, Input::VerifyEnded { task: id.clone(), attempt, job, verified: verdict.into() }));
    }
    all.push((
        "agent seen at work",
        Input::Sighted { task: id.clone(), attempt, seen: Sighting { commits: 9, ..Sighting::default() } },
    ));
    all
}

fn ends() -> Vec<(&'static str, Exit, Claim)> {
    let why = || "why".to_owned();
    vec![
        ("agent done", Exit::Done, Claim::Nothing),
        ("agent done, says no change", Exit::Done, Claim::NoChange(why())),
        ("agent done, says blocked", Exit::Done, Claim::Blocked(why())),
        ("agent done, says flaky", Exit::Done, Claim::Flaky(why())),
        ("agent failed", Exit::Failed(why()), Claim::Nothing),
        (
            "agent without capacity",
            Exit::TryLater { until: None, why: why(), shortage: Shortage::Servers },
            Claim::Nothing,
        ),
        ("agent cannot start", Exit::CannotStart(why()), Claim::Nothing),
        ("agent stopped", Exit::Stopped, Claim::Nothing),
        ("agent lost", Exit::Lost(why()), Claim::Nothing),
    ]
}

fn snapshots() -> Vec<(&'static str, SnapshotOutcome)> {
    let work = Snapshot {
        tip: commit("c-work"),
        tree: TreeId::new("t-work"),
        commits: 99,
        differs: Differs::Yes,
        leftovers: Leftovers::Clean,
        contains_base: true,
        loses_published: false,
        lines_added: 1,
        lines_removed: 0,
        tests_added: 0,
        attributed: Vec::new(),
    };
    let with = |change: fn(&mut Snapshot)| {
        let mut snapshot = work.clone();
        change(&mut snapshot);
        SnapshotOutcome::Taken(snapshot)
    };
    vec![
        ("work measured", with(|_| ())),
        ("work measured, files left over", with(|s| s.leftovers = Leftovers::Files(2))),
        (
            "work measured, a commit names an AI",
            with(|s| s.attributed = vec![named(Place::Commit(commit("c-1")))]),
        ),
        (
            "work measured, a line names an AI",
            with(|s| s.attributed = vec![named(Place::Line { file: "a".to_owned(), line: 1 })]),
        ),
        ("work measured, commits missing", with(|s| s.commits = 1)),
        ("work measured, nothing there", with(|s| (s.commits, s.differs) = (0, Differs::No))),
        ("work measured, base lost", with(|s| s.contains_base = false)),
        ("work refused", SnapshotOutcome::Refused("too large".to_owned())),
        ("workspace gone", SnapshotOutcome::Gone("no folder".to_owned())),
    ]
}

fn named(place: Place) -> Attributed {
    Attributed { place, text: "named".to_owned() }
}

fn publication_inputs(id: &TaskId, task: &Task) -> Vec<Named> {
    let branch = task.facts.branch.clone().unwrap_or_else(|| Branch::new(format!("feat/{id}")));
    let tip = task.facts.tip.clone().unwrap_or_else(|| commit("c-none"));
    let head = |tip: &CommitId, verdict| Input::HeadJudged { task: id.clone(), tip: tip.clone(), verdict };
    let (green, red) = (Verdict::Green, Verdict::Red(Failure::new(Class::Ci, "CI: test")));
    vec![
        ("checks of its head green", head(&tip, green)),
        ("checks of its head red", head(&tip, red)),
        ("workspace ready ahead", Input::Preloaded { task: id.clone() }),
        ("branch published", Input::Published { task: id.clone(), branch, tip }),
        ("change opened", Input::ChangeOpened { task: id.clone(), change: ChangeNumber(77) }),
        ("change labelled", Input::Labelled { task: id.clone() }),
        ("workspace released", Input::Released { task: id.clone() }),
    ]
}

/// Inputs of the candidate that carries the task, and of the base that is being checked.
fn lane_inputs(state: &State, id: &TaskId) -> Vec<Named> {
    let Some(candidate) = state.lane.chain.iter().find(|c| c.members.contains(id)) else { return Vec::new() };
    let (run, base) = match &candidate.stage {
        Stage::Checking { run, .. } => (*run, None),
        Stage::CheckingBase { built, .. } => (1, Some(built.base.clone())),
        Stage::Building | Stage::Red { .. } | Stage::Green { .. } | Stage::Landing { .. } => (1, None),
    };
    let before = state.lane.before(candidate.id).and_then(|before| before.stage.built());
    let onto = before.map_or_else(|| commit("c0"), |built| built.commit.clone());
    let mut all = candidate_inputs(candidate.id, run, id, &onto);
    if let Some(base) = base {
        let (subject, run) = (Subject::Base(base), state.lane.base_checks);
        for (name, (_, verdict)) in
            ["base green", "base red", "base not found out"].into_iter().zip(verdicts())
        {
            all.push((name, Input::CheckEnded { subject: subject.clone(), run, verdict }));
        }
    }
    all
}

fn candidate_inputs(candidate: CandidateId, run: u32, task: &TaskId, onto: &CommitId) -> Vec<Named> {
    let built = Built { base: onto.clone(), commit: commit("c-built"), tree: TreeId::new("t-built") };
    let clash = |with| vec![Clash { task: task.clone(), with, files: vec!["a".to_owned()] }];
    let conflict = |with| BuildOutcome::Conflict { base: onto.clone(), clashes: clash(with) };
    let without = |left_out| BuildOutcome::Built { built: built.clone(), left_out };
    let mut all = Vec::new();
    for (name, outcome) in [
        ("candidate built", without(Vec::new())),
        ("candidate built without it: target", without(clash(ClashWith::Target))),
        ("candidate built without it: others", without(clash(ClashWith::Others))),
        ("candidate conflicts: target", conflict(ClashWith::Target)),
        ("candidate conflicts: others", conflict(ClashWith::Others)),
    ] {
        all.push((name, Input::CandidateBuilt { candidate, outcome }));
    }
    for (name, (_, verdict)) in
        ["checks green", "checks red", "checks not found out"].into_iter().zip(verdicts())
    {
        all.push((name, Input::CheckEnded { subject: Subject::Candidate(candidate), run, verdict }));
    }
    for (name, outcome) in [
        ("landed", LandOutcome::Landed(commit("c-landed"))),
        ("landed unchecked", LandOutcome::LandedUnchecked(commit("c-landed"))),
        ("landing: checks red", LandOutcome::Red(Failure::new(Class::Ci, "red in the queue"))),
        ("landing: target moved", LandOutcome::BaseMoved),
        ("landing: branch moved", LandOutcome::HeadMoved { task: task.clone(), tip: commit("c-moved") }),
        ("landing refused", LandOutcome::Refused("not now".to_owned())),
    ] {
        all.push((name, Input::LandEnded { candidate, outcome }));
    }
    all
}

/// What is wished for about the task fails.
fn trouble_inputs(state: &State, at: usize) -> Vec<Named> {
    let mut wishes = task_intents(state, at);
    if state.lane.carries(state.id(at)) {
        wishes.extend(lane_intents(state));
    }
    let mut all = Vec::new();
    for intent in wishes {
        for (name, trouble) in
            ["a wish fails: machine", "a wish fails: elsewhere"].into_iter().zip(troubles())
        {
            all.push((name, Input::IntentFailed { intent: intent.clone(), trouble }));
        }
        if matches!(intent, Intent::EnsureWorkspace { .. }) {
            let needs = &state.plan.tasks[at].needs;
            let tasks = needs.iter().map(|need| state.id(*need).clone()).collect();
            let trouble = Trouble::DoesNotStack { files: vec!["a".to_owned()] };
            all.push((
                "what it is to stand on does not merge",
                Input::IntentFailed { intent: intent.clone(), trouble },
            ));
            all.push((
                "a landing it needs is gone",
                Input::IntentFailed { intent, trouble: Trouble::NotAncestor { tasks } },
            ));
        }
    }
    all
}

fn seen_inputs(id: &TaskId, task: &Task) -> Vec<Named> {
    let tip = || commit("c-seen");
    let landed = vec![(id.clone(), commit("c-by-hand"))];
    let target = |landed, gone| Input::Observed(Observed::Target { tip: tip(), landed, gone });
    let mut all = vec![
        ("seen: target moved", target(Vec::new(), Vec::new())),
        ("seen: landed by others", target(landed, Vec::new())),
        ("seen: branch moved", Input::Observed(Observed::Branch { task: id.clone(), tip: tip() })),
        ("seen: change closed", {
            let change = task.facts.change.unwrap_or(ChangeNumber(1));
            Input::Observed(Observed::ChangeClosed { task: id.clone(), change })
        }),
        ("seen: approved", {
            let tip = task.facts.tip.clone().unwrap_or_else(tip);
            Input::Observed(Observed::Approved { task: id.clone(), tip })
        }),
        ("seen: approved no more", Input::Observed(Observed::Unapproved { task: id.clone() })),
        (
            "seen: changes requested",
            Input::Observed(Observed::ChangesRequested {
                task: id.clone(),
                review: u64::MAX,
                text: "rename it".to_owned(),
            }),
        ),
    ];
    if task.closure().is_some_and(|closure| closure.commit().is_some()) {
        all.push(("seen: its landing is gone", target(Vec::new(), vec![id.clone()])));
    }
    all
}

/// The task's card stands in each column, and then the board is lost.
fn board_inputs(id: &TaskId) -> Vec<Named> {
    let names = [
        "seen: its card is to do",
        "seen: its card is in progress",
        "seen: its card is in review",
        "seen: its card is done",
        "seen: its card is cancelled",
    ];
    let card = |column| Seen { task: id.clone(), card: "card".to_owned(), column };
    let seen = |column| Input::Observed(Observed::Board { cards: vec![card(column)], text_kept: Vec::new() });
    let lost = Input::Observed(Observed::BoardLost { why: "nobody there".to_owned() });
    names.into_iter().zip(Column::ALL.map(seen)).chain([("seen: the board is lost", lost)]).collect()
}

/// The task's branch does not merge with any other, or with all; and somebody has all its files in hand.
fn branch_inputs(state: &State, at: usize) -> Vec<Named> {
    let (id, others) = (state.id(at), (0..state.tasks.len()).filter(|other| *other != at));
    let with = |other: usize| Conflict {
        tasks: vec![id.clone(), state.id(other).clone()],
        files: vec!["a".to_owned()],
        file_count: 1,
    };
    let named = state.plan.tasks[at].spec.named_files().map(|(file, _)| file.to_owned());
    let files: Vec<String> = named.collect();
    let hands = |other: usize| Touched { task: state.id(other).clone(), files: files.clone() };
    let seen = |conflicts, touched| Input::Observed(Observed::Branches { conflicts, touched });
    vec![
        ("seen: all branches merge", seen(Vec::new(), Vec::new())),
        ("seen: its branch merges with no other", seen(others.clone().map(with).collect(), Vec::new())),
        ("seen: others have its files in hand", seen(Vec::new(), others.map(hands).collect())),
    ]
}

fn task_commands(id: &TaskId, task: &Task) -> Vec<Named> {
    let of = |name, command| (name, Input::Operator(command));
    let task_id = || id.clone();
    let mut all = vec![
        of("`pause T`", Command::Pause(Some(task_id()))),
        of("`unpause T`", Command::Unpause(Some(task_id()))),
        of("`retry T`", Command::Retry { task: task_id(), note: None }),
        of("`retry T --note`", Command::Retry { task: task_id(), note: Some("why".to_owned()) }),
        of("`skip T`", Command::Skip { task: task_id(), satisfies: Satisfies::No }),
        of("`skip T --satisfied`", Command::Skip { task: task_id(), satisfies: Satisfies::Yes }),
        of("`take T`", Command::Take { task: task_id() }),
        of("`give T`", Command::Give { task: task_id() }),
        of("`done T`", Command::Done { task: task_id(), commit: commit("c-done") }),
        of("`reopen T`", Command::Reopen { task: task_id(), note: None }),
        of("`next T`", Command::Next { task: task_id() }),
        of("`priority T`", Command::Priority { task: task_id(), priority: Priority::High }),
        of("`approve T`", Command::Approve { which: Which::Tasks(vec![task_id()]), tip: None }),
        of("`reject T --note`", Command::Reject { task: task_id(), note: "why".to_owned() }),
    ];
    if let Step::Parked { park: Park::Question(question), .. } = &task.step {
        for (name, answer) in [
            ("answer: yes", Answer::Yes),
            ("answer: no", Answer::No),
            ("answer: hold", Answer::Hold),
            ("answer: retry", Answer::Retry),
        ] {
            all.push(of(name, Command::Answer { question: *question, answer }));
        }
    }
    all
}

fn run_commands() -> Vec<Named> {
    let of = |name, command| (name, Input::Operator(command));
    vec![
        of("`pause`", Command::Pause(None)),
        of("`unpause`", Command::Unpause(None)),
        of("drain", Command::Stop(StopMode::Drain)),
        of("`stop`", Command::Stop(StopMode::Agents)),
        of("`stop --cancel`", Command::Stop(StopMode::Cancel)),
        of("`slots 1`", Command::Slots(1)),
        ("a new session", Input::Opened),
    ]
}
