//! The two streams: data on standard output, talk on standard error. Nothing else in the program writes to them.
//!
//! A reader that has gone away (a closed pipe, a closed terminal) is no error: what was to be done is done.

use std::io::{self, IsTerminal, Write};

/// Who is told, and how.
pub(crate) struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Whether standard output is a terminal.
    pub(crate) terminal: Terminal,
    /// Whether colours are wanted.
    pub(crate) colour: Colour,
}

/// Whether there is a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// One that can redraw.
    Yes,
    /// A pipe, a file, or a terminal that cannot.
    No,
}

/// Whether colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// They are.
    Yes,
    /// They are not.
    No,
}

impl Ui {
    /// The streams of this process.
    pub(crate) fn of_process() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|t| t.is_empty() || t == "dumb");
        let terminal = if io::stdout().is_terminal() && !dumb { Terminal::Yes } else { Terminal::No };
        let colour = if terminal == Terminal::Yes && !set("NO_COLOR") { Colour::Yes } else { Colour::No };
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()), terminal, colour }
    }

    /// A line of data.
    pub(crate) fn data(&mut self, line: &str) {
        drop(writeln!(self.out, "{line}"));
        drop(self.out.flush());
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
