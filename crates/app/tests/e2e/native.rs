//! A native agent's job from its start to its recorded end, with a program that speaks as Claude Code does.

use super::{id, landed, place};
use ppe_core::event::Event;
use ppe_core::outcome::{AgentEnd, Exit, Made};
use ppe_core::usage::Usage;
use ppe_testkit::env::TestEnv;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Notes how it was started, fails once, and does its work when it is started again.
const AGENT: &str = r#"#!/bin/sh
echo "$@" >> LOG
stat -c %a "$TMPDIR" "$HOME" "$(dirname "$PPE_REPORT")" >> LOG
ppe report phase Design
echo '{"type":"system","subtype":"init","session_id":"s-7","model":"m-5","claude_code_version":"2.0"}'
if [ ! -e LOG.failed ]; then
    touch LOG.failed
    echo '{"type":"result","subtype":"success","is_error":true,"terminal_reason":"model_error","result":"no luck","session_id":"s-7","total_cost_usd":0.5,"modelUsage":{"m-5":{"inputTokens":100,"outputTokens":10}}}'
    exit 1
fi
cat > done.txt
git add -A
git commit -qm 'feat(one): part 1'
echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","session_id":"s-7","total_cost_usd":0.75,"modelUsage":{"m-5":{"inputTokens":130,"outputTokens":17}}}'
"#;

#[test]
fn a_session_is_gone_on_with_and_its_tokens_count_once() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.ready();
    let (program, log) = (env.at("claude"), env.at("log"));
    fs::write(&program, AGENT.replace("LOG", &log.display().to_string())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    env.set("PPE_AGENT_CLAUDE_PROGRAM", &program.display().to_string());
    env.set("PPE_AGENT_CLAUDE_HOME", "private");
    env.ppe(&["run", "--yes", "--agent", "claude"]).exits(0);
    landed(&env, "T-001");

    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let [first, second] = [lines[0], lines[4]];
    assert!(first.contains(" --session-id ") && first.contains(" --name Execute T-001 "), "{first}");
    assert!(second.contains(" --resume s-7 ") && !second.contains("--session-id"), "{second}");
    assert_eq!([&lines[1..4], &lines[5..]].concat(), ["700"; 6], "folders that others can enter");

    let used = |input, output, cost| Usage { input, output, cost_micro_usd: Some(cost), ..Usage::default() };
    let end = |exit, usage, total| AgentEnd {
        session: Some("s-7".to_owned()),
        usage,
        session_usage: Some(total),
        made: Made { model: Some("m-5".to_owned()), version: Some("2.0".to_owned()) },
        ..AgentEnd::new(exit)
    };
    let wanted = [
        end(Exit::Failed("no luck".to_owned()), used(100, 10, 500_000), used(100, 10, 500_000)),
        end(Exit::Done, used(30, 7, 250_000), used(130, 17, 750_000)),
    ];
    for end in wanted {
        let recorded = |e: &Event| matches!(e, Event::AgentEnded { task, end: e, .. } if *task == id("T-001") && *e == end);
        assert_eq!(env.count(recorded), 1, "{end:?}");
    }
    let state = env.state();
    assert_eq!(state.task(&id("T-001")).unwrap().facts.usage, used(130, 17, 750_000));
    env.finish();
}

/// A place whose Claude Code is this script.
fn claude(script: &str) -> TestEnv {
    let mut env = place();
    let program = env.at("claude");
    fs::write(&program, format!("#!/bin/bash\n{script}")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    env.set("PPE_AGENT_CLAUDE_PROGRAM", &program.display().to_string());
    env.set("PPE_AGENT_NAME", "claude");
    env
}

#[test]
fn an_end_behind_more_output_than_is_read_at_once_is_heard_and_its_reports_cannot_forge_it() {
    let mut env = claude(
        r#"head -c 13000000 /dev/zero | tr '\0' 'x' | fold -w 1000003; echo
echo '{"report":"usage","input":999999}' >> "$PPE_REPORT"
echo '{"report":"session","id":"--auto"}' >> "$PPE_REPORT"
echo '{"report":"end","how":"failed"}' >> "$PPE_REPORT"
echo x > done.txt; git add -A; git commit -qm 'feat(one): part 1'
echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed","session_id":"s-8","total_cost_usd":0.25,"modelUsage":{"m-5":{"inputTokens":130,"outputTokens":17}}}'
"#,
    );
    env.task("T-001", "One", &[], 1);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    let end = |e: &Event| match e {
        Event::AgentEnded { end, .. } => {
            end.exit == Exit::Done && end.session.as_deref() == Some("s-8") && end.usage.tokens() == 147
        }
        _ => false,
    };
    assert_eq!(env.count(end), 1);
    env.finish();
}

/// A place whose agent is not let in. Asked to stop, it notes that and stays until it may go.
fn not_let_in() -> TestEnv {
    let mut env = claude(
        r#"trap 'touch "$0.asked"; until test -e "$0.go"; do sleep 0.05; done; exit 1' TERM
echo '{"type":"system","subtype":"init","session_id":"s-9","model":"m-5"}'
echo '{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"retry_delay_ms":500,"error_status":401,"error":"authentication_failed"}'
while :; do sleep 0.1; done
"#,
    );
    env.set("PPE_GRACE_S", "60");
    env.task("T-001", "One", &[], 1);
    env.ready();
    env
}

fn may_go(env: &TestEnv) {
    fs::write(env.at("claude.go"), "").unwrap();
}

/// Whether the agent's job has a file.
fn has(env: &TestEnv, name: &str) -> bool {
    env.run_folder().join("tasks/T-001/a1/agent").join(name).exists()
}

/// Demands that the run goes on to its end, and that what the first process saw is known to the second.
#[track_caller]
fn says_why(env: &TestEnv) {
    env.ppe(&["resume", "--yes"]).exits(11).says("claude cannot work");
    let starts = |e: &Event| matches!(e, Event::AttemptStarted { .. });
    assert_eq!(env.count(starts), 1, "no further launch of an agent that is not let in");
    env.finish();
}

#[test]
fn why_an_agent_was_ended_is_known_to_the_process_that_tells_its_end() {
    let env = not_let_in();
    let run = env.spawn(&["run", "--yes"]);
    env.until("the agent is asked to stop", || env.at("claude.asked").exists().then_some(()));
    run.signal("KILL");
    run.wait().exits(137);
    assert!(has(&env, "given-up") && !has(&env, "exit"), "why is written down before it ends");
    may_go(&env);
    env.until("the agent has ended", || has(&env, "exit").then_some(()));
    says_why(&env);
}

#[test]
fn an_agent_that_was_given_up_and_not_yet_asked_to_stop_is_asked_by_the_next_process() {
    let mut env = not_let_in();
    env.set("PPE_FAILPOINT", "crash:agent.given_up.after_rename");
    env.spawn(&["run", "--yes"]).wait().exits(137);
    env.set("PPE_FAILPOINT", "");
    assert!(has(&env, "given-up") && !has(&env, "exit"), "it is at work");
    assert!(!env.at("claude.asked").exists(), "nobody has asked it");
    may_go(&env);
    says_why(&env);
    assert!(env.at("claude.asked").exists(), "it went without being asked");
}
