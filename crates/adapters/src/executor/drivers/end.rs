//! How an agent's end is told, from the way its process ended and from what it said before.
//!
//! Knows neither what the end costs nor what is done about it.

use super::bounded;
use super::lines::{Later, Seen};
use nix::sys::signal::Signal;
use ppe_core::outcome::{AgentEnd, Exit};

/// The exit code that means "later" (`EX_TEMPFAIL`).
const TRY_LATER: i32 = 75;

/// How an agent's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEnd {
    /// By itself, with this code.
    Code(i32),
    /// By this signal, which nobody of us sent.
    Signal(i32),
    /// It never ran, for this reason.
    CannotRun(String),
    /// We stopped it, for this reason.
    Stopped(String),
    /// It was stopped because it printed more than it may.
    OutputCap,
    /// Its supervisor is gone, as said here; how it ended is not known.
    Lost(String),
}

/// The end of an agent that keeps to the usual exit codes.
pub(super) fn told(exit: &ProcessEnd, seen: &Seen) -> AgentEnd {
    let exit = match exit {
        ProcessEnd::Code(code) => by_itself(*code, seen),
        ProcessEnd::Signal(signal) => {
            Exit::Failed(with_last_line(format!("the agent was ended by {}", named(*signal)), seen))
        }
        ProcessEnd::CannotRun(why) => Exit::CannotStart(bounded::one_line(why, bounded::WHY_BYTES)),
        ProcessEnd::Stopped(_) => Exit::Stopped,
        ProcessEnd::OutputCap => {
            Exit::Failed("the agent printed more than one job may (limits.output_mb)".to_owned())
        }
        ProcessEnd::Lost(why) => Exit::Lost(bounded::one_line(why, bounded::WHY_BYTES)),
    };
    AgentEnd { exit, claim: seen.claim.clone(), session: seen.session.clone() }
}

fn by_itself(code: i32, seen: &Seen) -> Exit {
    let later = seen.later.or((code == TRY_LATER).then_some(Later::Unknown));
    match (later, code) {
        (Some(later), _) => Exit::TryLater {
            until: match later {
                Later::Unknown => None,
                Later::At(moment) => Some(moment),
                Later::AfterEnd(span_ms) => seen.ended_at.map(|ended| ended.plus(span_ms)),
            },
            why: with_last_line("the agent asks for a later try".to_owned(), seen),
        },
        (None, 0) => Exit::Done,
        (None, code) => Exit::Failed(with_last_line(format!("the agent ended with exit code {code}"), seen)),
    }
}

fn with_last_line(text: String, seen: &Seen) -> String {
    let line = seen.last_error.as_deref().map(|l| bounded::one_line(l, bounded::WHY_BYTES));
    match line.filter(|l| !l.is_empty()) {
        Some(line) => format!("{text}: {line}"),
        None => text,
    }
}

fn named(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |known| known.as_str().to_owned())
}
