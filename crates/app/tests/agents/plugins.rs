//! The plug-ins in the programs that they are for: taken without a complaint, and good for a run from start to report.

use crate::place::{Place, installed, turns};
use ppe_core::ids::TaskId;
use ppe_core::state::{Closure, Step, Task};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// A place with a checkout of ours beside the user's repository, and `ppe` where programs are found.
fn with_checkout(scenarios: &Value) -> (Place, String) {
    let mut place = Place::new(scenarios);
    let (bin, ours) = (place.at("bin"), place.at("ppe"));
    for folder in [&bin, &ours] {
        std::fs::create_dir(folder).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_ppe"), bin.join("ppe")).unwrap();
    let path = std::env::var("PATH").unwrap();
    place.set("PATH", &format!("{}:{path}", bin.display()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let parts = [".claude-plugin", ".agents", "integrations"].map(|part| root.join(part));
    let copied = Command::new("cp").arg("-a").args(parts).arg(&ours).status().unwrap();
    assert!(copied.success());
    (place, ours.display().to_string())
}

/// Runs an agent's program to its end, and gives what it prints.
#[track_caller]
fn cli(place: &Place, program: &str, args: &[&str]) -> String {
    let output = place.clean(&installed(program)).args(args).stdin(Stdio::null()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{program} {args:?}: {}\n{out}{err}", output.status);
    out
}

/// A turn that calls a tool of ours.
fn calls(tool: &str, input: &Value) -> Value {
    let tool = format!("mcp__plugin_ppe_ppe__{tool}");
    json!({"say": "Next.", "tool": {"name": tool, "input": input}})
}

/// What a session's tools answered, by the tool's name, in the order of the calls.
fn answers(session: &[Value]) -> Vec<(String, String)> {
    let mut names = BTreeMap::new();
    let mut found = Vec::new();
    let content = |line: &Value| line["message"]["content"].as_array().cloned().unwrap_or_default();
    for part in session.iter().flat_map(content) {
        if part["type"] == "tool_use" {
            let name = part["name"].as_str().unwrap().rsplit("__").next().unwrap().to_owned();
            names.insert(part["id"].clone().to_string(), name);
        } else if part["type"] == "tool_result" {
            let said = part["content"].as_str().map_or_else(|| part["content"].to_string(), str::to_owned);
            found.push((names[&part["tool_use_id"].to_string()].clone(), said));
        }
    }
    found
}

/// What is said to the tools when a run rests on a question: the answer, and that it goes on.
fn answered() -> [Value; 3] {
    [
        calls("plan_questions", &json!({})),
        calls("plan_answer", &json!({"question": "q1", "answer": "yes"})),
        calls("plan_resume", &json!({"confirm": true})),
    ]
}

/// The whole session: check, start, wait so many times, answer, wait so many times again, report.
fn whole_session(waits: usize) -> Value {
    let wait = calls("plan_status", &json!({"wait_s": 20}));
    let begin = [
        calls("plan_check", &json!({})),
        calls("plan_start", &json!({})),
        calls("plan_start", &json!({"confirm": true})),
    ];
    let end = [calls("plan_report", &json!({})), json!({"say": "All tasks are done."})];
    let (waits, again) = (vec![wait.clone(); waits], vec![wait; waits]);
    turns(&[&begin[..], &waits, &answered(), &again, &end].concat())
}

/// Has Claude Code take the plug-in and execute the plan of a place; all that its session printed. T-001 asks whether nothing
/// was to be done.
fn by_the_plugin(place: &mut Place, ours: &str) -> Vec<Value> {
    place.knows("claude", "start");
    place.script("[[task]]\nid = \"T-001\"\nclaim = \"no-change\"\nwhy = \"it is there\"\n");
    place.ready();
    cli(place, "claude", &["plugin", "marketplace", "add", ours]);
    cli(place, "claude", &["plugin", "install", "ppe@ppe"]);
    let wanted = "Execute implementation plan with maximum parallelization";
    let how = ["--output-format", "stream-json", "--verbose", "--allowedTools", "mcp__plugin_ppe_ppe"];
    let printed = cli(place, "claude", &[&["-p", wanted], how.as_slice()].concat());
    let session: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(session.last().unwrap()["result"], "All tasks are done.");
    session
}

/// Demands that a tool has answered with a text.
#[track_caller]
fn said(answers: &[(String, String)], tool: &str, part: &str) {
    let is = |(name, text): &(String, String)| name == tool && text.contains(part);
    assert!(answers.iter().any(is), "{tool} without `{part}`: {answers:#?}");
}

#[test]
fn claude_code_executes_a_plan_by_the_plugin() {
    let (mut place, ours) = with_checkout(&json!({"start": whole_session(3)}));
    place.task("T-001", "Nothing", &[], 1);
    place.task("T-002", "Something", &["T-001"], 1);
    cli(&place, "claude", &["plugin", "validate", "--strict", &ours]);
    cli(&place, "claude", &["plugin", "validate", "--strict", &format!("{ours}/integrations/claude-code")]);
    let session = by_the_plugin(&mut place, &ours);
    let begin = session.iter().find(|line| line["subtype"] == "init").expect("it began").to_string();
    for part in ["ppe:parallel-plan-executor", "ppe:plan-executor", "ppe:execute-plan", "ppe:run"] {
        assert!(begin.contains(part), "{part} is not in {begin}");
    }
    // The model gets the documents.
    let answers = answers(&session);
    for (tool, part) in [
        ("plan_start", "needs-confirmation"),
        ("plan_start", "no command judges the work"),
        ("plan_start", "\"run\":\""),
        ("plan_start", "ppe watch --repo"),
        ("plan_status", "T-001 changed nothing"),
        ("plan_questions", "T-001 changed nothing"),
        ("plan_resume", "started"),
        ("plan_status", "\"state\":\"complete\""),
        ("plan_report", "\"complete\":true"),
    ] {
        said(&answers, tool, part);
    }
    let closure = |task: &str| match place.state().task(&TaskId::new(task)).unwrap().step.clone() {
        Step::Closed(closure) => closure,
        other => panic!("{task} is {other:?}"),
    };
    assert!(!matches!(closure("T-001"), Closure::Landed(_)));
    assert!(matches!(closure("T-002"), Closure::Landed(_)));
    place.finish();
}

/// The example of 45 tasks in the hands of Claude Code, from its user's one sentence to the report.
pub(crate) fn claude_code_executes_the_example() {
    let (mut place, ours) = with_checkout(&json!({"start": whole_session(80)}));
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apigen");
    let copied = Command::new("cp").arg("-a").arg(plan).arg(place.repo().join("plan")).status().unwrap();
    assert!(copied.success());
    let answers = answers(&by_the_plugin(&mut place, &ours));
    said(&answers, "plan_questions", "T-001 changed nothing");
    said(&answers, "plan_status", "\"done\":45");
    said(&answers, "plan_report", "\"complete\":true");
    let landed = |task: &&Task| matches!(task.closure(), Some(Closure::Landed(_)));
    assert_eq!(place.state().tasks.iter().filter(landed).count(), 44, "all but the one that changed nothing");
    place.finish();
}

#[test]
fn codex_takes_the_plugin() {
    let (mut place, ours) = with_checkout(&json!({"idle": turns(&[json!({"say": "Ready."})])}));
    place.knows("codex", "idle");
    cli(&place, "codex", &["plugin", "marketplace", "add", &ours]);
    cli(&place, "codex", &["plugin", "add", "ppe@ppe"]);
    let servers = cli(&place, "codex", &["mcp", "list"]);
    assert!(servers.lines().any(|line| line.starts_with("ppe ") && line.contains("mcp")), "{servers}");
    let skill = "skills/execute-plan/SKILL.md";
    let taken = Command::new("find").arg(place.at("codex")).args(["-path", &format!("*{skill}")]).output();
    let taken = String::from_utf8(taken.unwrap().stdout).unwrap();
    let taken = taken.lines().find(|path| path.contains("/plugins/")).expect("the skill came with it");
    assert_eq!(
        std::fs::read_to_string(taken).unwrap(),
        std::fs::read_to_string(format!("{ours}/integrations/{skill}")).unwrap()
    );
}
