//! Runs looked at again and again: of a log that was read, only what has come since is read and folded.

use super::found::{Found, read_plan_file};
use crate::error::AppError;
use ppe_adapters::log::{Follower, Grown, OpenError};
use ppe_adapters::state_dir::{RepoState, RunDir};
use ppe_core::ids::{RunId, Seq};
use ppe_core::state::Progress;
use ppe_engine::ports::log::Reading;
use ppe_engine::session::{fold, fold_on};
use std::collections::BTreeMap;

/// The runs of a repository, as far as they were looked at.
#[derive(Default)]
pub(crate) struct Followed {
    known: BTreeMap<RunId, Known>,
}

/// A run whose log was read.
struct Known {
    found: Found,
    log: Follower,
    /// The last record that is in its state.
    last: Seq,
}

impl Followed {
    /// The latest run as it stands now, or the wanted one. Changes nothing. A run that never began is passed over.
    pub(crate) fn latest(
        &mut self,
        state: &RepoState,
        wanted: Option<&str>,
    ) -> Result<Option<&Found>, AppError> {
        let latest = self.look(state, wanted)?;
        Ok(latest.and_then(|id| self.known.get(&id)).map(|known| &known.found))
    }

    /// The same for who looks once.
    pub(super) fn into_latest(
        mut self,
        state: &RepoState,
        wanted: Option<&str>,
    ) -> Result<Option<Found>, AppError> {
        let latest = self.look(state, wanted)?;
        Ok(latest.and_then(|id| self.known.remove(&id)).map(|known| known.found))
    }

    fn look(&mut self, state: &RepoState, wanted: Option<&str>) -> Result<Option<RunId>, AppError> {
        let is_wanted = |id: &RunId| wanted.is_none_or(|wanted| wanted == id.as_str());
        for id in state.runs()?.into_iter().filter(is_wanted) {
            let dir = state.run(&id);
            if !dir.log().exists() {
                continue;
            }
            let known = match self.known.remove(&id).map(Known::go_on).transpose()?.flatten() {
                Some(known) => known,
                None => match Follower::open(&dir.log()) {
                    Err(OpenError::TornCreation { .. }) if wanted.is_none() => continue,
                    opened => Known::of(dir, id.clone(), opened?)?,
                },
            };
            let has_begun = known.found.state.progress != Progress::New;
            self.known.insert(id.clone(), known);
            if has_begun || wanted.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

impl Known {
    fn of(dir: RunDir, id: RunId, (log, reading): (Follower, Reading)) -> Result<Self, AppError> {
        let state = fold(read_plan_file(&dir)?, &reading.records)?;
        let last = Seq(reading.records.len() as u64);
        Ok(Self { found: Found { dir, id, state }, log, last })
    }

    /// The run with what has come since; none if it is to be read anew.
    fn go_on(mut self) -> Result<Option<Self>, AppError> {
        match self.log.more()? {
            Grown::Otherwise => Ok(None),
            Grown::By(records) => {
                fold_on(&mut self.found.state, self.last, &records)?;
                self.last.0 += records.len() as u64;
                Ok(Some(self))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_adapters::log::FileLog;
    use ppe_core::event::Record;
    use ppe_engine::ports::log::{EventLog, LogHeader};
    use ppe_testkit::drive::{Drive, plan, task};
    use std::path::Path;

    /// A run that has an empty log.
    fn run(state: &RepoState, id: &str, drive: &Drive) -> FileLog {
        let dir = state.create_run(&RunId::new(id)).expect("a folder");
        std::fs::write(dir.plan(), serde_json::to_vec(&*drive.state.plan).expect("a plan"))
            .expect("its file");
        let header =
            LogHeader { run: RunId::new(id), plan_digest: "5f0c".into(), created_by: "ppe 0.1.0".into() };
        FileLog::create(&dir.log(), &header, 0).expect("a log")
    }

    fn append(log: &mut FileLog, records: &[Record]) {
        let lines: Vec<_> = records.iter().map(|r| serde_json::to_string(r).expect("a record")).collect();
        log.append(&lines).expect("written");
    }

    fn place() -> (tempfile::TempDir, RepoState, Drive) {
        let top = tempfile::tempdir().expect("a folder");
        let state = RepoState::of(&top.path().join("state"), top.path()).expect("a state folder");
        let mut drive = Drive::new(plan("Two", vec![task("T-1", "One"), task("T-2", "Two").needs(&["T-1"])]));
        drive.land("T-1", 1, 1);
        drive.land("T-2", 1, 2);
        (top, state, drive)
    }

    #[test]
    fn a_run_that_goes_on_is_seen_as_one_that_is_read_anew() {
        let (_top, state, drive) = place();
        let mut log = run(&state, "20261124-161500-a1b2", &drive);
        let mut followed = Followed::default();
        assert!(followed.latest(&state, None).expect("it reads").is_none(), "it has not begun");
        for records in drive.records.chunks(2) {
            append(&mut log, records);
            let found = followed.latest(&state, None).expect("it reads").expect("a run");
            let anew = Followed::default().into_latest(&state, None).expect("it reads").expect("a run");
            assert_eq!(found.state, anew.state);
        }
        let end = followed.latest(&state, None).expect("it reads").expect("a run");
        assert_eq!((end.state.open_count(), &end.state), (0, &drive.state));
    }

    #[test]
    fn the_latest_run_that_began_is_followed_or_the_one_that_is_wanted() {
        let (_top, state, drive) = place();
        let (first, second) = ("20261124-161500-a1b2", "20261124-161501-a1b2");
        append(&mut run(&state, first, &drive), &drive.records);
        let mut followed = Followed::default();
        let mut latest = |wanted: Option<&str>| {
            let found = followed.latest(&state, wanted).expect("it reads").expect("a run");
            (found.id.to_string(), found.state.open_count())
        };
        assert_eq!(latest(None), (first.to_owned(), 0));
        let mut log = run(&state, second, &drive);
        assert_eq!(latest(None), (first.to_owned(), 0), "the second has not begun");
        assert_eq!(latest(Some(second)).0, second);
        append(&mut log, &drive.records[..1]);
        assert_eq!(latest(None), (second.to_owned(), 2));
        assert_eq!(latest(Some(first)), (first.to_owned(), 0));
    }

    #[test]
    fn what_its_writer_took_back_is_forgotten() {
        let (_top, state, drive) = place();
        let id = "20261124-161500-a1b2";
        let mut log = run(&state, id, &drive);
        append(&mut log, &drive.records[..1]);
        let path: &Path = &state.run(&RunId::new(id)).log();
        let kept = std::fs::metadata(path).expect("a log").len();
        append(&mut log, &drive.records[1..]);
        let mut followed = Followed::default();
        let mut open = || followed.latest(&state, None).expect("it reads").expect("a run").state.open_count();
        assert_eq!(open(), 0);
        std::fs::File::options().write(true).open(path).expect("a log").set_len(kept).expect("cut");
        assert_eq!(open(), 2);
    }
}
