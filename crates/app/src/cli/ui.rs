//! The two streams: data on standard output, talk on standard error. Nothing else in the program writes to them.
//!
//! A reader that has gone away (a closed pipe, a closed terminal) is no error: what was to be done is done.

use super::screen::{Colour, Letters, Look};
use std::io::{self, IsTerminal, Write};

/// Who is told, and how.
pub(crate) struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Whether standard output is a terminal.
    pub(crate) terminal: Terminal,
    /// How screens are to look, but for their size.
    pub(crate) look: Look,
}

/// Whether there is a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// One that can redraw.
    Yes,
    /// A pipe, a file, or a terminal that cannot.
    No,
}

impl Ui {
    /// The streams of this process.
    pub(crate) fn of_process() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|t| t.is_empty() || t == "dumb");
        let terminal = if io::stdout().is_terminal() && !dumb { Terminal::Yes } else { Terminal::No };
        let colour = if terminal == Terminal::Yes && !set("NO_COLOR") { Colour::On } else { Colour::Off };
        let look = Look { colour, letters: letters(), ..Look::default() };
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()), terminal, look }
    }

    /// The look of a screen as large as the terminal; of any height where there is none.
    pub(crate) fn sized(&self) -> Look {
        match terminal_size::terminal_size() {
            Some((width, height)) => {
                Look { width: usize::from(width.0), height: Some(usize::from(height.0)), ..self.look }
            }
            None => self.look,
        }
    }

    /// A line of data.
    pub(crate) fn data(&mut self, line: &str) {
        drop(writeln!(self.out, "{line}"));
        drop(self.out.flush());
    }

    /// A line of JSON, in which foreign text does nothing to a terminal.
    pub(crate) fn json(&mut self, document: &impl serde::Serialize) -> Result<(), serde_json::Error> {
        let json = serde_json::to_string(document)?;
        self.data(&ppe_core::text::shown_json(&json));
        Ok(())
    }

    /// Data as it is, without a line's end.
    pub(crate) fn raw(&mut self, text: &str) {
        drop(self.out.write_all(text.as_bytes()));
        drop(self.out.flush());
    }

    /// A line of talk.
    pub(crate) fn talk(&mut self, line: &str) {
        drop(writeln!(self.err, "{line}"));
        drop(self.err.flush());
    }

    /// Asks for a yes or no. Without anyone to ask it is a no.
    pub(crate) fn confirm(&mut self, question: &str) -> bool {
        if !io::stdin().is_terminal() {
            return false;
        }
        drop(write!(self.err, "{question} [y/N] "));
        drop(self.err.flush());
        let mut line = String::new();
        match io::stdin().read_line(&mut line) {
            Ok(_) => matches!(line.trim().to_lowercase().as_str(), "y" | "yes" | "s" | "si" | "sí"),
            Err(_) => false,
        }
    }
}

/// Which letters the user's locale can show. Without any locale set, a modern terminal is assumed.
fn letters() -> Letters {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    match locale {
        Some(locale) if !locale.to_lowercase().replace('-', "").contains("utf8") => Letters::Ascii,
        Some(_) | None => Letters::Unicode,
    }
}
