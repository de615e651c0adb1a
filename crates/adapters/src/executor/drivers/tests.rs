use super::*;
use ppe_core::ids::{Attempt, Branch, CommitId, Millis, TaskId};
use ppe_core::outcome::{Claim, Exit, Made, Shortage};
use ppe_core::state::Round;

fn settings() -> AgentSettings {
    AgentSettings {
        command: vec![
            "agent".to_owned(),
            "--id={task}".to_owned(),
            "{title}".to_owned(),
            "{model}".to_owned(),
        ],
        script: Some(PathBuf::from("/plans/script.toml")),
        speed: 2.5,
        search_path: "/usr/bin:/bin".to_owned(),
        ..AgentSettings::default()
    }
}

pub(super) fn job() -> AgentJob {
    AgentJob {
        task: TaskId::new("T-001"),
        title: "Title with\na {task}\0and more".to_owned(),
        attempt: Attempt(3),
        round: Round::Main,
        purpose: Purpose::Work(Kind::Ci),
        agent: "command".to_owned(),
        model: None,
        session: Some("s-1".to_owned()),
        account: "command".to_owned(),
        budget_micro_usd: None,
        session_usage: Usage::default(),
        allow: Vec::new(),
        branch: Branch::new("feat/T-001-x"),
        tip: None,
        base: CommitId::new("b".repeat(40)),
        prompt: "Do it.".to_owned(),
        planned: vec![("feat: one".to_owned(), vec!["a.txt".to_owned()])],
        phases: vec![("Design".to_owned(), 1)],
    }
}

pub(super) const PLACES: fn() -> Places<'static> = || Places {
    job_dir: Path::new("/state/job"),
    workspace: Path::new("/state/workspace"),
    home: Path::new("/state/home"),
    temp: Path::new("/tmp/ppe/T-001"),
    prompt_file: Path::new("/state/job/prompt"),
    job_file: Path::new("/state/job/job.json"),
    report_file: Path::new("/state/job/reports/report"),
    program: Path::new("/opt/ppe/bin/ppe"),
};

fn command() -> Driver {
    Driver::by_name("command", &settings()).unwrap()
}

fn scripted() -> Driver {
    Driver::by_name("scripted", &settings()).unwrap()
}

#[test]
fn a_wrong_name_is_an_error_that_helps() {
    let error = Driver::by_name("scriptd", &settings()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown agent scriptd: did you mean scripted?; known are claude, codex, opencode, gemini, acp, command, scripted"
    );
    let error = Driver::by_name("zebra", &settings()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown agent zebra; known are claude, codex, opencode, gemini, acp, command, scripted"
    );
    let none = AgentSettings { command: Vec::new(), ..settings() };
    assert_eq!(Driver::by_name("command", &none).unwrap_err(), UnknownAgent::NoProgram("command"));
    assert!(Driver::by_name("scripted", &none).is_ok());
}

#[test]
fn a_command_is_launched_by_its_template() {
    let launch = command().launch(&job(), &PLACES());
    assert_eq!(launch.argv, ["agent", "--id=T-001", "Title with a {task} and more", ""]);
    assert_eq!(launch.stdin.as_deref(), Some(Path::new("/state/job/prompt")));
    let wanted = [
        ("PATH", "/usr/bin:/bin:/opt/ppe/bin"),
        ("PPE_ATTEMPT", "3"),
        ("PPE_BASE", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
        ("PPE_BRANCH", "feat/T-001-x"),
        ("PPE_JOB_FILE", "/state/job/job.json"),
        ("PPE_PROGRAM", "/opt/ppe/bin/ppe"),
        ("PPE_PROMPT_FILE", "/state/job/prompt"),
        ("PPE_PURPOSE", "ci"),
        ("PPE_REPORT", "/state/job/reports/report"),
        ("PPE_SESSION", "s-1"),
        ("PPE_TASK", "T-001"),
        ("PPE_TITLE", "Title with a {task} and more"),
    ];
    let found: Vec<(&str, &str)> = launch.env.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(found, wanted);
}

#[test]
fn the_scripted_agent_is_our_own_program() {
    let launch = scripted().launch(&job(), &PLACES());
    let wanted = ["/opt/ppe/bin/ppe", "agent-scripted", "--speed", "2.5", "--script", "/plans/script.toml"];
    assert_eq!(launch.argv, wanted);
    assert_eq!(launch.env["PPE_JOB_FILE"], "/state/job/job.json");
}

#[test]
fn lines_that_are_reports_are_understood() {
    let claim = |c| vec![AgentEvent::Claim(c)];
    let table = [
        (r#"{"report":"phase","name":" Code\n Gen "}"#, vec![AgentEvent::Phase("Code Gen".to_owned())]),
        (r#"  {"n": 7, "report": "commit", "extra": {"x": []}}"#, vec![AgentEvent::Commit(7)]),
        (r#"{"report":"no-change","why":"done"}"#, claim(Claim::NoChange("done".to_owned()))),
        (r#"{"report":"blocked"}"#, claim(Claim::Blocked(String::new()))),
        (r#"{"report":"flaky","why":"network"}"#, claim(Claim::Flaky("network".to_owned()))),
        (r#"{"report":"later"}"#, vec![AgentEvent::Later(Later::Unknown)]),
        (r#"{"report":"later","seconds":2}"#, vec![AgentEvent::Later(Later::AfterEnd(2_000))]),
        (r#"{"report":"later","until_ms":5,"seconds":2}"#, vec![AgentEvent::Later(Later::At(Millis(5)))]),
        (r#"{"report":"session","id":"abc"}"#, vec![AgentEvent::Session("abc".to_owned())]),
        (r#"{"report":"note","text":"hm"}"#, vec![AgentEvent::Note("hm".to_owned())]),
        (r#"{"report":"denied","what":"x(y)"}"#, vec![AgentEvent::Denied("x(y)".to_owned())]),
        (
            r#"{"report":"usage","input":3,"output":4,"cost_micro_usd":5}"#,
            vec![AgentEvent::Used(Reckoning::More(Usage {
                input: 3,
                output: 4,
                cost_micro_usd: Some(5),
                ..Usage::default()
            }))],
        ),
        (
            r#"{"report":"usage","cache_read":3,"of":"session"}"#,
            vec![AgentEvent::Used(Reckoning::SessionTotal(Usage { cache_read: 3, ..Usage::default() }))],
        ),
        (
            r#"{"report":"end","how":"session-lost","why":"w"}"#,
            vec![AgentEvent::Final(Exit::SessionLost("w".to_owned()))],
        ),
    ];
    for (line, wanted) in table {
        assert_eq!(command().line(line), wanted, "{line}");
        assert_eq!(scripted().line(line), wanted, "{line}");
    }
}

#[test]
fn hostile_lines_say_nothing_and_harm_nothing() {
    let deep = format!(r#"{{"report":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let long = format!(r#"{{"report":"blocked","why":"{}"}}"#, "x".repeat(10_000_000));
    let cut = long[..1_000].to_owned();
    let lines = [
        "",
        "\0\0\0",
        "compiling …",
        "{",
        r#"{"report""#,
        r#"{"report":"commit","n":-1}"#,
        r#"{"report":"commit","n":"seven"}"#,
        r#"{"report":"commit","n":99999999999999999999999}"#,
        r#"{"report":"unheard-of","why":"x"}"#,
        r#"{"report":null}"#,
        r#"{"report":"phase","name":"   "}"#,
        r#"{"type":"assistant","message":"\"report\""}"#,
        r#"["report"]"#,
        &deep,
        &long,
        &cut,
    ];
    for line in lines {
        let shown: String = line.chars().take(60).collect();
        assert_eq!(command().line(line), [], "{shown}");
    }
    let nul = "{\"report\":\"blocked\",\"why\":\"a\\u0000b\"}";
    assert_eq!(command().line(nul), [AgentEvent::Claim(Claim::Blocked("a b".to_owned()))]);
    let wide = format!(r#"{{"report":"blocked","why":"{}"}}"#, "é".repeat(20_000));
    let [AgentEvent::Claim(Claim::Blocked(why))] = &command().line(&wide)[..] else { panic!("not a claim") };
    assert!(why.len() <= 500, "{} bytes", why.len());
}

fn seen(lines: &[&str]) -> Seen {
    let mut seen = Seen::default();
    for line in lines {
        for event in command().line(line) {
            seen.add(event);
        }
    }
    seen
}

#[test]
fn the_latest_of_each_kind_is_kept() {
    let seen = seen(&[
        r#"{"report":"phase","name":"one"}"#,
        r#"{"report":"phase","name":"two"}"#,
        r#"{"report":"commit","n":4}"#,
        r#"{"report":"session","id":"s"}"#,
        r#"{"report":"flaky","why":"w"}"#,
        r#"{"report":"later"}"#,
        r#"{"report":"note","text":"t"}"#,
    ]);
    let wanted = Seen {
        phase: Some("two".to_owned()),
        commits: Some(4),
        claim: Claim::Flaky("w".to_owned()),
        session: Some("s".to_owned()),
        later: Some(Later::Unknown),
        ..Seen::default()
    };
    assert_eq!(seen, wanted);
}

#[test]
fn an_agent_that_went_on_does_not_wait() {
    let seen = seen(&[r#"{"report":"later"}"#, r#"{"report":"commit","n":4}"#]);
    assert_eq!(command().finish(&ProcessEnd::Code(0), &seen, &Usage::default()).exit, Exit::Done);
}

#[test]
fn ends_are_told_by_class() {
    let said = Seen { stderr: "  boom\u{1b}[0m ".to_owned(), ..Seen::default() };
    let silent = Seen::default();
    let failed = |text: &str| Exit::Failed(text.to_owned());
    let table = [
        (ProcessEnd::Code(0), &said, Exit::Done),
        (ProcessEnd::Code(1), &said, failed("the agent ended with exit code 1: boom [0m")),
        (ProcessEnd::Code(127), &silent, failed("the agent ended with exit code 127")),
        (ProcessEnd::Signal(9), &silent, Exit::Lost("the agent was ended by SIGKILL".into())),
        (ProcessEnd::Signal(11), &silent, failed("the agent was ended by SIGSEGV")),
        (ProcessEnd::Signal(64), &said, failed("the agent was ended by signal 64: boom [0m")),
        (ProcessEnd::CannotRun("no such\nfile".into()), &said, Exit::CannotStart("no such file".into())),
        (ProcessEnd::Stopped("asked".into()), &said, Exit::Stopped),
        (ProcessEnd::OutputCap, &said, failed("the agent printed more than one job may (limits.output_mb)")),
        (ProcessEnd::Lost("gone".into()), &said, Exit::Lost("gone".into())),
        (
            ProcessEnd::Code(75),
            &said,
            Exit::TryLater {
                until: None,
                why: "the agent asks for a later try: boom [0m".into(),
                shortage: Shortage::Servers,
            },
        ),
    ];
    for (end, seen, wanted) in table {
        assert_eq!(command().finish(&end, seen, &Usage::default()).exit, wanted, "{end:?}");
        assert_eq!(scripted().finish(&end, seen, &Usage::default()).exit, wanted, "{end:?}");
    }
}

#[test]
fn later_says_when_if_that_was_told() {
    let ended = Some(Millis(10_000));
    let table = [
        (r#"{"report":"later","until_ms":5}"#, None, Some(Millis(5))),
        (r#"{"report":"later","seconds":2}"#, ended, Some(Millis(12_000))),
        (r#"{"report":"later","seconds":2}"#, None, None),
        (r#"{"report":"later"}"#, ended, None),
    ];
    for (line, ended_at, wanted) in table {
        for code in [0, 1, 75] {
            let seen = Seen { ended_at, ..seen(&[line]) };
            let Exit::TryLater { until, .. } =
                command().finish(&ProcessEnd::Code(code), &seen, &Usage::default()).exit
            else {
                panic!("{line} {code}")
            };
            assert_eq!(until, wanted, "{line} {code}");
        }
    }
    let asked = seen(&[r#"{"report":"later"}"#]);
    assert_eq!(
        command().finish(&ProcessEnd::Stopped("asked".into()), &asked, &Usage::default()).exit,
        Exit::Stopped
    );
}

#[test]
fn claim_and_session_come_along_with_any_end() {
    let seen = seen(&[r#"{"report":"blocked","why":"no key"}"#, r#"{"report":"session","id":"s"}"#]);
    for end in [ProcessEnd::Code(0), ProcessEnd::Code(1), ProcessEnd::Lost("gone".into())] {
        let told = command().finish(&end, &seen, &Usage::default());
        assert_eq!(told.claim, Claim::Blocked("no key".to_owned()));
        assert_eq!(told.session.as_deref(), Some("s"));
    }
}

#[test]
fn a_wrong_script_cannot_start() {
    let said = Seen { stderr: "script.toml:3: unknown key x".to_owned(), ..Seen::default() };
    let end = ProcessEnd::Code(i32::from(SCRIPT_WRONG));
    let wanted = Exit::CannotStart("script.toml:3: unknown key x".to_owned());
    assert_eq!(scripted().finish(&end, &said, &Usage::default()).exit, wanted);
    assert!(matches!(command().finish(&end, &said, &Usage::default()).exit, Exit::Failed(_)));
}

#[test]
fn who_cannot_get_on_is_ended() {
    let retry = |status, delay_ms| Seen {
        retry: Some(Retry { attempt: Some(1), delay_ms, status, why: "w".to_owned() }),
        ..Seen::default()
    };
    let later = |shortage| Some(Exit::TryLater { until: None, why: "w".to_owned(), shortage });
    let table = [
        (retry(Some(401), Some(500)), 0, Some(Exit::CannotStart("w".to_owned()))),
        (retry(Some(403), None), 0, Some(Exit::CannotStart("w".to_owned()))),
        (retry(Some(429), None), 90_000, None),
        (retry(Some(429), None), 90_001, later(Shortage::Allowance)),
        (retry(Some(503), None), 90_001, later(Shortage::Servers)),
        (retry(Some(529), None), 1_000_000, None),
        (retry(None, None), 1_000_000, None),
        (retry(Some(429), Some(2_000)), 1_000_000, None),
        (retry(Some(429), Some(100_000)), 0, later(Shortage::Allowance)),
        (retry(Some(400), None), 1_000_000, None),
        (Seen { last: Some(Exit::Done), ..retry(Some(401), None) }, 0, None),
        (Seen::default(), 1_000_000, None),
    ];
    for (seen, quiet_ms, wanted) in table {
        assert_eq!(hopeless(&seen, quiet_ms), wanted, "{:?} after {quiet_ms}", seen.retry);
    }
}

#[test]
fn parts_and_totals_of_the_same_tokens_count_once() {
    let tokens = |input| Usage { input, ..Usage::default() };
    let seen = |used, total: Option<u64>| Seen {
        used: tokens(used),
        session_total: total.map(tokens),
        ..Seen::default()
    };
    for (seen, before, wanted) in [
        (seen(5, None), 0, 5),
        (seen(5, None), 100, 5),
        (seen(0, Some(30)), 10, 20),
        (seen(5, Some(15)), 10, 5),
        (seen(5, Some(25)), 10, 15),
        (seen(50, Some(60)), 55, 50),
    ] {
        assert_eq!(seen.usage(&tokens(before)), tokens(wanted), "{seen:?} after {before}");
    }
}

#[test]
fn a_bare_name_gives_way_to_what_says_more() {
    let mut seen = Seen::default();
    for what in ["Bash", "Write", "Bash(a)", "Bash", "Bash(b)", "Bash(a)", "WebFetch", "Web"] {
        seen.add(AgentEvent::Denied(what.to_owned()));
    }
    assert_eq!(seen.denied, ["Write", "Bash(a)", "Bash(b)", "WebFetch", "Web"]);
}

#[test]
fn a_turn_that_has_begun_has_not_ended() {
    let mut seen = Seen::default();
    seen.add(AgentEvent::Final(Exit::Done));
    seen.add(AgentEvent::Started(Made::default()));
    assert!(matches!(
        command().finish(&ProcessEnd::Code(143), &seen, &Usage::default()).exit,
        Exit::Failed(_)
    ));
}

mod opencode_gemini;

#[test]
fn an_acp_agent_is_launched_by_our_client() {
    let acp = AcpSettings {
        argv: vec!["some-agent".to_owned(), "--acp".to_owned()],
        mode: Some("code".to_owned()),
        permissions: Permissions::All,
    };
    let launch =
        |acp| Driver::by_name("acp", &AgentSettings { acp, ..settings() }).unwrap().launch(&job(), &PLACES());
    let all = launch(acp.clone());
    let wanted = [
        "/opt/ppe/bin/ppe",
        "agent-acp",
        "--permissions",
        "all",
        "--mode",
        "code",
        "--",
        "some-agent",
        "--acp",
    ];
    assert_eq!(all.argv, wanted);
    assert_eq!((&all.stdin, &*all.env["TMPDIR"]), (&None, "/tmp/ppe/T-001"));
    let edits = launch(AcpSettings { mode: None, permissions: Permissions::Edits, ..acp });
    assert_eq!(edits.argv[1..], ["agent-acp", "--permissions", "edits", "--", "some-agent", "--acp"]);
}

#[test]
fn who_was_let_in_before_may_renew_its_access_once() {
    let retry = |attempt| Retry { attempt, status: Some(401), why: "expired".into(), ..Retry::default() };
    let seen = |text: Option<&str>, attempt| Seen {
        text: text.map(str::to_owned),
        retry: Some(retry(attempt)),
        ..Seen::default()
    };
    let ended = Some(Exit::CannotStart("expired".into()));
    assert_eq!(hopeless(&seen(None, Some(1)), 0), ended, "who was never let in is not");
    assert_eq!(hopeless(&seen(Some("I begin."), Some(1)), 0), None);
    assert_eq!(hopeless(&seen(Some("I begin."), Some(2)), 0), ended);
}

#[test]
fn a_proper_end_has_the_word_over_who_gave_it_up() {
    let given_up = Some(Exit::CannotStart("no access".into()));
    let said = Seen { given_up: given_up.clone(), last: Some(Exit::Done), ..Seen::default() };
    let silent = Seen { given_up, ..Seen::default() };
    let claude = Driver::by_name("claude", &settings()).unwrap();
    let told = |end, seen: &Seen| claude.finish(&end, seen, &Usage::default()).exit;
    assert_eq!(told(ProcessEnd::Code(0), &said), Exit::Done);
    assert_eq!(told(ProcessEnd::Code(1), &silent), Exit::CannotStart("no access".into()));
    assert_eq!(told(ProcessEnd::Stopped("asked".into()), &silent), Exit::CannotStart("no access".into()));
}
