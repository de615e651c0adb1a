//! Reports: what an agent tells of its work, as one line of JSON, printed or appended to its report file.
//!
//! `ppe report …` writes them; drivers read them. Knows neither who reads nor what follows.

use super::bounded::{WHY_BYTES, WORDS_BYTES, one_line};
use ppe_core::outcome::{Inquiry, Shortage};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder in a job's folder that holds nothing but reports: sandboxed agents may write in it.
pub const DIR: &str = "reports";
/// The file in a job's folder that reports are appended to.
pub const FILE: &str = "reports/report";
/// A longer line is no report.
const LONGEST_LINE: usize = 64 * 1024;

/// One thing that an agent tells. Its form in JSON is `{"report": "commit", "n": 3}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// A phase of the task begins.
    Phase {
        /// Its name.
        name: String,
    },
    /// So many of the planned commits are made.
    Commit {
        /// How many.
        n: u32,
    },
    /// Nothing needs to change.
    NoChange {
        /// The reason.
        #[serde(default)]
        why: String,
    },
    /// It cannot go on without a person.
    Blocked {
        /// The reason.
        #[serde(default)]
        why: String,
    },
    /// The failure that it was to repair is not the work's fault.
    Flaky {
        /// The reason.
        #[serde(default)]
        why: String,
    },
    /// Its provider has no capacity.
    Later {
        /// When it has again, ms since the Unix epoch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<u64>,
        /// In how many seconds it has again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
    /// With this the agent can be resumed.
    Session {
        /// The agent's own id of its session.
        id: String,
    },
    /// It needs a decision.
    Question {
        /// What it asks.
        text: String,
        /// What may be answered; without any it is a yes or no.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        options: Vec<String>,
        /// Which of them applies when nobody answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    },
    /// Something is wrong in the work that it looks at.
    Finding {
        /// Where, what, and when it shows.
        text: String,
    },
    /// Something for people.
    Note {
        /// The text.
        text: String,
    },
    /// It is up.
    Started {
        /// The model that answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// The program's version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// Words of its model.
    Text {
        /// The words.
        text: String,
    },
    /// A tool began to work.
    Tool {
        /// Its name.
        name: String,
        /// What it is to do.
        #[serde(default)]
        about: String,
    },
    /// A tool has ended.
    ToolEnd {
        /// How.
        #[serde(default)]
        went: Went,
    },
    /// It was not permitted something.
    Denied {
        /// The tool, with what it was to do in brackets.
        what: String,
    },
    /// Tokens and money.
    Usage(Told),
    /// It says how it ended. The last one counts, and goes before its exit code.
    End {
        /// How.
        how: Ending,
        /// In words.
        #[serde(default)]
        why: String,
        /// What there is too little of, if it is to be tried later.
        #[serde(default)]
        shortage: Shortage,
    },
}

/// How a tool ended, as it is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Went {
    /// As it should.
    #[default]
    Well,
    /// With an error.
    Badly,
}

/// Tokens and money, as they are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Tokens read, those from a cache not among them.
    pub input: u64,
    /// Tokens read from a cache.
    pub cache_read: u64,
    /// Tokens written to a cache.
    pub cache_write: u64,
    /// Tokens written.
    pub output: u64,
    /// Money, in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// What these are counts of.
    pub of: CountOf,
}

/// What a count is a count of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountOf {
    /// What came on top of what was told before.
    #[default]
    More,
    /// The whole session, earlier jobs of it included.
    Session,
}

/// How an agent ended, as it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With success.
    Done,
    /// With an error.
    Failed,
    /// Its provider has no capacity.
    Later,
    /// Its program or its access is not in order.
    CannotStart,
    /// The session that it was to go on with is not known any more.
    SessionLost,
    /// Its session holds as much as its model can read.
    ContextFull,
    /// Its model declines the task.
    Refused,
    /// It reached its own limit on money or turns.
    OverBudget,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot append to the report file {}: {source}", path.display())]
pub struct ReportError {
    /// The report file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Report {
    /// The report in a line of output; none if it is not one.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let may_be = line.starts_with('{') && line.len() <= LONGEST_LINE && line.contains("\"report\"");
        may_be.then(|| serde_json::from_str(line).ok()).flatten()
    }

    /// The line of JSON that says it, without its end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The same with bounded texts and, where it says "in so many seconds", the moment itself.
    pub(crate) fn settled(&self, now_ms: u64) -> Self {
        let cut = |text: &String| one_line(text, WHY_BYTES);
        match self {
            Self::Phase { name } => Self::Phase { name: cut(name) },
            Self::NoChange { why } => Self::NoChange { why: cut(why) },
            Self::Blocked { why } => Self::Blocked { why: cut(why) },
            Self::Flaky { why } => Self::Flaky { why: cut(why) },
            Self::Session { id } => Self::Session { id: cut(id) },
            Self::Question { text, options, default } => Self::Question {
                text: cut(text),
                options: options.iter().map(cut).take(Inquiry::MOST_OPTIONS).collect(),
                default: default.as_ref().map(cut),
            },
            Self::Finding { text } => Self::Finding { text: one_line(text, WORDS_BYTES) },
            Self::Note { text } => Self::Note { text: cut(text) },
            Self::Later { until_ms: None, seconds: Some(seconds) } => {
                let until = now_ms.saturating_add(seconds.saturating_mul(1_000));
                Self::Later { until_ms: Some(until), seconds: None }
            }
            Self::Text { text } => Self::Text { text: one_line(text, WORDS_BYTES) },
            Self::Tool { name, about } => Self::Tool { name: cut(name), about: cut(about) },
            Self::Denied { what } => Self::Denied { what: cut(what) },
            Self::Started { model, version } => {
                Self::Started { model: model.as_ref().map(cut), version: version.as_ref().map(cut) }
            }
            Self::End { how, why, shortage } => Self::End { how: *how, why: cut(why), shortage: *shortage },
            Self::Commit { .. } | Self::Later { .. } | Self::ToolEnd { .. } | Self::Usage(_) => self.clone(),
        }
    }
}

/// Appends a report to the report file, which is made if need be: in one write, so that reports of several processes
/// do not mix.
///
/// Errors: the file cannot be opened or written.
pub fn write(report_file: &Path, report: &Report) -> Result<(), ReportError> {
    let failed = |source| ReportError { path: report_file.to_owned(), source };
    let line = format!("{}\n", report.settled(now_ms()).line());
    let mut file = OpenOptions::new().create(true).append(true).open(report_file).map_err(failed)?;
    file.write_all(line.as_bytes()).map_err(failed)
}

/// Wall time, ms since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_many_writers_stay_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..50 {
                        let text = format!("{writer}/{n} {}", "x".repeat(writer * 50));
                        write(path, &Report::Note { text }).unwrap();
                    }
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter_map(Report::parse).count(), 400);
    }

    #[test]
    fn a_span_becomes_a_moment_when_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let before = now_ms();
        write(&path, &Report::Later { until_ms: None, seconds: Some(60) }).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let Some(Report::Later { until_ms: Some(until), seconds: None }) = Report::parse(&text) else {
            panic!("{text}")
        };
        assert!((before + 60_000..=now_ms() + 60_000).contains(&until), "{before} {until}");
    }

    #[test]
    fn a_report_is_one_line_whatever_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        write(&path, &Report::Blocked { why: "line\nline\0 ".repeat(1_000_000) }).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() == 1 && text.len() < 1_000, "{} bytes", text.len());
        let Some(Report::Blocked { why }) = Report::parse(&text) else { panic!("{text}") };
        assert!(why.starts_with("line line line"), "{why}");
    }

    #[test]
    fn every_line_that_the_page_shows_is_understood() {
        let page = include_str!("../../../../../docs/reference/agents.md");
        let lines: Vec<&str> =
            page.split('`').filter(|text| text.starts_with("{\"report\":") && !text.contains('\n')).collect();
        assert!(lines.len() > 12, "{lines:?}");
        for line in lines {
            assert!(Report::parse(line).is_some(), "{line}");
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let error = write(Path::new("/nowhere/report"), &Report::Commit { n: 1 }).unwrap_err().to_string();
        assert!(error.starts_with("cannot append to the report file /nowhere/report: "), "{error}");
    }
}
