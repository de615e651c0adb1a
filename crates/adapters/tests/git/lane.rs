//! Candidates and landings.

use std::fs;

use ppe_adapters::git::lane::{
    Built, CandidateSpec, Landing, Member, build, land, landed_tasks, tip, tree_of,
};
use ppe_adapters::git::{Git, Repo, refs};
use ppe_core::ids::{CandidateId, CommitId, TaskId};
use ppe_core::outcome::{Clash, ClashWith};
use ppe_core::policy::{MergeMethod, Trailers};

use crate::world::{World, git, main, run, stamp, try_git, write};

fn spec(base: &CommitId, members: &[(&str, &CommitId)], method: MergeMethod) -> CandidateSpec {
    let member = |(task, head): &(&str, &CommitId)| Member {
        task: TaskId::new(*task),
        head: (*head).clone(),
        line: format!("{task}: a file"),
    };
    CandidateSpec {
        run: run(),
        id: CandidateId(1),
        base: base.clone(),
        target: base.clone(),
        members: members.iter().map(member).collect(),
        method,
        trailers: Trailers::Named,
        stamp: stamp(),
    }
}

fn clash_of(task: &str, with: ClashWith) -> Clash {
    Clash { task: TaskId::new(task), with, files: vec!["a".to_owned()] }
}

fn commit(built: Built) -> CommitId {
    match built {
        Built::Commit { commit, .. } => commit,
        Built::Conflict { clashes } => panic!("{clashes:?}"),
    }
}

#[test]
fn a_candidate_is_the_same_however_often_it_is_built_and_touches_nothing() {
    let world = World::new();
    let base = world.tip();
    let work = world.side_commit(&base, "a", "1\n");
    let before = world.fingerprint();
    let spec = spec(&base, &[("T-1", &work)], MergeMethod::Merge);
    let first = build(&world.repo, &spec).unwrap();
    assert_eq!(build(&world.repo, &spec).unwrap(), first);
    let commit = commit(first);
    before.assert_same(&world.fingerprint());
    assert_eq!(
        refs::read(&world.repo, &refs::candidate(&run(), CandidateId(1))).unwrap(),
        Some(commit.clone())
    );
    let shown = git(world.root(), &["show", "-s", "--format=%P|%an|%ct|%B", commit.as_str()]);
    let trailers = "Merge T-1: a file\n\nPpe-Task: T-1\nPpe-Run: 20261124-161500-a1b2";
    assert_eq!(shown.trim_end(), format!("{base} {work}|Ursula User|1790000000|{trailers}"));
    assert_eq!(tree_of(&world.repo, &commit).unwrap(), tree_of(&world.repo, &work).unwrap());
}

#[test]
fn a_landing_without_trailers_says_nothing_of_task_or_run_and_is_found_by_nobody() {
    let world = World::new();
    let base = world.tip();
    let work = world.side_commit(&base, "a", "1\n");
    let named = spec(&base, &[("T-1", &work)], MergeMethod::Merge);
    let spec = CandidateSpec { trailers: Trailers::None, ..named.clone() };
    let commit = commit(build(&world.repo, &spec).unwrap());
    assert_eq!(
        git(world.root(), &["show", "-s", "--format=%B", commit.as_str()]).trim_end(),
        "Merge T-1: a file"
    );
    assert_eq!(land(&world.repo, &main(), &base, &commit).unwrap(), Landing::Landed);
    assert_eq!(landed_tasks(&world.repo, &commit, None).unwrap(), []);
    assert_eq!(
        land(&world.repo, &main(), &base, &commit).unwrap(),
        Landing::Landed,
        "a repeat finds it by its id"
    );
}

#[test]
fn several_members_become_one_first_parent_commit_and_a_clash_names_its_files() {
    let world = World::new();
    let base = world.tip();
    let one = world.side_commit(&base, "a", "1\n");
    let two = world.side_commit(&base, "b", "2\n");
    let clash = world.side_commit(&base, "a", "other\n");
    let both = commit(
        build(&world.repo, &spec(&base, &[("T-1", &one), ("T-2", &two)], MergeMethod::Merge)).unwrap(),
    );
    let parents = git(world.root(), &["show", "-s", "--format=%P", both.as_str()]);
    assert_eq!(parents, format!("{base} {one} {two}"));
    assert_eq!(git(world.root(), &["ls-tree", "--name-only", both.as_str(), "a", "b"]), "a\nb");

    let clashing = spec(&base, &[("T-1", &one), ("T-3", &clash), ("T-2", &two)], MergeMethod::Merge);
    let Built::Commit { commit: without, left_out, .. } = build(&world.repo, &clashing).unwrap() else {
        panic!("two of them merge")
    };
    assert_eq!(left_out, [clash_of("T-3", ClashWith::Others)]);
    assert_eq!(without, both, "it is as if the third had not been asked for");

    let squashed = commit(build(&world.repo, &spec(&base, &[("T-1", &one)], MergeMethod::Squash)).unwrap());
    assert_eq!(git(world.root(), &["show", "-s", "--format=%P", squashed.as_str()]), base.as_str());
}

/// A target that is checked out nowhere: the user works on a branch of their own.
fn beside_the_target() -> (World, CommitId, CommitId) {
    let world = World::new();
    let base = world.tip();
    let work = world.side_commit(&base, "a", "1\n");
    git(world.root(), &["checkout", "-q", "-b", "users-own"]);
    let commit = commit(build(&world.repo, &spec(&base, &[("T-1", &work)], MergeMethod::Merge)).unwrap());
    (world, base, commit)
}

#[test]
fn landing_where_nobody_looks_moves_one_ref_and_is_idempotent() {
    let (world, base, commit) = beside_the_target();
    let before = ppe_testkit::fingerprint::Fingerprint::of(world.root(), &["main"]);
    assert_eq!(land(&world.repo, &main(), &base, &commit).unwrap(), Landing::Landed);
    assert_eq!(tip(&world.repo, &main()).unwrap(), commit);
    assert_eq!(land(&world.repo, &main(), &base, &commit).unwrap(), Landing::Landed);
    before.assert_same(&ppe_testkit::fingerprint::Fingerprint::of(world.root(), &["main"]));

    // Still landed when the target has gone on since.
    let on_top = world.side_commit(&commit, "later", "");
    git(world.root(), &["branch", "-f", "main", on_top.as_str()]);
    assert_eq!(land(&world.repo, &main(), &base, &commit).unwrap(), Landing::Landed);
}

#[test]
fn c3_a_target_that_moved_is_left_alone() {
    let (world, base, commit) = beside_the_target();
    let moved = world.side_commit(&base, "other", "");
    git(world.root(), &["branch", "-f", "main", moved.as_str()]);
    assert_eq!(
        land(&world.repo, &main(), &base, &commit).unwrap(),
        Landing::BaseMoved { tip: moved.clone() }
    );
    assert_eq!(tip(&world.repo, &main()).unwrap(), moved);
}

#[test]
fn of_many_landings_at_once_one_wins() {
    let world = World::new();
    let base = world.tip();
    git(world.root(), &["checkout", "-q", "--detach"]);
    let works: Vec<CommitId> = (0..6).map(|n| world.side_commit(&base, &format!("f{n}"), "")).collect();
    let landings = std::thread::scope(|scope| {
        let (world, base) = (&world, &base);
        let threads: Vec<_> = works
            .iter()
            .map(|work| scope.spawn(move || land(&world.repo, &main(), base, work).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(landings.iter().filter(|landing| **landing == Landing::Landed).count(), 1, "{landings:?}");
    assert!(works.contains(&tip(&world.repo, &main()).unwrap()));
}

#[test]
fn a_checked_out_target_is_fast_forwarded_with_its_files_and_without_hooks() {
    let world = World::new();
    let base = world.tip();
    let work = world.side_commit(&base, "a", "1\n");
    let commit = commit(build(&world.repo, &spec(&base, &[("T-1", &work)], MergeMethod::Merge)).unwrap());
    let canary = world.dir.path().join("hook-ran");
    let hook = format!("#!/bin/sh\ntouch '{}'\n", canary.display());
    crate::world::script(&world.root().join(".git/hooks/post-merge"), &hook);
    write(world.root(), "README", "the user is writing\n");
    git(world.root(), &["config", "merge.autoStash", "true"]);
    assert_eq!(land(&world.repo, &main(), &base, &commit).unwrap(), Landing::Landed);
    assert_eq!(tip(&world.repo, &main()).unwrap(), commit);
    assert_eq!(fs::read_to_string(world.root().join("a")).unwrap(), "1\n");
    assert_eq!(world.repo.dirty().unwrap(), ["README"]);
    assert!(!canary.exists());
}

#[test]
fn c4_local_changes_in_the_way_are_named_and_kept() {
    let world = World::new();
    let base = world.tip();
    let mut work = world.side_commit(&base, "README", "agent\n");
    work = world.side_commit(&work, "new file", "agent\n");
    let commit = commit(build(&world.repo, &spec(&base, &[("T-1", &work)], MergeMethod::Merge)).unwrap());
    write(world.root(), "README", "user\n");
    write(world.root(), "new file", "user\n");
    write(world.root(), "unrelated", "user\n");
    let before = world.fingerprint();
    match land(&world.repo, &main(), &base, &commit).unwrap() {
        Landing::Refused { why, files } => {
            assert!(why.contains("local changes"), "{why}");
            assert_eq!(files, ["README", "new file"]);
        }
        other => panic!("{other:?}"),
    }
    before.assert_same(&world.fingerprint());
}

#[test]
fn an_ignored_file_in_the_way_is_not_overwritten() {
    let world = World::new();
    let base = world.tip();
    let scratch = world.dir.path().join("wt");
    git(world.root(), &["worktree", "add", "-q", "--detach", scratch.to_str().unwrap()]);
    write(&scratch, ".env", "agent");
    git(&scratch, &["add", "-f", ".env"]);
    git(&scratch, &["commit", "-qm", "adds an ignored file"]);
    let commit = CommitId::new(git(&scratch, &["rev-parse", "HEAD"]));
    write(world.root(), ".env", "the user's secret");
    let landing = land(&world.repo, &main(), &base, &commit).unwrap();
    assert!(matches!(&landing, Landing::Refused { why, .. } if why.contains(".env")), "{landing:?}");
    assert_eq!(fs::read_to_string(world.root().join(".env")).unwrap(), "the user's secret");
}

#[test]
fn c4_a_rebase_of_the_target_under_way_holds_the_landing_back() {
    let world = World::new();
    let root = world.tip();
    let theirs = world.side_commit(&root, "src/lib.txt", "theirs\n");
    let base = world.user_commits("src/lib.txt", "mine\n");
    let commit = world.side_commit(&base, "a", "");
    assert!(!try_git(world.root(), &["rebase", "-q", theirs.as_str()]).0);
    let before = world.fingerprint();
    match land(&world.repo, &main(), &base, &commit).unwrap() {
        Landing::Refused { why, .. } => assert!(why.contains("a rebase of main is under way"), "{why}"),
        other => panic!("{other:?}"),
    }
    before.assert_same(&world.fingerprint());
}

#[test]
fn a_bare_repository_takes_landings() {
    let world = World::new();
    let bare = world.dir.path().join("bare.git");
    git(world.dir.path(), &["clone", "-q", "--bare", world.root().to_str().unwrap(), bare.to_str().unwrap()]);
    let work = world.side_commit(&world.tip(), "a", "1\n");
    git(&bare, &["fetch", "-q", world.root().to_str().unwrap(), &format!("{work}:refs/ppe/run/x")]);
    let repo = Repo::discover(&Git::default(), &bare).unwrap();
    let base = tip(&repo, &main()).unwrap();
    let commit = commit(build(&repo, &spec(&base, &[("T-1", &work)], MergeMethod::Merge)).unwrap());
    assert_eq!(land(&repo, &main(), &base, &commit).unwrap(), Landing::Landed);
    assert_eq!(tip(&repo, &main()).unwrap(), commit);
}

#[test]
fn landings_are_found_by_their_trailers_on_the_first_parent_chain() {
    let (world, base, commit) = beside_the_target();
    land(&world.repo, &main(), &base, &commit).unwrap();
    let merged_by_hand = world.side_commit(&commit, "hand", "");
    git(world.root(), &["branch", "-f", "main", merged_by_hand.as_str()]);
    let one = world.side_commit(&merged_by_hand, "x", "");
    let two = world.side_commit(&merged_by_hand, "y", "");
    let batch = spec(&merged_by_hand, &[("T-2", &one), ("T-3", &two)], MergeMethod::Merge);
    let Built::Commit { commit: batch, .. } = build(&world.repo, &batch).unwrap() else {
        panic!("it merges")
    };
    land(&world.repo, &main(), &merged_by_hand, &batch).unwrap();
    let found = landed_tasks(&world.repo, &batch, None).unwrap();
    let seen: Vec<_> = found.iter().map(|landing| (landing.task.as_str(), landing.commit.clone())).collect();
    assert_eq!(seen, [("T-2", batch.clone()), ("T-3", batch.clone()), ("T-1", commit.clone())]);
    assert!(found.iter().all(|landing| landing.run == Some(run())));
    let since = landed_tasks(&world.repo, &batch, Some(&merged_by_hand)).unwrap();
    assert_eq!(since.len(), 2);
    assert!(!world.repo.contains(&base, &commit).unwrap());
    assert!(!world.repo.contains(&base, &CommitId::new("a".repeat(40))).unwrap());
}

#[test]
fn a_candidate_on_another_is_the_same_as_one_on_what_that_became() {
    let world = World::new();
    let base = world.tip();
    git(world.root(), &["checkout", "-q", "--detach"]);
    let works = ["a", "b", "c"].map(|file| world.side_commit(&base, file, "1\n"));
    let first = commit(build(&world.repo, &spec(&base, &[("T-1", &works[0])], MergeMethod::Merge)).unwrap());
    // Built ahead of the landing of what it lies on, and once more, after a crash, behind it.
    let behind = CandidateSpec {
        id: CandidateId(2),
        target: base.clone(),
        ..spec(&first, &[("T-2", &works[1]), ("T-3", &works[2])], MergeMethod::Merge)
    };
    let ahead = build(&world.repo, &behind).unwrap();
    assert_eq!(land(&world.repo, &main(), &base, &first).unwrap(), Landing::Landed);
    let again = build(&world.repo, &CandidateSpec { target: first.clone(), ..behind }).unwrap();
    assert_eq!(ahead, again);
    assert_eq!(land(&world.repo, &main(), &first, &commit(ahead)).unwrap(), Landing::Landed);
    let chain = git(
        world.root(),
        &["log", "--first-parent", "--format=%(trailers:key=Ppe-Task,valueonly,separator=+)", "main"],
    );
    assert_eq!(chain.lines().take(2).collect::<Vec<_>>(), ["T-2+T-3", "T-1"]);
}

#[test]
fn who_clashes_with_the_target_is_told_from_who_clashes_with_another() {
    let world = World::new();
    let root = world.tip();
    let old = world.side_commit(&root, "src/lib.txt", "mine\n");
    let base = world.user_commits("src/lib.txt", "theirs\n");
    let (one, two) = (world.side_commit(&base, "a", "1\n"), world.side_commit(&base, "a", "2\n"));
    let first = commit(build(&world.repo, &spec(&base, &[("T-1", &one)], MergeMethod::Merge)).unwrap());
    let behind = CandidateSpec {
        target: base.clone(),
        ..spec(&first, &[("T-2", &two), ("T-3", &old)], MergeMethod::Merge)
    };
    let told = Clash { files: vec!["src/lib.txt".to_owned()], ..clash_of("T-3", ClashWith::Target) };
    let clashes = vec![clash_of("T-2", ClashWith::Others), told];
    assert_eq!(build(&world.repo, &behind).unwrap(), Built::Conflict { clashes });
}

#[test]
fn a_rebased_landing_repeats_the_works_commits_with_their_authors() {
    let world = World::new();
    let start = world.tip();
    git(world.root(), &["config", "user.name", "Ada Agent"]);
    let mut work = world.side_commit(&start, "a", "1\n");
    work = world.side_commit(&work, "a", "2\n");
    let other = world.side_commit(&start, "b", "1\n");
    let base = world.user_commits("c", "the target has gone on\n");
    let spec = spec(&base, &[("T-1", &work), ("T-2", &other)], MergeMethod::Rebase);
    let built = build(&world.repo, &spec).unwrap();
    assert_eq!(build(&world.repo, &spec).unwrap(), built);
    let tip = commit(built);
    let format = "--format=%an|%(trailers:key=Ppe-Task,valueonly,separator=)|%P";
    let range = format!("{base}..{tip}");
    let log = git(world.root(), &["log", "--reverse", format, &range]);
    let commits: Vec<Vec<&str>> = log.lines().map(|line| line.split('|').collect()).collect();
    let told: Vec<&str> = commits.iter().map(|commit| commit[1]).collect();
    assert_eq!(told, ["", "T-1", "T-2"], "{log}");
    assert!(commits.iter().all(|commit| commit[2].split(' ').count() == 1), "{log}");
    assert!(commits.iter().all(|commit| commit[0] == "Ada Agent"), "{log}");
    assert_eq!(git(world.root(), &["show", &format!("{tip}:a")]).trim(), "2");
    assert_eq!(land(&world.repo, &main(), &base, &tip).unwrap(), Landing::Landed);
    let found: Vec<_> = landed_tasks(&world.repo, &tip, None).unwrap().into_iter().map(|f| f.task).collect();
    assert_eq!(found, [TaskId::new("T-2"), TaskId::new("T-1")]);
}

#[test]
fn work_that_cannot_be_repeated_commit_by_commit_lands_as_one() {
    let world = World::new();
    let start = world.tip();
    let work = world.side_commit(&start, "a", "1\n");
    let side = world.side_commit(&start, "b", "1\n");
    let tree = git(world.root(), &["merge-tree", "--write-tree", work.as_str(), side.as_str()]);
    let merge = ["commit-tree", tree.trim(), "-p", work.as_str(), "-p", side.as_str(), "-m", "a merge"];
    let work = CommitId::new(git(world.root(), &merge).trim());
    let base = world.user_commits("c", "on\n");
    let tip = commit(build(&world.repo, &spec(&base, &[("T-1", &work)], MergeMethod::Rebase)).unwrap());
    assert_eq!(git(world.root(), &["show", "-s", "--format=%P", tip.as_str()]).trim(), base.as_str());
    assert_eq!(git(world.root(), &["ls-tree", "--name-only", tip.as_str(), "a", "b", "c"]), "a\nb\nc");
}
