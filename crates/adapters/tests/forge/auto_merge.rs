//! What GitHub does not merge yet, it merges by itself once it may.

use crate::bench::{Bench, Candidate, OnGitHub, main};
use ppe_adapters::forge::github::{Level, Standing, survey};
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{BuildOutcome, LandOutcome};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{Forge, LandSpec, Lane, Wished};
use serde_json::json;

/// A change that needs somebody's approval, built as a candidate.
async fn waiting() -> (OnGitHub, LandSpec) {
    let bench = OnGitHub::merging(MergeMethod::Merge).with_auto_merge();
    bench.hub.rules(&json!({"approvals": 1, "writers": ["ursula"], "auto_merge": true}));
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let candidate = Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let outcome = bench.port().build(candidate.build.clone()).await.unwrap();
    let BuildOutcome::Built { built, .. } = outcome else { panic!("{outcome:?}") };
    let landing = candidate.landing(&built.base, &built.commit);
    (bench, landing)
}

fn approves(bench: &OnGitHub) {
    bench.hub.person(1, &json!({"review": {"user": "ursula", "state": "APPROVED"}}));
}

fn is_on(bench: &OnGitHub) -> bool {
    bench.hub.told().pulls[0].auto_merge.is_some()
}

async fn waits(bench: &OnGitHub, landing: &LandSpec) {
    let told = bench.port().land(landing.clone()).await;
    let Err(Trouble::Elsewhere(why)) = &told else { panic!("{told:?}") };
    assert!(why.starts_with("GitHub merges pull request #1 by itself once it may: "), "{why}");
}

#[tokio::test]
async fn a_review_that_comes_late_is_all_that_was_missing() {
    let (bench, landing) = waiting().await;
    bench.hub.rules(&json!({"auto_merge": false}));
    let told = bench.port().land(landing.clone()).await;
    assert!(matches!(told, Ok(LandOutcome::Refused(_))), "{told:?}");
    let before = bench.hub.told().requests.len();
    bench.hub.rules(&json!({"auto_merge": true}));
    bench.hub.fault(&json!({"path": "/graphql$", "lost": true}));
    let lost = bench.port().land(landing.clone()).await;
    assert!(matches!(&lost, Err(Trouble::Elsewhere(why)) if why.contains("does not answer")), "{lost:?}");
    for _ in 0..2 {
        waits(&bench, &landing).await;
    }
    let asked = bench.hub.told().requests.split_off(before);
    let asked = |end: &str| asked.iter().filter(|request| request.path.ends_with(end)).count();
    assert_eq!((asked("/merge-async"), asked("/graphql")), (1, 1), "one try, and once switched on");
    approves(&bench);
    let outcome = bench.port().land(landing).await.unwrap();
    let tip = CommitId::new(bench.hub.tip("main").unwrap());
    assert_eq!(outcome, LandOutcome::Landed(tip.clone()));
    let message = crate::bench::git(&bench.hub.git_dir, &["show", "-s", "--format=%B", tip.as_str()]);
    assert!(message.contains("Ppe-Task: T-1"), "{message}");
    bench.is_content();
}

#[tokio::test]
async fn it_is_switched_off_when_it_is_not_to_land_like_this_any_more() {
    let (bench, landing) = waiting().await;
    waits(&bench, &landing).await;
    let taken_back = LandSpec { wished: Wished::NoMore, ..landing.clone() };
    let refused = LandOutcome::Refused("it was taken back".to_owned());
    assert_eq!((bench.port().land(taken_back).await, is_on(&bench)), (Ok(refused), false));

    waits(&bench, &landing).await;
    let landing_now = vec![ChangeNumber(1)];
    let candidates = std::iter::once(landing.candidate).collect();
    let standing = Standing { target: main(), candidates, landing: landing_now, over: Vec::new() };
    bench.port().clear(standing).await.unwrap();
    assert!(!is_on(&bench), "while nobody watches, nothing is merged");

    waits(&bench, &landing).await;
    let head = landing.members[0].0.head.clone();
    bench.person_pushes(&bench.world().work(&head, "a", "2\n"), "feat/T-1");
    let moved = bench.port().land(landing.clone()).await;
    assert!(matches!(moved, Ok(LandOutcome::HeadMoved { .. })) && !is_on(&bench), "{moved:?}");

    bench.person_pushes(&head, "feat/T-1");
    waits(&bench, &landing).await;
    bench.person_pushes(&bench.world().work(&landing.base, "theirs", "1\n"), "main");
    assert_eq!((bench.port().land(landing).await, is_on(&bench)), (Ok(LandOutcome::BaseMoved), false));
    bench.is_content();
}

#[tokio::test]
async fn where_github_forgets_to_merge_or_may_not_wait_it_is_merged_or_said() {
    let (bench, landing) = waiting().await;
    bench.hub.rules(&json!({"auto_merge": false}));
    let told = bench.port().land(landing.clone()).await;
    let Ok(LandOutcome::Refused(why)) = &told else { panic!("{told:?}") };
    assert!(
        why.contains("approving review is required") && why.contains("Auto merge is not allowed"),
        "{why}"
    );
    let found = survey(&bench.world().repo, &bench.settings(), &main()).findings.into_iter();
    let warned: Vec<_> = found.filter(|f| f.level == Level::Warning).map(|f| f.text).collect();
    assert!(
        warned.contains(&"GitHub may not merge by itself there (forge.auto_merge)".to_owned()),
        "{warned:?}"
    );

    bench.hub.rules(&json!({"auto_merge": true, "wedged": true}));
    waits(&bench, &landing).await;
    approves(&bench);
    let landed = bench.port().land(landing).await;
    assert!(matches!(landed, Ok(LandOutcome::Landed(_))), "{landed:?}");
    bench.is_content();
}
