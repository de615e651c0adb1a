//! A small repository with a plan that meets a conflict, a red check and leftovers, and all that must hold at its end.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ppe_testkit::fingerprint::Fingerprint;

pub(crate) const PPE: &str = env!("CARGO_BIN_EXE_ppe");
/// How long one process may take; a run that nobody hurts takes a few seconds.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long what is left of a process may take to end.
const LINGER: Duration = Duration::from_secs(30);
/// A process that just executes a program shows nothing, so one look that finds none proves little: so many must follow
/// each other.
const CLEAN_LOOKS: u32 = 5;
/// Tasks, what they need, and their planned commits.
const TASKS: [(&str, &str, usize); 6] = [
    ("T-001", "None", 2),
    ("T-002", "None", 2),
    ("T-003", "- T-001", 1),
    ("T-004", "- T-001\n- T-002", 1),
    ("T-005", "- T-003", 2),
    ("T-006", "None", 2),
];
const SCRIPT: &str = r#"
[defaults]
commit_ms = 5
[[task]]
id = "T-001"
touch = ["shared.txt"]
[[task]]
id = "T-002"
touch = ["shared.txt"]
[[task]]
id = "T-003"
break_check_attempts = 1
[[task]]
id = "T-006"
leave_uncommitted = true
"#;

/// Where the target branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nobody has it checked out.
    Aside,
    /// It is the user's checkout.
    CheckedOut,
}

/// How one process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
}

impl Ended {
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal() == Some(9)
    }
}

pub(crate) struct World {
    root: tempfile::TempDir,
    target: Target,
    before: Fingerprint,
}

impl World {
    pub(crate) fn new(target: Target) -> Self {
        Self::made(target, "independent")
    }

    /// One whose changes land in another way, on a target that nobody has checked out.
    pub(crate) fn merging(strategy: &str) -> Self {
        Self::made(Target::Aside, strategy)
    }

    fn made(target: Target, strategy: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repo = root.path().join("repo");
        fs::create_dir_all(repo.join("plan")).unwrap();
        fs::create_dir_all(root.path().join("runtime")).unwrap();
        let at = root.path().display().to_string();
        for (id, needs, commits) in TASKS {
            fs::write(repo.join(format!("plan/{id}-work.md")), task_file(id, needs, commits)).unwrap();
        }
        fs::write(repo.join("shared.txt"), "as it was\n").unwrap();
        fs::write(root.path().join("script.toml"), SCRIPT).unwrap();
        fs::write(root.path().join("agent.sh"), agent(&at)).unwrap();
        let judge = |what: &str| {
            format!("printf '%s\\n' \"$PPE_JOB\" >> '{at}/count'; test ! -e ppe-script/{what}.broken")
        };
        let branch = if target == Target::Aside { "landing" } else { "main" };
        let config = format!(
            "[plan]\npath = \"plan\"\n[repo]\ntarget = \"{branch}\"\n[run]\nstagger_ms = 0\ndashboard_refresh_s = 1\n\
             [merge]\nstrategy = \"{strategy}\"\n[retries]\nbackoff_ms = 0\n[limits]\ngrace_s = 1\ndisk_floor_mb = 0\nmemory_floor_mb = 0\n[agent]\nname = \"command\"\n\
             [agent.command]\ncmd = [\"/bin/sh\", \"{at}/agent.sh\"]\n\
             [[verify]]\nrun = \"\"\"{}\"\"\"\n[[check]]\nrun = \"\"\"{}\"\"\"\n",
            judge("none").replace('\\', "\\\\"),
            judge("T-003").replace('\\', "\\\\")
        );
        fs::write(repo.join("ppe.toml"), config).unwrap();
        git(&repo, &["init", "-q", "-b", "main"]);
        git(&repo, &["config", "user.name", "A User"]);
        git(&repo, &["config", "user.email", "user@example.org"]);
        git(&repo, &["add", "-A"]);
        git(&repo, &["commit", "-qm", "the beginning"]);
        if target == Target::Aside {
            git(&repo, &["branch", "landing"]);
        }
        let before = Fingerprint::of(&repo, &[]);
        Self { root, target, before }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.root().join("repo")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root().join("state")
    }

    pub(crate) fn command(&self, args: &[&str], points: &str) -> Command {
        let mut command = Command::new(PPE);
        command.args(args).current_dir(self.repo()).stdin(Stdio::null());
        command.env("PPE_STATE_DIR", self.state()).env("XDG_RUNTIME_DIR", self.root().join("runtime"));
        command.env("HOME", self.root()).env("PPE_FAILPOINT", points);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.root().join("bin").display()));
        command
    }

    /// Puts a git before the real one: the `nth` call of a command by the process, and no other, first kills the process
    /// and then waits.
    pub(crate) fn kill_at_git(&self, command: &str, nth: u32, later_ms: u32) {
        let bin = self.root().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let real = Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
        let real = String::from_utf8(real.stdout).unwrap();
        let script = format!(
            "#!/bin/sh\n\
             if tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q '^{PPE} [a-z]* --yes'; then\n\
             for word; do if [ \"$word\" = {command} ]; then\n\
             mkdir -p '{at}/calls'\n\
             n=1; while ! mkdir '{at}/calls/'$n 2>/dev/null; do n=$((n + 1)); done\n\
             if [ $n = {nth} ]; then kill -s KILL $PPID; sleep {seconds}; fi; break\n\
             fi; done; fi\n\
             exec {real} \"$@\"\n",
            at = self.root().display(),
            seconds = f64::from(later_ms) / 1_000.0,
            real = real.trim(),
        );
        // A child writes it: what this process has open for writing, a fork of another thread has open for a moment, and
        // then nobody can execute it.
        let mut writer = Command::new("sh");
        writer.args(["-c", "cat > \"$0\" && chmod 755 \"$0\""]).arg(bin.join("git"));
        let mut writer = writer.stdin(Stdio::piped()).spawn().unwrap();
        writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success(), "git cannot be put there");
    }

    pub(crate) fn ppe(&self, args: &[&str], points: &str) -> Ended {
        self.ppe_killed_after(args, points, PATIENCE)
    }

    /// Runs `ppe` with its output in a file, and kills it when the time is over.
    pub(crate) fn ppe_killed_after(&self, args: &[&str], points: &str, limit: Duration) -> Ended {
        let path = self.root().join("output");
        let file = fs::File::create(&path).unwrap();
        let mut command = self.command(args, points);
        let mut child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let until = Instant::now() + limit;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= until {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ended { status, text: fs::read_to_string(path).unwrap_or_default() }
    }

    /// Goes on with the run, or begins one if none has begun.
    pub(crate) fn go_on(&self, points: &str) -> Ended {
        let ended = self.ppe(&["resume", "--yes", "--plain"], points);
        if !ended.text.contains("no unfinished run") || self.landed().len() == TASKS.len() {
            return ended;
        }
        self.ppe(&["run", "--yes", "--plain"], points)
    }

    /// Lets a run go on unhurt to its end; what is wrong then.
    pub(crate) fn finish(&self) -> Vec<String> {
        let over = |w: &Self| w.landed().len() == TASKS.len();
        let ended = self.go_on("");
        let nothing_left = ended.text.contains("no unfinished run") && over(self);
        let mut wrong = self.faults();
        if !ended.status.success() && !nothing_left {
            wrong.push(format!("ended with {}: {}", ended.status, last_lines(&ended.text)));
        }
        if let (false, Some(keep)) = (wrong.is_empty(), std::env::var_os("PPE_KILL_KEEP")) {
            self.keep(Path::new(&keep), &wrong);
        }
        wrong
    }

    /// Copies all of it to a folder of its own, with what is wrong and what still runs.
    fn keep(&self, below: &Path, wrong: &[String]) {
        let to = below.join(self.root().file_name().unwrap_or_default());
        fs::create_dir_all(&to).unwrap();
        fs::write(to.join("wrong"), wrong.join("\n")).unwrap();
        fs::write(to.join("processes"), self.processes().join("\n")).unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.root()).arg(&to).status().unwrap();
        assert!(copied.success(), "the folder is kept");
    }

    fn target(&self) -> &'static str {
        if self.target == Target::Aside { "landing" } else { "main" }
    }

    /// The tasks on the target's first-parent chain, with how often each is there.
    pub(crate) fn landed(&self) -> BTreeMap<String, usize> {
        let format = "--format=%(trailers:key=Ppe-Task,valueonly)";
        let text = git(&self.repo(), &["log", "--first-parent", format, self.target()]);
        tally(text.lines())
    }

    /// Everything that does not hold at the end of a run.
    fn faults(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let landed = self.landed();
        let subjects = git(&self.repo(), &["log", "--format=%s", self.target()]);
        let subjects = tally(subjects.lines());
        for (id, _, commits) in TASKS {
            if landed.get(id) != Some(&1) {
                wrong.push(format!("{id} landed {} times", landed.get(id).unwrap_or(&0)));
            }
            for n in 1..=commits {
                let times = subjects.get(&subject(id, n)).copied().unwrap_or(0);
                if times != 1 {
                    wrong.push(format!("`{}` is on the target {times} times", subject(id, n)));
                }
            }
        }
        let started = fs::read_to_string(self.root().join("count")).unwrap_or_default();
        let twice = tally(started.lines()).into_iter().filter(|(_, times)| *times > 1);
        wrong.extend(twice.map(|(job, times)| format!("{job} was started {times} times")));
        let status = self.ppe(&["status", "--json"], "");
        if !status.status.success() {
            wrong.push(format!("the log does not fold: {}", last_lines(&status.text)));
        }
        wrong.extend(self.garbage().into_iter().map(|path| format!("left behind: {path}")));
        if self.target == Target::Aside {
            let branches =
                git(&self.repo(), &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/feat"]);
            let ours: Vec<&str> = branches.lines().chain(["landing"]).collect();
            let now = Fingerprint::of(&self.repo(), &ours);
            if let Some(difference) = without(&self.before, &now) {
                wrong.push(format!("the user's repository was changed: {difference}"));
            }
        } else if !git(&self.repo(), &["status", "--porcelain"]).is_empty() {
            wrong.push("the checkout of the target is not clean".to_owned());
        }
        let left = self.processes_left();
        if !left.is_empty() {
            wrong.push(format!("still running: {left:?}"));
        }
        wrong
    }

    /// Locks and temporary files in the user's git directory.
    fn garbage(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.repo().join(".git"), &mut |path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if (name.ends_with(".lock") && name != "ppe.lock") || name.starts_with("tmp_") {
                found.push(path.display().to_string());
            }
        });
        found
    }

    /// Ends all jobs, as a restart of the machine does, and waits for what else is at work: git that is killed leaves its
    /// locks behind, and a shim is told as one only once it is executed.
    pub(crate) fn end_jobs(&self) {
        let (until, mut clean) = (Instant::now() + LINGER, 0);
        while clean < CLEAN_LOOKS {
            let left = self.pids();
            clean = if left.is_empty() { clean + 1 } else { 0 };
            end(left.into_iter().filter(|pid| is_of_a_job(*pid)));
            assert!(Instant::now() < until, "still running: {:?}", self.processes());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn processes_left(&self) -> Vec<String> {
        let until = Instant::now() + LINGER;
        loop {
            let left = self.processes();
            if left.is_empty() || Instant::now() > until {
                return left;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Processes that have this world's folder in their environment, command line or current folder.
    fn pids(&self) -> Vec<u32> {
        let needle = self.root().display().to_string();
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&needle);
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = |pid: &u32| {
            let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            has(&of(*pid, "cmdline")) || has(&of(*pid, "environ")) || folder.starts_with(self.root())
        };
        ids.filter(|pid| *pid != std::process::id()).filter(ours).collect()
    }

    /// The same with their command lines.
    fn processes(&self) -> Vec<String> {
        let line = |pid: u32| String::from_utf8_lossy(&of(pid, "cmdline")).replace('\0', " ");
        self.pids().into_iter().map(|pid| format!("{pid} {}", line(pid))).collect()
    }

    /// The `started` files of jobs that have not ended.
    pub(crate) fn unfinished_jobs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.state(), &mut |path| {
            if path.ends_with("started") && !path.with_file_name("exit").exists() {
                found.push(path.to_owned());
            }
        });
        found
    }

    /// The event logs of all runs.
    pub(crate) fn logs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.state(), &mut |path| {
            let in_run = path.parent().and_then(Path::parent).is_some_and(|p| p.ends_with("runs"));
            if in_run
                && path.with_file_name("ballast").exists()
                && path.file_name().is_some_and(|n| n == "log" || n == "events")
            {
                found.push(path.to_owned());
            }
        });
        found
    }
}

impl Drop for World {
    /// Whatever a failed test leaves behind.
    fn drop(&mut self) {
        end(self.pids());
    }
}

/// What a file of `/proc` says of a process, which may have ended.
fn of(pid: u32, file: &str) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// Whether a process is a shim or of a program that one has started.
fn is_of_a_job(pid: u32) -> bool {
    of(pid, "environ").split(|byte| *byte == 0).any(|variable| variable.starts_with(b"PPE_JOB="))
}

fn end(pids: impl IntoIterator<Item = u32>) {
    for pid in pids {
        // Who cannot be sent it has ended.
        let _sent = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
    }
}

/// The agent: the scripted one, counted. The first attempts at T-001 and T-002 wait for each other, for some seconds, so
/// that neither task begins on what the other has landed: they shall clash.
fn agent(at: &str) -> String {
    format!(
        "printf '%s\\n' \"$PPE_JOB\" >> '{at}/count'\n\
         : > '{at}/begun-'$PPE_TASK\n\
         case $PPE_TASK.$PPE_ATTEMPT in T-001.1) other=T-002 ;; T-002.1) other=T-001 ;; *) other=$PPE_TASK ;; esac\n\
         n=0\n\
         until test -e '{at}/begun-'$other || test $n = 200; do sleep 0.05; n=$((n + 1)); done\n\
         exec '{PPE}' agent-scripted --script '{at}/script.toml'\n"
    )
}

/// What differs between two pictures, besides the branches that are ours.
fn without(before: &Fingerprint, after: &Fingerprint) -> Option<String> {
    let difference = before.difference(after)?;
    let lines: Vec<_> =
        difference.lines.into_iter().filter(|line| !line.starts_with("ref refs/heads/landing:")).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn task_file(id: &str, needs: &str, commits: usize) -> String {
    let part = |n| format!("{n}. `{}`\n   - Files: `src/{id}/part_{n}.txt`\n", subject(id, n));
    let planned = (1..=commits).map(part).collect::<Vec<_>>().concat();
    format!(
        "# {id}: Work {id}\n\n- **Priority**: medium\n\n## Dependencies\n\n{needs}\n\n## Goal\n\nDo it.\n\n## Plan de Commits\n\n{planned}"
    )
}

fn subject(id: &str, n: usize) -> String {
    format!("feat: {id} part {n}")
}

fn tally<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        *counts.entry(line.to_owned()).or_insert(0) += 1;
    }
    counts
}

/// The last lines of an output that say more than how time passes.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" slots busy, ")).collect();
    lines[lines.len().saturating_sub(6)..].join(" | ")
}

fn walk(dir: &Path, seen: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), seen);
        } else {
            seen(&entry.path());
        }
    }
}

fn git(repo: &Path, args: &[&str]) -> String {
    let output =
        Command::new("git").arg("--no-optional-locks").args(args).current_dir(repo).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
