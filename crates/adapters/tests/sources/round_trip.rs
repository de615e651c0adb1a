//! What is written as task files reads back as the same plan, and nothing that exists is written over.

use super::{folder, read_as, sample};
use ppe_adapters::sources::markdown::{WriteError, write_plan, write_task};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Duration, PlanSpec, Priority, Spot, TaskSpec};
use ppe_engine::ports::SourceKind;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;

/// A plan without its places and the names of its files.
fn said(plan: &PlanSpec) -> (Arc<str>, Vec<TaskSpec>) {
    let task = |task: &TaskSpec| TaskSpec { file_stem: None, ..task.without_spots() };
    let mut tasks: Vec<TaskSpec> = plan.tasks.iter().map(task).collect();
    tasks.sort_by(|a, b| a.id.value.cmp(&b.id.value));
    (plan.name.clone(), tasks)
}

#[track_caller]
fn reads_back(plan: &PlanSpec) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("plan");
    assert_eq!(write_plan(plan, &out).unwrap(), plan.tasks.len());
    let (back, findings) = read_as(SourceKind::Markdown, &out).unwrap();
    assert_eq!(findings, []);
    assert_eq!(said(&back), said(plan));
}

#[test]
fn every_sample_reads_back() {
    for (kind, name) in [
        (SourceKind::Backlog, "backlog"),
        (SourceKind::TaskMaster, "task-master"),
        (SourceKind::SpecKit, "spec-kit/specs/001-login"),
        (SourceKind::Beads, "beads/.beads"),
        (SourceKind::Compozy, "compozy"),
        (SourceKind::Ccpm, "ccpm"),
    ] {
        let (plan, _) = read_as(kind, &sample(name)).unwrap();
        assert!(plan.tasks.len() >= 2, "{name}");
        reads_back(&plan);
    }
}

fn at<T>(value: T) -> At<T> {
    At { value, spot: Spot { file: Arc::from("x"), line: 1 } }
}

fn id() -> impl Strategy<Value = String> {
    "[A-Z]{1,3}-?[0-9]{1,3}(\\.[0-9])?|[0-9]{1,3}(\\.[0-9]{1,2})?"
}

/// Lines that mean something in a task file, and some that do not.
fn line() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "# T-9: Another task",
        "## Dependencies",
        "- T-7",
        "**Priority**: low",
        "Depends on T-8.",
        "## Commit plan",
        "1. `feat: x`",
        "---",
        "```",
        "<!-- x -->",
        "",
        "Status: done",
        "| Module | web |",
        "  indented",
        "ñ 🕴 \u{85}",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => "[^\\p{Cc}]{0,20}"]
}

fn body() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..8).prop_map(|lines| match lines.join("\n").trim() {
        "" => String::new(),
        text => format!("{text}\n"),
    })
}

fn title() -> impl Strategy<Value = String> {
    "[^\\p{C}\\p{Z}][^\\p{C}\\p{Z}]{0,8}( [^\\p{C}\\p{Z}]{1,8}){0,5}"
}

fn priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(vec![Priority::Low, Priority::Medium, Priority::High, Priority::Critical])
}

fn task() -> impl Strategy<Value = TaskSpec> {
    let word =
        || option::of("[a-z][a-z0-9 ()&-]{0,12}[a-z0-9]".prop_filter("a word for none", |w| w.len() > 3));
    let texts = (title(), body(), word(), word());
    let needs = prop::collection::btree_set(id(), 0..4);
    let files = prop::collection::vec("[a-z]{1,5}/[a-z ,\"'#-]{1,8}\\.rs", 0..3);
    let numbers = (option::of(0..100_000_u64), option::of(1..99_u32), option::of(0..=100_u32));
    (id(), texts, needs, priority(), files, numbers, any::<bool>()).prop_map(
        |(id, (title, body, module, quarter), needs, priority, files, (minutes, commits, coverage), done)| {
            TaskSpec {
                body: Arc::from(body),
                depends_on: needs.into_iter().map(|id| at(TaskId::new(id))).collect(),
                priority,
                module: module.map(Arc::from),
                quarter: quarter.map(Arc::from),
                files: files.into_iter().map(|file| at(Arc::from(file))).collect(),
                estimate: minutes.map(|minutes| Duration(minutes * 60)),
                declared_commits: commits.map(at),
                coverage_target: coverage,
                done: done.then(|| at(()).spot),
                ..TaskSpec::bare(TaskId::new(id), title, at(()).spot)
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_plan_reads_back(
        name in "[A-Za-z][A-Za-z0-9 .:-]{0,20}[a-z0-9]",
        tasks in prop::collection::vec(task(), 1..5),
    ) {
        let mut tasks = tasks;
        tasks.sort_by_key(|task| task.id.value.as_str().to_lowercase());
        tasks.dedup_by_key(|task| task.id.value.as_str().to_lowercase());
        reads_back(&PlanSpec { name: Arc::from(name), tasks });
    }
}

#[test]
fn nothing_is_written_over_and_nothing_at_all_when_one_file_is_there() {
    let (plan, _) = read_as(SourceKind::Beads, &sample("beads/.beads")).unwrap();
    let there = folder(&[("demo-a1b.2-add-login-endpoint.md", "mine\n")]);
    let error = write_plan(&plan, there.path()).unwrap_err();
    assert!(
        matches!(&error, WriteError::Exists { path } if path.ends_with("demo-a1b.2-add-login-endpoint.md"))
    );
    let names: Vec<_> =
        std::fs::read_dir(there.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["demo-a1b.2-add-login-endpoint.md"]);
    assert_eq!(std::fs::read_to_string(there.path().join(&names[0])).unwrap(), "mine\n");
}

#[test]
fn what_would_read_back_as_something_else_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut task = TaskSpec::bare(TaskId::new("T-1"), "One", at(()).spot);
    task.module = Some(Arc::from("none"));
    let error = write_task(&task, folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "task T-1 cannot be written so that it reads back as the same");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
