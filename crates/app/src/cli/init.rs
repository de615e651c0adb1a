//! A first ppe.toml, fitted to the repository, and the files of the programs that runs are started from.

mod clients;

use super::args::InitArgs;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{InitFile, propose};
use clients::{Client, install};

/// Writes the files, or prints the first one.
pub(super) fn run(args: &InitArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let InitFile { path, text, notes } = propose(&args.repo, args.target.as_deref())?;
    if args.print {
        ui.raw(&text);
        return Ok(EXIT_DONE);
    }
    let wanted = [(args.claude, Client::Claude), (args.codex, Client::Codex)];
    let clients: Vec<Client> = wanted.iter().filter(|(is, _)| *is).map(|(_, client)| *client).collect();
    let is_there = format!("{} is there already", path.display());
    if !path.exists() {
        std::fs::write(&path, text).map_err(|e| AppError::environment(format!("{}: {e}", path.display())))?;
        ui.talk(&format!("wrote {}", path.display()));
        for note in &notes {
            ui.talk(note);
        }
        ui.talk("next: read it, then `ppe doctor`, then `ppe run`");
    } else if clients.is_empty() {
        return Err(AppError::environment(is_there).hint("`ppe init --print` shows what would be written"));
    } else {
        ui.talk(&is_there);
    }
    let top = path.parent().unwrap_or(&args.repo);
    for client in clients {
        install(top, client, ui)?;
    }
    Ok(EXIT_DONE)
}
