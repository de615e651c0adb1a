//! No hook of the user's runs, wherever it is set up and whatever we do.

use std::fs;
use std::path::{Path, PathBuf};

use ppe_adapters::forge::local::LocalForge;
use ppe_adapters::git::keep::{keep, remove};
use ppe_adapters::git::lane::{Built, CandidateSpec, Landing, Member, build, land};
use ppe_adapters::git::onto::{Brought, bring_onto};
use ppe_adapters::git::prepare::{Start, WorkspaceSpec};
use ppe_adapters::git::snapshot::Leftovers;
use ppe_adapters::git::{Git, Repo};
use ppe_core::ids::{Attempt, Branch, CandidateId, TaskId};
use ppe_core::policy::Update;
use ppe_core::policy::{MergeMethod, Trailers};

use crate::world::{World, agent_commits, git, main, run, script, stamp, taken, try_git, write};

const HOOKS: [&str; 21] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "reference-transaction",
    "update",
];

/// Every hook in a folder; each leaves a file of its name and lets git go on.
fn plant(folder: &Path, ran: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::create_dir_all(ran).unwrap();
    for hook in HOOKS {
        script(&folder.join(hook), &format!("#!/bin/sh\ntouch '{}'\n", ran.join(hook).display()));
    }
}

fn ran(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn forget(folder: &Path) {
    for name in ran(folder) {
        fs::remove_file(folder.join(name)).unwrap();
    }
}

/// A repository with every hook, either where git looks by itself or where the configuration says.
fn hooked(configured: bool) -> (World, PathBuf) {
    let world = World::new();
    let ran = world.dir.path().join("ran");
    if configured {
        let folder = world.dir.path().join("my hooks");
        plant(&folder, &ran);
        git(world.root(), &["config", "core.hooksPath", folder.to_str().unwrap()]);
    } else {
        plant(&world.root().join(".git/hooks"), &ran);
    }
    (world, ran)
}

#[test]
fn from_the_workspace_to_the_landing_none_runs() {
    for configured in [false, true] {
        let (world, seen) = hooked(configured);
        world.user_commits("u", "the user's own commit\n");
        for expected in ["pre-commit", "post-commit", "reference-transaction"] {
            assert!(ran(&seen).contains(&expected.to_owned()), "{expected} is not planted: {:?}", ran(&seen));
        }
        forget(&seen);

        let mut workspace = world.workspace("T-1");
        agent_commits(workspace.dir(), "a", "1\n");
        write(workspace.dir(), "left over", "");
        taken(&workspace, Leftovers::Ignore).unwrap();
        let tip = taken(&workspace, Leftovers::Commit).unwrap().tip;
        assert_eq!(ran(&seen), [] as [&str; 0], "taking");

        world.user_commits("v", "");
        forget(&seen);
        let target = world.tip();
        let Brought::Clean { tip } =
            bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(1), &stamp())).unwrap()
        else {
            panic!("it goes by itself");
        };
        let on = WorkspaceSpec { start: Start::Continue { tip: tip.clone() }, ..world.spec("T-1") };
        let workspace = world.prepare(&on).workspace;
        let forge = LocalForge::open(&world.repo, &world.dir.path().join("state/forge/changes")).unwrap();
        forge.publish_new(&Branch::new("feat/T-1"), &tip).unwrap();
        assert_eq!(ran(&seen), [] as [&str; 0], "rebasing, preparing and publishing");

        let spec = CandidateSpec {
            run: run(),
            id: CandidateId(1),
            base: target.clone(),
            target: target.clone(),
            members: vec![Member { task: TaskId::new("T-1"), head: tip, line: "T-1".to_owned() }],
            method: MergeMethod::Merge,
            trailers: Trailers::Named,
            stamp: stamp(),
        };
        let Built::Commit { commit, .. } = build(&world.repo, &spec).unwrap() else { panic!("it merges") };
        // The target is checked out: a fast-forward there.
        assert_eq!(land(&world.repo, &main(), &target, &commit).unwrap(), Landing::Landed);
        assert_eq!(git(world.root(), &["rev-parse", "HEAD"]), commit.as_str());
        let kept = keep(&workspace, &stamp()).unwrap();
        remove(workspace, &kept).unwrap().delete().unwrap();
        assert_eq!(ran(&seen), [] as [&str; 0], "landing and removing");
    }
}

#[test]
fn no_verb_sets_one_off() {
    let (world, seen) = hooked(true);
    let root = world.root();
    let bare = world.dir.path().join("bare.git");
    git(root, &["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    let verbs: [&[&str]; 10] = [
        &["commit", "--allow-empty", "-qm", "one"],
        &["checkout", "-q", "-b", "side"],
        &["commit", "--allow-empty", "-qm", "two"],
        &["checkout", "-q", "main"],
        &["merge", "--ff-only", "-q", "side"],
        &["commit", "--allow-empty", "--amend", "-qm", "other"],
        &["merge", "-q", "--no-ff", "-m", "merge", "side"],
        &["rebase", "-q", "--force-rebase", "HEAD~1"],
        &["push", "-q", bare.to_str().unwrap(), "main"],
        &["update-ref", "refs/heads/third", "HEAD"],
    ];
    let mut by_hand = Vec::new();
    for verb in verbs {
        git(root, verb);
        by_hand.push(ran(&seen).len());
        forget(&seen);
    }
    assert!(by_hand.iter().all(|count| *count > 0), "each sets one off: {by_hand:?}");
    for name in ["side", "third"] {
        git(root, &["branch", "-qD", name]);
    }
    git(root, &["commit", "--allow-empty", "-qm", "go on"]);
    forget(&seen);
    for verb in verbs {
        world.repo.git.user(root).args(verb).env("GIT_AUTHOR_DATE", "@1 +0000").run().unwrap();
        assert_eq!(ran(&seen), [] as [&str; 0], "{verb:?}");
    }
}

#[test]
fn hooks_that_the_configuration_names_are_switched_off() {
    let world = World::new();
    git(world.root(), &["config", "hook.lint = my.er.event", "pre-commit"]);
    git(world.root(), &["config", "hook.lint = my.er.command", "true"]);
    git(world.root(), &["config", "hook.spell.command", "true"]);
    let (ok, _) = try_git(world.root(), &["config", "hook.spell.enabled"]);
    assert!(!ok, "the user's own git leaves them as they are");
    let repo = Repo::discover(&Git::default(), world.root()).unwrap();
    let value = |key: &str| repo.git.user(world.root()).args(["config", "--get", key]).text().unwrap();
    for hook in ["spell", "lint = my.er", "pre-push", "post-merge", "reference-transaction"] {
        assert_eq!(value(&format!("hook.{hook}.enabled")), "false", "{hook}");
    }
}
