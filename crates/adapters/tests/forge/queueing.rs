//! Landing by GitHub's merge queue.

use crate::bench::{Bench, Candidate, OnGitHub, QUICK, git, main};
use ppe_adapters::forge::github::{Guarantee, Level, Mode, Pace, survey};
use ppe_core::ids::{CommitId, TaskId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{BuildOutcome, Built, Class, LandOutcome};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{Forge, LandSpec, Lane, Wished};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What waits, is told of soon.
const SHORT: Pace = Pace { wait: Duration::from_millis(600), ..QUICK };

/// CI that is green on pull requests, and on merge groups ends like this after a while.
fn ci(conclusion: &Value) -> Value {
    let steps = json!([[0, "queued", null], [80, "completed", conclusion]]);
    json!({"required": ["build"], "on_pulls": true, "checks": [{"name": "build", "steps": steps}]})
}

/// A change built as a candidate.
struct Scene {
    bench: OnGitHub,
    candidate: Candidate,
    work: CommitId,
    built: Built,
}

impl Scene {
    async fn new(pace: Pace, rules: &Value) -> Self {
        let bench = OnGitHub::queueing(pace);
        bench.hub.rules(rules);
        let work = bench.world().work(&bench.world().tip(), "a", "1\n");
        let candidate = Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
        let outcome = bench.port().build(candidate.build.clone()).await.unwrap();
        let BuildOutcome::Built { built, .. } = outcome else { panic!("{outcome:?}") };
        Self { bench, candidate, work, built }
    }

    fn landing(&self) -> LandSpec {
        self.candidate.landing(&self.built.base, &self.built.commit)
    }

    async fn land(&self) -> Result<LandOutcome, Trouble> {
        self.bench.port().land(self.landing()).await
    }

    fn groups(&self) -> String {
        git(&self.bench.hub.git_dir, &["for-each-ref", "refs/heads/gh-readonly-queue"])
    }

    /// How often it was put into the queue.
    fn times_put_in(&self) -> usize {
        let told = self.bench.hub.told();
        told.requests
            .iter()
            .filter(|r| r.method == "PUT" && r.path.ends_with("/merge-async") && r.status == 202)
            .count()
    }

    /// Somebody else's change, put into the queue before or behind ours.
    fn another(&self, file: &str) -> u64 {
        let work = self.bench.branch_with_work(file);
        assert!(!work.as_str().is_empty());
        let new = json!({"title": "Theirs", "head": format!("feat/{file}"), "base": "main"});
        let (status, made) = self.bench.hub.ask("POST", "/repos/o/r/pulls", &new.to_string());
        assert_eq!(status, 201, "{made}");
        let number = serde_json::from_str::<Value>(&made).unwrap()["number"].as_u64().unwrap();
        let put = json!({"merge_action": "merge_queue"}).to_string();
        // CI has to be green before.
        std::thread::sleep(Duration::from_millis(150));
        let (status, told) =
            self.bench.hub.ask("PUT", &format!("/repos/o/r/pulls/{number}/merge-async"), &put);
        assert_eq!(status, 202, "{told}");
        number
    }
}

#[tokio::test]
async fn the_queue_merges_what_its_ci_has_judged_and_nothing_is_pushed_by_us() {
    let scene = Scene::new(QUICK, &ci(&json!("success"))).await;
    let outcome = scene.land().await.unwrap();
    let tip = CommitId::new(scene.bench.hub.tip("main").unwrap());
    assert_eq!(outcome, LandOutcome::Landed(tip.clone()));
    assert_eq!(scene.land().await.unwrap(), outcome, "and so it is at every look");
    assert_eq!(scene.bench.world().tip(), tip, "the user's target has it");
    assert_eq!(scene.bench.hub.tip("feat/T-1").as_deref(), Some(scene.work.as_str()));
    assert_eq!((scene.groups().as_str(), scene.times_put_in()), ("", 1));
    scene.bench.is_content();
}

#[tokio::test]
async fn a_queue_that_brings_it_together_with_somebody_s_is_told_as_unchecked_here() {
    let scene = Scene::new(QUICK, &ci(&json!("success"))).await;
    scene.bench.hub.rules(&json!({"queue_ms": 400}));
    scene.another("theirs");
    let outcome = scene.land().await.unwrap();
    let tip = CommitId::new(scene.bench.hub.tip("main").unwrap());
    assert_eq!(outcome, LandOutcome::LandedUnchecked(tip.clone()));
    let files = git(&scene.bench.hub.git_dir, &["ls-tree", "--name-only", tip.as_str()]);
    assert_eq!(files, "README\na\ntheirs", "each was in it");
    scene.bench.is_content();
}

#[tokio::test]
async fn what_is_thrown_out_is_red_with_the_log_of_its_group_and_goes_in_again_at_its_next_go() {
    // CI runs on merge groups alone, and is red at once.
    let steps = json!([[0, "completed", "failure"]]);
    let scene = Scene::new(QUICK, &json!({"checks": [{"name": "build", "steps": steps}]})).await;
    let first = scene.land().await.unwrap();
    let LandOutcome::Red(failure) = &first else { panic!("{first:?}") };
    assert_eq!(
        (failure.class, failure.summary.as_str()),
        (Class::Ci, "CI: build (failure: Mighty Readme report), in GitHub's merge queue")
    );
    assert!(failure.detail.contains("build on "), "{}", failure.detail);
    assert_eq!(scene.land().await.unwrap(), first, "the same go has the same outcome");
    assert_eq!(scene.times_put_in(), 1);
    scene.bench.hub.rules(&json!({"checks": []}));
    let again = scene.bench.port().land(LandSpec { go: 1, ..scene.landing() }).await.unwrap();
    assert!(matches!(again, LandOutcome::Landed(_)), "{again:?}");
    assert_eq!(scene.times_put_in(), 2);
    scene.bench.is_content();
}

#[tokio::test]
async fn whatever_answer_is_lost_it_is_put_in_once_and_known_after_a_crash() {
    for offered in [json!(0), json!(80), json!(null)] {
        let mut scene = Scene::new(QUICK, &ci(&json!("success"))).await;
        scene.bench.hub.rules(&json!({"merge_async": offered, "queue_ms": 300}));
        for (path, times) in [("/merge-async$", 1), ("/graphql$", 2), ("/git-upload-pack$", 1)] {
            scene.bench.hub.fault(&json!({"path": path, "method": "POST", "times": times, "lost": true}));
            scene.bench.hub.fault(&json!({"path": path, "method": "PUT", "times": times, "lost": true}));
        }
        let begun = Instant::now();
        let commit = loop {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not land");
            match scene.land().await {
                Ok(LandOutcome::Landed(commit)) => break commit,
                Err(Trouble::Elsewhere(_)) => scene.bench = scene.bench.renew(),
                other => panic!("{other:?}"),
            }
        };
        let range = format!("{}..main", scene.built.base);
        let count = git(&scene.bench.hub.git_dir, &["rev-list", "--count", "--first-parent", &range]);
        assert_eq!((count.as_str(), scene.bench.hub.tip("main").as_deref()), ("1", Some(commit.as_str())));
        scene.bench.is_content();
    }
}

#[tokio::test]
async fn what_was_thrown_out_before_its_answer_came_is_not_put_in_again() {
    let steps = json!([[0, "completed", "failure"]]);
    let mut scene = Scene::new(QUICK, &json!({"checks": [{"name": "build", "steps": steps}]})).await;
    scene.bench.hub.fault(&json!({"path": "/merge-async$", "method": "PUT", "lost": true}));
    let lost = scene.land().await;
    assert!(matches!(lost, Err(Trouble::Elsewhere(_))), "{lost:?}");
    scene.bench = scene.bench.renew();
    let told = scene.land().await;
    assert!(matches!(told, Ok(LandOutcome::Red(_))), "{told:?}");
    assert_eq!(scene.times_put_in(), 1);
    scene.bench.is_content();
}

#[tokio::test]
async fn what_is_being_put_in_is_waited_for_and_not_put_in_beside() {
    let mut scene = Scene::new(SHORT, &ci(&json!("success"))).await;
    scene.bench.hub.rules(&json!({"merge_async": 60_000}));
    scene.bench.hub.fault(&json!({"path": "/merge-async$", "method": "PUT", "lost": true}));
    for _ in 0..2 {
        let told = scene.land().await;
        assert!(matches!(told, Err(Trouble::Elsewhere(_))), "it is under way, and not refused: {told:?}");
        scene.bench = scene.bench.renew();
    }
    assert_eq!(scene.times_put_in(), 1);
    scene.bench.is_content();
}

#[tokio::test]
async fn its_place_is_said_a_person_who_takes_it_out_has_it_and_what_is_taken_back_leaves() {
    let mut scene = Scene::new(SHORT, &ci(&json!("success"))).await;
    scene.bench.hub.rules(&json!({"queue_ms": 60_000}));
    let place = "pull request #1 is in GitHub's merge queue, at place 1".to_owned();
    assert_eq!(scene.land().await, Err(Trouble::Elsewhere(place.clone())));
    scene.bench.hub.person(1, &json!({"dequeue": true}));
    let Ok(LandOutcome::Refused(why)) = scene.land().await else { panic!("it is the person's") };
    assert!(
        why.contains("taken out of GitHub's merge queue (manual)") && why.contains("ppe retry T-1"),
        "{why}"
    );
    assert_eq!(scene.times_put_in(), 1, "it is not put in behind their back");

    let mut next = scene.landing();
    next.candidate = ppe_core::ids::CandidateId(2);
    assert_eq!(scene.bench.port().land(next.clone()).await, Err(Trouble::Elsewhere(place)));
    assert_ne!(scene.groups(), "");
    next.wished = Wished::NoMore;
    // It is looked at until it has left, however long the look takes that has it leave.
    scene.bench = scene.bench.paced(QUICK);
    let taken = LandOutcome::Refused("it was taken back".to_owned());
    assert_eq!(scene.bench.port().land(next).await, Ok(taken));
    assert_eq!(scene.groups(), "");
    assert_eq!(scene.bench.hub.tip("main").as_deref(), Some(scene.built.base.as_str()));
    scene.bench.is_content();
}

#[tokio::test]
async fn what_clashes_is_built_anew_and_what_a_person_pushed_is_theirs() {
    let scene = Scene::new(QUICK, &json!({})).await;
    let clash = scene.bench.world().work(&scene.built.base, "a", "theirs\n");
    scene.bench.person_pushes(&clash, "main");
    assert_eq!(scene.land().await, Ok(LandOutcome::BaseMoved), "whoever builds it sees why");
    let theirs = scene.bench.world().work(&scene.work, "a", "2\n");
    scene.bench.person_pushes(&theirs, "feat/T-1");
    assert_eq!(scene.land().await, Ok(LandOutcome::HeadMoved { task: TaskId::new("T-1"), tip: theirs }));
    assert_eq!(scene.times_put_in(), 0);
    scene.bench.is_content();
}

#[tokio::test]
async fn a_target_that_moved_without_a_clash_is_the_queue_s_matter() {
    let scene = Scene::new(QUICK, &ci(&json!("success"))).await;
    let theirs = scene.bench.world().work(&scene.built.base, "theirs", "1\n");
    scene.bench.person_pushes(&theirs, "main");
    let outcome = scene.land().await.unwrap();
    assert!(matches!(outcome, LandOutcome::LandedUnchecked(_)), "{outcome:?}");
    scene.bench.is_content();
}

#[test]
fn a_survey_chooses_the_queue_by_its_rule_and_says_how_it_merges() {
    let bench = OnGitHub::new();
    bench.hub.rules(&json!({"rule_kinds": ["pull_request", "merge_queue"], "required": ["build"]}));
    let mut settings = bench.settings();
    let found = survey(&bench.world().repo, &settings, &main());
    let how = found.landing.map(|landing| (landing.mode, landing.guarantee));
    assert_eq!(how, Some((Mode::Queue, Guarantee::Serialised)));
    let texts: Vec<_> = found.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert!(
        texts.iter().any(|text| text.starts_with("GitHub's merge queue merges what lands on main")),
        "{texts:?}"
    );
    assert!(texts.iter().any(|text| text.ends_with("on pull_request and on merge_group")), "{texts:?}");
    let bad = |settings: &_| {
        let found = survey(&bench.world().repo, settings, &main()).findings.into_iter();
        found.filter(|finding| finding.level == Level::Bad).map(|finding| finding.text).collect::<Vec<_>>()
    };
    assert_eq!(bad(&settings), [""; 0]);
    bench.hub.rules(&json!({"queue_method": "squash"}));
    assert_eq!(bad(&settings), ["GitHub may not merge by merge there"]);
    settings.method = MergeMethod::Squash;
    assert_eq!(bad(&settings), [""; 0]);
    settings.mode = Some(Mode::Merge);
    assert_eq!(bad(&settings), ["main takes changes only by its merge queue"]);
    bench.hub.rules(&json!({"rule_kinds": []}));
    settings.mode = Some(Mode::Queue);
    assert_eq!(bad(&settings), ["main has no merge queue for the token's user"]);
    bench.is_content();
}
