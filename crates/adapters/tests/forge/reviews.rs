//! Drafts, requested reviewers, and people's reviews.

use crate::bench::{Bench, Candidate, OnGitHub, change, main};
use ppe_adapters::forge::github::PullSettings;
use ppe_core::ids::{Branch, ChangeNumber, CommitId, TaskId};
use ppe_core::input::Observed;
use ppe_core::outcome::{BuildOutcome, LandOutcome};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{Forge, Lane, Look, OpenTask};
use serde_json::json;

async fn lands(bench: &OnGitHub, candidate: &Candidate) {
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    let landed = bench.port().land(candidate.landing(&built.base, &built.commit)).await;
    assert!(matches!(landed, Ok(LandOutcome::Landed(_))), "{landed:?}");
}

#[tokio::test]
async fn a_draft_is_ready_the_moment_it_lands() {
    let drafts = || PullSettings { draft: true, ..PullSettings::default() };
    for bench in [OnGitHub::new(), OnGitHub::merging(MergeMethod::Merge)] {
        let bench = bench.with_pulls(drafts());
        let work = bench.world().work(&bench.world().tip(), "a", "1\n");
        let candidate = Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
        assert!(bench.hub.told().pulls[0].draft);
        lands(&bench, &candidate).await;
        let pull = bench.hub.told().pulls.remove(0);
        assert!(!pull.draft && pull.merged.is_some(), "{pull:?}");
        bench.is_content();
    }
    let bench = OnGitHub::new().with_pulls(drafts());
    bench.hub.rules(&json!({"drafts": false}));
    let work = bench.branch_with_work("T-1");
    bench.port().open(change("T-1", &work)).await.unwrap();
    let pulls = bench.hub.told().pulls;
    assert_eq!((pulls.len(), pulls[0].draft), (1, false), "where there are none, it is none");
    bench.is_content();
}

#[tokio::test]
async fn reviewers_are_asked_once_and_who_cannot_be_is_named() {
    let reviewers = ["ursula", "stranger", "org/docs"].map(str::to_owned).to_vec();
    let bench = OnGitHub::new().with_pulls(PullSettings { reviewers, ..PullSettings::default() });
    bench.hub.rules(&json!({"strangers": ["stranger"]}));
    bench.hub.fault(&json!({"path": "/pulls$", "method": "POST", "lost": true}));
    let work = bench.branch_with_work("T-1");
    for _ in 0..2 {
        bench.port().open(change("T-1", &work)).await.unwrap();
    }
    let told = bench.hub.told();
    assert_eq!(told.pulls[0].reviewers, ["ursula", "docs"]);
    assert_eq!(told.requests.iter().filter(|r| r.path.ends_with("/requested_reviewers")).count(), 3);
    let [comment] = &told.comments[..] else { panic!("{:?}", told.comments) };
    assert!(
        comment.body.contains("Could not be asked for a review: stranger: Reviews may only"),
        "{comment:?}"
    );
    bench.is_content();
}

/// What is seen of a task whose published work is this.
async fn looked(
    bench: &OnGitHub,
    number: ChangeNumber,
    base: &CommitId,
    published: &CommitId,
) -> Vec<Observed> {
    let open = OpenTask {
        task: TaskId::new("T-1"),
        base: Some(base.clone()),
        branch: Some(Branch::new("feat/T-1")),
        published: Some(published.clone()),
        change: Some(number),
    };
    let look = Look { target: main(), since: base.clone(), open: vec![open], landed: Vec::new() };
    bench.port().look(look).await.unwrap()
}

#[tokio::test]
async fn an_approval_counts_by_who_may_write_of_what_stands_there_and_while_nobody_objects() {
    let approvals = PullSettings { approvals: 1, ..PullSettings::default() };
    let bench = OnGitHub::merging(MergeMethod::Merge).with_pulls(approvals);
    bench.hub.rules(&json!({"writers": ["ursula", "otto"]}));
    let (base, work) = (bench.world().tip(), bench.branch_with_work("T-1"));
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    let approved = async |published: &CommitId| {
        let seen = looked(&bench, number, &base, published).await.into_iter();
        let tips = seen.filter_map(|seen| match seen {
            Observed::Approved { tip, .. } => Some(tip),
            Observed::ChangesRequested { .. } => panic!("nobody asked for reviews to be brought"),
            _ => None,
        });
        tips.collect::<Vec<_>>()
    };
    let reviews = |user: &str, state: &str| {
        bench.hub.person(number.0, &json!({"review": {"user": user, "state": state}}));
    };
    reviews("passer-by", "APPROVED");
    assert_eq!(approved(&work).await, []);
    reviews("otto", "CHANGES_REQUESTED");
    reviews("ursula", "APPROVED");
    assert_eq!(approved(&work).await, [], "otto objects");
    assert!(withdrawn(&bench, number, &base, &work).await, "nor does an earlier approval stand");
    reviews("otto", "DISMISSED");
    assert!(!withdrawn(&bench, number, &base, &work).await);
    assert_eq!(approved(&work).await, std::slice::from_ref(&work));
    let newer = bench.world().work(&work, "a", "2\n");
    assert_eq!(approved(&newer).await, [], "what stands there now is another");
    reviews("otto", "CHANGES_REQUESTED");
    bench.person_pushes(&newer, "feat/T-1");
    reviews("ursula", "APPROVED");
    assert_eq!(approved(&newer).await, [], "who objected to what was there before objects still");
    reviews("otto", "DISMISSED");
    assert_eq!(approved(&newer).await, std::slice::from_ref(&newer));
    reviews("ursula", "DISMISSED");
    assert!(withdrawn(&bench, number, &base, &work).await, "who approved thinks better of it");
    bench.is_content();
}

#[tokio::test]
async fn as_many_approve_as_are_needed() {
    let approvals = PullSettings { approvals: 2, ..PullSettings::default() };
    let bench = OnGitHub::merging(MergeMethod::Merge).with_pulls(approvals);
    bench.hub.rules(&json!({"writers": ["ursula", "otto"]}));
    let (base, work) = (bench.world().tip(), bench.branch_with_work("T-1"));
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    for (user, enough) in [("ursula", false), ("ursula", false), ("otto", true)] {
        bench.hub.person(number.0, &json!({"review": {"user": user, "state": "APPROVED"}}));
        let seen = looked(&bench, number, &base, &work).await;
        let approved = seen.iter().any(|seen| matches!(seen, Observed::Approved { .. }));
        assert_eq!(approved, enough, "{user}");
    }
    bench.is_content();
}

/// Whether it is told that nobody approves.
async fn withdrawn(bench: &OnGitHub, number: ChangeNumber, base: &CommitId, work: &CommitId) -> bool {
    let seen = looked(bench, number, base, work).await;
    seen.iter().any(|seen| matches!(seen, Observed::Unapproved { .. }))
}

#[tokio::test]
async fn who_may_write_is_asked_once_a_look_for_all_changes() {
    let approvals = PullSettings { approvals: 1, ..PullSettings::default() };
    let bench = OnGitHub::merging(MergeMethod::Merge).with_pulls(approvals);
    bench.hub.rules(&json!({"writers": ["ursula"]}));
    let base = bench.world().tip();
    let mut open = Vec::new();
    for task in ["T-1", "T-2", "T-3"] {
        let published = bench.branch_with_work(task);
        let number = bench.port().open(change(task, &published)).await.unwrap();
        bench.hub.person(number.0, &json!({"review": {"user": "ursula", "state": "APPROVED"}}));
        open.push(OpenTask {
            task: TaskId::new(task),
            base: Some(base.clone()),
            branch: Some(Branch::new(format!("feat/{task}"))),
            published: Some(published),
            change: Some(number),
        });
    }
    let look = Look { target: main(), since: base, open, landed: Vec::new() };
    let seen = bench.port().look(look).await.unwrap();
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Observed::Approved { .. })).count(), 3);
    let asked = bench.hub.told().requests.into_iter().filter(|r| r.path.ends_with("/permission"));
    assert_eq!(asked.count(), 1);
    bench.is_content();
}

#[tokio::test]
async fn a_review_that_counts_is_told_at_every_look_and_no_other_is() {
    let reviews = PullSettings { review_comments: true, ..PullSettings::default() };
    let bench = OnGitHub::merging(MergeMethod::Merge).with_pulls(reviews);
    bench.hub.rules(&json!({"writers": ["ursula"]}));
    let (base, work) = (bench.world().tip(), bench.branch_with_work("T-1"));
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    let look = async |published: &CommitId| {
        let seen = looked(&bench, number, &base, published).await.into_iter();
        let requested = seen.filter_map(|seen| match seen {
            Observed::ChangesRequested { review, text, .. } => Some((review, text)),
            _ => None,
        });
        requested.collect::<Vec<_>>()
    };
    let reviews = |user: &str, state: &str, body: &str| {
        let comments = json!([{"path": "src/a.rs", "line": 3, "body": "Why?"}]);
        let review = json!({"user": user, "state": state, "body": body, "comments": comments});
        bench.hub.person(number.0, &json!({ "review": review }));
    };
    reviews("passer-by", "CHANGES_REQUESTED", "I would not.");
    reviews("ursula", "COMMENTED", "Hm.");
    assert_eq!(look(&work).await, []);
    reviews("ursula", "CHANGES_REQUESTED", "Not yet.");
    let text = "ursula reviewed the pull request and requests changes.\n> Not yet.\nsrc/a.rs:3\n> Why?\n";
    for _ in 0..2 {
        assert_eq!(look(&work).await, [(3, text.to_owned())]);
    }
    let newer = bench.world().work(&work, "a", "2\n");
    assert_eq!(look(&newer).await, [], "what stands there now is another");
    reviews("ursula", "APPROVED", "Now.");
    assert_eq!(look(&work).await, [], "the last word counts");
    bench.is_content();
}
