//! What takes longer: opencode, Gemini CLI, one over the Agent Client Protocol, and the example plan by way of Claude Code.

use crate::landing::{run_six, write_six};
use crate::place::{Place, two_commits};
use crate::plugins::claude_code_executes_the_example;
use serde_json::json;

fn lands_a_plan(agents: &[&str]) {
    let mut place = Place::new(&json!({"two": two_commits()}));
    for agent in agents {
        place.runs(agent, "two");
    }
    write_six(&mut place, agents);
    run_six(&place);
}

#[test]
fn opencode_lands_a_plan() {
    lands_a_plan(&["opencode"]);
}

#[test]
fn gemini_lands_a_plan() {
    lands_a_plan(&["gemini"]);
}

#[test]
fn an_agent_over_acp_lands_a_plan() {
    lands_a_plan(&["acp"]);
}

#[test]
fn all_of_them_land_one_plan_together() {
    lands_a_plan(&["claude", "codex", "opencode", "gemini"]);
}

#[test]
fn claude_code_executes_the_example_by_the_plugin() {
    claude_code_executes_the_example();
}
