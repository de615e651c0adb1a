//! Codex's streams. The numbers are read off the recordings: a thread's total, of whose input the cached is a part.

use crate::replay::{Row, check, driver, recordings_of, row, seen, together};
use ppe_adapters::executor::drivers::{ProcessEnd, hopeless};
use ppe_core::outcome::{Exit, Shortage};
use ppe_core::usage::Usage;

/// 19870 read, 18400 of them from a cache, 180 written.
const TWO_COMMITS: [u64; 4] = [1470, 18400, 0, 180];
const DENIED: &[&str] = &[
    "shell(echo hello > hello.txt && git add -A && git commit -q -m 'feat: hello')",
    "shell(echo world > world.txt && git add -A && git commit -q -m 'feat: world')",
];

const ROWS: [Row; 22] = [
    row("codex-400", "failed", "scripted bad request").session("01a20ddd-90a7-75a2-b2e6-a41fd0f7065f"),
    row("codex-auth-401", "cannot start", "status 401 Unauthorized")
        .session("01a20ddd-69b5-7660-a36d-9ffda41aaca1"),
    row("codex-auth-401-no-retries", "cannot start", "status 401 Unauthorized")
        .session("01a20dd4-4c50-7612-993d-d6ad05e992e0"),
    row("codex-failing-tool", "done", "")
        .session("01a20dd1-fc7b-7e12-8bff-35ba6eaf3db1")
        .used([2000, 0, 0, 100], None),
    row("codex-hang", "lost", "SIGKILL").session("01a20dd1-bb78-72d1-aff5-d6c6a65fea0e"),
    row("codex-overloaded-forever", "later: servers", "status 529")
        .session("01a20e08-4b0f-71d3-bcec-5f7c602960de"),
    row("codex-rate-limit-forever", "later: rate", "status: 429")
        .session("01a20e08-1d95-7c72-8f13-1dd7944e286d"),
    row("codex-rate-limit-retry-after-3600", "lost", "SIGKILL")
        .session("01a20e08-caa9-7250-b9c3-ce94a01b34b8"),
    row("codex-rate-limit-then-ok", "done", "")
        .session("01a20e08-ae14-7fa1-bfee-7fa52a2361f2")
        .used([2000, 0, 0, 100], None),
    row("codex-resume", "done", "")
        .session("01a20dd0-2171-7922-b879-6868ba89365c")
        .used([240, 19400, 0, 85], None)
        .after("codex-success-two-commits"),
    row("codex-resume-after-sigint", "done", "")
        .session("01a20dd3-81d5-7fa3-b4fa-47dcfce0e2bc")
        .used([1500, 0, 0, 70], None)
        .after("codex-sigint-in-tool"),
    row("codex-resume-unknown", "session lost", "no rollout found for thread id"),
    row("codex-sandbox-linked-worktree", "done", "")
        .session("01a20dd3-a2bb-70b2-9afe-5e98852d4f37")
        .used(TWO_COMMITS, None)
        .denied(DENIED),
    row("codex-sandbox-linked-worktree-writable", "done", "")
        .session("01a20dd3-eedb-7292-aca7-21e298f35a3a")
        .used(TWO_COMMITS, None),
    // The second command failed, too, but its stream does not hold it.
    row("codex-sandbox-workspace-write", "done", "")
        .session("01a20dd3-0237-75e0-ad58-8e6490f08d94")
        .used(TWO_COMMITS, None)
        .denied(DENIED.first_chunk::<1>().unwrap()),
    row("codex-sigint-in-tool", "failed", "exit code 1").session("01a20dd3-81d5-7fa3-b4fa-47dcfce0e2bc"),
    row("codex-sigkill-in-tool", "lost", "SIGKILL").session("01a20dd2-1aa4-7572-bc2e-e77881624ba3"),
    row("codex-sigterm-in-tool", "lost", "SIGTERM").session("01a20dd3-6c62-7071-8421-d83845d255b6"),
    row("codex-stream-cut-then-ok", "done", "")
        .session("01a20dd1-e97f-7710-ac84-eb3092108515")
        .used([1000, 0, 0, 50], None),
    row("codex-stream-stall", "later: servers", "idle timeout")
        .session("01a20df6-57f1-7b33-96f4-2515ab206728"),
    row("codex-success-code-mode-model", "done", "")
        .session("01a20df5-e1fc-7b22-aaf9-f29f7c8629d6")
        .used(TWO_COMMITS, None),
    row("codex-success-two-commits", "done", "")
        .session("01a20ddb-cf34-7853-9e32-b836f6cf3a4a")
        .used(TWO_COMMITS, None),
];

#[test]
fn every_recording_ends_as_it_is_read() {
    check("codex", &ROWS);
}

#[test]
fn runs_of_a_session_add_up_to_its_total() {
    // The recorded resume went on with a thread of the same scenario as the recorded first run.
    let table: [(&[&str], [u64; 4]); 2] = [
        (&["codex-success-two-commits", "codex-resume"], [39510 - 37800, 37800, 0, 265]),
        (&["codex-sigint-in-tool", "codex-resume-after-sigint"], [1500, 0, 0, 70]),
    ];
    for (names, [input, cache_read, cache_write, output]) in table {
        let wanted = Usage { input, cache_read, cache_write, output, cost_micro_usd: None };
        assert_eq!(together("codex", names), (wanted, wanted), "{names:?}");
    }
}

#[test]
fn one_that_waits_in_silence_for_an_hour_is_ended() {
    let recordings = recordings_of("codex");
    let named = |name: &str| recordings.iter().find(|r| r.name == name).unwrap();
    let driver = driver("codex");
    let mut waits = seen(&driver, named("codex-rate-limit-retry-after-3600"));
    assert_eq!(hopeless(&waits, 60_000), None);
    let why = "exceeded retry limit, last status: 429 Too Many Requests".to_owned();
    let later = Exit::TryLater { until: None, why, shortage: Shortage::Allowance };
    waits.given_up = hopeless(&waits, 90_001);
    let end = driver.finish(&ProcessEnd::Stopped("hopeless".to_owned()), &waits, &Usage::default());
    assert_eq!(end.exit, later);
    assert_eq!(end.session.as_deref(), Some("01a20e08-caa9-7250-b9c3-ce94a01b34b8"));
    // Silence alone is no wait: its model may be at work.
    assert_eq!(hopeless(&seen(&driver, named("codex-hang")), 1_000_000), None);
}

#[test]
fn the_first_sign_of_no_access_ends_it() {
    let recordings = recordings_of("codex");
    let recording = recordings.iter().find(|r| r.name == "codex-auth-401").unwrap();
    let mut seen = ppe_adapters::executor::drivers::Seen::default();
    let lines = recording.lines().into_iter().take(4);
    lines.flat_map(|line| driver("codex").line(&line)).for_each(|event| seen.add(event));
    let Some(Exit::CannotStart(why)) = hopeless(&seen, 0) else { panic!("it goes on") };
    assert!(why.contains("codex login"), "{why}");
    assert!(why.contains("unexpected status 401 Unauthorized: invalid x-api-key"), "{why}");
}
