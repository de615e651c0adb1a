//! Making, finding, moving, resetting, rebasing, rescuing and removing workspaces.

use std::fs;

use ppe_adapters::git::keep::{IndexKept, keep, remove, trash_in};
use ppe_adapters::git::live::Live;
use ppe_adapters::git::onto::{Brought, bring_onto};
use ppe_adapters::git::prepare::{How, PrepareError, Start, WorkspaceSpec, prepare};
use ppe_adapters::git::refs;
use ppe_adapters::git::snapshot::{Leftovers, TargetIn, look};
use ppe_adapters::git::workspace::Workspace;
use ppe_adapters::git::{Git, Repo};
use ppe_core::ids::{Attempt, CommitId, TaskId};
use ppe_core::policy::Update;

use crate::world::{World, agent_commits, git, read, run, stamp, taken, try_git, write};

fn is_whole(workspace: &Workspace) {
    let (ok, text) = try_git(workspace.dir(), &["fsck", "--full"]);
    assert!(ok, "{text}");
}

#[test]
fn a_workspace_is_what_an_agent_needs_and_nothing_else() {
    let world = World::new();
    let before = world.fingerprint();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    assert_eq!(git(dir, &["status", "--porcelain"]), "");
    assert_eq!(git(dir, &["symbolic-ref", "--short", "HEAD"]), "feat/T-1");
    assert_eq!(git(dir, &["rev-parse", "HEAD"]), world.tip().as_str());
    assert_eq!(git(dir, &["for-each-ref", "--format=%(refname)"]), "refs/heads/feat/T-1\nrefs/tags/v1");
    assert_eq!(git(dir, &["remote"]), "");
    assert_eq!(git(dir, &["describe", "--tags"]), "v1");
    assert_eq!(git(dir, &["config", "commit.gpgSign"]), "false");
    assert_eq!(read(dir.join("src/lib.txt")), "one\ntwo\nthree\n");

    let commit = agent_commits(dir, "a", "1\n");
    let author = git(dir, &["show", "-s", "--format=%an <%ae>", commit.as_str()]);
    assert_eq!(author, "Ursula User <ursula@example.org>");
    is_whole(&workspace);
    let mut live = Live::default();
    live.advance(dir);
    assert_eq!((live.commits, live.subjects.as_slice()), (1, ["agent: a".to_owned()].as_slice()));
    before.assert_same(&world.fingerprint());
}

#[test]
fn c5_sixteen_at_once_while_the_user_works() {
    let world = World::new();
    let spec = |n: usize| world.spec(&format!("T-{n}"));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|n| {
                let (spec, world) = (spec(n), &world);
                scope.spawn(move || {
                    let workspace = world.prepare(&spec).workspace;
                    agent_commits(workspace.dir(), &format!("f{n}"), "");
                    taken(&workspace, Leftovers::Ignore).unwrap()
                })
            })
            .collect();
        for _ in 0..5 {
            git(world.root(), &["branch", "-f", "users"]);
            git(world.root(), &["pack-refs", "--all"]);
        }
        for thread in threads {
            assert_eq!(thread.join().unwrap().look.commits, 1);
        }
    });
    assert_eq!(refs::list(&world.repo, "refs/ppe/base").unwrap().len(), 16);
}

#[test]
fn c9_a_collected_repository_leaves_workspaces_whole() {
    let world = World::new();
    let kept = world.tip();
    world.user_commits("gone", "soon\n");
    let workspace = world.workspace("T-1");
    git(world.root(), &["reset", "-q", "--hard", kept.as_str()]);
    git(world.root(), &["reflog", "expire", "--expire=now", "--all"]);
    git(world.root(), &["gc", "-q", "--prune=now"]);
    is_whole(&workspace);
    agent_commits(workspace.dir(), "a", "1\n");
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    git(world.root(), &["gc", "-q", "--prune=now"]);
    git(world.root(), &["cat-file", "-e", snapshot.tip.as_str()]);
    is_whole(&workspace);
}

#[test]
fn preparing_twice_changes_nothing_and_work_is_kept() {
    let world = World::new();
    let spec = world.spec("T-1");
    let first = world.prepare(&spec).workspace;
    let commit = agent_commits(first.dir(), "a", "1\n");
    write(first.dir(), "uncommitted", "");
    let again = world.prepare(&spec);
    assert_eq!(again.how, How::Kept);
    assert_eq!(again.workspace.record(), first.record());
    world.user_commits("b", "");
    let fresh = WorkspaceSpec { target_tip: world.tip(), ..spec };
    assert_eq!(world.prepare(&fresh).how, How::Kept, "an agent has worked there");
    assert_eq!(git(first.dir(), &["rev-parse", "HEAD"]), commit.as_str());
    assert!(first.dir().join("uncommitted").exists());
}

#[test]
fn a_workspace_that_was_not_finished_is_set_aside() {
    let world = World::new();
    let spec = world.spec("T-1");
    let first = world.prepare(&spec).workspace;
    write(first.dir(), "precious", "work");
    fs::remove_file(spec.dir.with_extension("ready")).unwrap();
    let How::Remade { aside } = world.prepare(&spec).how else { panic!("it was not complete") };
    assert_eq!(read(aside.join("precious")), "work");
    assert!(!spec.dir.join("precious").exists());
}

#[test]
fn a_start_without_the_landings_it_builds_on_is_refused() {
    let world = World::new();
    let first = world.tip();
    let landed = world.user_commits("a", "");
    let unknown = CommitId::new("b".repeat(40));
    let must_contain = vec![first.clone(), landed.clone(), unknown.clone()];
    let spec = WorkspaceSpec { target_tip: first.clone(), must_contain, ..world.spec("T-1") };
    match prepare(&world.repo, &spec).unwrap_err() {
        PrepareError::NotAncestor { tip, missing } => {
            assert_eq!((tip, missing), (first, vec![landed.clone(), unknown]));
        }
        other => panic!("{other}"),
    }
    assert!(!spec.dir.exists());
    world.prepare(&WorkspaceSpec { target_tip: landed.clone(), must_contain: vec![landed], ..spec });
}

#[test]
fn a_preloaded_workspace_moves_to_the_fresh_tip_in_two_processes() {
    let world = World::new();
    let log = world.dir.path().join("calls");
    let counting = world.dir.path().join("counting-git");
    crate::world::script(
        &counting,
        &format!("#!/bin/sh\necho \"$*\" >> '{}'\nexec git \"$@\"\n", log.display()),
    );
    let spec = world.spec("T-1");
    world.prepare(&spec);
    write(&spec.dir, "build/result", "made by set-up");
    let tip = world.user_commits("src/lib.txt", "new\n");

    let repo = Repo::discover(&Git::default().with_program(&counting), world.root()).unwrap();
    let mut workspace = Workspace::open(&repo, &spec.dir).unwrap().unwrap();
    fs::remove_file(&log).unwrap();
    workspace.move_to(&tip).unwrap();
    assert_eq!(read(log).lines().count(), 2);
    assert_eq!(git(&spec.dir, &["rev-parse", "HEAD"]), tip.as_str());
    assert_eq!(git(&spec.dir, &["status", "--porcelain"]), "");
    assert_eq!(read(spec.dir.join("src/lib.txt")), "new\n");
    assert_eq!(read(spec.dir.join("build/result")), "made by set-up");
    assert_eq!(refs::read(&world.repo, &refs::base(&run(), &TaskId::new("T-1"))).unwrap(), Some(tip));

    // By way of prepare, and where set-up changed what the tip changes too.
    let tip = world.user_commits("src/lib.txt", "newer\n");
    let fresh = WorkspaceSpec { target_tip: tip, ..spec };
    assert_eq!(world.prepare(&fresh).how, How::Moved);
    write(&fresh.dir, "src/lib.txt", "changed by set-up\n");
    let tip = world.user_commits("src/lib.txt", "newest\n");
    let fresh = WorkspaceSpec { target_tip: tip, ..fresh };
    let How::Remade { aside } = world.prepare(&fresh).how else { panic!("git refuses the move") };
    assert_eq!(read(aside.join("src/lib.txt")), "changed by set-up\n");
    assert_eq!(read(fresh.dir.join("src/lib.txt")), "newest\n");
}

#[test]
fn a_rebase_that_was_killed_and_cannot_be_taken_back_costs_no_work() {
    let world = World::new();
    let spec = world.spec("T-1");
    let first = world.prepare(&spec).workspace;
    let tip = agent_commits(first.dir(), "work", "1\n");
    assert_eq!(taken(&first, Leftovers::Ignore).unwrap().tip, tip);
    write(first.dir(), "half-written", "by the rebase");
    fs::create_dir(spec.dir.with_extension("git-ours").join("rebase-merge")).unwrap();
    let on = WorkspaceSpec { start: Start::Continue { tip: tip.clone() }, ..spec };
    let How::Remade { aside } = world.prepare(&on).how else { panic!("that rebase cannot be taken back") };
    assert_eq!(read(aside.join("half-written")), "by the rebase");
    assert_eq!(git(&on.dir, &["rev-parse", "HEAD"]), tip.as_str());
    assert_eq!(read(on.dir.join("work")), "1\n");
}

#[test]
fn a_move_that_is_cut_short_is_finished_by_a_repeat() {
    let world = World::new();
    let spec = world.spec("T-1");
    let ready = spec.dir.with_extension("ready");
    let mut workspace = world.prepare(&spec).workspace;
    let record = read(&ready);
    let tip = world.user_commits("src/lib.txt", "new\n");
    workspace.move_to(&tip).unwrap();
    // As if it had ended before the record was written.
    fs::write(&ready, &record).unwrap();
    let fresh = WorkspaceSpec { target_tip: tip.clone(), must_contain: vec![tip.clone()], ..spec };
    let prepared = world.prepare(&fresh);
    assert_eq!((prepared.how, &prepared.workspace.record().base), (How::Moved, &tip));
    assert_eq!(git(&fresh.dir, &["status", "--porcelain"]), "");

    // As if it had ended between taking the old repository away and putting the new one in place.
    fs::rename(fresh.dir.join(".git"), fresh.dir.with_extension("git-old-1")).unwrap();
    assert!(matches!(world.prepare(&fresh).how, How::Remade { .. }));
    assert_eq!(git(&fresh.dir, &["rev-parse", "HEAD"]), tip.as_str());
}

#[test]
fn ignored_files_come_along_and_never_become_part_of_a_commit() {
    let world = World::new();
    write(world.root(), ".env", "SECRET=1");
    write(world.root(), "src/.env.local", "SECRET=2");
    write(world.root(), "build/cache/x", "");
    write(world.root(), "build/other", "");
    let copy = vec![".env*".to_owned(), "/build/cache".to_owned()];
    let workspace = world.prepare(&WorkspaceSpec { copy, ..world.spec("T-1") }).workspace;
    let dir = workspace.dir();
    assert_eq!(workspace.record().copied, [".env", "build/cache/x", "src/.env.local"]);
    assert_eq!(read(dir.join("src/.env.local")), "SECRET=2");
    assert!(!dir.join("build/other").exists());

    // Even where the agent stops ignoring them.
    write(dir, ".gitignore", "!.env\n");
    write(dir, "src/.gitignore", "!.env.local\n");
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!(snapshot.files, [".gitignore", "src/.gitignore"]);
    git(dir, &["add", "-A"]);
    git(dir, &["add", "-f", ".env"]);
    git(dir, &["commit", "-qm", "with the secret"]);
    let error = taken(&workspace, Leftovers::Commit).unwrap_err().to_string();
    assert!(error.contains(".env was copied in"), "{error}");
}

#[test]
fn a_shallow_repository_works() {
    let world = World::new();
    world.user_commits("a", "1\n");
    let shallow = world.dir.path().join("shallow");
    let url = format!("file://{}", world.root().display());
    git(world.dir.path(), &["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    let repo = Repo::discover(&Git::default(), &shallow).unwrap();
    let workspace = prepare(&repo, &world.spec("T-1")).unwrap().workspace;
    is_whole(&workspace);
    agent_commits(workspace.dir(), "b", "1\n");
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!((snapshot.look.commits, snapshot.files), (1, vec!["b".to_owned()]));
    assert_eq!(git(&shallow, &["rev-parse", "--is-shallow-repository"]), "true");
}

#[test]
fn a_linked_worktree_and_sha256_work() {
    let world = World::new();
    let linked = world.dir.path().join("linked");
    git(world.root(), &["worktree", "add", "-q", linked.to_str().unwrap(), "-b", "side"]);
    write(&linked, ".env", "here");
    let repo = Repo::discover(&Git::default(), &linked).unwrap();
    let spec = WorkspaceSpec { copy: vec![".env".to_owned()], ..world.spec("T-1") };
    let workspace = prepare(&repo, &spec).unwrap().workspace;
    assert_eq!(read(workspace.dir().join(".env")), "here");

    let other = world.dir.path().join("sha256");
    git(world.dir.path(), &["init", "-q", "-b", "main", "--object-format=sha256", "sha256"]);
    git(
        &other,
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"],
    );
    let repo = Repo::discover(&Git::default(), &other).unwrap();
    let tip = repo.resolve("HEAD").unwrap().unwrap();
    let workspace =
        prepare(&repo, &WorkspaceSpec { target_tip: tip, ..world.spec("T-2") }).unwrap().workspace;
    agent_commits(workspace.dir(), "a", "1\n");
    assert_eq!(taken(&workspace, Leftovers::Ignore).unwrap().tip.as_str().len(), 64);
}

#[test]
fn going_on_keeps_the_agents_repository_as_it_is() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    write(workspace.dir(), "more", "uncommitted");
    fs::write(workspace.dir().join(".git/index.lock"), "").unwrap();
    let spec = WorkspaceSpec { start: Start::Continue { tip }, ..world.spec("T-1") };
    assert_eq!(world.prepare(&spec).how, How::Kept);
    assert!(workspace.dir().join("more").exists());
    assert!(!workspace.dir().join(".git/index.lock").exists(), "C1: left by a killed git");
}

#[test]
fn going_on_from_our_commit_of_leftovers_moves_the_branch_and_no_file() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    write(workspace.dir(), "b", "left over\n");
    write(workspace.dir(), "build/cache", "ignored\n");
    let tip = taken(&workspace, Leftovers::Commit).unwrap().tip;
    let spec = WorkspaceSpec { start: Start::Continue { tip: tip.clone() }, ..world.spec("T-1") };
    let How::Reset { rescued } = world.prepare(&spec).how else { panic!("the branch is behind") };
    assert!(refs::read(&world.repo, &rescued).unwrap().is_some());
    assert_eq!(git(workspace.dir(), &["rev-parse", "feat/T-1"]), tip.as_str());
    assert_eq!(git(workspace.dir(), &["status", "--porcelain"]), "");
    assert_eq!(read(workspace.dir().join("build/cache")), "ignored\n");
}

#[test]
fn going_on_from_a_tip_that_the_user_moved() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let users = world.side_commit(&tip, "a", "the user's\n");
    git(world.root(), &["branch", "feat/T-1", users.as_str()]);
    let spec = WorkspaceSpec { start: Start::Continue { tip: users.clone() }, ..world.spec("T-1") };

    write(workspace.dir(), "a", "uncommitted\n");
    // What cannot be gone on from is kept, as files and as a commit, and is in nobody's way.
    let How::Remade { aside } = world.prepare(&spec).how else {
        panic!("there is uncommitted work in the way")
    };
    assert_eq!(read(aside.join("a")), "uncommitted\n");
    let kept = git(world.root(), &["for-each-ref", "--format=%(refname)", "refs/ppe/keep"]);
    assert_eq!(git(world.root(), &["show", &format!("{}:a", kept.lines().last().unwrap())]), "uncommitted");
    assert_eq!(read(workspace.dir().join("a")), "the user's\n");

    let workspace = world.prepare(&spec).workspace;
    let further = world.side_commit(&users, "a", "the user's again\n");
    git(world.root(), &["branch", "-f", "feat/T-1", further.as_str()]);
    let spec = WorkspaceSpec { start: Start::Continue { tip: further.clone() }, ..spec };
    let users = further;
    assert!(matches!(world.prepare(&spec).how, How::Reset { .. }));
    assert_eq!(read(workspace.dir().join("a")), "the user's again\n");
    assert_eq!(git(workspace.dir(), &["rev-parse", "HEAD"]), users.as_str());
    assert_eq!(world.prepare(&spec).how, How::Kept);
}

#[test]
fn going_on_where_the_workspace_is_lost_makes_it_anew_at_the_tip() {
    let world = World::new();
    let base = world.tip();
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    fs::remove_dir_all(workspace.dir()).unwrap();
    world.user_commits("b", "");
    let spec = WorkspaceSpec { start: Start::Continue { tip: tip.clone() }, ..world.spec("T-1") };
    let prepared = world.prepare(&spec);
    assert!(matches!(prepared.how, How::Remade { .. }));
    assert_eq!((&prepared.workspace.record().base, &prepared.workspace.record().seated), (&base, &tip));
    assert_eq!(look(&prepared.workspace).unwrap().commits, 1);
}

#[test]
fn c6_an_agent_without_a_repository_or_off_its_branch_gets_a_fresh_one() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let spec = WorkspaceSpec { start: Start::Continue { tip: tip.clone() }, ..world.spec("T-1") };

    fs::remove_dir_all(workspace.dir().join(".git")).unwrap();
    write(workspace.dir(), "new", "uncommitted\n");
    assert!(matches!(world.prepare(&spec).how, How::Reset { .. }));
    assert_eq!(git(workspace.dir(), &["rev-parse", "feat/T-1"]), tip.as_str());
    assert_eq!(git(workspace.dir(), &["status", "--porcelain"]), "?? new");

    git(workspace.dir(), &["checkout", "-q", "-b", "elsewhere"]);
    let more = agent_commits(workspace.dir(), "b", "1\n");
    assert!(matches!(world.prepare(&spec).how, How::Reset { .. }));
    assert_eq!(git(workspace.dir(), &["rev-parse", "feat/T-1"]), more.as_str());
}

#[test]
fn a_rebase_that_goes_by_itself_leaves_the_work_on_the_target() {
    let world = World::new();
    let mut workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    agent_commits(workspace.dir(), "b", "2\n");
    write(workspace.dir(), "build/cache", "ignored\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let target = world.user_commits("src/lib.txt", "user\n");
    let before = world.fingerprint();
    let Brought::Clean { tip: new } =
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap()
    else {
        panic!("it does not conflict")
    };
    before.assert_same(&world.fingerprint());
    assert_eq!(git(workspace.dir(), &["rev-parse", "HEAD"]), new.as_str());
    assert_eq!(git(workspace.dir(), &["status", "--porcelain"]), "");
    assert_eq!(read(workspace.dir().join("src/lib.txt")), "user\n");
    assert_eq!(read(workspace.dir().join("build/cache")), "ignored\n");
    assert_eq!(git(workspace.dir(), &["rev-parse", "refs/ppe/target"]), target.as_str());
    let name = refs::work(&run(), &TaskId::new("T-1"), Attempt(2));
    assert_eq!(refs::read(&world.repo, &name).unwrap(), Some(new.clone()));
    let seen = look(&workspace).unwrap();
    assert_eq!((seen.base, seen.commits, seen.target), (target.clone(), 2, TargetIn::Yes));
    is_whole(&workspace);

    let again =
        bring_onto(&mut workspace, &new, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap();
    assert_eq!(again, Brought::Clean { tip: new.clone() });
    // From the old tip once more, as after a crash: the same commits.
    let again =
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap();
    assert_eq!(again, Brought::Clean { tip: new });
}

#[test]
fn a_rebase_that_was_not_recorded_is_done_again_with_the_same_result() {
    let world = World::new();
    let mut workspace = world.workspace("T-1");
    let dir = workspace.dir().to_owned();
    agent_commits(&dir, "a", "1\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let target = world.user_commits("src/lib.txt", "user\n");
    let record = read(dir.with_extension("ready"));
    let first =
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap();
    // As if it had ended before the fresh repository was put in place: the files are on the target already.
    fs::remove_dir_all(dir.join(".git")).unwrap();
    fs::rename(dir.with_extension("git-old-1"), dir.join(".git")).unwrap();
    fs::write(dir.with_extension("ready"), record).unwrap();
    fs::write(dir.with_extension("git-ours").join("index.lock"), "").unwrap();
    let mut workspace = Workspace::open(&world.repo, &dir).unwrap().unwrap();
    assert_eq!(
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap(),
        first
    );
    assert_eq!(git(&dir, &["status", "--porcelain"]), "");
}

#[test]
fn a_merge_of_the_target_keeps_the_commits_that_are_there() {
    let world = World::new();
    let mut workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let target = world.user_commits("src/lib.txt", "user\n");
    let when = stamp();
    let mut merge =
        |tip| bring_onto(&mut workspace, tip, (&[], &target), Update::Merge, (Attempt(2), &when)).unwrap();
    let Brought::Clean { tip: new } = merge(&tip) else { panic!("it does not conflict") };
    assert_eq!(merge(&tip), Brought::Clean { tip: new.clone() }, "as after a crash: the same commit");
    assert_eq!(merge(&new), Brought::Clean { tip: new.clone() });
    assert_eq!(
        git(world.root(), &["rev-list", "--parents", "-1", new.as_str()]),
        format!("{new} {tip} {target}")
    );
    assert_eq!(git(workspace.dir(), &["rev-parse", "HEAD"]), new.as_str());
    assert_eq!(git(workspace.dir(), &["status", "--porcelain"]), "");
    assert_eq!(read(workspace.dir().join("src/lib.txt")), "user\n");
    assert_eq!(look(&workspace).unwrap().target, TargetIn::Yes);
    is_whole(&workspace);

    let mut other = world.workspace("T-2");
    agent_commits(other.dir(), "src/lib.txt", "agent\n");
    let tip = taken(&other, Leftovers::Ignore).unwrap().tip;
    let target = world.user_commits("src/lib.txt", "user again\n");
    let brought = bring_onto(&mut other, &tip, (&[], &target), Update::Merge, (Attempt(2), &when)).unwrap();
    assert_eq!(brought, Brought::Conflicted { files: vec!["src/lib.txt".to_owned()] });
    assert_eq!(git(other.dir(), &["rev-parse", "HEAD"]), tip.as_str());
    assert_eq!(git(other.dir(), &["status", "--porcelain"]), "");
}

#[test]
fn a_rebase_that_conflicts_leaves_the_agent_at_its_tip_with_the_target_at_hand() {
    let world = World::new();
    let mut workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "src/lib.txt", "agent\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let target = world.user_commits("src/lib.txt", "user\n");
    let rebased =
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap();
    assert_eq!(rebased, Brought::Conflicted { files: vec!["src/lib.txt".to_owned()] });
    assert_eq!(git(workspace.dir(), &["rev-parse", "HEAD"]), tip.as_str());
    assert_eq!(git(workspace.dir(), &["status", "--porcelain"]), "");
    assert_eq!(look(&workspace).unwrap().target, TargetIn::No);

    // The agent does it.
    assert!(!try_git(workspace.dir(), &["merge", "-q", "refs/ppe/target"]).0);
    agent_commits(workspace.dir(), "src/lib.txt", "both\n");
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!((snapshot.look.target, snapshot.look.commits), (TargetIn::Yes, 2));
    assert_eq!(snapshot.files, ["src/lib.txt"]);
    assert!(world.repo.contains(&snapshot.tip, &target).unwrap());
}

#[test]
fn a_rebase_over_unsaved_changes_is_refused_and_one_cut_short_is_taken_up() {
    let world = World::new();
    let mut workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "src/lib.txt", "agent\n");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    let target = world.user_commits("src/lib.txt", "user\n");
    write(workspace.dir(), "src/lib.txt", "unsaved\n");
    let error =
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap_err();
    assert!(error.to_string().contains("has uncommitted changes"), "{error}");
    assert_eq!(read(workspace.dir().join("src/lib.txt")), "unsaved\n");

    write(workspace.dir(), "src/lib.txt", "agent\n");
    let ours = workspace.dir().with_extension("git-ours");
    let git_dir = format!("--git-dir={}", ours.display());
    let files = format!("--work-tree={}", workspace.dir().display());
    assert!(!try_git(workspace.dir(), &[&git_dir, &files, "rebase", "-q", target.as_str()]).0);
    assert!(ours.join("rebase-merge").exists());
    let rebased =
        bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap();
    assert_eq!(rebased, Brought::Conflicted { files: vec!["src/lib.txt".to_owned()] });
    assert_eq!(read(workspace.dir().join("src/lib.txt")), "agent\n");
}

#[test]
fn c7_all_that_was_left_is_kept_before_a_workspace_goes() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir().to_owned();
    let head = agent_commits(&dir, "a", "committed\n");
    git(&dir, &["branch", "other"]);
    git(&dir, &["checkout", "-q", "other"]);
    let other = agent_commits(&dir, "o", "on another branch\n");
    git(&dir, &["checkout", "-q", "feat/T-1"]);
    write(&dir, "s", "stashed\n");
    git(&dir, &["stash", "push", "-q", "-u"]);
    let stash = git(&dir, &["rev-parse", "stash"]);
    write(&dir, "src/lib.txt", "staged\n");
    git(&dir, &["add", "src/lib.txt"]);
    write(&dir, "src/lib.txt", "unstaged\n");
    write(&dir, "untracked", "untracked\n");
    fs::remove_file(dir.join("README")).unwrap();
    git(&dir, &["init", "-q", "nested"]);
    write(&dir, "nested/n", "nested\n");
    git(&dir, &["init", "-q", "nested/deeper"]);
    write(&dir, "nested/deeper/d", "deeper\n");

    let kept = keep(&workspace, &stamp()).unwrap();
    assert_eq!(
        (kept.reference.as_str(), &kept.index),
        ("refs/ppe/keep/20261124-161500-a1b2/T-1/1", &IndexKept::Saved)
    );
    assert_eq!(keep(&workspace, &stamp()).unwrap(), kept, "the same again is not saved twice");
    let show = |what: &str| git(world.root(), &["show", &format!("{}{what}", kept.reference)]);
    assert_eq!(show(":src/lib.txt"), "unstaged");
    assert_eq!(show("^2:src/lib.txt"), "staged");
    assert_eq!(show(":untracked"), "untracked");
    assert_eq!((show(":nested/n"), show(":nested/deeper/d")), ("nested".to_owned(), "deeper".to_owned()));
    assert!(!try_git(world.root(), &["show", &format!("{}:README", kept.reference)]).0);
    let parents = git(world.root(), &["show", "-s", "--format=%P", &kept.reference]);
    for parent in [head.as_str(), other.as_str(), stash.as_str()] {
        assert!(parents.contains(parent), "{parents}");
    }
    assert!(parents.starts_with(head.as_str()));

    fs::create_dir_all(dir.join("build/read-only")).unwrap();
    write(&dir, "build/read-only/x", "");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o555);
    fs::set_permissions(dir.join("build/read-only"), mode).unwrap();
    let trash = remove(workspace, &kept).unwrap();
    assert!(!dir.exists());
    assert_eq!(trash_in(dir.parent().unwrap()).len(), 1);
    trash.delete().unwrap();
    let left: Vec<_> = fs::read_dir(dir.parent().unwrap()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    git(world.root(), &["fsck", "--full"]);
}

#[test]
fn a_workspace_goes_only_with_its_own_rescue() {
    let world = World::new();
    let (one, two) = (world.workspace("T-1"), world.workspace("T-2"));
    let kept = keep(&one, &stamp()).unwrap();
    let dir = two.dir().to_owned();
    assert!(remove(two, &kept).unwrap_err().to_string().contains("does not hold"));
    assert!(dir.is_dir());
    git(world.root(), &["update-ref", "-d", &kept.reference]);
    assert!(remove(one, &kept).is_err());
}
