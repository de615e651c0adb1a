//! A plan as a source wrote it down, before anything was checked.
//!
//! Every field that a finding may point at carries its place. Knows nothing of validity.

use crate::ids::TaskId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A place in a source: the file as shown to people (relative to the plan) and the line, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// The file, relative to the plan's folder.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A value together with the place it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub spot: Spot,
}

/// How urgent the plan calls a task. Greater is more urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// `low`, `baja`.
    Low,
    /// `medium`, `media`, or nothing said.
    #[default]
    Medium,
    /// `high`, `alta`.
    High,
    /// `critical`, `crítica`, `urgent`.
    Critical,
}

impl Priority {
    /// The word for it, as the plan's files and our documents write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Estimated work in seconds of working time: an hour is an hour, a day eight hours, a week five days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(pub u64);

impl Duration {
    /// One working hour.
    pub const HOUR: u64 = 3_600;
    /// One working day of eight hours.
    pub const DAY: u64 = 8 * Self::HOUR;
    /// One working week of five days.
    pub const WEEK: u64 = 5 * Self::DAY;
}

/// In the greatest unit that fits, with one decimal where it is needed: `120 weeks`, `2.5 weeks`, `1 day`, `6 hours`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit_s, unit) = match self.0 {
            Self::WEEK.. => (Self::WEEK, "week"),
            Self::DAY.. => (Self::DAY, "day"),
            Self::HOUR.. => (Self::HOUR, "hour"),
            _ => (60, "minute"),
        };
        let tenths = (u128::from(self.0) * 10 + u128::from(unit_s) / 2) / u128::from(unit_s);
        let plural = if tenths == 10 { "" } else { "s" };
        match tenths % 10 {
            0 => write!(f, "{} {unit}{plural}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {unit}{plural}", tenths / 10),
        }
    }
}

/// One commit that the plan asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCommit {
    /// The subject line, as written.
    pub subject: Arc<str>,
    /// The phase it belongs to: an index into [`TaskSpec::phases`]; absent when the plan has no phases.
    pub phase: Option<u32>,
    /// Files it names.
    pub files: Vec<Arc<str>>,
    /// Where it stands, when the source has lines.
    #[serde(default)]
    pub spot: Option<Spot>,
}

/// One task as its source wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// The id, with the place of its heading.
    pub id: At<TaskId>,
    /// The title without the id.
    pub title: Arc<str>,
    /// The task's whole text; travels into the agent's prompt.
    pub body: Arc<str>,
    /// What the source calls the file's own name without folder and ending, when it has one: the branch's slug comes from it.
    pub file_stem: Option<Arc<str>>,
    /// Tasks that must have landed before.
    pub depends_on: Vec<At<TaskId>>,
    /// Tasks that wait for this one.
    pub blocks: Vec<At<TaskId>>,
    /// Whether the source has a place for blocked tasks, be it empty. Where no task has one, its absence is a habit
    /// of the plan and worth no warning.
    #[serde(default)]
    pub says_blocks: bool,
    /// Urgency.
    pub priority: Priority,
    /// The module it belongs to.
    pub module: Option<Arc<str>>,
    /// The group it is listed under, such as `Q1-2026`.
    pub quarter: Option<Arc<str>>,
    /// The wave the source claims; only ever compared with the computed one.
    pub declared_wave: Option<At<u32>>,
    /// The estimated work (a range is its middle).
    pub estimate: Option<Duration>,
    /// How many commits the plan expects, when it gives a number.
    pub declared_commits: Option<At<u32>>,
    /// The coverage target in per cent.
    pub coverage_target: Option<u32>,
    /// The names of the phases, in order.
    pub phases: Vec<Arc<str>>,
    /// The commit plan, in order.
    pub commits: Vec<PlannedCommit>,
    /// Files the task names outside its commit plan, with their places.
    pub files: Vec<At<Arc<str>>>,
    /// Whether the source says that it was done before the run (front matter `status: done`, a ticked box).
    pub done: Option<Spot>,
    /// Agent wanted for this task.
    pub agent: Option<Arc<str>>,
    /// Model wanted for this task.
    pub model: Option<Arc<str>>,
}

impl TaskSpec {
    /// A task with an id and title and nothing else said.
    pub fn bare(id: TaskId, title: impl Into<Arc<str>>, spot: Spot) -> Self {
        Self {
            id: At { value: id, spot },
            title: title.into(),
            body: Arc::from(""),
            file_stem: None,
            depends_on: Vec::new(),
            blocks: Vec::new(),
            says_blocks: false,
            priority: Priority::default(),
            module: None,
            quarter: None,
            declared_wave: None,
            estimate: None,
            declared_commits: None,
            coverage_target: None,
            phases: Vec::new(),
            commits: Vec::new(),
            files: Vec::new(),
            done: None,
            agent: None,
            model: None,
        }
    }

    /// The same without the places: what it says, wherever it stands.
    #[must_use]
    pub fn without_spots(&self) -> Self {
        let nowhere = || Spot { file: Arc::from(""), line: 0 };
        let mut spec = self.clone();
        spec.id.spot = nowhere();
        let ids = spec.depends_on.iter_mut().chain(&mut spec.blocks);
        ids.for_each(|id| id.spot = nowhere());
        spec.files.iter_mut().for_each(|file| file.spot = nowhere());
        spec.commits.iter_mut().for_each(|commit| commit.spot = None);
        let numbers = spec.declared_wave.iter_mut().chain(&mut spec.declared_commits);
        numbers.for_each(|number| number.spot = nowhere());
        spec.done = spec.done.map(|_| nowhere());
        spec
    }

    /// Every file it names, with the place: those listed, then those of its planned commits.
    pub fn named_files(&self) -> impl Iterator<Item = (&str, &Spot)> {
        let listed = self.files.iter().map(|file| (&file.value, &file.spot));
        let planned = self.commits.iter().flat_map(|commit| {
            let spot = commit.spot.as_ref().unwrap_or(&self.id.spot);
            commit.files.iter().map(move |file| (file, spot))
        });
        listed.chain(planned).map(|(file, spot)| (file.trim_start_matches("./"), spot))
    }

    /// Planned commits: as listed, else as declared, else 0.
    pub fn planned_commits(&self) -> u32 {
        match u32::try_from(self.commits.len()) {
            Ok(0) | Err(_) => self.declared_commits.as_ref().map_or(0, |n| n.value),
            Ok(listed) => listed,
        }
    }
}

/// A whole plan as its source wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSpec {
    /// The plan's name, "APiGen 3.0".
    pub name: Arc<str>,
    /// The tasks, in the order of the source.
    pub tasks: Vec<TaskSpec>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_the_greatest_unit() {
        let said = |seconds| Duration(seconds).to_string();
        assert_eq!(said(120 * Duration::WEEK), "120 weeks");
        assert_eq!(said(Duration::WEEK * 5 / 2), "2.5 weeks");
        assert_eq!(said(Duration::DAY), "1 day");
        assert_eq!(said(6 * Duration::HOUR), "6 hours");
        assert_eq!(said(90 * 60), "1.5 hours");
        assert_eq!(said(60), "1 minute");
        assert_eq!(said(0), "0 minutes");
    }
}
