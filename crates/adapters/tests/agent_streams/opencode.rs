//! opencode's streams. The numbers are read off the recordings: the sums over their steps, of what was not cached.

use crate::replay::{Row, check, driver, recordings_of, row, seen};
use ppe_adapters::executor::drivers::{ProcessEnd, Seen};
use ppe_core::ids::Millis;
use ppe_core::outcome::Exit;
use ppe_core::usage::Usage;

const TWO_COMMITS: &str = "ses_df22aca46ffeL4evQjUSI83DuY";
const DENIED: &[&str] = &["bash(echo hello > hello.txt && git add -A && git commit -q -m 'feat: hello')"];

const ROWS: [Row; 14] = [
    row("opencode-400", "failed", "scripted bad request").session("ses_df2240cfaffe2lBCbDBNh6vw8z"),
    row("opencode-auth-401", "cannot start", "invalid x-api-key").session("ses_df2240d1fffedUUsPYeaCFI99z"),
    row("opencode-failing-tool", "done", "")
        .session("ses_df22387eaffeH2NUYPcDjCYvDE")
        .used([2000, 0, 0, 100], Some(3_750 + 3_750)),
    row("opencode-first-run-race", "later: servers", "database"),
    row("opencode-overloaded-forever", "later: servers", "Overloaded")
        .session("ses_df1f7cebdffe6oUejNtMBHW3LT"),
    row("opencode-permission-ask", "done", "")
        .session("ses_df201feefffeDHXU06dQgaIfMz")
        .used([1200, 0, 0, 80], Some(4_800))
        .denied(DENIED),
    row("opencode-rate-limit-forever", "later: rate", "scripted rate limit")
        .session("ses_df1f7ced9fferrjrm0npqHw2wX"),
    // Steps alone are told, so nothing of the first run is in it.
    row("opencode-resume", "done", "")
        .session(TWO_COMMITS)
        .used([130 + 110, 9600 + 9800, 0, 60 + 25], Some(4_170 + 3_645))
        .after("opencode-success-two-commits"),
    row("opencode-resume-unknown", "session lost", "session"),
    row("opencode-sigint-in-tool", "lost", "SIGINT").session("ses_df227a9feffe2mx203jJMxsCHI"),
    row("opencode-sigkill-in-tool", "lost", "SIGKILL").session("ses_df22774abffeSTlxdY0KfLJXUX"),
    row("opencode-sigterm-in-tool", "lost", "SIGTERM").session("ses_df227f468ffeQuwtDQJBXaRUUJ"),
    row("opencode-stream-cut-then-ok", "done", "")
        .session("ses_df223ab11ffeCQmUj5Cj4C2ay8")
        .used([2000, 0, 0, 100], Some(3_750 + 3_750)),
    row("opencode-success-two-commits", "done", "")
        .session(TWO_COMMITS)
        .used([1200 + 150 + 120, 9000 + 9400, 0, 80 + 70 + 30], Some(4_800 + 4_200 + 3_630)),
];

#[test]
fn every_recording_ends_as_it_is_read() {
    check("opencode", &ROWS);
}

#[test]
fn a_stated_wait_counts_from_the_end() {
    let recordings = recordings_of("opencode");
    let recording = recordings.iter().find(|r| r.name == "opencode-rate-limit-forever").unwrap();
    let driver = driver("opencode");
    let seen = Seen { ended_at: Some(Millis(100_000)), ..seen(&driver, recording) };
    let end = driver.finish(&ProcessEnd::Code(1), &seen, &Usage::default());
    let Exit::TryLater { until, .. } = end.exit else { panic!("{:?}", end.exit) };
    assert_eq!(until, Some(Millis(102_000)));
}

#[test]
fn one_that_was_cut_off_between_steps_is_not_done() {
    let recordings = recordings_of("opencode");
    let recording = recordings.iter().find(|r| r.name == "opencode-success-two-commits").unwrap();
    let driver = driver("opencode");
    for lines in 1..recording.lines().len() {
        let mut seen = Seen::default();
        let first = recording.lines().into_iter().take(lines);
        first.flat_map(|line| driver.line(&line)).for_each(|event| seen.add(event));
        let end = driver.finish(&ProcessEnd::Code(0), &seen, &Usage::default());
        assert!(matches!(end.exit, Exit::Failed(_)), "{lines} lines: {:?}", end.exit);
    }
}
