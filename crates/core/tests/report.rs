//! The report's figures, recomputed.

use ppe_core::board::progress;
use ppe_core::ids::TaskId;
use ppe_core::outcome::{Claim, Class, Coverage, Exit, Failure, Verdict, Verified};
use ppe_core::policy::{Order, Policy};
use ppe_core::prompt::change_body;
use ppe_core::report::{Judged, Lines, Measured, Report, Tests, report};
use ppe_core::view::RunWord;
use ppe_testkit::drive::{Drive, HOUR, plan, task};

const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

fn measured() -> Measured {
    Measured { next_steps: vec!["Review".into(), "Release {plan}! 🚀".into()], ..Measured::default() }
}

fn told(drive: &Drive) -> Report {
    report(&drive.state, drive.now, &measured())
}

/// Three tasks; T-3 fails once and is repaired. One week and then some.
fn finished() -> Drive {
    let tasks = vec![
        task("T-1", "one").module("core").commits(10).weeks(3),
        task("T-2", "two").module("web").commits(10).weeks(4),
        task("T-3", "three").module("core").commits(10).weeks(5),
    ];
    let policy = Policy { stagger_ms: 0, backoff_ms: 0, slots: 2, order: Order::Plan, ..Policy::default() };
    let mut drive = Drive::with(plan("Sample 3.0", tasks), policy, &[]);
    drive.later(2 * DAY);
    drive.land("T-1", 10, 1);
    drive.fail("T-3", Class::Verification, "red");
    drive.later(0);
    drive.later(DAY);
    drive.land("T-2", 11, 2);
    drive.later(3 * DAY);
    drive.land("T-3", 12, 3);
    drive
}

#[test]
fn a_complete_run_is_told_whole() {
    let mut drive = finished();
    drive.later(WEEK);
    let told = told(&drive);
    assert_eq!(told.state, RunWord::Complete);
    assert!(told.is_all_done());
    assert_eq!((told.tasks.total, told.tasks.done, told.tasks.landed), (3, 3, 3));
    assert_eq!((told.commits.planned, told.commits.made), (30, 33));
    assert_eq!((told.changes.created, told.changes.merged), (3, 3));
    assert_eq!((told.checks.runs, told.checks.red_now), (3, 0));
    assert_eq!(told.time.total_ms, 6 * DAY, "the time after the end does not count");
    // T-1: 2 days. T-2: 3 days. T-3: no time at first, then from day 2 or 3 to day 6.
    let by_task: u64 = told.each.iter().map(|t| t.worked_ms).sum();
    assert_eq!(told.time.attempts_ms, by_task);
    assert_eq!(by_task, 9 * DAY);
    assert!((told.time.average_concurrency.unwrap() - 1.5).abs() < 1e-9);
    assert!((told.time.commits_per_hour.unwrap() - 33.0 / 144.0).abs() < 1e-9);
    assert_eq!((told.success.first_try, told.success.retried, told.success.first_try_percent), (2, 1, 67));
    assert!((told.speed_up.by_estimate.unwrap() - 12.0 / (6.0 / 7.0)).abs() < 1e-9);
    let by_attempts = told.speed_up.by_attempts.unwrap();
    assert!((by_attempts - 1.5).abs() < 1e-9 && by_attempts <= f64::from(told.slots));
    let modules: Vec<_> = told.modules.iter().map(|m| (m.module.as_deref().unwrap(), m.features)).collect();
    assert_eq!(modules, [("core", 2), ("web", 1)]);
    assert_eq!(told.lines, Lines { added: 33 * 40, removed: 33 });
    assert_eq!(told.tests.added, 66);
    assert_eq!((told.repairs.tried, told.repairs.helped), (1, 1));
    assert_eq!(told.next_steps, ["Review", "Release Sample 3.0! 🚀"]);
}

#[test]
fn what_git_says_goes_before_what_was_noted() {
    let drive = finished();
    let tests = Tests { added: 5, counted: "JUnit results".into() };
    let measured = Measured {
        commits: Some(34),
        lines: Some(Lines { added: 1, removed: 2 }),
        tests: Some(tests.clone()),
        coverage_percent: Some(87.0),
        ..Measured::default()
    };
    let told = report(&drive.state, drive.now, &measured);
    assert_eq!((told.commits.made, told.lines.removed, told.tests), (34, 2, tests));
    assert_eq!(told.coverage_percent, Some(87.0));
}

#[test]
fn what_needs_a_person_comes_first_among_the_next_steps() {
    let tasks =
        vec![task("T-1", "one").commits(2), task("T-2", "two").commits(2), task("T-3", "x").needs(&["T-2"])];
    let mut drive = Drive::new(plan("Sample", tasks));
    drive.land("T-1", 2, 1);
    drive.agent_ends("T-2", 1, Exit::Done, Claim::Blocked("no key".into()));
    drive.tidy();
    let told = told(&drive);
    assert_eq!(told.state, RunWord::NeedsYou);
    assert_eq!((told.tasks.done, told.tasks.need_you, told.tasks.open), (1, 1, 1));
    assert_eq!(
        told.next_steps[0],
        "Mend T-2 (the agent is blocked: no key; its work lies on branch feat/T-2-two), then `ppe retry T-2`"
    );
    assert_eq!(told.held[0].id, TaskId::new("T-2"));
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["schema"], "ppe.report.v1");
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), told);
}

#[test]
fn green_without_any_check_is_not_called_checked() {
    let mut drive = Drive::new(plan("Plan", vec![task("T-001", "One").commits(2)]));
    drive.land("T-001", 2, 1);
    let runs =
        |judged| report(&drive.state, drive.now, &Measured { judged, ..Measured::default() }).checks.runs;
    assert_eq!(runs(Judged::ByChecks), 1);
    assert_eq!(runs(Judged::ByNothing), 0);
}

#[test]
fn the_coverage_that_was_measured_is_told_everywhere_until_work_is_verified_without_one() {
    let tasks = vec![task("T-1", "one").commits(2)];
    let policy = Policy { stagger_ms: 0, backoff_ms: 0, ..Policy::default() };
    let mut drive = Drive::with(plan("Sample", tasks), policy, &[]);
    drive.agent_ends("T-1", 2, Exit::Done, Claim::Nothing);
    let red = Verdict::Red(Failure::new(Class::Verification, "coverage is 83.2 %"));
    drive.verified("T-1", Verified { coverage: Some(Coverage(8_329)), ..red.into() });
    let line = |drive: &Drive| told(drive).each[0].coverage_basis_points;
    assert_eq!(line(&drive), Some(Coverage(8_329)), "what is not enough is known as well");
    let said = "Test coverage: 83.2 %";
    assert!(progress(&drive.state, 0, None).contains(said), "{}", progress(&drive.state, 0, None));
    assert!(change_body(&drive.state, 0).contains(said), "{}", change_body(&drive.state, 0));
    assert!(change_body(&drive.state, 0).contains("Planned in `plan.md`."));
    let text = serde_json::to_string(&told(&drive)).unwrap();
    assert!(text.contains("\"coverage_basis_points\":8329"), "{text}");
    drive.later(1);
    drive.agent_ends("T-1", 3, Exit::Done, Claim::Nothing);
    drive.verdict("T-1", Verdict::Unevaluated("no room".to_owned()));
    assert_eq!(line(&drive), Some(Coverage(8_329)), "nothing was found out");
    drive.verdict("T-1", Verdict::Green);
    assert_eq!(line(&drive), None);
    assert!(!change_body(&drive.state, 0).contains("Test coverage"));
}
