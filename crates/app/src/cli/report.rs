//! The completion summary; and, inside an agent, the agent's word to the run that started it.

use super::args::{ReportArgs, ReportWord};
use super::drive::outside;
use super::screen::{self, Look};
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Site, Word, coverage_percent, latest, report_from_agent};
use ppe_core::ids::Millis;
use ppe_core::report::{Measured, Report, report};
use ppe_core::state::State;
use ppe_core::view::Live;
use std::path::Path;

/// Shows the summary of a run, or passes an agent's word on.
pub(super) fn run(args: &ReportArgs, ui: &mut Ui) -> Result<u8, AppError> {
    if let Some(word) = &args.word {
        report_from_agent(&understand(word))?;
        return Ok(EXIT_DONE);
    }
    let site = Site::open(&args.of.repo, Vec::new())?;
    let Some(found) = latest(&site, args.of.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    let workspaces = found.dir.workspaces().display().to_string();
    let places = ReportPlaces { root: &site.repo.root, workspaces: &workspaces };
    let report = measured_report(&found.state, found.state.clock.last, &places, &site.settings.next_steps);
    if args.of.json {
        ui.json(&report)?;
    } else {
        for line in screen::summary(&report, &ui.look) {
            ui.data(&line);
        }
    }
    Ok(EXIT_DONE)
}

/// Folders that a report looks into or names.
pub(super) struct ReportPlaces<'a> {
    /// The user's checkout.
    pub(super) root: &'a Path,
    /// Where the workspaces of the run lie.
    pub(super) workspaces: &'a str,
}

/// The last screen of a run, and the lines that sum it up.
pub(super) fn last_words(
    state: &State,
    now: Millis,
    places: &ReportPlaces<'_>,
    next_steps: &[String],
    look: &Look,
) -> Vec<String> {
    let report = measured_report(state, now, places, next_steps);
    let mut lines = screen::ending(&report);
    lines.push(String::new());
    lines.extend(screen::summary(&report, look));
    lines
}

fn measured_report(state: &State, now: Millis, places: &ReportPlaces<'_>, next_steps: &[String]) -> Report {
    let measured = Measured {
        outside: outside(state, Live::No, places.workspaces),
        coverage_percent: coverage_percent(places.root),
        next_steps: next_steps.to_vec(),
        ..Measured::default()
    };
    report(state, now, &measured)
}

fn understand(word: &ReportWord) -> Word {
    match word {
        ReportWord::Phase { name } => Word::Phase { name: name.clone() },
        ReportWord::Commit { n } => Word::Commit { n: *n },
        ReportWord::NoChange { why } => Word::NoChange { why: why.clone() },
        ReportWord::Blocked { why } => Word::Blocked { why: why.clone() },
        ReportWord::Flaky { why } => Word::Flaky { why: why.clone() },
        ReportWord::Later { seconds } => Word::Later { until_ms: None, seconds: *seconds },
    }
}
