//! `ppe mcp` as its clients see it: runs that are started, watched, asked about and reported, in both eras.

use crate::is_landed;
use crate::mcp_client::{Client, Era, Forms};
use ppe_core::event::Event;
use ppe_testkit::board::Shelf;
use ppe_testkit::env::{CONFIG, TestEnv};
use serde_json::{Value, json};

fn three_tasks() -> TestEnv {
    three_tasks_with(|_| {})
}

fn three_tasks_with(more: impl FnOnce(&TestEnv)) -> TestEnv {
    let mut env = TestEnv::new(env!("CARGO_BIN_EXE_ppe"));
    more(&env);
    env.task("T-001", "First", &[], 2);
    env.task("T-002", "Second", &["T-001"], 2);
    env.task("T-003", "Third", &[], 2);
    env.ready();
    env
}

/// Has a run begin or go on, and waits until its process is at work: on a slow machine the answer comes before that.
#[track_caller]
fn begin(env: &TestEnv, client: &mut Client, tool: &str, arguments: Value) -> Value {
    let sessions = || (env.runs().len(), env.count(|e| matches!(e, Event::SessionOpened { .. })));
    let before = sessions();
    let answer = client.document(tool, arguments);
    assert!(answer["state"] == "started" || answer["state"] == "preparing", "{answer}");
    env.until("its process is at work", || {
        let now = sessions();
        (now != before && now.1 > 0).then_some(())
    });
    answer
}

/// A run from its start to its report. `forms`: what the user chooses, where the client can ask.
fn lands_a_plan(era: Era, forms: Forms) {
    let env = three_tasks();
    let mut client = Client::start(&env, era, forms);
    let checked = client.document("plan_check", json!({}));
    assert_eq!(checked["waves"], json!([["T-001", "T-003"], ["T-002"]]));
    let mut agreed = json!({});
    if forms.is_none() {
        let offered = client.document("plan_start", json!({}));
        assert_eq!(offered["state"], "needs-confirmation", "{offered}");
        let warnings = offered["warnings"].to_string();
        assert!(warnings.contains("no command judges the work"), "{warnings}");
        assert!(offered["what"].as_str().unwrap().contains("3 tasks"), "{offered}");
        assert_eq!(env.ppe(&["status"]).code, 4, "nothing has started");
        agreed = json!({"confirm": true});
    }
    let started = begin(&env, &mut client, "plan_start", agreed);
    let status = client.until("complete");
    assert_eq!((&status["done"], &status["tasks"]), (&json!(3), &json!(3)));
    let has_no_id_yet = started["state"] == "preparing" && started["run"].is_null();
    assert!(has_no_id_yet || status["run"] == started["run"], "{started}");
    let task = client.document("plan_task", json!({"task": "T-002"}));
    assert_eq!(task["state"], "landed", "{task}");
    assert_eq!(task["commits"].as_array().unwrap().len(), 2, "{task}");
    let report = client.document("plan_report", json!({}));
    assert_eq!((&report["complete"], &report["commits"]), (&json!(true), &json!(6)), "{report}");
    client.end();
    env.finish();
}

#[test]
fn a_client_of_2026_with_forms_lands_a_plan() {
    lands_a_plan(Era::Stateless, Some("yes"));
}

#[test]
fn a_client_of_2025_without_forms_lands_a_plan() {
    lands_a_plan(Era::Handshake, None);
}

#[test]
fn whoever_says_no_starts_nothing() {
    let both = [Era::Stateless, Era::Handshake];
    for (era, answer) in both.into_iter().flat_map(|era| [(era, "no"), (era, "decline")]) {
        let env = three_tasks();
        let mut client = Client::start(&env, era, Some(answer));
        assert_eq!(client.document("plan_start", json!({}))["state"], "declined");
        client.end();
        assert_eq!(env.ppe(&["status"]).code, 4, "nothing has started");
    }
}

#[test]
fn a_call_that_is_taken_back_starts_nothing_whatever_its_form_says() {
    let env = three_tasks();
    let mut client = Client::start(&env, Era::Handshake, Some("cancel"));
    assert_eq!(client.call("tools/call", json!({"name": "plan_start", "arguments": {}})), "no answer comes");
    for _ in 0..3 {
        client.document("plan_check", json!({}));
    }
    client.end();
    let begun = |repository: &std::path::Path| repository.join("console.log").exists();
    let state = std::fs::read_dir(env.at("state")).unwrap().flatten();
    assert!(!state.map(|entry| entry.path()).any(|path| begun(&path)), "nothing was begun");
    env.finish();
}

#[test]
fn a_run_that_is_being_prepared_is_no_error_to_who_waits_for_it() {
    let mut env = three_tasks();
    let go = env.at("go");
    env.set("PPE_FAILPOINT", &format!("hold:run.before_log!{}", go.display()));
    let mut client = Client::start(&env, Era::Stateless, None);
    let started = client.document("plan_start", json!({"confirm": true}));
    assert_eq!((&started["state"], &started["run"]), (&json!("preparing"), &Value::Null), "{started}");
    env.until("it is held", || go.with_extension("reached").exists().then_some(()));
    let early = client.tool("plan_status", json!({}));
    assert!(early.to_string().contains("is being prepared"), "{early}");
    let opens = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        std::fs::write(go, "").unwrap();
    });
    assert_eq!(client.document("plan_status", json!({"wait_s": 40}))["tasks"], 3);
    opens.join().unwrap();
    client.until("complete");
    client.end();
    env.finish();
}

#[test]
fn the_run_goes_on_without_its_client_and_is_steered_by_another() {
    let mut env = three_tasks();
    env.script("[defaults]\nhang_attempts = true\nafter_commits = 0\n");
    let mut first = Client::start(&env, Era::Stateless, None);
    begin(&env, &mut first, "plan_start", json!({"confirm": true, "slots": 1}));
    first.end();
    let mut second = Client::start(&env, Era::Handshake, None);
    let status = second.document("plan_status", json!({}));
    assert_eq!((&status["live"], &status["slots"]), (&json!(true), &json!(1)), "{status}");
    assert_eq!(second.document("plan_pause", json!({}))["changed"], true);
    assert_eq!(second.until("paused")["obstacles"][0]["command"], "ppe unpause");
    assert_eq!(second.document("plan_resume", json!({}))["state"], "started");
    assert_eq!(second.document("plan_stop", json!({}))["live"], true);
    let stopped = second.until("resumable");
    assert_eq!(stopped["live"], false);
    assert_eq!(second.document("plan_resume", json!({}))["state"], "needs-confirmation");
    begin(&env, &mut second, "plan_resume", json!({"confirm": true}));
    assert_eq!(second.document("plan_stop", json!({"how": "cancel"}))["live"], true);
    second.until("complete");
    second.end();
    env.finish();
}

#[test]
fn what_is_selected_arrives_as_it_was_agreed_to() {
    let env = three_tasks_with(|env| {
        let head = "- **Module**: `web, mobile`\n- **Quarter**: Q1, early\n";
        env.task_with("T-004", "Fourth", &[], 1, head);
    });
    let mut client = Client::start(&env, Era::Stateless, None);
    let selected = json!({"quarters": ["Q1, early"], "modules": ["web, mobile"], "confirm": true});
    begin(&env, &mut client, "plan_start", selected);
    assert_eq!(client.until("complete")["tasks"], 1);
    assert!(is_landed(&env, "T-004"));
    client.end();
    env.finish();
}

#[test]
fn mistakes_are_answers_that_say_what_is_wrong() {
    let env = three_tasks();
    let mut client = Client::start(&env, Era::Stateless, None);
    let mut wrong = |tool: &str, arguments: Value, says: &str| {
        let result = client.tool(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(says), "{text}");
    };
    wrong("plan_start", json!({"slots": 40}), "1 to 10");
    wrong("plan_start", json!({"plan": "--yes"}), "--yes");
    wrong("plan_start", json!({"slot": 4}), "unknown field `slot`");
    wrong("plan_status", json!({}), "no run");
    wrong("plan_answer", json!({"question": "q1", "answer": "maybe"}), "`maybe` is no answer");
    assert_eq!(client.ask("tools/call", json!({"name": "plan_sell"}))["error"]["code"], -32602);
    assert_eq!(client.ask("resources/read", json!({"uri": "ppe://runs/../x"}))["error"]["code"], -32602);
    client.end();
}

#[test]
fn inside_an_attempt_there_are_reports_and_nothing_else() {
    let mut env = three_tasks();
    let job = env.at("job");
    std::fs::create_dir_all(job.join("reports")).unwrap();
    let file = job.join("reports/report");
    env.set("PPE_REPORT", &file.display().to_string());
    let mut client = Client::start(&env, Era::Stateless, None);
    let tools = client.call("tools/list", json!({}));
    let names =
        tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned());
    assert!(names.into_iter().all(|name| name.starts_with("report_")), "{tools}");
    assert_eq!(client.ask("tools/call", json!({"name": "plan_stop"}))["error"]["code"], -32602);
    let asked = json!({"text": "Which?", "options": ["A", "B"]});
    assert_eq!(client.tool("report_question", asked)["isError"], false);
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "{\"report\":\"question\",\"text\":\"Which?\",\"options\":[\"A\",\"B\"]}\n"
    );
    // Once the job has ended, nobody listens.
    std::fs::write(job.join("exit"), "").unwrap();
    let late = client.tool("report_blocked", json!({"why": "x"}));
    assert_eq!(late["isError"], true, "{late}");
    env.ppe(&["report", "blocked", "x"]).exits(4).says("this attempt has ended");
    client.end();
}

/// A run whose only task says that nothing is to be done, which the user must accept.
fn asks_its_user(era: Era, forms: Forms) {
    let mut env = TestEnv::new(env!("CARGO_BIN_EXE_ppe"));
    env.task("T-001", "Nothing", &[], 1);
    env.script("[defaults]\nclaim = \"no-change\"\nwhy = \"it is \u{202e}there\"\n");
    env.ready();
    let mut client = Client::start(&env, era, forms);
    begin(&env, &mut client, "plan_start", json!({"confirm": true}));
    let status = client.until_asked();
    let text = status["questions"][0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("T-001") && !text.contains('\u{202e}'), "{text}");
    let questions = client.document("plan_questions", json!({}));
    if forms.is_some() {
        assert_eq!(questions["answered"][0]["answer"], "yes", "{questions}");
    } else {
        assert_eq!(questions["open"][0]["id"], "q1", "{questions}");
        client.document("plan_answer", json!({"question": "q1", "answer": "yes"}));
    }
    let closed =
        |client: &mut Client| client.document("plan_task", json!({"task": "T-001"}))["state"].clone();
    env.until("the answer has effect", || (closed(&mut client) == "no-change").then_some(()));
    client.end();
    env.finish();
}

#[test]
fn questions_are_answered_by_forms_of_both_eras_and_by_tools() {
    asks_its_user(Era::Stateless, Some("yes"));
    asks_its_user(Era::Handshake, Some("yes"));
    asks_its_user(Era::Handshake, None);
}

#[test]
fn runs_and_logs_are_resources_and_progress_is_told() {
    let mut env = three_tasks();
    env.script("[defaults]\ncommit_ms = 12000\n");
    let mut client = Client::start(&env, Era::Stateless, None);
    begin(&env, &mut client, "plan_start", json!({"confirm": true}));
    let run = client.until("complete")["run"].as_str().unwrap().to_owned();
    let far = |told: &Value| {
        (told["params"]["progressToken"].as_u64().unwrap(), told["params"]["progress"].as_f64().unwrap())
    };
    let far: Vec<(u64, f64)> = client.told.iter().map(far).collect();
    assert!(!far.is_empty() && far.is_sorted_by(|a, b| a < b), "{far:?}");
    let listed = client.call("resources/list", json!({}))["resources"].to_string();
    assert!(listed.contains(&format!("ppe://runs/{run}/report")), "{listed}");
    let mut read = |place: &str| {
        let read = client.call("resources/read", json!({"uri": format!("ppe://runs/{run}{place}")}));
        read["contents"][0]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(serde_json::from_str::<Value>(&read("")).unwrap()["schema"], "ppe.status.v1");
    assert_eq!(serde_json::from_str::<Value>(&read("/report")).unwrap()["schema"], "ppe.report.v1");
    assert!(read("/tasks/T-001/log").contains("commit"), "{}", read("/tasks/T-001/log"));
    let prompt = client.call("prompts/get", json!({"name": "execute-plan"}))["messages"].to_string();
    assert!(prompt.contains("plan_start") && !prompt.contains("description:"), "{prompt}");
    client.end();
    env.finish();
}

#[test]
fn a_plan_of_another_program_starts_with_what_its_user_says_about_it() {
    let mut env = TestEnv::new(env!("CARGO_BIN_EXE_ppe"));
    env.write("ppe.toml", &CONFIG.replace("[plan]\npath = \"plan\"\n", ""));
    let tags =
        r#"{"v1": {"tasks": [{"id": 1, "title": "One"}]}, "v2": {"tasks": [{"id": 2, "title": "Two"}]}}"#;
    env.write(".taskmaster/tasks/tasks.json", tags);
    env.script("");
    env.ready();
    let mut client = Client::start(&env, Era::Stateless, None);
    let checked = client.document("plan_check", json!({"from": "task-master", "tag": "v2"}));
    assert_eq!(checked["waves"], json!([["2"]]));
    assert_eq!(client.document("plan_check", json!({}))["executable"], false, "nobody chooses a tag");
    begin(&env, &mut client, "plan_start", json!({"tag": "v2", "confirm": true}));
    assert_eq!(client.until("complete")["tasks"], 1);
    assert!(is_landed(&env, "2"));
    client.end();
    env.finish();
}

#[test]
fn a_start_heeds_the_board_and_says_what_it_says() {
    let at_board =
        |env: &TestEnv| Shelf::new(&env.at("."), "tasks", &["T-001: One", "T-002: Two", "T-003: Three"]);
    let mut shelf = None;
    let env = three_tasks_with(|env| {
        let server = shelf.insert(at_board(env)).server();
        env.add_config(&format!("[board]\nserver = {server:?}"));
    });
    let shelf = shelf.unwrap();
    shelf.person("T-003", |card| card.column = "inreview".to_owned());
    let mut client = Client::start(&env, Era::Stateless, None);
    shelf.fault(&json!({"error": "Failed to connect to VK API"}));
    let lost = client.tool("plan_start", json!({"confirm": true}));
    assert!(lost["content"].to_string().contains("the board cannot be reached"), "{lost}");
    assert!(env.runs().is_empty(), "a board that is not there never means everything");
    let without = client.document("plan_start", json!({"no_board": true}));
    assert!(without["what"].as_str().unwrap().contains("3 tasks"), "{without}");
    shelf.fault(&Value::Null);
    let offered = client.document("plan_start", json!({}));
    assert!(offered["board"].to_string().contains("T-003 is in review, and not run"), "{offered}");
    begin(&env, &mut client, "plan_start", json!({"confirm": true}));
    assert_eq!(client.until("complete")["tasks"], 2);
    // The last cards are moved before it goes.
    env.until("its process has gone", || {
        env.processes().iter().all(|(_, line)| !line.contains("run --yes")).then_some(())
    });
    assert_eq!(shelf.card("T-002").column, "done");
    begin(&env, &mut client, "plan_start", json!({"only": ["T-003"], "no_board": true, "confirm": true}));
    client.until("complete");
    assert!(is_landed(&env, "T-003"));
    assert_eq!(
        shelf.card("T-003").column,
        "inreview",
        "the process in the background leaves it alone as well"
    );
    client.end();
    env.finish();
}
