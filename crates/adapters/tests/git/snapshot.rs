//! What is taken of an agent's work, and what is refused.

use std::fs;

use ppe_adapters::git::gate::{Gate, Refusal};
use ppe_adapters::git::ours::Whereabouts;
use ppe_adapters::git::refs;
use ppe_adapters::git::snapshot::{History, Leftovers, SnapshotError, TakeSpec, look, take};
use ppe_core::ids::{Attempt, TaskId};

use crate::world::{World, agent_commits, git, run, take_spec, taken, write};

fn refusals(result: Result<ppe_adapters::git::snapshot::Snapshot, SnapshotError>) -> Vec<Refusal> {
    match result {
        Err(SnapshotError::Refused(refusals)) => refusals,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_is_measured_and_lies_in_the_users_repository() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let before = world.fingerprint();
    agent_commits(workspace.dir(), "a", "1\n2\n");
    let tip = agent_commits(workspace.dir(), "src/lib.txt", "one\n");
    write(workspace.dir(), "left over", "x\n");
    let seen = look(&workspace).unwrap();
    assert_eq!((seen.commits, seen.dirty.as_slice()), (2, ["left over".to_owned()].as_slice()));
    assert_eq!(seen.subjects, ["agent: a", "agent: src/lib.txt"]);
    assert_eq!((&seen.at, seen.history), (&Whereabouts::OnBranch, History::GoesOn));

    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!((&snapshot.tip, snapshot.look), (&tip, seen));
    assert_eq!((snapshot.changed_files, snapshot.lines_added, snapshot.lines_removed), (2, 2, 2));
    assert_eq!(snapshot.files, ["a", "src/lib.txt"]);
    assert_eq!(snapshot.reference, refs::work(&run(), &TaskId::new("T-1"), Attempt(1)));
    assert_eq!(refs::read(&world.repo, &snapshot.reference).unwrap(), Some(tip));
    before.assert_same(&world.fingerprint());
}

#[test]
fn leftovers_become_one_commit_whose_id_repeats() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let head = agent_commits(workspace.dir(), "a", "1\n");
    write(workspace.dir(), "b", "new\n");
    write(workspace.dir(), "build/x", "ignored\n");
    fs::remove_file(workspace.dir().join("README")).unwrap();
    fs::remove_file(workspace.dir().join("src/lib.txt")).unwrap();
    fs::remove_dir(workspace.dir().join("src")).unwrap();
    std::os::unix::fs::symlink("a", workspace.dir().join("src")).unwrap();
    let first = taken(&workspace, Leftovers::Commit).unwrap();
    let second = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!((&first.tip, &first.tree), (&second.tip, &second.tree));
    assert_eq!(first.files, ["README", "a", "b", "src", "src/lib.txt"]);
    assert_eq!(
        (first.look.commits, first.look.subjects.last().map(String::as_str)),
        (2, Some("ppe: leftovers"))
    );
    let shown = git(world.root(), &["show", "-s", "--format=%P|%an|%ad", "--date=unix", first.tip.as_str()]);
    assert_eq!(shown, format!("{head}|Ursula User|1790000000"));
    assert_eq!(
        git(workspace.dir(), &["rev-parse", "HEAD"]),
        head.as_str(),
        "the agent's repository is left alone"
    );
}

#[test]
fn nothing_done_is_an_empty_result() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!((snapshot.tip, snapshot.look.commits, snapshot.changed_files), (world.tip(), 0, 0));
}

#[test]
fn c6_files_are_taken_where_the_repository_is_gone() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let known = agent_commits(workspace.dir(), "a", "1\n");
    taken(&workspace, Leftovers::Ignore).unwrap();
    agent_commits(workspace.dir(), "b", "2\n");
    fs::remove_dir_all(workspace.dir().join(".git")).unwrap();
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!(snapshot.look.at, Whereabouts::Unreadable { why: "its .git is gone".to_owned() });
    assert_eq!(snapshot.files, ["a", "b"]);
    let parent = git(world.root(), &["rev-parse", &format!("{}^", snapshot.tip)]);
    assert_eq!(parent, known.as_str(), "what was known before stays history");
}

#[test]
fn c6_other_branches_and_no_branch() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    git(workspace.dir(), &["checkout", "-q", "-b", "mine"]);
    let tip = agent_commits(workspace.dir(), "a", "1\n");
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!(
        (&snapshot.tip, snapshot.look.at),
        (&tip, Whereabouts::Elsewhere { branch: "mine".to_owned() })
    );

    git(workspace.dir(), &["checkout", "-q", "--detach"]);
    let tip = agent_commits(workspace.dir(), "b", "2\n");
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!((&snapshot.tip, snapshot.look.at), (&tip, Whereabouts::Detached));

    // Work on the branch it was given counts, even where the agent looks at something older at the end.
    git(workspace.dir(), &["checkout", "-q", "feat/T-1"]);
    let tip = agent_commits(workspace.dir(), "c", "3\n");
    git(workspace.dir(), &["checkout", "-q", "v1"]);
    write(workspace.dir(), "junk", "");
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!((&snapshot.tip, snapshot.look.dirty), (&tip, vec!["junk".to_owned()]));
}

#[test]
fn c6_a_rewritten_history_becomes_one_commit_on_the_base() {
    let world = World::new();
    world.user_commits("b", "");
    let workspace = world.workspace("T-1");
    git(workspace.dir(), &["checkout", "-q", "--orphan", "fresh"]);
    git(workspace.dir(), &["branch", "-qD", "feat/T-1"]);
    git(workspace.dir(), &["checkout", "-q", "--orphan", "feat/T-1"]);
    agent_commits(workspace.dir(), "a", "1\n");
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!(snapshot.files, ["a"]);
    let parent = git(world.root(), &["show", "-s", "--format=%P", snapshot.tip.as_str()]);
    assert_eq!(parent, world.tip().as_str());
    assert_eq!(look(&workspace).unwrap().history, History::Rewritten);
}

#[test]
fn c6_a_nested_repository_is_named_and_left_out_but_refused_when_committed() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    git(workspace.dir(), &["init", "-q", "nested"]);
    agent_commits(&workspace.dir().join("nested"), "n", "");
    git(workspace.dir(), &["init", "-q", "empty"]);
    write(workspace.dir(), "a", "1\n");
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!(snapshot.files, ["a"]);
    assert_eq!(snapshot.look.nested, ["empty", "nested"]);

    git(workspace.dir(), &["-c", "advice.addEmbeddedRepo=false", "add", "nested"]);
    git(workspace.dir(), &["commit", "-qm", "with a repository"]);
    let refused = refusals(taken(&workspace, Leftovers::Ignore));
    assert_eq!(refused, [Refusal::Nested { path: "nested".to_owned() }]);
}

#[test]
fn c8_each_kind_of_bad_content_is_refused_with_its_reason() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    write(dir, "large", &"x".repeat(3000));
    write(dir, "src/conflict", "a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n");
    write(dir, "heading.rst", "Title\n=======\n");
    write(dir, "readme", "");
    write(dir, "Src/x", "");
    std::os::unix::fs::symlink("../../etc/passwd", dir.join("src/link")).unwrap();
    std::os::unix::fs::symlink("../README", dir.join("src/fine")).unwrap();
    let gate = Gate { max_file_bytes: 2000, max_files: 100 };
    let spec = TakeSpec { gate, ..take_spec(Leftovers::Commit) };
    let too_large = Refusal::TooLarge { path: "large".to_owned(), bytes: 3000, limit: 2000 };
    assert_eq!(refusals(take(&workspace, &spec)), std::slice::from_ref(&too_large), "before it is even read");

    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", "all of it"]);
    let refused = refusals(take(&workspace, &spec));
    let expected = [
        too_large,
        Refusal::LinkOut { path: "src/link".to_owned(), to: "../../etc/passwd".to_owned() },
        Refusal::ConflictMarkers { path: "src/conflict".to_owned() },
        Refusal::CaseClash { path: "Src".to_owned(), other: "src".to_owned() },
        Refusal::CaseClash { path: "readme".to_owned(), other: "README".to_owned() },
    ];
    assert_eq!(refused, expected);
    let name = refs::work(&run(), &TaskId::new("T-1"), Attempt(1));
    assert_eq!(
        refs::read(&world.repo, &name).unwrap(),
        None,
        "nothing refused gets into the user's repository"
    );

    let few = TakeSpec { gate: Gate { max_file_bytes: 2000, max_files: 3 }, ..spec };
    assert_eq!(refusals(take(&workspace, &few)), [Refusal::TooManyFiles { count: 7, limit: 3 }]);
}

#[test]
fn c8_a_file_that_git_itself_finds_unsound_is_refused() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    write(
        workspace.dir(),
        ".gitmodules",
        "[submodule \"x\"]\n\tpath = x\n\turl = ./x\n\tupdate = !touch /tmp/x\n",
    );
    match refusals(taken(&workspace, Leftovers::Commit)).as_slice() {
        [Refusal::Unsound { what }] => assert!(what.contains("gitmodulesUpdate"), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_submodule_that_the_agent_removed_is_removed() {
    let world = World::new();
    let inner = world.dir.path().join("inner");
    crate::world::make_repository(&inner);
    let url = inner.to_str().unwrap();
    git(world.root(), &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "sub"]);
    git(world.root(), &["commit", "-qm", "with a submodule"]);
    let workspace = world.workspace("T-1");
    assert_eq!(look(&workspace).unwrap().dirty, Vec::<String>::new());
    fs::remove_dir(workspace.dir().join("sub")).unwrap();
    fs::remove_file(workspace.dir().join(".gitmodules")).unwrap();
    assert_eq!(taken(&workspace, Leftovers::Commit).unwrap().files, [".gitmodules", "sub"]);
    write(workspace.dir(), "sub", "a file now\n");
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!(git(world.root(), &["show", &format!("{}:sub", snapshot.tip)]), "a file now");
}

#[test]
fn c8_what_was_bad_in_the_base_already_is_not_charged_to_the_agent() {
    let world = World::new();
    let marks = "<<<<<<< a\n=======\n>>>>>>> b\n";
    world.user_commits("fixture", marks);
    world.user_commits("FIXTURE", "");
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "fixture", &format!("{marks}more\n<<<<<<< c\n"));
    agent_commits(workspace.dir(), "other", "");
    assert_eq!(taken(&workspace, Leftovers::Ignore).unwrap().files, ["fixture", "other"]);
}

#[test]
fn c10_damaged_objects_stay_out() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    agent_commits(workspace.dir(), "a", "1\n");
    let blob = git(workspace.dir(), &["rev-parse", "HEAD:a"]);
    let path = workspace.dir().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let snapshot = taken(&workspace, Leftovers::Ignore).unwrap();
    assert!(matches!(snapshot.look.at, Whereabouts::Unreadable { .. }), "{:?}", snapshot.look.at);
    assert_eq!(snapshot.files, ["a"], "taken from the files");
    git(world.root(), &["fsck", "--full", "--strict"]);
}

#[test]
fn c12_a_workspace_that_was_removed_is_said() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    fs::remove_dir_all(workspace.dir()).unwrap();
    assert!(look(&workspace).unwrap_err().to_string().ends_with("was removed"));
}
