//! Plans to simulate that are no plans of tasks: a list of jobs with durations. Knows nothing of how jobs are run.

use crate::ids::TaskId;
use crate::plan::{At, Duration, Plan, PlanSpec, Spot, TaskSpec, check};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One job of a list. Whatever else stands in it is not looked at.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Job {
    /// Its id: any text or whole number, used once.
    pub id: Name,
    /// How long it takes, in seconds; part of a second counts.
    pub duration: f64,
    /// The ids of the jobs that must be over before.
    #[serde(default)]
    pub deps: Vec<Name>,
}

/// A job's id as a list may write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub enum Name {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// Why a list of jobs cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobsError {
    /// There is nothing in it.
    #[error("the list has no jobs")]
    Empty,
    /// An id is used twice.
    #[error("job `{0}` is listed twice")]
    Twice(String),
    /// A duration is negative, not a number, or longer than thirty thousand years.
    #[error("job `{0}` has a duration that is not a time")]
    Duration(String),
    /// A dependency is not in the list.
    #[error("job `{job}` needs `{needs}`, which is not in the list")]
    Unknown {
        /// The job.
        job: String,
        /// What it needs.
        needs: String,
    },
    /// Jobs need each other in a circle.
    #[error("the jobs need each other in a circle: {0}")]
    Circle(String),
}

/// Jobs as a plan: names by position, and durations in milliseconds.
#[derive(Debug)]
pub(super) struct JobPlan {
    pub(super) plan: Plan,
    pub(super) names: Vec<String>,
    pub(super) durations_ms: Vec<u64>,
}

/// Longest duration, s.
const LONGEST_S: f64 = 1e12;

/// The jobs as a plan whose positions are those of the list, so that a list may use any ids.
pub(super) fn plan_of(jobs: &[Job]) -> Result<JobPlan, JobsError> {
    let mut places = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        if places.insert(&job.id, at).is_some() {
            return Err(JobsError::Twice(job.id.to_string()));
        }
    }
    let mut tasks = Vec::with_capacity(jobs.len());
    let mut durations_ms = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        let spot = Spot { file: Arc::from("jobs"), line: u32::try_from(at + 1).unwrap_or(u32::MAX) };
        let mut task = TaskSpec::bare(internal_id(at), job.id.to_string(), spot.clone());
        for needs in &job.deps {
            let Some(place) = places.get(needs) else {
                return Err(JobsError::Unknown { job: job.id.to_string(), needs: needs.to_string() });
            };
            task.depends_on.push(At { value: internal_id(*place), spot: spot.clone() });
        }
        let ms = milliseconds(job)?;
        durations_ms.push(ms);
        // The plan weighs in whole units: milliseconds keep the order of short jobs exact.
        task.estimate = Some(Duration(ms));
        tasks.push(task);
    }
    let checked = check(PlanSpec { name: Arc::from("jobs"), tasks }, Vec::new());
    match checked.plan {
        Some(plan) => {
            let names = jobs.iter().map(|job| job.id.to_string()).collect();
            Ok(JobPlan { plan, names, durations_ms })
        }
        None if jobs.is_empty() => Err(JobsError::Empty),
        None => {
            let first = checked.findings.into_iter().next().map(|f| in_their_words(&f.message, jobs));
            Err(JobsError::Circle(first.unwrap_or_default()))
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn milliseconds(job: &Job) -> Result<u64, JobsError> {
    if (0.0..=LONGEST_S).contains(&job.duration) {
        Ok((job.duration * 1_000.0).round() as u64)
    } else {
        Err(JobsError::Duration(job.id.to_string()))
    }
}

/// Ids of equal length, in the order of the list.
fn internal_id(at: usize) -> TaskId {
    TaskId::new(format!("J-{at:07}"))
}

fn in_their_words(message: &str, jobs: &[Job]) -> String {
    let mut text = message.to_owned();
    while let Some(from) = text.find("J-") {
        let end = from + 9;
        let at = text.get(from + 2..end).and_then(|digits| digits.parse::<usize>().ok());
        let Some(job) = at.and_then(|at| jobs.get(at)) else { break };
        text.replace_range(from..end, &format!("`{}`", job.id));
        if job.id.to_string().contains("J-") {
            break;
        }
    }
    text
}
