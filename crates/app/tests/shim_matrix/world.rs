//! One job in a folder of its own, and what can be seen of it from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ppe_adapters::executor::job::{self, Ensured, Handle, Settled, ShimProgram};
use ppe_adapters::executor::record::{Exit, JobSpec, MARKER_VARIABLE};
use ppe_adapters::failpoint;

pub(crate) const PPE: &str = env!("CARGO_BIN_EXE_ppe");

static WORLDS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct World {
    root: tempfile::TempDir,
    pub(crate) spec: JobSpec,
}

impl World {
    /// A job that runs `script` with sh; `$COUNT` is a file outside the job's folder.
    pub(crate) fn new(script: &str) -> World {
        World::with_argv(&["sh", "-c", script])
    }

    pub(crate) fn with_argv(argv: &[&str]) -> World {
        let root = tempfile::tempdir().unwrap();
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let count = root.path().join("count").display().to_string();
        let path = std::env::var("PATH").unwrap();
        let spec = JobSpec {
            marker: format!("test-{}-{number}", std::process::id()),
            argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
            cwd: root.path().to_owned(),
            env: BTreeMap::from([("PATH".to_owned(), path), ("COUNT".to_owned(), count)]),
            secrets: Vec::new(),
            stdin: None,
            output_cap_bytes: 1024 * 1024,
            wall_limit_ms: None,
            grace_ms: 2000,
            cgroup: None,
        };
        World { root, spec }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn job(&self) -> PathBuf {
        self.root.path().join("job")
    }

    pub(crate) fn program() -> ShimProgram {
        ShimProgram { path: PPE.into(), secrets: Vec::new() }
    }

    /// Starts the job from this very process.
    pub(crate) fn start(&self) -> Handle {
        match job::ensure(&self.job(), &self.spec, &World::program()).unwrap() {
            Ensured::Running(handle) => handle,
            Ensured::Settled(settled) => panic!("settled at once: {settled:?}"),
        }
    }

    /// Starts the job and waits for its end.
    pub(crate) fn run(&self) -> Exit {
        let _ensured = job::ensure(&self.job(), &self.spec, &World::program()).unwrap();
        self.ended()
    }

    /// Waits for the end of the job.
    pub(crate) fn ended(&self) -> Exit {
        match job::settle(&self.job()).unwrap() {
            Settled::Ended(exit) => exit,
            other => panic!("{other:?}"),
        }
    }

    /// A process that waits for the job, with failpoints for it and for the shim it may start.
    pub(crate) fn orchestrator(&self, points: &str) -> Child {
        let spec = self.root().join("spec.json");
        // Once only: another one may be reading it.
        if !spec.exists() {
            std::fs::write(&spec, serde_json::to_vec(&self.spec).unwrap()).unwrap();
        }
        let mut command = Command::new(PPE);
        command.arg("job-ensure").arg(self.job()).arg(spec).env(failpoint::VARIABLE, points);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Lets an orchestrator run to its end, which may be a violent one.
    pub(crate) fn orchestrate(&self, points: &str) -> Result<Settled, String> {
        outcome(self.orchestrator(points))
    }

    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.job().join("stdout")).unwrap_or_default()
    }

    /// How often the program has run, if it writes a line to `$COUNT` each time.
    pub(crate) fn runs(&self) -> usize {
        std::fs::read_to_string(self.root().join("count")).unwrap_or_default().lines().count()
    }

    /// The processes that carry the job's marker.
    pub(crate) fn marked(&self) -> Vec<i32> {
        let wanted = format!("{MARKER_VARIABLE}={}", self.spec.marker);
        let carries = |pid: &i32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        };
        pids().into_iter().filter(carries).collect()
    }

    /// The shims among them.
    pub(crate) fn shims(&self) -> Vec<i32> {
        let is_shim = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(b"shim")
        };
        self.marked().into_iter().filter(is_shim).collect()
    }

    /// Those that are left when stragglers (a shim that lost the race, say) have had their moment.
    pub(crate) fn left_running(&self) -> Vec<i32> {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until && !self.marked().is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.marked()
    }
}

impl Drop for World {
    /// Whatever a failed test leaves behind.
    fn drop(&mut self) {
        for pid in self.marked() {
            kill(pid);
        }
    }
}

pub(crate) fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

pub(crate) fn kill(pid: i32) {
    signal(pid, "KILL");
}

pub(crate) fn signal(pid: i32, name: &str) {
    let _status = Command::new("kill").args(["-s", name, &pid.to_string()]).stderr(Stdio::null()).status();
}

pub(crate) fn outcome(orchestrator: Child) -> Result<Settled, String> {
    let output = orchestrator.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}

/// Waits for something that must come.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < until, "never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs all cases on several threads and fails with every complaint there is.
pub(crate) fn run_all<C: Sync>(
    cases: &[C],
    name: impl Fn(&C) -> String + Sync,
    run: impl Fn(&C) -> Vec<String> + Sync,
) {
    const THREADS: usize = 8;
    let next = AtomicUsize::new(0);
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut complaints = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                complaints
                    .extend(run(case).into_iter().map(|complaint| format!("{}: {complaint}", name(case))));
            }
            complaints
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    println!("{} cases, {} complaints", cases.len(), complaints.len());
    assert!(complaints.is_empty(), "{complaints:#?}");
}
