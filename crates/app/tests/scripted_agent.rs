//! The scripted agent as a process: what only a process can do, such as crash, hang, and ignore the request to stop.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A workspace, a job and a script.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new(script: &str) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(world.workspace()).unwrap();
        world.git(&["init", "-q", "-b", "feat/T-1"]);
        for (key, value) in
            [("user.name", "Test"), ("user.email", "t@example.org"), ("commit.gpgSign", "false")]
        {
            world.git(&["config", key, value]);
        }
        world.git(&["commit", "-q", "--allow-empty", "-m", "base"]);
        let base = world.git(&["rev-parse", "HEAD"]);
        let job = serde_json::json!({
            "task": "T-1", "title": "A task", "attempt": 1, "round": "main", "purpose": {"work": "first"},
            "agent": "scripted", "model": null, "session": null, "branch": "feat/T-1", "base": base, "prompt": "",
            "planned": [["feat: one", ["a.txt"]], ["feat: two", []]], "phases": [],
        });
        fs::write(world.dir.path().join("job.json"), job.to_string()).unwrap();
        fs::write(world.script(), script).unwrap();
        world
    }

    fn workspace(&self) -> PathBuf {
        self.dir.path().join("workspace")
    }

    fn script(&self) -> PathBuf {
        self.dir.path().join("script.toml")
    }

    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git").args(args).current_dir(self.workspace()).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn commits(&self) -> usize {
        self.git(&["rev-list", "--count", "HEAD"]).parse::<usize>().unwrap() - 1
    }

    fn agent(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ppe"));
        command.args(["agent-scripted", "--speed", "1000", "--script"]).arg(self.script());
        command.current_dir(self.workspace()).env("PPE_JOB_FILE", self.dir.path().join("job.json"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self) -> Output {
        self.agent().output().unwrap()
    }

    /// Starts an agent and waits until it has made a commit.
    fn working(&self) -> Running {
        let running = Running(self.agent().spawn().unwrap());
        wait(|| self.commits() == 1);
        running
    }
}

/// A process that does not outlive its test.
struct Running(Child);

impl Running {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
    }

    /// Whether the kernel keeps this signal for a process that does not take it.
    fn has_pending(&self, signal: Signal) -> bool {
        let status =
            fs::read_to_string(Path::new("/proc").join(self.0.id().to_string()).join("status")).unwrap();
        let mask = status.lines().find_map(|l| l.strip_prefix("ShdPnd:")).unwrap().trim();
        u64::from_str_radix(mask, 16).unwrap() & (1 << (signal as u64 - 1)) != 0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn wait(mut until: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !until() {
        assert!(Instant::now() < give_up, "waited in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[test]
fn it_does_the_work_and_reports_it() {
    let world = World::new("");
    let output = world.output();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "{\"report\":\"commit\",\"n\":1}\n{\"report\":\"commit\",\"n\":2}");
    assert_eq!(world.commits(), 2);
}

#[test]
fn it_fails_with_last_words() {
    let output = World::new("defaults.fail_attempts = 1").output();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "attempt 1 fails as scripted");
}

#[test]
fn it_crashes_by_the_signal_that_was_named() {
    let world = World::new("defaults.crash_self = \"SIGKILL\"");
    assert_eq!(world.output().status.signal(), Some(Signal::SIGKILL as i32));
    assert_eq!(world.commits(), 1);
}

#[test]
fn it_hangs_until_it_is_asked_to_stop() {
    let world = World::new("defaults.hang_attempts = 1");
    let mut running = world.working();
    running.signal(Signal::SIGTERM);
    assert_eq!(running.0.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
}

#[test]
fn it_ignores_the_request_to_stop_where_that_is_scripted() {
    let world = World::new("defaults = { hang_attempts = 1, ignore_term = true }");
    let mut running = world.working();
    running.signal(Signal::SIGTERM);
    wait(|| running.has_pending(Signal::SIGTERM));
    assert_eq!(running.0.try_wait().unwrap(), None);
    running.signal(Signal::SIGKILL);
    assert_eq!(running.0.wait().unwrap().signal(), Some(Signal::SIGKILL as i32));
}

#[test]
fn a_wrong_script_is_told_from_a_failure() {
    let world = World::new("defaults.fail_attemps = 1");
    let output = world.output();
    assert_eq!(output.status.code(), Some(78));
    let said = text(&output.stderr);
    assert!(said.ends_with("script.toml:1: unknown key fail_attemps: did you mean fail_attempts?"), "{said}");
    let output = world.agent().env_remove("PPE_JOB_FILE").arg("--loud").output().unwrap();
    assert_eq!(output.status.code(), Some(78));
}
