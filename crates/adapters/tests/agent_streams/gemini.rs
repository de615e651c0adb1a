//! Gemini CLI's streams. The numbers are read off the recordings: the counts of one run, of whose input the cached is a part.

use crate::replay::{Row, check, row};

const TWO_COMMITS: &str = "59249794-f202-452c-ad19-2e2cb77d14b8";

const ROWS: [Row; 9] = [
    row("gemini-400", "failed", "scripted bad request").session("fe9963cd-45ed-419e-800d-7b0f35045f39"),
    row("gemini-auth-401", "cannot start", "invalid x-api-key")
        .session("17529e42-3d6c-415b-8348-b3a1c34fdf7c"),
    row("gemini-failing-tool", "done", "")
        .session("d8c7f6d9-6eef-4877-a769-4eddc158c92b")
        .used([2000, 0, 0, 100], None),
    // The tool that it needed was not offered, which nothing tells.
    row("gemini-permission-default", "done", "")
        .session("b8c30756-7e26-415b-9734-00f0b1d11a47")
        .used([1200, 0, 0, 80], None),
    row("gemini-rate-limit-then-ok", "done", "")
        .session("0d193029-cbe7-4d65-b70d-ad34bc5aeab0")
        .used([2000, 0, 0, 100], None),
    row("gemini-resume", "done", "")
        .session(TWO_COMMITS)
        .used([19640 - 19400, 19400, 0, 85], None)
        .after("gemini-success-two-commits"),
    row("gemini-sigkill-in-tool", "lost", "SIGKILL").session("d14776da-f2da-486d-a4ad-afda07ad5963"),
    row("gemini-sigterm-in-tool", "lost", "SIGKILL").session("d7a6a544-e808-4647-baac-bc81d2240656"),
    row("gemini-success-two-commits", "done", "")
        .session(TWO_COMMITS)
        .used([19870 - 18400, 18400, 0, 180], None),
];

#[test]
fn every_recording_ends_as_it_is_read() {
    check("gemini", &ROWS);
}
