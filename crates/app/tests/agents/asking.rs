//! What an agent may not do, and what it leaves behind.

use crate::place::{Place, done, part, turns};
use ppe_core::event::Event;
use ppe_core::question::Ask;
use serde_json::{Value, json};

/// A turn that needs more than git and edits.
fn needs(n: u32) -> Value {
    let sh = format!(
        "sort -o {{task}}-{n}.txt {{task}}-{n}.txt 2> /dev/null; printf '{n}\\n' | tee {{task}}-{n}.txt && git add -A && git commit -q -m 'feat({{task}}): part {n}'"
    );
    json!({"say": "Needed.", "sh": sh})
}

#[test]
fn what_claude_may_not_do_becomes_a_question() {
    let refused = json!({"say": "I was not permitted to."});
    let scenario = turns(&[needs(1), refused, needs(1), part(2), done()]);
    let mut place = Place::new(&json!({"needs": scenario}));
    place.runs("claude", "needs");
    place.task("T-001", "Needs more", &[], 2);
    place.ready();
    place.ppe(&["run", "--yes"]).exits(10).says("T-001");
    let asked = place.events().into_iter().find_map(|e| match e {
        Event::QuestionAsked { ask: Ask::Permission { task, tools }, .. } => Some((task, tools)),
        _ => None,
    });
    let (task, tools) = asked.expect("a question");
    assert_eq!(task.as_str(), "T-001");
    assert!(tools.iter().any(|tool| tool.starts_with("Bash(")), "{tools:?}");
    place.ppe(&["questions"]).exits(0).says("T-001").says("Bash(");
    place.ppe(&["answer", "q1", "yes"]).exits(0);
    place.ppe(&["resume", "--yes"]).exits(0);
    place.has_landed("T-001", &[], 2);
    let ends = place.ends("T-001");
    assert_eq!(ends[0].session, ends[1].session, "the conversation went on");
    place.no_try_is_burnt();
    place.is_clean();
}

/// An agent whose tool leaves a daemon behind that no signal to its group reaches.
fn leaves_a_daemon(agent: &str) {
    let daemon =
        json!({"say": "A server.", "sh": "(setsid nohup sleep 7654 > /dev/null 2>&1 &) ; echo started"});
    let mut place = Place::new(&json!({"daemon": turns(&[part(1), daemon, part(2), done()])}));
    place.runs(agent, "daemon");
    place.set("PPE_AGENT_CLAUDE_ALLOW", "Bash");
    place.task("T-001", "Daemon", &[], 2);
    place.ready();
    let run = place.spawn(&["run", "--yes"]);
    place.until("the daemon runs", || {
        let processes = place.processes();
        processes.iter().any(|(_, line)| line.contains("sleep 7654")).then_some(())
    });
    run.wait().exits(0);
    place.until_alone();
    place.has_landed("T-001", &[], 2);
    place.is_clean();
}

#[test]
fn nothing_is_left_of_what_claude_started() {
    leaves_a_daemon("claude");
}

#[test]
fn nothing_is_left_of_what_codex_started() {
    leaves_a_daemon("codex");
}
