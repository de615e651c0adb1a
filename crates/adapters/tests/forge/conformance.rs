//! The contract of the ports, asked of each forge.

use crate::bench::{Bench, Candidate, Local, OnGitHub, QUICK, change, git, main, publish};
use crate::emulated::Emulated;
use ppe_core::ids::{CommitId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, Built, Clash, ClashWith, Class, Failure, LandOutcome, Verdict};
use ppe_core::policy::MergeMethod;
use ppe_core::state::Subject;
use ppe_engine::ports::{
    ChangeSpec, CheckReport, CiSpec, Forge, LabelSpec, LandSpec, Lane, Look, NEEDS_REVIEW, OpenTask, Wished,
};

/// Each promise as a test for each forge that makes it.
macro_rules! promises {
    ($($promise:ident: $($forge:ident)*;)*) => {
        $(mod $promise {
            $(#[tokio::test]
            async fn $forge() {
                let bench = super::$forge();
                super::$promise(&bench).await;
                super::Bench::is_content(&bench);
            })*
        })*
    };
}

promises! {
    branches_are_made_once_and_moved_only_from_where_we_left_them: local pushed merged queued emulated;
    names_that_are_taken_are_left_to_whom_they_are: local pushed merged queued emulated;
    a_branch_has_one_open_change_whose_text_is_kept_up: local pushed merged queued emulated;
    a_change_says_which_commits_are_its_own: local pushed merged queued emulated;
    a_change_that_needs_a_person_says_so_once: local pushed merged queued emulated;
    a_change_that_goes_on_needs_no_person: local pushed merged queued emulated;
    verdicts_are_shown_and_told_again_without_harm: local pushed merged queued emulated;
    a_candidate_lands_once_exactly_as_it_was_built: local pushed merged queued emulated;
    a_squashed_candidate_lands_and_its_change_is_over: local pushed squashed squashed_in_a_queue;
    nothing_lands_on_a_base_or_from_a_head_that_has_moved: local pushed merged emulated;
    what_a_person_closed_does_not_land: local pushed merged queued emulated;
    what_a_person_took_the_branch_of_is_closed: local pushed merged queued;
    what_nobody_wants_any_more_does_not_land: local pushed;
    looks_tell_what_others_did_at_every_look: local pushed merged queued emulated;
    what_landed_and_was_taken_out_again_is_told: local pushed merged queued emulated;
}

fn local() -> Local {
    Local::new()
}

/// GitHub's target takes the very commit that was checked.
fn pushed() -> OnGitHub {
    OnGitHub::new()
}

/// GitHub merges pull requests.
fn merged() -> OnGitHub {
    OnGitHub::merging(MergeMethod::Merge)
}

/// Its merge queue does.
fn queued() -> OnGitHub {
    OnGitHub::queueing(QUICK)
}

/// Another's idea of GitHub, which merges pull requests.
fn emulated() -> Emulated {
    Emulated::new()
}

fn squashed() -> OnGitHub {
    OnGitHub::merging(MergeMethod::Squash)
}

fn squashed_in_a_queue() -> OnGitHub {
    OnGitHub::queueing(QUICK).by(MergeMethod::Squash)
}

async fn branches_are_made_once_and_moved_only_from_where_we_left_them(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let first = world.work(&world.tip(), "a", "1\n");
    let second = world.work(&first, "a", "2\n");
    for _ in 0..2 {
        let made = port.publish(publish("T-1", &first, None)).await.unwrap();
        assert_eq!((made.branch.as_str(), &made.tip), ("feat/T-1", &first));
    }
    for _ in 0..2 {
        let moved = port.publish(publish("T-1", &second, Some(&first))).await.unwrap();
        assert_eq!(moved.tip, second);
    }
    assert_eq!(bench.branch("feat/T-1").as_deref(), Some(second.as_str()));

    let theirs = world.work(&second, "a", "a person's\n");
    bench.person_pushes(&theirs, "feat/T-1");
    let third = world.work(&second, "a", "3\n");
    let refused = port.publish(publish("T-1", &third, Some(&second))).await;
    let Err(Trouble::Elsewhere(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("someone moved feat/T-1") && why.contains("left as it is"), "{why}");
    assert_eq!(bench.branch("feat/T-1").as_deref(), Some(theirs.as_str()));

    git(&bench.branches(), &["update-ref", "-d", "refs/heads/feat/T-1"]);
    port.publish(publish("T-1", &third, Some(&second))).await.unwrap();
    assert_eq!(
        bench.branch("feat/T-1").as_deref(),
        Some(third.as_str()),
        "one that was deleted is made again"
    );
}

async fn names_that_are_taken_are_left_to_whom_they_are(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let (theirs, ours) = (world.tip(), world.work(&world.tip(), "a", "1\n"));
    for taken in ["feat/T-2", "feat/T-3/theirs", "fix"] {
        bench.person_pushes(&theirs, taken);
    }
    for (task, name) in [("T-2", "feat/T-2-2"), ("T-3", "feat/T-3-2")] {
        let made = port.publish(publish(task, &ours, None)).await.unwrap();
        assert_eq!(made.branch.as_str(), name);
    }
    let mut in_folder = publish("T-4", &ours, None);
    in_folder.branch = ppe_core::ids::Branch::new("fix/T-4");
    assert_eq!(port.publish(in_folder).await.unwrap().branch.as_str(), "fix-T-4");
    assert_eq!(bench.branch("feat/T-2").as_deref(), Some(theirs.as_str()), "never overwritten");
    let mut bad = publish("T-5", &ours, None);
    bad.branch = ppe_core::ids::Branch::new("feat/../x");
    assert!(port.publish(bad).await.is_err());
}

async fn a_branch_has_one_open_change_whose_text_is_kept_up(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let work = world.work(&world.tip(), "a", "1\n");
    port.publish(publish("T-1", &work, None)).await.unwrap();
    let first = port.open(change("T-1", &work)).await.unwrap();
    let mut later = change("T-1", &work);
    "Another summary".clone_into(&mut later.body);
    later.labels.push("more".to_owned());
    assert_eq!(port.open(later.clone()).await.unwrap(), first);
    assert_eq!(port.open(later).await.unwrap(), first);
    let [shown] = &bench.changes()[..] else { panic!("{:?}", bench.changes()) };
    assert_eq!((shown.number, shown.head.as_str(), shown.state), (first.0, "feat/T-1", "open"));
    assert!(shown.body.contains("Another summary") && !shown.body.contains("\nSummary"), "{}", shown.body);
    assert_eq!(shown.labels, ["module", "more"]);

    bench.person_closes(first);
    let second = port.open(change("T-1", &work)).await.unwrap();
    assert_ne!(second, first, "a closed one is a person's no");
    let states: Vec<_> = bench.changes().iter().map(|change| change.state).collect();
    assert_eq!(states, ["closed", "open"]);
}

async fn a_change_says_which_commits_are_its_own(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let theirs = world.tip();
    let first = world.commit(&theirs, "a", "1\n", "feat: ask `@somebody` (closes #1)");
    let second = world.commit(&first, "a", "2\n", "test: it");
    port.publish(publish("T-1", &second, None)).await.unwrap();
    let spec = ChangeSpec { from: Some(theirs), ..change("T-1", &second) };
    port.open(spec).await.unwrap();
    let body = bench.changes()[0].body.clone();
    let told = "Summary\n\nCommits:\n- `feat: ask '@somebody' (closes #1)`\n- `test: it`";
    assert!(body.contains(told), "{body}");
    let last = change("T-1", &second);
    port.open(ChangeSpec { from: Some(first), ..last }).await.unwrap();
    assert!(!bench.changes()[0].body.contains("feat: ask"), "what another task made is not its own");
}

async fn a_change_that_needs_a_person_says_so_once(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let work = world.work(&world.tip(), "a", "1\n");
    port.publish(publish("T-1", &work, None)).await.unwrap();
    let number = port.open(change("T-1", &work)).await.unwrap();
    for comment in ["one", "two", "two"] {
        let (label, comment) = ("needs-review".to_owned(), comment.to_owned());
        port.label(LabelSpec { change: number, label, comment }).await.unwrap();
    }
    let [shown] = &bench.changes()[..] else { panic!("one change") };
    assert_eq!(shown.labels, ["module", "needs-review"]);
    let [comment] = &shown.comments[..] else { panic!("{:?}", shown.comments) };
    assert!(comment.ends_with("two"), "{comment}");
}

async fn a_change_that_goes_on_needs_no_person(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = Candidate::new(bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let number = candidate.build.members[0].change.unwrap();
    let needs = async || {
        let (label, comment) = (NEEDS_REVIEW.to_owned(), "It needs a person.".to_owned());
        port.label(LabelSpec { change: number, label, comment }).await.unwrap();
        assert_eq!(bench.changes()[0].labels, ["module", NEEDS_REVIEW]);
    };
    let goes_on = || {
        let shown = bench.changes().remove(0);
        assert_eq!(shown.labels, ["module"]);
        let [comment] = &shown.comments[..] else { panic!("{:?}", shown.comments) };
        assert!(comment.ends_with("goes on."), "{comment}");
    };
    needs().await;
    assert_eq!(port.open(change("T-1", &work)).await.unwrap(), number);
    goes_on();
    needs().await;
    let made = built(bench, &candidate).await;
    green(bench, &candidate, &made).await;
    landed(bench, &candidate, &made).await;
    goes_on();
}

async fn verdicts_are_shown_and_told_again_without_harm(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let work = world.work(&world.tip(), "a", "1\n");
    port.publish(publish("T-1", &work, None)).await.unwrap();
    let number = port.open(change("T-1", &work)).await.unwrap();
    let red = Verdict::Red(Failure::new(Class::Ci, "`make test` failed"));
    for verdict in [red.clone(), red, Verdict::Green, Verdict::Unevaluated("no disk".to_owned())] {
        let report = CheckReport { change: number, commit: work.clone(), run: 1, verdict };
        port.report_check(report).await.unwrap();
    }
    assert!(bench.changes()[0].comments.len() <= 1, "{:?}", bench.changes());
}

async fn built(bench: &impl Bench, candidate: &Candidate) -> Built {
    match bench.port().build(candidate.build.clone()).await.unwrap() {
        BuildOutcome::Built { built, .. } => built,
        other @ BuildOutcome::Conflict { .. } => panic!("{other:?}"),
    }
}

/// The candidate of a task's work, built on the target.
async fn one_built(bench: &impl Bench) -> (Candidate, Built) {
    let world = bench.world();
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = Candidate::new(bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let made = built(bench, &candidate).await;
    (candidate, made)
}

async fn green(bench: &impl Bench, candidate: &Candidate, made: &Built) {
    let LandSpec { candidate, target, base, commit, members, .. } =
        candidate.landing(&made.base, &made.commit);
    let subject = Subject::Candidate(candidate);
    let verdict = bench.port().ci(CiSpec { subject, run: 1, base, commit, target, members }).await.unwrap();
    assert_eq!(verdict, Verdict::Green, "a forge without checks has nothing against it");
}

/// Lands what was built, twice, and demands that the target is then what was checked, on what it was checked on.
async fn landed(bench: &impl Bench, candidate: &Candidate, made: &Built) -> CommitId {
    let land = async || bench.port().land(candidate.landing(&made.base, &made.commit)).await.unwrap();
    let LandOutcome::Landed(commit) = land().await else { panic!("it lands") };
    assert_eq!(land().await, LandOutcome::Landed(commit.clone()), "and is told again");
    assert!(commit == made.commit || bench.makes_landings());
    let told = |commit: &CommitId, what: &str| {
        git(bench.world().root(), &["show", "-s", &format!("--format={what}"), commit.as_str()])
    };
    assert_eq!(told(&commit, "%T %P"), told(&made.commit, "%T %P"), "its tree and parents");
    assert_eq!(bench.branch("main").as_deref(), Some(commit.as_str()));
    assert_eq!(bench.world().tip(), commit, "the user's target has it");
    commit
}

async fn a_candidate_lands_once_exactly_as_it_was_built(bench: &impl Bench) {
    let (candidate, made) = one_built(bench).await;
    let (world, work) = (bench.world(), &candidate.build.members[0].head);
    assert_eq!(built(bench, &candidate).await, made, "a repeat gives the same commit");
    assert_eq!(made.base, world.tip());
    green(bench, &candidate, &made).await;
    assert_eq!(bench.branch("main").as_deref(), Some(made.base.as_str()), "nothing has landed");
    landed(bench, &candidate, &made).await;
    assert_eq!(bench.changes()[0].state, "merged");
    assert_eq!(bench.branch("feat/T-1").as_deref(), Some(work.as_str()), "the work's branch stays");
    let left = git(&bench.branches(), &["for-each-ref", "refs/heads/ppe"]);
    assert_eq!(left, "", "no branch of the lane's is left");
}

async fn a_squashed_candidate_lands_and_its_change_is_over(bench: &impl Bench) {
    let world = bench.world();
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = Candidate::new(bench, 1, "T-1", &work, MergeMethod::Squash).await;
    let made = built(bench, &candidate).await;
    landed(bench, &candidate, &made).await;
    assert_ne!(bench.changes()[0].state, "open");
    assert!(bench.changes()[0].comments.len() <= 1);
}

async fn nothing_lands_on_a_base_or_from_a_head_that_has_moved(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let work = world.work(&world.tip(), "a", "1\n");
    let candidate = Candidate::new(bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let made = built(bench, &candidate).await;

    let theirs = world.work(&made.base, "theirs", "1\n");
    bench.person_pushes(&theirs, "main");
    let outcome = port.land(candidate.landing(&made.base, &made.commit)).await.unwrap();
    assert_eq!(outcome, LandOutcome::BaseMoved);
    assert_eq!(bench.branch("main").as_deref(), Some(theirs.as_str()));

    let again = built(bench, &candidate).await;
    assert_eq!(again.base, theirs, "built on what is there now");
    let more = world.work(&work, "a", "a person's\n");
    bench.person_pushes(&more, "feat/T-1");
    let outcome = port.land(candidate.landing(&again.base, &again.commit)).await.unwrap();
    assert_eq!(outcome, LandOutcome::HeadMoved { task: TaskId::new("T-1"), tip: more.clone() });
    assert!(world.repo.contains(&more, &work).unwrap(), "their commit is here");
    assert_eq!(bench.branch("main").as_deref(), Some(theirs.as_str()));

    let clash = world.work(&world.tip(), "theirs", "2\n");
    let base = world.work(&again.base, "theirs", "3\n");
    bench.person_pushes(&base, "main");
    let mut conflicting = candidate.build.clone();
    conflicting.members[0].head = clash;
    let outcome = port.build(conflicting).await.unwrap();
    let clash = Clash { task: TaskId::new("T-1"), with: ClashWith::Target, files: vec!["theirs".to_owned()] };
    assert_eq!(outcome, BuildOutcome::Conflict { base, clashes: vec![clash] });
}

async fn what_a_person_closed_does_not_land(bench: &impl Bench) {
    let (candidate, made) = one_built(bench).await;
    let number = candidate.build.members[0].change.unwrap();
    bench.person_closes(number);
    let outcome = bench.port().land(candidate.landing(&made.base, &made.commit)).await.unwrap();
    let LandOutcome::Refused(why) = outcome else { panic!("{outcome:?}") };
    assert!(why.ends_with(&format!("{number} is closed")), "{why}");
    assert_eq!(bench.branch("main").as_deref(), Some(made.base.as_str()), "nothing has landed");
    assert_eq!(bench.changes()[0].state, "closed");
}

async fn what_a_person_took_the_branch_of_is_closed(bench: &impl Bench) {
    let (candidate, made) = one_built(bench).await;
    let member = &candidate.build.members[0];
    let (work, number) = (&member.head, member.change.unwrap());
    git(&bench.branches(), &["update-ref", "-d", "refs/heads/feat/T-1"]);
    let open = vec![open_task("T-1", &made.base, work, number)];
    let look = Look { target: main(), since: made.base.clone(), open, landed: Vec::new() };
    let seen = bench.port().look(look.clone()).await.unwrap();
    assert_eq!(seen[0], Observed::ChangeClosed { task: TaskId::new("T-1"), change: number });
    let outcome = bench.port().land(candidate.landing(&made.base, &made.commit)).await.unwrap();
    assert!(matches!(outcome, LandOutcome::Refused(_)), "{outcome:?}");
    assert_eq!(bench.branch("main").as_deref(), Some(made.base.as_str()), "nothing has landed");
    // It goes on all the same.
    let again = bench.port().open(change("T-1", work)).await.unwrap();
    assert_ne!(again, number);
    assert_eq!(bench.branch("feat/T-1").as_deref(), Some(work.as_str()));
    let open = vec![open_task("T-1", &made.base, work, again)];
    let seen = bench.port().look(Look { open, ..look }).await.unwrap();
    assert_eq!(seen, [Observed::Target { tip: made.base, landed: Vec::new(), gone: Vec::new() }]);
}

async fn what_nobody_wants_any_more_does_not_land(bench: &impl Bench) {
    let (candidate, made) = one_built(bench).await;
    let mut landing = candidate.landing(&made.base, &made.commit);
    landing.wished = Wished::NoMore;
    let outcome = bench.port().land(landing.clone()).await.unwrap();
    assert_eq!(outcome, LandOutcome::Refused("it was taken back".to_owned()));
    assert_eq!(bench.branch("main").as_deref(), Some(made.base.as_str()), "nothing has landed");
    landing.wished = Wished::Still;
    let landed = LandOutcome::Landed(made.commit);
    assert_eq!(bench.port().land(landing.clone()).await.unwrap(), landed);
    landing.wished = Wished::NoMore;
    assert_eq!(bench.port().land(landing).await.unwrap(), landed, "what has landed stays landed");
}

/// What is asked about a task whose work was published.
fn open_task(task: &str, base: &CommitId, work: &CommitId, number: ppe_core::ids::ChangeNumber) -> OpenTask {
    OpenTask {
        task: TaskId::new(task),
        base: Some(base.clone()),
        branch: Some(ppe_core::ids::Branch::new(format!("feat/{task}"))),
        published: Some(work.clone()),
        change: Some(number),
    }
}

async fn looks_tell_what_others_did_at_every_look(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let base = world.tip();
    let mut open = Vec::new();
    for (task, file) in [("T-1", "a"), ("T-2", "b"), ("T-3", "c")] {
        let work = world.work(&base, file, "1\n");
        port.publish(publish(task, &work, None)).await.unwrap();
        let number = port.open(change(task, &work)).await.unwrap();
        open.push(open_task(task, &base, &work, number));
    }
    let look = Look { target: main(), since: base.clone(), open: open.clone(), landed: Vec::new() };
    let quiet = Observed::Target { tip: base.clone(), landed: Vec::new(), gone: Vec::new() };
    assert_eq!(port.look(look.clone()).await.unwrap(), [quiet]);

    let more = world.work(open[0].published.as_ref().unwrap(), "a", "a person's\n");
    bench.person_pushes(&more, "feat/T-1");
    bench.person_closes(open[1].change.unwrap());
    let merged = open[2].published.clone().unwrap();
    bench.person_pushes(&merged, "main");
    // Who merges by hand may tidy up.
    git(&bench.branches(), &["update-ref", "-d", "refs/heads/feat/T-3"]);
    let told = [
        Observed::Branch { task: TaskId::new("T-1"), tip: more },
        Observed::ChangeClosed { task: TaskId::new("T-2"), change: open[1].change.unwrap() },
        Observed::Target {
            tip: merged.clone(),
            landed: vec![(TaskId::new("T-3"), merged)],
            gone: Vec::new(),
        },
    ];
    for _ in 0..2 {
        assert_eq!(port.look(look.clone()).await.unwrap(), told);
    }
}

async fn what_landed_and_was_taken_out_again_is_told(bench: &impl Bench) {
    let (world, port) = (bench.world(), bench.port());
    let began = world.tip();
    let work = world.work(&began, "a", "1\n");
    let candidate = Candidate::new(bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let made = built(bench, &candidate).await;
    let commit = landed(bench, &candidate, &made).await;
    let landed = vec![(TaskId::new("T-1"), commit.clone())];
    let look = Look { target: main(), since: began.clone(), open: Vec::new(), landed };
    let gone = async || match &port.look(look.clone()).await.unwrap()[..] {
        [Observed::Target { gone, .. }] => gone.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(gone().await, []);
    bench.person_pushes(&began, "main");
    assert_eq!([gone().await, gone().await], [[TaskId::new("T-1")], [TaskId::new("T-1")]]);
    bench.person_pushes(&commit, "main");
    assert_eq!(gone().await, []);
}
