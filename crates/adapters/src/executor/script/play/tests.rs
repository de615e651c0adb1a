use super::super::part::Script;
use super::*;
use crate::executor::drivers::{AgentSettings, Driver, Seen};
use ppe_core::ids::{Attempt, Branch, CommitId, Millis, TaskId};
use ppe_core::outcome::Claim;
use ppe_core::state::Round;
use ppe_testkit::git::ALONE;
use std::fs;
use std::process::Output;

/// A workspace: a repository on the task's branch, with one commit as the base.
struct World {
    dir: tempfile::TempDir,
    base: String,
}

/// What one job did.
struct Played {
    ending: Ending,
    printed: String,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self { dir, base: String::new() };
        world.git(&["init", "-q", "-b", "main"]);
        for (key, value) in
            [("user.name", "Test"), ("user.email", "t@example.org"), ("commit.gpgSign", "false")]
        {
            world.git(&["config", key, value]);
        }
        world.put("shared.txt", "first\nsecond\n");
        world.git(&["add", "."]);
        world.git(&["commit", "-q", "-m", "base"]);
        world.base = world.git(&["rev-parse", "HEAD"]);
        world.git(&["checkout", "-q", "-b", "feat/T-001-x"]);
        world
    }

    fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn try_git(&self, args: &[&str]) -> Output {
        Command::new("git").args(args).current_dir(self.dir.path()).envs(ALONE).output().unwrap()
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.dir.path().join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.dir.path().join(path).exists()
    }

    /// Subjects since the base, oldest first.
    fn log(&self) -> Vec<String> {
        let text = self.git(&["log", "--reverse", "--format=%s", &format!("{}..HEAD", self.base)]);
        text.lines().map(str::to_owned).collect()
    }

    fn status(&self) -> String {
        self.git(&["status", "--porcelain", "--untracked-files=all"])
    }

    fn job(&self, attempt: u32, purpose: Purpose) -> AgentJob {
        let planned = [
            ("feat: one", vec!["src/a.txt", "b.txt"]),
            ("feat: two", vec!["src/a.txt"]),
            ("test: three", vec![]),
        ];
        AgentJob {
            task: TaskId::new("T-001"),
            title: "A task".to_owned(),
            attempt: Attempt(attempt),
            round: match purpose {
                Purpose::Work(_) => Round::Main,
                Purpose::Leftovers => Round::Leftovers,
                Purpose::Review => Round::Review,
            },
            purpose,
            agent: "scripted".to_owned(),
            model: None,
            session: None,
            account: "command".to_owned(),
            budget_micro_usd: None,
            session_usage: ppe_core::usage::Usage::default(),
            allow: Vec::new(),
            branch: Branch::new("feat/T-001-x"),
            tip: None,
            base: CommitId::new(&*self.base),
            prompt: String::new(),
            planned: planned
                .map(|(subject, files)| (subject.to_owned(), files.into_iter().map(str::to_owned).collect()))
                .into(),
            phases: vec![("Design".to_owned(), 1), ("Nothing".to_owned(), 0), ("Build".to_owned(), 3)],
        }
    }

    fn run(&self, job: &AgentJob, keys: &str) -> Played {
        let script = format!("[defaults]\ncommit_ms = 0\n[[task]]\nid = \"T-001\"\n{keys}");
        let part = Script::parse(&script, "script.toml").unwrap().part("T-001", job.attempt);
        let mut out = Vec::new();
        let ending = play(job, &part, 1.0, self.dir.path(), &mut out).unwrap();
        Played { ending, printed: String::from_utf8(out).unwrap() }
    }

    fn work(&self, attempt: u32, kind: Kind, keys: &str) -> Played {
        self.run(&self.job(attempt, Purpose::Work(kind)), keys)
    }

    fn leftovers(&self, attempt: u32, keys: &str) -> Played {
        self.run(&self.job(attempt, Purpose::Leftovers), keys)
    }
}

impl Played {
    /// What a driver would have seen.
    fn seen(&self) -> Seen {
        let settings = AgentSettings { speed: 1.0, ..AgentSettings::default() };
        let driver = Driver::by_name("scripted", &settings).unwrap();
        let mut seen = Seen::default();
        for event in self.printed.lines().flat_map(|line| driver.line(line)) {
            seen.add(event);
        }
        seen
    }
}

const ALL: [&str; 3] = ["feat: one", "feat: two", "test: three"];
const BROKEN: &str = "ppe-script/T-001.broken";

#[test]
fn the_planned_commits_are_made_as_planned() {
    let world = World::new();
    let played = world.work(1, Kind::First, "");
    assert_eq!(played.ending, Ending::Exit(0));
    assert_eq!(world.log(), ALL);
    assert_eq!(world.text("src/a.txt"), "T-001 1: feat: one\nT-001 2: feat: two\n");
    assert_eq!(world.text("b.txt"), "T-001 1: feat: one\n");
    assert_eq!(world.text("ppe-script/T-001.txt"), "T-001 3: test: three\n");
    assert_eq!(world.status(), "");
    let wanted = [
        r#"{"report":"phase","name":"Design"}"#,
        r#"{"report":"commit","n":1}"#,
        r#"{"report":"phase","name":"Build"}"#,
        r#"{"report":"commit","n":2}"#,
        r#"{"report":"commit","n":3}"#,
    ];
    assert_eq!(played.printed.lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn what_is_there_is_not_made_again() {
    let world = World::new();
    world.work(1, Kind::First, "");
    let head = world.git(&["rev-parse", "HEAD"]);
    assert_eq!(world.work(2, Kind::Continue, "").printed, "");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_job_that_was_killed_goes_on_where_it_was() {
    let world = World::new();
    world.work(1, Kind::First, "fail_attempts = 1");
    // Killed after writing, while git held its locks.
    world.put("src/a.txt", "T-001 1: feat: one\nT-001 2: feat: two\n");
    world.put(".git/index.lock", "");
    world.put(".git/refs/heads/feat/T-001-x.lock", "");
    let played = world.work(2, Kind::Continue, "fail_attempts = 1");
    assert_eq!(played.ending, Ending::Exit(0));
    assert_eq!(world.log(), ALL);
    assert_eq!(world.text("src/a.txt"), "T-001 1: feat: one\nT-001 2: feat: two\n");
    assert!(played.printed.starts_with(r#"{"report":"phase","name":"Build"}"#), "{}", played.printed);
}

#[test]
fn commits_of_one_subject_are_counted() {
    let world = World::new();
    let mut job = world.job(1, Purpose::Work(Kind::First));
    job.planned =
        vec![("same".to_owned(), vec![]), ("same".to_owned(), vec![]), (" two\n lines ".to_owned(), vec![])];
    world.run(&job, "fail_attempts = 1");
    assert_eq!(world.log(), ["same"]);
    world.run(&job, "");
    assert_eq!(world.log(), ["same", "same", "two lines"]);
    world.run(&job, "");
    assert_eq!(world.log().len(), 3);
}

#[test]
fn a_task_without_a_commit_plan_is_one_commit() {
    let world = World::new();
    let mut job = world.job(1, Purpose::Work(Kind::First));
    job.planned.clear();
    world.run(&job, "");
    assert_eq!(world.log(), ["A task"]);
}

#[test]
fn ignored_files_of_the_plan_are_committed_and_foreign_paths_are_not_written() {
    let world = World::new();
    world.put(".git/info/exclude", "b.txt\n");
    let mut job = world.job(1, Purpose::Work(Kind::First));
    job.planned[1].1 = vec!["../outside.txt".to_owned(), ".git/config".to_owned()];
    world.run(&job, "");
    assert_eq!(world.log(), ALL);
    assert!(world.git(&["ls-files"]).contains("b.txt"));
    assert!(!world.dir.path().parent().unwrap().join("outside.txt").exists());
    assert_eq!(world.text("ppe-script/T-001.txt").lines().count(), 2);
}

#[test]
fn early_ends_come_after_so_many_commits() {
    let table = [
        ("fail_attempts = 1", Ending::Fail("attempt 1 fails as scripted".to_owned()), 1),
        (
            "fail_attempts = true\nafter_commits = 2",
            Ending::Fail("attempt 1 fails as scripted".to_owned()),
            2,
        ),
        ("fail_attempts = [1]\nafter_commits = 0", Ending::Fail("attempt 1 fails as scripted".to_owned()), 0),
        ("fail_attempts = 1\nafter_commits = 9", Ending::Fail("attempt 1 fails as scripted".to_owned()), 3),
        ("hang_attempts = 1", Ending::Hang, 1),
        ("crash_self = \"SIGKILL\"", Ending::Crash(Signal::SIGKILL), 1),
        ("attempts = [2]\ncrash_self = \"SIGKILL\"", Ending::Exit(0), 3),
        ("exit = 7", Ending::Exit(7), 3),
        ("fail_attempts = [2]", Ending::Exit(0), 3),
    ];
    for (keys, ending, commits) in table {
        let world = World::new();
        assert_eq!(world.work(1, Kind::First, keys).ending, ending, "{keys}");
        assert_eq!(world.log().len(), commits, "{keys}");
    }
}

#[test]
fn a_repair_fails_too_where_the_script_says_so() {
    let world = World::new();
    world.work(1, Kind::First, "");
    let ending = world.work(2, Kind::Verify, "fail_attempts = [2]").ending;
    assert_eq!(ending, Ending::Fail("attempt 2 fails as scripted".to_owned()));
}

#[test]
fn no_commit_and_later_make_nothing() {
    let world = World::new();
    assert_eq!(world.work(1, Kind::First, "no_commit_attempts = 1").ending, Ending::Exit(0));
    let before = now_ms();
    let later = world.work(1, Kind::First, "later_attempts = 1\nlater_seconds = 60");
    assert_eq!(later.ending, Ending::Exit(75));
    let Some(crate::executor::drivers::Later::At(Millis(until))) = later.seen().later else { panic!() };
    assert!((before + 60_000..=now_ms() + 60_000).contains(&until));
    let unsaid = world.work(1, Kind::First, "later_attempts = 1");
    assert_eq!(unsaid.printed, "{\"report\":\"later\"}\n");
    assert_eq!(world.log().len(), 0);
    world.work(2, Kind::First, "later_attempts = 1\nno_commit_attempts = 1");
    assert_eq!(world.log(), ALL);
}

#[test]
fn claims_stand_in_place_of_the_work_they_are_about() {
    let table = [
        ("no-change", Kind::First, Claim::NoChange("w".to_owned())),
        ("no-change", Kind::Verify, Claim::Nothing),
        ("blocked", Kind::Continue, Claim::Blocked("w".to_owned())),
        ("blocked", Kind::Ci, Claim::Blocked("w".to_owned())),
        ("flaky", Kind::Ci, Claim::Flaky("w".to_owned())),
        ("flaky", Kind::First, Claim::Nothing),
    ];
    for (claim, kind, wanted) in table {
        let world = World::new();
        let played = world.work(1, kind, &format!("claim = \"{claim}\"\nwhy = \"w\""));
        assert_eq!(played.ending, Ending::Exit(0));
        assert_eq!(world.log().is_empty(), wanted != Claim::Nothing, "{claim} {kind:?}");
        assert_eq!(played.seen().claim, wanted, "{claim} {kind:?}");
    }
}

#[test]
fn skipped_commits_are_made_when_asked_for() {
    let world = World::new();
    world.work(1, Kind::First, "skip_last_commits = 2");
    assert_eq!(world.log(), ALL[..1]);
    let played = world.leftovers(1, "skip_last_commits = 2\nfail_attempts = true");
    assert_eq!(played.ending, Ending::Exit(0));
    assert_eq!(world.log(), ALL);
}

#[test]
fn uncommitted_work_is_committed_when_asked_for() {
    let world = World::new();
    world.work(1, Kind::First, "leave_uncommitted = true");
    assert_eq!(world.log(), ALL[..2]);
    assert_eq!(world.status(), "?? ppe-script/T-001.txt");
    world.put("litter.txt", "");
    world.leftovers(1, "leave_uncommitted = true");
    assert_eq!(world.log()[..3], ALL);
    assert_eq!(world.log()[3..], ["chore: commit what was left over"]);
    assert_eq!(world.status(), "");
    world.work(2, Kind::Continue, "leave_uncommitted = true");
    assert_eq!(world.status(), "?? ppe-script/T-001.notes");
}

#[test]
fn broken_work_is_mended_when_the_script_says_so() {
    let world = World::new();
    let keys = "break_check_attempts = 2";
    world.work(1, Kind::First, keys);
    assert_eq!(world.log(), ALL);
    assert!(world.git(&["ls-files"]).contains(BROKEN));
    world.work(2, Kind::Verify, keys);
    assert!(world.has(BROKEN));
    world.work(3, Kind::Ci, keys);
    assert!(!world.has(BROKEN));
    assert_eq!(
        world.log()[3..],
        ["fix: repair T-001 in attempt 2", "fix: repair T-001 in attempt 3"],
        "each repair moves the head"
    );
    assert_eq!(world.status(), "");
}

#[test]
fn a_later_attempt_mends_and_breaks_even_without_a_missing_commit() {
    let world = World::new();
    world.work(1, Kind::First, "");
    world.work(2, Kind::Continue, "break_check_attempts = 2");
    assert!(world.has(BROKEN));
    world.work(3, Kind::Continue, "break_check_attempts = 2");
    assert!(!world.has(BROKEN));
    assert_eq!(world.log()[3..], ["feat: round off T-001", "fix: mend T-001"]);
}

#[test]
fn what_is_always_broken_stays_so() {
    let world = World::new();
    for (attempt, kind) in [(1, Kind::First), (2, Kind::Verify), (3, Kind::Verify), (4, Kind::Continue)] {
        world.work(attempt, kind, "always_broken = true");
        assert!(world.has(BROKEN), "attempt {attempt}");
    }
    assert_eq!(world.status(), "");
}

#[test]
fn a_repair_that_was_cut_short_is_not_made_twice() {
    let world = World::new();
    world.work(1, Kind::First, "");
    for _ in 0..2 {
        world.work(2, Kind::Verify, "");
    }
    assert_eq!(world.log()[3..], ["fix: repair T-001 in attempt 2"]);
}

#[test]
fn a_flood_has_the_size_that_was_asked_for() {
    let world = World::new();
    let played = world.work(1, Kind::First, "flood = 200000\nno_commit_attempts = 1");
    assert_eq!(played.printed.len(), 200_000);
    assert!(played.printed.lines().all(|l| l.len() < 65_536));
}

#[test]
fn speed_shortens_every_pause() {
    let world = World::new();
    let job = world.job(1, Purpose::Work(Kind::First));
    let keys =
        "[defaults]\nsleep_ms = 3600000\ncommit_ms = 3600000\nlater_seconds = 3600\nlater_attempts = [2]";
    let part = Script::parse(keys, "s").unwrap().part("T-001", job.attempt);
    let ending = play(&job, &part, 1e9, world.dir.path(), &mut Vec::new()).unwrap();
    assert_eq!(ending, Ending::Exit(0));
    assert_eq!(world.log(), ALL);
}

#[test]
fn a_process_is_left_behind_in_its_own_session() {
    let world = World::new();
    // The processes of this test alone carry its folder in their environment; here it is enough to see the new session.
    let before = sleepers();
    world.work(1, Kind::First, "daemonize = true\nno_commit_attempts = 1");
    let new = (0..3_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        sleepers().into_iter().find(|s| !before.contains(s))
    });
    let (pid, session) = new.expect("a sleeping process");
    assert_eq!(pid, session, "it leads a session of its own");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

/// Children of this process that sleep for an hour, with their sessions.
fn sleepers() -> Vec<(i32, i32)> {
    let me = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        // In this order: its session is its own by the time that it sleeps.
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = fields.split(' ').collect();
        if fields[1] == me && line == "sleep\x003600\0" {
            found.push((pid, fields[3].parse().unwrap()));
        }
    }
    found
}

/// The target moved: `change` happened on it since the base.
fn target_with(world: &World, change: impl Fn()) {
    world.git(&["checkout", "-q", "--detach", &world.base]);
    change();
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "theirs"]);
    world.git(&["update-ref", "refs/ppe/target", "HEAD"]);
    world.git(&["checkout", "-q", "feat/T-001-x"]);
}

fn is_on_target(world: &World) -> bool {
    world.try_git(&["merge-base", "--is-ancestor", "refs/ppe/target", "HEAD"]).status.success()
}

#[test]
fn a_conflict_keeps_both_sides() {
    let world = World::new();
    world.put("gone.txt", "x\n");
    world.git(&["add", "."]);
    world.git(&["commit", "-q", "-m", "base two"]);
    let base = world.git(&["rev-parse", "HEAD"]);
    let world = World { base, ..world };
    world.work(1, Kind::First, "touch = [\"shared.txt\", \"gone.txt\"]");
    target_with(&world, || {
        world.put("shared.txt", "touched by T-002\nsecond\n");
        world.put("src/a.txt", "theirs\n");
        fs::remove_file(world.dir.path().join("gone.txt")).unwrap();
        world.put("new.txt", "n\n");
    });
    assert_eq!(world.work(2, Kind::Conflict, "touch = [\"shared.txt\"]").ending, Ending::Exit(0));
    assert!(is_on_target(&world));
    assert_eq!(world.text("shared.txt"), "touched by T-001\ntouched by T-002\nsecond\n");
    assert_eq!(world.text("src/a.txt"), "T-001 1: feat: one\nT-001 2: feat: two\ntheirs\n");
    assert_eq!(world.text("gone.txt"), "touched by T-001\n");
    assert_eq!((world.text("new.txt"), world.status()), ("n\n".to_owned(), String::new()));
    // The branch's own commits are still found, and nothing is left to do.
    let head = world.git(&["rev-parse", "HEAD"]);
    world.work(3, Kind::Continue, "");
    world.work(3, Kind::Conflict, "");
    assert_eq!(world.git(&["rev-parse", "HEAD"]), head);
}

#[test]
fn a_merge_that_was_cut_short_is_finished() {
    let world = World::new();
    world.work(1, Kind::First, "touch = [\"shared.txt\"]");
    target_with(&world, || world.put("shared.txt", "theirs\nsecond\n"));
    assert!(!world.try_git(&["merge", "-q", "refs/ppe/target"]).status.success());
    assert_eq!(world.work(2, Kind::Conflict, "").ending, Ending::Exit(0));
    assert!(is_on_target(&world));
    assert_eq!(world.text("shared.txt"), "touched by T-001\ntheirs\nsecond\n");
}

#[test]
fn files_that_are_no_text_keep_our_side() {
    let world = World::new();
    world.work(1, Kind::First, "");
    fs::write(world.dir.path().join("image"), [0, 1, 2]).unwrap();
    world.git(&["add", "."]);
    world.git(&["commit", "-q", "-m", "image"]);
    target_with(&world, || fs::write(world.dir.path().join("image"), [0, 3, 4]).unwrap());
    world.work(2, Kind::Conflict, "");
    assert!(is_on_target(&world));
    assert_eq!(fs::read(world.dir.path().join("image")).unwrap(), [0, 1, 2]);
}

#[test]
fn without_a_target_there_is_nothing_to_be_brought_onto() {
    let world = World::new();
    let job = world.job(1, Purpose::Work(Kind::Conflict));
    let error = play(&job, &Part::default(), 1.0, world.dir.path(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "no refs/ppe/target in this workspace to bring the work onto");
}

#[test]
fn an_error_of_git_says_what_git_said() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let job = world.job(1, Purpose::Work(Kind::First));
    let error = play(&job, &Part::default(), 1.0, dir.path(), &mut Vec::new()).unwrap_err().to_string();
    assert!(error.starts_with("git log: fatal: not a git repository"), "{error}");
}
