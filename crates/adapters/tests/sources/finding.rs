//! Which plans are found in a repository, and what a path is taken for.

use super::{folder, sample};
use ppe_adapters::sources::{found, kind_of};
use ppe_engine::ports::{FoundPlan, SourceKind};
use std::path::Path;

fn found_in(files: &[(&str, &str)]) -> Vec<(SourceKind, String)> {
    let place = |plan: FoundPlan| (plan.kind, plan.path);
    found(folder(files).path()).into_iter().map(place).collect()
}

/// What is found, where, and what lies there.
type Case = (SourceKind, &'static str, &'static [(&'static str, &'static str)]);

#[test]
fn each_program_has_its_place() {
    let cases: &[Case] = &[
        (SourceKind::Markdown, "docs/plan", &[("docs/plan/T-1-a.md", ""), ("docs/plan/Tasks/T-2-b.md", "")]),
        (SourceKind::Backlog, "backlog", &[("backlog/config.yml", ""), ("backlog/tasks/task-1 - a.md", "")]),
        (
            SourceKind::Backlog,
            ".backlog",
            &[(".backlog/config.yaml", ""), (".backlog/tasks/task-1 - a.md", "")],
        ),
        (
            SourceKind::Backlog,
            "work/items",
            &[
                ("backlog.config.yml", "backlog_directory: work/items\n"),
                ("work/items/tasks/task-1 - a.md", ""),
                ("work/items/tasks/task-2 - b.md", ""),
            ],
        ),
        (SourceKind::TaskMaster, ".taskmaster/tasks/tasks.json", &[(".taskmaster/tasks/tasks.json", "{}")]),
        (SourceKind::TaskMaster, "tasks/tasks.json", &[("tasks/tasks.json", "{}")]),
        (
            SourceKind::SpecKit,
            "specs/001-a",
            &[("specs/001-a/tasks.md", "- [ ] T001 One\n"), ("specs/002-b/tasks.md", "- [ ] one\n")],
        ),
        (SourceKind::Beads, ".beads/issues.jsonl", &[(".beads/issues.jsonl", "")]),
        (
            SourceKind::Compozy,
            ".compozy/tasks/a",
            &[
                (".compozy/tasks/a/task_01.md", ""),
                (".compozy/tasks/_archived/b/task_01.md", ""),
                (".compozy/tasks/c/_tasks.md", ""),
            ],
        ),
        (
            SourceKind::Ccpm,
            ".claude/epics/a",
            &[
                (".claude/epics/a/epic.md", ""),
                (".claude/epics/a/001.md", ""),
                (".claude/epics/b/epic.md", ""),
            ],
        ),
    ];
    for (kind, path, files) in cases {
        assert_eq!(found_in(files), [(*kind, (*path).to_owned())], "{path}");
    }
}

#[test]
fn plans_beside_each_other_are_all_found_and_a_folder_outside_is_not() {
    let files: &[(&str, &str)] = &[
        ("plan/T-1-a.md", ""),
        ("plan/T-2-b.md", ""),
        ("backlog/config.yml", ""),
        ("backlog/tasks/task-1 - a.md", ""),
        ("backlog/tasks/task-2 - a.md", ""),
        ("backlog/tasks/task-3 - a.md", ""),
        ("specs/001-a/tasks.md", "- [ ] T001 One\n"),
        ("specs/002-b/tasks.md", "- [x] T001 [P] One\n"),
    ];
    let places: Vec<String> = found_in(files).into_iter().map(|(_, path)| path).collect();
    assert_eq!(places, ["plan", "backlog", "specs/001-a", "specs/002-b"]);
    let outside = folder(&[("x/tasks/task-1 - a.md", ""), ("top/sub/none", "")]);
    let absolute = outside.path().join("x").display().to_string();
    for named in ["../x", absolute.as_str(), "sub/../../x"] {
        let config = format!("backlog_directory: {named}\n");
        std::fs::write(outside.path().join("top/backlog.config.yml"), config).unwrap();
        assert_eq!(found(&outside.path().join("top")), [], "{named}");
    }
}

#[test]
fn a_path_shows_what_it_is_written_in() {
    let of = |path: &str| kind_of(&sample(path));
    assert_eq!(of("task-master/.taskmaster/tasks/tasks.json"), SourceKind::TaskMaster);
    assert_eq!(of("task-master/.taskmaster"), SourceKind::TaskMaster);
    assert_eq!(of("spec-kit/specs/001-login/tasks.md"), SourceKind::SpecKit);
    assert_eq!(of("spec-kit/specs/001-login/spec.md"), SourceKind::Markdown);
    assert_eq!(of("beads/.beads/issues.jsonl"), SourceKind::Beads);
    assert_eq!(kind_of(Path::new("/nowhere/at-all")), SourceKind::Markdown);
    assert_eq!(kind_of(Path::new("/dev/null")), SourceKind::Markdown);
}

#[test]
fn the_example_of_this_repository_is_found() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let plans: Vec<_> = found(&top).into_iter().map(|plan| (plan.kind, plan.path)).collect();
    assert_eq!(plans, [(SourceKind::Markdown, "examples/apigen".to_owned())]);
}
