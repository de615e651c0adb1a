//! Discovery of the user's repository, and what is read of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use ppe_adapters::git::repo::{Depth, DiscoverError, Lag, Layout, WorktreeState};
use ppe_adapters::git::{Git, GitError, Repo, refs};
use ppe_core::ids::Branch;

use crate::world::{World, git, main, make_repository, write};

fn discover(path: &std::path::Path) -> Result<Repo, DiscoverError> {
    Repo::discover(&Git::default(), path)
}

#[test]
fn f4_each_kind_of_place_works_or_says_why_not() {
    let dir = tempfile::tempdir().unwrap();
    let error = discover(&dir.path().join("none")).unwrap_err();
    assert!(matches!(error, DiscoverError::Unreachable { .. }), "{error}");
    let error = discover(dir.path()).unwrap_err();
    assert!(error.to_string().contains("is not in a git repository"), "{error}");

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    git(&empty, &["init", "-q"]);
    let error = discover(&empty).unwrap_err();
    assert!(error.to_string().contains("has no commit yet"), "{error}");

    let plain = dir.path().join("with space");
    make_repository(&plain);
    let found = discover(&plain.join("src")).unwrap();
    assert_eq!(
        (found.layout, found.depth, found.root),
        (Layout::Main, Depth::Full, plain.canonicalize().unwrap())
    );
    let error = discover(&plain.join(".git")).unwrap_err();
    assert!(matches!(error, DiscoverError::InsideGitDir { .. }), "{error}");

    git(&plain, &["checkout", "-q", "--detach"]);
    assert_eq!(discover(&plain).unwrap().current_branch().unwrap(), None);

    let linked = dir.path().join("linked");
    git(&plain, &["worktree", "add", "-q", linked.to_str().unwrap(), "main"]);
    let found = discover(&linked).unwrap();
    assert_eq!(
        (found.layout, found.common_dir),
        (Layout::Linked, plain.canonicalize().unwrap().join(".git"))
    );
    assert_eq!(discover(&linked).unwrap().current_branch().unwrap(), Some(main()));

    let bare = dir.path().join("bare.git");
    git(dir.path(), &["clone", "-q", "--bare", plain.to_str().unwrap(), bare.to_str().unwrap()]);
    assert_eq!(discover(&bare).unwrap().layout, Layout::Bare);

    let shallow = dir.path().join("shallow");
    write(&plain, "more", "");
    git(&plain, &["add", "-A"]);
    git(&plain, &["commit", "-qm", "second"]);
    let url = format!("file://{}", plain.display());
    git(dir.path(), &["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    assert_eq!(discover(&shallow).unwrap().depth, Depth::Shallow);
}

#[test]
fn f4_paths_that_git_cannot_hold_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in [&b"new\nline"[..], b"not-\xff-utf8", b"tab\t"] {
        let path = dir.path().join(OsStr::from_bytes(name));
        make_repository(&path);
        let error = discover(&path).unwrap_err();
        assert!(matches!(error, DiscoverError::BadPath { .. }), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn a_partial_clone_is_refused() {
    let world = World::new();
    git(world.root(), &["config", "core.repositoryFormatVersion", "1"]);
    git(world.root(), &["config", "extensions.partialClone", "origin"]);
    assert!(matches!(discover(world.root()).unwrap_err(), DiscoverError::Partial { .. }));
}

#[test]
fn the_target_is_guessed_from_the_remote_then_from_usual_names() {
    let world = World::new();
    assert_eq!(world.repo.default_branch().unwrap(), Some(main()));
    let clone = world.dir.path().join("clone");
    git(world.root(), &["branch", "next"]);
    git(world.root(), &["checkout", "-q", "next"]);
    git(world.dir.path(), &["clone", "-q", world.root().to_str().unwrap(), clone.to_str().unwrap()]);
    git(&clone, &["branch", "-q", "main", "origin/main"]);
    let clone = discover(&clone).unwrap();
    assert_eq!(clone.default_branch().unwrap(), Some(Branch::new("next")));
    assert_eq!(
        clone.lag(&Branch::new("next")).unwrap(),
        Some(Lag { upstream: "origin/next".into(), ahead: 0, behind: 0 })
    );

    world.user_commits("a", "1");
    git(&clone.root, &["fetch", "-q"]);
    assert_eq!(clone.lag(&Branch::new("next")).unwrap().map(|lag| (lag.ahead, lag.behind)), Some((0, 1)));
    assert_eq!(world.repo.lag(&main()).unwrap(), None);
}

#[test]
fn identity_dirt_and_operations_are_seen_without_a_write() {
    let world = World::new();
    assert_eq!(world.repo.identity().unwrap().unwrap().email, "ursula@example.org");
    write(world.root(), "src/lib.txt", "changed\n");
    write(world.root(), "new file", "");
    let before = world.fingerprint();
    assert_eq!(world.repo.dirty().unwrap(), ["src/lib.txt", "new file"]);
    assert_eq!(world.repo.in_progress(), None);
    before.assert_same(&world.fingerprint());
    fs::write(world.root().join(".git/MERGE_HEAD"), "").unwrap();
    assert_eq!(world.repo.in_progress(), Some("a merge"));
}

#[test]
fn a_branch_in_the_middle_of_a_rebase_counts_as_held() {
    let world = World::new();
    let base = world.tip();
    let theirs = world.side_commit(&base, "src/lib.txt", "theirs\n");
    world.user_commits("src/lib.txt", "mine\n");
    let (ok, _) = crate::world::try_git(world.root(), &["rebase", "-q", theirs.as_str()]);
    assert!(!ok);
    let holders = world.repo.holders(&main()).unwrap();
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].state, WorktreeState::Busy("a rebase"));
}

#[test]
fn refs_move_only_from_what_is_expected() {
    use refs::{Expect, Moved};
    let world = World::new();
    let first = world.tip();
    let second = world.user_commits("a", "1");
    let name = refs::base(&crate::world::run(), &ppe_core::ids::TaskId::new("T-1"));
    let update = |new, expect: &Expect| refs::update(&world.repo, &name, new, expect).unwrap();
    assert_eq!(update(&first, &Expect::Absent), Moved::Done);
    assert_eq!(update(&first, &Expect::Absent), Moved::Done, "a repeat finds its own work");
    assert_eq!(update(&second, &Expect::Absent), Moved::Lost { now: Some(first.clone()) });
    assert_eq!(update(&second, &Expect::At(second.clone())), Moved::Lost { now: Some(first.clone()) });
    assert_eq!(update(&second, &Expect::At(first.clone())), Moved::Done);
    let below = format!("{name}/x");
    assert_eq!(refs::update(&world.repo, &below, &first, &Expect::Absent).unwrap(), Moved::Clash);
    assert_eq!(refs::of_run(&world.repo, &crate::world::run()).unwrap(), [(name.clone(), second.clone())]);
    assert_eq!(refs::delete(&world.repo, &name, &first).unwrap(), Moved::Lost { now: Some(second.clone()) });
    assert_eq!(refs::delete(&world.repo, &name, &second).unwrap(), Moved::Done);
    assert_eq!(refs::delete(&world.repo, &name, &second).unwrap(), Moved::Done);
}

#[test]
fn c2_a_held_lock_is_waited_for_and_then_named() {
    let world = World::new();
    let lock = world.root().join(".git/refs/ppe/base/x.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    fs::write(&lock, "").unwrap();
    let impatient = Repo::discover(&Git::default().with_lock_wait_ms(60), world.root()).unwrap();
    let set = |repo: &Repo| refs::update(repo, "refs/ppe/base/x", &world.tip(), &refs::Expect::Absent);
    match set(&impatient).unwrap_err() {
        GitError::Locked { file, .. } => assert!(file.ends_with("refs/ppe/base/x.lock"), "{file}"),
        other => panic!("{other}"),
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| set(&world.repo));
        fs::remove_file(&lock).unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), refs::Moved::Done);
    });
}
