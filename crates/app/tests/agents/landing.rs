//! Plans of six tasks, landed.

use crate::place::{Place, two_commits};
use serde_json::json;

/// Six tasks in four waves, with what each depends on.
pub(crate) const SIX: [(&str, &[&str]); 6] = [
    ("T-001", &[]),
    ("T-002", &[]),
    ("T-003", &["T-001"]),
    ("T-004", &["T-001", "T-002"]),
    ("T-005", &["T-003"]),
    ("T-006", &["T-004", "T-005"]),
];

/// Writes the six; `agents` take turns at them.
pub(crate) fn write_six(place: &mut Place, agents: &[&str]) {
    for (n, (task, depends_on)) in SIX.iter().enumerate() {
        let head = match agents {
            [] => String::new(),
            agents => format!("- **Agent**: {}\n", agents[n % agents.len()]),
        };
        place.task_with(task, &format!("Title {n}"), depends_on, 2, &head);
    }
    place.ready();
}

/// Runs the six to their end and looks at what landed.
#[track_caller]
pub(crate) fn run_six(place: &Place) {
    place.ppe(&["run", "--yes"]).exits(0);
    for (task, depends_on) in SIX {
        place.has_landed(task, depends_on, 2);
        assert_eq!(place.attempts(task), 1, "{task}");
    }
    place.no_try_is_burnt();
    place.is_clean();
}

#[test]
fn claude_lands_a_plan() {
    let mut place = Place::new(&json!({"two": two_commits()}));
    place.runs("claude", "two");
    write_six(&mut place, &[]);
    run_six(&place);
    let end = &place.ends("T-001")[0];
    assert_eq!(end.made.version.as_deref(), Some("2.1.331"));
    assert!(end.session.is_some(), "{end:?}");
}

#[test]
fn codex_lands_a_plan() {
    let mut place = Place::new(&json!({"two": two_commits()}));
    place.runs("codex", "two");
    write_six(&mut place, &[]);
    run_six(&place);
    assert!(place.ends("T-001")[0].session.is_some());
}

#[test]
fn claude_and_codex_land_one_plan_together() {
    let mut place = Place::new(&json!({"two": two_commits()}));
    place.runs("claude", "two");
    place.knows("codex", "two");
    write_six(&mut place, &["claude", "codex"]);
    run_six(&place);
    for request in place.model.requests() {
        let wanted = if ["T-001", "T-003", "T-005"].contains(&&*request.task) { "claude" } else { "codex" };
        assert_eq!(request.client, wanted, "{request:?}");
    }
}
