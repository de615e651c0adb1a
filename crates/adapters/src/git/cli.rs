//! Runs the git program: clean environment, safe switches, a time limit, bounded output, patience with locks that the
//! user's own git holds.
//!
//! Knows no git concept beyond that: what to ask and what an answer means is the callers' business.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Stamp;
use super::hooks;
use super::pipes::{Keep, collect, feed};

/// The oldest git that has what we use.
pub const OLDEST: (u32, u32) = (2, 39);

/// Tells git processes of ours, and for which repository they are at work: its git common directory.
pub const OWNER_VARIABLE: &str = "PPE_GIT_OF";

const STDERR_KEPT: usize = 4 * 1024;
const STDOUT_LIMIT: usize = 256 * 1024 * 1024;

/// Why a git command gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program as configured.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// Git ran and said no.
    #[error("git {what} failed ({code}): {stderr}")]
    Failed {
        /// The subcommand and its first arguments.
        what: String,
        /// Exit status, or `signal N`.
        code: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// It took longer than allowed and was killed.
    #[error("git {what} took longer than {limit_ms} ms")]
    TimedOut {
        /// The subcommand and its first arguments.
        what: String,
        /// The limit, ms.
        limit_ms: u64,
    },
    /// Another git holds a lock and did not let go of it in time.
    #[error("git {what}: another git process holds {file}; end it, or remove that file if none is at work")]
    Locked {
        /// The subcommand and its first arguments.
        what: String,
        /// The lock file.
        file: String,
    },
    /// The disk is full.
    #[error("git {what}: no space left on the device")]
    DiskFull {
        /// The subcommand and its first arguments.
        what: String,
    },
    /// The answer was not of the form that git documents, or far too long.
    #[error("git {what} answered something unexpected: {answer}")]
    Answer {
        /// The subcommand and its first arguments.
        what: String,
        /// What it said, shortened.
        answer: String,
    },
}

impl GitError {
    /// Whether git itself answered with an error, as opposed to a failure of the machine (time, disk, locks, spawn).
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Answer { .. })
    }

    /// What git wrote to standard error, if it ran.
    pub fn stderr(&self) -> &str {
        match self {
            Self::Failed { stderr, .. } => stderr,
            _ => "",
        }
    }
}

/// The git program and the limits on each of its runs.
#[derive(Clone, Debug)]
pub struct Git {
    program: OsString,
    limit_ms: u64,
    lock_wait_ms: u64,
    owner: Option<PathBuf>,
    no_hooks: Vec<(String, String)>,
}

impl Default for Git {
    fn default() -> Self {
        Self {
            program: "git".into(),
            limit_ms: 10 * 60 * 1000,
            lock_wait_ms: 5_000,
            owner: None,
            no_hooks: hooks::off(&[]),
        }
    }
}

impl Git {
    /// Another program in place of `git` from the search path.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// The longest any one command may take, ms.
    #[must_use]
    pub fn with_limit_ms(mut self, limit_ms: u64) -> Self {
        self.limit_ms = limit_ms;
        self
    }

    /// How long to go on trying while another git holds a lock, ms.
    #[must_use]
    pub fn with_lock_wait_ms(mut self, lock_wait_ms: u64) -> Self {
        self.lock_wait_ms = lock_wait_ms;
        self
    }

    /// For a repository, by its git common directory: every process can be told by it, see [`OWNER_VARIABLE`].
    #[must_use]
    pub fn with_owner(mut self, common_dir: &Path) -> Self {
        self.owner = Some(common_dir.to_owned());
        self
    }

    /// For a repository whose configuration names these hooks: none of them runs.
    #[must_use]
    pub fn without_hooks(mut self, names: &[String]) -> Self {
        self.no_hooks = hooks::off(names);
        self
    }

    /// A call in a directory of the user's: their configuration holds, but no hook, signing, maintenance or daemon runs.
    pub fn user(&self, dir: &Path) -> Call {
        let mut call = self.call(dir);
        for setting in SAFE {
            call = call.args(["-c", setting]);
        }
        self.no_hooks.iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// A call in the user's repository that needs no work tree; attributes are not read from any checkout.
    pub fn store(&self, common_dir: &Path) -> Call {
        self.user(common_dir).arg(prefixed("--git-dir=", common_dir))
    }

    /// A call with a git directory of our own over somebody else's files. No configuration but that directory's own and
    /// the safe switches holds, so that no attribute of those files can name a program.
    pub fn ours(&self, git_dir: &Path, work_tree: Option<&Path>) -> Call {
        let mut call = self.user(work_tree.unwrap_or(git_dir));
        call = call
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .arg(prefixed("--git-dir=", git_dir));
        match work_tree {
            Some(dir) => call.arg(prefixed("--work-tree=", dir)),
            None => call,
        }
    }

    /// The version, when it is new enough.
    pub fn version(&self) -> Result<(u32, u32), VersionError> {
        let text = self.call(Path::new("/")).arg("version").text()?;
        let found = parse_version(&text).ok_or_else(|| VersionError::Unreadable { text: text.clone() })?;
        if found < OLDEST { Err(VersionError::TooOld { text }) } else { Ok(found) }
    }

    fn call(&self, dir: &Path) -> Call {
        Call { git: self.clone(), dir: dir.to_owned(), args: Vec::new(), envs: Vec::new(), stdin: None }
    }
}

/// Settings that hold for every call of ours, whatever the repository says.
const SAFE: [&str; 12] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "submodule.recurse=false",
    "diff.ignoreSubmodules=all",
    "fetch.writeCommitGraph=false",
    "log.showSignature=false",
    "merge.autoStash=false",
    "rebase.autoStash=false",
    "core.untrackedCache=false",
];

/// Variables that survive the cleaning: where git is installed and which files hold the user's configuration.
const KEPT_ENV: [&str; 4] =
    ["GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

/// The installed git cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// It is too old.
    #[error("{text} is too old: git 2.39 or newer is needed")]
    TooOld {
        /// What it calls itself.
        text: String,
    },
    /// It did not say its version.
    #[error("cannot tell the version of git from {text:?}")]
    Unreadable {
        /// What it said.
        text: String,
    },
    /// It did not run.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What a finished command left.
#[derive(Debug)]
pub struct Output {
    /// Exit status; 128 + signal number when killed.
    pub code: i32,
    /// Everything written to standard output.
    pub stdout: Vec<u8>,
    /// The end of what was written to standard error.
    pub stderr: String,
}

impl Output {
    /// The parts of a NUL-separated answer.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let body = self.stdout.strip_suffix(b"\0").unwrap_or(&self.stdout);
        let count = if body.is_empty() { 0 } else { usize::MAX };
        body.split(|byte| *byte == 0).take(count)
    }

    /// Standard output as text, when it succeeded.
    pub fn text_if_ok(&self) -> Option<String> {
        (self.code == 0).then(|| self.text())
    }

    /// Standard output as text without its last line end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches('\n').to_owned()
    }
}

/// One git command being put together.
#[derive(Clone, Debug)]
pub struct Call {
    git: Git,
    dir: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    stdin: Option<Vec<u8>>,
}

impl Call {
    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets author, committer and both dates.
    #[must_use]
    pub fn stamp(self, stamp: &Stamp) -> Self {
        stamp.env().into_iter().fold(self, |call, (name, value)| call.env(name, value))
    }

    /// Gives the command something to read; without it standard input is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Lets the command reach other hosts, with the user's own means of logging in.
    #[must_use]
    pub fn network(self) -> Self {
        let call = self.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh");
        std::env::vars_os()
            .filter(|(name, _)| NETWORK_ENV.iter().any(|kept| name == kept))
            .fold(call, |call, (name, value)| call.env(name, value))
    }

    /// Runs it and demands success.
    pub fn run(self) -> Result<Output, GitError> {
        let what = self.what();
        let output = self.any()?;
        if output.code == 0 { Ok(output) } else { Err(failed(what, output)) }
    }

    /// Runs it, demands success and gives standard output as text without the last line end.
    pub fn text(self) -> Result<String, GitError> {
        self.run().map(|output| output.text())
    }

    /// Runs it where an exit status of 1 is an answer: true for 0, false for 1.
    pub fn yes(self) -> Result<bool, GitError> {
        let what = self.what();
        let output = self.any()?;
        match output.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(failed(what, output)),
        }
    }

    /// Runs it and takes any exit status as an answer, except where a lock or a full disk stood in the way.
    pub fn any(self) -> Result<Output, GitError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let output = self.once()?;
            if output.code == 0 {
                return Ok(output);
            }
            if output.stderr.contains("No space left on device") {
                return Err(GitError::DiskFull { what: self.what() });
            }
            let Some(file) = held_lock(&output.stderr) else { return Ok(output) };
            if started.elapsed() + pause > Duration::from_millis(self.git.lock_wait_ms) {
                return Err(GitError::Locked { what: self.what(), file });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    /// An answer of this command that cannot be understood.
    pub fn unexpected(&self, answer: &str) -> GitError {
        GitError::Answer { what: self.what(), answer: answer.chars().take(200).collect() }
    }

    fn once(&self) -> Result<Output, GitError> {
        let started = self.command().spawn();
        let mut child = started.map_err(|source| GitError::Spawn { program: self.program(), source })?;
        let (done, finished) = mpsc::channel();
        let writer = child.stdin.take().zip(self.stdin.clone()).map(|(pipe, bytes)| feed(pipe, bytes));
        let stdout = child.stdout.take().map(|pipe| collect(pipe, Keep::Start(STDOUT_LIMIT), done.clone()));
        let stderr = child.stderr.take().map(|pipe| collect(pipe, Keep::End(STDERR_KEPT), done));
        let deadline = Instant::now() + Duration::from_millis(self.git.limit_ms);
        let in_time =
            (0..2).all(|_| finished.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok());
        if !in_time {
            end(&mut child);
        }
        let status = child.wait().map_err(|source| GitError::Spawn { program: self.program(), source })?;
        if !in_time {
            // The threads end with the pipes, which a runaway descendant may hold open: they are not waited for.
            return Err(GitError::TimedOut { what: self.what(), limit_ms: self.git.limit_ms });
        }
        let stdout = stdout.and_then(|thread| thread.join().ok()).unwrap_or_default();
        let stderr = stderr.and_then(|thread| thread.join().ok()).unwrap_or_default();
        if let Some(writer) = writer {
            drop(writer.join());
        }
        if stdout.cut {
            return Err(self.unexpected("more output than can be held"));
        }
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let stderr = String::from_utf8_lossy(&stderr.bytes).trim_end().to_owned();
        Ok(Output { code, stdout: stdout.bytes, stderr })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.git.program);
        for (name, _) in std::env::vars_os() {
            let foreign = name.as_encoded_bytes().starts_with(b"GIT_");
            if foreign && !KEPT_ENV.iter().any(|kept| name == *kept) {
                command.env_remove(name);
            }
        }
        command
            .env("LC_ALL", "C")
            .env_remove("LANGUAGE")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "file")
            .env("GIT_EDITOR", "true")
            .env("GIT_SEQUENCE_EDITOR", "true")
            .env("GIT_ADVICE", "0")
            .envs(self.git.owner.iter().map(|owner| (OWNER_VARIABLE, owner)))
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .args(&self.args)
            .current_dir(&self.dir)
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }

    fn program(&self) -> String {
        self.git.program.to_string_lossy().into_owned()
    }

    /// The subcommand and its first arguments, without the switches before it.
    fn what(&self) -> String {
        let mut args = self.args.iter().map(|arg| arg.to_string_lossy()).peekable();
        while args.peek().is_some_and(|arg| arg.starts_with('-')) {
            let takes_value = args.next().is_some_and(|switch| switch == "-c");
            if takes_value {
                args.next();
            }
        }
        args.take(4).collect::<Vec<_>>().join(" ")
    }
}

const NETWORK_ENV: [&str; 6] =
    ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY"];

fn prefixed(prefix: &str, path: &Path) -> OsString {
    let mut arg = OsString::from(prefix);
    arg.push(path);
    arg
}

fn failed(what: String, output: Output) -> GitError {
    GitError::Failed { what, code: output.code.to_string(), stderr: output.stderr }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    // A process that is gone already is as good as killed.
    let killed = group.map(|group| killpg(group, Signal::SIGKILL));
    if !matches!(killed, Ok(Ok(()))) {
        drop(child.kill());
    }
}

/// The lock file that stood in the way, if that is what git complains of.
fn held_lock(stderr: &str) -> Option<String> {
    let after = stderr.split_once("Unable to create '").map(|(_, rest)| rest);
    let created = after.and_then(|rest| rest.split_once("': File exists")).map(|(file, _)| file.to_owned());
    let config = || {
        let rest = stderr.split_once("could not lock config file ")?.1;
        rest.split_once(": File exists").map(|(file, _)| format!("{file}.lock"))
    };
    created.or_else(config)
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let numbers = text.strip_prefix("git version ")?;
    let mut parts = numbers.split(['.', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_whatever_follows_them() {
        assert_eq!(parse_version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(parse_version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(parse_version("hub version 3"), None);
    }

    #[test]
    fn the_lock_that_stands_in_the_way_is_named() {
        let index = "fatal: Unable to create '/r/.git/index.lock': File exists.\n\nAnother git process";
        assert_eq!(held_lock(index).as_deref(), Some("/r/.git/index.lock"));
        let config = "error: could not lock config file .git/config: File exists";
        assert_eq!(held_lock(config).as_deref(), Some(".git/config.lock"));
        assert_eq!(held_lock("fatal: cannot lock ref 'x': is at a but expected b"), None);
    }

    #[test]
    fn errors_name_the_subcommand_and_not_our_switches() {
        let dir = tempfile::tempdir().unwrap();
        let error =
            Git::default().user(dir.path()).args(["rev-parse", "--verify", "nothing"]).run().unwrap_err();
        assert!(error.to_string().starts_with("git rev-parse --verify nothing failed (128)"), "{error}");
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("slow-git");
        std::fs::write(&script, "#!/bin/sh\nsleep 600 & sleep 600\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let git = Git::default().with_program(&script).with_limit_ms(50);
        let error = git.user(dir.path()).arg("status").run().unwrap_err();
        assert!(matches!(error, GitError::TimedOut { limit_ms: 50, .. }), "{error}");
    }

    #[test]
    fn long_input_and_long_output_do_not_block_each_other() {
        let dir = tempfile::tempdir().unwrap();
        Git::default().user(dir.path()).args(["init", "-q"]).run().unwrap();
        let lines = "no-such-object\n".repeat(50_000);
        let output =
            Git::default().user(dir.path()).args(["cat-file", "--batch-check"]).stdin(lines).run().unwrap();
        assert_eq!(output.text().lines().count(), 50_000);
    }

    #[test]
    fn an_old_git_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("old-git");
        std::fs::write(&script, "#!/bin/sh\necho git version 2.30.2\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let error = Git::default().with_program(&script).version().unwrap_err();
        assert_eq!(error.to_string(), "git version 2.30.2 is too old: git 2.39 or newer is needed");
    }
}
