//! What a person does on GitHub itself is followed or left alone.

use crate::bench::{Bench, OnGitHub, change, main, publish};
use ppe_adapters::forge::github::{GitHubSettings, Guarantee, Level, Mode, survey};
use ppe_core::ids::{ChangeNumber, CommitId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, LandOutcome};
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{Forge, Lane, Look, OpenTask};
use serde_json::json;

#[tokio::test]
async fn e6_a_new_title_and_words_around_ours_stay_and_the_rest_is_kept_up() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    let body = format!("Please look!\r\n{}", bench.changes()[0].body);
    bench.hub.person(number.0, &json!({"title": "A better title", "body": body}));
    let mut later = change("T-1", &work);
    later.body = "New summary".to_owned();
    assert_eq!(bench.port().open(later).await.unwrap(), number);
    let pull = bench.hub.told().pulls.remove(0);
    let body = pull.body.unwrap();
    assert_eq!(pull.title, "A better title");
    assert!(body.starts_with("Please look!") && body.contains("New summary"), "{body}");
    bench.is_content();
}

#[tokio::test]
async fn e6_a_pull_request_that_a_person_opened_for_the_branch_is_taken_up() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let theirs = r#"{"title": "Mine", "head": "feat/T-1", "base": "main", "body": "All mine."}"#;
    assert_eq!(bench.hub.ask("POST", "/repos/o/r/pulls", theirs).0, 201);
    assert_eq!(bench.port().open(change("T-1", &work)).await.unwrap(), ChangeNumber(1));
    let pulls = bench.hub.told().pulls;
    assert_eq!((pulls.len(), pulls[0].body.as_deref()), (1, Some("All mine.")));
    bench.is_content();
}

#[tokio::test]
async fn e6_a_label_that_a_person_put_there_stays() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    let path = format!("/repos/o/r/issues/{}/labels", number.0);
    assert_eq!(bench.hub.ask("POST", &path, r#"{"labels": ["needs-review"]}"#).0, 200);
    assert_eq!(bench.port().open(change("T-1", &work)).await.unwrap(), number);
    assert_eq!(bench.changes()[0].labels, ["module", "needs-review"]);
    bench.is_content();
}

#[tokio::test]
async fn e6_a_pull_request_that_a_person_squashed_counts_as_landed() {
    let bench = OnGitHub::new();
    let base = bench.world().tip();
    let work = bench.branch_with_work("T-1");
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    bench.hub.person(number.0, &json!({"squash": true}));
    let open = OpenTask {
        task: TaskId::new("T-1"),
        base: Some(base.clone()),
        branch: Some(ppe_core::ids::Branch::new("feat/T-1")),
        published: Some(work),
        change: Some(number),
    };
    let look = Look { target: main(), since: base, open: vec![open], landed: Vec::new() };
    let squashed = CommitId::new(bench.hub.tip("main").unwrap());
    let landed = vec![(TaskId::new("T-1"), squashed.clone())];
    let told = Observed::Target { tip: squashed, landed, gone: Vec::new() };
    assert_eq!(bench.port().look(look).await.unwrap(), [told]);
    bench.is_content();
}

#[tokio::test]
async fn e6_a_pull_request_whose_base_a_person_changed_is_still_the_one() {
    let bench = OnGitHub::new();
    let work = bench.branch_with_work("T-1");
    let number = bench.port().open(change("T-1", &work)).await.unwrap();
    bench.person_pushes(&bench.world().tip(), "release");
    bench.hub.person(number.0, &json!({"base": "release"}));
    assert_eq!(bench.port().open(change("T-1", &work)).await.unwrap(), number);
    let pulls = bench.hub.told().pulls;
    assert_eq!((pulls.len(), pulls[0].base.as_str()), (1, "release"), "and stays where they want it");
    bench.is_content();
}

#[tokio::test]
async fn a_branch_that_another_tool_made_at_the_wished_name_is_not_ours() {
    let bench = OnGitHub::new();
    bench.branch_with_work("T-1");
    let ours = bench.world().work(&bench.world().tip(), "ours", "1\n");
    let made = bench.port().publish(publish("T-1", &ours, None)).await.unwrap();
    assert_eq!(made.branch.as_str(), "feat/T-1-2");
}

#[tokio::test]
async fn a_target_that_github_protects_or_that_is_ahead_here_waits_and_says_why() {
    let bench = OnGitHub::new();
    let hook = bench.hub.git_dir.join("hooks/pre-receive");
    let text = "#!/bin/sh\nwhile read _ _ ref; do case $ref in refs/heads/main) \
        echo 'GH006: Protected branch update failed' >&2; exit 1;; esac; done\n";
    std::fs::write(&hook, text).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let world = bench.world();
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = crate::bench::Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    let outcome = bench.port().land(candidate.landing(&built.base, &built.commit)).await.unwrap();
    let LandOutcome::Refused(why) = outcome else { panic!("{outcome:?}") };
    assert!(why.starts_with("GitHub does not take main: ") && why.contains("GH006"), "{why}");
    assert_eq!(bench.hub.tip("main").as_deref(), Some(built.base.as_str()));

    let ahead = world.work(&built.base, "mine", "1\n");
    crate::bench::git(world.root(), &["branch", "-f", "main", ahead.as_str()]);
    let refused = bench.port().build(candidate.build).await;
    let Err(Trouble::Elsewhere(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("main has commits here that main on 127.0.0.1:"), "{why}");
}

#[tokio::test]
async fn a_pull_request_that_went_with_its_branch_is_closed_and_no_landing_waits_for_it() {
    let bench = OnGitHub::new();
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let candidate = crate::bench::Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let outcome = bench.port().build(candidate.build.clone()).await.unwrap();
    let BuildOutcome::Built { built, .. } = outcome else { panic!("{outcome:?}") };
    bench.person_closes(ChangeNumber(1));
    crate::bench::git(&bench.hub.git_dir, &["update-ref", "-d", "refs/heads/feat/T-1"]);
    let outcome = bench.port().land(candidate.landing(&built.base, &built.commit)).await.unwrap();
    assert!(matches!(&outcome, LandOutcome::Refused(why) if why.ends_with("is closed")), "{outcome:?}");
    bench.is_content();
}

#[tokio::test]
async fn what_a_person_merged_as_it_was_to_land_is_built_anew() {
    let bench = OnGitHub::new();
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let candidate = crate::bench::Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let outcome = bench.port().build(candidate.build.clone()).await.unwrap();
    let BuildOutcome::Built { built, .. } = outcome else { panic!("{outcome:?}") };
    bench.hub.person(1, &json!({"squash": true}));
    // As where merged branches are deleted.
    crate::bench::git(&bench.hub.git_dir, &["update-ref", "-d", "refs/heads/feat/T-1"]);
    let outcome = bench.port().land(candidate.landing(&built.base, &built.commit)).await;
    assert_eq!(outcome, Ok(LandOutcome::BaseMoved));
    bench.is_content();
}

#[tokio::test]
async fn what_lands_by_a_push_waits_while_its_branch_is_gone() {
    let bench = OnGitHub::new();
    let world = bench.world();
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = crate::bench::Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    crate::bench::git(&bench.hub.git_dir, &["update-ref", "-d", "refs/heads/feat/T-1"]);
    let mut landing = candidate.landing(&built.base, &built.commit);
    // As while GitHub has not closed it yet.
    landing.members[0].0.change = None;
    let outcome = bench.port().land(landing.clone()).await;
    assert_eq!(outcome, Ok(LandOutcome::Refused("feat/T-1 is gone from GitHub".to_owned())));
    assert_eq!(bench.hub.tip("main").as_deref(), Some(built.base.as_str()));
    bench.person_pushes(&work, "feat/T-1");
    assert_eq!(bench.port().land(landing).await, Ok(LandOutcome::Landed(built.commit)));
    bench.is_content();
}

#[tokio::test]
async fn a_checkout_that_stands_in_the_way_holds_the_landing_up_until_it_is_out_of_it() {
    let bench = OnGitHub::new();
    let world = bench.world();
    let work = world.work(&world.tip(), "README", "new\n");
    let candidate = crate::bench::Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    crate::bench::git(world.root(), &["checkout", "-q", "main"]);
    std::fs::write(world.root().join("README"), "unsaved\n").unwrap();
    let landing = candidate.landing(&built.base, &built.commit);
    let outcome = bench.port().land(landing.clone()).await;
    let Err(Trouble::Elsewhere(why)) = outcome else { panic!("{outcome:?}") };
    assert!(
        why.starts_with("landed on GitHub, but not here: local changes in ") && why.ends_with("README"),
        "{why}"
    );
    assert_eq!(std::fs::read_to_string(world.root().join("README")).unwrap(), "unsaved\n");
    crate::bench::git(world.root(), &["checkout", "-q", "--", "README"]);
    let outcome = bench.port().land(landing).await.unwrap();
    assert_eq!(outcome, LandOutcome::Landed(built.commit));
    assert_eq!(std::fs::read_to_string(world.root().join("README")).unwrap(), "new\n");
}

#[test]
fn a_survey_says_what_is_missing_and_changes_nothing() {
    let bench = OnGitHub::new();
    let look = || survey(&bench.world().repo, &bench.settings(), &main());
    let of = |level: Level| {
        let found: Vec<_> = look().findings.into_iter().filter(|finding| finding.level == level).collect();
        found.into_iter().map(|finding| finding.text).collect::<Vec<_>>()
    };
    assert_eq!((of(Level::Bad), of(Level::Warning)), (Vec::new(), Vec::new()));
    let first = of(Level::Good).remove(0);
    assert!(
        first.starts_with("o/r on 127.0.0.1:") && first.ends_with(" as octocat, token from GH_TOKEN"),
        "{first}"
    );

    bench.hub.rules(&json!({"push": false, "required": ["build"]}));
    assert!(of(Level::Bad)[0].starts_with("octocat may not push to o/r"), "{:?}", of(Level::Bad));
    assert!(
        of(Level::Good).iter().any(|text| text.contains("on each candidate: build")),
        "{:?}",
        of(Level::Good)
    );
    bench.hub.fault(&json!({"path": "/user$", "status": 401, "body": {"message": "Bad credentials"}}));
    let bad = of(Level::Bad).remove(0);
    assert!(bad.contains("GitHub does not accept the token: renew it"), "{bad}");

    let ahead = bench.world().work(&bench.world().tip(), "mine", "1\n");
    crate::bench::git(bench.world().root(), &["branch", "-f", "main", ahead.as_str()]);
    assert!(of(Level::Bad).contains(&"main has commits here that it has not on GitHub".to_owned()));
    assert!(
        bench
            .hub
            .told()
            .requests
            .iter()
            .all(|request| request.method == "GET" || request.path.ends_with("upload-pack"))
    );
    bench.is_content();
}

#[test]
fn a_survey_says_which_right_is_missing_and_where_ci_does_not_run() {
    let bench = OnGitHub::new();
    let against = || {
        let found = survey(&bench.world().repo, &bench.settings(), &main()).findings.into_iter();
        let found = found.filter(|finding| finding.level != Level::Good);
        found.map(|finding| (finding.level, finding.text)).collect::<Vec<_>>()
    };
    let denies = |paths: &[&str]| {
        for path in paths {
            bench.hub.fault(&json!({"path": path, "status": 403, "body": {"message": "not accessible"}}));
        }
        against()
    };
    let (checks, actions) = ("/check-runs$", "/actions/runs$");
    for (paths, level, text) in [
        (&["/pulls$"][..], Level::Bad, "the token may not read pull requests"),
        (&["/status$"], Level::Bad, "the token may not read commit statuses"),
        (&[checks], Level::Warning, "the token may not read checks: jobs of workflows tell instead"),
        (&[checks, actions], Level::Bad, "the token may read neither checks nor actions"),
        (
            &[actions],
            Level::Warning,
            "the token may not read actions: what is red has no log, and is not run once more",
        ),
    ] {
        assert_eq!(denies(paths), [(level, text.to_owned())], "{paths:?}");
    }
    assert_eq!(denies(&["/user$"]), [], "an app has no user");

    bench.hub.rules(
        &json!({"on": "^refs/heads/main$", "checks": [{"name": "build", "steps": [[0, "queued", null]]}]}),
    );
    let elsewhere = "CI runs on main, and no workflow names ppe/lane/**".to_owned();
    assert_eq!(against(), [(Level::Warning, elsewhere)]);
    let world = bench.world();
    let workflow = "on: {push: {branches: [main, 'ppe/lane/**']}}\n";
    let with_it = world.work(&world.tip(), ".github/workflows/ci.yml", workflow);
    bench.person_pushes(&with_it, "main");
    assert_eq!(against(), []);
    bench.is_content();
}

#[test]
fn a_survey_says_how_landings_get_there_and_what_is_against_them() {
    let bench = OnGitHub::new();
    let mut settings = bench.settings();
    let look = |settings: &GitHubSettings| survey(&bench.world().repo, settings, &main());
    let told = |settings: &GitHubSettings, level: Level| {
        let found = look(settings).findings.into_iter().filter(|finding| finding.level == level);
        found.map(|finding| finding.text).collect::<Vec<_>>()
    };
    let how = |settings: &GitHubSettings| look(settings).landing.map(|found| (found.mode, found.guarantee));
    assert_eq!(how(&settings), Some((Mode::Push, Guarantee::Exact)));

    bench.hub.rules(&json!({"rule_kinds": ["pull_request"], "required": ["build"], "approvals": 2}));
    assert_eq!(how(&settings), Some((Mode::Merge, Guarantee::Detected)));
    let approvals = |settings: &GitHubSettings| look(settings).landing.map(|found| found.approvals);
    assert_eq!(approvals(&settings), Some(2));
    let pushing = GitHubSettings { mode: Some(Mode::Push), ..settings.clone() };
    assert_eq!(approvals(&pushing), Some(0));
    let warned = told(&settings, Level::Warning);
    let merges = "GitHub merges what lands: main takes changes only by pull request; whether somebody was faster is \
        looked at afterwards";
    let waits = "main wants 2 approving reviews of each change, which octocat cannot give to pull requests of its own";
    assert_eq!(warned, [merges, waits]);
    assert!(told(&settings, Level::Good).iter().any(|text| text.contains("on each pull request: build")));
    bench.hub.rules(&json!({"strict": true, "methods": ["squash", "rebase"]}));
    assert_eq!(how(&settings), Some((Mode::Merge, Guarantee::Serialised)));
    let found = look(&settings).findings.into_iter().find(|finding| finding.level == Level::Bad).unwrap();
    assert_eq!(found.text, "GitHub may not merge by merge there");
    assert_eq!(found.hint.as_deref(), Some("merge.method = \"squash\", or merge.method = \"rebase\""));

    bench.hub.rules(&json!({"bypass": true}));
    assert_eq!(how(&settings), Some((Mode::Push, Guarantee::Exact)), "who may pass by, pushes");
    let kinds = json!(["pull_request", "required_signatures", "required_linear_history", "update"]);
    bench.hub.rules(&json!({"bypass": false, "rule_kinds": kinds}));
    settings.mode = Some(Mode::Push);
    let pushed = [
        "main takes changes only by pull request",
        "main takes signed commits only",
        "main takes nobody's changes",
    ];
    assert_eq!(told(&settings, Level::Warning), pushed);
    assert_eq!(told(&settings, Level::Bad), ["main takes no merge commits"]);
    bench.is_content();
}

#[test]
fn a_survey_reads_the_older_kind_of_protection_as_far_as_it_may() {
    let bench = OnGitHub::new();
    let look = |demands: serde_json::Value, admin: bool| {
        bench.hub.rules(&json!({"protected": demands, "admin": admin}));
        let found = survey(&bench.world().repo, &bench.settings(), &main());
        let against = found.findings.into_iter().filter(|finding| finding.level != Level::Good);
        (found.landing.unwrap().mode, against.map(|finding| finding.text).collect::<Vec<_>>())
    };
    let nothing = Vec::<String>::new;
    let unseen = "main is protected, and the token may not see by what".to_owned();
    assert_eq!(look(json!({"reviews": 2, "admins": true}), false), (Mode::Push, vec![unseen]));
    let (mode, found) = look(json!({"reviews": 2, "admins": true}), true);
    assert_eq!(mode, Mode::Merge);
    assert!(found[0].contains("main takes changes only by pull request"), "{found:?}");
    assert!(found[1].starts_with("main wants 2 approving reviews of each change"), "{found:?}");
    assert_eq!(look(json!({"reviews": 2}), true), (Mode::Push, nothing()), "an administrator passes by");
    let passing = json!({"reviews": 2, "passing": ["octocat"], "admins": true});
    assert_eq!(look(passing, true), (Mode::Push, nothing()));
    assert_eq!(look(json!({"signatures": true, "admins": true}), true).0, Mode::Merge);
    let linear = vec!["main takes no merge commits".to_owned()];
    assert_eq!(look(json!({"linear": true, "admins": true}), true), (Mode::Push, linear));
    let others = vec!["main takes nobody's changes".to_owned()];
    assert_eq!(look(json!({"only": ["hubot"], "admins": true}), true), (Mode::Push, others));
    assert_eq!(look(json!({"only": ["octocat"], "admins": true}), true), (Mode::Push, nothing()));
    assert_eq!(look(json!(null), false), (Mode::Push, nothing()));
    bench.is_content();
}

#[tokio::test]
async fn c3_what_is_pushed_between_our_look_and_our_push_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let (program, deed) = (dir.path().join("git"), dir.path().join("deed"));
    // Where there is a deed to do, it is done just before the next push.
    let does = format!("[ -f {0} ] && sh {0} && rm {0}", deed.display());
    std::fs::write(
        &program,
        format!("#!/bin/sh\ncase \" $* \" in *' push '*) {does};; esac\nexec git \"$@\"\n"),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bench = OnGitHub::with(crate::bench::QUICK, Some(&program), ppe_testkit::github::TOKEN);
    let (world, port) = (bench.world(), bench.port());
    let theirs = world.work(&world.tip(), "theirs", "1\n");
    bench.person_pushes(&theirs, "theirs");
    let person_takes = |branch: &str| {
        let there = bench.hub.git_dir.display();
        std::fs::write(&deed, format!("git --git-dir {there} update-ref refs/heads/{branch} {theirs}\n"))
            .unwrap();
    };

    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = crate::bench::Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = port.build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    person_takes("main");
    let outcome = port.land(candidate.landing(&built.base, &built.commit)).await.unwrap();
    assert_eq!(outcome, LandOutcome::BaseMoved);
    assert_eq!(bench.hub.tip("main").as_deref(), Some(theirs.as_str()));

    person_takes("feat/T-1");
    let more = world.work(&work, "a", "2\n");
    let refused = port.publish(publish("T-1", &more, Some(&work))).await;
    assert!(matches!(refused, Err(Trouble::Elsewhere(_))), "{refused:?}");
    assert_eq!(bench.hub.tip("feat/T-1").as_deref(), Some(theirs.as_str()));
    bench.is_content();
}
