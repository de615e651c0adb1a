//! Where the state of runs lies on this machine, and the names of everything in it.
//!
//! ```text
//! <state>/<repo-key>/runs/<run-id>/   log, ballast, plan.json, lock, socket, report.{json,html}
//!                                     tasks/T-001/a1/{agent,verify,check}/, tasks/T-001/a1/home/
//!                                     lane/c1/check/, workspaces/T-001/
//! ```
//!
//! Knows nothing of what is in the files and reads no environment: the places come as arguments.

mod filesystem;

use ppe_core::ids::{Attempt, CandidateId, RunId, TaskId};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The longest part of a repository's key that comes from its name, in bytes.
const NAME_LIMIT_BYTES: usize = 40;

/// How many bytes of the hash tell repositories of one name apart.
const KEY_HASH_BYTES: usize = 5;
/// The folder of a run that holds its workspaces.
const WORKSPACES: &str = "workspaces";

/// The places from which the state folder follows, as the environment gives them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'a> {
    /// `PPE_STATE_DIR`: the state folder itself.
    pub ppe_state_dir: Option<&'a Path>,
    /// `XDG_STATE_HOME`: the folder that holds every program's state.
    pub xdg_state_home: Option<&'a Path>,
    /// `HOME`: the user's own folder.
    pub home: Option<&'a Path>,
}

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// None of the places is known.
    #[error("no place for state: neither PPE_STATE_DIR nor XDG_STATE_HOME nor HOME is set")]
    NoPlace,
    /// The state folder is given by a path that depends on where the program is started.
    #[error("PPE_STATE_DIR is {path}, which is not an absolute path")]
    NotAbsolute {
        /// The path as given.
        path: PathBuf,
    },
    /// The folder lies on a network file system, whose locks and syncs cannot be relied on.
    #[error("{path} lies on a network file system ({kind}); set PPE_STATE_DIR to a folder on a local disk")]
    Network {
        /// The folder.
        path: PathBuf,
        /// The file system's kind: `nfs`, `cifs`, `fuse.sshfs`.
        kind: String,
    },
    /// The folder belongs to somebody else or is none, so what lies in it cannot be trusted.
    #[error("{path} is not a folder of the current user's")]
    Foreign {
        /// What was found.
        path: PathBuf,
    },
    /// A run of that id exists already.
    #[error("{path} exists already; a new run needs a folder of its own")]
    RunExists {
        /// The run's folder.
        path: PathBuf,
    },
    /// The file system does not let us.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The path in question.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// The state folder of one repository. Only names: nothing of it need exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoState {
    folder: PathBuf,
}

/// The folder of one run. Only names: nothing of it need exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    folder: PathBuf,
}

/// What a supervised process is for; also its folder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobName {
    /// The agent's work on a task.
    Agent,
    /// The commands that verify a task's result.
    Verify,
    /// The commands that check a candidate or an attempt.
    Check,
}

/// When a run starts, in UTC, and what tells it from another that starts in the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// Year, four digits.
    pub year: u16,
    /// Month from 1.
    pub month: u8,
    /// Day of the month from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Anything that differs from run to run.
    pub salt: u16,
}

impl RunStart {
    /// The run's id: `20261124-161500-a1b2`. Ids sort by time as text.
    pub fn run_id(self) -> RunId {
        let Self { year, month, day, hour, minute, second, salt } = self;
        RunId::new(format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{salt:04x}"))
    }
}

/// The folder for all state: `PPE_STATE_DIR`, else `ppe` in `XDG_STATE_HOME`, else `.local/state/ppe` in the home
/// folder. Of the latter two a path that is not absolute counts as not set, as their specification asks.
///
/// # Errors
/// [`StateDirError::NoPlace`] and [`StateDirError::NotAbsolute`].
pub fn state_root(places: Places<'_>) -> Result<PathBuf, StateDirError> {
    match places.ppe_state_dir.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) if path.is_absolute() => return Ok(path.to_owned()),
        Some(path) => return Err(StateDirError::NotAbsolute { path: path.to_owned() }),
        None => {}
    }
    let absolute = |path: &&Path| path.is_absolute();
    let xdg = places.xdg_state_home.filter(absolute).map(|state| state.join("ppe"));
    let home = || places.home.filter(absolute).map(|home| home.join(".local/state/ppe"));
    xdg.or_else(home).ok_or(StateDirError::NoPlace)
}

impl RepoState {
    /// The state of the repository with this git common directory (the one that all its worktrees share), which must
    /// exist. Touches nothing in the state folder.
    ///
    /// # Errors
    /// [`StateDirError::Io`] when the git directory cannot be resolved.
    pub fn of(state_root: &Path, git_common_dir: &Path) -> Result<Self, StateDirError> {
        let canonical = fs::canonicalize(git_common_dir).map_err(io_error(git_common_dir))?;
        Ok(Self { folder: state_root.join(repo_key(&canonical)) })
    }

    /// The repository's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of everything in a run's folder, whether or not it exists.
    pub fn run(&self, run: &RunId) -> RunDir {
        RunDir { folder: self.runs_folder().join(component(run.as_str())) }
    }

    /// Makes the folder for a new run, readable by the current user alone.
    ///
    /// # Errors
    /// [`StateDirError`]: a network file system, a folder that belongs to somebody else, a run of that id.
    pub fn create_run(&self, run: &RunId) -> Result<RunDir, StateDirError> {
        if let Some(kind) = filesystem::network_kind(&self.folder).map_err(io_error(&self.folder))? {
            return Err(StateDirError::Network { path: self.folder.clone(), kind });
        }
        let runs = self.runs_folder();
        private_folders().recursive(true).create(&runs).map_err(io_error(&runs))?;
        claim(&self.folder)?;
        claim(&runs)?;
        let created = self.run(run);
        match private_folders().create(&created.folder) {
            Ok(()) => Ok(created),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(StateDirError::RunExists { path: created.folder })
            }
            Err(source) => Err(StateDirError::Io { path: created.folder, source }),
        }
    }

    /// The ids of all runs that have a folder, newest first.
    ///
    /// # Errors
    /// [`StateDirError::Io`]; a missing folder just means that there are none.
    pub fn runs(&self) -> Result<Vec<RunId>, StateDirError> {
        let folder = self.runs_folder();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(StateDirError::Io { path: folder, source }),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error(&folder))?;
            let is_folder = entry.file_type().map_err(io_error(&entry.path()))?.is_dir();
            if let Some(name) = entry.file_name().to_str().filter(|name| is_folder && is_run_id(name)) {
                runs.push(RunId::new(name));
            }
        }
        runs.sort_unstable_by(|a, b| b.cmp(a));
        Ok(runs)
    }

    fn runs_folder(&self) -> PathBuf {
        self.folder.join("runs")
    }
}

/// Whether a folder is a task's workspace, whatever run and repository it is of.
pub fn is_workspace(folder: &Path) -> bool {
    let Some(all) = folder.parent().filter(|all| all.ends_with(WORKSPACES)) else { return false };
    all.parent().is_some_and(|run| RunDir { folder: run.to_owned() }.plan().exists())
}

impl RunDir {
    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The event log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The plan as it was checked when the run started.
    pub fn plan(&self) -> PathBuf {
        self.folder.join("plan.json")
    }

    /// Where the plan was read from, as a path in a line of text.
    pub fn plan_source(&self) -> PathBuf {
        self.folder.join("plan.source")
    }

    /// There when the run leaves the kanban board alone.
    pub fn no_board(&self) -> PathBuf {
        self.folder.join("no-board")
    }

    /// The lock of the process that works on the run.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// The file that holds the path of the live run's control socket.
    pub fn socket_pointer(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The file that says where the run's changes live.
    pub fn forge(&self) -> PathBuf {
        self.folder.join("forge")
    }

    /// The folder with all workspaces.
    pub fn workspaces(&self) -> PathBuf {
        self.folder.join(WORKSPACES)
    }

    /// A task's workspace.
    pub fn workspace(&self, task: &TaskId) -> PathBuf {
        self.workspaces().join(component(task.as_str()))
    }

    /// The folder of one attempt at a task.
    pub fn task(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        self.folder.join("tasks").join(component(task.as_str())).join(format!("a{attempt}"))
    }

    /// The folder of one job of an attempt: ours alone.
    pub fn job(&self, task: &TaskId, attempt: Attempt, job: JobName) -> PathBuf {
        self.task(task, attempt).join(job.as_str())
    }

    /// The agent's own home folder during an attempt.
    pub fn agent_home(&self, task: &TaskId, attempt: Attempt) -> PathBuf {
        self.task(task, attempt).join("home")
    }

    /// The folder of one job for a candidate.
    pub fn candidate_job(&self, candidate: CandidateId, job: JobName) -> PathBuf {
        self.folder.join("lane").join(candidate.to_string()).join(job.as_str())
    }

    /// The completion summary as data.
    pub fn report_json(&self) -> PathBuf {
        self.folder.join("report.json")
    }

    /// The completion summary as a page.
    pub fn report_html(&self) -> PathBuf {
        self.folder.join("report.html")
    }
}

impl JobName {
    /// The job's name as its folder has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Verify => "verify",
            Self::Check => "check",
        }
    }
}

/// A name for the repository that a person recognises and that is no other repository's: its folder's name and a
/// short hash of the canonical path of its git directory.
fn repo_key(git_common_dir: &Path) -> String {
    let own_name = git_common_dir.file_name().unwrap_or_default();
    let named_by =
        if own_name == OsStr::new(".git") { git_common_dir.parent() } else { Some(git_common_dir) };
    let name = named_by.and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".git").unwrap_or(&name);
    let plain = |letter: char| if is_plain(letter) { letter } else { '-' };
    let readable: String = name.chars().map(plain).take(NAME_LIMIT_BYTES).collect();
    let readable = readable.trim_matches(['-', '.']);
    let readable = if readable.is_empty() { "repo" } else { readable };
    let hash = Sha256::digest(git_common_dir.as_os_str().as_bytes());
    let mut key = format!("{readable}-");
    hash.iter().take(KEY_HASH_BYTES).for_each(|&byte| push_hex(&mut key, byte));
    key
}

/// One path component for an id, whatever the id holds: what is not plain is written as `%` and two hexadecimal digits,
/// and so is a leading dot. Different ids have different components.
fn component(id: &str) -> String {
    let mut text = String::new();
    for (at, byte) in id.bytes().enumerate() {
        let letter = char::from(byte);
        if is_plain(letter) && (at > 0 || letter != '.') {
            text.push(letter);
        } else {
            text.push('%');
            push_hex(&mut text, byte);
        }
    }
    text
}

fn push_hex(text: &mut String, byte: u8) {
    // Writing to a text in memory does not fail.
    let _ = write!(text, "{byte:02x}");
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

/// Whether a folder's name has the shape of a run's id.
fn is_run_id(name: &str) -> bool {
    let shape = "dddddddd-dddddd-hhhh";
    name.len() == shape.len()
        && name.bytes().zip(shape.bytes()).all(|(byte, kind)| match kind {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            _ => byte == kind,
        })
}

fn private_folders() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Makes sure that a folder is the current user's own, and closes it to others.
fn claim(folder: &Path) -> Result<(), StateDirError> {
    let found = fs::symlink_metadata(folder).map_err(io_error(folder))?;
    if !found.is_dir() || found.uid() != nix::unistd::geteuid().as_raw() {
        return Err(StateDirError::Foreign { path: folder.to_owned() });
    }
    let others = found.permissions().mode() & 0o077;
    if others == 0 {
        return Ok(());
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(io_error(folder))
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StateDirError + use<> {
    let path = path.to_owned();
    move |source| StateDirError::Io { path, source }
}

#[cfg(test)]
mod tests;
