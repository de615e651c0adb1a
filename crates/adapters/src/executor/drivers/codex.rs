//! The agent `codex`: Codex, run headless.
//!
//! It prints one JSON object a line. The status of a failed request stands only in its texts. Commands may begin and end
//! without a word, so what it did is never read from here. Knows neither how it is supervised nor what its end costs.

use super::event::{AgentEvent, Reckoning, Retry, Seen, Went};
use super::native::{self, NativeSettings, Permissions, count, text};
use super::{Launch, Places, ProcessEnd, bounded, end};
use ppe_core::outcome::{AgentEnd, Exit, Made, Shortage};
use ppe_core::usage::Usage;
use ppe_engine::ports::AgentJob;
use serde_json::{Map, Value};

/// Codex.
#[derive(Clone, Debug, PartialEq)]
pub struct CodexDriver {
    pub(super) settings: NativeSettings,
    pub(super) search_path: String,
}

impl CodexDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let settings = &self.settings;
        // Its sandbox protects `.git` even in its own folder, so that no commit is possible, and knows no single files.
        let git = places.workspace.join(".git").to_string_lossy().into_owned();
        let reports = places.report_file.parent().unwrap_or(places.report_file).to_string_lossy();
        let mut parts = vec![settings.program.as_str(), "exec", "--json"];
        match settings.permissions {
            Permissions::All => parts.push("--dangerously-bypass-approvals-and-sandbox"),
            Permissions::Edits => {
                parts.extend(["-s", "workspace-write", "--add-dir", &git, "--add-dir", &reports]);
            }
        }
        parts.extend(job.model.iter().flat_map(|model| ["-m", model.as_str()]));
        parts.extend(settings.agent.iter().flat_map(|profile| ["-p", profile.as_str()]));
        parts.extend(settings.args.iter().map(String::as_str));
        // Most options are not known behind `resume`.
        parts.extend(native::session(job).into_iter().flat_map(|known| ["resume", known]));
        parts.push("-");
        let mut env = native::surroundings(settings, job, places, &self.search_path);
        if settings.home == native::Home::Private {
            // It makes no folder for itself.
            env.insert("CODEX_HOME".to_owned(), places.home.to_string_lossy().into_owned());
        }
        Launch { argv: native::argv(parts), env, stdin: Some(places.prompt_file.to_owned()) }
    }

    /// What one line of its standard output says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        let Some(message) = native::object(line) else { return Vec::new() };
        match text(&message, "type") {
            "thread.started" => {
                let id = bounded::one_line(text(&message, "thread_id"), bounded::NAME_BYTES);
                let session = (!id.is_empty()).then_some(AgentEvent::Session(id));
                session.into_iter().chain([AgentEvent::Started(Made::default())]).collect()
            }
            "item.started" => item(&message).and_then(begun).into_iter().collect(),
            "item.completed" => item(&message).map(ended).unwrap_or_default(),
            "error" => vec![failing(text(&message, "message"))],
            "turn.completed" => {
                let used = message.get("usage").and_then(Value::as_object).map(total);
                let used = used.map(|total| AgentEvent::Used(Reckoning::SessionTotal(total)));
                used.into_iter().chain([AgentEvent::Final(Exit::Done)]).collect()
            }
            "turn.failed" => {
                let error = message.get("error").and_then(Value::as_object);
                vec![AgentEvent::Final(failure(error.map_or("", |error| text(error, "message"))))]
            }
            _ => Vec::new(),
        }
    }

    /// What its end means.
    pub fn finish(exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        end::judged(exit, seen, before, |code| {
            if seen.stderr.contains("no rollout found") {
                let why = seen.last_error().unwrap_or_default();
                return Exit::SessionLost(bounded::one_line(why, bounded::WHY_BYTES));
            }
            native::silent(code, seen)
        })
    }
}

fn item(message: &Map<String, Value>) -> Option<&Map<String, Value>> {
    message.get("item").and_then(Value::as_object)
}

/// A tool's name and what it is to do; none for an item that is no tool.
fn tool(item: &Map<String, Value>) -> Option<(String, String)> {
    let named = |name: &str, about: &str| {
        (bounded::one_line(name, bounded::NAME_BYTES), bounded::one_line(about, bounded::ABOUT_BYTES))
    };
    Some(match text(item, "type") {
        "command_execution" => named("shell", without_shell(text(item, "command"))),
        "mcp_tool_call" => {
            let server = bounded::one_line(text(item, "server"), bounded::NAME_BYTES);
            named(&format!("{server}.{}", text(item, "tool")), &native::about(item.get("arguments")))
        }
        "file_change" => {
            let paths = item.get("changes").and_then(Value::as_array).into_iter().flatten();
            let paths: Vec<&str> =
                paths.filter_map(|change| change.get("path")?.as_str()).take(bounded::ABOUT_BYTES).collect();
            named("edit", &paths.join(" "))
        }
        "web_search" => named("search", text(item, "query")),
        _ => return None,
    })
}

/// A command as its model wrote it, without the shell around it.
fn without_shell(command: &str) -> &str {
    let Some((_, inner)) = command.split_once("bash -lc ") else { return command };
    let quoted = |quote: char| inner.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(inner)
}

fn begun(item: &Map<String, Value>) -> Option<AgentEvent> {
    tool(item).map(|(name, about)| AgentEvent::ToolStarted { name, about })
}

fn ended(item: &Map<String, Value>) -> Vec<AgentEvent> {
    if text(item, "type") == "agent_message" {
        return vec![AgentEvent::Text(bounded::one_line(text(item, "text"), bounded::WORDS_BYTES))];
    }
    let Some((name, about)) = tool(item) else { return Vec::new() };
    let status = text(item, "status");
    // Its sandbox refuses by what the system says of a file.
    let sandboxed = status == "failed" && text(item, "aggregated_output").contains("Read-only file system");
    let denied =
        (status == "declined" || sandboxed).then(|| AgentEvent::Denied(native::denied(&name, &about)));
    let went = if matches!(status, "failed" | "declined") { Went::Badly } else { Went::Well };
    denied.into_iter().chain([AgentEvent::ToolEnded(went)]).collect()
}

/// An `error` is a request that is made again, or the cause of the end that follows.
fn failing(why: &str) -> AgentEvent {
    let Some(rest) = why.strip_prefix("Reconnecting... ") else { return AgentEvent::Final(failure(why)) };
    let attempt = rest.split_once('/').and_then(|(attempt, _)| attempt.parse().ok());
    let cause = rest.split_once('(').map_or(rest, |(_, cause)| cause.strip_suffix(')').unwrap_or(cause));
    AgentEvent::Retrying(Retry { attempt, delay_ms: None, status: status(cause), why: advised(cause) })
}

/// What failed, with what to do about it where that is known.
fn advised(why: &str) -> String {
    let advice = match status(why) {
        Some(401 | 403) => "Codex is not let in: log in with `codex login`, or give it a key: ",
        _ => "",
    };
    bounded::one_line(&format!("{advice}{why}"), bounded::WHY_BYTES)
}

/// The HTTP status that a text names.
fn status(why: &str) -> Option<u16> {
    let digits = |after: &str| {
        let number = after.trim_start_matches([':', ' ']).get(..3)?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
    };
    why.match_indices("status").find_map(|(at, found)| digits(&why[at + found.len()..]))
}

/// What a failed turn means. A request that was answered but refused as wrong has no status: its text is the answer.
fn failure(why: &str) -> Exit {
    let answer = native::object(why);
    let error = answer.as_ref().and_then(|answer| answer.get("error")).and_then(Value::as_object);
    let said = error.map(|error| text(error, "message")).filter(|said| !said.is_empty()).unwrap_or(why);
    let line = bounded::one_line(if said.is_empty() { "the turn failed" } else { said }, bounded::WHY_BYTES);
    let lower = line.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let code = error.map(|error| text(error, "code")).unwrap_or_default();
    if code == "context_length_exceeded" || says(&["context window", "context_length_exceeded"]) {
        return Exit::ContextFull(line);
    }
    if code == "insufficient_quota" || says(&["usage limit", "quota exceeded", "out of credits"]) {
        return Exit::TryLater { until: None, why: line, shortage: Shortage::Allowance };
    }
    let unreachable = ["stream disconnected", "timeout", "timed out", "connection", "error sending request"];
    let overloaded = ["high demand", "at capacity", "overloaded"];
    match status(&lower) {
        Some(status) => end::by_status(Some(status), &advised(&line)),
        None if error.is_none() && (says(&unreachable) || says(&overloaded)) => end::by_status(None, &line),
        None => Exit::Failed(line),
    }
}

/// The running total of its thread. What was read from a cache is part of what was read.
fn total(usage: &Map<String, Value>) -> Usage {
    let cache_read = count(usage, "cached_input_tokens");
    Usage {
        input: count(usage, "input_tokens").saturating_sub(cache_read),
        cache_read,
        cache_write: count(usage, "cache_write_input_tokens"),
        output: count(usage, "output_tokens"),
        cost_micro_usd: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PLACES, job};
    use super::*;

    fn driver(settings: NativeSettings) -> CodexDriver {
        let settings = NativeSettings { program: "codex".to_owned(), ..settings };
        CodexDriver { settings, search_path: "/usr/bin".to_owned() }
    }

    #[test]
    fn its_sandbox_lets_it_commit_and_report() {
        let job = AgentJob { session: None, ..job() };
        let launch = driver(NativeSettings::default()).launch(&job, &PLACES());
        let wanted = [
            "codex",
            "exec",
            "--json",
            "-s",
            "workspace-write",
            "--add-dir",
            "/state/workspace/.git",
            "--add-dir",
            "/state/job/reports",
            "-",
        ];
        assert_eq!(launch.argv, wanted);
        assert_eq!(launch.stdin.as_deref(), Some(std::path::Path::new("/state/job/prompt")));
        let mut ours: Vec<String> =
            launch.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        ours.retain(|line| !line.starts_with("PPE_"));
        assert_eq!(ours, ["PATH=/usr/bin:/opt/ppe/bin", "TMPDIR=/tmp/ppe/T-001"]);
    }

    #[test]
    fn options_come_before_the_session() {
        let settings = NativeSettings {
            agent: Some("careful".to_owned()),
            permissions: Permissions::All,
            args: vec!["-c".to_owned(), "x=1".to_owned()],
            home: native::Home::Private,
            ..NativeSettings::default()
        };
        let job = AgentJob { model: Some("gpt".to_owned()), ..job() };
        let launch = driver(settings.clone()).launch(&job, &PLACES());
        let wanted = [
            "--dangerously-bypass-approvals-and-sandbox",
            "-m",
            "gpt",
            "-p",
            "careful",
            "-c",
            "x=1",
            "resume",
            "s-1",
            "-",
        ];
        assert_eq!(launch.argv[3..], wanted);
        assert_eq!((&*launch.env["HOME"], &*launch.env["CODEX_HOME"]), ("/state/home", "/state/home"));
        let hostile = AgentJob { session: Some("--last".to_owned()), ..job };
        assert!(!driver(settings).launch(&hostile, &PLACES()).argv.contains(&"resume".to_owned()));
    }

    #[test]
    fn failures_are_told_apart_by_their_text() {
        let servers =
            |why: &str| Exit::TryLater { until: None, why: why.into(), shortage: Shortage::Servers };
        let spent =
            |why: &str| Exit::TryLater { until: None, why: why.into(), shortage: Shortage::Allowance };
        let wrong = r#"{"error": {"type": "invalid_request_error", "code": "context_length_exceeded", "message": "too much"}}"#;
        for (why, wanted) in [
            (
                "unexpected status 401 Unauthorized: no",
                Exit::CannotStart(
                    "Codex is not let in: log in with `codex login`, or give it a key: unexpected status 401 Unauthorized: no"
                        .into(),
                ),
            ),
            ("unexpected status 404 Not Found", Exit::CannotStart("unexpected status 404 Not Found".into())),
            ("unexpected status 503 x", servers("unexpected status 503 x")),
            ("stream disconnected before completion: x", servers("stream disconnected before completion: x")),
            ("request timed out", servers("request timed out")),
            ("You've hit your usage limit.", spent("You've hit your usage limit.")),
            (wrong, Exit::ContextFull("too much".into())),
            ("something else", Exit::Failed("something else".into())),
            ("status 12é", Exit::Failed("status 12é".into())),
            ("", Exit::Failed("the turn failed".into())),
        ] {
            assert_eq!(failure(why), wanted, "{why}");
        }
    }

    #[test]
    fn a_command_is_shown_as_its_model_wrote_it() {
        for (command, wanted) in [
            ("/bin/bash -lc 'make test'", "make test"),
            ("/bin/bash -lc \"git commit -m 'x'\"", "git commit -m 'x'"),
            ("/bin/bash -lc make", "make"),
            ("make", "make"),
        ] {
            assert_eq!(without_shell(command), wanted);
        }
    }

    #[test]
    fn what_the_sandbox_refused_was_not_permitted() {
        let line = r#"{"type":"item.completed","item":{"type":"command_execution","command":"/bin/bash -lc 'git add .'","aggregated_output":"x: Read-only file system\n","exit_code":128,"status":"failed"}}"#;
        let wanted = [AgentEvent::Denied("shell(git add .)".to_owned()), AgentEvent::ToolEnded(Went::Badly)];
        assert_eq!(CodexDriver::line(line), wanted);
    }
}
