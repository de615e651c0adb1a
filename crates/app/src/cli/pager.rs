//! Long texts, through the user's pager where there is a terminal, and as they are where there is none.

use super::ui::{Terminal, Ui};
use std::io::Write;
use std::process::{Command, Stdio};

/// Shows lines that are made harmless already.
pub(super) fn page(lines: &[String], ui: &mut Ui) {
    let paged = ui.terminal == Terminal::Yes && wanted().is_some_and(|program| through(&program, lines));
    if !paged {
        for line in lines {
            ui.data(line);
        }
    }
}

/// The user's pager. None where they want none.
fn wanted() -> Option<String> {
    let named = ["GIT_PAGER", "PAGER"].iter().find_map(|name| std::env::var(name).ok());
    let program = named.unwrap_or_else(|| "less".to_owned());
    (!program.trim().is_empty() && program.trim() != "cat").then_some(program)
}

/// Whether the pager could be started. It is a command of the user's own, as git understands it.
fn through(program: &str, lines: &[String]) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", program]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut pipe) = child.stdin.take() {
        // Who leaves the pager early does not read the rest.
        drop(lines.iter().try_for_each(|line| writeln!(pipe, "{line}")));
    }
    // The shell's own code: there is no such program.
    child.wait().is_ok_and(|status| status.code() != Some(127))
}
