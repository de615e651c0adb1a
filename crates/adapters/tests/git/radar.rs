//! Which branches do not merge, found all at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use ppe_adapters::git::Repo;
use ppe_adapters::git::radar::{self, Pair, Radar, Tip};
use ppe_adapters::git::scratch::Scratch;
use ppe_core::ids::{Branch, CommitId};
use ppe_testkit::git::ALONE;

use crate::world::{World, agent_commits, git, main, read, script, try_git};

fn tip(name: &str, commit: &CommitId) -> Tip {
    Tip { branch: Branch::new(name), commit: commit.clone() }
}

fn found(repo: &Repo, tips: &[Tip]) -> Vec<Pair> {
    Radar::default().conflicts(&Scratch::new(repo).unwrap(), tips).unwrap()
}

fn pair(a: &str, b: &str, files: &[&str]) -> Pair {
    let files = files.iter().map(|file| (*file).to_owned()).collect();
    Pair { branches: [Branch::new(a), Branch::new(b)], files }
}

/// Commits made from `base` by what a shell says, in a checkout beside the user's.
fn made(world: &World, base: &CommitId, what: &str) -> CommitId {
    let dir = world.dir.path().join("by-shell");
    let place = dir.to_str().unwrap();
    git(world.root(), &["worktree", "add", "-q", "--detach", place, base.as_str()]);
    let ran = Command::new("sh").args(["-ec", what]).current_dir(&dir).envs(ALONE).status().unwrap();
    assert!(ran.success(), "{what}");
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", what]);
    let commit = CommitId::new(git(&dir, &["rev-parse", "HEAD"]));
    git(world.root(), &["worktree", "remove", "--force", place]);
    commit
}

#[test]
fn pairs_that_do_not_merge_are_named_with_their_files_and_nothing_is_left_behind() {
    let world = World::new();
    let base = world.tip();
    let one = world.side_commit(&base, "src/lib.txt", "ONE\ntwo\nthree\n");
    let two = world.side_commit(&base, "src/lib.txt", "Two\ntwo\nthree\n");
    let three = world.side_commit(&base, "src/other.txt", "three\n");
    let target = world.user_commits("src/lib.txt", "one\ntwo\nTHREE\n");
    let objects = git(world.root(), &["count-objects", "-v"]);
    let before = world.fingerprint();
    let tips = [tip("main", &target), tip("one", &one), tip("two", &two), tip("three", &three)];
    assert_eq!(found(&world.repo, &tips), [pair("one", "two", &["src/lib.txt"])]);
    before.assert_same(&world.fingerprint());
    assert_eq!(git(world.root(), &["count-objects", "-v"]), objects);
}

#[test]
fn a_file_in_the_place_of_a_folder_and_a_file_in_a_folder_that_moved_away_are_seen() {
    let world = World::new();
    let base = world.tip();
    let file = world.side_commit(&base, "docs", "a file\n");
    let folder = world.side_commit(&base, "docs/page", "a page\n");
    let moved = made(&world, &base, "mkdir lib; git mv src/lib.txt lib/lib.txt");
    let within = world.side_commit(&base, "src/new.txt", "new\n");
    let tips = [tip("file", &file), tip("folder", &folder), tip("moved", &moved), tip("within", &within)];
    let expected = [pair("file", "folder", &["docs"]), pair("moved", "within", &["lib/new.txt"])];
    assert_eq!(found(&world.repo, &tips), expected);
}

#[test]
fn branches_without_a_common_commit_spoil_nothing() {
    let world = World::new();
    let base = world.tip();
    let one = world.side_commit(&base, "a", "1\n");
    let two = world.side_commit(&base, "a", "2\n");
    let tree = git(world.root(), &["rev-parse", &format!("{one}^{{tree}}")]);
    let alone = CommitId::new(git(world.root(), &["commit-tree", "-m", "alone", &tree]));
    let tips = [tip("one", &one), tip("alone", &alone), tip("two", &two)];
    assert_eq!(found(&world.repo, &tips), [pair("one", "two", &["a"]), pair("alone", "two", &["a"])]);
}

/// The pairs as single git processes find them.
fn one_by_one(repo: &Repo, tips: &[Tip]) -> BTreeSet<[Branch; 2]> {
    let mut conflicts = BTreeSet::new();
    for (at, a) in tips.iter().enumerate() {
        for b in &tips[at + 1..] {
            let asked = ["merge-tree", "--write-tree", a.commit.as_str(), b.commit.as_str()];
            if !try_git(&repo.root, &asked).0 {
                conflicts.insert([a.branch.clone(), b.branch.clone()]);
            }
        }
    }
    conflicts
}

/// What tasks do to a small repository, each in a way that merges with some of the others and not with all.
const DEEDS: [&str; 16] = [
    "true",
    "echo new > added.txt",
    "echo other > added.txt",
    "sed -i 1s/.*/first/ src/lib.txt",
    "sed -i 3s/.*/third/ src/lib.txt",
    "git rm -q src/lib.txt",
    "git mv src/lib.txt src/renamed.txt",
    "git mv src/lib.txt moved.txt",
    "git mv src code",
    "echo x > src/new.txt",
    "mkdir -p src/deep; echo x > src/deep/new.txt",
    "git mv README README.md; mkdir README; echo x > README/page",
    "echo more >> README",
    "chmod +x README",
    "git rm -q README; ln -s src README",
    "mkdir added.txt; echo x > added.txt/page",
];

#[test]
fn no_pair_is_missed_whatever_the_branches_did_and_wherever_they_began() {
    let world = World::new();
    let first = world.tip();
    world.user_commits("src/more.txt", "more\n");
    let target = world.user_commits("README", "hello\nagain\n");
    let mut tips = vec![tip("main", &target)];
    for (n, deed) in DEEDS.iter().enumerate() {
        let base = if n % 3 == 0 { &target } else { &first };
        tips.push(tip(&format!("deed-{n}"), &made(&world, base, deed)));
    }
    // One on top of another, one that took the target in, and two that took in each other's beginnings.
    let stacked = made(&world, &tips[4].commit, "echo s > stacked.txt");
    let caught_up = made(&world, &tips[2].commit, &format!("git merge -q --no-edit {target}"));
    let crossed = [(10, 13), (13, 10)].map(|(a, b)| {
        let merge = format!("git merge -q --no-edit {}; echo {a} > crossed.txt", tips[b].commit);
        made(&world, &tips[a].commit, &merge)
    });
    tips.extend([tip("stacked", &stacked), tip("caught-up", &caught_up)]);
    tips.extend([tip("crossed-1", &crossed[0]), tip("crossed-2", &crossed[1])]);

    let expected = one_by_one(&world.repo, &tips);
    assert!(expected.len() > 30, "{} pairs conflict", expected.len());
    let seen = found(&world.repo, &tips);
    assert_eq!(seen.iter().map(|pair| pair.branches.clone()).collect::<BTreeSet<_>>(), expected);
}

/// A repository whose every git process is noted, with the first lines of what merges read.
fn noted(world: &World) -> (Repo, std::path::PathBuf) {
    let notes = world.dir.path().join("notes");
    let program = world.dir.path().join("noting-git");
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in\n*merge-tree*) tee -a '{0}' | git \"$@\";;\n*) exec git \"$@\";;\nesac\n",
        notes.display()
    );
    script(&program, &text);
    let mut repo = world.repo.clone();
    repo.git = repo.git.with_program(&program);
    (repo, notes)
}

#[test]
fn only_what_could_conflict_is_tried_and_only_once() {
    let world = World::new();
    let base = world.tip();
    let (repo, notes) = noted(&world);
    let one = world.side_commit(&base, "a", "1\n");
    let two = world.side_commit(&base, "a", "2\n");
    let three = world.side_commit(&base, "b", "3\n");
    let scratch = Scratch::new(&repo).unwrap();
    let mut radar = Radar::default();
    let mut tips = vec![tip("main", &base), tip("one", &one), tip("two", &two), tip("three", &three)];
    let conflict = pair("one", "two", &["a"]);
    for _ in 0..2 {
        assert_eq!(radar.conflicts(&scratch, &tips).unwrap(), std::slice::from_ref(&conflict));
        assert_eq!(read(&notes).lines().count(), 1, "{}", read(&notes));
    }
    tips[3] = tip("three", &world.side_commit(&three, "a", "3\n"));
    let expected = [conflict, pair("one", "three", &["a"]), pair("two", "three", &["a"])];
    assert_eq!(radar.conflicts(&scratch, &tips).unwrap(), expected);
    assert_eq!(read(&notes).lines().count(), 3, "{}", read(&notes));
}

#[test]
fn what_an_agent_has_just_committed_is_seen_from_outside_its_workspace() {
    let world = World::new();
    let (one, two) = (world.workspace("T-1"), world.workspace("T-2"));
    let tips = [("T-1", &one, "1\n"), ("T-2", &two, "2\n")]
        .map(|(task, workspace, text)| (task, workspace, agent_commits(workspace.dir(), "a", text)));
    let before = tips.each_ref().map(|(_, workspace, _)| git(workspace.dir(), &["count-objects", "-v"]));
    let scratch = Scratch::new(&world.repo).unwrap();
    let seen = tips.each_ref().map(|(task, workspace, commit)| {
        let branch = Branch::new(format!("feat/{task}"));
        let found = scratch.glance(workspace.dir(), &branch, &world.tip()).unwrap();
        assert_eq!(found.tip, *commit);
        Tip { branch, commit: found.tip }
    });
    let found = Radar::default().conflicts(&scratch, &seen).unwrap();
    assert_eq!(found, [pair("feat/T-1", "feat/T-2", &["a"])]);
    assert!(!try_git(world.root(), &["cat-file", "-e", tips[0].2.as_str()]).0, "it came into the user's");
    let after = tips.each_ref().map(|(_, workspace, _)| git(workspace.dir(), &["count-objects", "-v"]));
    assert_eq!(before, after);
}

/// A repository of many files, and branches beside `main` that each change some of their own and some of others'.
#[test]
fn what_a_branch_touches_is_seen_from_where_it_left_the_target() {
    let world = World::new();
    let base = world.tip();
    let one = world.side_commit(&base, "src/lib.txt", "ONE\ntwo\nthree\n");
    let target = world.user_commits("src/other.txt", "theirs\n");
    let scratch = Scratch::new(&world.repo).unwrap();
    let touched = radar::touched(&scratch, &[one.clone(), base.clone()], &target).unwrap();
    assert_eq!(touched.into_iter().collect::<Vec<_>>(), [(one, vec!["src/lib.txt".to_owned()])]);
}

fn large(root: &Path, files: usize, branches: usize) {
    let mut text = String::from("commit refs/heads/main\ncommitter a <a@b> 1700000000 +0000\ndata 0\n");
    for n in 0..files {
        let content = format!("{n}\n").repeat(20);
        let path = format!("src/m{}/p{}/f{n}.txt", n / 100, n % 10);
        write!(text, "M 100644 inline {path}\ndata {}\n{content}\n", content.len()).unwrap();
    }
    for branch in 0..branches {
        write!(text, "reset refs/heads/b{branch}\nfrom refs/heads/main\n\n").unwrap();
        for n in 0..10 {
            let shared = if branch % 9 == 0 && n == 0 { 0 } else { branch + 1 };
            let content = format!("{branch} {n}\n").repeat(10);
            let path = format!("src/m{shared}/p{n}/f{}.txt", shared * 100 + n);
            let head = format!("commit refs/heads/b{branch}\ncommitter a <a@b> 1700000001 +0000\ndata 0\n");
            write!(text, "{head}M 100644 inline {path}\ndata {}\n{content}\n", content.len()).unwrap();
        }
    }
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet", "--force"]).current_dir(root).stdin(Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
}

#[test]
fn forty_five_branches_of_a_large_repository_cost_less_than_a_few_single_merges() {
    let world = World::new();
    large(world.root(), 10_000, 45);
    let repo = &world.repo;
    let commit = |name: &str| repo.tip(&Branch::new(name)).unwrap().unwrap();
    let mut tips = vec![tip(main().as_str(), &commit("main"))];
    tips.extend((0..45).map(|n| format!("b{n}")).map(|name| tip(&name, &commit(&name))));
    let scratch = Scratch::new(repo).unwrap();
    let (mut all, mut single) = (u128::MAX, u128::MAX);
    // Side by side, and the best of five: the machine may be busy.
    for _ in 0..5 {
        let start = Instant::now();
        let found = Radar::default().conflicts(&scratch, &tips).unwrap();
        all = all.min(start.elapsed().as_micros());
        assert_eq!(found.len(), 5 * 4 / 2);
        let start = Instant::now();
        for other in &tips[1..=10] {
            let asked = ["merge-tree", "--write-tree", tips[1].commit.as_str(), other.commit.as_str()];
            drop(scratch.call().args(asked).any().unwrap());
        }
        single = single.min(start.elapsed().as_micros());
    }
    let pairs = tips.len() * (tips.len() - 1) / 2;
    println!("{pairs} pairs: {all} us; ten single merges: {single} us");
    assert!(all < 5 * single, "{pairs} pairs took {all} us, ten single merges {single} us");
    fs::remove_dir_all(world.root()).unwrap();
}
