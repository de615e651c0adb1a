//! What an agent is told, word for word where the words matter.

use super::*;
use crate::outcome::Class;
use crate::plan::{PlanSpec, PlannedCommit, Spot, check};
use crate::policy::Mode;
use std::sync::Arc;

fn task() -> Task {
    let spot = Spot { file: "T-001.md".into(), line: 1 };
    let commit = |subject: &str, phase| PlannedCommit {
        subject: subject.into(),
        phase: Some(phase),
        files: vec!["src/sub.rs".into()],
        spot: None,
    };
    let spec = TaskSpec {
        body: "Subscriptions over websockets. Say {{task}}.".into(),
        module: Some("apigen-graphql".into()),
        coverage_target: Some(80),
        phases: vec!["Infrastructure".into(), "Generation".into()],
        commits: vec![commit("feat(graphql): the schema", 0), commit("feat(graphql): the resolver", 1)],
        ..TaskSpec::bare(TaskId::new("T-001"), "GraphQL Subscriptions", spot)
    };
    let plan = check(PlanSpec { name: "APiGen".into(), tasks: vec![spec] }, Vec::new()).plan;
    plan.unwrap().tasks.remove(0)
}

fn told(policy: &Policy, kind: Kind, failure: Option<&Failure>, heard: Heard) -> String {
    let (task, target) = (task(), Branch::new("main"));
    let branch = "feat/T-001-graphql-subscriptions";
    let note = failure.map(|_| "mind the gap");
    Telling {
        policy,
        task: &task,
        branch,
        target: &target,
        kind,
        failure,
        findings: &[],
        note,
        stack: None,
        heard,
        done: 0,
    }
    .text()
}

/// What a first attempt is told.
fn anew(policy: &Policy) -> String {
    told(policy, Kind::First, None, Heard::Nothing)
}

#[test]
fn the_first_prompt_holds_everything_that_the_work_needs() {
    let text = first(&Policy::default(), &task(), &Branch::new("main"));
    assert!(
        text.starts_with(
            "Execute task T-001 autonomously. Report progress every 5 commits.\n\nT-001: GraphQL Subscriptions\n\nYou are in"
        ),
        "{text}"
    );
    for part in [
        "on the branch `feat/T-001-graphql-subscriptions`, which began at the tip of `main`",
        "module `apigen-graphql`",
        "80 % or above",
        "Read the whole task below",
        "one commit at a time",
        "Run the project's own checks",
        "Report progress every 5 commits: `ppe report commit N`",
        "ppe report phase",
        "Do not push",
        "other branches",
        "ppe report no-change",
        "ppe report question",
        "ppe report blocked",
        "Name no AI",
        "write `\"$PPE_PROGRAM\"` in its place",
        "Phase 2: Generation\n   2. feat(graphql): the resolver (src/sub.rs)",
        "The task as written:\n\nSubscriptions over websockets. Say {{task}}.",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    assert!(!text.contains("\n\n\n"), "{text}");
    assert!(!text.contains("a person looks at it"), "{text}");
}

#[test]
fn the_policy_is_in_the_words() {
    let policy = Policy {
        report_every_commits: 3,
        attribution: Attribution::Allow,
        mode: Mode::CommitByCommit,
        ..Policy::default()
    };
    let text = anew(&policy);
    assert!(text.contains("Report progress every 3 commits.") && !text.contains("every 5"), "{text}");
    assert!(!text.contains("Name no AI"), "{text}");
    assert!(text.contains("Make only commit 1: feat(graphql): the schema. That is commit 1 of"), "{text}");
    let phases = Policy { mode: Mode::PhaseByPhase, ..Policy::default() };
    assert!(anew(&phases).contains("Make only phase 1: Infrastructure."));
    let repair = told(&phases, Kind::Verify, None, Heard::Task);
    assert!(!repair.contains("Make only"), "a repair is done as a whole: {repair}");
}

#[test]
fn a_repair_is_told_what_failed_and_the_task_only_to_who_does_not_know_it() {
    let failure =
        Failure { detail: "assert_eq!(1, 2)".to_owned(), ..Failure::new(Class::Verification, "test is red") };
    let policy = Policy::default();
    let again = told(&policy, Kind::Verify, Some(&failure), Heard::Task);
    for part in [
        "Verification of your work was red.",
        "What failed: test is red\n\nThe end of the output:\n\nassert_eq!(1, 2)",
        "A person adds: mind the gap",
        "ppe report flaky",
    ] {
        assert!(again.contains(part), "`{part}` is not in:\n{again}");
    }
    assert!(!again.contains("Commit plan") && !again.contains("The task as written"), "{again}");
    assert!(!again.contains("private clone"), "{again}");
    let anew = told(&policy, Kind::Verify, Some(&failure), Heard::Nothing);
    assert!(anew.contains("Commit plan (2 commits)") && anew.contains("The task as written"), "{anew}");
    assert!(anew.contains("private clone"), "{anew}");
}

#[test]
fn a_template_of_the_users_takes_the_place_of_ours() {
    let own = |text: &str| Policy { prompt: Some(text.to_owned()), ..Policy::default() };
    let text =
        anew(&own("{{task}} on {{branch}} for {{target}} in {{module}} at {{coverage}}\n\n{{note}}\n\nend"));
    assert_eq!(text, "T-001 on feat/T-001-graphql-subscriptions for main in apigen-graphql at 80 %\n\nend");
    let wrong = anew(&own("{{nobody}}"));
    assert!(wrong.starts_with("Execute task T-001 autonomously"), "never an empty prompt: {wrong}");
}

#[test]
fn a_plan_without_commits_or_text_leaves_no_gaps() {
    let spot = Spot { file: Arc::from("a.md"), line: 1 };
    let spec = TaskSpec::bare(TaskId::new("T-9"), "Bare", spot);
    let plan = check(PlanSpec { name: "P".into(), tasks: vec![spec] }, Vec::new()).plan.unwrap();
    let text = first(&Policy::default(), &plan.tasks[0], &Branch::new("main"));
    assert!(!text.contains("Commit plan (") && !text.contains("\n\n\n") && !text.ends_with('\n'), "{text}");
}
