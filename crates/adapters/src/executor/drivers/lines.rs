//! Our own line protocol: which lines are reports, and what they mean.
//!
//! A line that is not understood is text for people, never an error. Everything that is kept is one line and bounded.

use super::bounded::{NAME_BYTES, WHY_BYTES, one_line};
use super::event::{AgentEvent, Later};
use super::report::Report;
use ppe_core::ids::Millis;
use ppe_core::outcome::{Claim, Inquiry};

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
        Some(Report::Question { text, options, default }) => {
            AgentEvent::Claim(Claim::Question(inquiry(&text, &options, default.as_deref())))
        }
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

fn inquiry(text: &str, options: &[String], default: Option<&str>) -> Inquiry {
    let line = |text: &str| one_line(text, WHY_BYTES);
    let options: Vec<String> = options.iter().map(|o| line(o)).take(Inquiry::MOST_OPTIONS).collect();
    let wanted = default.map(line);
    let default = options.iter().position(|option| Some(option) == wanted.as_ref());
    Inquiry { text: line(text), options, default: default.and_then(|at| u8::try_from(at + 1).ok()) }
}
