//! The pre-flight alone, with how to mend each finding.

use super::args::DoctorArgs;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE, Kind};
use crate::wiring::{Check, CheckLevel, Site, doctor};
use ppe_core::text::shown;

/// Looks at everything and makes nothing.
pub(super) fn run(args: &DoctorArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&args.repo, [args.overrides.flags(), args.written_in.flags()].concat())?;
    let checks = doctor(&site, args.plan.as_deref(), args.run_checks)?;
    for check in &checks {
        tell(check, ui);
    }
    let bad = checks.iter().filter(|c| c.level == CheckLevel::Bad).count();
    if bad == 0 {
        ui.talk("ready to run");
        return Ok(EXIT_DONE);
    }
    ui.talk(&format!("{bad} to mend before anything can start"));
    Ok(Kind::Environment.exit_code())
}

/// One finding, and what to do about it.
pub(super) fn tell(check: &Check, ui: &mut Ui) {
    let mark = match check.level {
        CheckLevel::Good => "ok     ",
        CheckLevel::Warning => "warning",
        CheckLevel::Bad => "error  ",
    };
    ui.data(&format!("{mark} {:<12} {}", check.name, shown(&check.text)));
    if let Some(hint) = check.hint.as_ref().filter(|_| check.level != CheckLevel::Good) {
        ui.data(&format!("                     hint: {}", shown(hint)));
    }
}
