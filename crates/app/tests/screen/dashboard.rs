//! The dashboard, compared as text.

use crate::world::{begun, busy, land_everything, name, seen, stuck};
use ppe_app::cli::screen::{Letters, Look, dashboard, details};
use ppe_core::input::{Command, Input};
use ppe_core::intent::Intent;
use ppe_core::outcome::{Claim, Class, Exit};
use ppe_core::state::StopMode;
use ppe_core::view::RunView;
use ppe_testkit::drive::{Drive, HOUR, MINUTE};

const UPDATED: &str = "2026-01-29 14:23:45";

fn at(width: usize, height: usize) -> Look {
    Look { width, height: Some(height), ..Look::default() }
}

fn shown(view: &RunView, look: &Look) -> String {
    dashboard(view, look, UPDATED).join("\n")
}

#[test]
fn the_example_after_three_hours() {
    insta::assert_snapshot!(shown(&seen(&busy()), &Look::default()), @r#"
    ╔══════════════════════════════════════════════════════════════════════════════╗
    ║                  APiGen 3.0 - Parallel Execution Dashboard                   ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ Wave 0: 31 tasks | ███████░░░░░░░░░░░░░ 11/31 (35%)                          ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ ❓ q1: 13 quick tasks waiting, but slots full. Pause T-001 (2h 27m left)?    ║
    ║    ppe answer q1 yes|no (nobody answers: no)                                 ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ 🔄 Active (7/7 slots):                                                       ║
    ║                                                                              ║
    ║ T-001 [█████████░░░░░░░] 12/20 (60%) | 1h 51m elapsed                        ║
    ║   GraphQL Subscriptions | apigen-graphql                                     ║
    ║   Phase 2: Generation (in progress)                                          ║
    ║                                                                              ║
    ║ T-002 [███████████████░] 17/18 (94%) | 1h 44m elapsed                        ║
    ║   Contract Testing | apigen-codegen                                          ║
    ║   Phase 3: Integration (almost done) ⏰                                      ║
    ║                                                                              ║
    ║ T-003 [███████░░░░░░░░░] 10/22 (45%) | 1h 37m elapsed                        ║
    ║   Kubernetes Manifests | apigen-gateway                                      ║
    ║   Phase 1: Base manifests (in progress)                                      ║
    ║                                                                              ║
    ║ T-004 [███░░░░░░░░░░░░░] 7/29 (24%) | 1h 30m elapsed                         ║
    ║   Two-Factor Auth | apigen-security                                          ║
    ║   Phase 1: TOTP implementation (in progress)                                 ║
    ║                                                                              ║
    ║ T-005 [█████░░░░░░░░░░░] 9/25 (36%) | 1h 23m elapsed                         ║
    ║   Multi-Database Support | apigen-core                                       ║
    ║   Phase 2: Connection pooling (in progress)                                  ║
    ║                                                                              ║
    ║ T-006 [█████████░░░░░░░] 15/25 (60%) | 1h 16m elapsed                        ║
    ║   Dashboard Generation | apigen-codegen                                      ║
    ║   Phase 2: Template generation (in progress)                                 ║
    ║                                                                              ║
    ║ T-008 [░░░░░░░░░░░░░░░░] 0/28 (0%) | 2m elapsed                              ║
    ║   Feature 8 | apigen-core                                                    ║
    ║   Preparing its workspace...                                                 ║
    ║                                                                              ║
    ║ 🔍 In review (1 task) | lane: T-007 is being checked                         ║
    ║                                                                              ║
    ║ T-007 [████████████████] 16/16 (100%) | 1h 7m ⏰                             ║
    ║   WebSocket API | apigen-core                                                ║
    ║   ✅ PR #159 created, CI pending...                                          ║
    ║                                                                              ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ ✅ Completed (11 tasks):                                                     ║
    ║   T-023, T-024, T-025, T-026, T-030, T-031, T-034, T-035, T-036, T-038,      ║
    ║   T-039                                                                      ║
    ║                                                                              ║
    ║ 🔜 Next in Queue (Wave 0):                                                   ║
    ║   T-011, T-012, T-013, T-014, T-019, T-020, T-021, T-040, T-041, T-042, ...  ║
    ║                                                                              ║
    ║ ⏳ Waiting (Wave 1 - 9 tasks blocked):                                       ║
    ║   T-009 (waiting for T-002) ⏰ Ready soon!                                   ║
    ║   T-010 (waiting for T-003)                                                  ║
    ║   T-015 (waiting for T-008)                                                  ║
    ║   ...                                                                        ║
    ║                                                                              ║
    ║ ⏳ Waiting (Wave 2 - 2 tasks blocked):                                       ║
    ║   T-016, T-017                                                               ║
    ║                                                                              ║
    ║ ⏳ Waiting (Wave 3 - 3 tasks blocked):                                       ║
    ║   T-027, T-028, T-029                                                        ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ 📊 Overall Progress:                                                         ║
    ║   Tasks: 11/45 (24%)                                                         ║
    ║   Commits: ~390/1,208 (32%)                                                  ║
    ║   Time elapsed: 2h 59m                                                       ║
    ║   Est. remaining: ~7h 52m (at current parallelization)                       ║
    ║   Landing: main on local (exact)                                             ║
    ║                                                                              ║
    ║ 🎯 Velocity:                                                                 ║
    ║   Commits/hour: ~131 (7 tasks parallel)                                      ║
    ║   Tasks/day: ~88.5 (with parallelization)                                    ║
    ╚══════════════════════════════════════════════════════════════════════════════╝

    Last updated: 2026-01-29 14:23:45
    Press Ctrl+C to pause | Type 'status' for details
    "#);
}

#[test]
fn forty_rows_hold_everything_in_short() {
    insta::assert_snapshot!(shown(&seen(&busy()), &at(80, 40)), @r#"
    ╔══════════════════════════════════════════════════════════════════════════════╗
    ║                  APiGen 3.0 - Parallel Execution Dashboard                   ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ Wave 0: 31 tasks | ███████░░░░░░░░░░░░░ 11/31 (35%)                          ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ ❓ q1: 13 quick tasks waiting, but slots full. Pause T-001 (2h 27m left)?    ║
    ║    ppe answer q1 yes|no                                                      ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ 🔄 Active (7/7 slots):                                                       ║
    ║ T-001 [██████░░░░] 12/20 (60%) | 1h 51m | Phase 2: Generation (in progress)  ║
    ║ T-002 [█████████░] 17/18 (94%) | 1h 44m | Phase 3: Integration (almost do... ║
    ║ T-003 [████░░░░░░] 10/22 (45%) | 1h 37m | Phase 1: Base manifests (in pro... ║
    ║ T-004 [██░░░░░░░░] 7/29 (24%) | 1h 30m | Phase 1: TOTP implementation (in... ║
    ║ T-005 [███░░░░░░░] 9/25 (36%) | 1h 23m | Phase 2: Connection pooling (in ... ║
    ║ T-006 [██████░░░░] 15/25 (60%) | 1h 16m | Phase 2: Template generation (i... ║
    ║ T-008 [░░░░░░░░░░] 0/28 (0%) | 2m | Preparing its workspace...               ║
    ║ 🔍 In review (1 task) | lane: T-007 is being checked                         ║
    ║ T-007 [██████████] 16/16 (100%) | 1h 7m ⏰ | ✅ PR #159 created, CI pendi... ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ ✅ Completed (11 tasks):                                                     ║
    ║   T-023, T-024, T-025, T-026, T-030, T-031, T-034, T-035, T-036, T-038, ...  ║
    ║ 🔜 Next in Queue (Wave 0):                                                   ║
    ║   T-011, T-012, T-013, T-014, T-019, T-020, T-021, T-040, T-041, T-042, ...  ║
    ║ ⏳ Waiting (Wave 1 - 9 tasks blocked):                                       ║
    ║   T-009, T-010, T-015, T-018, T-022, T-032, T-033, T-037, T-043              ║
    ║ ⏳ Waiting (Wave 2 - 2 tasks blocked):                                       ║
    ║   T-016, T-017                                                               ║
    ║ ⏳ Waiting (Wave 3 - 3 tasks blocked):                                       ║
    ║   T-027, T-028, T-029                                                        ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ 📊 Tasks: 11/45 (24%) | Commits: ~390/1,208 (32%) | Elapsed: 2h 59m          ║
    ║ 🎯 Commits/hour: ~131 | Est. remaining: ~7h 52m (at current parallelization) ║
    ╚══════════════════════════════════════════════════════════════════════════════╝
    Last updated: 2026-01-29 14:23:45
    Press Ctrl+C to pause | Type 'status' for details
    "#);
}

#[test]
fn twenty_four_rows_hold_the_totals_and_who_is_at_work() {
    insta::assert_snapshot!(shown(&seen(&busy()), &at(80, 24)), @r#"
    ╔══════════════════════════════════════════════════════════════════════════════╗
    ║                  APiGen 3.0 - Parallel Execution Dashboard                   ║
    ║ 📊 Tasks: 11/45 (24%) | Commits: ~390/1,208 (32%) | Elapsed: 2h 59m          ║
    ║ 🎯 Commits/hour: ~131 | Est. remaining: ~7h 52m (at current parallelization) ║
    ║ ❓ q1: 13 quick tasks waiting, but slots full. Pause T-001 (2h 27m left)?    ║
    ║    ppe answer q1 yes|no                                                      ║
    ║ 🔄 Active (7/7 slots):                                                       ║
    ║ T-001 [██████░░░░] 12/20 (60%) | 1h 51m | Phase 2: Generation (in progress)  ║
    ║ T-002 [█████████░] 17/18 (94%) | 1h 44m | Phase 3: Integration (almost do... ║
    ║ T-003 [████░░░░░░] 10/22 (45%) | 1h 37m | Phase 1: Base manifests (in pro... ║
    ║ T-004 [██░░░░░░░░] 7/29 (24%) | 1h 30m | Phase 1: TOTP implementation (in... ║
    ║ T-005 [███░░░░░░░] 9/25 (36%) | 1h 23m | Phase 2: Connection pooling (in ... ║
    ║ T-006 [██████░░░░] 15/25 (60%) | 1h 16m | Phase 2: Template generation (i... ║
    ║ T-008 [░░░░░░░░░░] 0/28 (0%) | 2m | Preparing its workspace...               ║
    ║ 🔍 In review (1 task) | lane: T-007 is being checked                         ║
    ╚══════════════════════════════════════════════════════════════════════════════╝
    Last updated: 2026-01-29 14:23:45
    Press Ctrl+C to pause | Type 'status' for details
    "#);
}

#[test]
fn what_is_cut_is_counted() {
    insta::assert_snapshot!(shown(&seen(&busy()), &at(40, 10)), @r#"
    ╔══════════════════════════════════════╗
    ║ APiGen 3.0 - Parallel Execution D... ║
    ║ 📊 Tasks: 11/45 (24%) | Commits: ... ║
    ║ 🎯 Commits/hour: ~131 | Est. rema... ║
    ║ ❓ q1: 13 quick tasks waiting, bu... ║
    ║    ppe answer q1 yes|no              ║
    ║ 🔄 Active (7/7 slots):               ║
    ║ ... 8 more lines: `ppe status` sh... ║
    ╚══════════════════════════════════════╝
    Press Ctrl+C to pause | Type 'status'...
    "#);
    insta::assert_snapshot!(shown(&seen(&busy()), &at(30, 8)), @r#"
    APiGen 3.0 - Parallel Execu...
    📊 Tasks: 11/45 (24%) | Com...
    🎯 Commits/hour: ~131 | Est...
    ❓ q1: 13 quick tasks waiti...
       ppe answer q1 yes|no
    🔄 Active (7/7 slots):
    ... 8 more lines: `ppe stat...
    Press Ctrl+C to pause | Typ...
    "#);
}

#[test]
fn no_size_is_too_small() {
    for (width, height) in [(1, 1), (2, 2), (3, 1), (40, 1), (40, 3), (1, 60), (39, 5)] {
        let lines = dashboard(&seen(&stuck()), &at(width, height), UPDATED);
        assert!(lines.len() <= height, "{width}x{height}: {lines:?}");
    }
}

#[test]
fn a_wide_screen_is_used() {
    let lines = dashboard(&seen(&busy()), &at(120, 70), UPDATED);
    assert_eq!(lines[0].chars().count(), 120);
    let queue = "║   T-011, T-012, T-013, T-014, T-019, T-020, T-021, T-040, T-041, T-042, T-044, T-045 ";
    assert!(lines.iter().any(|line| line.starts_with(queue)), "{lines:#?}");
}

#[test]
fn a_stuck_task_says_what_failed_where_and_what_next() {
    let screen = shown(&seen(&stuck()), &Look::default());
    let told: Vec<&str> = screen.lines().skip(5).take(8).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    ║ ❓ q1: 13 quick tasks waiting, but slots full. Pause T-001 (2h 27m left)?    ║
    ║    ppe answer q1 yes|no (nobody answers: no)                                 ║
    ║ 🚧 T-003 needs manual intervention. 7 other tasks continuing...              ║
    ║    Kubernetes Manifests: does not compile                                    ║
    ║    Its work lies on branch feat/T-003-kubernetes-manifests                   ║
    ║    Next: ppe retry T-003                                                     ║
    ╠══════════════════════════════════════════════════════════════════════════════╣
    ║ 🔄 Active (7/7 slots):                                                       ║
    "#);
    assert!(!screen.contains("T-003 ["), "it is not at work");
    let waits = "║   T-010 (blocked: T-003 needs manual intervention) ";
    assert!(screen.lines().any(|line| line.starts_with(waits)), "{screen}");
}

#[test]
fn whoever_stands_still_is_told_of_with_the_command_that_goes_on() {
    let mut drive = busy();
    assert!(!shown(&seen(&drive), &Look::default()).contains("stood still"));
    drive.later(5 * HOUR);
    let screen = shown(&seen(&drive), &Look::default());
    let lines: Vec<&str> = screen.lines().filter(|line| line.contains('⌛')).collect();
    assert!(lines[0].starts_with("║ ⌛ T-001 has stood still for 5h "), "{screen}");
    assert!(lines[0].contains(": it waits for its agent"));
    assert!(lines.len() == 4 && lines[3].starts_with("║ ⌛ ... and 5 more stand still "), "{lines:#?}");
    assert!(screen.contains("║    Next: ppe retry T-001 "));
}

#[test]
fn pausing_says_who_still_works_and_what_the_next_press_does() {
    let mut drive = busy();
    drive.command(Command::Stop(StopMode::Drain));
    let screen = shown(&seen(&drive), &Look::default());
    let lines: Vec<&str> = screen.lines().collect();
    assert!(
        lines[5].starts_with("║ ✋ Pausing: nothing new starts; T-001, T-002, T-003, T-004, T-005, T-006, ")
    );
    assert!(lines[6].starts_with("║      T-008 still work "));
    assert_eq!(lines[lines.len() - 1], "Press Ctrl+C again to stop the agents | `ppe unpause` goes on");

    drive.command(Command::Stop(StopMode::Agents));
    let screen = shown(&seen(&drive), &Look::default());
    assert!(screen.contains("✋ Stopping the agents; T-001, T-002"));
    assert!(screen.ends_with("Press Ctrl+C again to leave at once | `ppe resume` goes on"));

    for id in drive.active() {
        drive.agent_ends(&id, 2, Exit::Stopped, Claim::Nothing);
    }
    assert!(shown(&seen(&drive), &Look::default()).contains("✋ Stopped: `ppe resume` goes on"));
}

#[test]
fn a_pause_says_what_is_next_once() {
    let mut drive = busy();
    drive.command(Command::Pause(None));
    assert!(shown(&seen(&drive), &Look::default()).contains("✋ Paused: paused by you"));
    assert!(shown(&seen(&drive), &Look::default()).contains("   Next: ppe unpause"));
    drive.command(Command::Unpause(None));

    for id in ["T-001", "T-002", "T-004"] {
        drive.fail(id, Class::Execution, "the disk is full of cats");
    }
    let screen = shown(&seen(&drive), &Look::default());
    assert!(
        screen.contains("✋ Paused: T-001, T-002, T-004 failed alike (the disk is full of cats)"),
        "{screen}"
    );
    assert_eq!(screen.matches("ppe answer q3 yes|no").count(), 1, "{screen}");
}

#[test]
fn the_lane_says_what_it_waits_for() {
    let mut drive = begun();
    drive.to_review("T-023", 28, 140);
    let candidate = drive.state.lane.head().expect("a candidate").id;
    let trouble = ppe_core::input::Trouble::Elsewhere("local changes in src/main.rs".into());
    drive.input(Input::IntentFailed { intent: Intent::EnsureCandidate { candidate }, trouble });
    let screen = shown(&seen(&drive), &Look::default());
    assert!(
        screen.contains("⏳ the lane waits: local changes in src/main.rs; tried again in 1s"),
        "{screen}"
    );
}

#[test]
fn complete_waves_share_a_line_and_the_end_is_a_hundred_per_cent() {
    let mut drive = begun();
    let mut screens = Vec::new();
    for _ in 0..2 {
        land_some(&mut drive, if screens.is_empty() { 40 } else { 5 });
        screens.push(shown(&seen(&drive), &Look::default()));
    }
    assert!(screens[0].contains("║ ✅ Waves 0-1 complete | 40/40 "), "{}", screens[0]);
    assert!(screens[0].contains("║ Wave 2: 2 tasks | ░"), "{}", screens[0]);
    assert!(screens[1].contains("║   Tasks: 45/45 (100%) "), "{}", screens[1]);
    assert!(screens[1].contains("║   Commits: 1,208/1,208 (100%) "), "{}", screens[1]);
    assert!(screens[1].ends_with("Complete | Type 'status' for details"), "{}", screens[1]);
}

/// Lands this many tasks, those of the first wave first.
fn land_some(drive: &mut Drive, count: usize) {
    for _ in 0..count {
        let at = drive.state.busy().min_by_key(|at| (drive.state.plan.tasks[*at].wave, *at));
        let at = at.expect("someone is at work");
        let id = drive.state.id(at).to_string();
        let commits = drive.state.plan.tasks[at].spec.planned_commits();
        drive.later(MINUTE);
        drive.land(&id, commits, at as u64 + 1);
    }
}

#[test]
fn ascii_says_the_same() {
    let look = Look { letters: Letters::Ascii, ..at(80, 24) };
    insta::assert_snapshot!(shown(&seen(&busy()), &look), @r#"
    +==============================================================================+
    |                  APiGen 3.0 - Parallel Execution Dashboard                   |
    | * Tasks: 11/45 (24%) | Commits: ~390/1,208 (32%) | Elapsed: 2h 59m           |
    | * Commits/hour: ~131 | Est. remaining: ~7h 52m (at current parallelization)  |
    | [?] q1: 13 quick tasks waiting, but slots full. Pause T-001 (2h 27m left)?   |
    |    ppe answer q1 yes|no                                                      |
    | [>] Active (7/7 slots):                                                      |
    | T-001 [######....] 12/20 (60%) | 1h 51m | Phase 2: Generation (in progress)  |
    | T-002 [#########.] 17/18 (94%) | 1h 44m | Phase 3: Integration (almost do... |
    | T-003 [####......] 10/22 (45%) | 1h 37m | Phase 1: Base manifests (in pro... |
    | T-004 [##........] 7/29 (24%) | 1h 30m | Phase 1: TOTP implementation (in... |
    | T-005 [###.......] 9/25 (36%) | 1h 23m | Phase 2: Connection pooling (in ... |
    | T-006 [######....] 15/25 (60%) | 1h 16m | Phase 2: Template generation (i... |
    | T-008 [..........] 0/28 (0%) | 2m | Preparing its workspace...               |
    | [review] In review (1 task) | lane: T-007 is being checked                   |
    +==============================================================================+
    Last updated: 2026-01-29 14:23:45
    Press Ctrl+C to pause | Type 'status' for details
    "#);
}

#[test]
fn details_tell_everything() {
    let view = seen(&busy());
    let text = details(&view, &Look { width: 110, ..Look::default() }).join("\n");
    insta::assert_snapshot!(text, @r#"
    APiGen 3.0: run run-1 is running
    Target main at merge0043, forge local (exact)
    ❓ q1: 13 quick tasks waiting, but slots full. Pause T-001 (2h 27m left)?
       ppe answer q1 yes|no (nobody answers: no)
    Active (7/7 slots):
      T-001 GraphQL Subscriptions
        attempt 1 by command, wave 0, medium priority, apigen-graphql
        12/20 commits (60%), 1h 51m at work, ~1h 14m left
        Phase 2: Generation (in progress)
        branch feat/T-001-graphql-subscriptions
      T-002 Contract Testing
        attempt 1 by command, wave 0, medium priority, apigen-codegen
        17/18 commits (94%), 1h 44m at work, ~6m 7s left
        Phase 3: Integration (almost done)
        branch feat/T-002-contract-testing
      T-003 Kubernetes Manifests
        attempt 1 by command, wave 0, medium priority, apigen-gateway
        10/22 commits (45%), 1h 37m at work, ~1h 56m left
        Phase 1: Base manifests (in progress)
        branch feat/T-003-kubernetes-manifests
      T-004 Two-Factor Auth
        attempt 1 by command, wave 0, medium priority, apigen-security
        7/29 commits (24%), 1h 30m at work, ~4h 42m left
        Phase 1: TOTP implementation (in progress)
        branch feat/T-004-two-factor-auth
      T-005 Multi-Database Support
        attempt 1 by command, wave 0, medium priority, apigen-core
        9/25 commits (36%), 1h 23m at work, ~2h 27m left
        Phase 2: Connection pooling (in progress)
        branch feat/T-005-multi-database-support
      T-006 Dashboard Generation
        attempt 1 by command, wave 0, medium priority, apigen-codegen
        15/25 commits (60%), 1h 16m at work, ~50m 40s left
        Phase 2: Template generation (in progress)
        branch feat/T-006-dashboard-generation
      T-008 Feature 8
        attempt 1 by command, wave 0, medium priority, apigen-core
        0/28 commits (0%), 2m at work, time left not known yet
        Preparing its workspace...
    In review (1), lane: T-007 is being checked
      T-007 WebSocket API: PR #159 created, CI pending...
    Next in queue (12): T-011, T-012, T-013, T-014, T-019, T-020, T-021, T-040, T-041, T-042, T-044, T-045
    Completed (11): T-023, T-024, T-025, T-026, T-030, T-031, T-034, T-035, T-036, T-038, T-039
    Waiting, wave 1 (9):
      T-009 Feature 9: waiting for T-002
      T-010 Feature 10: waiting for T-003
      T-015 Feature 15: waiting for T-008
      T-018 Feature 18: waiting for T-004
      T-022 Feature 22: waiting for T-007
      T-032 Feature 32: waiting for T-004
      T-033 Feature 33: waiting for T-005
      T-037 Feature 37: waiting for T-006
      T-043 Feature 43: waiting for T-012
    Waiting, wave 2 (2):
      T-016 Feature 16: waiting for T-009
      T-017 Feature 17: waiting for T-010
    Waiting, wave 3 (3):
      T-027 Feature 27: waiting for T-016
      T-028 Feature 28: waiting for T-017
      T-029 Feature 29: waiting for T-017
    Tasks 11/45 (24%), commits 390/1,208 (32%), 19 attempts, repairs 0 tried, 0 helped
    Checks 12 run, 0 red, 11 landings; 2h 59m elapsed, 0s of it paused; remaining: ~7h 52m (at current
         parallelization)
    "#);
    for task in &view.tasks {
        assert!(text.contains(task.id.as_str()), "{} is missing", task.id);
    }
}

#[test]
fn every_task_is_named_on_the_whole_screen_but_those_that_wait() {
    let mut drive = begun();
    land_everything(&mut drive, MINUTE);
    let screen = shown(&seen(&drive), &Look::default());
    for n in 1..=45 {
        assert!(screen.contains(&name(n)), "{} is missing", name(n));
    }
}
