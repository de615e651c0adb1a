//! CI on GitHub: late, never, red, flaky, waiting for a person, not to be read.

use crate::bench::{Bench, Candidate, OnGitHub, QUICK, main, run};
use ppe_adapters::forge::github::Pace;
use ppe_core::ids::{CandidateId, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{BuildOutcome, Class, Failure, LandOutcome, Verdict};
use ppe_core::policy::MergeMethod;
use ppe_core::state::Subject;
use ppe_engine::ports::{CiSpec, Forge, LandSpec, Lane};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A candidate built on a GitHub whose CI does this.
async fn candidate(bench: &OnGitHub, rules: &Value) -> (Candidate, CommitId, CommitId) {
    bench.hub.rules(rules);
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let candidate = Candidate::new(bench, 1, "T-1", &work, MergeMethod::Merge).await;
    match bench.port().build(candidate.build.clone()).await.unwrap() {
        BuildOutcome::Built { built, .. } => (candidate, built.base, built.commit),
        other @ BuildOutcome::Conflict { .. } => panic!("{other:?}"),
    }
}

async fn ci(bench: &OnGitHub, commit: &CommitId, run: u32) -> Result<Verdict, Trouble> {
    let (subject, commit) = (Subject::Candidate(CandidateId(1)), commit.clone());
    bench
        .port()
        .ci(CiSpec { subject, run, base: commit.clone(), commit, target: main(), members: Vec::new() })
        .await
}

#[track_caller]
fn red(verdict: Result<Verdict, Trouble>) -> Failure {
    match verdict {
        Ok(Verdict::Red(failure)) => failure,
        other => panic!("not red: {other:?}"),
    }
}

#[track_caller]
fn waits(verdict: Result<Verdict, Trouble>) -> String {
    match verdict {
        Err(Trouble::Elsewhere(why)) => why,
        other => panic!("it does not wait: {other:?}"),
    }
}

fn check(name: &str, steps: &Value) -> Value {
    json!({ "name": name, "steps": steps })
}

#[tokio::test]
async fn e5_checks_that_come_late_are_waited_for_and_land_what_they_ran_on() {
    let bench = OnGitHub::new();
    let steps = json!([[100, "queued", null], [150, "in_progress", null], [250, "completed", "success"]]);
    let status = json!({"name": "lint", "via": "status", "steps": [[0, "pending", null], [200, "completed", "success"]]});
    let rules = json!({"checks": [check("build", &steps), status], "required": ["build"]});
    let (candidate, base, commit) = candidate(&bench, &rules).await;
    let begun = Instant::now();
    assert_eq!(ci(&bench, &commit, 1).await, Ok(Verdict::Green));
    assert!(begun.elapsed() >= Duration::from_millis(250), "{:?}", begun.elapsed());
    let landed = bench.port().land(candidate.landing(&base, &commit)).await;
    assert_eq!(landed, Ok(LandOutcome::Landed(commit)));
    bench.is_content();
}

#[tokio::test]
async fn e5_checks_that_never_come_or_never_end_are_no_green_and_are_named() {
    let bench = OnGitHub::at(Pace { patience: Duration::from_millis(200), ..QUICK });
    let rules = json!({"checks": [check("build", &json!([[0, "queued", null]]))], "required": ["test"]});
    let (_, _, commit) = candidate(&bench, &rules).await;
    let why = waits(ci(&bench, &commit, 1).await);
    assert_eq!(why, "CI has not ended: build is queued, test has not begun");
    bench.hub.rules(&json!({"checks": []}));
    assert_eq!(waits(ci(&bench, &commit, 1).await), "CI has not ended: test has not begun");
    bench.is_content();
}

#[tokio::test]
async fn who_asks_again_for_checks_that_do_not_end_has_waited_since_the_first_time() {
    let patience = Duration::from_secs(6);
    let bench = OnGitHub::at(Pace { patience, ..QUICK });
    let rules = json!({"checks": [check("build", &json!([[0, "queued", null]]))]});
    let (_, _, commit) = candidate(&bench, &rules).await;
    let asks = async || {
        let begun = Instant::now();
        assert_eq!(waits(ci(&bench, &commit, 1).await), "CI has not ended: build is queued");
        begun.elapsed()
    };
    assert!(asks().await >= patience);
    let again = asks().await;
    assert!(again < patience, "{again:?}");
    bench.is_content();
}

#[tokio::test]
async fn e5_a_check_that_flips_counts_as_it_stands_at_the_end() {
    let bench = OnGitHub::at(Pace { settle: Duration::from_millis(400), ..QUICK });
    let flips = json!([[0, "completed", "success"], [150, "completed", "failure"]]);
    let (_, _, commit) = candidate(&bench, &json!({"checks": [check("build", &flips)]})).await;
    let failure = red(ci(&bench, &commit, 1).await);
    assert_eq!(failure.summary, "CI: build (failure: Mighty Readme report)");
    bench.is_content();
}

#[tokio::test]
async fn a_red_check_tells_its_log_and_a_second_run_is_one_of_github_s() {
    let bench = OnGitHub::new();
    let flaky = json!([[0, "completed", ["failure", "success"]]]);
    let (_, _, commit) = candidate(&bench, &json!({"checks": [check("build", &flaky)]})).await;
    let failure = red(ci(&bench, &commit, 1).await);
    assert_eq!(failure.class, Class::Ci);
    assert_eq!(failure.detail, format!("--- build ---\nbuild on {commit}: failure\n"));
    red(ci(&bench, &commit, 1).await);
    // What is looked at meanwhile is of before.
    bench.hub.fault(&json!({"path": "/rerun-failed-jobs$", "slow_ms": 200}));
    assert_eq!(ci(&bench, &commit, 2).await, Ok(Verdict::Green));
    let reruns = |told: ppe_testkit::github::Told| {
        told.requests.iter().filter(|request| request.path.ends_with("/rerun-failed-jobs")).count()
    };
    assert_eq!(reruns(bench.hub.told()), 1, "one second run is one");
    assert_eq!(ci(&bench, &commit, 2).await, Ok(Verdict::Green));
    assert_eq!(reruns(bench.hub.told()), 1);
    bench.is_content();
}

#[tokio::test]
async fn a_log_that_cannot_be_read_and_one_without_an_end_lose_no_other() {
    let bench = OnGitHub::new();
    let red_ones: Vec<Value> =
        ["a", "b", "c"].iter().map(|name| check(name, &json!([[0, "completed", "failure"]]))).collect();
    bench.hub.fault(&json!({"path": "^/storage/\\d+1000$", "status": 500, "body": "no"}));
    let long = format!("{}the end of b\n", "x\n".repeat(9 * 1024 * 1024));
    bench.hub.fault(&json!({"path": "^/storage/\\d+1001$", "status": 200, "body": long}));
    let (_, _, commit) = candidate(&bench, &json!({ "checks": red_ones })).await;
    let told = red(ci(&bench, &commit, 1).await).detail;
    assert!(
        told.starts_with("--- b ---\n\nx\n") && told.contains("x\nthe end of b\n--- c ---\nc on "),
        "{told}"
    );
    assert!(told.len() < 10_000, "{}", told.len());
    bench.is_content();
}

/// How often each address was asked since a request, by its last part.
fn asked(bench: &OnGitHub, since: usize, end: &str) -> usize {
    bench.hub.told().requests[since..].iter().filter(|request| request.path.ends_with(end)).count()
}

#[tokio::test]
async fn whatever_ci_says_is_judged_the_same_by_one_question_and_one_by_one() {
    // More than two pages, by either way.
    let many: Vec<Value> =
        (0..230).map(|n| check(&format!("c{n}"), &json!([[0, "completed", "success"]]))).collect();
    let status = |state: &str| json!({"name": "lint", "via": "status", "steps": [[0, "completed", state]]});
    let one = |status: &str, conclusion: Value| vec![check("build", &json!([[0, status, conclusion]]))];
    let cases = [
        (many.clone(), Ok(Verdict::Green)),
        (
            [many, one("completed", json!("timed_out"))].concat(),
            Err("CI: build (timed_out: Mighty Readme report)"),
        ),
        (vec![], Ok(Verdict::Green)),
        (vec![status("success")], Ok(Verdict::Green)),
        (vec![status("error")], Err("CI: lint (Build has completed successfully)")),
        (one("completed", json!("neutral")), Ok(Verdict::Green)),
        (one("completed", json!("cancelled")), Err("CI: build (cancelled: Mighty Readme report)")),
        (
            one("completed", json!("action_required")),
            Err("CI waits for you: build wants something done by you"),
        ),
        (one("waiting", json!(null)), Err("CI waits for you: build waits for an approval")),
        (one("in_progress", json!(null)), Err("CI has not ended: build is in progress")),
        (one("queued", json!(null)), Err("CI has not ended: build is queued")),
    ];
    for (checks, expected) in cases {
        for together in [true, false] {
            let bench = OnGitHub::at(Pace { patience: Duration::from_millis(30), ..QUICK });
            if !together {
                let broken =
                    json!({"path": "/api/graphql$", "times": 1_000, "status": 502, "body": "<html>"});
                bench.hub.fault(&broken);
            }
            let (_, _, commit) = candidate(&bench, &json!({ "checks": checks })).await;
            let said = match ci(&bench, &commit, 1).await {
                Ok(Verdict::Red(failure)) => Err(failure.summary),
                Err(Trouble::Elsewhere(why)) => Err(why),
                other => Ok(other.unwrap()),
            };
            assert_eq!(said, expected.clone().map_err(str::to_owned), "together: {together}");
            assert_eq!(asked(&bench, 0, "/check-runs") == 0, together);
            bench.is_content();
        }
    }
}

#[tokio::test]
async fn a_candidate_without_checks_is_not_green_where_ci_runs_on_what_it_was_made_of() {
    for (rules, runs_on_base) in
        [(json!({"on": "^$", "on_pulls": true}), false), (json!({"on": "^refs/heads/main$"}), true)]
    {
        let bench = OnGitHub::new();
        bench.hub.rules(&json!({"checks": [check("build", &json!([[0, "completed", "failure"]]))]}));
        let (candidate, base, commit) = candidate(&bench, &rules).await;
        let judged = if runs_on_base { base.clone() } else { candidate.build.members[0].head.clone() };
        let LandSpec { members, .. } = candidate.landing(&base, &commit);
        let subject = Subject::Candidate(CandidateId(1));
        let spec = CiSpec { subject, run: 1, base, commit, target: main(), members };
        let why = waits(bench.port().ci(spec).await);
        let said =
            format!("CI says nothing of ppe/lane/{}/c1, and runs on {}: ", run(), &judged.as_str()[..10]);
        assert!(why.starts_with(&said) && why.contains("pushes to ppe/lane/**"), "{why}");
        bench.is_content();
    }
}

#[tokio::test]
async fn all_commits_that_are_waited_for_are_asked_about_together() {
    let poll = Duration::from_millis(150);
    let bench = OnGitHub::at(Pace { poll, ..QUICK });
    let steps = json!([[0, "queued", null], [600, "completed", "success"]]);
    let (_, base, first) =
        candidate(&bench, &json!({"checks": [check("build", &steps)], "required": ["build"]})).await;
    let mut commits = vec![first];
    commits.extend((1..5).map(|n| bench.world().work(&base, &format!("f{n}"), "1\n")));
    let since = bench.hub.told().requests.len();
    let begun = Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for (commit, n) in commits.into_iter().zip(1..) {
        let (port, subject) = (bench.port().clone(), Subject::Candidate(CandidateId(n)));
        waiting.spawn(async move {
            port.ci(CiSpec {
                subject,
                run: 1,
                base: commit.clone(),
                commit,
                target: main(),
                members: Vec::new(),
            })
            .await
        });
    }
    assert_eq!(waiting.join_all().await, vec![Ok(Verdict::Green); 5]);
    let looks = u128::try_from(asked(&bench, since, "/graphql")).unwrap();
    let most = begun.elapsed().as_millis() / 120 + 2;
    assert!((1..=most).contains(&looks), "{looks} looks, not more than {most}");
    assert_eq!(asked(&bench, since, "/check-runs") + asked(&bench, since, "/status"), 0);
    // Nobody waits any more: nobody looks.
    tokio::time::sleep(poll * 2).await;
    let ended = bench.hub.told().requests.len();
    tokio::time::sleep(poll * 3).await;
    assert_eq!(asked(&bench, ended, "/graphql"), 0);
    bench.is_content();
}

#[tokio::test]
async fn where_little_is_left_of_one_way_the_other_is_taken() {
    let bench = OnGitHub::new();
    let steps = json!([[0, "queued", null]]);
    let rules = json!({"left": {"graphql": 3}, "checks": [check("build", &steps)], "required": ["build"]});
    let (_, _, commit) = candidate(&bench, &rules).await;
    let ends = async {
        let begun = Instant::now();
        while asked(&bench, 0, "/check-runs") <= 2 {
            assert!(begun.elapsed() < Duration::from_secs(20), "the other way is not taken");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bench.hub.rules(&json!({"checks": [check("build", &json!([[0, "completed", "success"]]))]}));
    };
    let (verdict, ()) = tokio::join!(ci(&bench, &commit, 1), ends);
    assert_eq!(verdict, Ok(Verdict::Green));
    assert_eq!(asked(&bench, 0, "/graphql"), 2, "what is left is kept");
    bench.is_content();
}

#[tokio::test]
async fn what_waits_for_a_person_is_no_failure_and_says_so() {
    let bench = OnGitHub::new();
    let rules = json!({"checks": [check("deploy", &json!([[0, "completed", "action_required"]]))]});
    let (_, _, commit) = candidate(&bench, &rules).await;
    let why = waits(ci(&bench, &commit, 1).await);
    assert_eq!(why, "CI waits for you: deploy wants something done by you");
    bench.is_content();
}

#[tokio::test]
async fn where_checks_may_not_be_read_required_ones_are_known_by_their_jobs() {
    let bench = OnGitHub::at(Pace { patience: Duration::from_millis(30), ..QUICK });
    let good = check("build", &json!([[0, "completed", "success"]]));
    let late = check("test", &json!([[0, "queued", null]]));
    let rules =
        json!({"checks_readable": false, "checks": [good.clone(), late], "required": ["build", "test"]});
    let (_, _, commit) = candidate(&bench, &rules).await;
    assert_eq!(waits(ci(&bench, &commit, 1).await), "CI has not ended: test is queued");
    let ended = check("test", &json!([[0, "completed", "success"]]));
    bench.hub.rules(&json!({"checks": [good, ended]}));
    assert_eq!(ci(&bench, &commit, 1).await, Ok(Verdict::Green));
    bench.is_content();
}

#[tokio::test]
async fn where_checks_may_not_be_read_workflows_tell() {
    let bench = OnGitHub::new();
    let bad = json!([[0, "in_progress", null], [60, "completed", "failure"]]);
    let rules = json!({"checks_readable": false, "checks": [check("build", &bad)]});
    let (_, _, commit) = candidate(&bench, &rules).await;
    assert_eq!(red(ci(&bench, &commit, 1).await).summary, "CI: build (failure)");
    assert_eq!(asked(&bench, 0, "/graphql"), 1, "what was refused once is not asked again");
    bench
        .hub
        .fault(&json!({"path": "/actions/runs$", "times": 100, "status": 403, "body": {"message": "no"}}));
    let why = waits(ci(&bench, &commit, 1).await);
    assert_eq!(why, "GitHub does not let the token do this: no", "unreadable is never green");
    bench.is_content();
}

#[tokio::test]
async fn a_base_is_judged_by_what_ci_said_of_it_and_is_not_pushed_again() {
    let bench = OnGitHub::new();
    bench.hub.rules(&json!({
        "on": "refs/heads/main",
        "checks": [check("build", &json!([[0, "completed", "failure"]]))],
    }));
    let commit = bench.world().tip();
    let spec = CiSpec {
        subject: Subject::Base(commit.clone()),
        run: 2,
        base: commit.clone(),
        commit,
        target: main(),
        members: Vec::new(),
    };
    red(bench.port().ci(spec).await);
    let writes = bench.hub.told().requests.iter().filter(|request| request.writes()).count();
    let pushes = bench.hub.told().requests.iter().filter(|r| r.path.ends_with("git-receive-pack")).count();
    assert_eq!((writes, pushes), (0, 0));
    bench.is_content();
}
