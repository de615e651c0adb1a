//! What agents print: which lines are reports, what they mean, and what is kept of them.
//!
//! A line that is not understood is text for people, never an error. Everything that is kept is one line and bounded.
//! Knows no process.

use super::report::Report;
use ppe_core::ids::Millis;
use ppe_core::outcome::Claim;

/// A phase's name is kept up to here.
pub(super) const NAME_BYTES: usize = 120;
/// A title on a command line or in a variable is kept up to here.
pub(super) const TITLE_BYTES: usize = 512;
/// A reason is kept up to here.
pub(super) const WHY_BYTES: usize = 500;

/// What an agent said while at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// A phase of the task has begun.
    Phase(String),
    /// So many planned commits are made, as the agent counts.
    Commit(u32),
    /// What it says of its work.
    Claim(Claim),
    /// Its provider has no capacity.
    Later(Later),
    /// Its session, with which it can be resumed.
    Session(String),
    /// Something for people.
    Note(String),
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Later {
    /// It was not said.
    Unknown,
    /// Then.
    At(Millis),
    /// So long after its end, ms.
    AfterEnd(u64),
}

/// What was seen of an agent, from its beginning on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The latest phase.
    pub phase: Option<String>,
    /// The latest count of commits.
    pub commits: Option<u32>,
    /// The latest claim.
    pub claim: Claim,
    /// The latest session.
    pub session: Option<String>,
    /// That it asked for a later try, if that was the last thing it said.
    pub later: Option<Later>,
    /// The last line that it printed to its standard error; put in by whoever reads that.
    pub last_error: Option<String>,
    /// When its process ended; put in by whoever knows. Without it, "in so many seconds" is no moment.
    pub ended_at: Option<Millis>,
}

impl Seen {
    /// Takes in one more event.
    pub fn add(&mut self, event: AgentEvent) {
        match event {
            AgentEvent::Later(later) => return self.later = Some(later),
            AgentEvent::Session(id) => return self.session = Some(id),
            AgentEvent::Note(_) => return,
            AgentEvent::Phase(name) => self.phase = Some(name),
            AgentEvent::Commit(n) => self.commits = Some(n),
            AgentEvent::Claim(claim) => self.claim = claim,
        }
        // It went on with its work after all.
        self.later = None;
    }
}

/// What one line says.
pub(super) fn events(line: &str) -> Vec<AgentEvent> {
    let why = |text: &str| one_line(text, WHY_BYTES);
    let event = match Report::parse(line) {
        None => return Vec::new(),
        Some(Report::Phase { name }) => AgentEvent::Phase(one_line(&name, NAME_BYTES)),
        Some(Report::Commit { n }) => AgentEvent::Commit(n),
        Some(Report::NoChange { why: text }) => AgentEvent::Claim(Claim::NoChange(why(&text))),
        Some(Report::Blocked { why: text }) => AgentEvent::Claim(Claim::Blocked(why(&text))),
        Some(Report::Flaky { why: text }) => AgentEvent::Claim(Claim::Flaky(why(&text))),
        Some(Report::Later { until_ms: Some(until), .. }) => AgentEvent::Later(Later::At(Millis(until))),
        Some(Report::Later { seconds: Some(seconds), .. }) => {
            AgentEvent::Later(Later::AfterEnd(seconds.saturating_mul(1_000)))
        }
        Some(Report::Later { until_ms: None, seconds: None }) => AgentEvent::Later(Later::Unknown),
        Some(Report::Session { id }) => AgentEvent::Session(one_line(&id, NAME_BYTES)),
        Some(Report::Note { text }) => AgentEvent::Note(why(&text)),
    };
    let says_nothing =
        matches!(&event, AgentEvent::Phase(text) | AgentEvent::Session(text) if text.is_empty());
    if says_nothing { Vec::new() } else { vec![event] }
}

/// A text as one line of at most so many bytes: every run of white space and control characters is one space.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if out.len() > limit {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word[..word.ceil_char_boundary(limit + 1)]);
    }
    if out.len() > limit {
        out.truncate(out.floor_char_boundary(limit.saturating_sub('…'.len_utf8())));
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_becomes_one_bounded_line() {
        assert_eq!(one_line("  two\n\nlines\u{1b}[2J\0 ", 100), "two lines [2J");
        assert_eq!(one_line("", 10), "");
        assert_eq!(one_line("0123456789", 10), "0123456789");
        assert_eq!(one_line("0123456789a", 10), "0123456…");
        let long = one_line(&"é".repeat(5_000_000), 10);
        assert!(long.len() <= 10 && long.ends_with('…'), "{long}");
        let words = one_line(&"ab ".repeat(5_000_000), 10);
        assert!(words.len() <= 10 && words.ends_with('…'), "{words}");
    }
}
