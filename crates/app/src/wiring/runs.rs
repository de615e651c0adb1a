//! Runs on disk: making one, finding the latest, and the lock that only one process holds.

use super::Site;
use super::followed::Followed;
use super::found::{Found, read_plan_file, write_plan_source};
use crate::error::AppError;
use jiff::Zoned;
use ppe_adapters::failpoint;
use ppe_adapters::git::refs;
use ppe_adapters::lock::{LockError, Note, RecordLock, holder};
use ppe_adapters::log::{DEFAULT_BALLAST_BYTES, FileLog, digest};
use ppe_adapters::sources::Source;
use ppe_adapters::state_dir::{RunDir, RunStart};
use ppe_core::ids::RunId;
use ppe_core::plan::Plan;
use ppe_core::state::{Progress, State};
use ppe_engine::ports::log::LogHeader;
use ppe_engine::session::fold;
use std::path::PathBuf;

/// The file in the git common directory whose lock means: a process is at work on a run of this repository.
const LOCK: &str = "ppe.lock";

/// The right to be the one process at work on a repository. Falls away with the process, however it ends.
pub(crate) struct RunLock {
    lock: RecordLock,
}

/// The command that makes a run.
const MAKES_ONE: &str = "ppe run";

impl RunLock {
    /// Where the lock lies.
    pub(crate) fn path(site: &Site) -> PathBuf {
        site.repo.common_dir.join(LOCK)
    }

    /// Takes the lock, or says who has it.
    pub(crate) fn take(site: &Site, command: &str, run: Option<&RunId>) -> Result<Self, AppError> {
        let note = Note { run: run.cloned(), command: command.to_owned() };
        match RecordLock::try_acquire(&Self::path(site), &note) {
            Ok(lock) => Ok(Self { lock }),
            Err(LockError::Held { holder, .. }) => {
                Err(AppError::environment(format!("another ppe is at work on this repository: {holder}"))
                    .hint("`ppe status` shows it; `ppe stop` stops it"))
            }
            Err(error) => Err(AppError::environment(error)),
        }
    }

    /// Takes the lock for a run that is to be made, which has no id yet.
    pub(crate) fn for_new_run(site: &Site) -> Result<Self, AppError> {
        Self::take(site, MAKES_ONE, None)
    }

    /// Says which run it is for, once that is there.
    pub(crate) fn is_for(&self, run: &RunId) {
        self.lock.note(&Note { run: Some(run.clone()), command: MAKES_ONE.to_owned() });
    }

    /// Whether some process makes a run, which has no id yet.
    pub(crate) fn makes_one(site: &Site) -> Result<bool, AppError> {
        let note = holder(&Self::path(site))?.and_then(|holder| holder.note);
        Ok(note.is_some_and(|note| note.run.is_none() && note.command == MAKES_ONE))
    }

    /// Whether some process has the lock.
    pub(crate) fn is_held(site: &Site) -> Result<bool, AppError> {
        Ok(holder(&Self::path(site))?.is_some())
    }

    /// The run that the process which has the lock is at, once it has made one.
    pub(crate) fn run(site: &Site) -> Result<Option<RunId>, AppError> {
        Ok(holder(&Self::path(site))?.and_then(|holder| holder.note?.run))
    }
}

/// The other runs that are over, and of whose lane something is kept here.
pub(super) fn over_with_lane(site: &Site, run: &RunId) -> Result<Vec<RunId>, AppError> {
    let mut over = Vec::new();
    for id in refs::with_lane(&site.repo)?.into_iter().filter(|id| id != run) {
        // What is not known here is not ours to judge.
        let found = latest(site, Some(id.as_str())).ok().flatten();
        if found.is_some_and(|found| found.state.progress == Progress::Complete) {
            over.push(id);
        }
    }
    Ok(over)
}

/// The latest run of a repository, read without touching anything. A run that never began is passed over.
pub(crate) fn latest(site: &Site, wanted: Option<&str>) -> Result<Option<Found>, AppError> {
    Followed::default().into_latest(&site.state, wanted)
}

/// Makes a run's folder and its empty log. `source` is where the plan was read from.
pub(crate) fn create_run(
    site: &Site,
    plan: &Plan,
    source: &Source,
    now: &Zoned,
) -> Result<(RunDir, RunId, FileLog), AppError> {
    let utc = now.with_time_zone(jiff::tz::TimeZone::UTC);
    let part = |n: i8| u8::try_from(n).unwrap_or(0);
    let id = RunStart {
        year: u16::try_from(utc.year()).unwrap_or(0),
        month: part(utc.month()),
        day: part(utc.day()),
        hour: part(utc.hour()),
        minute: part(utc.minute()),
        second: part(utc.second()),
        // Grows within the second, so that later runs have later names; it stays below 2^16.
        salt: u16::try_from(utc.subsec_nanosecond().unsigned_abs() >> 14).unwrap_or(u16::MAX),
    }
    .run_id();
    let dir = site.state.create_run(&id)?;
    let text = serde_json::to_vec(plan)?;
    failpoint::write_file("run.plan", &dir.plan(), &text)?;
    std::fs::File::open(dir.plan())?.sync_all()?;
    write_plan_source(&dir, source)?;
    failpoint::hit("run.before_log");
    let header = LogHeader {
        run: id.clone(),
        plan_digest: digest(&text),
        created_by: format!("ppe {}", env!("CARGO_PKG_VERSION")),
    };
    let log = FileLog::create(&dir.log(), &header, DEFAULT_BALLAST_BYTES)?;
    Ok((dir, id, log))
}

/// Opens a run's log for writing. The caller holds the lock.
pub(crate) fn open_run(dir: &RunDir) -> Result<(FileLog, State, Option<String>), AppError> {
    let opened = FileLog::open(&dir.log())?;
    let state = fold(read_plan_file(dir)?, &opened.records)?;
    let torn = opened.torn.map(|torn| {
        let kept = torn.saved_at.display();
        format!(
            "the log's last {} bytes were half written and are cut off; they are kept in {kept}",
            torn.length_bytes
        )
    });
    Ok((opened.log, state, torn))
}
