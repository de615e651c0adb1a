//! The agent `gemini`: Gemini CLI, run headless.
//!
//! It tells tokens once, at its end, and no money. Its own retries show on its standard error only. Knows nothing of when
//! it is started.

use super::event::{AgentEvent, Reckoning, Seen, Went};
use super::home::preset_session;
use super::native::{self, NativeSettings, Permissions};
use super::rules::{Rule, WORKSPACE_COMMANDS, exactly};
use super::{Launch, Places, ProcessEnd, bounded, end, environment};
use ppe_core::outcome::{AgentEnd, Exit, Made, Shortage};
use ppe_core::usage::Usage;
use ppe_engine::ports::AgentJob;
use serde_json::Value;

/// The tool that runs commands.
const SHELL: &str = "run_shell_command";
/// Signs that end a rule in its list of tools.
const SIGNS: &[char] = &['(', ')', ','];
/// The statuses that an exit code is traced back to: it is the status modulo 256.
const STATUSES: [u16; 12] = [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529];

/// Gemini CLI.
#[derive(Clone, Debug, PartialEq)]
pub struct GeminiDriver {
    pub(super) settings: NativeSettings,
    pub(super) search_path: String,
}

impl GeminiDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let NativeSettings { program, permissions, allow, args, .. } = &self.settings;
        let mut argv: Vec<String> = [program, "-o", "stream-json", "--skip-trust"].map(str::to_owned).into();
        match permissions {
            Permissions::All => argv.push("--yolo".to_owned()),
            Permissions::Edits => {
                argv.extend(["--approval-mode", "auto_edit"].map(str::to_owned));
                let commands = WORKSPACE_COMMANDS.iter().map(|command| Rule::written(SHELL, command));
                let granted = job.allow.iter().flat_map(|text| exactly(text, SHELL, SIGNS));
                let further = allow.iter().cloned().chain(granted);
                argv.extend(commands.chain(further).map(|tool| format!("--allowed-tools={tool}")));
            }
        }
        if let Some(model) = &job.model {
            argv.extend(["--model".to_owned(), model.clone()]);
        }
        argv.extend(match native::session(job) {
            Some(id) => ["--resume".to_owned(), id.to_owned()],
            None => ["--session-id".to_owned(), preset_session(places.job_dir)],
        });
        argv.extend(args.iter().cloned());
        let mut env = environment(job, places, &self.search_path);
        self.settings.put_home(places, &mut env);
        let argv = native::argv(argv.iter().map(String::as_str));
        Launch { argv, env, stdin: Some(places.prompt_file.to_owned()) }
    }

    /// What one line of its standard output says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        match value["type"].as_str() {
            Some("init") => {
                let text = |key: &str| value[key].as_str().map(|t| bounded::one_line(t, bounded::NAME_BYTES));
                let made = AgentEvent::Started(Made { model: text("model"), version: None });
                let session = text("session_id").filter(|id| !id.is_empty()).map(AgentEvent::Session);
                [made].into_iter().chain(session).collect()
            }
            Some("message") if value["role"].as_str() == Some("assistant") => value["content"]
                .as_str()
                .map(|text| AgentEvent::Text(bounded::one_line(text, bounded::WORDS_BYTES)))
                .into_iter()
                .collect(),
            Some("tool_use") => vec![tool(&value)],
            Some("tool_result") => result(&value),
            Some("result") => {
                let used = AgentEvent::Used(Reckoning::More(usage(&value["stats"])));
                [used].into_iter().chain(ended(&value)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What its end means.
    pub fn finish(exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        let mut told = end::judged(exit, seen, before, |code| silent(code, seen));
        if let ProcessEnd::Code(code) = exit
            && *code != 0
            && told.exit == Exit::Done
        {
            told.exit = silent(*code, seen);
        }
        told
    }
}

fn tool(value: &Value) -> AgentEvent {
    let name = value["tool_name"].as_str().unwrap_or("tool");
    let about = native::about(value.get("parameters"));
    AgentEvent::ToolStarted { name: bounded::one_line(name, bounded::NAME_BYTES), about }
}

/// A refusal does not say what was refused: the tool that began last was.
fn result(value: &Value) -> Vec<AgentEvent> {
    let failed = value["status"].as_str() != Some("success");
    let went = if failed { Went::Badly } else { Went::Well };
    if value["error"]["type"].as_str() == Some("policy_violation") {
        let id = value["tool_id"].as_str().unwrap_or_default();
        return vec![AgentEvent::NotPermitted(named(id)), AgentEvent::ToolEnded(went)];
    }
    vec![AgentEvent::ToolEnded(went)]
}

/// A tool's name, from the id of one of its calls: `NAME__NAME_1795569632707_0`.
fn named(id: &str) -> String {
    let name = id.split_once("__").map_or(id, |(name, _)| name);
    bounded::one_line(if name.is_empty() { "tool" } else { name }, bounded::NAME_BYTES)
}

/// Tokens of a whole run. What it thought is in the total only.
fn usage(stats: &Value) -> Usage {
    let count = |key: &str| stats[key].as_u64().unwrap_or(0);
    let (read, cached) = (count("input_tokens"), count("cached"));
    Usage {
        input: stats["input"].as_u64().unwrap_or(read.saturating_sub(cached)),
        cache_read: cached,
        cache_write: 0,
        output: count("output_tokens").max(count("total_tokens").saturating_sub(read)),
        cost_micro_usd: None,
    }
}

/// What its last word says; nothing where only its exit code does.
fn ended(value: &Value) -> Vec<AgentEvent> {
    if value["status"].as_str() == Some("success") {
        return vec![AgentEvent::Final(Exit::Done)];
    }
    let message = value["error"]["message"].as_str().unwrap_or_default();
    let kind = value["error"]["type"].as_str().unwrap_or_default();
    let Some(exit) = failure(kind, message) else { return Vec::new() };
    let wait = message.split_once("\"retryDelay\":").and_then(|(_, rest)| {
        let seconds = rest.trim_start().strip_prefix('"')?.split_once('s')?.0.parse::<f64>().ok()?;
        u64::try_from(std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok()
    });
    end::with_wait(exit, wait)
}

fn failure(kind: &str, message: &str) -> Option<Exit> {
    let why = || bounded::one_line(message, bounded::WHY_BYTES);
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let status = message.split_once("\"code\":").and_then(|(_, rest)| {
        let rest = rest.trim_start();
        rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse::<u16>().ok()
    });
    if kind.contains("TurnLimit") {
        return Some(Exit::OverBudget(why()));
    }
    match status {
        Some(400) if says(&["API_KEY_INVALID", "API key not valid"]) => Some(Exit::CannotStart(why())),
        Some(400) if says(&["maximum number of tokens"]) => Some(Exit::ContextFull(why())),
        Some(429) if says(&["PerDay", "exhausted your"]) => {
            Some(Exit::TryLater { until: None, why: why(), shortage: Shortage::Allowance })
        }
        Some(status) => Some(end::by_status(Some(status), message)),
        None if says(&["fetch failed", "ECONN", "ETIMEDOUT", "ENOTFOUND"]) => {
            Some(end::by_status(None, message))
        }
        None => None,
    }
}

/// What an exit code means of which nothing was said.
fn silent(code: i32, seen: &Seen) -> Exit {
    let error = seen.stderr.lines().map(str::trim).rfind(|line| line.starts_with("Error"));
    let error = error.or(seen.last_error()).map(|line| bounded::one_line(line, bounded::WHY_BYTES));
    let why = || error.clone().unwrap_or_else(|| format!("Gemini CLI ended with exit code {code}"));
    let status = STATUSES.into_iter().find(|status| i32::from(status % 256) == code);
    match code {
        0 => Exit::Failed(end::with_last_line("Gemini CLI ended without a word".to_owned(), seen)),
        // Not logged in, no sandbox, wrong settings, a folder that is not trusted.
        41 | 44 | 52 | 55 => Exit::CannotStart(why()),
        42 if seen.stderr.contains("Error resuming session") => Exit::SessionLost(why()),
        53 => Exit::OverBudget(why()),
        _ => match status {
            Some(status) => end::by_status(Some(status), &why()),
            None => match end::by_code(code, seen) {
                Exit::Failed(_) => Exit::Failed(format!("the agent ended with exit code {code}: {}", why())),
                other => other,
            },
        },
    }
}
