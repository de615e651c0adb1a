//! The conversation with the agent, from the greeting to the answer to its prompt.
//!
//! Every request waits for its answer and meanwhile deals with whatever else comes: news of the work, requests for
//! permission, noise. Knows no agent by name.

use super::CANCEL_LIMIT;
use super::permission::{Granted, Policy, Tool};
use super::told::{self, Broken, Stage};
use super::wire::{Heard, Wire};
use crate::executor::drivers::Permissions;
use crate::executor::drivers::report::{Report, Went};
use ppe_core::outcome::Exit;
use ppe_core::usage::{Usage, micro_usd};
use ppe_engine::ports::AgentJob;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// The version of the protocol that is spoken.
const VERSION: u64 = 1;
/// Modes that edit without asking, best first, and those that ask for nothing at all.
const EDITING: [&str; 8] =
    ["acceptEdits", "accept-edits", "autoEdit", "auto_edit", "workspace-write", "build", "agent", "auto"];
const UNASKING: [&str; 5] = ["bypassPermissions", "agent-full-access", "full-access", "yolo", "build"];
/// Of so many tools something is remembered.
const MOST_TOOLS: usize = 1_000;
/// The error that says: no such method.
const UNKNOWN_METHOD: i64 = -32_601;

/// One conversation.
pub(super) struct Client {
    wire: Wire,
    job: AgentJob,
    workspace: PathBuf,
    policy: Policy,
    next_id: u64,
    stage: Stage,
    session: String,
    /// Whether the prompt is sent: what is told before is a replay.
    prompted: Prompted,
    tools: BTreeMap<String, Tool>,
    words: String,
    /// What the whole session cost so far, as the agent tells.
    cost: Option<u64>,
    /// When it must have answered, once it was told to cancel.
    cancelled: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompted {
    No,
    Yes,
}

impl Client {
    pub(super) fn new(wire: Wire, job: AgentJob, workspace: PathBuf, policy: Policy) -> Self {
        Self {
            wire,
            job,
            workspace,
            policy,
            next_id: 1,
            stage: Stage::Greeting,
            session: String::new(),
            prompted: Prompted::No,
            tools: BTreeMap::new(),
            words: String::new(),
            cost: None,
            cancelled: None,
        }
    }

    /// Has the agent do its job, and says how that ended.
    pub(super) fn work(&mut self, permissions: Permissions, mode: Option<&str>) -> Result<Exit, Broken> {
        let greeting = json!({
            "protocolVersion": VERSION,
            "clientCapabilities": {"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false},
            "clientInfo": {"name": "ppe", "version": env!("CARGO_PKG_VERSION")},
        });
        let hello = self.request("initialize", greeting)?;
        if let Some(other) = hello["protocolVersion"].as_u64().filter(|version| *version != VERSION) {
            let why = format!("the agent speaks version {other} of the protocol, not {VERSION}");
            return Err(Broken::Unfit(Exit::CannotStart(why)));
        }
        let begun = self.begin(&hello["agentCapabilities"])?;
        self.set_mode(&begun, permissions, mode)?;
        let model = self.set_model(&begun)?;
        let info = &hello["agentInfo"];
        let version: Vec<&str> = ["name", "version"].iter().filter_map(|key| info[key].as_str()).collect();
        let version = (!version.is_empty()).then(|| version.join(" "));
        told::report(&Report::Started { model, version });
        let prompt =
            json!({"sessionId": self.session, "prompt": [{"type": "text", "text": self.job.prompt}]});
        self.prompted = Prompted::Yes;
        let answer = self.request("session/prompt", prompt);
        self.speak();
        self.account(answer.as_ref().map(told::turn).unwrap_or_default());
        Ok(match answer?["stopReason"].as_str() {
            _ if self.cancelled.is_some() => Exit::Stopped,
            Some("end_turn") | None => Exit::Done,
            Some("max_turn_requests") => {
                Exit::OverBudget("the agent reached its own limit of requests".to_owned())
            }
            Some("refusal") => Exit::Refused("the agent's model declines the task".to_owned()),
            Some(other) => Exit::Failed(format!("the agent ended its turn early: {other}")),
        })
    }

    /// A new session, or the one to go on with.
    fn begin(&mut self, abilities: &Value) -> Result<Value, Broken> {
        let folder = self.workspace.to_string_lossy().into_owned();
        let Some(id) = self.job.session.clone() else {
            let begun = self.request("session/new", json!({"cwd": folder, "mcpServers": []}))?;
            let id = begun["sessionId"].as_str().ok_or_else(|| {
                Broken::Unfit(Exit::CannotStart("the agent began a session without an id".to_owned()))
            })?;
            self.enter(id.to_owned());
            return Ok(begun);
        };
        let method = if abilities["loadSession"].as_bool() == Some(true) {
            "session/load"
        } else if abilities["sessionCapabilities"]["resume"].is_object() {
            "session/resume"
        } else {
            let why = "the agent cannot go on with an earlier session".to_owned();
            return Err(Broken::Unfit(Exit::SessionLost(why)));
        };
        self.stage = Stage::Loading;
        let begun = self.request(method, json!({"sessionId": id, "cwd": folder, "mcpServers": []}))?;
        self.enter(id);
        Ok(begun)
    }

    fn enter(&mut self, id: String) {
        self.stage = Stage::Working;
        told::report(&Report::Session { id: id.clone() });
        self.session = id;
    }

    /// Never the mode that it begins with: that may ask for everything, or permit nothing.
    fn set_mode(
        &mut self,
        begun: &Value,
        permissions: Permissions,
        wanted: Option<&str>,
    ) -> Result<(), Broken> {
        let modes = texts(&begun["modes"]["availableModes"], "id");
        let option = option(begun, "mode");
        let offered = if modes.is_empty() {
            option.map(|o| texts(&o["options"], "value")).unwrap_or_default()
        } else {
            modes.clone()
        };
        let unasked = match permissions {
            Permissions::All => &UNASKING[..],
            Permissions::Edits => &[],
        };
        let known = unasked.iter().chain(&EDITING).find(|mode| offered.contains(mode)).copied();
        let Some(mode) = wanted.or(known) else {
            if !offered.is_empty() {
                let text = format!(
                    "none of the agent's modes is known, so it keeps its own: {}",
                    offered.join(", ")
                );
                told::report(&Report::Note { text });
            }
            return Ok(());
        };
        let session = &self.session;
        let set = if modes.is_empty() {
            let id = option.map_or("mode", |option| option["id"].as_str().unwrap_or("mode"));
            self.request(
                "session/set_config_option",
                json!({"sessionId": session, "configId": id, "value": mode}),
            )
        } else {
            self.request("session/set_mode", json!({"sessionId": session, "modeId": mode}))
        };
        set.map(drop).map_err(|broken| unfit(broken, &format!("the agent has no mode {mode}")))
    }

    /// Sets the model, if one is wanted, and says which it is.
    fn set_model(&mut self, begun: &Value) -> Result<Option<String>, Broken> {
        let option = option(begun, "model");
        let current = option.map_or(&begun["models"]["currentModelId"], |o| &o["currentValue"]);
        let Some(model) = self.job.model.clone() else { return Ok(current.as_str().map(str::to_owned)) };
        let session = &self.session;
        let set = if let Some(option) = option {
            let id = option["id"].as_str().unwrap_or("model");
            self.request(
                "session/set_config_option",
                json!({"sessionId": session, "configId": id, "value": model}),
            )
        } else if begun["models"].is_object() {
            self.request("session/set_model", json!({"sessionId": session, "modelId": model}))
        } else {
            told::report(&Report::Note { text: "the agent does not let its model be chosen".to_owned() });
            return Ok(None);
        };
        set.map_err(|broken| unfit(broken, &format!("the agent has no model {model}")))?;
        Ok(Some(model))
    }

    /// Sends a request and waits for its answer.
    fn request(&mut self, method: &str, params: Value) -> Result<Value, Broken> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(json!({"id": id, "method": method, "params": params}));
        loop {
            match self.wire.hear(self.cancelled) {
                None => return Err(Broken::Stopped),
                Some(Heard::Closed) if self.cancelled.is_some() => return Err(Broken::Stopped),
                Some(Heard::Closed) => return Err(Broken::Gone(self.stage)),
                Some(Heard::Stop) => self.stop()?,
                Some(Heard::Cut(line)) => told::raw(&line),
                Some(Heard::Line(line)) => {
                    let Ok(mut message) = serde_json::from_str::<Value>(&line) else {
                        told::raw(&line);
                        continue;
                    };
                    let answers = message["method"].is_null() && message["id"].as_u64() == Some(id);
                    match (answers, message["error"].take()) {
                        (true, Value::Null) => return Ok(message["result"].take()),
                        (true, error) if self.stage == Stage::Loading => {
                            return Err(Broken::Unfit(told::failure(&error, Stage::Loading)));
                        }
                        (true, error) => return Err(Broken::Error(error)),
                        (false, _) => self.hear(&message, &line),
                    }
                }
            }
        }
    }

    fn send(&self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        self.wire.send(message.to_string());
    }

    /// We are to stop: the agent is told, and has a while to answer. Before its prompt there is nothing to cancel.
    fn stop(&mut self) -> Result<(), Broken> {
        if self.prompted == Prompted::No {
            return Err(Broken::Stopped);
        }
        if self.cancelled.is_none() {
            self.cancelled = Some(Instant::now() + CANCEL_LIMIT);
            self.send(json!({"method": "session/cancel", "params": {"sessionId": self.session}}));
        }
        Ok(())
    }

    /// What is no answer to us.
    fn hear(&mut self, message: &Value, line: &str) {
        let params = &message["params"];
        match (message["method"].as_str(), &message["id"]) {
            (Some("session/update"), _) if self.prompted == Prompted::Yes => {
                self.update(&params["update"], line);
            }
            // History, replayed.
            (Some("session/update"), _) => {}
            (Some("session/request_permission"), id) => {
                let answer = self.permission(params);
                self.send(json!({"id": id, "result": answer}));
            }
            (Some(_), Value::Null) | (None, _) => told::raw(line),
            (Some(method), id) => {
                told::raw(line);
                let error = json!({"code": UNKNOWN_METHOD, "message": format!("unknown method {method}")});
                self.send(json!({"id": id, "error": error}));
            }
        }
    }

    fn update(&mut self, update: &Value, line: &str) {
        let kind = update["sessionUpdate"].as_str().unwrap_or_default();
        if kind == "agent_message_chunk" {
            self.words.push_str(update["content"]["text"].as_str().unwrap_or_default());
            return;
        }
        self.speak();
        match kind {
            "tool_call" | "tool_call_update" => self.tool(update),
            "usage_update" => {
                let cost = &update["cost"];
                let dollars = cost["amount"].as_f64().filter(|_| cost["currency"].as_str() == Some("USD"));
                self.cost = dollars.and_then(micro_usd).or(self.cost);
            }
            "agent_thought_chunk"
            | "user_message_chunk"
            | "available_commands_update"
            | "config_option_update"
            | "current_mode_update"
            | "session_info_update" => {}
            _ => told::raw(line),
        }
    }

    /// Tells what its model said up to here.
    fn speak(&mut self) {
        let text = std::mem::take(&mut self.words);
        if !text.trim().is_empty() {
            told::report(&Report::Text { text });
        }
    }

    fn tool(&mut self, update: &Value) {
        let id = update["toolCallId"].as_str().unwrap_or_default();
        if self.tools.len() >= MOST_TOOLS && !self.tools.contains_key(id) {
            self.tools.clear();
        }
        let tool = self.tools.entry(id.to_owned()).or_default();
        let before = tool.clone();
        tool.learn(update);
        let status = update["status"].as_str();
        let went = match status {
            Some("completed") => Some(Went::Well),
            Some("failed") => Some(Went::Badly),
            _ => None,
        };
        if went.is_none() && *tool != before {
            told::report(&Report::Tool { name: tool.called().to_owned(), about: tool.about.clone() });
        }
        if refused_itself(update) {
            told::report(&Report::Denied { what: tool.written() });
        }
        if let Some(went) = went {
            told::report(&Report::ToolEnd { went });
        }
    }

    /// The answer to a request for permission.
    fn permission(&mut self, params: &Value) -> Value {
        let asked = &params["toolCall"];
        let id = asked["toolCallId"].as_str().unwrap_or_default();
        let mut tool = self.tools.get(id).cloned().unwrap_or_default();
        tool.learn(asked);
        if self.cancelled.is_some() {
            return json!({"outcome": {"outcome": "cancelled"}});
        }
        let granted = if self.policy.permits(&tool) { Granted::Yes } else { Granted::No };
        if granted == Granted::No {
            told::report(&Report::Denied { what: tool.written() });
        }
        Policy::answer(granted, &params["options"])
    }

    /// Tells the running total of its session: what earlier jobs of it used, and this turn.
    fn account(&self, turn: Usage) {
        let mut total = if self.job.session.is_some() { self.job.session_usage } else { Usage::default() };
        total += turn;
        total.cost_micro_usd = self.cost.or(total.cost_micro_usd);
        if !total.is_zero() {
            told::usage(&total);
        }
    }
}

/// Whether the agent itself did not let a tool work: it says so in no common way.
fn refused_itself(update: &Value) -> bool {
    let failed = update["status"].as_str() == Some("failed");
    let said = update["content"][0]["content"]["text"].as_str().unwrap_or_default();
    failed && said.starts_with("Permission denied:") && update["_meta"]["claudeCode"].is_object()
}

/// A choice that the agent offers for its session, by what it is about.
fn option<'a>(begun: &'a Value, about: &str) -> Option<&'a Value> {
    let options = begun["configOptions"].as_array()?;
    let is = |key: &str| options.iter().find(|option| option[key].as_str() == Some(about));
    is("id").or_else(|| is("category"))
}

/// The texts of one key in a list of objects.
fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry[key].as_str()).collect()
}

/// A choice that the agent does not know is a mistake of the configuration.
fn unfit(broken: Broken, what: &str) -> Broken {
    match broken {
        Broken::Error(error) => {
            let said = error["message"].as_str().unwrap_or("it says no more");
            Broken::Unfit(Exit::CannotStart(format!("{what}: {said}")))
        }
        other => other,
    }
}
