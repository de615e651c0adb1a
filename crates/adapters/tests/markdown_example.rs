//! The example plan of the repository, read and checked.

use ppe_adapters::sources::{Options, Source};
use ppe_core::ids::TaskId;
use ppe_core::plan::{Code, Duration, Finding, Plan, PlanSpec, Priority, TaskSpec, check, show};
use ppe_core::policy::Order;
use ppe_engine::ports::{PlanSource, SourceError, SourceKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads a plan of Markdown files.
fn read(path: &Path) -> Result<(PlanSpec, Vec<Finding>), SourceError> {
    Source { kind: SourceKind::Markdown, path: path.to_owned(), options: Options::default() }.read()
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apigen")
}

fn example_spec() -> PlanSpec {
    let (spec, findings) = read(&example()).expect("the example is there");
    assert_eq!(findings, []);
    spec
}

fn example_plan() -> Plan {
    check(example_spec(), Vec::new()).plan.expect("the example has no errors")
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a fresh folder");
    for entry in std::fs::read_dir(from).expect("the example's folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("room for a copy");
        }
    }
}

#[test]
fn all_tasks_are_read_whole() {
    let plan = example_plan();
    assert_eq!(&*plan.name, "APiGen 3.0");
    assert_eq!(plan.tasks.len(), 45);
    assert_eq!(plan.planned_commits(), 1_208);
    assert_eq!(plan.total_work_s(), 120 * Duration::WEEK);
    assert!(plan.tasks.iter().all(|task| task.spec.phases.len() >= 2 && task.spec.module.is_some()));
    assert!(plan.tasks.iter().flat_map(|task| &task.spec.commits).all(|commit| commit.files.len() == 1));

    let auth = &plan.task(&TaskId::new("T-004")).unwrap().spec;
    assert_eq!(&*auth.title, "Two-Factor Auth");
    assert_eq!(auth.module.as_deref(), Some("apigen-security"));
    assert_eq!(auth.quarter.as_deref(), Some("Q1-2026"));
    assert_eq!(auth.priority, Priority::High);
    assert_eq!(auth.coverage_target, Some(80));
    let phases: Vec<&str> = auth.phases.iter().map(|phase| &**phase).collect();
    assert_eq!(phases, ["TOTP implementation", "Recovery codes", "Integration"]);
    assert_eq!(auth.commits.len(), 29);
    assert_eq!(&*auth.commits[12].subject, "refactor(security): document two-factor auth part 13");
    assert_eq!(auth.commits[12].phase, Some(1));
    assert_eq!(&*auth.commits[12].files[0], "apigen-security/src/two-factor-auth/part_13.txt");
    assert!(auth.body.starts_with("# T-004: Two-Factor Auth\n"));
}

#[test]
fn the_waves_are_those_of_the_dependencies() {
    let plan = example_plan();
    assert_eq!(plan.waves.iter().map(Vec::len).collect::<Vec<_>>(), [31, 9, 2, 3]);
    let of_quarter = |quarter: &str| {
        let of_wave_0 = plan.waves[0].iter().map(|at| plan.tasks[*at].spec.quarter.as_deref());
        of_wave_0.filter(|of_task| *of_task == Some(quarter)).count()
    };
    assert_eq!(["Q1-2026", "Q2-2026", "Q3-2026", "Q4-2026"].map(of_quarter), [6, 6, 3, 16]);
}

#[test]
fn the_only_findings_are_three_waves_that_differ() {
    let findings = check(example_spec(), Vec::new()).findings;
    assert!(findings.iter().all(|finding| finding.code == Code::WaveDiffers));
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Phases/Q2-2026/Tasks/T-015-event-replay.md:6: T-015 is written down for wave 2 and belongs to wave 1: it depends on T-008 in wave 0
    Phases/Q3-2026/Tasks/T-022-websocket-presence.md:6: T-022 is written down for wave 2 and belongs to wave 1: it depends on T-007 in wave 0
    Phases/Q4-2026/Tasks/T-043-audit-export.md:6: T-043 is written down for wave 2 and belongs to wave 1: it depends on T-012 in wave 0
    ");
}

#[test]
fn each_task_has_its_branch() {
    let plan = example_plan();
    let branches: Vec<&str> = plan.tasks.iter().map(|task| &*task.branch_name).collect();
    insta::assert_snapshot!(branches.join("\n"), @r"
    feat/T-001-graphql-subscriptions
    feat/T-002-contract-testing
    feat/T-003-kubernetes-manifests
    feat/T-004-two-factor-auth
    feat/T-005-multi-database-support
    feat/T-006-dashboard-generation
    feat/T-007-websocket-api
    feat/T-008-event-sourcing
    feat/T-009-contract-publishing
    feat/T-010-helm-charts
    feat/T-011-api-versioning
    feat/T-012-audit-trail
    feat/T-013-rate-limit-policies
    feat/T-014-bulk-operations
    feat/T-015-event-replay
    feat/T-016-contract-verification
    feat/T-017-canary-releases
    feat/T-018-passkey-sign-in
    feat/T-019-kotlin-generator
    feat/T-020-go-generator
    feat/T-021-rust-generator
    feat/T-022-websocket-presence
    feat/T-023-graphql-federation
    feat/T-024-persisted-queries
    feat/T-025-grpc-streaming
    feat/T-026-grpc-reflection
    feat/T-027-consumer-contract-portal
    feat/T-028-progressive-delivery
    feat/T-029-multi-cluster-rollout
    feat/T-030-field-encryption
    feat/T-031-secrets-rotation
    feat/T-032-device-trust
    feat/T-033-read-replicas
    feat/T-034-soft-delete-policies
    feat/T-035-full-text-search
    feat/T-036-typescript-sdk
    feat/T-037-dashboard-theming
    feat/T-038-python-sdk
    feat/T-039-openapi-3-1-export
    feat/T-040-row-level-security
    feat/T-041-session-management
    feat/T-042-schema-diff
    feat/T-043-audit-export
    feat/T-044-storefront-example
    feat/T-045-booking-example
    ");
}

#[test]
fn the_first_seven_by_the_plans_order_are_its_first_seven_tasks() {
    let rows = show::order(&example_plan(), Order::Plan);
    let first: Vec<&str> = rows.iter().take(8).map(|row| row.id.as_str()).collect();
    assert_eq!(first, ["T-001", "T-002", "T-003", "T-004", "T-005", "T-006", "T-007", "T-008"]);
}

#[test]
fn the_graph_holds_what_each_task_needs_and_blocks() {
    let json = serde_json::to_value(show::GraphDocument(&example_plan())).unwrap();
    let node =
        |needs: &[&str], blocks: &[&str]| serde_json::json!({ "dependencies": needs, "blocks": blocks });
    assert_eq!(json["T-001"], node(&[], &[]));
    assert_eq!(json["T-002"], node(&[], &["T-009"]));
    assert_eq!(json["T-003"], node(&[], &["T-010"]));
    assert_eq!(json["T-009"], node(&["T-002"], &["T-016"]));
}

#[test]
fn a_blocks_entry_taken_away_is_one_warning_with_its_place() {
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&example(), copy.path());
    let file = copy.path().join("Phases/Q1-2026/Tasks/T-002-contract-testing.md");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("- T-009\n", "None\n")).unwrap();
    let (spec, found) = read(copy.path()).unwrap();
    let checked = check(spec, found);
    let one_sided: Vec<String> = checked
        .findings
        .iter()
        .filter(|finding| finding.code == Code::OneSidedEdge)
        .map(ToString::to_string)
        .collect();
    assert_eq!(checked.findings.len(), 4);
    insta::assert_snapshot!(one_sided.join("\n"), @"Phases/Q2-2026/Tasks/T-009-contract-publishing.md:13: T-009 depends on T-002, but T-002 (Phases/Q1-2026/Tasks/T-002-contract-testing.md:1) does not list it under Blocks; the dependency is kept");
    assert_eq!(checked.plan.unwrap().waves[1].len(), 9);
}

#[test]
fn a_circle_in_the_example_is_named() {
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&example(), copy.path());
    let file = copy.path().join("Phases/Q1-2026/Tasks/T-002-contract-testing.md");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("None\n", "- Depends on: T-027\n", 1)).unwrap();
    let (spec, found) = read(copy.path()).unwrap();
    let checked = check(spec, found);
    assert!(checked.plan.is_none());
    let circle = checked.findings.iter().find(|finding| finding.code == Code::Cycle).unwrap();
    insta::assert_snapshot!(circle.to_string(), @"Phases/Q1-2026/Tasks/T-002-contract-testing.md:13: tasks wait for each other in a circle: T-002 → T-027 → T-016 → T-009 → T-002 (Phases/Q1-2026/Tasks/T-002-contract-testing.md:13, Phases/Q4-2026/Tasks/T-027-consumer-contract-portal.md:13, Phases/Q2-2026/Tasks/T-016-contract-verification.md:13, Phases/Q2-2026/Tasks/T-009-contract-publishing.md:13)");
}

/// The spec without what must differ between languages.
fn without_text(mut spec: TaskSpec) -> TaskSpec {
    spec.body = Arc::from("");
    let file: Arc<str> = Arc::from("x.md");
    spec.id.spot.file = file.clone();
    for at in spec.blocks.iter_mut().chain(&mut spec.depends_on) {
        at.spot.file = file.clone();
    }
    for at in [&mut spec.declared_wave, &mut spec.declared_commits].into_iter().flatten() {
        at.spot.file = file.clone();
    }
    for spot in spec.commits.iter_mut().filter_map(|commit| commit.spot.as_mut()) {
        spot.file = file.clone();
    }
    spec
}

#[test]
fn a_spanish_file_reads_to_the_same_task() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spanish");
    let (spanish, findings) = read(&fixture).unwrap();
    assert_eq!(findings, []);
    let english = example_spec().tasks.into_iter().find(|task| task.id.value.as_str() == "T-004").unwrap();
    assert_eq!(spanish.tasks.len(), 1);
    assert_eq!(without_text(spanish.tasks[0].clone()), without_text(english));
}
