//! Whatever stands in the files, reading ends, panics never, and what comes of it can be checked.

use super::{folder, read_as, sample};
use ppe_core::plan::check;
use ppe_engine::ports::SourceKind;
use proptest::prelude::*;
use std::fmt::Write as _;

/// Pieces that the forms are made of, and some that they are not.
const PIECES: &[&str] = &[
    "---\n",
    "\n",
    " ",
    "id: ",
    "TASK-1",
    "TASK-1.1",
    "task-2",
    "title: ",
    ">-\n",
    "status: ",
    "Done",
    "Won't Do",
    "dependencies: ",
    "depends_on: ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    ",",
    ":",
    "parent_task_id: ",
    "conflicts_with: ",
    "001",
    "002",
    "\"tasks\"",
    "\"id\"",
    "\"subtasks\"",
    "\"dependencies\"",
    "\"status\"",
    "1",
    "\"1.1\"",
    "2",
    "\"done\"",
    "null",
    "- [ ] ",
    "- [X] ",
    "T001 ",
    "T002 ",
    "TXXX ",
    "[P] ",
    "[US1] ",
    "## Phase 1",
    "(depends on T001",
    ")",
    "src/a.rs",
    "{\"id\":\"a\"}",
    "{\"id\":\"b\",\"dependencies\":[{\"depends_on_id\":\"a\",\"type\":\"blocks\"}]}",
    "\u{0}",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "ñ",
    "🕴",
    "<!--",
    "-->",
    "```",
    "&a",
    "*a",
    "|",
    "\t",
    "\r",
];

const SAMPLES: &[&str] = &[
    "backlog/tasks/task-3 - Add-login-page.md",
    "backlog/tasks/back-4 - Say-goodbye.md",
    "task-master/.taskmaster/tasks/tasks.json",
    "spec-kit/specs/001-login/tasks.md",
    "beads/.beads/issues.jsonl",
    "ccpm/002.md",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![8 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// A sample's text with a part of it gone and another put in.
fn bent() -> impl Strategy<Value = String> {
    let samples = SAMPLES.iter().map(|name| std::fs::read_to_string(sample(name)).unwrap());
    let samples = prop::sample::select(samples.collect::<Vec<_>>());
    (samples, any::<prop::sample::Index>(), 0..40_usize, text()).prop_map(|(sample, at, gone, put_in)| {
        let letters: Vec<char> = sample.chars().collect();
        let (before, rest) = letters.split_at(at.index(letters.len() + 1));
        let after = rest.iter().skip(gone).copied();
        before.iter().copied().chain(put_in.chars()).chain(after).collect()
    })
}

/// Reads the same text as every program would find it.
fn read_everywhere(text: &str) {
    let places: [(SourceKind, &[&str]); 8] = [
        (SourceKind::Markdown, &["T-1.md", "README.md"]),
        (SourceKind::Backlog, &["tasks/1.md", "tasks/2.md", "completed/3.md", "config.yml"]),
        (SourceKind::TaskMaster, &["tasks/tasks.json", "state.json"]),
        (SourceKind::SpecKit, &["tasks.md"]),
        (SourceKind::Beads, &["issues.jsonl"]),
        (SourceKind::Compozy, &["task_01.md", "task_02.md"]),
        (SourceKind::Ccpm, &["001.md", "002.md"]),
        (SourceKind::Board, &["tickets.json"]),
    ];
    for (kind, names) in places {
        let files: Vec<(&str, &str)> = names.iter().map(|name| (*name, text)).collect();
        let (spec, findings) = read_as(kind, folder(&files).path()).unwrap();
        for task in &spec.tasks {
            assert!(!task.body.contains(['\0', '\r']), "{kind:?}: {:?}", task.body);
            assert!(!task.title.is_empty() || task.id.value.as_str().is_empty(), "{kind:?}");
        }
        let _checked = check(spec, findings);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn no_text_makes_a_source_panic(text in text()) {
        read_everywhere(&text);
    }

    #[test]
    fn no_bent_sample_makes_a_source_panic(text in bent()) {
        read_everywhere(&text);
    }
}

#[test]
fn deep_json_and_long_chains_of_parents_are_read_to_their_end() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let json = format!("{{\"tasks\": [{{\"id\": 1, \"title\": {deep}}}]}}");
    let (spec, _) = read_as(SourceKind::TaskMaster, folder(&[("tasks.json", &json)]).path()).unwrap();
    assert_eq!(spec.tasks.len(), 1);
    let mut issues = String::new();
    for n in 1..=5_000_u32 {
        let parent = format!(r#"{{"depends_on_id":"e{}","type":"parent-child"}}"#, n - 1);
        writeln!(issues, r#"{{"id":"e{n}","issue_type":"epic","dependencies":[{parent}]}}"#).unwrap();
    }
    let (spec, _) = read_as(SourceKind::Beads, folder(&[("issues.jsonl", &issues)]).path()).unwrap();
    assert_eq!(spec.tasks, []);
}

#[test]
fn rows_that_are_named_again_and_again_do_not_fill_the_memory() {
    let mut list = String::new();
    for n in 1..=2_000_u32 {
        writeln!(list, "- [ ] T{n:05} x").unwrap();
    }
    let rows = "T00001-T02000, ".repeat(5_000);
    for n in 2_001..=2_003_u32 {
        writeln!(list, "- [ ] T{n:05} x (depends on {rows})").unwrap();
    }
    let (spec, findings) = read_as(SourceKind::SpecKit, folder(&[("tasks.md", &list)]).path()).unwrap();
    let said = findings.first().map(ToString::to_string).unwrap_or_default();
    assert!(said.ends_with("more than 1000000 dependencies follow"), "{said}");
    assert_eq!((spec.tasks.len(), findings.len()), (2_000, 3));
}

#[test]
fn phases_of_parallel_tasks_do_not_fill_the_memory() {
    let mut list = String::new();
    for n in 0..8_000_u32 {
        let heading = if n.is_multiple_of(2_000) { "## Phase\n" } else { "" };
        writeln!(list, "{heading}- [ ] T{n:05} [P] x").unwrap();
    }
    let (_, findings) = read_as(SourceKind::SpecKit, folder(&[("tasks.md", &list)]).path()).unwrap();
    let said = findings.first().map(ToString::to_string).unwrap_or_default();
    assert!(said.ends_with("more than 1000000 dependencies follow"), "{said}");
}
