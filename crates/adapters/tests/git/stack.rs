//! What stacked tasks begin on, and how their work is brought off it.

use crate::world::{World, agent_commits, git, read, stamp, taken};
use ppe_adapters::git::onto::{Brought, bring_onto};
use ppe_adapters::git::prepare::{How, Start, WorkspaceSpec};
use ppe_adapters::git::snapshot::{History, Leftovers, look};
use ppe_adapters::git::stack::{Base, StackSpec, base};
use ppe_core::ids::{Attempt, CommitId, TaskId};
use ppe_core::policy::Update;
use std::slice;

fn found(world: &World, tips: &[CommitId], must_contain: &[CommitId]) -> Base {
    let (task, target, stamp) = (TaskId::new("T-9"), world.tip(), stamp());
    let spec = StackSpec { task: &task, target: &target, tips, must_contain, stamp: &stamp };
    base(&world.repo, &spec).unwrap()
}

fn parents(world: &World, commit: &CommitId) -> String {
    git(world.root(), &["show", "-s", "--format=%P", commit.as_str()])
}

#[test]
fn one_parent_is_stood_on_as_it_is_and_several_are_joined_with_the_target() {
    let world = World::new();
    let (one, two) =
        (world.side_commit(&world.tip(), "a", "1\n"), world.side_commit(&world.tip(), "b", "2\n"));
    assert_eq!(found(&world, slice::from_ref(&one), &[]), Base::At(one.clone()));
    let tips = [one.clone(), two.clone()];
    let Base::At(both) = found(&world, &tips, &[]) else { panic!("they merge") };
    assert_eq!(found(&world, &tips, &[]), Base::At(both.clone()), "a repeat is the same commit");
    assert_eq!(parents(&world, &both), format!("{} {one} {two}", world.tip()));
    let landed = world.user_commits("src/lib.txt", "landed\n");
    let Base::At(with) = found(&world, slice::from_ref(&one), slice::from_ref(&landed)) else {
        panic!("it merges")
    };
    assert_eq!(parents(&world, &with), format!("{landed} {one}"), "its tip lacks what landed");
    let other = world.side_commit(&world.tip(), "a", "else\n");
    let clash = found(&world, &[one, other], &[]);
    assert_eq!(clash, Base::Clash { files: vec!["a".to_owned()] });
}

/// A workspace that stands on a parent's work, with two commits of its own; and their tip.
fn stacked(world: &World, parent: &CommitId) -> (ppe_adapters::git::workspace::Workspace, CommitId) {
    let spec = WorkspaceSpec { target_tip: parent.clone(), ..world.spec("T-2") };
    let workspace = world.prepare(&spec).workspace;
    agent_commits(workspace.dir(), "own-1", "1\n");
    agent_commits(workspace.dir(), "own-2", "2\n");
    let seen = look(&workspace).unwrap();
    assert_eq!((seen.base, seen.commits), (parent.clone(), 2), "its own commits are counted");
    let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
    (workspace, tip)
}

/// The new tip of work that goes off its stack by itself.
fn off(
    workspace: &mut ppe_adapters::git::workspace::Workspace,
    tip: &CommitId,
    (grounds, target): (&[CommitId], &CommitId),
    update: Update,
) -> CommitId {
    match bring_onto(workspace, tip, (grounds, target), update, (Attempt(2), &stamp())).unwrap() {
        Brought::Clean { tip } => tip,
        Brought::Conflicted { files } => panic!("its own commits do not conflict: {files:?}"),
    }
}

/// The parent's work squashed onto a target that has moved as well.
fn land_squashed(world: &World) -> CommitId {
    world.user_commits("src/lib.txt", "user\n");
    world.user_commits("a", "1, repaired\n")
}

#[test]
fn only_its_own_commits_are_brought_onto_the_target() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    let (mut workspace, tip) = stacked(&world, &parent);
    let target = land_squashed(&world);
    let mut off = || {
        bring_onto(
            &mut workspace,
            &tip,
            (slice::from_ref(&parent), &target),
            Update::Rebase,
            (Attempt(2), &stamp()),
        )
    };
    let Brought::Clean { tip: new } = off().unwrap() else { panic!("its own commits do not conflict") };
    assert_eq!(off().unwrap(), Brought::Clean { tip: new.clone() }, "as after a crash");
    assert_eq!(git(world.root(), &["rev-list", "--count", &format!("{target}..{new}")]), "2");
    assert_eq!(git(world.root(), &["rev-parse", &format!("{new}~2")]), target.as_str());
    assert_eq!(read(workspace.dir().join("a")), "1, repaired\n");
    let seen = look(&workspace).unwrap();
    assert_eq!((seen.base, seen.commits), (target.clone(), 2));
    // The parent's commit is what would have stood in the way.
    let (mut other, tip) = {
        let spec = WorkspaceSpec { target_tip: parent.clone(), ..world.spec("T-3") };
        let workspace = world.prepare(&spec).workspace;
        agent_commits(workspace.dir(), "own-3", "1\n");
        let tip = taken(&workspace, Leftovers::Ignore).unwrap().tip;
        (workspace, tip)
    };
    let whole = bring_onto(&mut other, &tip, (&[], &target), Update::Rebase, (Attempt(2), &stamp())).unwrap();
    assert_eq!(whole, Brought::Conflicted { files: vec!["a".to_owned()] });
}

#[test]
fn a_merge_of_the_target_takes_the_parent_s_work_as_it_landed_and_counts_none_of_it() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    let (mut workspace, tip) = stacked(&world, &parent);
    let target = land_squashed(&world);
    let new = off(&mut workspace, &tip, (&[parent], &target), Update::Merge);
    assert_eq!(parents(&world, &new), format!("{tip} {target}"));
    assert_eq!(read(workspace.dir().join("a")), "1, repaired\n");
    let seen = look(&workspace).unwrap();
    assert_eq!((seen.base, seen.commits), (target, 3), "two and the merge, and not the parent's");
}

#[test]
fn a_workspace_that_is_made_anew_still_knows_where_its_work_began() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    let (workspace, tip) = stacked(&world, &parent);
    let record = workspace.dir().with_extension("ready");
    std::fs::remove_file(record).unwrap();
    let start = Start::Continue { tip };
    let spec = WorkspaceSpec { start, grounds: vec![parent.clone()], ..world.spec("T-2") };
    let made = world.prepare(&spec);
    assert!(matches!(made.how, How::Remade { .. }));
    assert_eq!(made.workspace.record().base, parent);
    assert_eq!(look(&made.workspace).unwrap().commits, 2);
}

#[test]
fn work_that_its_agent_brought_off_its_stack_is_taken_as_it_is() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    let (mut workspace, tip) = stacked(&world, &parent);
    world.user_commits("a", "1, repaired\n");
    let target = world.user_commits("own-2", "in the way\n");
    let off = bring_onto(
        &mut workspace,
        &tip,
        (slice::from_ref(&parent), &target),
        Update::Rebase,
        (Attempt(2), &stamp()),
    );
    assert_eq!(off.unwrap(), Brought::Conflicted { files: vec!["own-2".to_owned()] });
    // As the agent was told to.
    let dir = workspace.dir();
    let rebase = ["rebase", "-q", "-Xtheirs", "--onto", "refs/ppe/target", parent.as_str()];
    git(dir, &rebase);
    let taken = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!((taken.look.history, taken.look.base), (History::GoesOn, target.clone()));
    assert_eq!(taken.look.commits, 2);
    assert_eq!(git(world.root(), &["rev-parse", &format!("{}~2", taken.tip)]), target.as_str());
    // Whoever goes on there knows where the work begins now.
    let start = Start::Continue { tip: taken.tip.clone() };
    let spec = WorkspaceSpec { start, grounds: vec![parent], ..world.spec("T-2") };
    let next = world.prepare(&spec).workspace;
    assert_eq!(next.record().base, target);
}

/// What a person has pushed, two commits on another, is brought onto the target: how many commits it then has.
fn brought_off(world: &World, on: &CommitId, grounds: &[CommitId]) -> String {
    let first = world.side_commit(on, "own-1", "1\n");
    let tip = world.side_commit(&first, "own-2", "2\n");
    let target = world.user_commits("src/lib.txt", "last\n");
    let start = Start::Continue { tip: tip.clone() };
    let spec = WorkspaceSpec { start, grounds: grounds.to_vec(), ..world.spec("T-2") };
    let mut workspace = world.prepare(&spec).workspace;
    let new = off(&mut workspace, &tip, (grounds, &target), Update::Rebase);
    git(world.root(), &["rev-list", "--count", &format!("{target}..{new}")])
}

#[test]
fn work_that_a_person_has_brought_onto_its_parent_s_newer_tip_leaves_that_too() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    let repaired = world.side_commit(&world.tip(), "a", "1, repaired\n");
    world.user_commits("a", "1, repaired, and landed in other words\n");
    assert_eq!(brought_off(&world, &repaired, &[repaired.clone(), parent]), "2");
}

#[test]
fn work_whose_parent_lies_in_the_target_brings_nothing_of_the_target_s_along() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    git(world.root(), &["merge", "-q", "--no-ff", "-m", "Land T-1", parent.as_str()]);
    world.user_commits("src/lib.txt", "one way\n");
    // A person puts it on the target as that is now.
    let on = world.user_commits("src/lib.txt", "the other\n");
    assert_eq!(brought_off(&world, &on, &[parent.clone(), parent]), "2");
}

#[test]
fn work_of_a_parent_that_was_given_up_does_not_come_along() {
    let world = World::new();
    let parent = world.side_commit(&world.tip(), "a", "1\n");
    let (mut workspace, tip) = stacked(&world, &parent);
    let target = world.tip();
    let new = off(&mut workspace, &tip, (&[parent], &target), Update::Rebase);
    assert_eq!(git(world.root(), &["rev-list", "--count", &format!("{target}..{new}")]), "2");
    assert!(
        !workspace.dir().join("a").exists(),
        "the target has not moved, and the parent's work is not in it"
    );
}
