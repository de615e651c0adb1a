//! What a script says: for every task and attempt, how the scripted agent behaves.
//!
//! A script is a TOML file with one table `[defaults]` and any number of `[[task]]`. An entry of a task holds for all
//! its attempts, or for those it names in `attempts`; later entries win over earlier ones, key by key. Knows nothing of
//! how a behaviour is played.

use nix::sys::signal::Signal;
use ppe_core::ids::Attempt;
use ppe_core::text::nearest;
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Declares the keys of a script once: their types, their defaults, and how one entry is laid over another.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// How the agent behaves in one attempt of one task.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Part {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Part {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Part {
            fn lay_over(&mut self, entry: &Entry) {
                $(if let Some(value) = &entry.$name {
                    self.$name = value.clone();
                })*
            }
        }

        /// One table of the file.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            id: Option<String>,
            attempts: Option<Attempts>,
            $($name: Option<$type>,)*
        }

        const NAMES: &[&str] = &["defaults", "task", "id", "attempts", $(stringify!($name),)*];
    };
}

keys! {
    /// Time that one commit takes, ms.
    commit_ms: u64 = 20,
    /// Time before the first commit, ms.
    sleep_ms: u64 = 0,
    /// After how many commits of the attempt it fails, hangs or crashes; at its end if it makes fewer.
    after_commits: u32 = 1,
    /// Attempts that end with code 1.
    fail_attempts: Attempts = Attempts::None,
    /// Attempts that never end by themselves.
    hang_attempts: Attempts = Attempts::None,
    /// Attempts that make nothing and say that all is well.
    no_commit_attempts: Attempts = Attempts::None,
    /// Attempts that find the provider without capacity.
    later_attempts: Attempts = Attempts::None,
    /// How long the provider has none, s; not said if absent.
    later_seconds: Option<u64> = None,
    /// Attempts whose work is broken: a file `ppe-script/<task>.broken` is in it, for checks to find. The next attempt
    /// removes it.
    break_check_attempts: Attempts = Attempts::None,
    /// The work is broken and stays so.
    always_broken: bool = false,
    /// Bytes to print before the work.
    flood: u64 = 0,
    /// A process in a session of its own is left behind, asleep.
    daemonize: bool = false,
    /// The request to stop is ignored.
    ignore_term: bool = false,
    /// The files of the last planned commit are written but not committed, until that is asked for.
    leave_uncommitted: bool = false,
    /// So many of the last planned commits are not made, until they are asked for.
    skip_last_commits: u32 = 0,
    /// What the agent says of its work in place of doing it.
    claim: Option<Claimed> = None,
    /// The reason it gives.
    why: String = "as scripted".to_owned(),
    /// Files whose first line is rewritten with the first planned commit: tasks that touch the same one conflict.
    touch: Vec<String> = Vec::new(),
    /// What it finds when it is to review the task's work.
    findings: Vec<String> = Vec::new(),
    /// The exit code after the work.
    exit: u8 = 0,
    /// A signal that the agent sends itself.
    crash_self: Option<SignalName> = None,
}

/// Some of a task's attempts. Written as `true` or `false` (all, none), as a number (so many from the first on), or as a
/// list of attempts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Attempts {
    /// None of them.
    None,
    /// All.
    All,
    /// So many from the first on.
    First(u32),
    /// These.
    These(Vec<u32>),
}

impl Attempts {
    /// Whether an attempt is one of them.
    pub fn contain(&self, attempt: Attempt) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::First(n) => attempt.0 <= *n,
            Self::These(list) => list.contains(&attempt.0),
        }
    }
}

impl TryFrom<toml::Value> for Attempts {
    type Error = &'static str;

    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        let wrong = "must be true, false, a number of attempts, or a list of attempts";
        match value {
            toml::Value::Boolean(true) => Ok(Self::All),
            toml::Value::Boolean(false) => Ok(Self::None),
            toml::Value::Integer(n) => u32::try_from(n).map(Self::First).map_err(|_| wrong),
            toml::Value::Array(list) => list
                .iter()
                .map(|n| n.as_integer().and_then(|n| u32::try_from(n).ok()).ok_or(wrong))
                .collect::<Result<_, _>>()
                .map(Self::These),
            _ => Err(wrong),
        }
    }
}

/// What the agent says of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claimed {
    /// Nothing needs to change; said in place of the task's own work, not of repairs.
    NoChange,
    /// It cannot go on; said in place of anything.
    Blocked,
    /// The failure is not the work's fault; said in place of repairs.
    Flaky,
}

/// A signal by its name, as in `SIGKILL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SignalName(pub Signal);

impl TryFrom<String> for SignalName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Signal::from_str(&name).map(Self).map_err(|_| format!("{name} is no signal: write SIGKILL, for one"))
    }
}

/// A whole script. The empty one makes every task's planned commits and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    #[serde(default)]
    defaults: Entry,
    #[serde(default, rename = "task")]
    tasks: Vec<Entry>,
}

/// What is wrong with a script.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("cannot read the script {}: {source}", path.display())]
    Unreadable {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key that does not exist.
    #[error("{file}:{line}: unknown key {key}{}", .nearest.map_or(String::new(), |n| format!(": did you mean {n}?")))]
    Unknown {
        /// Its file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
    },
    /// It is not TOML, or a value is not what its key holds.
    #[error("{file}:{line}: {message}")]
    Wrong {
        /// Its file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// An entry without `id`.
    #[error("{file}: [[task]] number {number} has no id")]
    Nameless {
        /// Its file.
        file: String,
        /// Which of them, from 1.
        number: usize,
    },
}

impl Script {
    /// Reads a script.
    ///
    /// Errors: the file cannot be read, is not TOML, or has an unknown key or a wrong value.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScriptError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Understands a script; `file` is what it is called in messages.
    ///
    /// Errors: as with [`Self::load`].
    pub fn parse(text: &str, file: &str) -> Result<Self, ScriptError> {
        let script: Self = toml::from_str(text).map_err(|error| wrong(&error, text, file))?;
        match script.tasks.iter().position(|entry| entry.id.is_none()) {
            Some(at) => Err(ScriptError::Nameless { file: file.to_owned(), number: at + 1 }),
            None => Ok(script),
        }
    }

    /// How the agent behaves in one attempt of a task.
    pub fn part(&self, task: &str, attempt: Attempt) -> Part {
        let mut part = Part::default();
        let mine = self.tasks.iter().filter(|entry| entry.id.as_deref() == Some(task));
        for entry in std::iter::once(&self.defaults).chain(mine) {
            if entry.attempts.as_ref().is_none_or(|attempts| attempts.contain(attempt)) {
                part.lay_over(entry);
            }
        }
        part
    }
}

fn wrong(error: &toml::de::Error, text: &str, file: &str) -> ScriptError {
    let span = error.span().unwrap_or(0..0);
    let line = text.get(..span.start).unwrap_or(text).matches('\n').count() + 1;
    let (file, message) = (file.to_owned(), error.message().lines().next().unwrap_or_default().to_owned());
    if message.starts_with("unknown field") {
        let key = text.get(span).unwrap_or_default().trim_matches(['"', '\'']).to_owned();
        return ScriptError::Unknown { nearest: nearest(&key, NAMES.iter().copied()), file, line, key };
    }
    ScriptError::Wrong { file, line, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_key() {
        let page = include_str!("../../../../../docs/reference/agents.md");
        let missing: Vec<_> = NAMES
            .iter()
            .filter(|name| {
                !page.contains(&format!("`{name}`"))
                    && !page.contains(&format!("{name} ="))
                    && !page.contains(&format!("[{name}]"))
            })
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    fn part(text: &str, task: &str, attempt: u32) -> Part {
        Script::parse(text, "script.toml").unwrap().part(task, Attempt(attempt))
    }

    fn error(text: &str) -> String {
        Script::parse(text, "script.toml").unwrap_err().to_string()
    }

    #[test]
    fn an_empty_script_changes_nothing() {
        assert_eq!(part("", "T-1", 1), Part::default());
    }

    #[test]
    fn entries_lie_over_the_defaults_key_by_key() {
        let text = "
            [defaults]
            commit_ms = 5
            exit = 3
            [[task]]
            id = \"T-1\"
            exit = 4
            [[task]]
            id = \"T-1\"
            attempts = [2]
            crash_self = \"SIGKILL\"
            claim = \"no-change\"
        ";
        let common = Part { commit_ms: 5, exit: 3, ..Part::default() };
        assert_eq!(part(text, "T-2", 1), common);
        assert_eq!(part(text, "T-1", 1), Part { exit: 4, ..common.clone() });
        let second = Part {
            exit: 4,
            crash_self: Some(SignalName(Signal::SIGKILL)),
            claim: Some(Claimed::NoChange),
            ..common
        };
        assert_eq!(part(text, "T-1", 2), second);
    }

    #[test]
    fn attempts_are_written_in_four_ways() {
        for (written, members) in [
            ("true", [true; 3]),
            ("false", [false; 3]),
            ("2", [true, true, false]),
            ("[3]", [false, false, true]),
        ] {
            let text = format!("defaults.fail_attempts = {written}");
            let found = [1, 2, 3].map(|n| part(&text, "T-1", n).fail_attempts.contain(Attempt(n)));
            assert_eq!(found, members, "{written}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, wanted) in [
            ("[defaults]\ncomit_ms = 5", "script.toml:2: unknown key comit_ms: did you mean commit_ms?"),
            (
                "\n[[task]]\nid = \"T-1\"\n\"fail_attemps\" = 1",
                "script.toml:4: unknown key fail_attemps: did you mean fail_attempts?",
            ),
            ("[[tasks]]\nid = \"x\"", "script.toml:1: unknown key tasks: did you mean task?"),
            ("[defaults]\nzebra = 5", "script.toml:2: unknown key zebra"),
            ("[[task]]\nexit = 1", "script.toml: [[task]] number 1 has no id"),
            (
                "[defaults]\nfail_attempts = -1",
                "script.toml:2: must be true, false, a number of attempts, or a list of attempts",
            ),
            (
                "[defaults]\ncrash_self = \"SIGNOPE\"",
                "script.toml:2: SIGNOPE is no signal: write SIGKILL, for one",
            ),
        ] {
            assert_eq!(error(text), wanted);
        }
        assert!(error("[defaults]\nexit = 300").starts_with("script.toml:2: "));
        assert!(error("[defaults\n").starts_with("script.toml:1: "));
        let missing = Script::load(Path::new("/nowhere/s.toml")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read the script /nowhere/s.toml: "), "{missing}");
    }
}
