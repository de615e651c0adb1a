//! `ppe mcp` as others judge it: the protocol's own suite in both eras, and its inspector. Only in `make test-all`, since
//! `scripts/mcp-conformance` gets a third of a gigabyte for it.

use ppe_testkit::env::TestEnv;
use ppe_testkit::mcp::{Bridge, self_contained};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What fails, with the reasons.
const EXPECTED: &str = include_str!("conformance.txt");
/// Both eras.
const REVISIONS: [&str; 2] = ["2026-07-28", "2025-11-25"];

/// A repository with a plan and a run, so that everything that can be listed has something in it.
fn with_a_run() -> TestEnv {
    let mut env = TestEnv::new(env!("CARGO_BIN_EXE_ppe"));
    env.task("T-001", "First", &[], 1);
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    env
}

/// A program of the suite's packages.
fn program(env: &TestEnv, name: &str) -> Command {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mcp-conformance/node_modules");
    let program = modules.join(".bin").join(name);
    assert!(program.exists(), "{} is missing: scripts/mcp-conformance", program.display());
    let mut command = env.clean(&modules.join(".bin/node"));
    command.arg(program);
    command
}

/// The checks that failed, as [`EXPECTED`] names them.
fn failed(revision: &str, results: &Path) -> (usize, BTreeSet<String>) {
    let scenarios: Vec<PathBuf> = fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut found = BTreeSet::new();
    for folder in &scenarios {
        let name = folder.file_name().unwrap().to_str().unwrap();
        // Between the word for its kind and when it was run: the scenario's name.
        let name = &name["server-".len()..name.len() - "-2026-01-01T00-00-00-000Z".len()];
        let checks: Vec<Value> =
            serde_json::from_slice(&fs::read(folder.join("checks.json")).unwrap()).unwrap();
        let failed = checks.iter().filter(|check| check["status"] == "FAILURE");
        found.extend(failed.map(|check| format!("{revision} {name} {}", check["id"].as_str().unwrap())));
    }
    (scenarios.len(), found)
}

#[test]
#[ignore = "needs scripts/mcp-conformance: make test-all"]
fn the_protocols_own_suite_finds_nothing_but_what_is_listed() {
    let env = with_a_run();
    let bridge = Bridge::start(&env.command(&["mcp"]));
    for revision in REVISIONS {
        let results = env.at(revision);
        let mut suite = program(&env, "conformance");
        suite.args(["server", "--url", &bridge.url(), "--suite", "all", "--spec-version", revision]);
        let output = suite.arg("--output-dir").arg(&results).output().unwrap();
        let (scenarios, failed) = failed(revision, &results);
        assert!(scenarios >= 30, "{}", String::from_utf8_lossy(&output.stdout));
        let expected = EXPECTED.lines().filter(|line| line.starts_with(revision)).map(str::to_owned);
        let expected: BTreeSet<String> = expected.collect();
        let new: Vec<_> = failed.difference(&expected).collect();
        let gone: Vec<_> = expected.difference(&failed).collect();
        assert!(new.is_empty() && gone.is_empty(), "fails now: {new:#?}\npasses now: {gone:#?}");
    }
    drop(bridge);
    env.finish();
}

#[test]
#[ignore = "needs scripts/mcp-conformance: make test-all"]
fn the_inspector_finds_every_schema_good_and_can_call() {
    let env = with_a_run();
    let call = |method: &[&str]| {
        let mut inspector = program(&env, "inspector");
        inspector.arg("--cli").args(method).arg("--").args(self_contained(&env.command(&["mcp"])));
        let output = inspector.output().unwrap();
        let [out, err] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{method:?}: {}\n{out}{err}", output.status);
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let listed = call(&["--method", "tools/list", "--strict"]);
    assert_eq!(listed["tools"].as_array().unwrap().len(), 11);
    let report = call(&["--method", "tools/call", "--tool-name", "plan_report"]);
    assert_eq!(report["structuredContent"]["complete"], true, "{report}");
    env.finish();
}
