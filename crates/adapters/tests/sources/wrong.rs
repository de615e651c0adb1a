//! What is said of plans that cannot be executed, each with its file and line, and of what is left out.

use super::{folder, read_as, sample, tasks};
use ppe_adapters::sources::{Options, Source};
use ppe_core::plan::check;
use ppe_engine::ports::{PlanSource, SourceKind};

/// What is said, the errors first, each with its level.
fn said(kind: SourceKind, files: &[(&str, &str)]) -> Vec<String> {
    let (spec, findings) = read_as(kind, folder(files).path()).unwrap();
    let findings = check(spec, findings).findings;
    findings.iter().map(|finding| format!("{:?} {finding}", finding.level)).collect()
}

const CIRCLE: &str = "tasks wait for each other in a circle:";

#[test]
fn a_circle_is_named_with_its_places_whatever_the_plan_is_written_in() {
    let backlog = [
        ("tasks/task-1 - a.md", "---\nid: TASK-1\ndependencies: [TASK-2]\n---\n"),
        ("tasks/task-2 - b.md", "---\nid: TASK-2\ndependencies:\n  - TASK-1\n---\n"),
    ];
    let place = "TASK-1 → TASK-2 → TASK-1 (tasks/task-1 - a.md:3, tasks/task-2 - b.md:4)";
    assert_eq!(
        said(SourceKind::Backlog, &backlog),
        [format!("Error tasks/task-1 - a.md:3: {CIRCLE} {place}")]
    );
    let json = r#"{"master": {"tasks": [
        {"id": 1, "dependencies": [2]},
        {"id": 2,
         "dependencies": ["1"]}]}}"#;
    let place = "1 → 2 → 1 (tasks.json:2, tasks.json:4)";
    let circle = said(SourceKind::TaskMaster, &[("tasks.json", json)]);
    assert_eq!(circle, [format!("Error tasks.json:2: {CIRCLE} {place}")]);
    let list = "## Phase 1\n- [ ] T001 A (depends on T002)\n- [ ] T002 B\n";
    let place = "T001 → T002 → T001 (tasks.md:2, tasks.md:3)";
    let circle = said(SourceKind::SpecKit, &[("tasks.md", list)]);
    assert_eq!(circle, [format!("Error tasks.md:2: {CIRCLE} {place}")]);
    let issues = r#"{"id":"bd-1","dependencies":[{"depends_on_id":"bd-2","type":"blocks"}]}

        {"id":"bd-2","dependencies":[{"depends_on_id":"bd-1","type":"blocks"}]}"#;
    let place = "bd-1 → bd-2 → bd-1 (issues.jsonl:1, issues.jsonl:3)";
    let circle = said(SourceKind::Beads, &[("issues.jsonl", issues)]);
    assert_eq!(circle, [format!("Error issues.jsonl:1: {CIRCLE} {place}")]);
    let compozy = [
        ("task_01.md", "---\nstatus: pending\ndependencies: [task_02]\n---\n"),
        ("task_02.md", "---\ndependencies: [task_01]\n---\n"),
    ];
    let place = "task_01 → task_02 → task_01 (task_01.md:3, task_02.md:2)";
    assert_eq!(said(SourceKind::Compozy, &compozy), [format!("Error task_01.md:3: {CIRCLE} {place}")]);
    let ccpm = [("001.md", "---\ndepends_on: [002]\n---\n"), ("002.md", "---\ndepends_on: [001]\n---\n")];
    let place = "001 → 002 → 001 (001.md:2, 002.md:2)";
    assert_eq!(said(SourceKind::Ccpm, &ccpm), [format!("Error 001.md:2: {CIRCLE} {place}")]);
}

#[test]
fn an_unknown_id_is_named_with_its_place() {
    let backlog =
        [("tasks/task-1 - a.md", "---\nid: TASK-1\nstatus: To Do\ndependencies:\n  - TASK-7\n---\n")];
    assert_eq!(
        said(SourceKind::Backlog, &backlog),
        [
            "Error tasks/task-1 - a.md:5: TASK-1 depends on TASK-7, which is not in the plan; did you mean TASK-1?"
        ]
    );
    let json = r#"{"tasks": [{"id": 1, "subtasks": [
        {"id": 1, "dependencies": [
            4]}]}]}"#;
    assert_eq!(
        said(SourceKind::TaskMaster, &[("tasks/tasks.json", json)]),
        ["Error tasks/tasks.json:3: 1.1 depends on 1.4, which is not in the plan; did you mean 1.1?"]
    );
    let issue = "\n{\"id\":\"bd-1\",\"dependencies\":[{\"depends_on_id\":\"gone\",\"type\":\"waits-for\"}]}";
    assert_eq!(
        said(SourceKind::Beads, &[("issues.jsonl", issue)]),
        ["Error issues.jsonl:2: bd-1 depends on gone, which is not in the plan"]
    );
    assert_eq!(
        said(SourceKind::SpecKit, &[("tasks.md", "- [ ] T001 A\n- [ ] T002 B (depends on T001, T009)\n")]),
        ["Error tasks.md:2: T002 depends on T009, which is not in the plan; did you mean T001?"]
    );
}

#[test]
fn what_cannot_be_read_of_json_is_named_with_its_place() {
    let json = |text: &str| said(SourceKind::TaskMaster, &[("tasks.json", text)]);
    assert_eq!(json("{\n\"a\": [}"), ["Error tasks.json:2: is not JSON: expected value at line 2 column 7"]);
    assert_eq!(json("[1]"), ["Error tasks.json:1: is no object of tags with tasks"]);
    assert_eq!(json("{\"tasks\": [\n{\"title\": \"x\"}]}"), ["Error tasks.json:2: a task without an id"]);
    assert_eq!(
        json("{\"tasks\": [{\"id\": 1, \"dependencies\": [\n{}]}]}"),
        ["Error tasks.json:2: a dependency that is no id"]
    );
    assert_eq!(
        json("{\"tasks\": [{\"id\": \"../x\"}]}"),
        ["Error tasks.json:1: `../x` cannot be a task's id: it contains `..`"]
    );
    assert_eq!(
        json("{\"tasks\": [{\"id\": 1,\n\"priority\": \"soon\", \"status\": \"odd\"}]}"),
        [
            "Warning tasks.json:2: 1: the priority `soon` is not critical, high, medium or low; medium is assumed",
            "Warning tasks.json:2: 1: the status `odd` is none of Task Master's; the task counts as open",
        ]
    );
    let beads = |text: &str| said(SourceKind::Beads, &[("issues.jsonl", text)]);
    assert_eq!(
        beads("{\"id\":\"a\"}\n{\"id\":1}\n"),
        [
            "Error issues.jsonl:2: is no issue of beads: invalid type: integer `1`, expected a string, column 7"
        ]
    );
    assert_eq!(beads("{\"id\":\"a\\u0000\"}\n"), ["Error issues.jsonl:1: holds a NUL"]);
}

#[test]
fn what_cannot_be_read_of_front_matter_is_named_where_it_matters() {
    let backlog = "---\nid: TASK-1\ntitle: \"x\nlabels: {a: b}\n---\n";
    let quote = "a quoted text that is not closed on its line";
    assert_eq!(
        said(SourceKind::Backlog, &[("tasks/task-1 - a.md", backlog)]),
        [format!("Error tasks/task-1 - a.md:3: `title`: {quote} (line 3, column 8)")]
    );
    assert_eq!(
        said(SourceKind::Ccpm, &[("001.md", "---\nname: \"x\ngithub: {a: b}\n---\n")]),
        [format!("Error 001.md:2: `name`: {quote} (line 2, column 7)")]
    );
}

#[test]
fn between_several_tags_nobody_chooses() {
    let json = r#"{"master": {"tasks": [{"id": 1}]}, "v2": {"tasks": [{"id": 2}]}, "old": {"tasks": []}}"#;
    let files =
        [(".taskmaster/tasks/tasks.json", json), (".taskmaster/state.json", r#"{"currentTag": "v2"}"#)];
    assert_eq!(
        said(SourceKind::TaskMaster, &files),
        [
            "Error .taskmaster/tasks/tasks.json:1: has several tags: master, v2; Task Master is at `v2`; choose one \
          with `--tag` or `plan.tag`"
        ]
    );
    let top = folder(&files);
    let of_tag = |tag: &str| {
        let options = Options { name: None, tag: Some(tag.to_owned()) };
        let source = Source { kind: SourceKind::TaskMaster, path: top.path().to_owned(), options };
        let (spec, findings) = source.read().unwrap();
        let ids = spec.tasks.iter().map(|task| task.id.value.to_string());
        ids.chain(findings.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    assert_eq!(of_tag("v2"), ["2"]);
    assert_eq!(of_tag("old"), Vec::<String>::new());
    assert_eq!(of_tag("v3"), [".taskmaster/tasks/tasks.json:1: has no tag `v3`; there are: master, old, v2"]);
}

#[test]
fn what_is_put_off_is_left_out_and_said() {
    let json = r#"{"tasks": [
        {"id": 1, "status": "deferred"},
        {"id": 2, "status": "cancelled"},
        {"id": 3, "dependencies": [
            1]},
        {"id": 4, "status": "review"}]}"#;
    let files = [("tasks.json", json)];
    assert_eq!(
        said(SourceKind::TaskMaster, &files),
        [
            "Warning tasks.json:2: 1, 2 are left out by their status (cancelled, deferred)",
            "Warning tasks.json:5: 3 is left out: it depends on 1, which is deferred",
        ]
    );
    assert_eq!(tasks(SourceKind::TaskMaster, &files), ["4: "]);
}

#[test]
fn what_beads_blocks_with_and_what_it_does_not() {
    let needs = |kind: &str| format!(r#","dependencies":[{{"depends_on_id":"a","type":"{kind}"}}]"#);
    let with = |of_a: &str, of_b: &str| {
        let text = format!("{{\"id\":\"a\"{of_a}}}\n{{\"id\":\"b\"{of_b}}}\n");
        let files = [("issues.jsonl", text.as_str())];
        (tasks(SourceKind::Beads, &files), said(SourceKind::Beads, &files))
    };
    for (kind, need) in [("blocks", "a"), ("waits-for", "a"), ("related", ""), ("discovered-from", "")] {
        assert_eq!(with("", &needs(kind)).0, ["a: ".to_owned(), format!("b: {need}")], "{kind}");
    }
    for gone in [r#","status":"tombstone""#, r#","is_template":true"#, r#","ephemeral":true"#] {
        assert_eq!(with(gone, &needs("blocks")), (vec!["b: ".to_owned()], Vec::new()), "{gone}");
    }
    for (moment, left) in
        [("2000-01-01T00:00:00Z", ["a: ", "b: "].as_slice()), ("9000-01-01T00:00:00+02:00", &["b: "])]
    {
        assert_eq!(with(&format!(r#","defer_until":"{moment}""#), "").0, left, "{moment}");
    }
    let (left, said) = with(r#","issue_type":"gate""#, &needs("blocks"));
    assert!(left.is_empty() && said[2].ends_with("it depends on a, which is an open gate"), "{said:?}");
}

#[test]
fn a_task_that_is_to_run_only_if_another_fails_is_refused() {
    let of = |status: &str| {
        let conditional = r#"[{"depends_on_id":"a","type":"conditional-blocks"}]"#;
        let text = format!(
            "{{\"id\":\"a\"}}\n{{\"id\":\"b\",\"status\":\"{status}\",\"dependencies\":{conditional}}}\n"
        );
        said(SourceKind::Beads, &[("issues.jsonl", &text)])
    };
    assert_eq!(
        of("open"),
        [
            "Error issues.jsonl:2: b is to run only if a fails (conditional-blocks), which no plan here can say"
        ]
    );
    assert_eq!(of("closed"), Vec::<String>::new());
}

#[test]
fn a_path_that_is_another_thing_is_an_error() {
    for (kind, says) in [
        (SourceKind::Backlog, "is not a folder of Backlog.md's, with `tasks` in it"),
        (SourceKind::TaskMaster, "is not Task Master's `tasks.json` or the folder that holds it"),
        (SourceKind::SpecKit, "is not spec-kit's `tasks.md` or the folder that holds it"),
        (SourceKind::Beads, "is not an export of beads, `issues.jsonl`, or the folder that holds it"),
        (SourceKind::Compozy, "is not a folder with Compozy's files `task_01.md`, …"),
        (SourceKind::Ccpm, "is not an epic of ccpm's: a folder with `epic.md` and files `001.md`, …"),
    ] {
        let error = read_as(kind, &sample("spec-kit")).unwrap_err().to_string();
        assert!(error.ends_with(says), "{error}");
        assert!(
            read_as(kind, &sample("nowhere")).unwrap_err().to_string().starts_with("there is no plan at")
        );
    }
}
