//! What the client tells of an agent, in our own line protocol, and what the agent's failures mean.
//!
//! Knows the protocol's words for failures and counts; prints to standard output and forgets.

use super::wire::in_words;
use crate::executor::drivers::by_status;
use crate::executor::drivers::report::{CountOf, Ending, Report, Told};
use ppe_core::outcome::{Exit, Shortage};
use ppe_core::usage::Usage;
use serde_json::Value;
use std::io::Write;
use std::process::ExitStatus;

/// So much is printed of what was not understood.
const RAW_BYTES: usize = 16 * 1024;

/// Prints a report.
pub(super) fn report(report: &Report) {
    // None of these says "in so many seconds", so no moment is needed.
    print(&report.settled(0).line());
}

/// Prints what was not understood, so that it is no report whatever it is.
pub(super) fn raw(line: &str) {
    print(&format!("acp: {}", &line[..line.floor_char_boundary(RAW_BYTES)]));
}

fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever reads it may be gone; the work goes on.
    let _told = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Reports how it ended.
pub(super) fn end(exit: &Exit) {
    let (how, why, shortage) = match exit {
        Exit::Done => (Ending::Done, "", Shortage::default()),
        Exit::TryLater { why, shortage, .. } => (Ending::Later, &**why, *shortage),
        Exit::Failed(why) | Exit::Lost(why) => (Ending::Failed, &**why, Shortage::default()),
        Exit::CannotStart(why) => (Ending::CannotStart, &**why, Shortage::default()),
        Exit::SessionLost(why) => (Ending::SessionLost, &**why, Shortage::default()),
        Exit::ContextFull(why) => (Ending::ContextFull, &**why, Shortage::default()),
        Exit::Refused(why) => (Ending::Refused, &**why, Shortage::default()),
        Exit::OverBudget(why) => (Ending::OverBudget, &**why, Shortage::default()),
        Exit::Stopped => (Ending::Failed, "it was asked to stop", Shortage::default()),
    };
    report(&Report::End { how, why: why.to_owned(), shortage });
}

/// Reports the running total of its session.
pub(super) fn usage(total: &Usage) {
    report(&Report::Usage(Told {
        input: total.input,
        cache_read: total.cache_read,
        cache_write: total.cache_write,
        output: total.output,
        cost_micro_usd: total.cost_micro_usd,
        of: CountOf::Session,
    }));
}

/// Why a conversation came to its end before its time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Broken {
    /// The agent answered with an error.
    Error(Value),
    /// The agent says nothing more. It came so far.
    Gone(Stage),
    /// We were asked to stop.
    Stopped,
    /// It cannot be done with this agent.
    Unfit(Exit),
}

/// How far a conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has no session yet.
    Greeting,
    /// It looked for the session to go on with.
    Loading,
    /// It has its session.
    Working,
}

impl Broken {
    /// The end that this means, given how the agent's process ended.
    pub(super) fn exit(self, ended: Option<ExitStatus>) -> Exit {
        match self {
            Self::Error(error) => failure(&error, Stage::Working),
            Self::Gone(stage) => {
                let how = ended.map_or_else(|| "its output closed".to_owned(), in_words);
                match stage {
                    Stage::Greeting => Exit::CannotStart(format!("the agent ended at once: {how}")),
                    Stage::Loading | Stage::Working => {
                        Exit::Failed(format!("the agent ended in the middle of its work: {how}"))
                    }
                }
            }
            Self::Stopped => Exit::Stopped,
            Self::Unfit(exit) => exit,
        }
    }
}

/// What an error of the agent means.
pub(super) fn failure(error: &Value, stage: Stage) -> Exit {
    let code = error["code"].as_i64().unwrap_or(0);
    let message = error["message"].as_str().unwrap_or_default();
    let detail = ["details", "message"].iter().find_map(|key| error["data"][key].as_str());
    let why = match detail {
        Some(detail) if message.is_empty() => detail.to_owned(),
        Some(detail) if !message.contains(detail) => format!("{message}: {detail}"),
        _ if message.is_empty() => format!("error {code}"),
        _ => message.to_owned(),
    };
    let later = |shortage| Exit::TryLater { until: None, why: why.clone(), shortage };
    match (code, error["data"]["errorKind"].as_str().unwrap_or_default(), stage) {
        (-32000, _, _) => Exit::CannotStart(why),
        (-32002, _, Stage::Loading) => Exit::SessionLost(why),
        (_, "server_error" | "overloaded", _) => later(Shortage::Servers),
        (_, "rate_limit", _) => later(Shortage::Rate),
        (_, "billing_error", _) => later(Shortage::Allowance),
        (_, "authentication_failed" | "oauth_org_not_allowed" | "model_not_found", _) => {
            Exit::CannotStart(why)
        }
        _ => match status(&why) {
            Some(status) => by_status(Some(status), &why),
            None if unauthorized(&why) => Exit::CannotStart(why),
            None => Exit::Failed(why),
        },
    }
}

/// The HTTP status that a text speaks of.
fn status(text: &str) -> Option<u16> {
    let after = |words: &str| text.split_once(words).map(|(_, rest)| rest);
    let rest = after("API Error: ").or_else(|| after("status "))?;
    let digits = rest.get(..3).filter(|_| !rest[3..].starts_with(|c: char| c.is_ascii_digit()))?;
    digits.parse().ok().filter(|status| (400..600).contains(status))
}

fn unauthorized(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["invalid x-api-key", "invalid api key", "unauthorized", "api key not valid", "authentication"]
        .iter()
        .any(|words| text.contains(words))
}

/// The tokens of one turn, by the answer to its prompt: by model if it says so, since that has helpers of the agent too.
pub(super) fn turn(answer: &Value) -> Usage {
    let quota = &answer["_meta"]["quota"];
    let models =
        quota["model_usage"].as_array().into_iter().flatten().map(|model| tokens(&model["token_count"]));
    let mut usage = Usage::default();
    models.for_each(|model| usage += model);
    let alone = [&answer["usage"], &quota["token_count"]];
    let alone = alone.into_iter().find(|counts| counts.is_object()).map(tokens);
    if usage.is_zero() { alone.unwrap_or_default() } else { usage }
}

fn tokens(counts: &Value) -> Usage {
    let count = |keys: &[&str]| keys.iter().find_map(|key| counts[key].as_u64()).unwrap_or(0).min(1 << 50);
    Usage {
        input: count(&["inputTokens", "input_tokens"]),
        cache_read: count(&["cachedReadTokens", "cachedInputTokens"]),
        cache_write: count(&["cachedWriteTokens", "cacheWriteInputTokens"]),
        output: count(&["outputTokens", "output_tokens"]),
        cost_micro_usd: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_told_by_code_kind_and_words() {
        let error = |code: i64, message: &str, kind: &str| json!({"code": code, "message": message, "data": {"errorKind": kind}});
        let why = |text: &str| text.to_owned();
        let later = |text: &str, shortage| Exit::TryLater { until: None, why: why(text), shortage };
        let table = [
            (error(-32000, "Authentication required", ""), Exit::CannotStart(why("Authentication required"))),
            (error(-32002, "Resource not found", ""), Exit::SessionLost(why("Resource not found"))),
            (error(-32603, "x", "server_error"), later("x", Shortage::Servers)),
            (error(-32603, "x", "rate_limit"), later("x", Shortage::Rate)),
            (error(-32603, "x", "billing_error"), later("x", Shortage::Allowance)),
            (error(-32603, "x", "model_not_found"), Exit::CannotStart(why("x"))),
            (error(-32603, "API Error: 429 no", ""), later("API Error: 429 no", Shortage::Rate)),
            (error(-32603, "status 5290", ""), Exit::Failed(why("status 5290"))),
            (
                error(-32603, "Internal error: invalid x-api-key", ""),
                Exit::CannotStart(why("Internal error: invalid x-api-key")),
            ),
            (error(-32603, "API Error: é", ""), Exit::Failed(why("API Error: é"))),
            (json!({"code": 1, "data": {"details": "d"}}), Exit::Failed(why("d"))),
            (json!(null), Exit::Failed(why("error 0"))),
        ];
        for (error, wanted) in table {
            assert_eq!(failure(&error, Stage::Loading), wanted, "{error}");
        }
        let lost = error(-32002, "Resource not found", "");
        assert_eq!(failure(&lost, Stage::Working), Exit::Failed(why("Resource not found")));
    }

    #[test]
    fn a_turn_counts_what_all_its_models_used() {
        let usage = |input, cache_read, output| Usage { input, cache_read, output, ..Usage::default() };
        let of = |input: u64| json!({"token_count": {"inputTokens": input, "cachedInputTokens": 5, "outputTokens": 1}});
        let table = [
            (json!({"usage": {"inputTokens": 3, "outputTokens": 1, "cachedReadTokens": 2}}), usage(3, 2, 1)),
            (
                json!({"usage": {"inputTokens": 3}, "_meta": {"quota": {"model_usage": [of(3), of(4)]}}}),
                usage(7, 10, 2),
            ),
            (
                json!({"_meta": {"quota": {"token_count": {"input_tokens": 9, "output_tokens": 2}}}}),
                usage(9, 0, 2),
            ),
            (json!({"usage": "many"}), Usage::default()),
            (json!(null), Usage::default()),
        ];
        for (answer, wanted) in table {
            assert_eq!(turn(&answer), wanted, "{answer}");
        }
    }
}
