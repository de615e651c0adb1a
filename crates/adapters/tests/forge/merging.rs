//! Landing by GitHub's own merge.

use crate::bench::{Bench, Candidate, OnGitHub, QUICK, git, main, publish};
use ppe_adapters::forge::github::Pace;
use ppe_core::ids::{Branch, CommitId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, Built, LandOutcome, Verdict};
use ppe_core::policy::MergeMethod;
use ppe_core::state::Subject;
use ppe_engine::ports::{CiSpec, Forge, HeadSpec, LandSpec, Lane, Look, Member, OpenTask};
use serde_json::json;
use std::time::{Duration, Instant};

/// CI on pull requests that is green after a while.
fn ci_rules(conclusion: &str) -> serde_json::Value {
    let steps = json!([[0, "queued", null], [60, "completed", conclusion]]);
    json!({"on": "^$", "on_pulls": true, "required": ["build"], "checks": [{"name": "build", "steps": steps}]})
}

/// A change whose target has moved on since its work began, built as a candidate.
struct Scene {
    bench: OnGitHub,
    candidate: Candidate,
    work: CommitId,
    built: Built,
}

impl Scene {
    async fn new(method: MergeMethod) -> Self {
        Self::on(OnGitHub::merging(method), method).await
    }

    async fn on(bench: OnGitHub, method: MergeMethod) -> Self {
        let world = bench.world();
        let work = world.work(&world.tip(), "a", "1\n");
        let theirs = world.work(&world.tip(), "theirs", "1\n");
        bench.person_pushes(&theirs, "main");
        let candidate = Candidate::new(&bench, 1, "T-1", &work, method).await;
        let built = build(&bench, &candidate).await;
        assert_eq!(built.base, theirs);
        Self { bench, candidate, work, built }
    }

    async fn ci(&self, run: u32) -> Result<Verdict, Trouble> {
        let landing = self.landing();
        let spec = CiSpec {
            subject: Subject::Candidate(landing.candidate),
            run,
            commit: landing.commit,
            base: landing.base,
            target: landing.target,
            members: landing.members,
        };
        self.bench.port().ci(spec).await
    }

    fn landing(&self) -> LandSpec {
        self.candidate.landing(&self.built.base, &self.built.commit)
    }

    async fn land(&self) -> Result<LandOutcome, Trouble> {
        self.bench.port().land(self.landing()).await
    }

    /// Where the branch stands on GitHub.
    fn head(&self) -> CommitId {
        CommitId::new(self.bench.hub.tip("feat/T-1").unwrap())
    }

    /// A person pushes on top of our update as soon as GitHub has noticed that: ours, and theirs.
    async fn pushed_over(&self) -> (CommitId, CommitId) {
        let begun = Instant::now();
        while self.bench.hub.told().pulls[0].sha == self.work.as_str() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the branch is not brought up to date");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ours = self.head();
        let theirs = self.bench.world().work(&ours, "a", "a person's\n");
        self.bench.person_pushes(&theirs, "feat/T-1");
        (ours, theirs)
    }

    fn look(&self) -> Look {
        let open = OpenTask {
            task: TaskId::new("T-1"),
            base: Some(self.built.base.clone()),
            branch: Some(Branch::new("feat/T-1")),
            published: Some(self.work.clone()),
            change: self.candidate.build.members[0].change,
        };
        Look { target: main(), since: self.built.base.clone(), open: vec![open], landed: Vec::new() }
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.bench.hub.git_dir, args)
    }
}

async fn build(bench: &OnGitHub, candidate: &Candidate) -> Built {
    match bench.port().build(candidate.build.clone()).await.unwrap() {
        BuildOutcome::Built { built, .. } => built,
        other @ BuildOutcome::Conflict { .. } => panic!("{other:?}"),
    }
}

#[track_caller]
fn landed(outcome: Result<LandOutcome, Trouble>) -> CommitId {
    match outcome {
        Ok(LandOutcome::Landed(commit)) => commit,
        other => panic!("it has not landed: {other:?}"),
    }
}

#[tokio::test]
async fn ci_that_waits_for_a_person_is_not_waited_for_once_its_change_is_closed_or_pushed_over() {
    let scene = Scene::new(MergeMethod::Merge).await;
    scene.bench.hub.rules(&ci_rules("action_required"));
    let why = scene.ci(1).await;
    assert_eq!(
        why,
        Err(Trouble::Elsewhere("CI waits for you: build wants something done by you".to_owned()))
    );
    let member = scene.candidate.build.members[0].clone();
    let number = member.change.unwrap();
    let head = Member { head: scene.head(), ..member };
    let judged = HeadSpec { head: head.clone(), branch: Branch::new("feat/T-1"), target: main() };
    assert_eq!(scene.bench.port().head_checks(judged.clone()).await, why);
    let more = scene.bench.world().work(&head.head, "a", "a person's\n");
    scene.bench.person_pushes(&more, "feat/T-1");
    let verdict = scene.bench.port().head_checks(judged).await;
    assert!(matches!(verdict, Ok(Verdict::Unevaluated(_))), "{verdict:?}");

    scene.bench.person_pushes(&head.head, "feat/T-1");
    scene.bench.person_closes(number);
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green), "whoever lands it says why");
    let refused = LandOutcome::Refused(format!("pull request {number} is closed"));
    assert_eq!(scene.land().await, Ok(refused));
    scene.bench.is_content();
}

#[tokio::test]
async fn github_merges_a_branch_that_contains_the_target_and_was_judged_so() {
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let scene = Scene::new(method).await;
        scene.bench.hub.rules(&ci_rules("success"));
        assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
        let head = scene.head();
        let parents = scene.git(&["show", "-s", "--format=%P", head.as_str()]);
        assert_eq!(parents, format!("{} {}", scene.work, scene.built.base));
        assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
        assert_eq!(scene.head(), head, "a repeat pushes nothing");
        let quiet = Observed::Target { tip: scene.built.base.clone(), landed: Vec::new(), gone: Vec::new() };
        assert_eq!(scene.bench.port().look(scene.look()).await.unwrap(), [quiet], "it is no person's commit");

        let commit = landed(scene.land().await);
        assert_eq!(landed(scene.land().await), commit);
        assert_eq!(scene.bench.hub.tip("main").as_deref(), Some(commit.as_str()));
        assert_eq!(scene.bench.world().tip(), commit, "the user's target has it");
        assert_eq!(
            scene.git(&["rev-parse", &format!("{commit}^{{tree}}"), &format!("{commit}^1")]),
            format!("{}\n{}", scene.built.tree, scene.built.base)
        );
        let message = scene.git(&["show", "-s", "--format=%B", commit.as_str()]);
        assert_eq!(message.contains("Ppe-Task: T-1\nPpe-Run: "), method != MergeMethod::Rebase, "{message}");
        assert_eq!(scene.bench.changes()[0].state, "merged");
        scene.bench.is_content();
    }
}

#[tokio::test]
async fn a_head_that_contains_the_target_is_merged_as_it_is() {
    let bench = OnGitHub::merging(MergeMethod::Merge);
    let world = bench.world();
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let built = build(&bench, &candidate).await;
    let commit = landed(bench.port().land(candidate.landing(&built.base, &built.commit)).await);
    assert_eq!(bench.hub.tip("feat/T-1").as_deref(), Some(work.as_str()));
    assert_eq!(bench.hub.tip("main").as_deref(), Some(commit.as_str()));
    bench.is_content();
}

#[tokio::test]
async fn nothing_is_merged_twice_or_without_a_verdict_whatever_answer_is_lost() {
    for offered in [json!(0), json!(80), json!(null)] {
        let scene = Scene::new(MergeMethod::Merge).await;
        scene.bench.hub.rules(&ci_rules("success"));
        scene.bench.hub.rules(&json!({"merge_async": offered}));
        for path in ["/merge-async$", "/merge$", "/git-receive-pack$"] {
            scene.bench.hub.fault(&json!({"path": path, "lost": true}));
        }
        let begun = Instant::now();
        // The landing alone: what was judged before is not known after a crash.
        let commit = loop {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not land");
            match scene.land().await {
                Ok(LandOutcome::Landed(commit)) => break commit,
                Err(Trouble::Elsewhere(_)) => {}
                other => panic!("{other:?}"),
            }
        };
        let count =
            scene.git(&["rev-list", "--count", "--first-parent", &format!("{}..main", scene.built.base)]);
        assert_eq!(count, "1");
        assert_eq!(scene.bench.hub.tip("main").as_deref(), Some(commit.as_str()));
        scene.bench.is_content();
    }
}

#[tokio::test]
async fn a_landing_on_what_somebody_was_faster_with_is_told_as_unchecked() {
    let scene = Scene::new(MergeMethod::Merge).await;
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
    scene.bench.hub.rules(&json!({"rush": 1}));
    let first = scene.land().await.unwrap();
    let LandOutcome::LandedUnchecked(commit) = &first else { panic!("{first:?}") };
    assert_eq!(scene.bench.hub.tip("main").as_deref(), Some(commit.as_str()));
    assert_eq!(scene.land().await.unwrap(), first, "and so it is at every look");
    scene.bench.is_content();
}

#[tokio::test]
async fn a_person_s_commit_on_top_of_ours_is_theirs_and_nobody_answers_for_checks_it_stopped() {
    let scene = Scene::new(MergeMethod::Merge).await;
    let steps = json!([[0, "queued", null]]);
    scene.bench.hub.rules(&json!({
        "on": "^$", "on_pulls": true, "required": ["build"], "checks": [{"name": "build", "steps": steps}],
    }));
    let pushes = async {
        let pushed = scene.pushed_over().await;
        let steps = json!([[0, "completed", "cancelled"]]);
        scene.bench.hub.rules(&json!({"checks": [{"name": "build", "steps": steps}]}));
        pushed
    };
    let (verdict, (ours, theirs)) = tokio::join!(scene.ci(1), pushes);
    assert_eq!(verdict, Ok(Verdict::Green), "there is nothing to judge any more");
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
    // Whoever looks once they were stopped sees the same.
    let head = Member { head: ours, ..scene.candidate.build.members[0].clone() };
    let judged = HeadSpec { head, branch: Branch::new("feat/T-1"), target: main() };
    let verdict = scene.bench.port().head_checks(judged).await;
    assert!(matches!(verdict, Ok(Verdict::Unevaluated(_))), "{verdict:?}");
    let moved = LandOutcome::HeadMoved { task: TaskId::new("T-1"), tip: theirs.clone() };
    assert_eq!(scene.land().await.unwrap(), moved);
    let seen = scene.bench.port().look(scene.look()).await.unwrap();
    assert_eq!(seen[0], Observed::Branch { task: TaskId::new("T-1"), tip: theirs.clone() });
    let more = scene.bench.world().work(&scene.work, "a", "2\n");
    let refused = scene.bench.port().publish(publish("T-1", &more, Some(&scene.work))).await;
    assert!(matches!(refused, Err(Trouble::Elsewhere(_))), "{refused:?}");
    assert_eq!(scene.head(), theirs);
    scene.bench.is_content();
}

#[tokio::test]
async fn checks_that_never_begin_since_a_person_pushed_over_ours_are_not_waited_for() {
    let pace = Pace { patience: Duration::from_mins(5), ..QUICK };
    let scene = Scene::on(OnGitHub::merging_at(pace, MergeMethod::Merge), MergeMethod::Merge).await;
    scene.bench.hub.rules(&json!({"on": "^$", "on_pulls": true, "required": ["build"]}));
    let judged = tokio::time::timeout(Duration::from_mins(1), scene.ci(1));
    let (verdict, (_, theirs)) = tokio::join!(judged, scene.pushed_over());
    assert_eq!(verdict, Ok(Ok(Verdict::Green)), "there is nothing to judge any more");
    let moved = LandOutcome::HeadMoved { task: TaskId::new("T-1"), tip: theirs };
    assert_eq!(scene.land().await, Ok(moved));
    scene.bench.is_content();
}

#[tokio::test]
async fn new_work_of_the_task_takes_the_place_of_our_update() {
    let scene = Scene::new(MergeMethod::Merge).await;
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
    assert_ne!(scene.head(), scene.work);
    let more = scene.bench.world().work(&scene.work, "a", "2\n");
    scene.bench.port().publish(publish("T-1", &more, Some(&scene.work))).await.unwrap();
    assert_eq!(scene.head(), more);
}

#[tokio::test]
async fn a_branch_is_brought_up_to_date_again_by_a_fast_forward() {
    let mut scene = Scene::new(MergeMethod::Merge).await;
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
    let first = scene.head();
    let theirs = scene.bench.world().work(&scene.built.base, "theirs", "2\n");
    scene.bench.person_pushes(&theirs, "main");
    assert_eq!(scene.land().await, Ok(LandOutcome::BaseMoved));
    scene.built = build(&scene.bench, &scene.candidate).await;
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
    let parents = scene.git(&["show", "-s", "--format=%P", scene.head().as_str()]);
    assert_eq!(parents, format!("{first} {theirs}"));
    let look = scene.bench.port().look(scene.look()).await.unwrap();
    assert!(look.iter().all(|seen| !matches!(seen, Observed::Branch { .. })), "{look:?}");
    // What a crash between record and push leaves: the branch stands where the one before left it.
    scene.bench.person_pushes(&first, "feat/T-1");
    let look = scene.bench.port().look(scene.look()).await.unwrap();
    assert!(look.iter().all(|seen| !matches!(seen, Observed::Branch { .. })), "{look:?}");
    landed(scene.land().await);
    scene.bench.is_content();
}

#[tokio::test]
async fn checks_that_never_come_because_it_does_not_merge_are_not_waited_for() {
    let scene = Scene::new(MergeMethod::Merge).await;
    scene.bench.hub.rules(&json!({"on": "^$", "on_pulls": true, "required": ["build"]}));
    let clash = scene.bench.world().work(&scene.built.base, "a", "theirs\n");
    let begun = Instant::now();
    let moves = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.bench.person_pushes(&clash, "main");
    };
    let judged = async { (scene.ci(1).await, begun.elapsed()) };
    let ((verdict, waited), ()) = tokio::join!(judged, moves);
    assert_eq!(verdict, Ok(Verdict::Green), "the landing says what is the matter");
    assert!(waited >= Duration::from_millis(200) && waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(scene.land().await, Ok(LandOutcome::BaseMoved));
    assert_eq!(scene.bench.hub.tip("main").as_deref(), Some(clash.as_str()));
    scene.bench.is_content();
}

#[tokio::test]
async fn what_github_has_not_found_out_is_waited_for_and_what_it_refuses_is_said() {
    let scene = Scene::new(MergeMethod::Merge).await;
    scene.bench.hub.rules(&json!({"unknown_ms": 300, "approvals": 1}));
    assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
    for offered in [json!(0), json!(null)] {
        scene.bench.hub.rules(&json!({"merge_async": offered}));
        let why = "At least 1 approving review is required by reviewers with write access.";
        assert_eq!(scene.land().await, Ok(LandOutcome::Refused(why.to_owned())));
    }
    scene.bench.hub.rules(&json!({"approvals": 0}));
    landed(scene.land().await);
    let asked = scene.bench.hub.told().requests.into_iter().filter(|r| r.path.ends_with("/merge-async"));
    let statuses: Vec<u16> = asked.map(|request| request.status).collect();
    assert_eq!(statuses, [400, 404, 404], "never before it was known whether it merges");
    scene.bench.is_content();
}

#[tokio::test]
async fn red_is_red_of_the_branch_as_it_would_be_merged() {
    let pace = Pace { patience: Duration::from_secs(5), ..QUICK };
    let scene = Scene::on(OnGitHub::merging_at(pace, MergeMethod::Merge), MergeMethod::Merge).await;
    scene.bench.hub.rules(&ci_rules("failure"));
    for run in [1, 2] {
        let verdict = scene.ci(run).await;
        let Ok(Verdict::Red(failure)) = verdict else { panic!("{verdict:?}") };
        assert!(failure.summary.starts_with("CI: build (failure"), "{failure:?}");
        assert!(failure.detail.contains(&format!("build on {}", scene.head())), "{}", failure.detail);
    }
    let reruns =
        scene.bench.hub.told().requests.into_iter().filter(|r| r.path.ends_with("/rerun-failed-jobs"));
    assert_eq!(reruns.count(), 1);
    let red = scene.land().await;
    assert!(matches!(&red, Ok(LandOutcome::Red(failure)) if failure.detail.contains("build on ")), "{red:?}");
    assert_eq!(scene.bench.hub.tip("main").as_deref(), Some(scene.built.base.as_str()));
    scene.bench.is_content();
}

#[tokio::test]
async fn a_merge_that_github_shows_late_is_known_by_the_target_as_ours_and_unchecked() {
    for method in [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase] {
        let scene = Scene::new(method).await;
        assert_eq!(scene.ci(1).await, Ok(Verdict::Green));
        scene.bench.hub.rules(&json!({"rush": 1, "late": 1000}));
        scene.bench.hub.fault(&json!({"path": "/merge-async$", "lost": true}));
        scene.land().await.unwrap_err();
        let outcome = scene.land().await;
        let tip = scene.bench.hub.tip("main").map(CommitId::new).unwrap();
        assert_eq!(outcome, Ok(LandOutcome::LandedUnchecked(tip)), "{method:?}");
        scene.bench.is_content();
    }
}
