//! What the check of a plan finds, and what follows from a plan that passes.

use ppe_core::ids::TaskId;
use ppe_core::plan::{
    At, Checked, Code, Duration, Finding, Level, Plan, PlanSpec, PlannedCommit, Priority, Spot, TaskSpec,
    check,
};
use ppe_testkit::cost::at_work;
use proptest::prelude::*;
use std::sync::Arc;

/// A task in a file of its own: heading in line 1, Depends from line 5, Blocks from line 9.
fn task(id: &str, depends_on: &[&str], blocks: &[&str]) -> TaskSpec {
    let at = |line: u32| Spot { file: Arc::from(format!("{id}.md")), line };
    let named = |ids: &[&str], first_line: u32| {
        let lines = first_line..;
        ids.iter().zip(lines).map(|(id, line)| At { value: TaskId::new(*id), spot: at(line) }).collect()
    };
    TaskSpec {
        depends_on: named(depends_on, 5),
        blocks: named(blocks, 9),
        says_blocks: !blocks.is_empty(),
        ..TaskSpec::bare(TaskId::new(id), format!("Title of {id}"), at(1))
    }
}

fn plan_of(tasks: Vec<TaskSpec>) -> PlanSpec {
    PlanSpec { name: Arc::from("sample"), tasks }
}

fn checked(tasks: Vec<TaskSpec>) -> Checked {
    check(plan_of(tasks), Vec::new())
}

fn good(tasks: Vec<TaskSpec>) -> Plan {
    let checked = checked(tasks);
    checked.plan.unwrap_or_else(|| panic!("{:?}", checked.findings))
}

fn lines(checked: &Checked) -> Vec<String> {
    checked.findings.iter().map(|finding| format!("{:?} {finding}", finding.code)).collect()
}

fn naming(mut task: TaskSpec, file: &str, line: u32) -> TaskSpec {
    let spot = Some(Spot { file: task.id.spot.file.clone(), line });
    task.commits.push(PlannedCommit {
        subject: Arc::from("c"),
        phase: None,
        files: vec![Arc::from(file)],
        spot,
    });
    task
}

#[test]
fn an_empty_plan_is_an_error() {
    let checked = checked(Vec::new());
    assert!(checked.plan.is_none());
    assert_eq!(lines(&checked), ["Empty the plan `sample` has no tasks"]);
}

#[test]
fn tasks_are_sorted_naturally_and_found_by_id() {
    let plan = good(vec![task("T-10", &[], &[]), task("T-2", &["T-10"], &[]), task("T-1", &[], &[])]);
    let ids: Vec<&str> = plan.tasks.iter().map(|task| task.spec.id.value.as_str()).collect();
    assert_eq!(ids, ["T-1", "T-2", "T-10"]);
    assert_eq!(plan.position(&TaskId::new("T-10")), Some(2));
    assert_eq!(plan.position(&TaskId::new("T-3")), None);
    assert_eq!(plan.tasks[1].needs, [2]);
    assert_eq!(plan.waves, [vec![0, 2], vec![1]]);
}

#[test]
fn a_plan_survives_being_written_and_read() {
    let plan = good(vec![task("T-10", &[], &[]), task("T-2", &["T-10"], &[])]);
    let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.position(&TaskId::new("T-10")), Some(1));
}

#[test]
fn all_errors_are_reported_at_once_with_their_places() {
    let checked = checked(vec![
        task("T-002", &["T-027"], &["T-009"]),
        task("T-009", &["T-002", "T-009", "T-0O2"], &[]),
        task("T-027", &["T-009"], &[]),
        task("T-027", &[], &[]),
        task("t-002", &[], &["X-1"]),
    ]);
    assert!(checked.plan.is_none());
    let errors: Vec<String> = lines(&checked)
        .into_iter()
        .zip(&checked.findings)
        .filter(|(_, finding)| finding.level == Level::Error)
        .map(|(line, _)| line)
        .collect();
    assert_eq!(
        errors,
        [
            "Cycle T-002.md:5: tasks wait for each other in a circle: T-002 → T-027 → T-009 → T-002 (T-002.md:5, \
         T-027.md:5, T-009.md:5)",
            "SelfDependency T-009.md:6: T-009 depends on itself",
            "UnknownId T-009.md:7: T-009 depends on T-0O2, which is not in the plan; did you mean T-002?",
            "DuplicateId T-027.md:1: T-027 is used twice: first in T-027.md:1",
            "BadId t-002.md:1: t-002 and T-002 (T-002.md:1) differ only in upper and lower case",
            "UnknownId t-002.md:9: t-002 blocks X-1, which is not in the plan",
        ]
    );
}

#[test]
fn each_circle_is_reported_once() {
    let checked = checked(vec![
        task("A-1", &["A-2"], &[]),
        task("A-2", &["A-1", "A-3"], &[]),
        task("A-3", &["A-2"], &[]),
        task("B-1", &["B-2"], &[]),
        task("B-2", &["B-1", "A-1"], &[]),
    ]);
    assert_eq!(
        lines(&checked),
        [
            "Cycle A-1.md:5: tasks wait for each other in a circle: A-1 → A-2 → A-1 (A-1.md:5, A-2.md:5); 1 more in \
         circles with them",
            "Cycle B-1.md:5: tasks wait for each other in a circle: B-1 → B-2 → B-1 (B-1.md:5, B-2.md:5)",
        ]
    );
}

#[test]
fn a_circle_made_by_blocks_names_the_line_of_blocks() {
    let checked = checked(vec![task("A-1", &[], &["A-2"]), task("A-2", &[], &["A-1"])]);
    let circle = checked.findings.iter().find(|finding| finding.code == Code::Cycle).unwrap();
    assert!(circle.message.contains("A-1 → A-2 → A-1 (A-2.md:9, A-1.md:9)"), "{circle}");
}

#[test]
fn a_one_sided_edge_is_kept_and_warned_of() {
    let first = checked(vec![task("T-1", &[], &["T-3"]), task("T-2", &["T-1"], &[]), task("T-3", &[], &[])]);
    assert_eq!(
        lines(&first),
        [
            "OneSidedEdge T-1.md:9: T-1 blocks T-3, but T-3 (T-3.md:1) does not list it under Dependencies; the \
         dependency is kept",
            "OneSidedEdge T-2.md:5: T-2 depends on T-1, but T-1 (T-1.md:1) does not list it under Blocks; the \
         dependency is kept",
        ]
    );
    assert_eq!(first.plan.unwrap().waves, [vec![0], vec![1, 2]]);

    let without_blocks = checked(vec![task("T-1", &[], &[]), task("T-2", &["T-1"], &[])]);
    assert_eq!(lines(&without_blocks), Vec::<String>::new());
}

#[test]
fn a_declared_wave_is_only_compared() {
    let mut later = task("T-2", &["T-1"], &[]);
    later.declared_wave = Some(At { value: 2, spot: Spot { file: Arc::from("T-2.md"), line: 3 } });
    let checked = checked(vec![task("T-1", &[], &[]), later]);
    assert_eq!(
        lines(&checked),
        [
            "WaveDiffers T-2.md:3: T-2 is written down for wave 2 and belongs to wave 1: it depends on T-1 in wave 0"
        ]
    );
    assert_eq!(checked.plan.unwrap().tasks[1].wave, 1);
}

#[test]
fn a_file_shared_by_tasks_that_may_run_together_is_warned_of() {
    let checked = checked(vec![
        naming(task("T-1", &[], &[]), "src/a.rs", 20),
        naming(task("T-2", &["T-1"], &[]), "src/a.rs", 21),
        naming(task("T-3", &["T-2"], &[]), "src/a.rs", 22),
        naming(task("T-4", &["T-1"], &[]), "./src/a.rs", 23),
        naming(task("T-5", &[], &[]), "src/b.rs", 24),
    ]);
    assert_eq!(
        lines(&checked),
        [
            "SharedFile T-2.md:21: T-2 (T-2.md:21) and T-4 (T-4.md:23) may run at the same time and both name `src/a.rs`",
            "SharedFile T-3.md:22: T-3 (T-3.md:22) and T-4 (T-4.md:23) may run at the same time and both name `src/a.rs`",
        ]
    );
}

#[test]
fn a_file_that_many_tasks_name_is_counted() {
    let tasks = (0..100).map(|n| naming(task(&format!("T-{n}"), &[], &[]), "CHANGELOG.md", 7)).collect();
    let checked = checked(tasks);
    assert_eq!(checked.findings.len(), 21);
    let counted = checked.findings.iter().find(|finding| finding.message.contains("is named by 100 tasks"));
    assert!(counted.unwrap().message.contains("4930 more pairs"), "{counted:?}");
}

#[test]
fn announced_and_listed_commits_are_compared() {
    let mut short = naming(task("T-1", &[], &[]), "a", 9);
    short.declared_commits = Some(At { value: 3, spot: Spot { file: Arc::from("T-1.md"), line: 4 } });
    let checked = checked(vec![short]);
    assert_eq!(lines(&checked), ["CommitCountDiffers T-1.md:4: T-1 announces 3 commits and lists 1"]);
}

#[test]
fn the_sources_own_findings_are_merged_and_stop_the_plan() {
    let spot = Spot { file: Arc::from("x.md"), line: 2 };
    let found = Finding {
        level: Level::Error,
        code: Code::Unreadable,
        message: "not valid UTF-8".into(),
        spot: Some(spot),
    };
    let checked = check(plan_of(vec![task("T-1", &[], &[])]), vec![found]);
    assert!(checked.plan.is_none());
    assert_eq!(lines(&checked), ["Unreadable x.md:2: not valid UTF-8"]);
}

#[test]
fn paths_count_the_median_for_tasks_without_an_estimate() {
    let with = |mut task: TaskSpec, hours: u64| {
        task.estimate = Some(Duration(hours * Duration::HOUR));
        task
    };
    let plan = good(vec![
        with(task("T-1", &[], &[]), 2),
        with(task("T-2", &["T-1"], &[]), 4),
        task("T-3", &["T-1"], &[]),
        with(task("T-4", &["T-3"], &[]), 9),
    ]);
    let hours: Vec<u64> = plan.tasks.iter().map(|task| task.path_s / Duration::HOUR).collect();
    assert_eq!(hours, [15, 4, 13, 9]);
    assert_eq!(plan.critical_path(), [0, 2, 3]);
    assert_eq!(plan.total_work_s(), 19 * Duration::HOUR);
    assert_eq!(good(vec![task("T-1", &[], &[])]).total_work_s(), Duration::DAY);
}

/// Ten times the tasks cost about ten times the time: a plan of ten thousand is checked while its user looks.
#[test]
fn the_check_takes_time_in_proportion_to_the_tasks() {
    let best_of = |count: u32| {
        let spec = plan_of(widely_dependent(count));
        let took = || {
            let (spec, before) = (spec.clone(), at_work());
            let checked = check(spec, Vec::new());
            let took = at_work().saturating_sub(before);
            assert_eq!(checked.plan.unwrap().tasks.len(), usize::try_from(count).unwrap());
            took
        };
        (0..5).map(|_| took()).min().unwrap()
    };
    let (small, large) = (best_of(1_000), best_of(10_000));
    assert!(large < small * 40, "{large:?} for ten times what took {small:?}");
}

/// So many tasks, each with up to three dependencies near and far, and a score of files.
fn widely_dependent(count: u32) -> Vec<TaskSpec> {
    (0..count)
        .map(|n| {
            let needs: Vec<String> = [7, 31, 400]
                .iter()
                .filter(|step| n >= **step)
                .map(|step| format!("T-{}", n - step))
                .collect();
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            let mut task = naming(task(&format!("T-{n}"), &needs, &[]), "CHANGELOG.md", 30);
            for part in 0..20 {
                task = naming(task, &format!("crates/some-module/src/feature-{n}/part_{part}.rs"), 40 + part);
            }
            task.priority = Priority::High;
            task
        })
        .collect()
}

proptest! {
    /// Whatever is named by whatever: a plan or an error, never a panic; and a plan's waves obey its edges.
    #[test]
    fn the_check_never_panics(
        tasks in proptest::collection::vec(
            ("[A-C]?-?[0-3./ñ\u{202e}]{0,3}", proptest::collection::vec("[A-C]-[0-3]", 0..3), proptest::collection::vec("[A-C]-[0-3]", 0..3), ".{0,20}"),
            0..8,
        )
    ) {
        let specs = tasks
            .iter()
            .map(|(id, depends_on, blocks, file)| {
                let texts = |ids: &'_ [String]| ids.iter().map(String::clone).collect::<Vec<_>>();
                let (depends_on, blocks) = (texts(depends_on), texts(blocks));
                let task = task(
                    id,
                    &depends_on.iter().map(String::as_str).collect::<Vec<_>>(),
                    &blocks.iter().map(String::as_str).collect::<Vec<_>>(),
                );
                naming(task, file, 3)
            })
            .collect();
        let checked = checked(specs);
        let has_errors = checked.findings.iter().any(|finding| finding.level == Level::Error);
        prop_assert_eq!(checked.plan.is_none(), has_errors);
        for task in checked.plan.iter().flat_map(|plan| &plan.tasks) {
            let plan = checked.plan.as_ref().unwrap();
            prop_assert!(task.needs.iter().all(|need| plan.tasks[*need].wave < task.wave));
        }
    }
}
