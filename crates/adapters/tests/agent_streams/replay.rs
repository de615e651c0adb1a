//! Loads recordings and plays them to a driver, line by line, as the executor would.

use ppe_adapters::executor::drivers::{AcpSettings, AgentSettings, Driver, ProcessEnd, Seen};
use ppe_core::outcome::{AgentEnd, Exit, Shortage};
use ppe_core::usage::Usage;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// What one run of a program printed, and how it ended.
pub(crate) struct Recording {
    /// The file's name without its ending.
    pub(crate) name: String,
    /// The whole file.
    pub(crate) text: String,
    /// How the process ended.
    pub(crate) exit: ProcessEnd,
    /// What it printed to its standard error.
    pub(crate) stderr: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/agent_streams/recordings")
}

/// All recordings of an agent, by the beginning of their names.
pub(crate) fn recordings_of(agent: &str) -> Vec<Recording> {
    let index = fs::read_to_string(folder().join("index.json")).unwrap();
    let index: Vec<Value> = serde_json::from_str(&index).unwrap();
    let begins = |entry: &&Value| entry["file"].as_str().unwrap().starts_with(&format!("{agent}-"));
    index.iter().filter(begins).map(recording).collect()
}

fn recording(entry: &Value) -> Recording {
    let file = entry["file"].as_str().unwrap();
    let exit = match &entry["exit"] {
        Value::Number(code) => i32::try_from(code.as_i64().unwrap()).unwrap(),
        // It was killed by whoever recorded it, for taking too long.
        Value::String(_) => -9,
        // Not recorded.
        _ => 0,
    };
    let stderr = entry["stderr"].as_array().into_iter().flatten().map(|line| line.as_str().unwrap());
    Recording {
        name: file.trim_end_matches(".jsonl").to_owned(),
        text: fs::read_to_string(folder().join(file)).unwrap(),
        exit: if exit < 0 { ProcessEnd::Signal(-exit) } else { ProcessEnd::Code(exit) },
        stderr: stderr.collect::<Vec<_>>().join("\n"),
    }
}

impl Recording {
    /// The lines that the program printed. Where both directions are recorded, what it was told is left out.
    pub(crate) fn lines(&self) -> Vec<String> {
        let printed = |line: &str| {
            let entry: Value = serde_json::from_str(line).unwrap();
            match entry["dir"].as_str() {
                None => Some(line.to_owned()),
                Some("<-") => Some(entry["msg"].to_string()),
                Some(_) => None,
            }
        };
        self.text.lines().filter_map(printed).collect()
    }
}

/// The driver of an agent.
pub(crate) fn driver(agent: &str) -> Driver {
    let program = vec!["agent".to_owned()];
    let acp = AcpSettings { argv: program.clone(), ..AcpSettings::default() };
    let settings = AgentSettings { acp, command: program, ..AgentSettings::default() };
    Driver::by_name(agent, &settings).unwrap()
}

/// What is seen of a recorded run.
pub(crate) fn seen(driver: &Driver, recording: &Recording) -> Seen {
    let mut seen = Seen { stderr: recording.stderr.clone(), ..Seen::default() };
    recording.lines().iter().flat_map(|line| driver.line(line)).for_each(|event| seen.add(event));
    seen
}

/// The end of a recorded run. `before` is what its session had used before.
pub(crate) fn replay(driver: &Driver, recording: &Recording, before: &Usage) -> AgentEnd {
    driver.finish(&recording.exit, &seen(driver, recording), before)
}

/// What is wanted of one recording.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    name: &'static str,
    class: &'static str,
    why: &'static str,
    session: Option<&'static str>,
    /// Input, read from a cache, written to a cache, output; of this run alone.
    tokens: [u64; 4],
    micro_usd: Option<u64>,
    denied: &'static [&'static str],
    after: Option<&'static str>,
}

/// A row: the recording's name, the class of its end, and a part of the reason.
pub(crate) const fn row(name: &'static str, class: &'static str, why: &'static str) -> Row {
    Row { name, class, why, session: None, tokens: [0; 4], micro_usd: None, denied: &[], after: None }
}

impl Row {
    /// The session that it is of.
    pub(crate) const fn session(self, id: &'static str) -> Self {
        Self { session: Some(id), ..self }
    }

    /// What it used.
    pub(crate) const fn used(self, tokens: [u64; 4], micro_usd: Option<u64>) -> Self {
        Self { tokens, micro_usd, ..self }
    }

    /// What it was not permitted.
    pub(crate) const fn denied(self, denied: &'static [&'static str]) -> Self {
        Self { denied, ..self }
    }

    /// It went on with the session of that recording.
    pub(crate) const fn after(self, earlier: &'static str) -> Self {
        Self { after: Some(earlier), ..self }
    }
}

fn class(exit: &Exit) -> (&'static str, &str) {
    match exit {
        Exit::Done => ("done", ""),
        Exit::Failed(why) => ("failed", why),
        Exit::TryLater { why, shortage: Shortage::Servers, .. } => ("later: servers", why),
        Exit::TryLater { why, shortage: Shortage::Rate, .. } => ("later: rate", why),
        Exit::TryLater { why, shortage: Shortage::Allowance, .. } => ("later: allowance", why),
        Exit::CannotStart(why) => ("cannot start", why),
        Exit::SessionLost(why) => ("session lost", why),
        Exit::ContextFull(why) => ("context full", why),
        Exit::Refused(why) => ("refused", why),
        Exit::OverBudget(why) => ("over budget", why),
        Exit::Stopped => ("stopped", ""),
        Exit::Lost(why) => ("lost", why),
    }
}

/// Replays every recording of an agent and compares it with its row. There is a row for each, and none besides.
pub(crate) fn check(agent: &str, rows: &[Row]) {
    let (driver, recordings) = (driver(agent), recordings_of(agent));
    let found: BTreeSet<&str> = recordings.iter().map(|r| &*r.name).collect();
    assert_eq!(found, rows.iter().map(|r| r.name).collect(), "recordings and rows");
    assert_eq!(found.len(), rows.len(), "a recording has two rows");
    let named = |name: &str| recordings.iter().find(|r| r.name == name).unwrap();
    let mut wrong = Vec::new();
    for row in rows {
        let earlier = row.after.map(|name| replay(&driver, named(name), &Usage::default()));
        let before = earlier.and_then(|end| end.session_usage).unwrap_or_default();
        let end = replay(&driver, named(row.name), &before);
        let (class, why) = class(&end.exit);
        let usage = end.usage;
        let tokens = [usage.input, usage.cache_read, usage.cache_write, usage.output];
        let told = (class, end.session.as_deref(), tokens, usage.cost_micro_usd);
        let wanted = (row.class, row.session, row.tokens, row.micro_usd);
        if told != wanted || end.denied != row.denied || !why.contains(row.why) {
            wrong.push(format!(
                "{}:\n  told   {told:?} {why:?} {:?}\n  wanted {wanted:?} {:?} {:?}",
                row.name, end.denied, row.why, row.denied
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Replays runs of one session, each measured from the total of the one before; gives what they used together, and the
/// last total.
pub(crate) fn together(agent: &str, names: &[&str]) -> (Usage, Usage) {
    let (driver, recordings) = (driver(agent), recordings_of(agent));
    let (mut sum, mut total) = (Usage::default(), Usage::default());
    for name in names {
        let end = replay(&driver, recordings.iter().find(|r| r.name == *name).unwrap(), &total);
        sum += end.usage;
        total = end.session_usage.unwrap_or(total);
    }
    (sum, total)
}
