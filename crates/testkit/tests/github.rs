//! The GitHub for tests: it is held to GitHub's own description, and does what it is told to do wrong.

use ppe_testkit::github::{GitHub, TOKEN};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::Command;

/// Runs git in a folder, against the server where its address is named.
fn git(dir: &Path, args: &[&str]) -> String {
    let helper = format!("!f() {{ echo username=x-access-token; echo password={TOKEN}; }}; f");
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "credential.helper=", "-c"])
        .arg(format!("credential.helper={helper}"))
        .args(args)
        .current_dir(dir)
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A server with `main` and, one commit ahead of it, `feat`.
fn github(dir: &Path) -> GitHub {
    let (hub, work) = (GitHub::start(dir), dir.join("work"));
    git(dir, &["init", "-q", "-b", "main", "work"]);
    git(&work, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&work, &["push", "-q", &hub.remote(), "main"]);
    git(&work, &["commit", "-q", "--allow-empty", "-m", "second"]);
    git(&work, &["push", "-q", &hub.remote(), "HEAD:refs/heads/feat"]);
    hub
}

fn json_of(answer: (u16, String), status: u16) -> Value {
    assert_eq!(answer.0, status, "{}", answer.1);
    serde_json::from_str(&answer.1).expect("JSON")
}

const PULL: &str = r#"{"title": "T", "head": "feat", "base": "main"}"#;

#[test]
fn pull_requests_live_as_on_github() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    let made = json_of(hub.ask("POST", "/repos/o/r/pulls", PULL), 201);
    assert_eq!((made["number"].as_u64(), made["merged"].as_bool()), (Some(1), Some(false)));
    let again = json_of(hub.ask("POST", "/repos/o/r/pulls", PULL), 422);
    assert_eq!(again["errors"][0]["message"], "A pull request already exists for o:feat.");
    let listed = |query: &str| json_of(hub.ask("GET", &format!("/repos/o/r/pulls?{query}"), ""), 200);
    assert_eq!(listed("head=o:feat").as_array().map(Vec::len), Some(1));
    assert_eq!(listed("head=o:other").as_array().map(Vec::len), Some(0));

    git(&dir.path().join("work"), &["push", "-q", &hub.remote(), "HEAD:main"]);
    let merged = json_of(hub.ask("GET", "/repos/o/r/pulls/1", ""), 200);
    assert_eq!((merged["merged"].as_bool(), merged["state"].as_str()), (Some(true), Some("closed")));
    hub.is_content();
}

#[test]
fn a_request_or_an_answer_that_github_does_not_describe_is_a_violation() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    for (method, path, body, why) in [
        ("POST", "/repos/o/r/pulls", r#"{"title": "T", "base": "main"}"#, "'head' is a required property"),
        ("GET", "/repos/o/r/pulls?state=merged", "", "'merged' is not one of"),
        ("GET", "/repos/o/r/pulls?heads=feat", "", "there is no parameter heads"),
        ("DELETE", "/repos/o/r", "", "GitHub has no such operation"),
    ] {
        assert_eq!(hub.ask(method, path, body).0, 599, "{method} {path}");
        let last = hub.told().violations.pop().unwrap_or_default();
        assert!(last.contains(why), "{last}");
    }
    let before = hub.told().violations.len();
    hub.rules(&json!({"push": "yes"}));
    assert_eq!(hub.ask("GET", "/repos/o/r", "").0, 599, "an answer of its own that is none");
    assert!(hub.told().violations.len() > before);
}

#[test]
fn a_question_that_github_s_schema_does_not_allow_is_a_violation() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    let ask = |field: &str| {
        let query = format!("{{ repository(owner: \"o\", name: \"r\") {{ {field} }} }}");
        hub.post("/api/graphql", &json!({ "query": query }).to_string())
    };
    let good = json_of(ask("name object(expression: \"main\") { oid }"), 200);
    assert_eq!(good["data"]["repository"]["object"]["oid"].as_str(), hub.tip("main").as_deref());
    hub.is_content();
    for (field, why) in [("nmae", "Cannot query field 'nmae'"), ("pushedAt isArchived", "Cannot return null")]
    {
        assert_eq!(ask(field).0, 599, "{field}");
        let told = hub.told().violations.pop().unwrap_or_default();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn faults_come_as_often_as_they_were_put_in_and_a_lost_answer_has_acted() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    hub.fault(&json!({"path": "/user", "times": 2, "status": 502, "body": "<html>"}));
    let asked: Vec<u16> = (0..3).map(|_| hub.ask("GET", "/user", "").0).collect();
    assert_eq!(asked, [502, 502, 200]);
    hub.fault(&json!({"path": "/pulls$", "method": "POST", "lost": true}));
    let lost =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hub.ask("POST", "/repos/o/r/pulls", PULL)));
    assert!(lost.is_err(), "there is no answer");
    assert_eq!(hub.told().pulls.len(), 1);
    hub.is_content();
}

#[test]
fn ci_runs_where_it_is_meant_to_and_says_what_it_was_told_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    let steps = json!([[0, "completed", ["failure", "success"]]]);
    hub.rules(&json!({"checks": [{"name": "build", "steps": steps}]}));
    let sha = hub.tip("feat").expect("feat");
    let runs = || json_of(hub.ask("GET", &format!("/repos/o/r/commits/{sha}/check-runs"), ""), 200);
    assert_eq!(runs()["total_count"], 0);
    git(&dir.path().join("work"), &["push", "-q", &hub.remote(), "HEAD:refs/heads/ppe/lane/1"]);
    assert_eq!(runs()["check_runs"][0]["conclusion"], "failure");
    let run = json_of(hub.ask("GET", &format!("/repos/o/r/actions/runs?head_sha={sha}"), ""), 200);
    let id = run["workflow_runs"][0]["id"].clone();
    json_of(hub.ask("POST", &format!("/repos/o/r/actions/runs/{id}/rerun-failed-jobs"), ""), 201);
    assert_eq!(runs()["check_runs"][0]["conclusion"], "success");
    hub.is_content();
}

#[test]
fn a_client_that_is_killed_while_it_sends_has_asked_for_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    let head = format!("POST /api/v3/repos/o/r/pulls HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let (length, chunked) = ("Content-Length: 100\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n");
    let begun = [format!("{length}{{\"title"), chunked.into(), format!("{chunked}40\r\n{{\"title")];
    for sent in begun {
        let mut client = TcpStream::connect(hub.url().replace("http://", "")).expect("it listens");
        client.write_all(format!("{head}{sent}").as_bytes()).expect("it reads");
        client.shutdown(Shutdown::Write).expect("it goes");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("the other end goes, too");
        assert_eq!(answer, "", "{sent:?}");
    }
    hub.is_content();
    assert!(hub.told().requests.iter().all(|request| !request.path.ends_with("/pulls")));
}

#[test]
fn a_server_that_fails_is_not_content() {
    let dir = tempfile::tempdir().expect("a folder");
    let hub = github(dir.path());
    let asked = std::panic::AssertUnwindSafe(|| hub.ask("POST", "/repos/o/r/pulls", "{"));
    assert!(std::panic::catch_unwind(asked).is_err(), "there is no answer");
    let told = hub.told().violations.join("\n");
    assert!(told.starts_with("the server failed:\nTraceback") && told.contains("JSONDecodeError"), "{told}");
}
