//! What a run has left on GitHub goes when it is of no use, and nothing else does.

use crate::bench::{Bench, Candidate, OnGitHub, git, main, publish};
use ppe_adapters::forge::github::Standing;
use ppe_core::ids::{Branch, CandidateId, RunId, TaskId};
use ppe_core::input::Observed;
use ppe_core::outcome::{BuildOutcome, Verdict};
use ppe_core::policy::MergeMethod;
use ppe_core::state::Subject;
use ppe_engine::ports::{CiSpec, Forge, Lane, Look, OpenTask};
use serde_json::json;
use std::collections::BTreeSet;

/// Builds a candidate of one task and has CI judge it.
async fn judged(bench: &OnGitHub, number: u32) {
    let task = format!("T-{number}");
    let work = bench.world().work(&bench.world().tip(), &task, "1\n");
    let candidate = Candidate::new(bench, number, &task, &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    let subject = Subject::Candidate(CandidateId(number));
    let (base, commit, members) = (built.base, built.commit, Vec::new());
    let verdict = bench.port().ci(CiSpec { subject, run: 1, base, commit, target: main(), members }).await;
    assert!(matches!(verdict, Ok(Verdict::Red(_))), "{verdict:?}");
}

fn lane(bench: &OnGitHub) -> BTreeSet<String> {
    let all = git(&bench.hub.git_dir, &["for-each-ref", "--format=%(refname)", "refs/heads/ppe/lane"]);
    all.lines().filter_map(|name| name.rsplit('/').next()).map(str::to_owned).collect()
}

fn pins(bench: &OnGitHub) -> String {
    git(bench.world().root(), &["for-each-ref", "--format=%(refname)", "refs/ppe/remote/feat"])
}

#[tokio::test]
async fn branches_of_red_candidates_go_but_not_those_in_the_lane_nor_what_a_person_put_there() {
    let bench = OnGitHub::new();
    let red = json!({"checks": [{"name": "build", "steps": [[0, "completed", "failure"]]}]});
    bench.hub.rules(&red);
    for number in 1..=3 {
        judged(&bench, number).await;
    }
    let theirs = bench.world().work(&bench.world().tip(), "theirs", "1\n");
    bench.person_pushes(&theirs, &format!("ppe/lane/{}/c2", crate::bench::run()));
    bench.person_pushes(&theirs, "ppe/lane/another-run/7");
    let candidates = BTreeSet::from([CandidateId(3)]);
    let standing = Standing { target: main(), candidates, landing: Vec::new(), over: Vec::new() };
    bench.port().clear(standing.clone()).await.unwrap();
    let left = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(lane(&bench), left(&["7", "c2", "c3"]));
    let built =
        || git(bench.world().root(), &["for-each-ref", "--format=%(refname:lstrip=5)", "refs/ppe/run"]);
    assert_eq!(built(), "c3", "of what is taken away no pin is left");
    bench.port().clear(Standing { candidates: BTreeSet::new(), ..standing }).await.unwrap();
    assert_eq!((lane(&bench), built()), (left(&["7", "c2"]), String::new()));
    bench.is_content();
}

/// Has a person push to the branches of tasks, and looks.
async fn seen(bench: &OnGitHub, tasks: &[&str]) {
    let base = bench.world().tip();
    let mut open = Vec::new();
    for task in tasks {
        let work = bench.world().work(&base, task, "1\n");
        bench.port().publish(publish(task, &work, None)).await.unwrap();
        bench.person_pushes(&bench.world().work(&work, task, "2\n"), &format!("feat/{task}"));
        open.push(OpenTask {
            task: TaskId::new(*task),
            base: Some(base.clone()),
            branch: Some(Branch::new(format!("feat/{task}"))),
            published: Some(work),
            change: None,
        });
    }
    let look = Look { target: main(), since: base, open, landed: Vec::new() };
    let pushed = bench.port().look(look).await.unwrap();
    let pushed = pushed.iter().filter(|observed| matches!(observed, Observed::Branch { .. }));
    assert_eq!(pushed.count(), tasks.len());
}

#[tokio::test]
async fn pins_of_closed_tasks_go_unless_they_hold_what_is_nowhere_else() {
    let bench = OnGitHub::new();
    seen(&bench, &["T-1", "T-2", "T-3"]).await;
    git(&bench.hub.git_dir, &["update-ref", "-d", "refs/heads/feat/T-2"]);
    let over = vec![Branch::new("feat/T-1"), Branch::new("feat/T-2"), Branch::new("feat/T-4")];
    let standing = Standing { target: main(), candidates: BTreeSet::new(), landing: Vec::new(), over };
    bench.port().clear(standing).await.unwrap();
    assert_eq!(pins(&bench), "refs/ppe/remote/feat/T-2\nrefs/ppe/remote/feat/T-3");
    bench.is_content();
}

#[tokio::test]
async fn what_runs_that_are_over_left_of_their_lanes_goes_and_nobody_else_s_does() {
    let bench = OnGitHub::new();
    let (over, live) = (RunId::new("20261101-101010-aaaa"), RunId::new("20261101-101010-bbbb"));
    let commit = bench.world().work(&bench.world().tip(), "a", "1\n");
    let theirs = bench.world().work(&commit, "a", "2\n");
    for run in [&over, &live] {
        for n in 1..=2 {
            let pin = format!("refs/ppe/run/{run}/lane/c{n}");
            git(bench.world().root(), &["update-ref", &pin, commit.as_str()]);
            bench.person_pushes(&commit, &format!("ppe/lane/{run}/c{n}"));
        }
    }
    bench.person_pushes(&theirs, &format!("ppe/lane/{over}/c2"));
    for _ in 0..2 {
        bench.port().clear_over(vec![over.clone()]).await.unwrap();
    }
    let all =
        git(&bench.hub.git_dir, &["for-each-ref", "--format=%(refname:lstrip=4)", "refs/heads/ppe/lane"]);
    assert_eq!(all, format!("{over}/c2\n{live}/c1\n{live}/c2"), "what a person put there is theirs");
    let pins = git(bench.world().root(), &["for-each-ref", "--format=%(refname:lstrip=3)", "refs/ppe/run"]);
    assert_eq!(pins, format!("{live}/lane/c1\n{live}/lane/c2"));
    bench.is_content();
}
