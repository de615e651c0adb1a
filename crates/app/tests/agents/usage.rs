//! Tokens and money: what is counted is what the model said, to the token.

use crate::place::{Place, done, part, turns};
use ppe_core::usage::Usage;
use serde_json::{Value, json};
use std::fs;

/// A task whose third commit is asked for by a verify command once the first attempt has ended.
fn in_two_attempts(agent: &str, scenario: &Value) -> Place {
    let mut place = Place::new(&json!({"two": scenario}));
    place.runs(agent, "two");
    place.task("T-001", "Resumed", &[], 2);
    place.add_config("[[verify]]\nname = \"third\"\nrun = \"test ! -e T-001-2.txt || cat T-001-3.txt\"\n");
    place.ready();
    place.ppe(&["run", "--yes"]).exits(0);
    place.has_landed("T-001", &[], 3);
    let ends = place.ends("T-001");
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert!(ends[0].session.is_some() && ends[0].session == ends[1].session, "{ends:?}");
    place
}

/// What the log says that all agents used.
fn counted(place: &Place) -> Usage {
    let mut sum = Usage::default();
    place.ends("T-001").into_iter().for_each(|end| sum += end.usage);
    sum
}

#[test]
fn claude_with_a_sub_agent_and_a_resume() {
    let input = json!({
        "description": "look", "prompt": "Look around and tell", "subagent_type": "general-purpose",
        "run_in_background": false,
    });
    let delegate =
        json!({"say": "Over to you.", "tool": {"name": "Task", "input": input}, "usage": [31, 17, 11, 5]});
    let look = json!({"say": "Looking.", "sh": "git status --short", "usage": [1009, 211, 53, 29]});
    let looked = json!({"say": "I looked.", "usage": [2003, 401, 97, 43]});
    let mut scenario = turns(&[delegate, part(1), part(2), done(), part(3), done()]);
    scenario["inner"] = json!({"prompt": "Look around and tell", "turns": [look, looked]});
    let place = in_two_attempts("claude", &scenario);
    let used = counted(&place);
    let scripted = place.model.used(|_| true);
    assert!(scripted.input > 3000, "the sub-agent asked: {scripted:?}");
    assert_eq!(Usage { cost_micro_usd: None, ..used }, scripted);
    // The money is the session's total, as the program itself reckons it.
    let output = place.run_folder().join("tasks/T-001/a2/agent/stdout");
    let text = fs::read_to_string(output).unwrap();
    let results = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let total = results.filter_map(|line| line["total_cost_usd"].as_f64()).next_back().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a small sum")]
    let counted = used.cost_micro_usd.unwrap() as f64 / 1e6;
    assert!((counted - total).abs() < 0.000_005, "{counted} is not {total}");
    place.is_clean();
}

#[test]
fn codex_with_a_resume() {
    let place = in_two_attempts("codex", &turns(&[part(1), part(2), done(), part(3), done()]));
    assert_eq!(counted(&place), place.model.used(|_| true));
    place.is_clean();
}
