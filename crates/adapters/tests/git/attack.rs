//! An agent plants programs wherever git might look for one; none of what we do runs any of them.

use std::fs;
use std::path::{Path, PathBuf};

use ppe_adapters::git::keep::{keep, remove};
use ppe_adapters::git::onto::bring_onto;
use ppe_adapters::git::ours::Whereabouts;
use ppe_adapters::git::prepare::{Start, WorkspaceSpec};
use ppe_adapters::git::snapshot::{Leftovers, look};
use ppe_core::ids::Attempt;
use ppe_core::policy::Update;

use crate::world::{World, git, script, stamp, taken, try_git, write};

/// Each program that may be planted leaves a file of its name here.
struct Canaries {
    dir: PathBuf,
}

impl Canaries {
    fn program(&self, name: &str, then: &str) -> String {
        let path = self.dir.join(format!("{name}.sh"));
        script(
            &path,
            &format!("#!/bin/sh\ntouch '{}'\n{then}\n", self.dir.join(format!("{name}-ran")).display()),
        );
        path.display().to_string()
    }

    fn ran(&self) -> Vec<String> {
        let names =
            fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut ran: Vec<String> = names.filter(|name| name.ends_with("-ran")).collect();
        ran.sort();
        ran
    }

    fn forget(&self) {
        for name in self.ran() {
            fs::remove_file(self.dir.join(name)).unwrap();
        }
    }

    /// Plants everything in a repository. `prefix` tells the places apart.
    fn plant(&self, repository: &Path, prefix: &str) {
        let keys = [
            ("core.fsmonitor", "fsmonitor", "exit 1"),
            ("diff.external", "external-diff", ""),
            ("filter.x.clean", "clean", "cat"),
            ("filter.x.smudge", "smudge", "cat"),
            ("diff.t.textconv", "textconv", "cat"),
            ("core.sshCommand", "ssh", "exit 1"),
            ("uploadpack.packObjectsHook", "pack-objects", "exit 1"),
            ("core.alternateRefsCommand", "alternate-refs", ""),
            ("gpg.program", "gpg", "exit 1"),
            ("core.pager", "pager", "cat"),
            ("core.editor", "editor", ""),
            ("sequence.editor", "sequence-editor", ""),
            ("merge.m.driver", "merge-driver", "exit 1"),
            ("credential.helper", "credential", ""),
            ("remote.origin.uploadpack", "uploadpack", "exit 1"),
            ("core.askPass", "askpass", ""),
        ];
        for (key, name, then) in keys {
            git(repository, &["config", key, &self.program(&format!("{prefix}-{name}"), then)]);
        }
        for (key, value) in
            [("commit.gpgSign", "true"), ("log.showSignature", "true"), ("filter.x.required", "false")]
        {
            git(repository, &["config", key, value]);
        }
        for hook in HOOKS {
            let program = self.program(&format!("{prefix}-hook-{hook}"), "");
            fs::copy(program, repository.join(".git/hooks").join(hook)).unwrap();
        }
        write(repository, ".gitattributes", "* filter=x diff=t merge=m\n");
    }
}

const HOOKS: [&str; 12] = [
    "post-index-change",
    "pre-commit",
    "post-commit",
    "post-checkout",
    "reference-transaction",
    "pre-auto-gc",
    "post-merge",
    "pre-push",
    "pre-rebase",
    "post-rewrite",
    "fsmonitor-watchman",
    "prepare-commit-msg",
];

/// Commits in a planted repository, with whatever that runs: it is the agent's own doing.
fn commit(dir: &Path, message: &str) {
    git(dir, &["add", "-A"]);
    git(dir, &["-c", "commit.gpgSign=false", "commit", "-qm", message]);
}

/// Even with a clean git directory outside, `git add` goes into a populated submodule and runs what is named there.
fn the_inner_trap_works(dir: &Path, canary: &Path) {
    let clean = dir.with_extension("clean");
    git(dir, &["clone", "-q", "--bare", dir.to_str().unwrap(), clean.to_str().unwrap()]);
    let (clean, files) = (format!("--git-dir={}", clean.display()), format!("--work-tree={}", dir.display()));
    git(dir, &[&clean, "read-tree", "HEAD"]);
    write(&dir.join("committed"), "f", "1\n");
    drop(fs::remove_file(canary));
    git(dir, &[&clean, &files, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "add", "-A"]);
    assert!(canary.exists());
}

#[test]
fn nothing_that_an_agent_planted_runs() {
    let world = World::new();
    let base = world.tip();
    let canaries = Canaries { dir: world.dir.path().join("canaries") };
    fs::create_dir(&canaries.dir).unwrap();
    let mut workspace = world.workspace("T-1");
    let dir = workspace.dir().to_owned();
    canaries.plant(&dir, "top");
    write(&dir, "src/lib.txt", "agent\n");
    // A repository inside, once committed as a submodule and once not.
    for nested in ["committed", "loose"] {
        git(&dir, &["init", "-q", nested]);
        write(&dir.join(nested), "f", "1\n");
        git(&dir.join(nested), &["add", "-A"]);
        git(&dir.join(nested), &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "inner"]);
        canaries.plant(&dir.join(nested), nested);
        // Written again: git has to read it, through the filter, to see that nothing changed.
        write(&dir.join(nested), "f", "1\n");
    }
    fs::rename(dir.join("loose"), world.dir.path().join("loose")).unwrap();
    commit(&dir, "planted");
    fs::rename(world.dir.path().join("loose"), dir.join("loose")).unwrap();
    write(&dir, "src/lib.txt", "changed since\n");
    let trapped =
        |name: &str| assert!(canaries.ran().contains(&name.to_owned()), "{name}: {:?}", canaries.ran());
    trapped("top-clean-ran");
    the_inner_trap_works(&dir, &canaries.dir.join("committed-clean-ran"));
    canaries.forget();
    let modules =
        "[submodule \"committed\"]\n\tpath = committed\n\turl = ./x\n\tupdate = !false\n\tignore = none\n";
    write(&dir, ".gitmodules", modules);
    write(&dir.join("committed"), "f", "1\n");

    let seen = look(&workspace).unwrap();
    assert_eq!((seen.commits, seen.at), (1, Whereabouts::OnBranch));
    drop(taken(&workspace, Leftovers::Ignore));
    drop(taken(&workspace, Leftovers::Commit));
    assert_eq!(canaries.ran(), Vec::<String>::new(), "looking and taking");

    let kept = keep(&workspace, &stamp()).unwrap();
    assert_eq!(canaries.ran(), Vec::<String>::new(), "keeping");
    for (path, text) in [("committed/f", "1"), ("loose/f", "1"), ("src/lib.txt", "changed since")] {
        assert_eq!(git(world.root(), &["show", &format!("{}:{path}", kept.reference)]), text);
    }

    // The submodule goes, so that the rest can be taken; everything else stays planted.
    git(&dir, &["rm", "-q", "--cached", "committed"]);
    fs::remove_dir_all(dir.join("committed")).unwrap();
    fs::remove_file(dir.join(".gitmodules")).unwrap();
    fs::rename(dir.join("loose"), world.dir.path().join("loose")).unwrap();
    commit(&dir, "without the submodule");
    fs::rename(world.dir.path().join("loose"), dir.join("loose")).unwrap();
    canaries.forget();
    let tip = taken(&workspace, Leftovers::Commit).unwrap().tip;
    let target = world.user_commits("README", "moved on\n");
    bring_onto(&mut workspace, &tip, (&[], &target), Update::Rebase, (Attempt(1), &stamp())).unwrap();
    assert_eq!(canaries.ran(), Vec::<String>::new(), "taking and rebasing");

    canaries.plant(&dir, "again");
    let users = world.side_commit(&target, "by-the-user", "");
    let clean = taken(&workspace, Leftovers::Commit).unwrap().tip;
    assert_ne!(clean, base);
    let on = WorkspaceSpec { start: Start::Continue { tip: clean.clone() }, ..world.spec("T-1") };
    let workspace = world.prepare(&on).workspace;
    canaries.plant(&dir, "once-more");
    git(&dir, &["-c", "core.fsmonitor=false", "checkout", "-q", "--", ".gitattributes"]);
    canaries.forget();
    let moved = WorkspaceSpec { start: Start::Continue { tip: users }, ..on };
    drop(workspace);
    let workspace = world.prepare(&moved).workspace;
    let kept = keep(&workspace, &stamp()).unwrap();
    remove(workspace, &kept).unwrap().delete().unwrap();
    assert_eq!(canaries.ran(), Vec::<String>::new(), "resetting and removing");
}

#[test]
fn a_repository_that_leads_to_another_gives_nothing_of_it() {
    let world = World::new();
    let secret = world.dir.path().join("secret");
    crate::world::make_repository(&secret);
    write(&secret, "key", "hunter2\n");
    git(&secret, &["add", "-A"]);
    git(&secret, &["commit", "-qm", "secret"]);
    let secret_commit = git(&secret, &["rev-parse", "HEAD"]);
    let traps: [&dyn Fn(&Path); 4] = [
        &|dot_git| {
            fs::write(
                dot_git.join("objects/info/alternates"),
                format!("{}\n", secret.join(".git/objects").display()),
            )
            .unwrap();
        },
        &|dot_git| fs::write(dot_git.join("commondir"), secret.join(".git").display().to_string()).unwrap(),
        &|dot_git| {
            fs::remove_dir_all(dot_git.join("objects")).unwrap();
            std::os::unix::fs::symlink(secret.join(".git/objects"), dot_git.join("objects")).unwrap();
        },
        &|dot_git| {
            fs::remove_dir_all(dot_git).unwrap();
            fs::write(dot_git, format!("gitdir: {}\n", secret.join(".git").display())).unwrap();
        },
    ];
    for (n, trap) in traps.iter().enumerate() {
        let workspace = world.workspace(&format!("T-{n}"));
        let dot_git = workspace.dir().join(".git");
        fs::write(dot_git.join("HEAD"), format!("{secret_commit}\n")).unwrap();
        trap(&dot_git);
        let seen = look(&workspace).unwrap();
        assert!(matches!(seen.at, Whereabouts::Unreadable { .. }), "trap {n}: {:?}", seen.at);
        taken(&workspace, Leftovers::Commit).unwrap();
        keep(&workspace, &stamp()).unwrap();
        assert!(!try_git(world.root(), &["cat-file", "-e", &secret_commit]).0, "trap {n}");
    }
}
