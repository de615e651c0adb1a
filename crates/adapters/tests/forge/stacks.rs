//! Pull requests that are shown against the branch of another.

use crate::bench::{Bench, Candidate, OnGitHub, change, main, publish};
use ppe_core::ids::{Branch, ChangeNumber, CommitId, TaskId};
use ppe_core::input::Observed;
use ppe_core::outcome::{BuildOutcome, Class, LandOutcome, Verdict};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{ChangeSpec, Forge, HeadSpec, Lane, Look, Member, OpenTask};
use serde_json::{Value, json};

/// Two branches, the second on the first, with their pull requests.
struct Scene {
    bench: OnGitHub,
    parent: CommitId,
    work: CommitId,
    number: ChangeNumber,
}

impl Scene {
    async fn new(rules: &Value) -> Self {
        let bench = OnGitHub::new();
        bench.hub.rules(rules);
        let world = bench.world();
        let parent = world.work(&world.tip(), "a", "1\n");
        let work = world.work(&parent, "b", "1\n");
        bench.port().publish(publish("T-1", &parent, None)).await.unwrap();
        bench.port().open(change("T-1", &parent)).await.unwrap();
        bench.port().publish(publish("T-2", &work, None)).await.unwrap();
        let number = bench.port().open(on_parent(&work)).await.unwrap();
        Self { bench, parent, work, number }
    }

    fn base(&self) -> String {
        let (_, pull) = self.bench.hub.ask("GET", &format!("/repos/o/r/pulls/{}", self.number.0), "");
        serde_json::from_str::<Value>(&pull).unwrap()["base"]["ref"].as_str().unwrap().to_owned()
    }

    fn checks_of(&self, commit: &CommitId) -> u64 {
        let (_, runs) = self.bench.hub.ask("GET", &format!("/repos/o/r/actions/runs?head_sha={commit}"), "");
        serde_json::from_str::<Value>(&runs).unwrap()["total_count"].as_u64().unwrap()
    }

    /// The parent's work on its way into the target.
    fn candidate(&self) -> Candidate {
        Candidate::of("T-1", &self.parent, ChangeNumber(1), MergeMethod::Merge)
    }

    async fn judged(&self, head: &CommitId) -> Verdict {
        let (task, title) = (TaskId::new("T-2"), "Title".to_owned());
        let head = Member { task, title, head: head.clone(), change: Some(self.number) };
        let spec = HeadSpec { head, branch: Branch::new("feat/T-2"), target: main() };
        self.bench.port().head_checks(spec).await.unwrap()
    }
}

fn on_parent(tip: &CommitId) -> ChangeSpec {
    let body = "Stacked on `feat/T-1`".to_owned();
    ChangeSpec { base: Branch::new("feat/T-1"), body, ..change("T-2", tip) }
}

/// CI for pull requests that ends like this, for those against these branches.
fn ci(conclusion: &str, against: &str) -> Value {
    let steps = json!([[0, "completed", conclusion]]);
    json!({"on": "^$", "on_pulls": true, "pulls_against": against, "checks": [{"name": "build", "steps": steps}]})
}

#[tokio::test]
async fn it_is_shown_against_the_target_before_its_branch_moves_there() {
    let scene = Scene::new(&ci("success", "^main$")).await;
    assert_eq!((scene.base().as_str(), scene.checks_of(&scene.work)), ("feat/T-1", 0));
    let restacked = scene.bench.world().work(&scene.bench.world().tip(), "b", "2\n");
    let mut moved = publish("T-2", &restacked, Some(&scene.work));
    moved.shown = Some((scene.number, main()));
    scene.bench.port().publish(moved).await.unwrap();
    assert_eq!(scene.base(), "main");
    assert_eq!(scene.checks_of(&restacked), 1, "CI runs only for what is pushed to one against the target");
    scene.bench.is_content();
}

#[tokio::test]
async fn one_that_a_person_shows_against_another_branch_stays_there() {
    let scene = Scene::new(&json!({})).await;
    scene.bench.person_pushes(&scene.bench.world().tip(), "release");
    assert_eq!(scene.base(), "feat/T-1");
    scene.bench.hub.person(scene.number.0, &json!({"base": "release"}));
    let next = scene.bench.world().work(&scene.parent, "b", "2\n");
    let mut moved = publish("T-2", &next, Some(&scene.work));
    moved.shown = Some((scene.number, main()));
    scene.bench.port().publish(moved).await.unwrap();
    assert_eq!(scene.bench.port().open(on_parent(&next)).await.unwrap(), scene.number);
    assert_eq!(scene.base(), "release");
    scene.bench.is_content();
}

#[tokio::test]
async fn a_head_that_is_pushed_over_or_does_not_merge_is_not_judged() {
    let scene = Scene::new(&ci("failure", "")).await;
    let red = scene.judged(&scene.work).await;
    assert!(matches!(&red, Verdict::Red(failure) if failure.class == Class::Ci), "{red:?}");
    // Its checks were stopped, and say nothing of it.
    let next = scene.bench.world().work(&scene.parent, "b", "2\n");
    scene.bench.person_pushes(&next, "feat/T-2");
    let over = scene.judged(&scene.work).await;
    assert!(matches!(&over, Verdict::Unevaluated(_)), "{over:?}");
    // For what does not merge no checks run, which does not make it green.
    let clashing = scene.bench.world().work(&scene.bench.world().tip(), "a", "else\n");
    scene.bench.person_pushes(&clashing, "feat/T-2");
    let clash = scene.judged(&clashing).await;
    assert!(matches!(&clash, Verdict::Unevaluated(_)), "{clash:?}");
    scene.bench.is_content();
}

#[tokio::test]
async fn one_that_a_person_merged_into_its_parent_s_branch_is_no_change_of_its_own() {
    let scene = Scene::new(&json!({})).await;
    scene.bench.hub.person(scene.number.0, &json!({"squash": true}));
    let tip = scene.bench.world().tip();
    let open = OpenTask {
        task: TaskId::new("T-2"),
        base: Some(scene.parent.clone()),
        branch: Some(Branch::new("feat/T-2")),
        published: Some(scene.work.clone()),
        change: Some(scene.number),
    };
    let look = Look { target: main(), since: tip.clone(), open: vec![open], landed: Vec::new() };
    let closed = Observed::ChangeClosed { task: TaskId::new("T-2"), change: scene.number };
    let seen = scene.bench.port().look(look).await.unwrap();
    assert!(seen.contains(&closed), "{seen:?}");
    assert!(!seen.iter().any(|seen| matches!(seen, Observed::Target { landed, .. } if !landed.is_empty())));
    scene.bench.is_content();
}

#[tokio::test]
async fn at_its_parent_s_landing_only_a_base_of_ours_is_another() {
    for (chosen, then) in [(None, "main"), (Some("release"), "release")] {
        let scene = Scene::new(&json!({})).await;
        if let Some(branch) = chosen {
            scene.bench.person_pushes(&scene.bench.world().tip(), branch);
            assert_eq!(scene.base(), "feat/T-1");
            scene.bench.hub.person(scene.number.0, &json!({"base": branch}));
        }
        let parent = scene.candidate();
        let BuildOutcome::Built { built, .. } = scene.bench.port().build(parent.build.clone()).await.unwrap()
        else {
            panic!("it merges")
        };
        let mut landing = parent.landing(&built.base, &built.commit);
        landing.stacked = vec![scene.number];
        let outcome = scene.bench.port().land(landing).await.unwrap();
        assert_eq!(outcome, LandOutcome::Landed(built.commit));
        assert_eq!(scene.base(), then);
        scene.bench.is_content();
    }
}
