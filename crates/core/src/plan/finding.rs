//! What was found when a plan was read and checked: each with its kind and its place.

use super::spec::Spot;
use crate::text::{natural, shown};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Whether a finding stops the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing may run.
    Error,
    /// Shown, and the plan runs.
    Warning,
}

/// What kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The plan has no tasks.
    Empty,
    /// An id is used twice.
    DuplicateId,
    /// A dependency or a blocked task that does not exist.
    UnknownId,
    /// A task waits for itself.
    SelfDependency,
    /// Tasks wait for each other in a circle.
    Cycle,
    /// `Depends` on one side without `Blocks` on the other, or the reverse.
    OneSidedEdge,
    /// The wave written down differs from the computed one.
    WaveDiffers,
    /// Two tasks that may run together name the same file.
    SharedFile,
    /// An estimate that could not be read.
    BadEstimate,
    /// A sentence that reads like a dependency, in a task that names none.
    UnreadDependency,
    /// The number of commits written down differs from the commits listed.
    CommitCountDiffers,
    /// An id that cannot serve as a branch or folder name.
    BadId,
    /// A value the source could not read.
    BadValue,
    /// A file that could not be read at all.
    Unreadable,
    /// A task that its source has put off or called off, or that waits for one.
    LeftOut,
}

impl Code {
    /// The code as documents and screens write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::DuplicateId => "duplicate-id",
            Self::UnknownId => "unknown-id",
            Self::SelfDependency => "self-dependency",
            Self::Cycle => "cycle",
            Self::OneSidedEdge => "one-sided-edge",
            Self::WaveDiffers => "wave-differs",
            Self::SharedFile => "shared-file",
            Self::BadEstimate => "bad-estimate",
            Self::UnreadDependency => "unread-dependency",
            Self::CommitCountDiffers => "commit-count-differs",
            Self::BadId => "bad-id",
            Self::BadValue => "bad-value",
            Self::Unreadable => "unreadable",
            Self::LeftOut => "left-out",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it stops the plan.
    pub level: Level,
    /// Its kind.
    pub code: Code,
    /// What is wrong, as a lower-case fragment that names the ids.
    pub message: String,
    /// Where; the other places a finding concerns are named in the message.
    pub spot: Option<Spot>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.spot {
            Some(spot) => write!(f, "{}: {}", shown(&spot.to_string()), shown(&self.message)),
            None => f.write_str(&shown(&self.message)),
        }
    }
}

/// Findings as they come up.
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Those of a source.
    pub(super) fn of(found: Vec<Finding>) -> Self {
        Self(found)
    }

    /// Whether one of these kinds is among them.
    pub(super) fn have(&self, codes: &[Code]) -> bool {
        self.0.iter().any(|finding| codes.contains(&finding.code))
    }

    pub(super) fn error(&mut self, code: Code, message: String, spot: Option<&Spot>) {
        self.0.push(Finding { level: Level::Error, code, message, spot: spot.cloned() });
    }

    pub(super) fn warning(&mut self, code: Code, message: String, spot: Option<&Spot>) {
        self.0.push(Finding { level: Level::Warning, code, message, spot: spot.cloned() });
    }

    pub(super) fn stop_the_plan(&self) -> bool {
        self.0.iter().any(|finding| finding.level == Level::Error)
    }

    /// Errors first, then by place, line numbers as numbers.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by(|a, b| {
            let files = |finding: &Finding| {
                finding.spot.as_ref().map_or_else(|| Arc::from(""), |spot| spot.file.clone())
            };
            let line = |finding: &Finding| finding.spot.as_ref().map(|spot| spot.line);
            a.level
                .cmp(&b.level)
                .then_with(|| natural(&files(a), &files(b)))
                .then_with(|| (line(a), a.code, &a.message).cmp(&(line(b), b.code, &b.message)))
        });
        self.0.dedup();
        self.0
    }
}
