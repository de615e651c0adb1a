//! The example plan, whole: what landed is recomputed from git, and every claim about order from the log.

use crate::{id, place};
use ppe_core::event::{Event, Record};
use ppe_core::plan::Plan;
use ppe_core::state::{Closure, State};
use ppe_testkit::env::TestEnv;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a run of the whole plan may take.
pub(crate) const WHOLE_PLAN: Duration = Duration::from_mins(3);

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}

pub(crate) fn example() -> TestEnv {
    let mut env = place();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/apigen");
    copy(&folder, &env.repo().join("plan"));
    env.add_config("[[check]]\nname = \"ci\"\nrun = \"test -d plan\"\n");
    env.ready();
    env
}

/// The landing commit of each task, in the order of landing.
pub(crate) fn landings(env: &TestEnv) -> Vec<(String, String)> {
    let closed = |e| match e {
        Event::TaskClosed { task, closure: Closure::Landed(commit) } => {
            Some((task.as_str().to_owned(), commit.as_str().to_owned()))
        }
        _ => None,
    };
    env.events().into_iter().filter_map(closed).collect()
}

fn starts(log: &[Record]) -> Vec<&str> {
    let mut found = Vec::new();
    for event in log.iter().flat_map(|r| &r.events) {
        if let Event::AttemptStarted { task, .. } = event {
            found.push(task.as_str());
        }
    }
    found
}

/// Calls `look` with the state after each record.
fn replay(plan: &Plan, log: &[Record], mut look: impl FnMut(&State, &Record)) {
    let mut state = State::new(Arc::new(plan.clone()));
    for record in log {
        state.apply(record).unwrap();
        look(&state, record);
    }
}

#[test]
fn the_example_plan_lands_whole() {
    let env = example();
    let shown = env.ppe(&["plan", "show", "plan", "--json"]).exits(0).json();
    let sizes: Vec<_> =
        shown["waves"].as_array().unwrap().iter().map(|w| w.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [31, 9, 2, 3]);
    assert_eq!(shown["warnings"].as_array().unwrap().len(), 3, "{}", shown["warnings"]);

    env.spawn(&["run", "--yes", "--order", "plan"]).wait_for(WHOLE_PLAN).exits(0);
    let (plan, log) = (env.plan(), env.log());
    let landings = landings(&env);
    assert_eq!(landings.len(), 45);
    all_on_target(&env, &plan, &landings);
    order_of_starts(&plan, &log);
    bases_hold_dependencies(&env, &plan, &log);
    preloaded_at_the_threshold(&plan, &log);
    let trouble = |e: &&Event| matches!(e, Event::DispatchPaused { .. } | Event::IntentDeferred { .. });
    let troubles: Vec<_> = log.iter().flat_map(|r| &r.events).filter(trouble).collect();
    assert!(troubles.is_empty(), "{troubles:?}");
    report_agrees_with_git(&env, &landings);

    let second = env.ppe(&["run", "--yes"]);
    second.exits(0);
    env.finish();
}

fn all_on_target(env: &TestEnv, plan: &Plan, landings: &[(String, String)]) {
    let subjects = env.git(&["log", "--format=%s", "main"]);
    let mut count = BTreeMap::new();
    subjects.lines().for_each(|subject| *count.entry(subject).or_insert(0) += 1);
    let planned: Vec<_> = plan.tasks.iter().flat_map(|t| &t.spec.commits).collect();
    assert_eq!(planned.len(), 1208);
    for commit in planned {
        assert_eq!(count.get(&*commit.subject), Some(&1), "{}", commit.subject);
    }
    let run = env.run_folder().file_name().unwrap().to_str().unwrap().to_owned();
    for (task, commit) in landings {
        let format = "--format=%P%n%(trailers:key=Ppe-Task,valueonly)%n%(trailers:key=Ppe-Run,valueonly)";
        let text = env.git(&["log", "-1", format, commit]);
        let lines: Vec<_> = text.lines().filter(|l| !l.is_empty()).collect();
        assert_eq!(lines[0].split(' ').count(), 2, "{task} has two parents");
        assert_eq!(lines[1..], [task.as_str(), run.as_str()]);
    }
    let branches = env.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/feat"]);
    let named: Vec<_> = branches.lines().collect();
    assert_eq!(named.len(), 45);
    assert!(named.contains(&"feat/T-001-graphql-subscriptions"), "{named:?}");
    let changes = env.changes();
    assert_eq!(changes.len(), 45);
    assert!(changes.iter().any(|c| c["title"] == "[T-001] GraphQL Subscriptions"));
    assert!(changes.iter().all(|c| c["state"]["state"] == "merged"));
}

fn order_of_starts(plan: &Plan, log: &[Record]) {
    let starts = starts(log);
    assert_eq!(starts.len(), 45, "each started once");
    let expected: Vec<_> = (1..=8).map(|n| format!("T-{n:03}")).collect();
    assert_eq!(starts[..8], expected.iter().map(String::as_str).collect::<Vec<_>>());
    let mut wave_0_open_at_t009 = None;
    replay(plan, log, |state, record| {
        assert!(state.busy_count() <= 7, "{} busy", state.busy_count());
        let frees = |e: &Event| matches!(e, Event::AttemptSucceeded { .. });
        let starts = |e: &Event| matches!(e, Event::AttemptStarted { .. });
        if record.events.iter().any(frees) && state.ready().next().is_some() {
            assert!(
                record.events.iter().any(starts),
                "a slot stayed free: {:?}, {:?}, ready {:?}",
                record.events,
                state.paused,
                state.ready().map(|at| state.id(at)).collect::<Vec<_>>()
            );
        }
        let is_t009 = |e: &Event| matches!(e, Event::AttemptStarted { task, .. } if *task == id("T-009"));
        if record.events.iter().any(is_t009) {
            assert!(state.task(&id("T-002")).unwrap().satisfies(), "T-009 before T-002 landed");
            let open = plan.waves[0].iter().filter(|at| !state.tasks[**at].is_closed()).count();
            wave_0_open_at_t009 = Some(open);
        }
    });
    assert!(wave_0_open_at_t009.is_some_and(|open| open > 0), "{wave_0_open_at_t009:?}");
}

fn bases_hold_dependencies(env: &TestEnv, plan: &Plan, log: &[Record]) {
    let mut landed: BTreeMap<_, String> = BTreeMap::new();
    for event in log.iter().flat_map(|r| &r.events) {
        match event {
            Event::TaskClosed { task, closure: Closure::Landed(commit) } => {
                landed.insert(task.clone(), commit.as_str().to_owned());
            }
            Event::WorkspacePrepared { task, prepared, .. } => {
                let at = plan.position(task).unwrap();
                for need in plan.tasks[at].needs.iter().map(|n| &plan.tasks[*n].spec.id.value) {
                    let commit = landed.get(need).unwrap_or_else(|| panic!("{task} before {need}"));
                    let inside = ["merge-base", "--is-ancestor", commit, prepared.base.as_str()];
                    assert!(env.git_agrees(&inside), "{task}'s base lacks {need}");
                }
            }
            _ => {}
        }
    }
}

fn preloaded_at_the_threshold(plan: &Plan, log: &[Record]) {
    let mut closed_at_preload = None;
    replay(plan, log, |state, record| {
        let preload = |e: &Event| matches!(e, Event::WavePreloaded { wave: 1, .. });
        if closed_at_preload.is_none() && record.events.iter().any(preload) {
            closed_at_preload = Some(plan.waves[0].iter().filter(|at| state.tasks[**at].is_closed()).count());
        }
    });
    assert_eq!(closed_at_preload, Some(25));
}

fn report_agrees_with_git(env: &TestEnv, landings: &[(String, String)]) {
    let report = env.ppe(&["report", "--json"]).exits(0).json();
    assert_eq!(report["schema"], "ppe.report.v1");
    let (mut added, mut removed, mut commits) = (0, 0, 0);
    for (_, landing) in landings {
        let (before, after) = (format!("{landing}^1"), landing.clone());
        for part in env.git(&["diff", "--shortstat", &before, &after]).split(',') {
            let figure: u64 = part.split_whitespace().next().unwrap().parse().unwrap();
            if part.contains("insertion") {
                added += figure;
            } else if part.contains("deletion") {
                removed += figure;
            }
        }
        let made = env.git(&["rev-list", "--count", &format!("{landing}^1..{landing}^2")]);
        commits += made.trim().parse::<u64>().unwrap();
    }
    assert_eq!(report["lines"]["added"], added, "{report}");
    assert_eq!(report["lines"]["removed"], removed, "{report}");
    assert_eq!(report["commits"]["made"], commits, "{report}");
    assert_eq!(report["commits"]["planned"], 1208, "{report}");
    let merged = env.changes().iter().filter(|c| c["state"]["state"] == "merged").count();
    assert_eq!(report["changes"], serde_json::json!({ "created": merged, "merged": merged }));
    let checks = &report["checks"];
    assert_eq!((&checks["runs"], &checks["red"], &checks["red_now"]), (&45.into(), &0.into(), &0.into()));
    let modules = report["modules"].as_array().unwrap().iter();
    let features: BTreeMap<&str, u64> =
        modules.map(|m| (m["module"].as_str().unwrap(), m["features"].as_u64().unwrap())).collect();
    let expected = [
        ("apigen-codegen", 15),
        ("apigen-core", 12),
        ("apigen-example", 2),
        ("apigen-gateway", 3),
        ("apigen-graphql", 3),
        ("apigen-grpc", 2),
        ("apigen-security", 8),
    ];
    assert_eq!(features, BTreeMap::from(expected));
}
