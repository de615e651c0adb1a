//! What the samples are read as: everything that their plans say, one task after the other.

use super::{read_as, sample};
use ppe_adapters::sources::kind_of;
use ppe_core::plan::{Finding, PlanSpec, check};
use ppe_engine::ports::SourceKind;
use std::fmt::Write as _;

/// Everything a plan says, on few lines.
fn told(spec: &PlanSpec, findings: &[Finding]) -> String {
    let mut text = format!("{}\n", spec.name);
    for task in &spec.tasks {
        write!(text, "{} {} {} {}", task.id.spot, task.id.value, task.priority, task.title).unwrap();
        if let Some(done) = &task.done {
            write!(text, " | done ({done})").unwrap();
        }
        for need in &task.depends_on {
            write!(text, " | needs {} ({})", need.value, need.spot.line).unwrap();
        }
        for (what, value) in [("module", &task.module), ("group", &task.quarter)] {
            if let Some(value) = value {
                write!(text, " | {what} {value}").unwrap();
            }
        }
        for file in &task.files {
            write!(text, " | file {}", file.value).unwrap();
        }
        if let Some(estimate) = task.estimate {
            write!(text, " | {estimate}").unwrap();
        }
        text.push('\n');
        for line in task.body.lines() {
            writeln!(text, "    {line}").unwrap();
        }
    }
    for finding in findings {
        writeln!(text, "{:?}: {finding}", finding.level).unwrap();
    }
    text
}

fn told_sample(kind: SourceKind, name: &str) -> String {
    assert_eq!(kind_of(&sample(name)), kind, "{name}: what it is written in is seen");
    let (spec, findings) = read_as(kind, &sample(name)).expect("the sample is there");
    let checked = check(spec.clone(), findings.clone());
    assert!(checked.plan.is_some(), "{name}: {:?}", checked.findings);
    told(&spec, &findings)
}

#[test]
fn backlog_md() {
    insta::assert_snapshot!(told_sample(SourceKind::Backlog, "backlog"));
}

#[test]
fn task_master() {
    insta::assert_snapshot!(told_sample(SourceKind::TaskMaster, "task-master"));
}

#[test]
fn spec_kit() {
    insta::assert_snapshot!(told_sample(SourceKind::SpecKit, "spec-kit/specs/001-login"));
}

#[test]
fn beads() {
    insta::assert_snapshot!(told_sample(SourceKind::Beads, "beads/.beads"));
}

#[test]
fn compozy() {
    insta::assert_snapshot!(told_sample(SourceKind::Compozy, "compozy"));
}

#[test]
fn ccpm() {
    insta::assert_snapshot!(told_sample(SourceKind::Ccpm, "ccpm"));
}
