//! A run proved again from git.

use super::args::AuditArgs;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE, EXIT_NEEDS_YOU};
use crate::wiring::{Audit, Finding, Proof, Site, audit};
use ppe_core::text::shown;

/// Proves a run and says what does not hold.
pub(super) fn run(args: &AuditArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&args.repo, &mut |line| ui.talk(line))?;
    let Some(audit) = audit(&site, args.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    if args.json {
        ui.json(&audit)?;
    } else {
        tell(&audit, ui);
    }
    Ok(if audit.sound { EXIT_DONE } else { EXIT_NEEDS_YOU })
}

fn tell(audit: &Audit, ui: &mut Ui) {
    let proved = audit.landings.iter().filter(|landing| landing.proof != Proof::Lost).count();
    ui.data(&format!("run      {}: {} records", audit.run, audit.records));
    ui.data(&shown(&format!("landings {proved} of {} are in {}", audit.landings.len(), audit.target)));
    for finding in &audit.findings {
        ui.data(&shown(&line(finding)));
        if let Some(command) = &finding.command {
            ui.data(&shown(&format!("         {command}")));
        }
    }
    ui.talk(if audit.sound { "all is as the log says" } else { "not all is as it should be" });
}

fn line(finding: &Finding) -> String {
    let mark = if finding.kind.is_note() { "note    " } else { "error   " };
    match &finding.task {
        Some(task) => format!("{mark} {task}: {}", finding.text),
        None => format!("{mark} {}", finding.text),
    }
}
