//! A first ppe.toml, fitted to the repository.

use super::args::InitArgs;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{InitFile, propose};

/// Writes the file, or prints it.
pub(super) fn run(args: &InitArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let InitFile { path, text, notes } = propose(&args.repo, args.target.as_deref())?;
    if args.print {
        ui.raw(&text);
        return Ok(EXIT_DONE);
    }
    if path.exists() {
        return Err(AppError::environment(format!("{} is there already", path.display()))
            .hint("`ppe init --print` shows what would be written"));
    }
    std::fs::write(&path, text).map_err(|e| AppError::environment(format!("{}: {e}", path.display())))?;
    ui.talk(&format!("wrote {}", path.display()));
    for note in notes {
        ui.talk(&note);
    }
    ui.talk("next: read it, then `ppe doctor`, then `ppe run`");
    Ok(EXIT_DONE)
}
