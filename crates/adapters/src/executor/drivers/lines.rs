//! Our own line protocol: which lines are reports, and what they mean.
//!
//! A line that is not understood is text for people, never an error. Everything that is kept is one line and bounded.

use super::bounded::{NAME_BYTES, WHY_BYTES, WORDS_BYTES, one_line};
use super::event::{AgentEvent, Later, Reckoning, Went};
use super::report::{self, CountOf, Ending, Report, Told};
use ppe_core::ids::Millis;
use ppe_core::outcome::{Claim, Exit, Inquiry, Made, Shortage};
use ppe_core::usage::Usage;

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
        Some(Report::Finding { text }) => AgentEvent::Finding(one_line(&text, WORDS_BYTES)),
        Some(Report::Note { text }) => AgentEvent::Note(why(&text)),
        Some(Report::Started { model, version }) => {
            let name = |text: Option<String>| text.map(|text| one_line(&text, NAME_BYTES));
            AgentEvent::Started(Made { model: name(model), version: name(version) })
        }
        Some(Report::Text { text }) => AgentEvent::Text(one_line(&text, WORDS_BYTES)),
        Some(Report::Tool { name, about }) => {
            AgentEvent::ToolStarted { name: one_line(&name, NAME_BYTES), about: why(&about) }
        }
        Some(Report::ToolEnd { went: report::Went::Well }) => AgentEvent::ToolEnded(Went::Well),
        Some(Report::ToolEnd { went: report::Went::Badly }) => AgentEvent::ToolEnded(Went::Badly),
        Some(Report::Denied { what }) => AgentEvent::Denied(why(&what)),
        Some(Report::Usage(told)) => AgentEvent::Used(reckoning(told)),
        Some(Report::End { how, why: text, shortage }) => AgentEvent::Final(exit(how, why(&text), shortage)),
    };
    let says_nothing = match &event {
        AgentEvent::Phase(text)
        | AgentEvent::Session(text)
        | AgentEvent::Denied(text)
        | AgentEvent::Finding(text) => text.is_empty(),
        _ => false,
    };
    if says_nothing { Vec::new() } else { vec![event] }
}

fn inquiry(text: &str, options: &[String], default: Option<&str>) -> Inquiry {
    let line = |text: &str| one_line(text, WHY_BYTES);
    let options: Vec<String> = options.iter().map(|o| line(o)).take(Inquiry::MOST_OPTIONS).collect();
    let wanted = default.map(line);
    let default = options.iter().position(|option| Some(option) == wanted.as_ref());
    Inquiry { text: line(text), options, default: default.and_then(|at| u8::try_from(at + 1).ok()) }
}

fn reckoning(told: Told) -> Reckoning {
    // A count beyond this is none, and sums of counts must stay counts.
    let count = |n: u64| if n < 1 << 50 { n } else { 0 };
    let usage = Usage {
        input: count(told.input),
        cache_read: count(told.cache_read),
        cache_write: count(told.cache_write),
        output: count(told.output),
        cost_micro_usd: told.cost_micro_usd.map(count),
    };
    match told.of {
        CountOf::More => Reckoning::More(usage),
        CountOf::Session => Reckoning::SessionTotal(usage),
    }
}

fn exit(how: Ending, why: String, shortage: Shortage) -> Exit {
    match how {
        Ending::Done => Exit::Done,
        Ending::Failed => Exit::Failed(why),
        Ending::Later => Exit::TryLater { until: None, why, shortage },
        Ending::CannotStart => Exit::CannotStart(why),
        Ending::SessionLost => Exit::SessionLost(why),
        Ending::ContextFull => Exit::ContextFull(why),
        Ending::Refused => Exit::Refused(why),
        Ending::OverBudget => Exit::OverBudget(why),
    }
}
