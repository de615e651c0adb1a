//! Claude Code's streams. The numbers are read off the recordings: tokens and money are the last `modelUsage` and
//! `total_cost_usd`, less those of the run before.

use crate::replay::{Row, check, driver, recordings_of, replay, row, seen, together};
use ppe_adapters::executor::drivers::{ProcessEnd, Seen, hopeless};
use ppe_core::outcome::{AgentEnd, Exit, Made};
use ppe_core::usage::Usage;

/// The tokens of the scenarios: input, read from a cache, written to a cache, output.
const TWO_COMMITS: [u64; 4] = [1470, 18400, 9600, 180];
const ONE_REPLY: [u64; 4] = [1000, 0, 0, 50];
const TWO_REPLIES: [u64; 4] = [2000, 0, 0, 100];
const THREE_REPLIES: [u64; 4] = [3000, 0, 0, 150];
const PLAIN: [u64; 4] = [500, 0, 0, 20];
const DENIED: &[&str] = &[
    "Bash(echo hello > hello.txt && git add -A && git commit -q -m 'feat: hello')",
    "Bash(echo world > world.txt && git add -A && git commit -q -m 'feat: world')",
];
const HELLO_DENIED: &[&str] =
    &["Bash(echo hello > hello.txt && git add -A && git commit -q -m 'feat: hello')"];
const UNKNOWN: &str = "11111111-1111-4111-8111-111111111111";
const INTERRUPTED: &str = "it was interrupted";

const DONE: [Row; 33] = [
    row("claude-background-process-left", "done", "")
        .session("6d874ec7-0a39-42a3-8e02-16211702dd87")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-background-task", "done", "")
        .session("dc331092-3099-4c84-9c5a-e3051bce0025")
        .used(THREE_REPLIES, Some(7_500)),
    row("claude-control-interrupt", "done", "")
        .session("a4f63235-8bc7-41b6-8ac1-f0dd381dcb18")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-failing-tool", "done", "")
        .session("7027fd95-f1b2-4a1f-9f19-f03ebd9de0e3")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-garbage-then-ok", "done", "")
        .session("cd430a1e-bf27-4c02-88d7-f0a7a005f34b")
        .used(ONE_REPLY, Some(2_500)),
    row("claude-hooks", "done", "")
        .session("ffa1aa3f-046d-44ac-9d8a-f049e80efc85")
        .used(TWO_COMMITS, Some(30_580)),
    row("claude-max-tokens", "done", "")
        .session("29e932d5-0441-4f03-b645-c36fa1168c51")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-mcp-server-failed", "done", "")
        .session("bdd70bd7-61eb-4f5b-911f-825303fbf875")
        .used(PLAIN, Some(1_200)),
    row("claude-mcp-tool", "done", "")
        .session("39dd7409-25a3-4d54-887b-1250000dffed")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-midstream-error", "done", "")
        .session("d88cc379-2115-4dc7-a53a-3a6f888447c6")
        .used(ONE_REPLY, Some(2_500)),
    row("claude-output-json", "done", "")
        .session("ea4c9f88-e92c-4aad-8d50-7512db7f70b6")
        .used(PLAIN, Some(1_200)),
    row("claude-overloaded-then-ok", "done", "")
        .session("59236380-5eb4-4555-b2b5-9ef511d2c36f")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-partial-messages", "done", "")
        .session("a5afd954-500f-4f2b-bc3b-39a94e131cc4")
        .used(TWO_COMMITS, Some(30_580)),
    row("claude-permission-acceptedits", "done", "")
        .session("bbc37220-63bd-4b88-bd11-1bebca06a87e")
        .used(TWO_COMMITS, Some(30_580))
        .denied(DENIED),
    row("claude-permission-allowed-tools", "done", "")
        .session("f777ed6e-4664-4d22-850d-af8b30efbf38")
        .used(TWO_COMMITS, Some(30_580)),
    row("claude-permission-auto", "done", "")
        .session("7973d5af-4825-4866-ada0-153455e6f152")
        .used(TWO_COMMITS, Some(30_580))
        .denied(DENIED),
    row("claude-permission-default", "done", "")
        .session("151842c1-d4a4-498a-b565-192cf2ad694d")
        .used(TWO_COMMITS, Some(30_580))
        .denied(DENIED),
    row("claude-permission-dontask", "done", "")
        .session("ae552aad-3675-4bda-b75c-b87027a55ed5")
        .used(TWO_COMMITS, Some(30_580))
        .denied(DENIED),
    row("claude-permission-prompt-allow", "done", "")
        .session("1c4ec9fc-6e01-4458-b9be-75b8b726f5b6")
        .used(TWO_COMMITS, Some(30_580)),
    row("claude-permission-prompt-deny", "done", "")
        .session("d8ee89eb-ca72-4b3e-b5ce-e387c4d1bad6")
        .used(TWO_COMMITS, Some(30_580))
        .denied(DENIED),
    row("claude-rate-limit-then-ok", "done", "")
        .session("fe533aea-0bab-4762-aa9a-d2c6aaae9cec")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-resume-after-sigint", "done", "")
        .session("3fc9938f-552e-4b34-9027-4ad128c1bddf")
        .used(PLAIN, Some(1_200))
        .after("claude-sigint-in-tool"),
    row("claude-resume-after-sigkill", "done", "")
        .session("23dd34d6-7483-4f05-a2c7-bea89cb2ef7a")
        .used(PLAIN, Some(1_200))
        .after("claude-sigkill-in-tool"),
    row("claude-resume-after-sigterm", "done", "")
        .session("cfe3a2ea-11ca-423b-bf21-6a488ddd5659")
        .used([1500, 0, 0, 70], Some(3_700))
        .after("claude-sigterm-in-tool"),
    row("claude-resume-fork", "done", "")
        .session("cea89646-9669-4d72-b13e-d13ded2b588b")
        .used([110, 9800, 100, 25], Some(1_700))
        .after("claude-resume"),
    row("claude-resume", "done", "")
        .session("5920b16c-e87c-46d6-8e31-e3fe837aabd8")
        .used([240, 19400, 300, 85], Some(4_020))
        .after("claude-success-two-commits"),
    row("claude-session-id-preset", "done", "").session(UNKNOWN).used(PLAIN, Some(1_200)),
    row("claude-stream-cut-then-ok", "done", "")
        .session("8eea0a2e-7f3d-4f74-a54a-da0aefafa73b")
        .used([2000, 0, 0, 51], Some(4_510)),
    row("claude-stream-cut", "done", "")
        .session("ced8e0f8-9b55-4d0b-ba9a-9de458aca594")
        .used([3000, 0, 0, 52], Some(6_520)),
    row("claude-stream-json-input", "done", "")
        .session("2a1de9ee-1ad5-45d7-8952-c02248709e25")
        .used(THREE_REPLIES, Some(7_500)),
    row("claude-stream-stall", "done", "")
        .session("50a30fc4-7a1f-4510-8ac5-54cc4c0a3d8e")
        .used([2000, 0, 0, 51], Some(4_510)),
    row("claude-subagents", "done", "")
        .session("4a7e8dff-3274-4bd9-bed7-fa4bc20f82d4")
        .used([9000, 0, 0, 450], Some(22_500)),
    row("claude-success-two-commits", "done", "")
        .session("5920b16c-e87c-46d6-8e31-e3fe837aabd8")
        .used(TWO_COMMITS, Some(30_580)),
];

const NOT_DONE: [Row; 26] = [
    row("claude-400", "failed", "400 scripted bad request").session("090ba600-82df-480d-953b-fcf93e1fdd2f"),
    row("claude-403", "cannot start", "403 no access to this model")
        .session("6f0d749a-8a46-40e8-be2c-df16040d10a3"),
    row("claude-500-forever", "later: servers", "500 scripted internal error")
        .session("9af82a2b-cd19-4d4a-942a-2f2390404543"),
    row("claude-auth-401", "cannot start", "Invalid API key").session("543e4822-d28c-4c7e-8b7c-3cda13489278"),
    row("claude-connection-refused", "later: servers", "ECONNREFUSED")
        .session("6c3deee2-0a9e-465b-8be2-27e560712699"),
    row("claude-fallback-model", "later: servers", "529 Overloaded")
        .session("bcdb675c-0158-4b19-ad49-bfcdcec663f2"),
    row("claude-hang-timeout", "later: servers", "Request timed out")
        .session("b2d785ce-8b31-4055-9905-99dd33854242"),
    row("claude-max-budget", "over budget", "Reached maximum budget ($0.006)")
        .session("2b14f5e9-349f-4953-abbe-41830cbbe7a8")
        .used(THREE_REPLIES, Some(7_500)),
    row("claude-max-turns", "over budget", "Reached maximum number of turns (2)")
        .session("66d5ced9-de12-4d76-9493-93c654195808")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-model-404", "cannot start", "issue with the selected model")
        .session("25cd0654-98c6-450e-a702-702b31a7b22a"),
    row("claude-no-credit", "later: allowance", "Credit balance is too low")
        .session("39700988-ad3e-46ad-a6d4-61ee57ac6aff"),
    row("claude-not-logged-in", "cannot start", "Not logged in")
        .session("f7b70e32-5179-44f5-bfd8-04312cd85079"),
    row("claude-overloaded-forever", "later: servers", "529 Overloaded")
        .session("49c504dd-4783-4641-a92b-f8bf0e410fd1"),
    row("claude-permission-prompt-stop", "failed", INTERRUPTED)
        .session("8f92c06a-10e0-4149-8503-12576eb7b16f")
        .used([1200, 0, 9000, 80], Some(25_700))
        .denied(HELLO_DENIED),
    row("claude-prompt-too-long", "context full", "Prompt is too long")
        .session("fc400717-42bc-430e-a288-276b0092b94a"),
    row("claude-rate-limit-forever", "later: rate", "Request rejected (429)")
        .session("6c266648-6cd6-40eb-97ca-cef5f06c1358"),
    row("claude-rate-limit-retry-after-3600", "later: allowance", "Request rejected (429)")
        .session("13be38e6-80f8-4126-a8dc-75498362e936"),
    row("claude-refusal", "refused", "safeguards flagged this message")
        .session("08cd295e-6012-49da-88d9-3167eaf45c88")
        .used(TWO_REPLIES, Some(5_000)),
    row("claude-resume-unknown", "session lost", "No conversation found").session(UNKNOWN),
    row("claude-session-id-in-use", "session lost", "is already in use"),
    row("claude-sigint-in-stream", "failed", INTERRUPTED)
        .session("389d210d-90cf-4333-8aa0-ff02e075db7e")
        .used([1000, 0, 0, 7], Some(2_070)),
    row("claude-sigint-in-tool", "failed", INTERRUPTED)
        .session("3fc9938f-552e-4b34-9027-4ad128c1bddf")
        .used(ONE_REPLY, Some(2_500)),
    row("claude-sigkill-group-in-tool", "lost", "SIGKILL").session("46c79c1b-f6bd-43dc-a7f6-8d6a5c4c6297"),
    row("claude-sigkill-in-tool", "lost", "SIGKILL").session("23dd34d6-7483-4f05-a2c7-bea89cb2ef7a"),
    row("claude-sigterm-in-stream", "failed", "exit code 143")
        .session("62c07b20-d223-4eac-ab79-ed99af5a5942"),
    row("claude-sigterm-in-tool", "failed", "exit code 143").session("cfe3a2ea-11ca-423b-bf21-6a488ddd5659"),
];

#[test]
fn every_recording_ends_as_it_is_read() {
    let [done, not_done] = [&DONE[..], &NOT_DONE[..]];
    check("claude", &[done, not_done].concat());
}

#[test]
fn runs_of_a_session_add_up_to_its_total() {
    // What an interrupted run could not tell itself is in the total of the next; a killed run's is lost.
    let table: [(&[&str], [u64; 4], u64); 5] = [
        (&["claude-success-two-commits", "claude-resume"], [1710, 37800, 9900, 265], 34_600),
        (
            &["claude-success-two-commits", "claude-resume", "claude-resume-fork"],
            [1820, 47600, 10000, 290],
            36_300,
        ),
        (&["claude-sigint-in-tool", "claude-resume-after-sigint"], [1500, 0, 0, 70], 3_700),
        (&["claude-sigterm-in-tool", "claude-resume-after-sigterm"], [1500, 0, 0, 70], 3_700),
        (&["claude-sigkill-in-tool", "claude-resume-after-sigkill"], PLAIN, 1_200),
    ];
    for (names, [input, cache_read, cache_write, output], cost) in table {
        let wanted = Usage { input, cache_read, cache_write, output, cost_micro_usd: Some(cost) };
        assert_eq!(together("claude", names), (wanted, wanted), "{names:?}");
    }
}

#[test]
fn every_run_that_came_up_says_by_which_program_and_model() {
    let driver = driver("claude");
    for recording in recordings_of("claude") {
        let made = replay(&driver, &recording, &Usage::default()).made;
        let init = recording.lines().iter().any(|line| line.contains(r#""claude_code_version":"2.1.331""#));
        assert_eq!(made.version.as_deref(), init.then_some("2.1.331"), "{}", recording.name);
        let opus = ["claude-connection-refused", "claude-not-logged-in"].contains(&&*recording.name);
        let model = if opus { "claude-opus-5-5" } else { "claude-sonnet-5-5" };
        assert_eq!(made.model.as_deref(), init.then_some(model), "{}", recording.name);
    }
}

#[test]
fn one_that_we_stopped_keeps_its_session_and_what_it_used() {
    let named = |name: &str| recordings_of("claude").into_iter().find(|r| r.name == name).unwrap();
    let stopped = ProcessEnd::Stopped("asked".to_owned());
    let end = driver("claude").finish(
        &stopped,
        &seen(&driver("claude"), &named("claude-sigint-in-tool")),
        &Usage::default(),
    );
    let used = Usage { input: 1000, output: 50, cost_micro_usd: Some(2_500), ..Usage::default() };
    let wanted = AgentEnd {
        session: Some("3fc9938f-552e-4b34-9027-4ad128c1bddf".to_owned()),
        usage: used,
        session_usage: Some(used),
        made: Made { model: Some("claude-sonnet-5-5".to_owned()), version: Some("2.1.331".to_owned()) },
        ..AgentEnd::new(Exit::Stopped)
    };
    assert_eq!(end, wanted);
}

#[test]
fn the_first_sign_of_no_access_ends_it() {
    let driver = driver("claude");
    let recordings = recordings_of("claude");
    let after = |name: &str, lines: usize| {
        let mut seen = Seen::default();
        let recording = recordings.iter().find(|r| r.name == name).unwrap();
        let lines = recording.lines().into_iter().take(lines);
        lines.flat_map(|line| driver.line(&line)).for_each(|event| seen.add(event));
        seen
    };
    let Some(Exit::CannotStart(why)) = hopeless(&after("claude-auth-401", 2), 0) else {
        panic!("it goes on")
    };
    assert_eq!(why, "Claude Code is not let in: authentication_failed; log in, or give it a key (HTTP 401)");
    assert_eq!(hopeless(&after("claude-auth-401", 1), 0), None);
    assert_eq!(hopeless(&after("claude-overloaded-forever", 11), 1_000_000), None);
}

#[test]
fn work_is_shown_while_it_goes_on() {
    let driver = driver("claude");
    let recordings = recordings_of("claude");
    let recording = recordings.iter().find(|r| r.name == "claude-success-two-commits").unwrap();
    let shown: Vec<_> = (1..=recording.lines().len())
        .map(|until| {
            let mut seen = Seen::default();
            let lines = recording.lines().into_iter().take(until);
            lines.flat_map(|line| driver.line(&line)).for_each(|event| seen.add(event));
            (seen.doing.unwrap_or_default(), seen.text.unwrap_or_default())
        })
        .collect();
    let hello = "Bash: echo hello > hello.txt && git add -A && git commit -q -m 'feat: hello'";
    let world = "Bash: echo world > world.txt && git add -A && git commit -q -m 'feat: world'";
    let first = "I will write the first file.";
    let second = "Now the second file.";
    let last = "Both commits are done.";
    let wanted = [
        ("", ""),
        ("", first),
        (hello, first),
        ("", first),
        ("", second),
        (world, second),
        ("", second),
        ("", last),
        ("", last),
    ];
    let shown: Vec<(&str, &str)> = shown.iter().map(|(doing, text)| (&**doing, &**text)).collect();
    assert_eq!(shown, wanted);
}
