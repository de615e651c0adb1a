//! Reviews by an agent: they come once, what they find goes back once at no cost, and they hold nothing up.

use ppe_core::event::Event;
use ppe_core::ids::{Millis, TaskId};
use ppe_core::input::{Command, Input, Observed};
use ppe_core::outcome::{AgentEnd, Claim, Class, Exit, Failure, Shortage, Verdict};
use ppe_core::policy::{AgentPolicy, Budget, Policy, Retries, Reviewer};
use ppe_core::prompt::{change_body, prompt};
use ppe_core::state::{Facts, Kind, Phase, Review, Satisfies, Sighting, Step, StopMode, Task, Tries};
use ppe_core::usage::Usage;
use ppe_testkit::drive::{Drive, MINUTE, plan, task};

const ID: &str = "T-001";

fn policy() -> Policy {
    let reviewer = Reviewer { agent: "judge".to_owned(), model: Some("opus".to_owned()) };
    Policy { stagger_ms: 0, backoff_ms: 0, review: Some(reviewer), ..Policy::default() }
}

fn drive(policy: Policy) -> Drive {
    Drive::with(plan("Plan", vec![task(ID, "Part").commits(2)]), policy, &[])
}

/// A run whose task is verified, and the number of its attempt that is reviewed now.
fn reviewed(policy: Policy) -> Drive {
    let mut drive = drive(policy);
    work(&mut drive);
    assert_eq!(phase(&drive), Some(Phase::Reviewing));
    drive
}

fn work(drive: &mut Drive) {
    drive.agent_ends(ID, 2, Exit::Done, Claim::Nothing);
    drive.verdict(ID, Verdict::Green);
}

fn now(drive: &Drive) -> &Task {
    drive.state.task(&TaskId::new(ID)).expect("in the plan")
}

fn facts(drive: &Drive) -> &Facts {
    &now(drive).facts
}

fn phase(drive: &Drive) -> Option<Phase> {
    now(drive).running().map(|running| running.phase)
}

fn ends(drive: &mut Drive, end: AgentEnd) {
    let running = now(drive).running().expect("at work");
    let (task, attempt, round) = (TaskId::new(ID), running.attempt, running.round());
    drive.input(Input::AgentEnded { task, attempt, round, end: Box::new(end) });
}

fn found(points: &[&str]) -> AgentEnd {
    let findings = points.iter().map(|point| (*point).to_owned()).collect();
    let usage = Usage { input: 100, cost_micro_usd: Some(40_000), ..Usage::default() };
    AgentEnd { findings, usage, ..AgentEnd::new(Exit::Done) }
}

fn left_out(drive: &Drive) -> &str {
    match &facts(drive).review {
        Some(Review::LeftOut(why)) => why,
        other => panic!("a review that was left out, not {other:?}"),
    }
}

#[test]
fn what_a_review_finds_goes_back_once_at_no_cost_and_is_counted() {
    let mut drive = reviewed(policy());
    let told = prompt(&drive.state, &TaskId::new(ID));
    assert!(
        told.starts_with("Review the work of another agent on task T-001: Part. Change nothing."),
        "{told}"
    );
    ends(&mut drive, found(&["a.rs:3: loses the last line", "b.rs: no test"]));

    assert_eq!(facts(&drive).review, Some(Review::Findings(2)));
    let running = now(&drive).running().expect("sent back at once");
    assert_eq!((running.attempt.0, running.kind), (2, Kind::Review));
    assert_eq!((facts(&drive).tries, facts(&drive).failures), (Tries::default(), 0));
    assert_eq!((facts(&drive).usage.input, drive.state.totals.usage.cost_micro_usd), (100, Some(40_000)));
    drive.prepare(ID);
    let told = prompt(&drive.state, &TaskId::new(ID));
    assert!(told.contains("1. a.rs:3: loses the last line\n2. b.rs: no test"), "{told}");

    // Whatever is made of it, nobody looks again.
    drive.agent_ends(ID, 3, Exit::Done, Claim::NoChange("none is right".to_owned()));
    drive.verdict(ID, Verdict::Green);
    assert_eq!(now(&drive).step, Step::Publishing);
    assert!(facts(&drive).failure.is_none());
    let reviews = drive.records.iter().flat_map(|r| &r.events);
    assert_eq!(reviews.filter(|e| matches!(e, Event::ReviewStarted { .. })).count(), 1);
    assert!(change_body(&drive.state, 0).contains("Review before opening: 2 points, sent back."));
}

#[test]
fn a_clean_review_lets_the_work_pass_and_repairs_come_before_it() {
    let mut drive = drive(policy());
    drive.agent_ends(ID, 2, Exit::Done, Claim::Nothing);
    drive.verdict(ID, Verdict::Red(Failure::new(Class::Verification, "red")));
    drive.later(1);
    assert_eq!(now(&drive).running().map(|r| r.kind), Some(Kind::Verify), "nothing to review yet");
    work(&mut drive);
    ends(&mut drive, found(&[]));
    assert_eq!((&facts(&drive).review, &now(&drive).step), (&Some(Review::Clean), &Step::Publishing));
}

#[test]
fn a_review_that_cannot_be_had_holds_nothing_up() {
    let later =
        Exit::TryLater { until: Some(Millis(u64::MAX)), why: "429".to_owned(), shortage: Shortage::Rate };
    for (exit, said) in [
        (later, "429"),
        (Exit::CannotStart("not logged in".to_owned()), "not logged in"),
        (Exit::Failed("no luck".to_owned()), "no luck"),
        (Exit::Lost("killed".to_owned()), "killed"),
        (Exit::Stopped, "it was stopped from outside"),
    ] {
        let mut drive = reviewed(policy());
        ends(&mut drive, AgentEnd::new(exit.clone()));
        assert_eq!(left_out(&drive), said);
        assert_eq!(
            (&now(&drive).step, facts(&drive).tries),
            (&Step::Publishing, Tries::default()),
            "{exit:?}"
        );
        assert_eq!(drive.state.is_usable("judge"), !matches!(exit, Exit::TryLater { .. }), "{exit:?}");
    }
    // Points that were named before it failed are points.
    let mut drive = reviewed(policy());
    ends(&mut drive, AgentEnd { exit: Exit::Failed("no luck".to_owned()), ..found(&["a point"]) });
    assert_eq!(facts(&drive).review, Some(Review::Findings(1)));
}

#[test]
fn nobody_is_asked_for_a_review_who_cannot_be_had() {
    let mut broken = drive(policy());
    let why = "no such program".to_owned();
    let cause = ppe_core::state::PauseCause::Agent { agent: "judge".to_owned(), why };
    broken.state.paused.insert(cause);
    work(&mut broken);
    assert_eq!(left_out(&broken), "judge cannot be had: no such program");
    assert_eq!(now(&broken).step, Step::Publishing);

    let budget = Budget { run_tokens: 10, ..Budget::default() };
    let mut spent = drive(Policy { budget, ..policy() });
    spent.state.totals.usage.input = 10;
    work(&mut spent);
    assert_eq!(left_out(&spent), "the budget is spent");
}

#[test]
fn a_review_takes_room_on_its_own_account_only() {
    let account = |name: &str| AgentPolicy { account: name.to_owned(), ..AgentPolicy::default() };
    let agents = [("command".to_owned(), account("one")), ("judge".to_owned(), account("other"))];
    let drive = reviewed(Policy { agents: agents.into(), ..policy() });
    assert_eq!((drive.state.users("one"), drive.state.users("other")), (0, 1));
}

#[test]
fn a_silent_or_endless_review_is_cut_short_without_a_question() {
    for limit in [
        Policy { silence_ms: 15 * MINUTE, ..policy() },
        Policy { attempt_limit_ms: MINUTE, silence_ms: 0, ..policy() },
    ] {
        let mut drive = reviewed(limit);
        let seen = Sighting { commits: 9, quiet_since: Some(drive.now), ..Sighting::default() };
        let attempt = now(&drive).running().expect("at work").attempt;
        drive.input(Input::Sighted { task: TaskId::new(ID), attempt, seen });
        assert_eq!(facts(&drive).seen.commits, 2, "its commits are not the task's");
        drive.later(16 * MINUTE);
        assert!(drive.state.questions.is_empty());
        assert!(now(&drive).running().is_some_and(|r| r.stop.is_some()), "{:?}", now(&drive).step);
        ends(&mut drive, AgentEnd::new(Exit::Stopped));
        assert_eq!((left_out(&drive), &now(&drive).step), ("it took too long", &Step::Publishing));
    }
}

#[test]
fn a_review_that_is_stopped_with_the_run_is_still_to_be_had() {
    let mut drive = reviewed(policy());
    drive.command(Command::Stop(StopMode::Agents));
    ends(&mut drive, AgentEnd::new(Exit::Stopped));
    assert_eq!(facts(&drive).review, None);
    drive.input(Input::Opened);
    assert_eq!(now(&drive).running().map(|r| r.kind), Some(Kind::Recheck), "no agent is needed again");
    drive.prepare(ID);
    drive.measured(ID, |_| {});
    drive.verdict(ID, Verdict::Green);
    assert_eq!(phase(&drive), Some(Phase::Reviewing));

    // What it found before the stop came is not lost.
    drive.command(Command::Stop(StopMode::Agents));
    ends(&mut drive, AgentEnd { exit: Exit::Stopped, ..found(&["a point"]) });
    drive.input(Input::Opened);
    assert_eq!(now(&drive).running().map(|r| r.kind), Some(Kind::Review));
}

#[test]
fn a_persons_work_is_not_reviewed_and_without_a_reviewer_nobody_is() {
    let mut mended = drive(Policy { backoff_ms: MINUTE, ..policy() });
    mended.agent_ends(ID, 1, Exit::Failed("no luck".to_owned()), Claim::Nothing);
    let tip = ppe_core::ids::CommitId::new("theirs");
    mended.input(Input::Observed(Observed::Branch { task: TaskId::new(ID), tip }));
    mended.later(2 * MINUTE);
    mended.prepare(ID);
    mended.measured(ID, |_| {});
    mended.verdict(ID, Verdict::Green);
    assert_eq!((&now(&mended).step, &facts(&mended).review), (&Step::Publishing, &None));

    let mut none = drive(Policy { review: None, ..policy() });
    work(&mut none);
    assert_eq!(now(&none).step, Step::Publishing);
}

#[test]
fn what_was_found_stays_until_someone_has_gone_through_it() {
    let mut drive = reviewed(policy());
    ends(&mut drive, found(&["a point"]));
    drive.agent_ends(ID, 2, Exit::Failed("no luck".to_owned()), Claim::Nothing);
    drive.later(1);
    drive.prepare(ID);
    let told = prompt(&drive.state, &TaskId::new(ID));
    assert!(told.contains("The last attempt ended so: no luck") && told.contains("1. a point"), "{told}");

    drive.command(Command::Skip { task: TaskId::new(ID), satisfies: Satisfies::No });
    ends(&mut drive, AgentEnd::new(Exit::Stopped));
    drive.measured(ID, |_| {});
    drive.command(Command::Retry { task: TaskId::new(ID), note: None });
    assert_eq!(
        (facts(&drive).review.as_ref(), facts(&drive).findings.len()),
        (Some(&Review::Findings(1)), 1)
    );
    drive.prepare(ID);
    work(&mut drive);
    assert_eq!((&now(&drive).step, facts(&drive).findings.len()), (&Step::Publishing, 0));
}

#[test]
fn work_that_an_agent_made_in_an_earlier_attempt_is_reviewed() {
    let retries = Retries { verification: 0, ..Retries::default() };
    let mut drive = drive(Policy { retries, ..policy() });
    drive.agent_ends(ID, 2, Exit::Done, Claim::Nothing);
    drive.verdict(ID, Verdict::Red(Failure::new(Class::Verification, "red")));
    assert!(matches!(now(&drive).step, Step::Held { .. }));
    drive.command(Command::Retry { task: TaskId::new(ID), note: None });
    drive.prepare(ID);
    drive.measured(ID, |_| {});
    drive.verdict(ID, Verdict::Green);
    assert_eq!(phase(&drive), Some(Phase::Reviewing), "the command was at fault, and nobody has looked yet");
}

#[test]
fn a_model_that_only_the_reviewer_wants_stops_nobody_else() {
    let reviewer = Reviewer { agent: "command".to_owned(), model: Some("typo".to_owned()) };
    let mut drive = reviewed(Policy { review: Some(reviewer), ..policy() });
    ends(&mut drive, AgentEnd::new(Exit::CannotStart("no such model".to_owned())));
    assert_eq!((left_out(&drive), drive.state.is_usable("command")), ("no such model", true));
}

#[test]
fn a_task_that_has_spent_its_own_budget_is_not_reviewed() {
    let budget = Budget { task_tokens: 10, ..Budget::default() };
    let mut drive = drive(Policy { budget, ..policy() });
    drive.prepare(ID);
    let usage = Usage { input: 11, ..Usage::default() };
    ends(&mut drive, AgentEnd { usage, ..AgentEnd::new(Exit::Done) });
    drive.measured(ID, |snapshot| snapshot.commits = 2);
    drive.verdict(ID, Verdict::Green);
    assert!(left_out(&drive).starts_with("its budget is spent"));
    assert_eq!(now(&drive).step, Step::Publishing);
}
