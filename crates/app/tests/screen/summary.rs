//! The completion screen, compared as text.

use crate::world::{begun, land_everything, policy, stuck};
use ppe_app::cli::screen::{Look, summary};
use ppe_core::outcome::{Class, Failure, Verdict};
use ppe_core::report::{Lines, Measured, Tests, report};
use ppe_testkit::drive::{Drive, HOUR, plan, task};

const DAY: u64 = 24 * HOUR;

fn measured() -> Measured {
    let steps = [
        "Review all PRs in GitHub",
        "Run full integration test suite",
        "Update documentation",
        "Release {plan}! 🚀",
    ];
    Measured {
        lines: Some(Lines { added: 45_230, removed: 1_204 }),
        tests: Some(Tests { added: 2_847, counted: "JUnit results".into() }),
        coverage_percent: Some(87.4),
        next_steps: steps.map(str::to_owned).to_vec(),
        ..Measured::default()
    }
}

fn shown(drive: &Drive, measured: &Measured) -> String {
    summary(&report(&drive.state, drive.now, measured), &Look::default()).join("\n")
}

/// The example in nine weeks and four days: 45 landings, three of them only at the second try.
#[test]
fn the_example_complete() {
    let mut drive = begun();
    for id in ["T-023", "T-024", "T-025"] {
        drive.fail(id, Class::Verification, &format!("red in {id}"));
        drive.later(1);
    }
    land_everything(&mut drive, 67 * DAY / 45);
    insta::assert_snapshot!(shown(&drive, &measured()), @r#"
    ╔══════════════════════════════════════════════════════════════════════════════╗
    ║                  🎉 APiGen 3.0 Implementation Complete! 🎉                   ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║                                                                              ║
    ║ ✅ All 45 tasks completed                                                    ║
    ║ ✅ 1,208 commits pushed                                                      ║
    ║ ✅ 45 PRs created and merged                                                 ║
    ║ ✅ All CI checks passed                                                      ║
    ║                                                                              ║
    ║ 📊 Execution Statistics:                                                     ║
    ║   Total time: 9 weeks 4 days                                                 ║
    ║   Average concurrency: 6.5 tasks (at most 7)                                 ║
    ║   Commits/hour: 0.8                                                          ║
    ║   Success rate: 93% (42 first-try, 3 retried)                                ║
    ║   Repairs: 3 tried, 3 helped                                                 ║
    ║                                                                              ║
    ║ 🚀 Performance vs Sequential:                                                ║
    ║   Sequential estimate: 120 weeks (by the plan)                               ║
    ║   Sequential measured: 62 weeks 3 days (all attempts, one by one)            ║
    ║   Parallel actual: 10 weeks                                                  ║
    ║   Speed up: 12x faster! ⚡ (than the plan's estimate)                        ║
    ║   Speed up: 6.5x by measured time                                            ║
    ║                                                                              ║
    ║ 📦 Modules Updated:                                                          ║
    ║   apigen-core: 40 features                                                   ║
    ║   apigen-codegen: 2 features                                                 ║
    ║   apigen-gateway: 1 feature                                                  ║
    ║   apigen-graphql: 1 feature                                                  ║
    ║   apigen-security: 1 feature                                                 ║
    ║                                                                              ║
    ║ 🎯 Quality Metrics:                                                          ║
    ║   Test coverage: 87% average                                                 ║
    ║   Tests added: 2,847 tests (JUnit results)                                   ║
    ║   Lines of code: +45,230 LOC (-1,204)                                        ║
    ║                                                                              ║
    ╚══════════════════════════════════════════════════════════════════════════════╝

    Next steps:
    1. Review all PRs in GitHub
    2. Run full integration test suite
    3. Update documentation
    4. Release APiGen 3.0! 🚀
    "#);
}

#[test]
fn with_tasks_left_over_it_says_so_and_what_needs_you_comes_first() {
    insta::assert_snapshot!(shown(&stuck(), &Measured { coverage_percent: None, ..measured() }), @r#"
    ╔══════════════════════════════════════════════════════════════════════════════╗
    ║              APiGen 3.0: 11 of 45 landed, 1 needs you, 33 open               ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║                                                                              ║
    ║ ✅ 11 of 45 tasks completed                                                  ║
    ║ ✅ 304 commits pushed (1,208 planned)                                        ║
    ║ ✅ 12 PRs created, 11 merged                                                 ║
    ║ ✅ All CI checks passed                                                      ║
    ║ 🚧 T-003 Kubernetes Manifests: does not compile                              ║
    ║                                                                              ║
    ║ 📊 Execution Statistics:                                                     ║
    ║   Total time: 2h 59m                                                         ║
    ║   Average concurrency: 7.0 tasks (at most 7)                                 ║
    ║   Commits/hour: 102                                                          ║
    ║   Success rate: 92% (11 first-try, 0 retried, 1 not yet)                     ║
    ║   Repairs: 3 tried, 0 helped                                                 ║
    ║                                                                              ║
    ║ 🚀 Performance vs Sequential:                                                ║
    ║   Sequential estimate: 27 weeks (by the plan)                                ║
    ║   Sequential measured: 20h 53m (all attempts, one by one)                    ║
    ║   Parallel actual: 2h 59m                                                    ║
    ║   Speed up: 1520x faster! ⚡ (than the plan's estimate)                      ║
    ║   Speed up: 7.0x by measured time                                            ║
    ║                                                                              ║
    ║ 📦 Modules Updated:                                                          ║
    ║   apigen-core: 11 features                                                   ║
    ║                                                                              ║
    ║ 🎯 Quality Metrics:                                                          ║
    ║   Test coverage: no coverage report found                                    ║
    ║   Tests added: 2,847 tests (JUnit results)                                   ║
    ║   Lines of code: +45,230 LOC (-1,204)                                        ║
    ║                                                                              ║
    ╚══════════════════════════════════════════════════════════════════════════════╝

    Next steps:
    1. Mend T-003 (does not compile; its work lies on branch
         feat/T-003-kubernetes-manifests), then `ppe retry T-003`
    2. Answer `ppe answer q1 yes|no`: 13 quick tasks waiting, but slots full. Pause
         T-001 (2h 27m left)?
    3. Review all PRs in GitHub
    4. Run full integration test suite
    5. Update documentation
    6. Release APiGen 3.0! 🚀
    "#);
}

#[test]
fn red_checks_are_not_called_passed() {
    let tasks = vec![task("T-001", "Build").commits(2), task("T-002", "Use").commits(2)];
    let mut drive = Drive::with(plan("Small", tasks), policy(), &[]);
    for n in 0..4 {
        drive.to_review("T-001", 2 + n, 7);
        drive.build();
        drive.checks(&Verdict::Red(Failure::new(Class::Ci, "lint is red")));
        drive.land_all();
        drive.later(HOUR);
    }
    let screen = shown(&drive, &measured());
    assert!(screen.contains("║ 🚧 CI checks red for 1 task "), "{screen}");
    assert!(!screen.contains("All CI checks passed"));
    assert!(screen.contains("1. Review PR #7 of T-001 (lint is red), then `ppe retry T-001`"), "{screen}");
}
