//! Plans of Markdown files as people, editors and adversaries write them.

use ppe_adapters::sources::{Options, Source};
use ppe_core::plan::{Checked, Code, Duration, Finding, Level, PlanSpec, Priority, TaskSpec, check};
use ppe_engine::ports::{PlanSource, SourceError, SourceKind};
use proptest::prelude::*;
use std::path::Path;
use tempfile::TempDir;

/// Reads a plan of Markdown files.
fn read(path: &Path) -> Result<(PlanSpec, Vec<Finding>), SourceError> {
    Source { kind: SourceKind::Markdown, path: path.to_owned(), options: Options::default() }.read()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("room for files");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a name below the folder")).expect("a fresh folder");
        std::fs::write(path, bytes).expect("room for a file");
    }
    folder
}

fn read_all(files: &[(&str, &[u8])]) -> (PlanSpec, Vec<Finding>) {
    read(folder(files).path()).expect("the folder is there")
}

fn checked(files: &[(&str, &[u8])]) -> Checked {
    let (spec, found) = read_all(files);
    check(spec, found)
}

/// The errors of a check, each with its code and place.
fn errors(files: &[(&str, &[u8])]) -> Vec<String> {
    let checked = checked(files);
    assert!(checked.plan.is_none());
    let errors = checked.findings.iter().filter(|finding| finding.level == Level::Error);
    errors.map(|finding| format!("{:?} {finding}", finding.code)).collect()
}

/// The one task of a file, which reads without findings.
fn task(text: &str) -> TaskSpec {
    let (spec, findings) = read_all(&[("task.md", text.as_bytes())]);
    assert_eq!(findings, []);
    assert_eq!(spec.tasks.len(), 1);
    spec.tasks.into_iter().next().expect("one task")
}

fn names(values: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn depends(task: &TaskSpec) -> Vec<String> {
    names(task.depends_on.iter().map(|at| &at.value))
}

fn blocks(task: &TaskSpec) -> Vec<String> {
    names(task.blocks.iter().map(|at| &at.value))
}

// What is wrong with a plan, row by row.

#[test]
fn an_empty_folder_has_no_tasks() {
    let errors = errors(&[]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].ends_with("has no tasks"), "{errors:?}");
}

#[test]
fn an_empty_file_has_no_tasks() {
    assert!(errors(&[("plan.md", b"")])[0].starts_with("Empty"));
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let large = vec![b'x'; 10 * 1024 * 1024 + 1];
    let errors = errors(&[("T-1.md", &large), ("T-2.md", b"# T-2: B\n")]);
    assert_eq!(errors, ["Unreadable T-1.md:1: has more than 10 MB, the most that is read"]);
}

#[test]
fn a_file_at_the_limit_is_read() {
    let mut text = b"# T-1: A\n".to_vec();
    text.resize(10 * 1024 * 1024, b'x');
    assert_eq!(checked(&[("T-1.md", &text)]).plan.unwrap().tasks.len(), 1);
}

#[test]
fn bad_utf_8_is_named_with_file_line_column_and_byte() {
    let errors = errors(&[("T-1.md", b"# T-1: A\n\nab\xff\n"), ("T-2.md", b"# T-2: B\n")]);
    assert_eq!(errors, ["Unreadable T-1.md:3: is not valid UTF-8: byte 12 (line 3, column 3)"]);
}

#[test]
fn a_nul_is_named_with_its_place() {
    assert_eq!(
        errors(&[("T-1.md", b"# T-1: A\n\0\n")]),
        ["Unreadable T-1.md:2: holds a NUL: byte 9 (line 2, column 1)"]
    );
}

#[test]
fn a_byte_order_mark_and_carriage_returns_change_nothing() {
    let unix =
        "---\nid: T-1\nestimate: 2 days\n---\n# Title\n\n## Blocks\n\n- T-2\n\n## Commits\n\n1. `feat: x`\n";
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    let mac = unix.replace('\n', "\r");
    assert_eq!(task(&windows), task(unix));
    assert_eq!(task(&mac), task(unix));
    assert_eq!(task(unix).blocks[0].spot.line, 9);
}

#[test]
fn an_id_used_twice_names_both_places() {
    let errors = errors(&[("a/x.md", b"# T-1: A\n"), ("b/x.md", b"\n# T-1: B\n")]);
    assert_eq!(errors, ["DuplicateId b/x.md:2: T-1 is used twice: first in a/x.md:1"]);
}

#[test]
fn a_circle_is_an_error_with_its_path() {
    let a = b"# T-1: A\n\n## Dependencies\n\n- T-2\n";
    let b = b"# T-2: B\n\n## Dependencies\n\n- T-1\n";
    assert_eq!(
        errors(&[("a.md", a), ("b.md", b)]),
        ["Cycle a.md:5: tasks wait for each other in a circle: T-1 → T-2 → T-1 (a.md:5, b.md:5)"]
    );
}

#[test]
fn an_unknown_dependency_is_an_error_with_its_line() {
    let errors = errors(&[("a.md", b"# T-1: A\n\n**Depends on**: T-7, X-9\n")]);
    assert_eq!(
        errors,
        [
            "UnknownId a.md:3: T-1 depends on T-7, which is not in the plan; did you mean T-1?",
            "UnknownId a.md:3: T-1 depends on X-9, which is not in the plan",
        ]
    );
}

#[test]
fn an_id_that_climbs_out_of_its_folder_is_refused() {
    let errors = errors(&[("a.md", b"---\nid: ../x\n---\n# A\n"), ("b.md", b"# ../y1: B\n")]);
    assert_eq!(
        errors,
        [
            "BadId a.md:2: `../x` cannot be a task's id: it contains `..`",
            "BadId b.md:1: `../y1` cannot be a task's id: it contains `..`",
        ]
    );
}

#[test]
fn an_id_of_300_characters_is_refused() {
    let text = format!("# T-{}: A\n", "1".repeat(298));
    let errors = errors(&[("a.md", text.as_bytes())]);
    assert!(errors[0].starts_with("BadId a.md:1: `T-111"), "{errors:?}");
    assert!(errors[0].ends_with("it has 300 bytes, at most 100 are allowed"), "{errors:?}");
}

#[test]
fn an_empty_id_is_refused() {
    assert_eq!(
        errors(&[("a.md", b"---\nid:\n---\n# A\n")]),
        ["BadId a.md:2: `` cannot be a task's id: it is empty"]
    );
}

#[test]
fn an_alias_bomb_is_refused_with_line_and_column() {
    let bomb = b"---\nid: T-1\na: &a [x, x, x]\nb: &b [*a, *a, *a]\ndepends_on: *b\n---\n# A\n";
    assert_eq!(
        errors(&[("a.md", bomb)]),
        [
            "BadValue a.md:3: `a`: anchors, references and tags are not read (line 3, column 4)",
            "BadValue a.md:4: `b`: anchors, references and tags are not read (line 4, column 4)",
            "BadValue a.md:5: `depends_on`: anchors, references and tags are not read (line 5, column 13)",
        ]
    );
}

#[test]
fn ten_thousand_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..10_000_u32 {
        let needs = n.checked_sub(3).map_or("None".to_owned(), |need| format!("T-{need}"));
        let text = format!(
            "# T-{n}: Title\n\n**Depends on**: {needs}\n\n## Commits\n\n1. `feat: a`\n   - Files: `src/{n}.rs`\n"
        );
        std::fs::write(folder.path().join(format!("T-{n}.md")), text).unwrap();
    }
    let (spec, found) = read(folder.path()).unwrap();
    let checked = check(spec, found);
    assert_eq!(checked.findings, []);
    assert_eq!(checked.plan.unwrap().waves.len(), 3_334);
}

#[test]
fn a_path_that_is_no_plan_is_an_error() {
    let missing = read(Path::new("/nowhere/at-all")).unwrap_err();
    assert!(matches!(missing, SourceError::Missing { .. }));
    assert_eq!(missing.to_string(), "there is no plan at `/nowhere/at-all`");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let outside = folder(&[("T-9.md", b"# T-9: Outside\n")]);
    let inside = folder(&[("T-1.md", b"# T-1: Inside\n")]);
    std::os::unix::fs::symlink(outside.path().join("T-9.md"), inside.path().join("T-9.md")).unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.path().join("folder")).unwrap();
    std::os::unix::fs::symlink(inside.path(), inside.path().join("circle")).unwrap();
    let (spec, findings) = read(inside.path()).unwrap();
    assert_eq!(names(spec.tasks.iter().map(|task| &task.id.value)), ["T-1"]);
    assert_eq!(names(&findings), ["T-9.md:1: is a link or no ordinary file and was not read"]);
}

// How people write task files.

#[test]
fn front_matter_gives_every_value() {
    let task = task(
        "---\nid: AUTH-7\ntitle: 'Sign in: the page'\npriority: Alta\nmodule: web\nquarter: Q2-2026\nwave: 1\n\
         estimate: 3 días\nestimated_commits: 4\ncoverage_target: 90\ndepends_on: [T-1, \"T-2\"]\nblocks:\n  - T-3\n\
         status: Done\nagent: claude\nmodel: opus\nfiles: [src/a.rs, src/b.rs]\nlabels: [x]\ncolor: red\n---\n# Whatever\n",
    );
    assert_eq!((task.id.value.as_str(), &*task.title), ("AUTH-7", "Sign in: the page"));
    assert_eq!(task.priority, Priority::High);
    assert_eq!((task.module.as_deref(), task.quarter.as_deref()), (Some("web"), Some("Q2-2026")));
    assert_eq!(task.declared_wave.as_ref().map(|wave| (wave.value, wave.spot.line)), Some((1, 7)));
    assert_eq!(task.estimate, Some(Duration(3 * Duration::DAY)));
    assert_eq!((task.planned_commits(), task.coverage_target), (4, Some(90)));
    assert_eq!((depends(&task), blocks(&task)), (names(["T-1", "T-2"]), names(["T-3"])));
    assert_eq!(task.blocks[0].spot.line, 13);
    assert_eq!(task.done.as_ref().map(|spot| spot.line), Some(14));
    assert_eq!((task.agent.as_deref(), task.model.as_deref()), (Some("claude"), Some("opus")));
    assert_eq!(names(task.files.iter().map(|file| &file.value)), ["src/a.rs", "src/b.rs"]);
    assert_eq!(&*task.body, "# Whatever\n");
}

#[test]
fn keys_in_prose_may_stand_alone_in_lists_in_tables_and_in_quotes() {
    for text in [
        "# T-1: A\n\n**Priority**: critical\n**Module:** `web`\n**Depends on**: T-2 (why), T-3\n",
        "# T-1: A\n\n* **Priority:** critical\n* **Module**: web\n* **Blocked by:** T-2 and T-3\n",
        "# T-1: A\n\n- Prioridad: crítica\n- Módulo: web\n- Depende de: T-2, T-3\n",
        "# T-1: A\n\n> **Prioridad:** Crítica\n> **Módulo:** web\n> **Dependencias:** [T-2](T-2.md), [T-3](T-3.md)\n",
        "# T-1: A\n\n| Field | Value |\n|---|---|\n| **Priority** | critical |\n| Module | `web` |\n| Dependencies | T-2, T-3 |\n",
        "# T-1: A\n\n## Información\n\n- **Prioridad**: crítica\n- **Módulo**: web\n- **Dependencias**: T-2, T-3\n",
        "# T-1: A\n\nPriority: critical\nModule: web\n\n## Dependencies\n\n- **Depends on**:\n  - T-2\n  - T-3 - as it says\n",
        "# T-1: A\n\n**Priority**: critical\n**Module**: web\n\n### Dependencias\n\nT-2, T-3\n",
    ] {
        let task = task(text);
        assert_eq!(task.priority, Priority::Critical, "{text}");
        assert_eq!(task.module.as_deref(), Some("web"), "{text}");
        assert_eq!(depends(&task), ["T-2", "T-3"], "{text}");
    }
}

#[test]
fn none_has_many_words() {
    for none in [
        "None",
        "Ninguna",
        "ninguno.",
        "-",
        "—",
        "N/A",
        "- None",
        "- Depends on: None",
        "*None*",
        "Sin dependencias",
    ] {
        let task = task(&format!("# T-1: A\n\n## Dependencies\n\n{none}\n"));
        assert_eq!(depends(&task), Vec::<String>::new(), "{none}");
    }
}

#[test]
fn commits_are_listed_by_number_under_phases() {
    let task = task(
        "# T-1: A\n\n## Plan de Commits\n\n### Fase 1: Núcleo\n\n1. `feat: a`\n   - Archivos: `a.rs`, `b.rs`\n   - Cambios: x\n\
         2. **feat: b** - the rest\n   - Files:\n     - src/c.rs (new)\n     - `src/d.rs`\n   - Notes\n\n\
         **Fase 2: Cierre**\n\n3) docs: c\n\n## Notas\n\n1. not a commit\n",
    );
    assert_eq!(names(&task.phases), ["Núcleo", "Cierre"]);
    let commits: Vec<(&str, Option<u32>, Vec<String>)> =
        task.commits.iter().map(|commit| (&*commit.subject, commit.phase, names(&commit.files))).collect();
    assert_eq!(
        commits,
        [
            ("feat: a", Some(0), names(["a.rs", "b.rs"])),
            ("feat: b", Some(0), names(["src/c.rs", "src/d.rs"])),
            ("docs: c", Some(1), vec![]),
        ]
    );
    assert_eq!(task.commits[1].spot.as_ref().map(|spot| spot.line), Some(10));
}

#[test]
fn commits_may_be_blocks() {
    let headings = "# T-1: A\n\n## Commits\n\n### Phase 1: Core\n\n#### Commit 1/2: `feat: a`\n\n**Files:**\n- `a.rs`\n\n**Changes:**\n\
                    1. one\n2. two\n\n**Tests:** unit\n\n#### Commit 2/2: feat: b\n\n- **Files**: b.rs, c.rs\n";
    let bold = "# T-1: A\n\n### Fase 1: Core\n\n**Commit 1/2: feat: a**\n- Archivos: a.rs\n- Cambios:\n  - x\n\n\
                **Commit 2 de 2:** `feat: b`\n- Archivos: `b.rs`, `c.rs`\n- Tests: y\n";
    let plain = "# T-1: A\n\nCommit 1/2:\nMessage: feat: a\nPhase: Core\nFiles: a.rs\nChanges: x\n\nCommit 2/2: feat: b\nFiles: b.rs, c.rs\nTests: y\n";
    for text in [headings, bold, plain] {
        let task = task(text);
        let commits: Vec<(&str, Vec<String>)> =
            task.commits.iter().map(|commit| (&*commit.subject, names(&commit.files))).collect();
        assert_eq!(commits, [("feat: a", names(["a.rs"])), ("feat: b", names(["b.rs", "c.rs"]))], "{text}");
        assert_eq!(names(&task.phases), ["Core"], "{text}");
        assert_eq!(
            task.commits.iter().map(|commit| commit.phase).collect::<Vec<_>>(),
            [Some(0), Some(0)],
            "{text}"
        );
    }
}

#[test]
fn code_and_comments_are_not_read() {
    let task = task(
        "# T-1: A\n\n<!-- **Priority**: low\n## Blocks\n- T-9 -->\n\n## Dependencies\n\n```md\n- T-8\n# T-7: No\n```\n\n- T-2\n",
    );
    assert_eq!((depends(&task), blocks(&task)), (names(["T-2"]), names([""; 0])));
    assert!(task.body.contains("# T-7: No"));
}

#[test]
fn one_file_may_hold_many_tasks() {
    let text = "# The plan\n\nIntro.\n\n## T-1: First\n\nPriority: high\n\n### Blocks\n\n- T-2\n\n## T-2: Second\n\n**Depends on**: T-1\n\n## T-3\n";
    let folder = folder(&[("plan.md", text.as_bytes())]);
    let (spec, findings) = read(&folder.path().join("plan.md")).unwrap();
    assert_eq!(findings, []);
    assert_eq!(&*spec.name, "The plan");
    let tasks: Vec<(&str, &str, u32)> =
        spec.tasks.iter().map(|task| (task.id.value.as_str(), &*task.title, task.id.spot.line)).collect();
    assert_eq!(tasks, [("T-1", "First", 5), ("T-2", "Second", 13), ("T-3", "T-3", 17)]);
    assert_eq!(spec.tasks[0].priority, Priority::High);
    assert_eq!(blocks(&spec.tasks[0]), ["T-2"]);
    assert_eq!(&*spec.tasks[1].body, "## T-2: Second\n\n**Depends on**: T-1");
    assert_eq!(check(spec, findings).plan.unwrap().tasks[1].branch_name.as_ref(), "feat/T-2-second");
}

#[test]
fn the_file_name_gives_the_id_when_nothing_else_does() {
    let (spec, findings) = read_all(&[
        ("task-12 - Add login.md", b"Just words.\n"),
        ("T-2-x.md", b"# A title\n"),
        ("notes.md", b"# Notes\n\n## Dependencies\n\nnone of ours\n"),
        ("README.md", b"# My plan\n\n## T-9: an example\n"),
        ("sub/readme.md", b"# T-8: no\n"),
        (".hidden/T-7.md", b"# T-7: no\n"),
        ("T-5.txt", b"# T-5: no\n"),
    ]);
    assert_eq!(findings, []);
    assert_eq!(&*spec.name, "My plan");
    let tasks: Vec<(&str, &str)> =
        spec.tasks.iter().map(|task| (task.id.value.as_str(), &*task.title)).collect();
    assert_eq!(tasks, [("T-2", "A title"), ("task-12", "task-12")]);
}

#[test]
fn the_quarter_may_be_a_folder_and_the_name_an_option() {
    let folder = folder(&[
        ("Q3-2026/Tasks/T-1.md", b"# T-1: A\n"),
        ("Q3-2026/T-2.md", b"# T-2: B\n\n**Fase:** Q4-2026\n"),
    ]);
    let options = Options { name: Some("Mine".into()), tag: None };
    let source = Source { kind: SourceKind::Markdown, path: folder.path().to_owned(), options };
    let (spec, _) = source.read().unwrap();
    assert_eq!(&*spec.name, "Mine");
    let quarters: Vec<Option<&str>> = spec.tasks.iter().map(|task| task.quarter.as_deref()).collect();
    assert_eq!(quarters, [Some("Q4-2026"), Some("Q3-2026")]);
}

#[test]
fn what_cannot_be_read_is_a_finding_with_its_line() {
    let text = "# T-1: A\n\n- **Priority**: whenever\n- **Wave**: later\n- **Estimate**: soon\n- **Coverage**: 800%\n\
                - **Estimated commits**: many\n\n## Dependencies\n\n- Spring Boot 3\n- T-1 - T-6\n";
    let (_, findings) = read_all(&[("a.md", text.as_bytes())]);
    assert!(findings.iter().all(|finding| finding.level == Level::Warning));
    assert_eq!(findings[2].code, Code::BadEstimate);
    insta::assert_snapshot!(names(&findings).join("\n"), @r"
    a.md:3: T-1: the priority `whenever` is not critical, high, medium or low; medium is assumed
    a.md:4: T-1: the wave `later` is not a whole number
    a.md:5: T-1: cannot read the estimate `soon`; such as `2.5 weeks`, `3 days`, `6h`
    a.md:6: T-1: the coverage target `800%` is not a whole number of per cent up to 100
    a.md:7: T-1: the number of commits `many` is not a whole number
    a.md:11: T-1: `Spring Boot 3` is not a plain list of task ids; taken from it: none
    a.md:12: T-1: `T-1 - T-6` is not a plain list of task ids; taken from it: T-1
    ");
}

#[test]
fn a_task_file_without_an_id_is_not_lost_in_silence() {
    let (_, findings) = read_all(&[("login.md", b"---\npriority: high\n---\n# Login\n")]);
    assert_eq!(names(&findings).len(), 1);
    assert!(findings[0].message.starts_with("looks like a task but has no id"), "{findings:?}");
}

#[test]
fn ticked_and_done_tasks_are_done() {
    assert!(task("# [x] T-1: A\n").done.is_some());
    assert!(task("# T-1: A\n\n**Estado:** ✅ Completada\n").done.is_some());
    assert!(task("# [ ] T-1: A\n\n**Status**: todo\n").done.is_none());
}

/// Pieces of task files in any order, broken in any way.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("---\n".to_owned()),
        Just("# T-1: A\n".to_owned()),
        Just("## Dependencies\n".to_owned()),
        Just("**Commit 1/2:** x\n".to_owned()),
        Just("### Fase 1: ñ\n".to_owned()),
        Just("   - Files: `a`\n".to_owned()),
        Just("```\n".to_owned()),
        Just("<!--".to_owned()),
        Just("id: \"".to_owned()),
        Just("estimate: 2".to_owned()),
        "[-*#>|`\\[\\]():.,\"'&{}\u{e9}\u{1f600} \n0-9a-cA-C]{0,12}",
        ".{0,12}",
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever a file says: findings or tasks, never a panic, and every place is a line of the file.
    #[test]
    fn reading_never_panics(text in pieces()) {
        let folder = folder(&[("T-1.md", text.as_bytes())]);
        let (spec, findings) = read(folder.path()).unwrap();
        let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count();
        let spots = findings.iter().filter_map(|finding| finding.spot.as_ref());
        let spots = spots.chain(spec.tasks.iter().map(|task| &task.id.spot));
        for spot in spots {
            prop_assert!((1..=lines).contains(&(spot.line as usize)), "{:?}", spot);
        }
        check(spec, findings);
    }

    /// The same for bytes that need not be text.
    #[test]
    fn reading_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = folder(&[("T-1.md", &bytes)]);
        let (spec, findings) = read(folder.path()).unwrap();
        prop_assert!(!spec.tasks.is_empty() || !findings.is_empty());
    }
}

#[test]
fn the_task_file_of_the_documentation_says_what_it_is_said_to_say() {
    let page = include_str!("../../../docs/reference/task-files.md");
    let example = page.split("```markdown\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let task = task(example);
    let needs: Vec<&str> = task.depends_on.iter().map(|id| id.value.as_str()).collect();
    assert_eq!((task.id.value.as_str(), &*task.title), ("T-002", "Contract testing"));
    assert_eq!((needs, task.priority, task.module.as_deref()), (vec!["T-001"], Priority::High, Some("api")));
    assert_eq!(task.estimate, Some(Duration(Duration::WEEK * 5 / 2)));
    assert_eq!(task.phases.iter().map(|phase| &**phase).collect::<Vec<_>>(), ["Groundwork"]);
    let commits: Vec<(&str, usize)> = task.commits.iter().map(|c| (&*c.subject, c.files.len())).collect();
    assert_eq!(
        commits,
        [
            ("feat(contracts): publish the provider's contracts", 1),
            ("test(contracts): verify them in the build", 0)
        ]
    );
}

#[test]
fn a_dependency_in_a_sentence_and_a_heading_like_an_id_are_pointed_out() {
    let said = |text: &str| -> Vec<String> {
        let (_, findings) = read_all(&[("a.md", text.as_bytes())]);
        findings.iter().map(|finding| format!("{} {finding}", finding.code.as_str())).collect()
    };
    let unread = "T-002 names no dependency, but this reads like one: write it as `Dependencies: T-001`, or the task \
                  starts at once";
    for sentence in ["Depends on the first task.", "This depends on T-001 and more.", "- Bloqueada por T-001"]
    {
        let expected = format!("unread-dependency a.md:3: {unread}");
        assert_eq!(said(&format!("# T-002: Two\n\n{sentence}\n")), [expected], "{sentence}");
    }
    for sentence in [
        "The result depends on the weather.",
        "```\ndepends on T-001\n```",
        "Dependencies: T-001\nIt depends on T-001.",
    ] {
        assert_eq!(said(&format!("# T-002: Two\n\n{sentence}\n")), Vec::<String>::new(), "{sentence}");
    }
    let like = "`T-00X` looks like a task's id but is none to `ppe`: write `# T-00X: Title`";
    assert_eq!(said("# T-00X Setup\n\nText.\n"), [format!("bad-id a.md:1: {like}")]);
    assert_eq!(said("# Q1-2026 Overview\n"), Vec::<String>::new());
    assert_eq!(said("# README\n\n## HTTP-API\n"), Vec::<String>::new());
}

#[test]
fn white_space_behind_a_value_moves_no_column() {
    let said = |end: &str| -> Vec<String> {
        let text = format!("---\nid: T-1\nkey🕴: \"x{end}\n---\n# T-1: One\n");
        let (_, findings) = read_all(&[("a.md", text.as_bytes())]);
        findings.iter().map(ToString::to_string).collect()
    };
    assert!(!said("").is_empty(), "a quote that is not closed is told");
    for end in [" ", "\t\t", "\u{a0}\u{2003}", "\u{85}", "       "] {
        assert_eq!(said(end), said(""), "{end:?}");
    }
}
