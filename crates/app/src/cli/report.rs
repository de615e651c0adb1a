//! The completion summary; and, inside an agent, the agent's word to the run that started it.

use super::args::{ReportArgs, ReportWord};
use super::screen::{self, Look};
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Measuring, Site, Word, latest, report_from_agent};
use ppe_core::ids::Millis;
use ppe_core::report::{Measured, report};
use ppe_core::state::State;

/// Shows the summary of a run, or passes an agent's word on.
pub(super) fn run(args: &ReportArgs, ui: &mut Ui) -> Result<u8, AppError> {
    if let Some(word) = &args.word {
        report_from_agent(&understand(word))?;
        return Ok(EXIT_DONE);
    }
    // What the settings say of checks and next steps stands in it: they must be right.
    let site = Site::open(&args.of.repo, Vec::new())?;
    let Some(found) = latest(&site, args.of.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    let measured = Measuring::new(&site, &found.dir).measure(&found.state);
    let report = report(&found.state, found.state.clock.last, &measured);
    if args.of.json {
        ui.json(&report)?;
    } else {
        for line in screen::summary(&report, &ui.look) {
            ui.data(&line);
        }
    }
    Ok(EXIT_DONE)
}

/// The last screen of a run, and the lines that sum it up.
pub(super) fn last_words(state: &State, now: Millis, measured: &Measured, look: &Look) -> Vec<String> {
    let report = report(state, now, measured);
    let mut lines = screen::ending(&report);
    lines.push(String::new());
    lines.extend(screen::summary(&report, look));
    lines
}

fn understand(word: &ReportWord) -> Word {
    match word {
        ReportWord::Phase { name } => Word::Phase { name: name.clone() },
        ReportWord::Commit { n } => Word::Commit { n: *n },
        ReportWord::NoChange { why } => Word::NoChange { why: why.clone() },
        ReportWord::Blocked { why } => Word::Blocked { why: why.clone() },
        ReportWord::Question { text, options, default } => {
            Word::Question { text: text.clone(), options: options.clone(), default: default.clone() }
        }
        ReportWord::Finding { text } => Word::Finding { text: text.clone() },
        ReportWord::Flaky { why } => Word::Flaky { why: why.clone() },
        ReportWord::Later { seconds } => Word::Later { until_ms: None, seconds: *seconds },
    }
}
