//! Who waits for whom where a plan says it in few words.

use super::{folder, read_as, tasks};
use ppe_core::plan::check;
use ppe_engine::ports::SourceKind;

#[test]
fn a_row_of_ids_is_whatever_there_is_of_it() {
    let of = |remark: &str| {
        let before =
            ["T001", "T002", "T003", "T005", "T0006"].map(|id| format!("- [ ] {id} [P] Do it\n")).concat();
        let list = format!("{before}- [ ] T010 [P] Do more (depends on {remark})\n- [ ] T011 [P] Do all\n");
        tasks(SourceKind::SpecKit, &[("tasks.md", &list)])[5].clone()
    };
    for dash in ["-", " - ", "–", "—", "..", "...", "…", " to ", " through "] {
        assert_eq!(of(&format!("T002{dash}T005")), "T010: T002 T003 T005", "{dash}");
    }
    assert_eq!(of("T001, T003-005 and T011; then T002"), "T010: T001 T003 T005 T011");
    assert_eq!(of("T003-T0006, T001"), "T010: T003 T005 T0006 T001");
    assert_eq!(of("T001 and T003 - after all"), "T010: T001 T003");
    assert_eq!(of("T005-T002"), "T010: T005 T002", "that is no row");
    assert_eq!(of("T005-T011"), "T010: T005 T0006 T011", "nobody waits for itself");
}

#[test]
fn a_row_with_an_end_that_is_nowhere_is_an_error() {
    let list = "- [ ] T001 A\n- [ ] T002 B (depends on T001-T009)\n";
    let (spec, findings) = read_as(SourceKind::SpecKit, folder(&[("tasks.md", list)]).path()).unwrap();
    let said: Vec<String> = check(spec, findings).findings.iter().map(ToString::to_string).collect();
    assert!(said.len() == 1 && said[0].contains("T009"), "{said:?}");
}

#[test]
fn a_task_that_is_not_parallel_runs_without_any_other() {
    let files = [
        ("001.md", "---\nparallel: true\n---\n"),
        ("002.md", "---\nname: x\n---\n"),
        ("003.md", "---\nparallel: false\ndepends_on: [005]\n---\n"),
        ("004.md", "---\nparallel: true\n---\n"),
        ("005.md", "---\nparallel: True\n---\n"),
        ("006.md", "---\nparallel: False\n---\n"),
        ("007.md", "---\ndepends_on: [004]\n---\n"),
    ];
    assert_eq!(
        tasks(SourceKind::Ccpm, &files),
        ["001: ", "002: ", "003: 005 001 002", "004: 003", "005: ", "006: 004", "007: 004 006"]
    );
}

#[test]
fn nobody_is_kept_from_work_by_what_is_left_out() {
    let files = [
        ("001.md", "---\nstatus: deferred\nparallel: false\n---\n"),
        ("002.md", "---\ndepends_on: [001]\n---\n"),
        ("003.md", "---\nconflicts_with: [001.md, 002, 004.md]\n---\n"),
        ("004.md", "---\nname: x\n---\n"),
    ];
    assert_eq!(tasks(SourceKind::Ccpm, &files), ["003: ", "004: 003"]);
}
