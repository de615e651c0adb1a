//! Partial runs, and the order of starts.

use ppe_core::ids::TaskId;
use ppe_core::plan::{
    At, Duration, Plan, PlanSpec, Priority, SelectError, Selection, Spot, TaskSpec, check, select, show,
    without_waiting,
};
use ppe_core::policy::Order;
use ppe_core::rank::{rank, reason};
use std::collections::BTreeSet;
use std::sync::Arc;

fn spot() -> Spot {
    Spot { file: Arc::from("plan.md"), line: 1 }
}

/// `T-1 ← T-3 ← T-4`, `T-2 ← T-5`; T-2 is of high priority, T-3 of quarter Q2-2026.
fn sample() -> Plan {
    let row = |id: &str, needs: &[&str], priority, days: u64| TaskSpec {
        depends_on: needs.iter().map(|id| At { value: TaskId::new(*id), spot: spot() }).collect(),
        priority,
        estimate: Some(Duration(days * Duration::DAY)),
        quarter: Some(Arc::from(if id == "T-3" { "Q2-2026" } else { "Q1-2026" })),
        module: Some(Arc::from(if id == "T-5" { "web" } else { "core" })),
        ..TaskSpec::bare(TaskId::new(id), id, spot())
    };
    let tasks = vec![
        row("T-1", &[], Priority::Medium, 1),
        row("T-2", &[], Priority::High, 1),
        row("T-3", &["T-1"], Priority::Medium, 2),
        row("T-4", &["T-3"], Priority::Critical, 3),
        row("T-5", &["T-2"], Priority::Low, 1),
        row("T-6", &[], Priority::Medium, 4),
    ];
    check(PlanSpec { name: Arc::from("sample"), tasks }, Vec::new()).plan.expect("the sample has no errors")
}

fn ids(names: &[&str]) -> Vec<TaskId> {
    names.iter().map(|id| TaskId::new(*id)).collect()
}

fn selected(selection: &Selection) -> Result<Vec<String>, String> {
    let chosen = select(&sample(), Order::Priority, selection).map_err(|error| error.to_string())?;
    Ok(chosen.iter().map(TaskId::to_string).collect())
}

#[test]
fn nothing_said_is_everything() {
    assert_eq!(selected(&Selection::default()).unwrap().len(), 6);
}

#[test]
fn kinds_narrow_each_other() {
    let selection = Selection { waves: vec![0], modules: vec!["CORE".into()], ..Selection::default() };
    assert_eq!(selected(&selection).unwrap(), ["T-1", "T-2", "T-6"]);
    let none = Selection { waves: vec![2], modules: vec!["web".into()], ..Selection::default() };
    assert_eq!(selected(&none).unwrap_err(), "no task of the plan is in the selection");
}

#[test]
fn what_is_left_out_and_needed_is_listed_whole() {
    let selection = Selection { only: ids(&["T-4", "T-5"]), ..Selection::default() };
    let message = "the selection leaves out what it depends on: T-4 needs T-3; T-5 needs T-2";
    assert_eq!(selected(&selection).unwrap_err(), message);
    let quarter = Selection { quarters: vec!["q2".into()], ..Selection::default() };
    assert_eq!(
        select(&sample(), Order::Plan, &quarter),
        Err(SelectError::Unmet(vec![(TaskId::new("T-3"), ids(&["T-1"]))]))
    );
}

#[test]
fn dependencies_can_be_pulled_in() {
    let selection = Selection { only: ids(&["T-4"]), with_deps: true, ..Selection::default() };
    assert_eq!(selected(&selection).unwrap(), ["T-1", "T-3", "T-4"]);
    let done = BTreeSet::from([TaskId::new("T-3")]);
    assert_eq!(selected(&Selection { done, ..selection }).unwrap(), ["T-4"]);
}

#[test]
fn what_is_done_satisfies() {
    let done = BTreeSet::from([TaskId::new("T-3")]);
    let selection = Selection { only: ids(&["T-4"]), done, ..Selection::default() };
    assert_eq!(selected(&selection).unwrap(), ["T-4"]);
}

#[test]
fn what_waits_for_others_is_left_out_and_so_is_what_waits_for_that() {
    let split = |tasks: &[&str], done: &[&str]| {
        without_waiting(&sample(), &ids(tasks), &ids(done).into_iter().collect())
    };
    let waiting = vec![(TaskId::new("T-3"), ids(&["T-1"])), (TaskId::new("T-4"), ids(&["T-3"]))];
    assert_eq!(split(&["T-4", "T-3", "T-6"], &[]), (ids(&["T-6"]), waiting));
    assert_eq!(split(&["T-4", "T-3"], &["T-1"]), (ids(&["T-3", "T-4"]), Vec::new()));
    assert_eq!(split(&["T-4", "T-3"], &["T-3"]), (ids(&["T-3", "T-4"]), Vec::new()), "done is done");
}

#[test]
fn a_limit_takes_what_would_start_first() {
    let limit = |limit| selected(&Selection { limit: Some(limit), ..Selection::default() });
    assert_eq!(limit(2).unwrap(), ["T-1", "T-2"]);
    // T-4 is critical, but T-3 comes before it.
    assert_eq!(limit(4).unwrap(), ["T-1", "T-2", "T-3", "T-4"]);
    assert_eq!(limit(99).unwrap().len(), 6);
    assert!(limit(0).is_err());
}

#[test]
fn unknown_names_are_reported_together_with_the_nearest() {
    let selection = Selection {
        only: ids(&["T-11", "Z-9"]),
        waves: vec![3],
        quarters: vec!["Q7".into()],
        modules: vec!["cor".into()],
        ..Selection::default()
    };
    assert_eq!(
        selected(&selection).unwrap_err(),
        "not in the plan: task `T-11` (did you mean `T-1`?); task `Z-9`; wave 3 (the last is 2); quarter `Q7` (there are \
         Q1-2026, Q2-2026); module `cor` (did you mean `core`?)"
    );
}

#[test]
fn each_order_ranks_in_its_own_way() {
    let plan = sample();
    let order = |order| show::order(&plan, order).iter().map(|row| row.id.to_string()).collect::<Vec<_>>();
    assert_eq!(order(Order::Priority), ["T-4", "T-2", "T-1", "T-3", "T-6", "T-5"].map(String::from));
    assert_eq!(order(Order::CriticalPath), ["T-1", "T-3", "T-6", "T-4", "T-2", "T-5"].map(String::from));
    assert_eq!(order(Order::Plan), ["T-4", "T-2", "T-1", "T-3", "T-6", "T-5"].map(String::from));
    assert_eq!(rank(&plan, Order::CriticalPath), [0, 4, 1, 3, 5, 2]);
}

#[test]
fn each_place_has_its_reason() {
    let plan = sample();
    assert_eq!(
        reason(&plan, Order::Priority, 0),
        "medium priority, then 1.2 weeks of work on its path T-1 → T-3 → T-4"
    );
    assert_eq!(
        reason(&plan, Order::CriticalPath, 3),
        "3 days of work and nothing waits for it, then critical priority"
    );
    assert_eq!(reason(&plan, Order::Plan, 1), "high priority, then its id");
}

#[test]
fn the_graph_document_is_a_map_in_natural_order() {
    let json = serde_json::to_string(&show::GraphDocument(&sample())).unwrap();
    assert!(json.starts_with(r#"{"T-1":{"dependencies":[],"blocks":["T-3"]},"T-2":{"#), "{json}");
}

#[test]
fn the_plan_document_has_the_fixed_fields() {
    let json = serde_json::to_value(show::plan_document(&sample(), &[], Order::Priority)).unwrap();
    assert_eq!(json["schema"], "ppe.plan.v1");
    assert_eq!(json["tasks"][3]["id"], "T-4");
    assert_eq!(json["tasks"][3]["depends_on"], serde_json::json!(["T-3"]));
    assert_eq!(json["tasks"][3]["priority"], "critical");
    assert_eq!(json["tasks"][3]["estimate_s"], 3 * Duration::DAY);
    assert_eq!(json["tasks"][3]["declared_wave"], serde_json::Value::Null);
    assert_eq!(json["waves"], serde_json::json!([["T-1", "T-2", "T-6"], ["T-3", "T-5"], ["T-4"]]));
    assert_eq!(json["critical_path"], serde_json::json!(["T-1", "T-3", "T-4"]));
    assert_eq!(json["total_work_s"], 12 * Duration::DAY);
    assert_eq!(json["warnings"], serde_json::json!([]));
}
