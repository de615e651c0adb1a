//! The agent `opencode`: opencode, run headless.
//!
//! It tells tokens and money step by step and has no last word: that it is done shows in the reason of its last step.
//! Its own retries are silent. Knows nothing of when it is started.

use super::event::{AgentEvent, Reckoning, Seen, Went};
use super::native::{self, Home, NativeSettings, Permissions};
use super::rules::{Rule, WORKSPACE_COMMANDS, exactly};
use super::{Launch, Places, ProcessEnd, bounded, end, environment};
use ppe_core::outcome::{AgentEnd, Exit, Made, Shortage};
use ppe_core::state::Round;
use ppe_core::usage::{Usage, micro_usd};
use ppe_engine::ports::AgentJob;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What its end is when its last step was not a last one.
const UNFINISHED: &str = "opencode ended in the middle of its work";
/// Signs that stand for any text in its rules.
const SIGNS: &[char] = &['*', '?'];
/// What a tool says when a rule forbids it, and when nobody is there to be asked.
const DENIALS: [&str; 2] = ["rule which prevents you from using", "rejected permission to use"];

/// opencode.
#[derive(Clone, Debug, PartialEq)]
pub struct OpencodeDriver {
    pub(super) settings: NativeSettings,
    pub(super) search_path: String,
}

/// What has to run alone once, before several of a program may start at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstRun {
    /// The folder of the program's data; need not exist.
    pub folder: PathBuf,
    /// How a file of that folder begins and ends, once it was there.
    pub leaves: (&'static str, &'static str),
    /// What to run.
    pub argv: Vec<String>,
}

impl OpencodeDriver {
    /// How to start it for a job.
    pub fn launch(&self, job: &AgentJob, places: &Places<'_>) -> Launch {
        let NativeSettings { program, agent, permissions, args, .. } = &self.settings;
        let mut argv: Vec<String> = [program, "run", "--format", "json", "--title"].map(str::to_owned).into();
        argv.push(native::title(job));
        // One that is made for tasks is none for reviews.
        let role = agent.as_deref().filter(|_| job.round != Round::Review);
        let (model, agent) = (job.model.as_deref(), role);
        let options =
            [("--session", native::session(job)), ("--model", model), ("--agent", agent)].into_iter();
        for (option, value) in options.filter_map(|(option, value)| Some((option, value?))) {
            argv.extend([option.to_owned(), value.to_owned()]);
        }
        if *permissions == Permissions::All {
            argv.push("--auto".to_owned());
        }
        argv.extend(args.iter().cloned());
        let mut env = environment(job, places, &self.search_path);
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        for switch in ["OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_LSP_DOWNLOAD"] {
            set(switch, "1".to_owned());
        }
        set("OPENCODE_PERMISSION", self.permission(job));
        self.settings.put_home(places, &mut env);
        let argv = native::argv(argv.iter().map(String::as_str));
        Launch { argv, env, stdin: Some(places.prompt_file.to_owned()) }
    }

    /// What it may do, as its configuration says it: the last pattern that fits holds, so their order is part of it. Asking
    /// is of no use.
    fn permission(&self, job: &AgentJob) -> String {
        if self.settings.permissions == Permissions::All {
            return r#"{"*":"allow","question":"deny"}"#.to_owned();
        }
        let mut tools: BTreeMap<String, Vec<(String, &str)>> = BTreeMap::new();
        let whole = |action| vec![("*".to_owned(), action)];
        tools.insert("edit".to_owned(), whole("allow"));
        for tool in ["bash", "webfetch", "websearch", "external_directory", "doom_loop", "question"] {
            tools.insert(tool.to_owned(), whole("deny"));
        }
        let commands = WORKSPACE_COMMANDS.iter().map(|command| (format!("{command} *"), "allow"));
        tools.entry("bash".to_owned()).or_default().extend(commands);
        let granted = job.allow.iter().flat_map(|text| exactly(text, "bash", SIGNS));
        for text in self.settings.allow.iter().cloned().chain(granted) {
            let rule = Rule::read(&text);
            let patterns = tools.entry(rule.tool.to_owned()).or_insert_with(|| whole("deny"));
            patterns.push((rule.what.unwrap_or("*").to_owned(), "allow"));
        }
        let tool = |(tool, patterns): (&String, &Vec<(String, &str)>)| {
            let patterns: Vec<String> =
                latest(patterns).map(|(p, action)| format!("{}:{}", json!(p), json!(action))).collect();
            format!("{}:{{{}}}", json!(tool), patterns.join(","))
        };
        let tools: Vec<String> = tools.iter().map(tool).collect();
        format!("{{{}}}", tools.join(","))
    }

    /// What has to run alone first, with this environment: on a data folder without a database, several that start at
    /// once make the same tables, and some fail.
    pub fn first_run(&self, env: &BTreeMap<String, String>) -> Option<FirstRun> {
        if self.settings.home == Home::Private {
            return None;
        }
        let set = |name: &str| env.get(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
        let argv = [&*self.settings.program, "session", "list", "--format", "json"].map(str::to_owned);
        Some(FirstRun { folder: data.join("opencode"), leaves: ("opencode", ".db"), argv: argv.into() })
    }

    /// What one line of its standard output says.
    pub fn line(line: &str) -> Vec<AgentEvent> {
        let Ok(value) = serde_json::from_str::<Value>(line) else { return Vec::new() };
        let mut events = Vec::new();
        if let Some(id) = value["sessionID"].as_str().filter(|id| !id.is_empty()) {
            events.push(AgentEvent::Session(bounded::one_line(id, bounded::NAME_BYTES)));
        }
        let part = &value["part"];
        match value["type"].as_str() {
            Some("step_start") => events.push(AgentEvent::Started(Made::default())),
            Some("text") => events.extend(
                part["text"].as_str().map(|t| AgentEvent::Text(bounded::one_line(t, bounded::WORDS_BYTES))),
            ),
            Some("tool_use") => events.extend(tool(part)),
            Some("step_finish") => {
                events.push(AgentEvent::Used(Reckoning::More(usage(part))));
                events.push(AgentEvent::Final(reason(part["reason"].as_str().unwrap_or_default())));
            }
            Some("error") => events.extend(failure(&value["error"])),
            _ => {}
        }
        events
    }

    /// What its end means.
    pub fn finish(exit: &ProcessEnd, seen: &Seen, before: &Usage) -> AgentEnd {
        let mut told = end::judged(exit, seen, before, |code| silent(code, seen));
        let ProcessEnd::Code(code) = exit else { return told };
        let unfinished = matches!(&told.exit, Exit::Failed(why) if why == UNFINISHED);
        if *code == 0 && unfinished && !seen.denied.is_empty() {
            // It goes no further once nobody was there to permit it something.
            told.exit = Exit::Done;
        } else if *code != 0 && told.exit == Exit::Done {
            told.exit = silent(*code, seen);
        }
        told
    }
}

/// Each pattern once, where it was last: the place of a repeated key is its first.
fn latest<'a>(patterns: &'a [(String, &'a str)]) -> impl Iterator<Item = &'a (String, &'a str)> {
    let again = |n: usize, pattern: &str| patterns[n + 1..].iter().any(|(later, _)| later == pattern);
    patterns.iter().enumerate().filter(move |(n, (pattern, _))| !again(*n, pattern)).map(|(_, entry)| entry)
}

/// A tool is told once, when it has ended.
fn tool(part: &Value) -> Vec<AgentEvent> {
    let name = part["tool"].as_str().unwrap_or("tool");
    let state = &part["state"];
    let about = native::about(state.get("input").or(state.get("title")));
    let name = bounded::one_line(name, bounded::NAME_BYTES);
    let failed = state["status"].as_str() == Some("error");
    let code = state["metadata"]["exit"].as_i64().unwrap_or(0);
    let went = if failed || code != 0 { Went::Badly } else { Went::Well };
    let said = state["error"].as_str().unwrap_or_default();
    let denied = failed && DENIALS.iter().any(|words| said.contains(words));
    let denial = denied.then(|| AgentEvent::Denied(Rule::written(&name, &about)));
    let mut events = vec![AgentEvent::ToolStarted { name, about }, AgentEvent::ToolEnded(went)];
    events.extend(denial);
    events
}

/// Tokens and money of one step. What it thought is not among what it wrote.
fn usage(part: &Value) -> Usage {
    let tokens = &part["tokens"];
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    Usage {
        input: count(&tokens["input"]),
        cache_read: count(&tokens["cache"]["read"]),
        cache_write: count(&tokens["cache"]["write"]),
        output: count(&tokens["output"]).saturating_add(count(&tokens["reasoning"])),
        cost_micro_usd: part["cost"].as_f64().and_then(micro_usd),
    }
}

/// What the end is if this was the reason of the last step.
fn reason(reason: &str) -> Exit {
    match reason {
        "stop" => Exit::Done,
        "content-filter" => Exit::Refused("the model's reply was withheld by a content filter".to_owned()),
        "length" => Exit::Failed("the model's reply was cut at its greatest length".to_owned()),
        _ => Exit::Failed(UNFINISHED.to_owned()),
    }
}

fn failure(error: &Value) -> Vec<AgentEvent> {
    let data = &error["data"];
    let name = error["name"].as_str().unwrap_or_default();
    let message = data["message"].as_str().unwrap_or(name);
    let why = bounded::one_line(message, bounded::WHY_BYTES);
    let status = data["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    let exit = match name {
        "ProviderAuthError" | "ProviderModelNotFoundError" => Exit::CannotStart(why),
        "ContextOverflowError" => Exit::ContextFull(why),
        "ContentFilterError" => Exit::Refused(why),
        "APIError" => match (status, data["isRetryable"].as_bool()) {
            (None, Some(false)) => Exit::Failed(why),
            (status, retryable) => match (end::by_status(status, &why), retryable) {
                (Exit::Failed(why), Some(true)) => {
                    Exit::TryLater { until: None, why, shortage: Shortage::Servers }
                }
                (exit, _) => exit,
            },
        },
        _ => Exit::Failed(why),
    };
    let headers = &data["responseHeaders"];
    end::with_wait(exit, headers["retry-after"].as_str().and_then(seconds_ms))
}

/// Seconds, as a header says them, in milliseconds. A date says nothing here: there is no clock.
fn seconds_ms(text: &str) -> Option<u64> {
    text.trim().parse::<u64>().ok()?.checked_mul(1_000)
}

/// What an exit code means of which nothing was said.
fn silent(code: i32, seen: &Seen) -> Exit {
    let said = |words: &str| seen.stderr.contains(words);
    if code != 0 && said("Session not found") {
        return Exit::SessionLost("opencode does not know its session any more".to_owned());
    }
    if code != 0 && said("Failed query") && said("CREATE TABLE") {
        let why = "several opencode made their first database at once".to_owned();
        return Exit::TryLater { until: None, why, shortage: Shortage::Servers };
    }
    if code == 0 && seen.later.is_none() {
        let words = if seen.session.is_some() { UNFINISHED } else { "opencode ended without a word" };
        return Exit::Failed(words.to_owned());
    }
    end::by_code(code, seen)
}
