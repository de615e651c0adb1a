//! The agent `claude`: Claude Code, run headless.
//!
//! It prints one JSON object a line. What counts of its end is the last `result`: it says "success" for failures, and
//! ends with code 0 when it was not permitted to work. Knows neither how it is supervised nor what its end costs.

use super::event::{AgentEvent, Reckoning, Retry, Seen, Went};
use super::home::preset_session;
use super::native::{self, NativeSettings, Permissions, count, text};
use super::rules::exactly;
use super::{Launch, Places, ProcessEnd, bounded, end};
use ppe_core::ids::Millis;
use ppe_core::outcome::{AgentEnd, Exit, Made, Shortage};
use ppe_core::state::Round;
use ppe_core::usage::{Usage, micro_usd};
use ppe_engine::ports::AgentJob;
use serde_json::{Map, Value};

/// Its own tries are few, and no request hangs for ever: whoever runs it waits better. And it calls nobody but its model.
const VARIABLES: [(&str, &str); 6] = [
    ("CLAUDE_CODE_MAX_RETRIES", "3"),
    ("API_TIMEOUT_MS", "300000"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
];
/// Signs that end or widen a rule of its.
const SIGNS: &[char] = &['(', ')', '*'];
/// What it may run unasked besides what it may edit.
const ALLOWED: [&str; 2] = ["Bash(git:*)", "Bash(ppe report:*)"];
/// The model of texts that it made itself.
const SYNTHETIC: &str = "<synthetic>";
/// A moment below this is in seconds, not in milliseconds.
const SECONDS_BELOW: u64 = 100_000_000_000;

/// Claude Code.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaudeDriver {
    pub(super) settings: NativeSettings,
    pub(super) search_path: String,
}

impl ClaudeDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let settings = &self.settings;
        let (title, new_session) = (native::title(job), preset_session(places.job_dir));
        let granted: Vec<String> = job.allow.iter().flat_map(|rule| exactly(rule, "Bash", SIGNS)).collect();
        let mut parts = vec![settings.program.as_str(), "-p", "--output-format", "stream-json", "--verbose"];
        match native::session(job) {
            Some(known) => parts.extend(["--resume", known]),
            None => parts.extend(["--session-id", new_session.as_str()]),
        }
        parts.extend(["--name", title.as_str()]);
        parts.extend(job.model.iter().flat_map(|model| ["--model", model.as_str()]));
        // One that is made for tasks is none for reviews.
        let role = settings.agent.iter().filter(|_| job.round != Round::Review);
        parts.extend(role.flat_map(|agent| ["--agent", agent.as_str()]));
        let budget = job.budget_micro_usd.map(|left| format!("{}.{:06}", left / 1_000_000, left % 1_000_000));
        parts.extend(budget.iter().flat_map(|dollars| ["--max-budget-usd", dollars.as_str()]));
        match settings.permissions {
            Permissions::All => parts.push("--dangerously-skip-permissions"),
            Permissions::Edits => {
                parts.extend(["--permission-mode", "acceptEdits", "--allowedTools"]);
                parts.extend(ALLOWED);
                let more = settings.allow.iter().chain(&granted).map(|rule| rule.trim());
                // What was permitted may come from an agent's own words: it must not be taken for an option.
                parts.extend(more.filter(|rule| !rule.is_empty() && !rule.starts_with('-')));
            }
        }
        parts.extend(settings.args.iter().map(String::as_str));
        let mut env = native::surroundings(settings, job, places, &self.search_path);
        env.extend(VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if settings.home == native::Home::Private {
            let config = places.home.join(".claude").to_string_lossy().into_owned();
            env.insert("CLAUDE_CONFIG_DIR".to_owned(), config);
        }
        Launch { argv: native::argv(parts), env, stdin: Some(places.prompt_file.to_owned()) }
    }

    /// What one line of its standard output says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        let Some(message) = native::object(line) else { return Vec::new() };
        match text(&message, "type") {
            "system" => system(&message),
            "assistant" => assistant(&message),
            "user" => results_of_tools(&message),
            "rate_limit_event" => exhausted(&message).into_iter().collect(),
            "result" => result(&message),
            _ => Vec::new(),
        }
    }

    /// What its end means.
    pub fn finish(exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        let told = end::judged(exit, seen, before, |code| silent(code, seen));
        match told.exit {
            // It tries again by itself, unless it was told to wait for long.
            Exit::TryLater { until, why, shortage: Shortage::Rate } if seen.retry.is_none() => {
                let shortage = end::after_long_wait(Shortage::Rate);
                AgentEnd { exit: Exit::TryLater { until, why, shortage }, ..told }
            }
            _ => told,
        }
    }
}

/// What an end means of which it did not tell.
fn silent(code: i32, seen: &Seen) -> Exit {
    let errors = &seen.stderr;
    let last = || bounded::one_line(seen.last_error().unwrap_or_default(), bounded::WHY_BYTES);
    if errors.contains("No conversation found") || errors.contains("is already in use") {
        return Exit::SessionLost(last());
    }
    if errors.contains("--dangerously-skip-permissions cannot be used with root") {
        return Exit::CannotStart(
            "Claude Code does not run with all permissions as root: use another user, or permissions = \"edits\", or \
             set IS_SANDBOX=1 where nothing but the sandbox can be harmed, and pass it on"
                .to_owned(),
        );
    }
    native::silent(code, seen)
}

fn system(message: &Map<String, Value>) -> Vec<AgentEvent> {
    match text(message, "subtype") {
        "init" => {
            let named = |key| Some(bounded::one_line(text(message, key), bounded::NAME_BYTES));
            let named = |key| named(key).filter(|name| !name.is_empty());
            let made = Made { model: named("model"), version: named("claude_code_version") };
            session(message).into_iter().chain([AgentEvent::Started(made)]).collect()
        }
        "api_retry" => {
            let number = |key| message.get(key).and_then(Value::as_u64);
            let status = number("error_status").and_then(|status| u16::try_from(status).ok());
            let why = match (text(message, "error"), status) {
                (error, Some(401 | 403)) => {
                    format!("Claude Code is not let in: {error}; log in, or give it a key")
                }
                (error, _) => format!("a request to the model failed: {error}"),
            };
            let why = match status {
                Some(status) => format!("{why} (HTTP {status})"),
                None => why,
            };
            vec![AgentEvent::Retrying(Retry {
                attempt: number("attempt").and_then(|n| u32::try_from(n).ok()),
                delay_ms: number("retry_delay_ms"),
                status,
                why: bounded::one_line(&why, bounded::WHY_BYTES),
            })]
        }
        "permission_denied" => denial(text(message, "tool_name"), None).into_iter().collect(),
        "model_fallback" => {
            let model = bounded::one_line(text(message, "fallback_model"), bounded::NAME_BYTES);
            let why = bounded::one_line(text(message, "content"), bounded::WHY_BYTES);
            let note = (!why.is_empty()).then_some(AgentEvent::Note(why));
            let made = (!model.is_empty()).then_some(Made { model: Some(model), version: None });
            note.into_iter().chain(made.map(AgentEvent::Started)).collect()
        }
        _ => Vec::new(),
    }
}

fn session(message: &Map<String, Value>) -> Option<AgentEvent> {
    let id = bounded::one_line(text(message, "session_id"), bounded::NAME_BYTES);
    (!id.is_empty()).then_some(AgentEvent::Session(id))
}

fn denial(tool: &str, input: Option<&Value>) -> Option<AgentEvent> {
    (!tool.trim().is_empty()).then(|| AgentEvent::Denied(native::denied(tool, &native::about(input))))
}

/// What stands in a message: one block in each, but any number is taken.
fn blocks(message: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let content = message.get("message").and_then(|m| m.get("content")).and_then(Value::as_array);
    content.into_iter().flatten().filter_map(Value::as_object)
}

fn assistant(message: &Map<String, Value>) -> Vec<AgentEvent> {
    let model = message.get("message").and_then(|m| m.get("model")).and_then(Value::as_str);
    let error = text(message, "error");
    if model == Some(SYNTHETIC) || !error.is_empty() {
        let said: Vec<&str> = blocks(message).map(|block| text(block, "text")).collect();
        let failed = !error.is_empty() && message.get("parent_tool_use_id").is_none_or(Value::is_null);
        return failed
            .then(|| AgentEvent::Final(failure(error, status(message), &said.join(" "))))
            .into_iter()
            .collect();
    }
    // The words of a sub-agent are not its words; its tools are its tools.
    let own = message.get("parent_tool_use_id").is_none_or(Value::is_null);
    let event = |block: &Map<String, Value>| match text(block, "type") {
        "text" if own => Some(AgentEvent::Text(bounded::one_line(text(block, "text"), bounded::WORDS_BYTES))),
        "tool_use" => Some(AgentEvent::ToolStarted {
            name: bounded::one_line(text(block, "name"), bounded::NAME_BYTES),
            about: native::about(block.get("input")),
        }),
        _ => None,
    };
    blocks(message).filter_map(event).collect()
}

fn results_of_tools(message: &Map<String, Value>) -> Vec<AgentEvent> {
    let went = |block: &Map<String, Value>| match block.get("is_error") {
        Some(Value::Bool(true)) => Went::Badly,
        _ => Went::Well,
    };
    let results = blocks(message).filter(|block| text(block, "type") == "tool_result");
    results.map(|block| AgentEvent::ToolEnded(went(block))).collect()
}

fn exhausted(message: &Map<String, Value>) -> Option<AgentEvent> {
    let info = message.get("rate_limit_info")?.as_object()?;
    let resets_at = info.get("resetsAt").and_then(Value::as_u64).filter(|at| *at > 0);
    let resets_at = resets_at.map(|at| if at < SECONDS_BELOW { at * 1_000 } else { at });
    (text(info, "status") == "rejected").then(|| AgentEvent::Exhausted(resets_at.map(Millis)))
}

fn status(message: &Map<String, Value>) -> Option<u16> {
    message.get("api_error_status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok())
}

/// What a failed request means, by the program's own name for it, which tells apart what one status is used for.
fn failure(error: &str, status: Option<u16>, why: &str) -> Exit {
    let line = bounded::one_line(if why.is_empty() { error } else { why }, bounded::WHY_BYTES);
    match error {
        "billing_error" => Exit::TryLater { until: None, why: line, shortage: Shortage::Allowance },
        "authentication_failed"
        | "oauth_org_not_allowed"
        | "account_on_hold"
        | "verification_required"
        | "model_not_found"
        | "cloud_credential_error" => Exit::CannotStart(line),
        "rate_limit" => end::by_status(Some(429), &line),
        "invalid_request" | "unknown" | "max_output_tokens" if status.is_none() => Exit::Failed(line),
        _ => end::by_status(status, &line),
    }
}

fn result(message: &Map<String, Value>) -> Vec<AgentEvent> {
    let mut events: Vec<AgentEvent> = session(message).into_iter().collect();
    let parts = message.get("model_usage_since_last_result").map(of_models);
    events.extend(parts.filter(|u| !u.is_zero()).map(|u| AgentEvent::Used(Reckoning::More(u))));
    let mut total = message.get("modelUsage").map(of_models).unwrap_or_default();
    if let Some(cost) = message.get("total_cost_usd").and_then(Value::as_f64).and_then(micro_usd) {
        total.cost_micro_usd = Some(cost);
    }
    if !total.is_zero() {
        events.push(AgentEvent::Used(Reckoning::SessionTotal(total)));
    }
    let denials = message.get("permission_denials").and_then(Value::as_array).into_iter().flatten();
    let denials = denials.filter_map(Value::as_object);
    events.extend(denials.filter_map(|denied| denial(text(denied, "tool_name"), denied.get("tool_input"))));
    events.extend(ended(message).map(AgentEvent::Final));
    events
}

/// How a `result` says that it ended. Nothing for a failed request that only the message before it tells apart.
fn ended(message: &Map<String, Value>) -> Option<Exit> {
    let errors = message.get("errors").and_then(Value::as_array).into_iter().flatten();
    let errors: Vec<&str> = errors.filter_map(Value::as_str).collect();
    let said = Some(text(message, "result")).filter(|said| !said.trim().is_empty());
    let (subtype, reason) = (text(message, "subtype"), text(message, "terminal_reason"));
    let why = said.map_or_else(|| errors.join("; "), str::to_owned);
    let why = bounded::one_line(if why.is_empty() { subtype } else { &why }, bounded::WHY_BYTES);
    if text(message, "stop_reason") == "refusal" {
        return Some(Exit::Refused(why));
    }
    let failed = message.get("is_error").map_or(subtype != "success", |flag| flag != &Value::Bool(false));
    if !failed {
        return Some(Exit::Done);
    }
    Some(match (reason, subtype) {
        ("prompt_too_long", _) => Exit::ContextFull(why),
        ("max_turns" | "budget_exhausted", _) | (_, "error_max_turns" | "error_max_budget_usd") => {
            Exit::OverBudget(why)
        }
        ("aborted_tools" | "aborted_streaming", _) => Exit::Failed("it was interrupted".to_owned()),
        ("api_error", _) => match status(message) {
            Some(400) | None => return None,
            Some(status) => end::by_status(Some(status), &why),
        },
        _ if errors.iter().any(|error| error.starts_with("No conversation found")) => Exit::SessionLost(why),
        _ => Exit::Failed(why),
    })
}

/// Tokens and money of all models together.
fn of_models(models: &Value) -> Usage {
    let mut sum = Usage::default();
    let (mut dollars, mut priced) = (0.0, false);
    for model in models.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_object) {
        sum += Usage {
            input: count(model, "inputTokens"),
            cache_read: count(model, "cacheReadInputTokens"),
            cache_write: count(model, "cacheCreationInputTokens"),
            output: count(model, "outputTokens"),
            cost_micro_usd: None,
        };
        if let Some(cost) = model.get("costUSD").and_then(Value::as_f64) {
            (dollars, priced) = (dollars + cost, true);
        }
    }
    Usage { cost_micro_usd: priced.then(|| micro_usd(dollars)).flatten(), ..sum }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PLACES, job};
    use super::*;
    use std::path::Path;

    fn driver(settings: NativeSettings) -> ClaudeDriver {
        let settings = NativeSettings { program: "claude".to_owned(), ..settings };
        ClaudeDriver { settings, search_path: "/usr/bin".to_owned() }
    }

    #[test]
    fn a_new_session_has_an_id_that_is_known_before_it_begins() {
        let job = AgentJob { session: None, ..job() };
        let launch = driver(NativeSettings::default()).launch(&job, &PLACES());
        let id = &launch.argv[6];
        let wanted = [
            "claude",
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--session-id",
            id.as_str(),
            "--name",
            "Execute T-001",
            "--permission-mode",
            "acceptEdits",
            "--allowedTools",
            "Bash(git:*)",
            "Bash(ppe report:*)",
        ];
        assert_eq!(launch.argv, wanted);
        assert_eq!(launch.stdin.as_deref(), Some(Path::new("/state/job/prompt")));
        let shape: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!((shape, &id[14..15]), (vec![8, 4, 4, 4, 12], "4"), "{id}");
        assert!(
            "89ab".contains(&id[19..20]) && id.chars().all(|c| c == '-' || c.is_ascii_hexdigit()),
            "{id}"
        );
        assert_eq!(driver(NativeSettings::default()).launch(&job, &PLACES()), launch);
        let other = Places { job_dir: Path::new("/state/other"), ..PLACES() };
        assert_ne!(&driver(NativeSettings::default()).launch(&job, &other).argv[6], id);
    }

    #[test]
    fn what_was_chosen_is_passed_on_in_order() {
        let settings = NativeSettings {
            agent: Some("plan-executor".to_owned()),
            allow: vec![
                "Bash(npm test:*)".to_owned(),
                "--dangerously-skip-permissions".to_owned(),
                " ".to_owned(),
            ],
            args: vec!["--max-budget-usd".to_owned(), "5".to_owned()],
            ..NativeSettings::default()
        };
        let allow = ["Bash(make all && ./run.sh)", "Bash(make:*)", "-p"].map(str::to_owned).to_vec();
        let budget_micro_usd = Some(1_250_000);
        let job = AgentJob { model: Some("sonnet".to_owned()), allow, budget_micro_usd, ..job() };
        let argv = driver(settings.clone()).launch(&job, &PLACES()).argv;
        let wanted = [
            "--resume",
            "s-1",
            "--name",
            "Execute T-001",
            "--model",
            "sonnet",
            "--agent",
            "plan-executor",
            "--max-budget-usd",
            "1.250000",
            "--permission-mode",
            "acceptEdits",
            "--allowedTools",
            "Bash(git:*)",
            "Bash(ppe report:*)",
            "Bash(npm test:*)",
            "Bash(make all)",
            "Bash(./run.sh)",
            "--max-budget-usd",
            "5",
        ];
        assert_eq!(argv[5..], wanted);
        let all = NativeSettings { permissions: Permissions::All, ..settings };
        let wanted = ["1.250000", "--dangerously-skip-permissions", "--max-budget-usd", "5"];
        assert_eq!(driver(all).launch(&job, &PLACES()).argv[14..], wanted);
    }

    #[test]
    fn a_session_that_looks_like_an_option_is_not_gone_on_with() {
        let longest = "x".repeat(1_000);
        for session in ["--dangerously-skip-permissions", "-c", "", "a b", "a\0b", &longest] {
            let job = AgentJob { session: Some(session.to_owned()), ..job() };
            let argv = driver(NativeSettings::default()).launch(&job, &PLACES()).argv;
            assert_eq!(argv[5], "--session-id", "{session}");
        }
    }

    #[test]
    fn its_surroundings_are_the_tasks() {
        let ours = |env: &std::collections::BTreeMap<String, String>| {
            let mut ours: Vec<String> = env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            ours.retain(|line| !line.starts_with("PPE_"));
            ours
        };
        let env = driver(NativeSettings::default()).launch(&job(), &PLACES()).env;
        let wanted = [
            "API_TIMEOUT_MS=300000",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
            "CLAUDE_CODE_MAX_RETRIES=3",
            "DISABLE_AUTOUPDATER=1",
            "DISABLE_ERROR_REPORTING=1",
            "DISABLE_TELEMETRY=1",
            "PATH=/usr/bin:/opt/ppe/bin",
            "TMPDIR=/tmp/ppe/T-001",
        ];
        assert_eq!(ours(&env), wanted);
        let settings = NativeSettings { home: native::Home::Private, ..NativeSettings::default() };
        let mut with_home = wanted.map(str::to_owned).to_vec();
        with_home.insert(3, "CLAUDE_CONFIG_DIR=/state/home/.claude".to_owned());
        with_home.insert(7, "HOME=/state/home".to_owned());
        assert_eq!(ours(&driver(settings).launch(&job(), &PLACES()).env), with_home);
    }

    #[test]
    fn a_reset_is_told_in_seconds_or_milliseconds() {
        let line = |info: &str| {
            ClaudeDriver::line(&format!(r#"{{"type":"rate_limit_event","rate_limit_info":{info}}}"#))
        };
        for (info, wanted) in [
            (r#"{"status":"rejected","resetsAt":1795600000}"#, vec![Some(Millis(1_795_600_000_000))]),
            (r#"{"status":"rejected","resetsAt":1795600000123}"#, vec![Some(Millis(1_795_600_000_123))]),
            (r#"{"status":"rejected"}"#, vec![None]),
            (r#"{"status":"rejected","resetsAt":"soon"}"#, vec![None]),
            (r#"{"status":"allowed_warning","resetsAt":1795600000}"#, vec![]),
        ] {
            let wanted: Vec<_> = wanted.into_iter().map(AgentEvent::Exhausted).collect();
            assert_eq!(line(info), wanted, "{info}");
        }
    }

    #[test]
    fn ends_that_only_standard_error_tells() {
        let table = [
            (
                "Error: Session ID 1 is already in use.",
                Exit::SessionLost("Error: Session ID 1 is already in use.".into()),
            ),
            (
                "error: unknown option '--x'\n(Did you mean --y?)",
                Exit::CannotStart("error: unknown option '--x'".into()),
            ),
            ("", Exit::CannotStart("it ended at once with exit code 1".into())),
        ];
        for (stderr, wanted) in table {
            let seen = Seen { stderr: stderr.to_owned(), ..Seen::default() };
            assert_eq!(silent(1, &seen), wanted, "{stderr}");
        }
        let stderr =
            "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons";
        let seen = Seen { stderr: stderr.to_owned(), ..Seen::default() };
        let Exit::CannotStart(why) = silent(1, &seen) else { panic!("it started") };
        assert!(why.contains("IS_SANDBOX=1"), "{why}");
        let came_up = Seen { session: Some("s".to_owned()), ..Seen::default() };
        assert_eq!(silent(1, &came_up), Exit::Failed("the agent ended with exit code 1".into()));
        assert!(matches!(silent(127, &came_up), Exit::CannotStart(_)));
    }
}
