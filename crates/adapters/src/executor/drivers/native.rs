//! What the native agents have in common: what the user may choose for them, how they are surrounded, how JSON is read.
//!
//! They are programs of their own kind: Claude Code, Codex, opencode, Gemini CLI. Knows none of them by name.

use super::bounded::{self, one_line};
use super::event::Seen;
use super::{Places, environment};
use ppe_core::outcome::Exit;
use ppe_core::state::Round;
use ppe_engine::ports::AgentJob;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The exit code of a shell for a program that is not there.
const NOT_FOUND: i32 = 127;
/// No id of a session is longer.
const LONGEST_ID: usize = 128;

/// How such an agent is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeSettings {
    /// The program, by name or path.
    pub program: String,
    /// The sub-agent or profile that does the work, where the program has such.
    pub agent: Option<String>,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// Further tools that it may use, in the program's own words: `Bash(npm test:*)`.
    pub allow: Vec<String>,
    /// Further arguments, put behind ours.
    pub args: Vec<String>,
    /// Whose login and settings it uses.
    pub home: Home,
}

/// What an agent may do without asking. There is nobody to ask: what is not allowed is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permissions {
    /// Edit files of the workspace, use git, and what `allow` adds.
    #[default]
    Edits,
    /// Everything. The program's own checks and sandbox are off.
    All,
}

/// Whose login and settings an agent uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// The user's.
    #[default]
    User,
    /// A folder of the task alone, empty at first: access comes by variables.
    Private,
}

/// The variables of such an agent: those of every agent, and folders of the task alone.
pub(super) fn surroundings(
    settings: &NativeSettings,
    job: &AgentJob,
    places: &Places<'_>,
    search_path: &str,
) -> BTreeMap<String, String> {
    let mut env = environment(job, places, search_path);
    env.insert("TMPDIR".to_owned(), places.temp.to_string_lossy().into_owned());
    if settings.home == Home::Private {
        env.insert("HOME".to_owned(), places.home.to_string_lossy().into_owned());
    }
    env
}

/// Arguments without what no argument can hold.
pub(super) fn argv<'a>(parts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    parts.into_iter().map(|part| part.replace('\0', " ")).collect()
}

/// What a job is called where its program gives names.
pub(super) fn title(job: &AgentJob) -> String {
    match job.round {
        Round::Main | Round::Leftovers => format!("Execute {}", job.task),
        Round::Review => format!("Review {}", job.task),
    }
}

/// The session to go on with, if it looks like one. Agents name their sessions themselves: a name must not be taken for
/// an option.
pub(super) fn session(job: &AgentJob) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let fits =
        |id: &&str| id.len() <= LONGEST_ID && !id.is_empty() && !id.starts_with('-') && id.chars().all(plain);
    job.session.as_deref().filter(fits)
}

/// The line of a stream as JSON; none if it is not an object.
pub(super) fn object(line: &str) -> Option<Map<String, Value>> {
    let line = line.trim();
    // What is no object is not parsed at all; what is nested too deeply is refused by the parser.
    line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten()
}

/// A text of an object; empty if there is none.
pub(super) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A count in an object; 0 if there is none. Bounded: no agent uses more.
pub(super) fn count(object: &Map<String, Value>, key: &str) -> u64 {
    const MOST: u64 = 1 << 40;
    object.get(key).and_then(Value::as_u64).unwrap_or_default().min(MOST)
}

/// What a tool is to do, from its arguments: the one that says most, as one line.
pub(super) fn about(arguments: Option<&Value>) -> String {
    const TELLING: [&str; 9] =
        ["command", "cmd", "file_path", "path", "pattern", "query", "url", "description", "prompt"];
    let said = match arguments {
        Some(Value::Object(all)) => {
            let telling = TELLING.iter().filter_map(|key| all.get(*key)?.as_str());
            telling.chain(all.values().filter_map(Value::as_str)).find(|said| !said.trim().is_empty())
        }
        Some(Value::String(said)) => Some(said.as_str()),
        _ => None,
    };
    one_line(said.unwrap_or_default(), bounded::ABOUT_BYTES)
}

/// A tool that was not permitted, as it is shown.
pub(super) fn denied(tool: &str, about: &str) -> String {
    let tool = one_line(tool, bounded::NAME_BYTES);
    if about.is_empty() { tool } else { format!("{tool}({about})") }
}

/// What the end of a program means that said nothing of it: one that never came up cannot be started.
pub(super) fn silent(code: i32, seen: &Seen) -> Exit {
    let came_up = seen.session.is_some() || seen.made != ppe_core::outcome::Made::default();
    if code == NOT_FOUND || (code != 0 && !came_up) {
        let why =
            complaint(seen).map_or_else(|| format!("it ended at once with exit code {code}"), str::to_owned);
        return Exit::CannotStart(one_line(&why, bounded::WHY_BYTES));
    }
    super::end::by_code(code, seen)
}

/// The line of standard error that says most: the first that calls itself an error, or the last.
fn complaint(seen: &Seen) -> Option<&str> {
    let calls_itself = |line: &&str| line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("error"));
    seen.stderr.lines().map(str::trim).find(calls_itself).or_else(|| seen.last_error())
}
