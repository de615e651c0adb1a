//! Work that names an AI as its author: found in commits and added lines, taken out of commits, with real commits.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ppe_adapters::git::Stamp;
use ppe_adapters::git::prepare::{How, Start, WorkspaceSpec};
use ppe_adapters::git::refs;
use ppe_adapters::git::snapshot::{Leftovers, Snapshot, TakeSpec, take};
use ppe_core::ids::{Branch, CommitId};
use ppe_core::outcome::{Attributed, Place};

use crate::world::{World, agent_commits, git, main, stamp, take_spec, taken, write};

const TRAILER: &str = "Co-Authored-By: Claude <noreply@anthropic.com>";
const FOOTER: &str = "\u{1f916} Generated with [Claude Code](https://claude.com/claude-code)";

/// Lets an agent commit a file with a message, as somebody, at a time of its own.
fn commits(dir: &Path, file: &str, message: &str, who: (&str, &str)) -> CommitId {
    write(dir, file, &format!("{file}\n"));
    git(dir, &["add", "-A"]);
    let (name, email) = (format!("user.name={}", who.0), format!("user.email={}", who.1));
    let date = "--date=2026-01-02T03:04:05+0100";
    git(dir, &["-c", &name, "-c", &email, "commit", "-q", date, "-m", message]);
    CommitId::new(git(dir, &["rev-parse", "HEAD"]))
}

const USER: (&str, &str) = ("Ursula User", "ursula@example.org");

fn places(snapshot: &Snapshot) -> Vec<String> {
    snapshot.attributed.iter().map(Attributed::to_string).collect()
}

fn shown(world: &World, commit: &str) -> String {
    git(world.root(), &["show", "-s", "--format=%an <%ae> %at|%cn <%ce> %ct|%T|%B", commit])
}

#[test]
fn commits_that_name_an_ai_are_found_then_reworded_and_nothing_else_of_them_changes() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    let clean = agent_commits(dir, "a", "1\n");
    let named = commits(dir, "b", &format!("feat: b\n\nWhy.\n\n{FOOTER}\n\n{TRAILER}"), USER);
    let agent = commits(dir, "c", "feat: c", ("Claude", "noreply@anthropic.com"));
    let last = commits(dir, "d", "feat: d\n\nCo-authored-by: Jane Roe <jane@example.org>", USER);

    let found = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!(found.tip, last, "looking changes nothing");
    let short = |commit: &CommitId| ppe_core::wording::short(commit).to_owned();
    let expected = [
        format!("commit {}: {FOOTER}", short(&named)),
        format!("commit {}: {TRAILER}", short(&named)),
        format!("commit {}: author is Claude <noreply@anthropic.com>", short(&agent)),
        format!("commit {}: committer is Claude <noreply@anthropic.com>", short(&agent)),
    ];
    assert_eq!(places(&found), expected);

    let reworded = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!(reworded.attributed, []);
    assert_eq!((&reworded.tree, reworded.look.commits), (&found.tree, 4));
    let line =
        git(world.root(), &["rev-list", "--reverse", "--first-parent", &format!("main..{}", reworded.tip)]);
    let line: Vec<&str> = line.lines().collect();
    assert_eq!(line[0], clean.as_str(), "what was in order stays the commit that it was");
    let before = [&clean, &named, &agent, &last].map(|commit| shown(&world, commit.as_str()));
    assert_eq!(shown(&world, line[1]), before[1].replace(&format!("\n\n{FOOTER}\n\n{TRAILER}"), ""));
    assert_eq!(
        shown(&world, line[2]),
        before[2].replace("Claude <noreply@anthropic.com>", "Ursula User <ursula@example.org>")
    );
    assert_eq!(shown(&world, line[3]), before[3]);

    // As after a crash, and at another time.
    let later = Stamp { when: ppe_core::ids::Millis(1_800_000_000_000), ..stamp() };
    let again = take(&workspace, &TakeSpec { stamp: later, ..take_spec(Leftovers::Commit) }).unwrap();
    assert_eq!(again.tip, reworded.tip);
    assert_eq!(git(dir, &["rev-parse", "HEAD"]), last.as_str(), "the agent's repository is left alone");
}

#[test]
fn the_agent_goes_on_from_the_reworded_commits() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    commits(workspace.dir(), "a", &format!("feat: a\n\n{TRAILER}"), USER);
    write(workspace.dir(), "b", "left over\n");
    let tip = taken(&workspace, Leftovers::Commit).unwrap().tip;
    let on = WorkspaceSpec { start: Start::Continue { tip: tip.clone() }, ..world.spec("T-1") };
    let prepared = world.prepare(&on);
    assert!(matches!(prepared.how, How::Reset { .. }), "{:?}", prepared.how);
    let dir = prepared.workspace.dir();
    assert_eq!(git(dir, &["rev-parse", "HEAD"]), tip.as_str());
    assert_eq!(git(dir, &["status", "--porcelain"]), "");
    agent_commits(dir, "c", "");
    assert_eq!(taken(&prepared.workspace, Leftovers::Ignore).unwrap().attributed, []);
}

#[test]
fn a_merge_keeps_its_parents_and_a_signature_that_no_longer_holds_goes() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    git(dir, &["checkout", "-q", "-b", "side"]);
    commits(dir, "a", &format!("feat: a\n\n{TRAILER}"), USER);
    git(dir, &["checkout", "-q", "feat/T-1"]);
    let own = commits(dir, "b", "feat: b", USER);
    git(dir, &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let object = git(dir, &["cat-file", "commit", "HEAD"]);
    let signed = object.replacen(
        "\n\n",
        "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n",
        1,
    );
    fs::write(dir.join(".git/signed"), signed + "\n").unwrap();
    let signed = git(dir, &["hash-object", "-t", "commit", "-w", ".git/signed"]);
    git(dir, &["reset", "-q", "--hard", &signed]);

    let tip = taken(&workspace, Leftovers::Commit).unwrap().tip;
    let parents = git(world.root(), &["show", "-s", "--format=%P", tip.as_str()]);
    let parents: Vec<&str> = parents.split(' ').collect();
    assert_eq!((parents.len(), parents[0]), (2, own.as_str()));
    assert_eq!(git(world.root(), &["show", "-s", "--format=%B", parents[1]]), "feat: a");
    assert!(!git(world.root(), &["cat-file", "commit", tip.as_str()]).contains("gpgsig"));
    git(world.root(), &["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn lines_are_found_where_they_stand_and_files_are_never_changed() {
    let world = World::new();
    world.user_commits("old", "// Generated with Claude Code\nsecond\n");
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    write(dir, "old", "// Generated with Claude Code\nsecond\nthird\n");
    write(dir, "src/client.py", "class GeminiClient:\n    model = 'gemini-2.5-pro'\n");
    write(
        dir,
        "with space.md",
        "# About\n\nThe OpenAI API.\n++ b/x\n\nGenerated with [Claude Code](https://claude.com/claude-code)\n",
    );
    write(dir, "data.bin", "\0\n// Generated with Claude Code\n");
    agent_commits(dir, "b.rs", "fn b() {}\n// Generated by GitHub Copilot\n");
    let expected = [
        "b.rs:2: // Generated by GitHub Copilot",
        "with space.md:6: Generated with [Claude Code](https://claude.com/claude-code)",
    ];
    for leftovers in [Leftovers::Ignore, Leftovers::Commit] {
        let snapshot = taken(&workspace, leftovers).unwrap();
        assert_eq!(places(&snapshot), expected);
        assert_eq!(snapshot.tip.as_str(), git(dir, &["rev-parse", "HEAD"]));
    }
    let line = |a: &Attributed| matches!(a.place, Place::Line { .. });
    assert!(taken(&workspace, Leftovers::Ignore).unwrap().attributed.iter().all(line));
}

#[test]
fn a_large_change_is_looked_through_within_bounds() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    let line = "// Generated with Claude Code\n";
    // One file that nobody reads, and many places in one that somebody does.
    write(dir, "generated.txt", &line.repeat(40_000));
    write(dir, "a.txt", &line.repeat(1_000));
    let mut message = "feat: all\n".to_owned();
    for n in 0..100 {
        writeln!(message, "\nCo-Authored-By: Claude <noreply@anthropic.com>\nn{n}").unwrap();
    }
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", &message]);
    let found = taken(&workspace, Leftovers::Ignore).unwrap();
    assert_eq!(found.attributed.len(), 20);
    let lines = taken(&workspace, Leftovers::Commit).unwrap().attributed;
    assert_eq!(lines.len(), 20);
    assert!(lines.iter().all(|a| matches!(&a.place, Place::Line { file, .. } if file == "a.txt")));
}

#[test]
fn what_the_user_has_seen_already_and_what_is_allowed_stay_as_they_are() {
    let world = World::new();
    let base = world.tip();
    git(world.root(), &["checkout", "-q", "-b", "theirs"]);
    write(world.root(), "t", "1\n");
    git(world.root(), &["add", "-A"]);
    git(world.root(), &["commit", "-qm", &format!("theirs\n\n{TRAILER}")]);
    let theirs = git(world.root(), &["rev-parse", "HEAD"]);
    git(world.root(), &["checkout", "-q", "main"]);
    let workspace = world.workspace("T-1");
    git(workspace.dir(), &["merge", "-q", "--no-ff", "-m", "with theirs", &theirs]);
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!(snapshot.attributed, []);
    assert_eq!(snapshot.tip.as_str(), git(workspace.dir(), &["rev-parse", "HEAD"]));

    let tip = commits(workspace.dir(), "a", &format!("feat: a\n\n{TRAILER}"), USER);
    let allowed = TakeSpec { attribution: None, ..take_spec(Leftovers::Commit) };
    let snapshot = take(&workspace, &allowed).unwrap();
    assert_eq!((snapshot.tip, snapshot.attributed), (tip, Vec::new()));
    assert_eq!(refs::read(&world.repo, &refs::head(&main())).unwrap(), Some(base));
}

#[test]
fn a_message_of_nothing_else_gets_one_and_a_branch_that_was_renamed_is_taken() {
    let world = World::new();
    let workspace = world.workspace("T-1");
    let dir = workspace.dir();
    let one = commits(dir, "a", "feat: a", USER);
    git(dir, &["branch", "-q", "-m", "my-own-name"]);
    commits(dir, "b", FOOTER, USER);
    let snapshot = taken(&workspace, Leftovers::Commit).unwrap();
    assert_eq!(
        (snapshot.look.commits, snapshot.files.as_slice()),
        (2, &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(snapshot.look.subjects, ["feat: a", "chore: work of T-1"]);
    let parent = git(world.root(), &["rev-parse", &format!("{}^", snapshot.tip)]);
    assert_eq!(parent, one.as_str());
    // It goes on under the name that the task has, and nothing of the agent's own name gets out.
    let on = WorkspaceSpec { start: Start::Continue { tip: snapshot.tip }, ..world.spec("T-1") };
    let prepared = world.prepare(&on);
    assert_eq!(git(prepared.workspace.dir(), &["branch", "--show-current"]), "feat/T-1");
    assert_eq!(world.repo.tip(&Branch::new("my-own-name")).unwrap(), None);
}
