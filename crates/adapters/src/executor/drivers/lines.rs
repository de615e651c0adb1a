//! What agents print: which lines are reports, what they mean, and what is kept of them.
//!
//! A line that is not understood is text for people, never an error. Everything that is kept is one line and bounded.
//! Knows no process.

use super::bounded::{NAME_BYTES, WHY_BYTES, one_line};
use super::report::Report;
use ppe_core::ids::Millis;
use ppe_core::outcome::Claim;

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
