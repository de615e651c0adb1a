//! A hermetic place to run the real binary in: a repository, a plan, a home, a state folder and a clean environment,
//! all in one temporary folder.
//!
//! Every process that belongs to it carries that folder's path in its environment, so what is left over can be found
//! and ended. Knows the command line, the log's line format and the state folder's layout; imports no adapter.
//!
//! All functions here panic where something cannot be done, or is not as it is demanded.

use crate::fingerprint::Fingerprint;
use ppe_core::event::{Event, Record};
use ppe_core::plan::Plan;
use ppe_core::state::State;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(90);

/// The configuration that [`TestEnv::new`] commits: scripted agents, no waiting, changes land on `main`, which nobody
/// has checked out.
pub const CONFIG: &str = r#"
[plan]
path = "plan"
[repo]
target = "main"
[run]
dashboard_refresh_s = 1
[retries]
backoff_ms = 20
[limits]
disk_floor_mb = 1
memory_floor_mb = 0
grace_s = 1
[agent]
name = "scripted"
[agent.scripted]
speed = 20.0
"#;

/// The place.
pub struct TestEnv {
    program: PathBuf,
    /// Its name is short: sockets lie in it.
    temp: TempDir,
    before: Option<Fingerprint>,
    variables: BTreeMap<String, String>,
}

/// What a command that has ended printed, and its exit code.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code; 128 and the signal's number when it was ended by one.
    pub code: i32,
    /// What it printed as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Ended {
    /// Both streams, for searching.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The data as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}):\n{}", self.all()))
    }

    /// Demands an exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "exit code; it printed:\n{}", self.all());
        self
    }

    /// Demands that one of the streams holds a text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.all().contains(text), "`{text}` is not in:\n{}", self.all());
        self
    }
}

/// A command that is under way. Killed when dropped.
pub struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name, such as `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()), "signal {name} cannot be sent");
    }

    /// What it printed so far, both streams.
    pub fn printed(&self) -> String {
        let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        format!("{}{}", read(&self.out), read(&self.err))
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_some()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(self) -> Ended {
        self.wait_for(PATIENCE)
    }

    /// The same for what takes longer than others.
    #[track_caller]
    pub fn wait_for(mut self, patience: Duration) -> Ended {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return ended(status, &self.out, &self.err);
            }
            assert!(
                start.elapsed() <= patience,
                "still running after {patience:?}; it printed:\n{}",
                self.printed()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn ended(status: ExitStatus, out: &Path, err: &Path) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    let read = |path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    Ended { code, stdout: read(out), stderr: read(err) }
}

impl TestEnv {
    /// A repository on branch `work` with the target `main` beside it and [`CONFIG`] committed. `program` is the binary
    /// under test.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        // A socket's path is short.
        let usual = Some(std::env::temp_dir()).filter(|usual| usual.as_os_str().len() <= 40);
        let temp = tempfile::Builder::new().prefix("e").tempdir_in(usual.unwrap_or("/tmp".into()));
        let temp = temp.expect("a temporary folder");
        let env = Self { program: program.into(), temp, before: None, variables: BTreeMap::new() };
        for dir in ["repo", "home", "state", "rt", "out", "tmp"] {
            fs::create_dir(env.at(dir)).expect("a folder");
        }
        make_private(&env.at("rt"));
        env.git(&["init", "-q", "-b", "main"]);
        env.git(&["config", "user.name", "Uma User"]);
        env.git(&["config", "user.email", "uma@example.org"]);
        env.git(&["config", "commit.gpgsign", "false"]);
        env.write("README.md", "# A project\n");
        env.write("ppe.toml", CONFIG);
        env.commit("start");
        env.git(&["checkout", "-q", "-b", "work"]);
        env
    }

    /// A place inside the temporary folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The user's checkout.
    pub fn repo(&self) -> PathBuf {
        self.at("repo")
    }

    /// Sets a variable for every command from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Writes a file of the user's checkout.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.repo().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Adds to `ppe.toml`; [`TestEnv::commit_on_target`] must follow.
    pub fn add_config(&self, text: &str) {
        let path = self.repo().join("ppe.toml");
        let mut file = File::options().append(true).open(path).expect("ppe.toml");
        writeln!(file, "\n{text}").expect("ppe.toml takes it");
    }

    /// Writes the script of the scripted agents, outside the repository, and names it in the environment.
    pub fn script(&mut self, text: &str) {
        let path = self.at("script.toml");
        fs::write(&path, text).expect("a script");
        self.set("PPE_AGENT_SCRIPTED_SCRIPT", &path.display().to_string());
    }

    /// Writes a task file of the plan: `commits` planned commits, each with a file of its own.
    pub fn task(&self, id: &str, title: &str, depends_on: &[&str], commits: u32) {
        self.task_with(id, title, depends_on, commits, "");
    }

    /// The same with more lines for its head, each beginning with `- **`.
    pub fn task_with(&self, id: &str, title: &str, depends_on: &[&str], commits: u32, head: &str) {
        let slug = title.to_lowercase().replace(' ', "-");
        let depends = match depends_on {
            [] => "None\n".to_owned(),
            ids => ids.iter().map(|id| ["- ", id, "\n"].concat()).collect(),
        };
        let part = |n: u32| format!("{n}. `feat({slug}): part {n}`\n   - Files: `{slug}/part_{n}.txt`\n");
        let planned: String = (1..=commits).map(part).collect();
        let text = format!(
            "# {id}: {title}\n\n- **Priority**: medium\n{head}\n## Dependencies\n\n{depends}\n## Blocks\n\nNone\n\n\
             ## Goal\n\nDo {title}.\n\n## Plan de Commits\n\n### Phase 1: Work\n\n{planned}"
        );
        self.write(&format!("plan/{id}-{slug}.md"), &text);
    }

    /// Commits everything in the checkout on its branch.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", message, "--allow-empty"]);
    }

    /// Commits everything, and moves the target (where it is not checked out) to that commit. Takes the picture of the
    /// checkout that [`TestEnv::untouched`] compares with.
    pub fn ready(&mut self) {
        self.commit("prepare");
        if self.git(&["branch", "--show-current"]).trim() != "main" {
            self.git(&["branch", "-f", "main", "HEAD"]);
        }
        self.before = Some(self.picture());
    }

    /// The picture of the user's repository, without our branches and the target.
    pub fn picture(&self) -> Fingerprint {
        let branches = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        let ours: Vec<&str> = branches.lines().filter(|b| b.starts_with("feat/") || *b == "main").collect();
        Fingerprint::of(&self.repo(), &ours)
    }

    /// Demands that the user's checkout is as [`TestEnv::ready`] saw it.
    #[track_caller]
    pub fn untouched(&self) {
        let before = self.before.as_ref().expect("ready() took a picture");
        before.assert_same(&self.picture());
        let lock = self.repo().join(".git/index.lock");
        assert!(!lock.exists(), "{} was left behind", lock.display());
    }

    /// Demands that no process of this place is left, then that the checkout is untouched.
    #[track_caller]
    pub fn finish(&self) {
        self.until_alone();
        self.untouched();
    }

    /// Waits until no process of this place is left: some need a moment for their last steps.
    #[track_caller]
    pub fn until_alone(&self) {
        self.until("all processes are gone", || self.processes().is_empty().then_some(()));
    }

    /// Another program with the place's environment, and nothing of this process's but where programs are found.
    pub fn clean(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.repo());
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let places =
            [("HOME", "home"), ("PPE_STATE_DIR", "state"), ("XDG_RUNTIME_DIR", "rt"), ("TMPDIR", "tmp")];
        command.envs(places.map(|(name, dir)| (name, self.at(dir))));
        command.envs([("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("GIT_CONFIG_NOSYSTEM", "1")]);
        command.envs(&self.variables);
        command
    }

    /// The program under test with arguments, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.clean(&self.program);
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn ppe(&self, args: &[&str]) -> Ended {
        self.spawn(args).wait()
    }

    /// Starts the program.
    pub fn spawn(&self, args: &[&str]) -> Running {
        let number = fs::read_dir(self.at("out")).expect("a folder").count();
        let name = |stream: &str| self.at("out").join(format!("{number}-{stream}"));
        let (out, err) = (name("out"), name("err"));
        let mut command = self.command(args);
        command.stdout(File::create(&out).expect("a file")).stderr(File::create(&err).expect("a file"));
        Running { child: command.spawn().expect("the program starts"), out, err }
    }

    /// Runs git in the user's repository.
    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.repo(), args)
    }

    /// Runs git somewhere.
    #[track_caller]
    pub fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        let output = self.clean(Path::new("git")).args(args).current_dir(dir).output().expect("git starts");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether git says yes.
    pub fn git_agrees(&self, args: &[&str]) -> bool {
        self.clean(Path::new("git")).args(args).output().expect("git starts").status.success()
    }

    /// Folders of the runs, the oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for repository in fs::read_dir(self.at("state")).into_iter().flatten().flatten() {
            let runs = fs::read_dir(repository.path().join("runs")).into_iter().flatten().flatten();
            found.extend(runs.map(|run| run.path()).filter(|run| run.join("log").exists()));
        }
        found.sort();
        found
    }

    /// The folder of the latest run.
    #[track_caller]
    pub fn run_folder(&self) -> PathBuf {
        self.runs().pop().expect("there is a run")
    }

    /// The records of the latest run's log. A line that is being written is left out.
    #[track_caller]
    pub fn log(&self) -> Vec<Record> {
        let Some(run) = self.runs().pop() else { return Vec::new() };
        let mut bytes = fs::read(run.join("log")).expect("the log can be read");
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or_default());
        let whole = String::from_utf8(bytes).expect("whole lines are text");
        let json = |line: &str| line.splitn(3, ' ').nth(2).map(str::to_owned);
        whole
            .lines()
            .skip(1)
            .map(|line| Record::of_line(&json(line).expect("crc, number, record")).expect("a record"))
            .collect()
    }

    /// All events of the latest run.
    #[track_caller]
    pub fn events(&self) -> Vec<Event> {
        self.log().into_iter().flat_map(|record| record.events).collect()
    }

    /// How often an event of a kind happened.
    #[track_caller]
    pub fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| wanted(event)).count()
    }

    /// The plan of the latest run, as it began.
    #[track_caller]
    pub fn plan(&self) -> Plan {
        let text = fs::read(self.run_folder().join("plan.json")).expect("a plan");
        serde_json::from_slice(&text).expect("a plan")
    }

    /// What the latest run's log folds to.
    #[track_caller]
    pub fn state(&self) -> State {
        let mut state = State::new(Arc::new(self.plan()));
        self.log().iter().for_each(|record| state.apply(record).expect("the log folds"));
        state
    }

    /// The changes of the local forge, oldest first.
    pub fn changes(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for repository in fs::read_dir(self.at("state")).into_iter().flatten().flatten() {
            let changes = fs::read_dir(repository.path().join("forge/changes"));
            for file in changes.into_iter().flatten().flatten() {
                if file.path().extension().is_some_and(|e| e == "json") {
                    let text = fs::read(file.path()).expect("a change can be read");
                    found.push(serde_json::from_slice::<Value>(&text).expect("a change is JSON"));
                }
            }
        }
        found.sort_by_key(|change| change["number"].as_u64());
        found
    }

    /// `ppe status --json`.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.ppe(&["status", "--json"]).exits(0).json()
    }

    /// A task's row of `ppe status --json`.
    #[track_caller]
    pub fn row(&self, task: &str) -> Value {
        let status = self.status();
        let rows = status["tasks"].as_array().expect("tasks").iter();
        rows.clone().find(|row| row["id"] == task).unwrap_or_else(|| panic!("no {task} in {status}")).clone()
    }

    /// Waits until something is there.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            if start.elapsed() > PATIENCE {
                let printed: String = self.outputs();
                panic!("waited in vain until {what}; processes: {:?}; printed:\n{printed}", self.processes());
            }
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits until the latest run's log holds an event.
    #[track_caller]
    pub fn until_event(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        self.until(what, || self.events().into_iter().find(|event| wanted(event)))
    }

    fn outputs(&self) -> String {
        let mut files: Vec<_> = fs::read_dir(self.at("out")).into_iter().flatten().flatten().collect();
        files.sort_by_key(fs::DirEntry::file_name);
        let last = files.iter().rev().take(4).rev();
        last.map(|f| String::from_utf8_lossy(&fs::read(f.path()).unwrap_or_default()).into_owned()).collect()
    }

    /// Processes that carry this place in their environment, but for this test's own.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let marker = self.temp.path().display().to_string();
        let holds = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).contains(&marker);
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
            if pid != std::process::id() && holds(read("environ")) {
                found.push((pid, String::from_utf8_lossy(&read("cmdline")).replace('\0', " ")));
            }
        }
        found
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        // Only what carries this folder's name, which no other process has.
        for (pid, _) in self.processes() {
            drop(Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status());
        }
    }
}

fn make_private(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).expect("permissions");
}
