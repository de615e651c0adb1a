//! What the way to GitHub and GitHub itself can do wrong.

use crate::bench::{Bench, Candidate, OnGitHub, QUICK, change, main, publish};
use ppe_adapters::forge::github::Pace;
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{BuildOutcome, LandOutcome};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{Forge, LabelSpec, Lane, Look};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[track_caller]
fn elsewhere<T: std::fmt::Debug>(result: Result<T, Trouble>) -> String {
    match result {
        Err(Trouble::Elsewhere(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Many branches with one commit of work, on GitHub without our doing.
fn branches(bench: &OnGitHub, count: usize) -> CommitId {
    let work = bench.branch_with_work("first");
    for n in 0..count {
        let name = format!("refs/heads/feat/T-{n}");
        crate::bench::git(&bench.hub.git_dir, &["update-ref", &name, work.as_str()]);
    }
    work
}

#[tokio::test]
async fn e2_no_pull_request_is_made_twice_with_a_hundred_of_a_hundred_answers_lost() {
    let bench = OnGitHub::new();
    let work = branches(&bench, 100);
    bench.hub.fault(&json!({"path": "/pulls$", "method": "POST", "times": 100, "lost": true}));
    let mut numbers = BTreeSet::new();
    for n in 0..100 {
        if n % 2 == 1 {
            // Nor can it be looked for afterwards, as when the process is killed: another comes and looks first.
            let find = json!({"path": "/pulls$", "method": "GET", "status": 200, "body": "[]"});
            let broken = json!({"path": "/pulls$", "method": "GET", "status": 502, "body": "<html>"});
            bench.hub.fault(&find);
            bench.hub.fault(&broken);
            elsewhere(bench.port().open(change(&format!("T-{n}"), &work)).await);
        }
        numbers.insert(bench.port().open(change(&format!("T-{n}"), &work)).await.unwrap());
    }
    let pulls = bench.hub.told().pulls;
    let heads: BTreeSet<_> = pulls.iter().map(|pull| pull.head.clone()).collect();
    assert_eq!((numbers.len(), pulls.len(), heads.len()), (100, 100, 100));
    bench.is_content();
}

#[tokio::test]
async fn e2_lost_answers_of_pushes_comments_and_labels_double_nothing() {
    let bench = OnGitHub::new();
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let lost = |path: &str| bench.hub.fault(&json!({"path": path, "method": "POST", "lost": true}));
    lost("/git-receive-pack$");
    // Git itself may have sent it once more, and been refused for what was done.
    for made in [
        bench.port().publish(publish("T-1", &work, None)).await,
        bench.port().publish(publish("T-1", &work, None)).await,
    ] {
        assert!(made.is_err() || made.is_ok_and(|made| made.branch.as_str() == "feat/T-1"));
    }
    let heads =
        crate::bench::git(&bench.hub.git_dir, &["for-each-ref", "--format=%(refname)", "refs/heads/feat"]);
    assert_eq!(heads, "refs/heads/feat/T-1", "it finds its own");
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    for path in ["/comments$", "/labels$"] {
        lost(path);
        let label = || LabelSpec { change: number, label: "l".to_owned(), comment: "c".to_owned() };
        elsewhere(bench.port().label(label()).await);
        bench.port().label(label()).await.unwrap();
    }
    assert_eq!(bench.changes()[0].comments.len(), 1);

    let candidate = Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    lost("/git-receive-pack$");
    let first = bench.port().land(candidate.landing(&built.base, &built.commit)).await;
    assert!(matches!(first, Err(Trouble::Elsewhere(_)) | Ok(LandOutcome::Landed(_))), "{first:?}");
    let landed = bench.port().land(candidate.landing(&built.base, &built.commit)).await;
    assert_eq!(landed, Ok(LandOutcome::Landed(built.commit.clone())));
    assert_eq!(bench.hub.tip("main").as_deref(), Some(built.commit.as_str()));
    bench.is_content();
}

#[tokio::test]
async fn e3_each_refusal_is_told_in_words_that_say_what_to_do() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let open = async |status: u16, body: Value, headers: Value| {
        bench.hub.fault(&json!({
            "path": "/pulls$", "method": "GET", "status": status, "body": body, "headers": headers,
        }));
        elsewhere(bench.port().open(change("T-1", &work)).await)
    };
    let needs = json!({"x-accepted-github-permissions": "pull_requests=write"});
    let told = open(403, json!({"message": "Resource not accessible"}), needs).await;
    assert_eq!(
        told,
        "GitHub does not let the token do this: Resource not accessible: it needs pull_requests=write"
    );
    let told = open(404, json!({"message": "Not Found"}), json!({})).await;
    assert_eq!(told, "GitHub has no such repository, or the token may not see it: Not Found");
    let errors = json!({"message": "Validation Failed", "errors": [{"field": "base", "code": "invalid"}]});
    let told = open(422, errors, json!({})).await;
    assert_eq!(told, "GitHub refuses (422): Validation Failed: base is invalid");
    let told = open(409, json!({"message": "Conflict"}), json!({})).await;
    assert_eq!(told, "GitHub refuses (409): Conflict");
    assert_eq!(bench.port().open(change("T-1", &work)).await, Ok(ChangeNumber(1)));
    bench.is_content();
}

#[tokio::test]
async fn e3_a_repository_that_has_moved_is_not_written_to_elsewhere() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let place = format!("{}/repos/o/other/pulls", bench.hub.api_url());
    bench.hub.fault(&json!({
        "path": "/pulls$", "method": "POST", "status": 307, "headers": {"location": place}, "times": 2,
    }));
    let told = elsewhere(bench.port().open(change("T-1", &work)).await);
    assert!(
        told.contains("the repository has moved to") && told.contains("change the remote's address"),
        "{told}"
    );
    assert!(bench.hub.told().pulls.is_empty());
}

#[tokio::test]
async fn e4_limits_are_kept_to_by_everything_at_once_and_then_it_goes_on() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let limit = json!({"message": "You have exceeded a secondary rate limit."});
    bench.hub.fault(&json!({
        "path": "/pulls$", "status": 429, "headers": {"retry-after": "6"}, "body": limit,
    }));
    let begun = Instant::now();
    let first = elsewhere(bench.port().open(change("T-1", &work)).await);
    let asked = bench.hub.told().requests.len();
    let second = elsewhere(bench.port().open(change("T-1", &work)).await);
    assert!(first.starts_with("GitHub's rate limit is reached; tried again at "), "{first}");
    assert_eq!(first, second, "one message for all");
    assert_eq!(bench.hub.told().requests.len(), asked, "nothing was asked meanwhile");
    while bench.port().open(change("T-1", &work)).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(5_900), "{:?}", begun.elapsed());
    bench.is_content();
}

#[tokio::test]
async fn e4_what_is_left_of_an_hour_is_spread_over_it_and_said() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    bench.hub.rules(&json!({"left": {"core": 41}}));
    bench.port().open(change("T-1", &work)).await.unwrap_err();
    let asked = bench.hub.told().requests.len();
    let told = elsewhere(bench.port().open(change("T-1", &work)).await);
    assert!(
        told.starts_with("GitHub's hourly limit runs low (39 of 5000 requests left until ")
            && told.contains("; tried again at "),
        "{told}"
    );
    assert_eq!(bench.hub.told().requests.len(), asked, "nothing was asked meanwhile");
    bench.is_content();
}

/// Opening a change where GitHub does this is over before long, and says why it is in vain.
async fn gets_no_answer(bench: &OnGitHub, work: &CommitId, mut fault: Value, why: &str) {
    fault["path"] = json!("/pulls$");
    fault["method"] = json!("GET");
    bench.hub.fault(&fault);
    let begun = Instant::now();
    let told = elsewhere(bench.port().open(change("T-1", work)).await);
    assert!(told.starts_with("GitHub does not answer: ") && told.contains(why), "{fault}: {told}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{fault}: {:?}", begun.elapsed());
}

#[tokio::test]
async fn e4_what_is_no_answer_is_bounded_and_tried_again() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    for (fault, why) in [
        (json!({"status": 500}), "status 500"),
        (json!({"status": 502, "body": "<html>Unicorn!</html>"}), "status 502"),
        (json!({"status": 200, "body": "<html>Welcome</html>"}), "what it says cannot be read"),
        (json!({"status": 200, "body": "[{\"number\": \"one\"}]"}), "what it says cannot be read"),
        (json!({"status": 200, "body": "[", "size": 100_000_000}), "larger than"),
        (json!({"lost": true}), "GitHub does not answer"),
    ] {
        gets_no_answer(&bench, &work, fault, why).await;
    }
    assert_eq!(bench.port().open(change("T-1", &work)).await, Ok(ChangeNumber(1)));
    // Who gives up soon does so on a busy machine as well: this alone is asked so.
    let bench = bench.paced(Pace { limit: Duration::from_secs(1), ..QUICK });
    gets_no_answer(&bench, &work, json!({"slow_ms": 60_000}), "timeout").await;
    let bench = bench.paced(QUICK);
    assert_eq!(bench.port().open(change("T-1", &work)).await, Ok(ChangeNumber(1)));
}

#[tokio::test]
async fn e1_a_network_that_is_down_waits_and_goes_on() {
    let bench = OnGitHub::new();
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    bench.hub.fault(&json!({"path": "^/o/r.git/", "times": 2, "status": 503, "body": "down"}));
    for _ in 0..2 {
        let told = elsewhere(bench.port().publish(publish("T-1", &work, None)).await);
        assert!(told.starts_with("git cannot reach http://127.0.0.1:"), "{told}");
    }
    bench.port().publish(publish("T-1", &work, None)).await.unwrap();
    bench.is_content();
}

#[tokio::test]
async fn writes_keep_their_distance_and_questions_are_answered_from_what_is_known() {
    let spacing = Duration::from_millis(150);
    let bench = OnGitHub::at(Pace { spacing, ..QUICK });
    let work = branches(&bench, 3);
    for n in 0..3 {
        bench.port().open(change(&format!("T-{n}"), &work)).await.unwrap();
    }
    let requests = bench.hub.told().requests;
    let writes: Vec<f64> = requests.iter().filter(|r| r.writes()).map(|r| r.at_s).collect();
    assert_eq!(writes.len(), 6, "a pull request and its label each");
    let close = writes.windows(2).find(|pair| pair[1] - pair[0] < spacing.as_secs_f64() * 0.9);
    assert_eq!(close, None);

    let since = bench.world().tip();
    let open = Vec::new();
    let look = Look { target: main(), since, open, landed: Vec::new() };
    bench.port().look(look).await.unwrap();
    let again = bench.port().open(change("T-0", &work)).await.unwrap();
    let before = bench.hub.told().requests.len();
    assert_eq!(bench.port().open(change("T-0", &work)).await, Ok(again));
    let statuses: Vec<u16> = bench.hub.told().requests[before..].iter().map(|r| r.status).collect();
    assert_eq!(statuses, [304], "nothing is new, so nothing is counted");
    bench.is_content();
}
