//! The files of a job's folder: their names, their contents, and how they are written whole or not at all.
//!
//! These files and signals are the whole protocol between a shim and whoever starts or adopts it, so that a
//! newer `ppe` can talk to an older shim: fields are only ever added, with defaults. This module does not know
//! processes.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failpoint;

/// What is to run: a [`JobSpec`] as JSON.
pub const SPEC: &str = "spec.json";
/// The shim's record lock. Whoever holds it supervises the job.
pub const LOCK: &str = "lock";
/// A [`Started`] as JSON. Without it the program has never run.
pub const STARTED: &str = "started";
/// An [`Exit`] as JSON: the job is over and nothing of it runs.
pub const EXIT: &str = "exit";
/// A [`StopNote`] as JSON: the job is to stop, or never to start.
pub const STOP: &str = "stop";
/// What the program wrote to its standard output.
pub const STDOUT: &str = "stdout";
/// What the program wrote to its standard error.
pub const STDERR: &str = "stderr";

/// The variable that marks every process of a job, so that leftovers of a killed shim can be found.
pub const MARKER_VARIABLE: &str = "PPE_JOB";

/// What a shim is to run, and within which limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Names the job on this machine (run, task, attempt, kind); every process of the job carries it.
    pub marker: String,
    /// The program and its arguments; never a shell line.
    pub argv: Vec<String>,
    /// Where the program starts. Must exist.
    pub cwd: PathBuf,
    /// The complete environment, apart from `secrets` and the marker: nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// Names of variables whose values are handed over in the shim's own environment, never in a file.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// The file the program reads as its standard input, or none for an empty one.
    #[serde(default)]
    pub stdin: Option<PathBuf>,
    /// How much standard output and standard error may hold together before the job is stopped.
    pub output_cap_bytes: u64,
    /// How long the program may run while the machine is awake.
    #[serde(default)]
    pub wall_limit_ms: Option<u64>,
    /// How long the program has between the request to stop and the kill.
    pub grace_ms: u64,
    /// A cgroup v2 folder for this job alone, not yet made, in a folder delegated to us.
    #[serde(default)]
    pub cgroup: Option<PathBuf>,
}

/// Written, durably, before the program may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The shim's process id.
    pub shim_pid: i32,
    /// When the shim was started, in clock ticks since boot.
    pub shim_start_ticks: u64,
    /// Which boot of which machine the process id belongs to.
    pub boot_id: String,
    /// The version of `ppe` the shim was built as.
    pub build: String,
    /// Wall time of the start, in milliseconds since 1970.
    pub started_at_ms: u64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How the program itself ended.
    pub end: End,
    /// Why the shim stopped it, if it did.
    #[serde(default)]
    pub stop: Option<StopReason>,
    /// How many processes the program left behind and the shim killed.
    pub leftovers_killed: u32,
    /// How many of them could not be killed (a program that runs as another user).
    #[serde(default)]
    pub leftovers_alive: u32,
    /// By which means the leftovers were found.
    pub kill_domain: KillDomain,
    /// The largest memory any one process of the job held, in kilobytes.
    pub maxrss_kb: u64,
    /// Processor time spent in user code by all processes of the job that were waited for.
    pub user_ms: u64,
    /// Processor time spent in the kernel for them.
    pub sys_ms: u64,
    /// Wall time of the end, in milliseconds since 1970.
    pub ended_at_ms: u64,
}

/// How the program itself ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It could not be started.
    CannotRun {
        /// The system's error number.
        errno: i32,
        /// What could not be done, and the system's words for it.
        text: String,
    },
    /// The request to stop came before the program was started.
    NotRun,
}

/// Why a shim stopped its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// Somebody asked for it.
    Asked,
    /// It wrote more than its output cap.
    OutputCap,
    /// It ran longer than its wall limit.
    WallLimit,
}

/// By which means the processes of a job are found when all must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillDomain {
    /// All processes in the job's cgroup, in one step by the kernel.
    Cgroup,
    /// All descendants: orphans become children of the shim.
    Subreaper,
}

/// The request to stop; present before the start, it keeps the program from being started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopNote {
    /// How long the program has until it is killed.
    pub grace_ms: u64,
}

/// Writes `value` as `<dir>/<name>`, whole or not at all, on disk when this returns.
///
/// `point` is the prefix of the failpoints passed on the way.
pub fn put<T: Serialize>(dir: &Path, name: &str, value: &T, point: &str) -> io::Result<()> {
    let text = serde_json::to_vec(value)?;
    // Two processes may write one name at once; each whole, one after the other.
    let temp = dir.join(format!(".{name}.{}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
    failpoint::write_all(point, &mut file, &text)?;
    file.sync_all()?;
    failpoint::hit_in(point, "before_rename");
    std::fs::rename(&temp, dir.join(name))?;
    failpoint::hit_in(point, "after_rename");
    sync_dir(dir)
}

/// Reads `<dir>/<name>`; a file that is not there is `None`, one that cannot be understood is an error of kind
/// `InvalidData`.
pub fn get<T: DeserializeOwned>(dir: &Path, name: &str) -> io::Result<Option<T>> {
    let mut text = Vec::new();
    match File::open(dir.join(name)) {
        Ok(mut file) => file.read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Makes `dir` and what is missing above it, open to this user only, on disk when this returns.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().ok_or(io::ErrorKind::NotFound)?;
    make_dir(parent)?;
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_dir(parent)
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Wall time in milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit() -> Exit {
        Exit {
            end: End::CannotRun { errno: 2, text: "no such program".into() },
            stop: Some(StopReason::OutputCap),
            leftovers_killed: 3,
            leftovers_alive: 0,
            kill_domain: KillDomain::Subreaper,
            maxrss_kb: 1024,
            user_ms: 5,
            sys_ms: 6,
            ended_at_ms: 7,
        }
    }

    #[test]
    fn what_is_put_is_got() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), EXIT, &exit(), "test.exit").unwrap();
        assert_eq!(get::<Exit>(dir.path(), EXIT).unwrap(), Some(exit()));
        assert_eq!(get::<Started>(dir.path(), STARTED).unwrap(), None);
        let text = std::fs::read_to_string(dir.path().join(EXIT)).unwrap();
        assert!(text.contains(r#""stop":"output-cap""#), "{text}");
    }

    #[test]
    fn half_a_record_is_an_error_not_an_absence() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(EXIT), r#"{"end":{"co"#).unwrap();
        assert_eq!(get::<Exit>(dir.path(), EXIT).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_older_record_is_still_understood() {
        let old = r#"{"marker":"m","argv":["true"],"cwd":"/","env":{},"output_cap_bytes":1,"grace_ms":2}"#;
        let spec: JobSpec = serde_json::from_str(old).unwrap();
        assert_eq!((spec.stdin, spec.cgroup, spec.wall_limit_ms), (None, None, None));
    }

    #[test]
    fn folders_are_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        make_dir(&deep).unwrap();
        make_dir(&deep).unwrap();
        assert_eq!(deep.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
