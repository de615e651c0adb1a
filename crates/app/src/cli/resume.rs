//! Go on with an unfinished run: the ordinary path after a stop, a crash or a restart of the machine.

use super::args::ResumeArgs;
use super::drive::{self, Drive};
use super::run::stay;
use super::runtime;
use super::ui::Ui;
use crate::error::AppError;
use crate::findings::require;
use crate::wiring::{Found, RunLock, Site, latest, launch, open_run, place_arguments};
use ppe_core::input::{Command, Input};

/// Goes on with the repository's unfinished run.
pub(super) fn run(args: &ResumeArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open(&args.repo, args.overrides.flags())?;
    let lock = RunLock::take(&site, "ppe resume", None)?;
    let Some(found) = latest(&site, None)?.filter(Found::is_unfinished) else {
        return Err(
            AppError::environment("there is no unfinished run to go on with").hint("`ppe run` starts one")
        );
    };
    let (open, all) = (found.state.open_count(), found.state.tasks.iter().filter(|t| t.in_run()).count());
    ui.talk(&format!("run {}: {} of {all} tasks are closed, {open} to go", found.id, all - open));
    tell_difference(&site, &found, ui);
    if !args.yes && !ui.confirm("Go on?") {
        return Err(AppError::usage("not resumed").hint("`--yes` goes on without asking"));
    }
    if args.detach {
        drop(lock);
        let arguments = place_arguments(&args.repo, &args.overrides.flags());
        return drive::detach(&site, "resume", &arguments, ui);
    }
    let (log, state, torn) = open_run(&found.dir)?;
    if let Some(torn) = torn {
        ui.talk(&format!("warning: {torn}"));
    }
    let mut first = vec![Input::Opened];
    // What the command line says of slots holds from now on; everything else was frozen when the run began.
    if args.overrides.slots.is_some() {
        first.push(Input::Operator(Command::Slots(site.settings.policy.slots)));
    }
    let drive = Drive::new(&site, &found.dir, stay(args.plain, ui), args.plain);
    let runtime = runtime()?;
    let end = runtime.block_on(async {
        let launched = launch(&site, &found.dir, &found.id, log, state, drive.stay)?;
        drive::drive(drive, launched, first, ui).await
    });
    // Whoever still waits for a job that goes on is not waited for.
    runtime.shutdown_background();
    end
}

/// The run goes on with the plan it began with; what was edited since is said.
fn tell_difference(site: &Site, found: &Found, ui: &mut Ui) {
    let Some(source) = found.plan_source(&site.settings) else { return };
    let plan = match found.read_revised(&source).and_then(require) {
        Ok(plan) => plan,
        Err(error) => {
            return ui.talk(&format!(
                "note: the plan as it is written now cannot be taken in; the run goes on with the plan it has: {error}"
            ));
        }
    };
    let lines = found.difference(&plan).lines();
    if !lines.is_empty() {
        ui.talk(&format!("note: the plan was edited ({}); `ppe plan adopt` takes that in", lines.join("; ")));
    }
}
