//! What follows from how agents end and what they say: accounts that have too little, budgets, silence, questions.

use ppe_core::event::Event;
use ppe_core::ids::{Millis, TaskId};
use ppe_core::input::{Command, Input};
use ppe_core::outcome::{AgentEnd, BuildOutcome, Claim, Clash, ClashWith, Exit, Inquiry, Shortage};
use ppe_core::policy::{AgentPolicy, Budget, Mode, Policy};
use ppe_core::prompt::prompt;
use ppe_core::question::{Answer, Ask};
use ppe_core::state::{Hold, Kind, PauseCause, Round, Sighting, Step, Stop, Tries};
use ppe_core::usage::Usage;
use ppe_testkit::drive::{Drive, MINUTE, plan, task};

/// A run of so many tasks that need nothing of each other.
fn tasks(n: usize, policy: Policy) -> Drive {
    let tasks = (1..=n).map(|n| task(&format!("T-{n:03}"), "Part").commits(2)).collect();
    let mut drive = Drive::with(plan("Plan", tasks), Policy { stagger_ms: 0, backoff_ms: 0, ..policy }, &[]);
    all_work(&mut drive);
    drive
}

fn all_work(drive: &mut Drive) {
    for id in drive.active() {
        drive.prepare(&id);
    }
}

fn ends(drive: &mut Drive, id: &str, end: AgentEnd) {
    drive.prepare(id);
    let task = TaskId::new(id);
    let running = drive.state.task(&task).and_then(|t| t.running()).expect("at work");
    let (attempt, round) = (running.attempt, running.round());
    drive.input(Input::AgentEnded { task, attempt, round, end: Box::new(end) });
}

/// Turned away until so long from now.
fn turned_away(drive: &mut Drive, id: &str, span_ms: u64, shortage: Shortage) {
    let until = drive.now.plus(span_ms);
    ends(drive, id, limited(Some(until), shortage));
}

fn limited(until: Option<Millis>, shortage: Shortage) -> AgentEnd {
    AgentEnd {
        session: Some("s-1".to_owned()),
        ..AgentEnd::new(Exit::TryLater { until, why: "429".to_owned(), shortage })
    }
}

fn starts(drive: &Drive) -> usize {
    let events = drive.records.iter().flat_map(|record| &record.events);
    events.filter(|event| matches!(event, Event::AttemptStarted { .. })).count()
}

fn step<'a>(drive: &'a Drive, id: &str) -> &'a Step {
    &drive.state.task(&TaskId::new(id)).expect("in the plan").step
}

fn asked(drive: &Drive) -> Option<&Ask> {
    drive.state.questions.values().map(|open| &open.ask).next()
}

fn answer(drive: &mut Drive, answer: Answer) {
    let question = *drive.state.questions.keys().next().expect("a question is open");
    drive.command(Command::Answer { question, answer });
}

fn nobody_paid(drive: &Drive) {
    for task in &drive.state.tasks {
        assert_eq!((task.facts.tries, task.facts.failures), (Tries::default(), 0));
    }
}

#[test]
fn seven_that_are_turned_away_at_once_cost_nothing_and_come_back_at_the_reset() {
    let mut drive = tasks(20, Policy::default());
    assert_eq!(drive.active().len(), 7);
    let reset = drive.now.plus(30 * MINUTE);
    for id in drive.active() {
        ends(&mut drive, &id, limited(Some(reset), Shortage::Rate));
    }
    assert_eq!(starts(&drive), 7, "nothing starts after the first one was turned away");
    nobody_paid(&drive);
    drive.later(30 * MINUTE - 1);
    assert_eq!(starts(&drive), 7, "not a moment before the stated reset");
    drive.later(1);
    assert_eq!(drive.active().len(), 3, "half of the seven try again");
    let session = drive.state.task(&TaskId::new("T-001")).and_then(|t| t.facts.session.clone());
    assert_eq!(session.map(|s| s.id).as_deref(), Some("s-1"), "in the session that was turned away");
}

#[test]
fn what_works_at_once_creeps_back_by_good_ends_and_by_time() {
    let mut drive = tasks(20, Policy::default());
    let id = drive.active().remove(0);
    turned_away(&mut drive, &id, MINUTE, Shortage::Rate);
    for id in drive.active() {
        ends(&mut drive, &id, AgentEnd::new(Exit::Lost("gone".to_owned())));
    }
    drive.later(MINUTE);
    assert_eq!(drive.active().len(), 3);
    drive.to_review("T-001", 2, 1);
    assert_eq!(drive.active().len(), 4, "one more after a good end");
    drive.later(5 * MINUTE);
    assert_eq!(drive.active().len(), 5, "and one more after a while");
    for _ in 0..9 {
        drive.later(5 * MINUTE);
    }
    assert_eq!(drive.active().len(), 7, "never more than there are slots");
    assert!(drive.state.breakers.is_empty());
}

#[test]
fn a_storm_starts_no_more_than_the_slots_after_the_first_quota_error() {
    let mut drive = tasks(133, Policy { slots: 10, ..Policy::default() });
    assert_eq!(drive.active().len(), 10);
    let first = starts(&drive);
    for hour in 1..=5 {
        for id in drive.active() {
            ends(&mut drive, &id, limited(None, Shortage::Allowance));
        }
        assert!(starts(&drive) - first <= 10, "{} starts by hour {hour}", starts(&drive) - first);
        drive.later(60 * MINUTE + 15 * MINUTE);
    }
    nobody_paid(&drive);
}

#[test]
fn an_unstated_rest_doubles_and_is_drawn_out_by_a_fifth_at_most() {
    let mut drive = tasks(1, Policy::default());
    let mut rests = Vec::new();
    for _ in 0..3 {
        ends(&mut drive, "T-001", limited(None, Shortage::Servers));
        let until = drive.state.breakers["command"].until.expect("open");
        rests.push(until.since(drive.now));
        drive.later(until.since(drive.now));
        all_work(&mut drive);
    }
    for (rest, least) in rests.iter().zip([MINUTE, 2 * MINUTE, 4 * MINUTE]) {
        assert!((least..=least + least / 5).contains(rest), "{rests:?}");
    }
}

fn with_fallback() -> Policy {
    let known = |fallback: Option<&str>| AgentPolicy {
        account: "one".to_owned(),
        model: None,
        fallback: fallback.map(str::to_owned),
    };
    let other = AgentPolicy { account: "two".to_owned(), ..AgentPolicy::default() };
    let agents = [("claude", known(Some("codex"))), ("twin", known(None)), ("codex", other)];
    let agents = agents.into_iter().map(|(name, known)| (name.to_owned(), known)).collect();
    Policy { agent: "claude".to_owned(), agents, slots: 1, ..Policy::default() }
}

#[test]
fn another_agent_takes_over_while_the_account_rests_and_not_in_its_session() {
    let mut drive = tasks(1, with_fallback());
    turned_away(&mut drive, "T-001", 60 * MINUTE, Shortage::Allowance);
    let running = drive.state.tasks[0].running().expect("the other one");
    assert_eq!(running.agent, "codex");
    let session = drive.state.tasks[0].facts.session.as_ref().expect("kept");
    assert_eq!(session.agent, "claude", "whose it is is known");
    assert!(!drive.state.is_usable("twin"), "agents of one account rest together");
}

#[test]
fn an_agent_that_is_out_of_order_keeps_only_its_own_tasks_waiting() {
    let mut policy = with_fallback();
    policy.agents.get_mut("claude").expect("known").fallback = None;
    let mut drive = tasks(2, policy);
    ends(&mut drive, "T-001", AgentEnd::new(Exit::CannotStart("not logged in".to_owned())));
    assert_eq!(starts(&drive), 1, "no further launch of that agent");
    nobody_paid(&drive);
    let paused = PauseCause::Agent { agent: "claude".to_owned(), why: "not logged in".to_owned() };
    assert!(drive.state.paused.contains(&paused) && !drive.state.is_halted());
    assert!(drive.state.is_usable("codex"));
    drive.command(Command::Unpause(None));
    assert_eq!(starts(&drive), 2);
}

#[test]
fn a_session_that_cannot_be_gone_on_with_is_left_at_no_cost() {
    for exit in [Exit::SessionLost("unknown".to_owned()), Exit::ContextFull("too long".to_owned())] {
        let mut drive = tasks(1, Policy::default());
        turned_away(&mut drive, "T-001", MINUTE, Shortage::Servers);
        drive.later(MINUTE);
        assert!(drive.state.tasks[0].facts.session.is_some());
        ends(&mut drive, "T-001", AgentEnd::new(exit));
        assert_eq!(drive.state.tasks[0].facts.session, None);
        assert!(drive.state.tasks[0].running().is_some(), "a new attempt goes on at once");
        assert_eq!(drive.state.tasks[0].facts.failures, 0);
    }
}

fn used(tokens: u64, cost: u64) -> AgentEnd {
    let usage = Usage { input: tokens, cost_micro_usd: Some(cost), ..Usage::default() };
    AgentEnd { usage, ..AgentEnd::new(Exit::Lost("gone".to_owned())) }
}

#[test]
fn a_budget_is_told_of_at_four_fifths_and_asked_about_when_spent() {
    let budget = Budget { run_micro_usd: 10_000_000, ..Budget::default() };
    let mut drive = tasks(3, Policy { budget, slots: 1, ..Policy::default() });
    ends(&mut drive, "T-001", used(10, 4_000_000));
    all_work(&mut drive);
    ends(&mut drive, "T-001", used(10, 4_000_000));
    let told = |e: &Event| matches!(e, Event::BudgetNeared { percent: 80 });
    assert!(drive.records.iter().flat_map(|r| &r.events).any(told));
    assert!(drive.active().is_empty(), "one more would cost 4 of the 2 that are left");
    let Some(Ask::Budget { spent, limit }) = asked(&drive) else { panic!("{:?}", drive.state.questions) };
    assert_eq!((spent.as_str(), limit.as_str()), ("$8.00", "$10.00"));
    assert_eq!(drive.state.tasks[0].facts.usage.cost_micro_usd, Some(8_000_000));
    answer(&mut drive, Answer::Yes);
    assert_eq!(drive.active().len(), 1, "granted as much again");
}

#[test]
fn what_is_at_work_is_never_ended_for_the_budget() {
    let budget = Budget { run_tokens: 100, ..Budget::default() };
    let mut drive = tasks(3, Policy { budget, slots: 2, ..Policy::default() });
    let seen = Sighting { usage: Usage { input: 500, ..Usage::default() }, ..Sighting::default() };
    let (task, attempt) = (TaskId::new("T-001"), ppe_core::ids::Attempt(1));
    drive.input(Input::Sighted { task, attempt, seen });
    assert!(drive.state.paused.contains(&PauseCause::Budget));
    assert_eq!(drive.active().len(), 2);
    assert!(drive.state.tasks.iter().all(|t| t.running().is_none_or(|r| r.stop.is_none())));
}

#[test]
fn a_task_that_spent_its_own_budget_waits_for_a_person_and_a_retry_grants_it_again() {
    let budget = Budget { task_micro_usd: 1_000_000, ..Budget::default() };
    let mut drive = tasks(1, Policy { budget, ..Policy::default() });
    assert_eq!(drive.state.task_money_left(0), Some(1_000_000));
    ends(&mut drive, "T-001", used(10, 1_200_000));
    let Step::Held { hold: Hold::Stuck, failure } = step(&drive, "T-001") else {
        panic!("{:?}", step(&drive, "T-001"))
    };
    assert_eq!(failure.summary, "its budget is spent: $1.20 of $1.00");
    drive.command(Command::Retry { task: TaskId::new("T-001"), note: None });
    assert_eq!(drive.state.task_money_left(0), Some(1_000_000));
    assert!(drive.state.tasks[0].running().is_some());
}

fn quiet(drive: &mut Drive, since: Millis) {
    let seen = Sighting { quiet_since: Some(since), ..Sighting::default() };
    let attempt = drive.state.tasks[0].running().expect("at work").attempt;
    drive.input(Input::Sighted { task: TaskId::new("T-001"), attempt, seen });
}

#[test]
fn a_silent_agent_is_asked_about_once_and_stopped_on_request() {
    let mut drive = tasks(1, Policy::default());
    let since = drive.now;
    quiet(&mut drive, since);
    drive.later(15 * MINUTE - 1);
    assert_eq!(asked(&drive), None);
    assert_eq!(ppe_core::decide::next_wakeup(&drive.state), Some(since.plus(15 * MINUTE)));
    drive.later(1);
    assert!(matches!(asked(&drive), Some(Ask::Silence { quiet_ms: 900_000, .. })), "{:?}", asked(&drive));
    answer(&mut drive, Answer::No);
    drive.later(60 * MINUTE);
    assert_eq!(asked(&drive), None, "who said to let it work is not asked again of the same silence");
    let later = drive.now;
    quiet(&mut drive, later);
    drive.later(15 * MINUTE);
    answer(&mut drive, Answer::Yes);
    assert!(drive.state.tasks[0].running().is_some_and(|r| r.stop == Some(Stop::Silent)));
}

#[test]
fn agents_that_are_silent_again_and_again_reach_a_person_though_nobody_answers() {
    let policy = Policy { question_timeout_ms: MINUTE, ..Policy::default() };
    let mut drive = tasks(1, policy);
    for attempt in 1..=12 {
        if matches!(step(&drive, "T-001"), Step::Held { hold: Hold::Stuck, .. }) {
            assert_eq!(attempt, 12, "ten more after the first");
            return;
        }
        drive.prepare("T-001");
        let since = drive.now;
        quiet(&mut drive, since);
        drive.later(15 * MINUTE);
        drive.later(MINUTE);
        drive.agent_ends("T-001", 1, Exit::Stopped, Claim::Nothing);
    }
    panic!("{:?}", step(&drive, "T-001"));
}

#[test]
fn what_is_seen_after_the_end_counts_nothing() {
    let budget = Budget { run_tokens: 1_000, ..Budget::default() };
    let mut drive = tasks(1, Policy { budget, ..Policy::default() });
    let usage = Usage { input: 600, ..Usage::default() };
    ends(&mut drive, "T-001", AgentEnd { usage, ..AgentEnd::new(Exit::Done) });
    let (task, attempt) = (TaskId::new("T-001"), ppe_core::ids::Attempt(1));
    let seen = Sighting { usage, quiet_since: Some(drive.now), ..Sighting::default() };
    drive.input(Input::Sighted { task, attempt, seen });
    assert_eq!(drive.state.spent(), usage);
    assert!(!drive.state.paused.contains(&PauseCause::Budget));
    drive.later(60 * MINUTE);
    assert_eq!(asked(&drive), None, "its measuring is not an agent's silence");
}

#[test]
fn an_agent_that_is_heard_of_again_takes_the_question_back() {
    let mut drive = tasks(1, Policy::default());
    let since = drive.now;
    quiet(&mut drive, since);
    drive.later(16 * MINUTE);
    assert!(asked(&drive).is_some());
    drive.sight("T-001", 1, None);
    assert_eq!(asked(&drive), None);
}

#[test]
fn an_agents_question_frees_its_slot_and_the_answer_comes_with_the_next_prompt() {
    let mut drive = tasks(1, Policy::default());
    let inquiry = Inquiry {
        text: "Which database?".to_owned(),
        options: vec!["Postgres".to_owned(), "SQLite".to_owned()],
        default: Some(2),
    };
    drive.agent_ends("T-001", 1, Exit::Done, Claim::Question(inquiry));
    assert!(drive.active().is_empty());
    let ask = asked(&drive).expect("asked").clone();
    assert_eq!(ask.text(), "T-001 asks: Which database?");
    let offered: Vec<_> = ask.choices().iter().map(|c| (c.answer.word(), c.effect.to_string())).collect();
    assert_eq!(offered[..2], [("1", "Postgres".to_owned()), ("2", "SQLite".to_owned())]);
    assert_eq!(ask.default_answer(), Answer::Option(2));
    answer(&mut drive, Answer::Option(1));
    all_work(&mut drive);
    let told = prompt(&drive.state, &TaskId::new("T-001"));
    assert!(told.contains("The answer to your question \"Which database?\" is: Postgres."), "{told}");
}

#[test]
fn an_answer_leaves_tries_budget_and_purpose_as_they_were() {
    let budget = Budget { task_tokens: 1_000, ..Budget::default() };
    let mut drive = tasks(1, Policy { budget, ..Policy::default() });
    drive.to_review("T-001", 2, 1);
    let candidate = drive.state.lane.chain[0].id;
    let (base, task, files) = (drive.state.target_tip.clone(), TaskId::new("T-001"), vec!["a".to_owned()]);
    let clashes = vec![Clash { task, with: ClashWith::Target, files }];
    drive.input(Input::CandidateBuilt { candidate, outcome: BuildOutcome::Conflict { base, clashes } });
    drive.later(MINUTE);
    all_work(&mut drive);
    let running = |drive: &Drive| drive.state.tasks[0].running().map(|r| r.kind);
    assert_eq!(running(&drive), Some(Kind::Conflict));
    let inquiry = Inquiry { text: "Ours or theirs?".to_owned(), ..Inquiry::default() };
    let usage = Usage { input: 300, ..Usage::default() };
    let claim = Claim::Question(inquiry);
    ends(&mut drive, "T-001", AgentEnd { usage, claim, ..AgentEnd::new(Exit::Done) });
    drive.measured("T-001", |_| {});
    let tries = drive.state.tasks[0].facts.tries;
    answer(&mut drive, Answer::Yes);
    assert_eq!(running(&drive), Some(Kind::Conflict), "it goes on as what it was");
    assert_eq!((tries.conflict, tries.asked), (1, 1));
    assert_eq!(drive.state.tasks[0].facts.tries, tries);
    assert_eq!(drive.state.tasks[0].facts.granted, Usage::default(), "no budget is granted by the way");
}

#[test]
fn more_questions_than_a_person_would_want_are_a_persons_to_look_at() {
    let mut drive = tasks(1, Policy { question_timeout_ms: MINUTE, ..Policy::default() });
    for _ in 0..11 {
        let inquiry = Inquiry { text: "A?".to_owned(), options: vec!["A".to_owned()], default: Some(1) };
        drive.agent_ends("T-001", 1, Exit::Done, Claim::Question(inquiry));
        drive.later(MINUTE);
    }
    let Step::Held { failure, .. } = step(&drive, "T-001") else { panic!("{:?}", step(&drive, "T-001")) };
    assert_eq!(failure.summary, "its agents asked for 10 decisions; the next: A?");
}

#[test]
fn a_stated_reset_that_cannot_be_one_neither_spins_nor_blocks_and_a_person_can_end_it() {
    let mut drive = tasks(1, Policy::default());
    for least in [1_000, 2_000, 4_000] {
        ends(&mut drive, "T-001", limited(Some(Millis(0)), Shortage::Rate));
        let until = drive.state.breakers["command"].until.expect("open");
        assert_eq!(until.since(drive.now), least);
        drive.later(least);
        all_work(&mut drive);
    }
    ends(&mut drive, "T-001", limited(Some(Millis(u64::MAX)), Shortage::Allowance));
    let until = drive.state.breakers["command"].until.expect("open");
    assert_eq!(until.since(drive.now), 8 * 24 * 60 * MINUTE);
    assert!(drive.active().is_empty());
    drive.command(Command::Unpause(None));
    assert_eq!(drive.active().len(), 1);
}

#[test]
fn an_option_that_was_not_offered_is_refused() {
    let mut drive = tasks(1, Policy::default());
    let inquiry = Inquiry { text: "Go on?".to_owned(), ..Inquiry::default() };
    drive.agent_ends("T-001", 1, Exit::Done, Claim::Question(inquiry));
    answer(&mut drive, Answer::Option(3));
    assert!(asked(&drive).is_some(), "it is still open");
    answer(&mut drive, Answer::Hold);
    assert!(matches!(step(&drive, "T-001"), Step::Held { hold: Hold::Stuck, .. }));
}

#[test]
fn what_was_not_permitted_is_asked_about_and_permitted_for_the_task() {
    let mut drive = tasks(1, Policy::default());
    let end = AgentEnd { denied: vec!["Bash(make)".to_owned()], ..AgentEnd::new(Exit::Done) };
    ends(&mut drive, "T-001", end);
    drive.measured("T-001", |snapshot| {
        snapshot.commits = 0;
        snapshot.differs = ppe_core::outcome::Differs::No;
    });
    assert!(matches!(asked(&drive), Some(Ask::Permission { tools, .. }) if tools == &["Bash(make)"]));
    nobody_paid(&drive);
    answer(&mut drive, Answer::Yes);
    assert_eq!(drive.state.tasks[0].facts.allowed, ["Bash(make)"]);
    assert!(prompt(&drive.state, &TaskId::new("T-001")).contains("You are now permitted: Bash(make)."));
}

#[test]
fn a_refusal_and_a_spent_limit_of_the_program_go_to_the_user_with_the_work_kept() {
    for exit in [Exit::Refused("the model declines".to_owned()), Exit::OverBudget("$1.00 spent".to_owned())] {
        let mut drive = tasks(1, Policy::default());
        drive.agent_ends("T-001", 1, exit.clone(), Claim::Nothing);
        assert!(matches!(step(&drive, "T-001"), Step::Held { hold: Hold::Stuck, .. }), "{exit:?}");
        assert!(drive.state.tasks[0].facts.tip.is_some());
    }
}

#[test]
fn commit_by_commit_asks_after_each_and_goes_on_until_all_are_made() {
    let mut drive = tasks(1, Policy { mode: Mode::CommitByCommit, ..Policy::default() });
    assert!(prompt(&drive.state, &TaskId::new("T-001")).contains("Make only commit 1: feat: part."));
    drive.agent_ends("T-001", 1, Exit::Done, Claim::Nothing);
    assert!(matches!(asked(&drive), Some(Ask::Boundary { done: 1, planned: 2, .. })), "{:?}", asked(&drive));
    answer(&mut drive, Answer::Yes);
    all_work(&mut drive);
    assert!(prompt(&drive.state, &TaskId::new("T-001")).contains("Make only commit 2: feat: part."));
    drive.agent_ends("T-001", 2, Exit::Done, Claim::Nothing);
    assert_eq!(asked(&drive), None);
    assert_eq!(drive.state.tasks[0].running().map(ppe_core::state::Running::round), Some(Round::Main));
}
