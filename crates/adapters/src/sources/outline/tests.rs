use super::*;
use crate::sources::place::spot;
use std::sync::Arc;

/// `id: needs`, each on a line of its own.
fn item((line, (id, needs)): (u32, &(&str, &str))) -> Item {
    let file = Arc::from("x");
    let at = |id: &str| At { value: TaskId::new(id), spot: spot(&file, line) };
    let mut spec = TaskSpec::bare(TaskId::new(*id), *id, spot(&file, line));
    spec.depends_on = needs.split_whitespace().map(at).collect();
    let parent = id.rsplit_once('.').map(|(parent, _)| TaskId::new(parent));
    Item { parent, ..Item::work(spec) }
}

fn items(of: &[(&str, &str)]) -> Vec<Item> {
    (1..).zip(of).map(item).collect()
}

fn plan(items: Vec<Item>) -> (Vec<String>, Vec<String>) {
    let mut findings = Vec::new();
    let tasks = tasks(items, &mut findings);
    let line = |task: &TaskSpec| {
        let mut line = format!("{}:", task.id.value);
        for need in &task.depends_on {
            line.push(' ');
            line.push_str(need.value.as_str());
        }
        line
    };
    let tasks = tasks.iter().map(line).collect();
    (tasks, findings.iter().map(ToString::to_string).collect())
}

fn group(items: &mut [Item], ids: &[&str]) {
    for item in items.iter_mut().filter(|item| ids.contains(&item.id().as_str())) {
        item.role = Role::Group;
    }
}

#[test]
fn whoever_waits_for_a_group_waits_for_all_that_is_in_it() {
    let mut all =
        items(&[("1", ""), ("2", "1"), ("2.1", ""), ("2.2", "2.1"), ("2.2.1", ""), ("3", "2"), ("4", "3")]);
    group(&mut all, &["2", "2.2"]);
    inherit(&mut all, &mut Vec::new());
    assert_eq!(plan(all).0, ["1:", "2.1: 1", "2.2.1: 2.1 1", "3: 2.1 2.2.1", "4: 3"]);
}

#[test]
fn a_group_that_waits_for_its_own_parts_holds_none_of_them() {
    let mut all = items(&[("1", "1.1 1.2"), ("1.1", "1"), ("1.2", "1.1")]);
    group(&mut all, &["1"]);
    inherit(&mut all, &mut Vec::new());
    assert_eq!(plan(all).0, ["1.1:", "1.2: 1.1"]);
}

#[test]
fn a_done_group_holds_nobody() {
    let mut all = items(&[("1", ""), ("1.1", ""), ("2", "1")]);
    group(&mut all, &["1"]);
    all[0].spec.done = Some(all[0].spec.id.spot.clone());
    assert_eq!(plan(all).0, ["1.1:", "2:"]);
}

#[test]
fn tasks_wait_for_their_parts_unless_a_part_waits_for_them() {
    let mut all = items(&[("1", ""), ("1.1", ""), ("1.2", "2"), ("2", "1")]);
    wait_for_parts(&mut all);
    assert_eq!(plan(all).0, ["1: 1.1", "1.1:", "1.2: 2", "2: 1"]);
}

#[test]
fn what_is_put_off_takes_with_it_whatever_waits_for_it() {
    let mut all = items(&[("1", ""), ("2", "1"), ("3", "2"), ("4", ""), ("5", "1"), ("1.1", "")]);
    all[0].off = Some(At { value: "deferred".to_owned(), spot: all[0].spec.id.spot.clone() });
    all[4].spec.done = Some(all[4].spec.id.spot.clone());
    let (tasks, said) = plan(all);
    assert_eq!(tasks, ["4:", "5:"]);
    assert_eq!(
        said,
        [
            "x:1: 1, 1.1 are left out by their status (deferred)",
            "x:2: 2 is left out: it depends on 1, which is deferred",
            "x:3: 3 is left out: it depends on 2, which is left out",
        ]
    );
}

#[test]
fn a_group_without_tasks_is_done_by_nobody() {
    let mut all = items(&[("1", ""), ("2", "1")]);
    group(&mut all, &["1"]);
    assert_eq!(
        plan(all),
        (Vec::new(), vec!["x:2: 2 is left out: it depends on 1, which has no tasks".to_owned()])
    );
}

#[test]
fn parents_in_a_circle_are_looked_at_once() {
    let mut all = items(&[("1", "3"), ("2", ""), ("3", "")]);
    all[0].parent = Some(TaskId::new("2"));
    all[1].parent = Some(TaskId::new("1"));
    inherit(&mut all, &mut Vec::new());
    assert_eq!(plan(all).0, ["1: 3", "2: 3", "3:"]);
}

#[test]
fn groups_upon_groups_do_not_fill_the_memory() {
    let ids: Vec<String> = (0..3_000).flat_map(|n| [format!("a.{n}"), format!("b.{n}")]).collect();
    let mut of: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "")).collect();
    of.extend([("a", ""), ("b", "a")]);
    let mut all = items(&of);
    group(&mut all, &["a", "b"]);
    inherit(&mut all, &mut Vec::new());
    let (_, said) = plan(all);
    assert!(said[0].contains("more than 1000000 dependencies follow"), "{said:?}");
}
