//! How opencode and Gemini CLI are started, and what of their words no recording holds.

use super::*;
use serde_json::{Value, json};

fn native(program: &str) -> NativeSettings {
    NativeSettings { program: program.to_owned(), ..NativeSettings::default() }
}

fn opencode(settings: NativeSettings) -> Driver {
    Driver::by_name("opencode", &AgentSettings { opencode: settings, ..super::settings() }).unwrap()
}

fn gemini(settings: NativeSettings) -> Driver {
    Driver::by_name("gemini", &AgentSettings { gemini: settings, ..super::settings() }).unwrap()
}

fn permission(launch: &Launch) -> Value {
    serde_json::from_str(&launch.env["OPENCODE_PERMISSION"]).unwrap()
}

#[test]
fn opencode_is_launched_with_its_session_and_may_edit_and_use_git() {
    let launch = opencode(native("opencode")).launch(&job(), &PLACES());
    assert_eq!(
        launch.argv,
        ["opencode", "run", "--format", "json", "--title", "Execute T-001", "--session", "s-1"]
    );
    assert_eq!(launch.stdin.as_deref(), Some(Path::new("/state/job/prompt")));
    for (name, value) in [
        ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
        ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
        ("TMPDIR", "/tmp/ppe/T-001"),
        ("PPE_TASK", "T-001"),
    ] {
        assert_eq!(launch.env[name], value, "{name}");
    }
    for name in ["HOME", "XDG_DATA_HOME", "OPENCODE_CONFIG_CONTENT"] {
        assert!(!launch.env.contains_key(name), "{name}");
    }
    let rules = permission(&launch);
    let whole = |tool: &str| rules[tool]["*"].clone();
    assert_eq!([whole("edit"), whole("webfetch"), whole("question")], ["allow", "deny", "deny"]);
    assert_eq!([&rules["bash"]["git *"], &rules["bash"]["ppe *"]], ["allow", "allow"]);
    // The last rule that fits holds: what is forbidden in general must come first.
    let text = &launch.env["OPENCODE_PERMISSION"];
    assert!(text.find("\"*\":\"deny\"") < text.find("\"git *\""), "{text}");
    assert_eq!(rules["bash"]["npm *"], Value::Null);
}

#[test]
fn opencode_gets_what_the_user_chose() {
    let settings = NativeSettings {
        agent: Some("build".to_owned()),
        allow: ["bash(npm test *)", "webfetch", "skill(a*)", "skill(b*)", "bash($X 'a')"]
            .map(str::to_owned)
            .into(),
        args: vec!["--variant".to_owned(), "high".to_owned()],
        home: Home::Private,
        ..native("/opt/opencode")
    };
    let allow = vec!["bash(make all && ./run.sh)".to_owned()];
    let model = Some("scripted/m".to_owned());
    let launch =
        opencode(settings.clone()).launch(&AgentJob { session: None, model, allow, ..job() }, &PLACES());
    assert_eq!(
        launch.argv[5..],
        ["Execute T-001", "--model", "scripted/m", "--agent", "build", "--variant", "high"]
    );
    let rules = permission(&launch);
    let text = &launch.env["OPENCODE_PERMISSION"];
    let bash = &text[text.find("\"bash\"").unwrap()..text.find("\"doom_loop\"").unwrap()];
    for command in ["npm test *", "make all", "./run.sh", "$X 'a'"] {
        assert_eq!(rules["bash"][command], "allow", "{command}");
        assert!(bash.find("\"*\":\"deny\"") < bash.find(command), "{bash}");
    }
    assert_eq!([&rules["webfetch"]["*"], &rules["websearch"]["*"]], ["allow", "deny"]);
    assert_eq!(rules["skill"], json!({"*": "deny", "a*": "allow", "b*": "allow"}));
    for (name, value) in [
        ("HOME", "/state/home"),
        ("XDG_CONFIG_HOME", "/state/home/.config"),
        ("XDG_DATA_HOME", "/state/home/.local/share"),
        ("XDG_STATE_HOME", "/state/home/.local/state"),
        ("XDG_CACHE_HOME", "/state/home/.cache"),
    ] {
        assert_eq!(launch.env[name], value, "{name}");
    }
    let all = NativeSettings { permissions: Permissions::All, ..settings };
    let launch = opencode(all).launch(&job(), &PLACES());
    assert!(launch.argv.contains(&"--auto".to_owned()));
    assert_eq!(permission(&launch), json!({"*": "allow", "question": "deny"}));
}

#[test]
fn the_first_opencode_of_a_users_data_folder_runs_alone() {
    let first = |home, env: &[(&str, &str)]| {
        let env = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        opencode(NativeSettings { home, ..native("oc") })
            .first_run(&env)
            .map(|first| (first.folder, first.argv))
    };
    let argv = ["oc", "session", "list", "--format", "json"].map(str::to_owned).to_vec();
    let wanted = |folder: &str| Some((PathBuf::from(folder), argv.clone()));
    assert_eq!(first(Home::User, &[("HOME", "/h")]), wanted("/h/.local/share/opencode"));
    assert_eq!(first(Home::User, &[("HOME", "/h"), ("XDG_DATA_HOME", "/d")]), wanted("/d/opencode"));
    assert_eq!(
        first(Home::User, &[("HOME", "/h"), ("XDG_DATA_HOME", "")]),
        wanted("/h/.local/share/opencode")
    );
    assert_eq!(first(Home::User, &[]), None);
    assert_eq!(first(Home::Private, &[("HOME", "/h")]), None);
    assert_eq!(gemini(native("gemini")).first_run(&BTreeMap::from([("HOME".into(), "/h".into())])), None);
}

#[test]
fn gemini_is_launched_with_a_session_that_follows_from_the_job() {
    let launch = |job| gemini(native("gemini")).launch(&job, &PLACES());
    let fresh = launch(AgentJob { session: None, model: Some("m".to_owned()), ..job() });
    assert_eq!(
        fresh.argv[..6],
        ["gemini", "-o", "stream-json", "--skip-trust", "--approval-mode", "auto_edit"]
    );
    for tool in ["git", "ppe", "echo"] {
        assert!(
            fresh.argv.contains(&format!("--allowed-tools=run_shell_command({tool})")),
            "{:?}",
            fresh.argv
        );
    }
    let [model, m, option, id] = &fresh.argv[fresh.argv.len() - 4..] else { panic!("{:?}", fresh.argv) };
    assert_eq!([&**model, m, option], ["--model", "m", "--session-id"]);
    assert_eq!(id.len(), 36);
    assert_eq!(fresh, launch(AgentJob { session: None, model: Some("m".to_owned()), ..job() }));
    let resumed = launch(job());
    assert_eq!(resumed.argv[resumed.argv.len() - 2..], ["--resume", "s-1"]);
    assert_eq!(resumed.env["TMPDIR"], "/tmp/ppe/T-001");
    assert_eq!(resumed.stdin.as_deref(), Some(Path::new("/state/job/prompt")));
}

#[test]
fn gemini_gets_what_the_user_chose() {
    let settings = NativeSettings {
        allow: vec!["run_shell_command(npm test)".to_owned(), "web_fetch".to_owned()],
        args: vec!["--debug".to_owned()],
        home: Home::Private,
        ..native("gemini")
    };
    let allow = ["run_shell_command(make a && ./run.sh)", "web_search(a,run_shell_command,b)"];
    let allow = allow.map(str::to_owned).to_vec();
    let launch = gemini(settings.clone()).launch(&AgentJob { allow, ..job() }, &PLACES());
    for tool in [
        "run_shell_command(npm test)",
        "web_fetch",
        "run_shell_command(make a)",
        "run_shell_command(./run.sh)",
    ] {
        assert!(launch.argv.contains(&format!("--allowed-tools={tool}")), "{tool} in {:?}", launch.argv);
    }
    assert!(!launch.argv.iter().any(|arg| arg.contains("web_search")), "a comma would end the rule");
    assert_eq!(launch.argv.last().map(String::as_str), Some("--debug"));
    assert_eq!(launch.env["HOME"], "/state/home");
    let all = gemini(NativeSettings { permissions: Permissions::All, ..settings }).launch(&job(), &PLACES());
    assert_eq!(all.argv[3..6], ["--skip-trust", "--yolo", "--resume"]);
}

fn end(driver: &Driver, lines: &[Value], stderr: &str, code: i32) -> Exit {
    let mut seen = Seen { stderr: stderr.to_owned(), ended_at: Some(Millis(10_000)), ..Seen::default() };
    lines.iter().flat_map(|line| driver.line(&line.to_string())).for_each(|event| seen.add(event));
    driver.finish(&ProcessEnd::Code(code), &seen, &Usage::default()).exit
}

fn later(until: Option<u64>, why: &str, shortage: Shortage) -> Exit {
    Exit::TryLater { until: until.map(Millis), why: why.to_owned(), shortage }
}

#[test]
fn errors_of_opencode_are_told_by_name_and_status() {
    let driver = opencode(native("opencode"));
    let error = |name: &str, data: Value| json!({"type": "error", "sessionID": "s", "error": {"name": name, "data": data}});
    let api = |status: u64, retryable: bool| {
        let headers = json!({"retry-after": "3600"});
        json!({"message": "no", "statusCode": status, "isRetryable": retryable, "responseHeaders": headers})
    };
    let hour = Some(3_610_000);
    let why = || "no".to_owned();
    let table = [
        (error("APIError", api(429, true)), later(hour, "no", Shortage::Allowance)),
        (error("APIError", api(503, true)), later(hour, "no", Shortage::Servers)),
        (error("APIError", api(402, false)), later(hour, "no", Shortage::Allowance)),
        (error("APIError", api(409, true)), later(hour, "no", Shortage::Servers)),
        (error("APIError", api(400, false)), Exit::Failed(why())),
        (error("APIError", api(403, false)), Exit::CannotStart(why())),
        (error("APIError", json!({"message": "no"})), later(None, "no", Shortage::Servers)),
        (error("APIError", json!({"message": "no", "isRetryable": false})), Exit::Failed(why())),
        (error("ProviderAuthError", json!({"message": "no"})), Exit::CannotStart(why())),
        (error("ContextOverflowError", json!({"message": "no"})), Exit::ContextFull(why())),
        (error("Unheard", json!(7)), Exit::Failed("Unheard".to_owned())),
    ];
    for (line, wanted) in table {
        assert_eq!(end(&driver, std::slice::from_ref(&line), "", 1), wanted, "{line}");
    }
}

#[test]
fn opencode_is_done_only_after_a_last_step_and_exit_code_0() {
    let driver = opencode(native("opencode"));
    let step = |reason: &str| json!({"type": "step_finish", "sessionID": "s", "part": {"reason": reason}});
    let begun = json!({"type": "step_start", "sessionID": "s", "part": {}});
    let unfinished = Exit::Failed("opencode ended in the middle of its work".to_owned());
    let table = [
        (vec![step("stop")], 0, Exit::Done),
        (vec![step("stop")], 1, Exit::Failed("the agent ended with exit code 1".to_owned())),
        (vec![step("stop"), step("tool-calls")], 0, unfinished.clone()),
        (vec![step("unknown")], 0, unfinished.clone()),
        (vec![begun], 0, unfinished),
        (vec![], 0, Exit::Failed("opencode ended without a word".to_owned())),
        (vec![], 75, later(None, "the agent asks for a later try", Shortage::Servers)),
    ];
    for (lines, code, wanted) in table {
        assert_eq!(end(&driver, &lines, "", code), wanted, "{lines:?} {code}");
    }
}

#[test]
fn errors_of_gemini_are_told_by_status_words_and_exit_code() {
    let driver = gemini(native("gemini"));
    let error = |message: &str| json!({"type": "result", "status": "error", "error": {"type": "unknown", "message": message}});
    let class = |exit: Exit| match exit {
        Exit::Done => "done",
        Exit::Failed(_) => "failed",
        Exit::TryLater { until: None, shortage: Shortage::Rate, .. } => "rate",
        Exit::TryLater { until: None, shortage: Shortage::Servers, .. } => "servers",
        Exit::TryLater { until: Some(Millis(47_500)), shortage: Shortage::Allowance, .. } => "allowance 37.5",
        Exit::CannotStart(_) => "cannot start",
        Exit::SessionLost(_) => "session lost",
        Exit::ContextFull(_) => "context full",
        Exit::OverBudget(_) => "over budget",
        Exit::Refused(_) | Exit::Stopped | Exit::Lost(_) | Exit::TryLater { .. } => "else",
    };
    let said = [
        (r#"[API Error: {"error":{"code":429,"message":"x"}}]"#, 173, "rate"),
        (r#"{"code": 429, "quotaId":"PerDay", "retryDelay":"37.5s"}"#, 173, "allowance 37.5"),
        (r#"{"error":{"code":503}}"#, 247, "servers"),
        (r#"{"error":{"code":400,"message":"API key not valid"}}"#, 144, "cannot start"),
        (r#"{"error":{"code":400,"message":"exceeds the maximum number of tokens"}}"#, 144, "context full"),
        (r#"{"error":{"code":400}}"#, 144, "failed"),
        ("[API Error: fetch failed]", 1, "servers"),
        ("no idea", 173, "rate"),
        ("no idea", 1, "failed"),
    ];
    for (message, code, wanted) in said {
        assert_eq!(class(end(&driver, &[error(message)], "", code)), wanted, "{message} {code}");
    }
    let silent = [
        (0, "", "failed"),
        (41, "", "cannot start"),
        (42, "Error resuming session: No previous sessions found\n[STARTUP] noise", "session lost"),
        (42, "Error starting session: already exists", "failed"),
        (52, "", "cannot start"),
        (53, "", "over budget"),
        (55, "", "cannot start"),
        (17, "", "servers"),
        (145, "", "cannot start"),
        (75, "", "servers"),
        (1, "", "failed"),
    ];
    for (code, stderr, wanted) in silent {
        assert_eq!(class(end(&driver, &[], stderr, code)), wanted, "{code} {stderr}");
    }
    let done = json!({"type": "result", "status": "success", "stats": {}});
    assert_eq!(end(&driver, std::slice::from_ref(&done), "", 0), Exit::Done);
    assert!(matches!(end(&driver, &[done], "", 1), Exit::Failed(_)));
}

#[test]
fn what_gemini_was_refused_is_told_with_its_command() {
    let driver = gemini(native("gemini"));
    let call = |command: &str| json!({"type": "tool_use", "tool_name": "run_shell_command", "tool_id": "run_shell_command__x", "parameters": {"command": command}});
    let refused = json!({"type": "tool_result", "tool_id": "run_shell_command__x", "status": "error", "error": {"type": "policy_violation"}});
    let mut seen = Seen::default();
    for line in [call("npm install"), refused.clone(), refused] {
        driver.line(&line.to_string()).into_iter().for_each(|event| seen.add(event));
    }
    assert_eq!(seen.denied, ["run_shell_command(npm install)"]);
}

#[test]
fn hostile_lines_of_either_say_nothing_of_their_end() {
    let deep = format!(r#"{{"type":"step_finish","part":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let lines = [
        "",
        "\0",
        "{",
        "[]",
        "null",
        "12",
        r#"{"type":[]}"#,
        r#"{"type":"text","part":[1]}"#,
        r#"{"type":"tool_use","part":{"state":7}}"#,
        r#"{"type":"tool_result","tool_id":{}}"#,
        r#"{"type":"init","session_id":5,"model":[]}"#,
        r#"{"sessionID":"","type":"text"}"#,
        &deep,
    ];
    for driver in [opencode(native("o")), gemini(native("g"))] {
        let mut seen = Seen::default();
        lines.iter().flat_map(|line| driver.line(line)).for_each(|event| seen.add(event));
        assert_eq!((&seen.session, &seen.last, seen.used), (&None, &None, Usage::default()));
        assert!(seen.denied.is_empty() && seen.text.is_none(), "{seen:?}");
    }
    let step =
        r#"{"type":"step_finish","sessionID":7,"part":{"tokens":{"input":-4,"output":"x"},"cost":"free"}}"#;
    let [AgentEvent::Used(Reckoning::More(usage)), AgentEvent::Final(Exit::Failed(_))] =
        &opencode(native("o")).line(step)[..]
    else {
        panic!("{:?}", opencode(native("o")).line(step))
    };
    assert_eq!(*usage, Usage::default());
}
