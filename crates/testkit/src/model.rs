//! A model for real agents to work with: a server on loopback whose answers are written beforehand.
//!
//! Starts `model/scripted_model.py`, tells under which addresses its scenarios are found, reads what was asked of it and
//! ends it. Knows the formats of that program and no agent.

use crate::server;
use ppe_core::usage::Usage;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The server. Ended when dropped, and by itself when this process is gone.
pub struct Model {
    child: Child,
    port: u16,
    dir: PathBuf,
}

/// A line of the server's log.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    #[serde(flatten)]
    request: Request,
    /// Only in the line that is written before the answer.
    #[serde(default)]
    asked: Option<bool>,
    /// Input, output, read from a cache, written to one: only in the line that is written after a whole answer.
    #[serde(default)]
    usage: Option<[u64; 4]>,
}

/// A request for an answer of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    /// When it came, in seconds since 1970.
    #[serde(rename = "t")]
    pub at_s: f64,
    /// The scenario.
    #[serde(default)]
    pub scenario: String,
    /// The client, as its address names it.
    #[serde(default)]
    pub client: String,
    /// The task whose workspace the agent is in.
    #[serde(default)]
    pub task: String,
    /// The model that was wanted.
    #[serde(default)]
    pub model: String,
    /// How many answers the conversation held.
    #[serde(default)]
    pub turn: u64,
    /// The fault it fell into.
    #[serde(default)]
    pub fault: Option<Value>,
}

impl Model {
    /// Starts the server with its files in a folder.
    ///
    /// # Panics
    /// When it does not start: it needs `python3`.
    pub fn start(dir: &Path, scenarios: &Value) -> Self {
        fs::create_dir_all(dir).expect("a folder");
        write(dir, scenarios);
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/model/scripted_model.py");
        let mut command = Command::new("python3");
        command.args(["-u", program, "--scripts"]).arg(dir.join(SCENARIOS));
        command.arg("--log").arg(dir.join(LOG));
        let (child, port) = server::start(&mut command);
        Self { child, port, dir: dir.to_owned() }
    }

    /// Has other scenarios from the next request on. Faults that stay as they are go on where they were.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn change(&self, scenarios: &Value) {
        write(&self.dir, scenarios);
    }

    /// The address of a scenario for a client, of which it counts the faults.
    pub fn url(&self, scenario: &str, client: &str) -> String {
        format!("http://127.0.0.1:{}/{scenario}/{client}", self.port)
    }

    /// What was asked so far, the oldest first. Looks at models and counts of tokens are left out.
    pub fn requests(&self) -> Vec<Request> {
        self.rows().into_iter().filter(|row| row.asked.is_some()).map(|row| row.request).collect()
    }

    /// What all whole answers that `wanted` picks came to.
    pub fn used(&self, wanted: impl Fn(&Request) -> bool) -> Usage {
        let mut sum = Usage::default();
        for row in self.rows().into_iter().filter(|row| wanted(&row.request)) {
            if let Some([input, output, cache_read, cache_write]) = row.usage {
                sum += Usage { input, cache_read, cache_write, output, cost_micro_usd: None };
            }
        }
        sum
    }

    fn rows(&self) -> Vec<Row> {
        let text = fs::read_to_string(self.dir.join(LOG)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("a line of its log")).collect()
    }
}

const SCENARIOS: &str = "scenarios.json";
const LOG: &str = "requests.jsonl";

fn write(dir: &Path, scenarios: &Value) {
    let new = dir.join("scenarios.new");
    fs::write(&new, scenarios.to_string()).expect("a file");
    fs::rename(new, dir.join(SCENARIOS)).expect("a file");
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
