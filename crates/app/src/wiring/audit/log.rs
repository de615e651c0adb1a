//! A run's log and plan, held against their checksums, as far as they can be read. Does not look at git.

use super::{Finding, FindingKind};
use crate::error::AppError;
use crate::wiring::found::read_plan_file;
use crate::wiring::site::Site;
use ppe_adapters::log::codec::scan;
use ppe_adapters::log::{FileLog, OpenError, digest};
use ppe_adapters::state_dir::RunDir;
use ppe_core::event::{Event, Record};
use ppe_core::ids::{CommitId, RunId};
use ppe_core::state::{Progress, State};
use ppe_engine::ports::log::LogHeader;
use ppe_engine::session::{FoldError, fold};
use std::collections::BTreeSet;

/// What could be read of a run.
pub(super) struct Read {
    pub(super) run: RunId,
    pub(super) dir: RunDir,
    pub(super) state: State,
    /// What the lane has built.
    pub(super) built: BTreeSet<CommitId>,
    pub(super) records: usize,
    pub(super) findings: Vec<Finding>,
}

/// The latest run that began, or the one that is named.
pub(super) fn read(site: &Site, wanted: Option<&str>) -> Result<Option<Read>, AppError> {
    for run in site.state.runs()? {
        let dir = site.state.run(&run);
        if wanted.is_some_and(|wanted| wanted != run.as_str()) || !dir.log().exists() {
            continue;
        }
        if let Some(read) = read_run(run, dir)? {
            return Ok(Some(read));
        }
    }
    Ok(None)
}

/// None where the run never began.
fn read_run(run: RunId, dir: RunDir) -> Result<Option<Read>, AppError> {
    let Some(Sound { header, mut records, damage }) = read_log(&dir)? else { return Ok(None) };
    let mut findings: Vec<Finding> = damage.into_iter().map(damaged).collect();
    if header.run != run {
        findings.push(damaged(format!("the log in the folder of {run} is that of {}", header.run)));
    }
    let plan = std::fs::read(dir.plan())?;
    if digest(&plan) != header.plan_digest {
        findings.push(damaged("the plan beside the log is not the one that the run began with".to_owned()));
    }
    let state = match fold(read_plan_file(&dir)?, &records) {
        Ok(state) => state,
        Err(error) => {
            let (FoldError::Unknown { seq, .. } | FoldError::Contradiction { seq, .. }) = &error;
            records.truncate(usize::try_from(*seq).unwrap_or(0).saturating_sub(1));
            findings.push(damaged(error.to_string()));
            fold(read_plan_file(&dir)?, &records)?
        }
    };
    if state.progress == Progress::New {
        return match findings.first() {
            None => Ok(None),
            Some(finding) => Err(AppError::environment(&finding.text)),
        };
    }
    let built = built(&records);
    Ok(Some(Read { run, dir, state, built, records: records.len(), findings }))
}

fn built(records: &[String]) -> BTreeSet<CommitId> {
    let records = records.iter().filter_map(|record| Record::of_line(record).ok());
    let commit = |event| match event {
        Event::CandidateBuilt { built, .. } => Some(built.commit),
        _ => None,
    };
    records.flat_map(|record| record.events).filter_map(commit).collect()
}

/// What of a log can be relied on.
struct Sound {
    header: LogHeader,
    /// The records up to the first line that is damaged.
    records: Vec<String>,
    /// What is wrong with that line, if there is one.
    damage: Option<String>,
}

/// None where the run never began.
fn read_log(dir: &RunDir) -> Result<Option<Sound>, AppError> {
    let damage = match FileLog::read(&dir.log()) {
        Ok(reading) => {
            return Ok(Some(Sound { header: reading.header, records: reading.records, damage: None }));
        }
        Err(OpenError::TornCreation { .. }) => return Ok(None),
        Err(OpenError::Damage { damage, .. }) if damage.offset > 0 => damage,
        Err(error) => return Err(error.into()),
    };
    let bytes = std::fs::read(dir.log())?;
    let sound = scan(&bytes[..damage.offset.min(bytes.len())]).map_err(AppError::environment)?;
    let records = sound.records.into_iter().map(|(_, json)| json.to_owned()).collect();
    let damage = Some(format!("{}: {damage}", dir.log().display()));
    Ok(Some(Sound { header: sound.header, records, damage }))
}

fn damaged(text: String) -> Finding {
    Finding { kind: FindingKind::LogDamaged, task: None, commit: None, text, command: None }
}
