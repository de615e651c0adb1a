//! How an agent's end is told, from the way its process ended and from what it said before.
//!
//! What the program itself said of its end goes before its exit code: success is printed for failures, and zero returned
//! for work that was not done. Knows neither what the end costs nor what is done about it.

use super::bounded;
use super::event::{AgentEvent, Later, Retry, Seen};
use nix::sys::signal::Signal;
use ppe_core::ids::Millis;
use ppe_core::outcome::{AgentEnd, Exit, Shortage};
use ppe_core::usage::Usage;

/// The exit code that means "later" (`EX_TEMPFAIL`).
const TRY_LATER: i32 = 75;
/// A program that waits for its model without a word for so long is ended: we wait better. Milliseconds.
const RETRY_PATIENCE_MS: u64 = 90_000;

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
    judged(exit, seen, &Usage::default(), |code| by_code(code, seen))
}

/// The end of an agent that may have said itself how it ended: `silent` tells what an exit code means without that.
/// `before` is its session's running total before this job.
pub(super) fn judged(
    exit: &ProcessEnd,
    seen: &Seen,
    before: &Usage,
    silent: impl FnOnce(i32) -> Exit,
) -> AgentEnd {
    let exit = match exit {
        // One that ended properly while it was being ended has its word.
        ProcessEnd::Code(code) => match (&seen.last, &seen.given_up) {
            (Some(said), _) => said.clone(),
            (None, Some(given_up)) => given_up.clone(),
            (None, None) => silent(*code),
        },
        ProcessEnd::Signal(signal) => by_signal(*signal, seen),
        ProcessEnd::CannotRun(why) => Exit::CannotStart(bounded::one_line(why, bounded::WHY_BYTES)),
        ProcessEnd::Stopped(_) => seen.given_up.clone().unwrap_or(Exit::Stopped),
        ProcessEnd::OutputCap => {
            Exit::Failed("the agent printed more than one job may (limits.output_mb)".to_owned())
        }
        ProcessEnd::Lost(why) => Exit::Lost(bounded::one_line(why, bounded::WHY_BYTES)),
    };
    AgentEnd {
        exit: with_reset(exit, seen),
        claim: seen.claim.clone(),
        session: seen.session.clone(),
        usage: seen.usage(before),
        session_usage: seen.session_total,
        denied: seen.denied.clone(),
        findings: seen.findings.clone(),
        made: seen.made.clone(),
    }
}

/// A wait that was stated with the failure counts, and an allowance that was told to be spent says when it is back.
fn with_reset(exit: Exit, seen: &Seen) -> Exit {
    match (exit, seen.exhausted) {
        (Exit::TryLater { until, why, .. }, Some(resets_at)) => {
            Exit::TryLater { until: until.or(resets_at), why, shortage: Shortage::Allowance }
        }
        (Exit::TryLater { until, why, shortage }, None) => {
            Exit::TryLater { until: until.or_else(|| stated(seen)), why, shortage }
        }
        (exit, _) => exit,
    }
}

/// When to try again, as it was said.
fn stated(seen: &Seen) -> Option<Millis> {
    match seen.later? {
        Later::Unknown => None,
        Later::At(moment) => Some(moment),
        Later::AfterEnd(span_ms) => seen.ended_at.map(|ended| ended.plus(span_ms)),
    }
}

/// What a usual exit code means: 0 is done, 75 is later, everything else has failed.
pub(super) fn by_code(code: i32, seen: &Seen) -> Exit {
    match (seen.later, code) {
        (Some(_), _) | (None, TRY_LATER) => Exit::TryLater {
            until: stated(seen),
            why: with_last_line("the agent asks for a later try".to_owned(), seen),
            shortage: Shortage::Servers,
        },
        (None, 0) => Exit::Done,
        (None, code) => Exit::Failed(with_last_line(format!("the agent ended with exit code {code}"), seen)),
    }
}

/// What a failed request to a model means, by its HTTP status; none is a connection that failed or a time that ran out.
pub(crate) fn by_status(status: Option<u16>, why: &str) -> Exit {
    let why = bounded::one_line(why, bounded::WHY_BYTES);
    let later = |shortage| Exit::TryLater { until: None, why: why.clone(), shortage };
    match status {
        None | Some(408 | 500..=599) => later(Shortage::Servers),
        Some(402) => later(Shortage::Allowance),
        Some(429) => later(Shortage::Rate),
        Some(401 | 403 | 404) => Exit::CannotStart(why),
        Some(413) => Exit::ContextFull(why),
        Some(_) => Exit::Failed(why),
    }
}

/// Why a working agent is better ended: what its program tries again cannot succeed, or it waits longer than it should.
/// `quiet_ms` is how long it has said nothing.
///
/// Without a word of how long it waits, only a status that can come with a time to wait makes silence a wait: after any
/// other its model may well be at work again.
pub fn hopeless(seen: &Seen, quiet_ms: u64) -> Option<Exit> {
    let Retry { attempt, status, why, delay_ms } = seen.retry.as_ref().filter(|_| seen.last.is_none())?;
    let waits_ms = delay_ms.or(matches!(status, Some(429 | 503)).then_some(quiet_ms)).unwrap_or_default();
    match by_status(*status, why) {
        // Who was let in before may only have to renew its access.
        Exit::CannotStart(_) if has_worked(seen) && attempt.is_none_or(|n| n < 2) => None,
        Exit::CannotStart(why) => Some(Exit::CannotStart(why)),
        Exit::TryLater { until, why, shortage } if waits_ms > RETRY_PATIENCE_MS => {
            Some(Exit::TryLater { until, why, shortage: after_long_wait(shortage) })
        }
        _ => None,
    }
}

/// Whether its model has answered at least once.
fn has_worked(seen: &Seen) -> bool {
    seen.text.is_some() || seen.used.tokens() > 0 || seen.session_total.is_some()
}

/// A failed request as the agent's last word, with the time to wait that came with it.
pub(super) fn with_wait(exit: Exit, wait_ms: Option<u64>) -> Vec<AgentEvent> {
    match (exit, wait_ms) {
        (Exit::TryLater { until, why, shortage }, Some(ms)) => {
            let shortage = if ms > RETRY_PATIENCE_MS { after_long_wait(shortage) } else { shortage };
            let later = AgentEvent::Later(Later::AfterEnd(ms));
            vec![AgentEvent::Final(Exit::TryLater { until, why, shortage }), later]
        }
        (exit, _) => vec![AgentEvent::Final(exit)],
    }
}

/// A provider that names a long time to wait says that the allowance is spent.
pub(super) fn after_long_wait(shortage: Shortage) -> Shortage {
    match shortage {
        Shortage::Servers => Shortage::Servers,
        Shortage::Rate | Shortage::Allowance => Shortage::Allowance,
    }
}

/// A text with the last line of standard error behind it.
pub(super) fn with_last_line(text: String, seen: &Seen) -> String {
    let line = seen.last_error().map(|l| bounded::one_line(l, bounded::WHY_BYTES));
    match line.filter(|l| !l.is_empty()) {
        Some(line) => format!("{text}: {line}"),
        None => text,
    }
}

/// A program that a signal ended which none of us sent: by hand, by a machine that shuts down or is out of memory; or by a
/// fault of its own.
fn by_signal(signal: i32, seen: &Seen) -> Exit {
    let text = with_last_line(format!("the agent was ended by {}", named(signal)), seen);
    match Signal::try_from(signal) {
        Ok(Signal::SIGKILL | Signal::SIGTERM | Signal::SIGHUP | Signal::SIGINT) => Exit::Lost(text),
        Ok(_) | Err(_) => Exit::Failed(text),
    }
}

fn named(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| format!("signal {signal}"), |known| known.as_str().to_owned())
}
