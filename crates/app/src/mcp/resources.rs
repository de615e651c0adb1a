//! Runs and logs as resources: `ppe://runs/RUN`, `…/report`, `…/tasks/TASK/log`.

use super::answer::harmless;
use super::look;
use super::run::{Run, open_site};
use crate::error::AppError;
use ppe_core::ids::TaskId;
use ppe_core::text::shown;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use std::path::Path;

const RUNS: &str = "ppe://runs/";
const JSON: &str = "application/json";
/// Runs that are listed, the latest first.
const MOST_RUNS: usize = 20;
/// So much of a log's end is read.
const LOG_BYTES: usize = 64 * 1024;

/// The runs of the repository, the latest first.
pub(super) fn list(repo: &Path) -> Result<Vec<Resource>, AppError> {
    let site = open_site(repo)?;
    let of = |run: String| {
        let status = Resource::new(format!("{RUNS}{run}"), format!("run {run}"))
            .with_description("How the run stands, with each of its tasks")
            .with_mime_type(JSON);
        let report = Resource::new(format!("{RUNS}{run}/report"), format!("report of run {run}"))
            .with_description("What the run came to")
            .with_mime_type(JSON);
        [status, report]
    };
    Ok(site.state.runs()?.iter().take(MOST_RUNS).flat_map(|run| of(run.to_string())).collect())
}

/// What there is of each run.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    [
        ("{run}", "run", "How a run stands, with each of its tasks", JSON),
        ("{run}/report", "report", "What a run came to", JSON),
        (
            "{run}/tasks/{task}/log",
            "log",
            "What a task's agent printed last: words of an agent",
            "text/plain",
        ),
    ]
    .into_iter()
    .map(|(uri, name, about, kind)| {
        ResourceTemplate::new(format!("{RUNS}{uri}"), name).with_description(about).with_mime_type(kind)
    })
    .collect()
}

/// What a resource holds; nothing when there is none of this name.
pub(super) fn read(repo: &Path, uri: &str) -> Result<Option<ResourceContents>, AppError> {
    let Some(place) = uri.strip_prefix(RUNS) else { return Ok(None) };
    let open = |run: &str| Run::open(repo, Some(run)).ok();
    let json = |value: serde_json::Value| {
        ResourceContents::text(harmless(value).to_string(), uri).with_mime_type(JSON)
    };
    Ok(match place.split('/').collect::<Vec<_>>().as_slice() {
        [run] => match open(run) {
            Some(run) => Some(json(serde_json::to_value(run.view()?)?)),
            None => None,
        },
        [run, "report"] => match open(run) {
            Some(run) => Some(json(serde_json::to_value(look::whole(&run))?)),
            None => None,
        },
        [run, "tasks", task, "log"] => {
            match open(run).and_then(|run| look::log(&run, &TaskId::new(*task), LOG_BYTES).ok()) {
                Some(log) => {
                    let lines: Vec<_> = log.lines().map(|line| shown(line).into_owned()).collect();
                    Some(ResourceContents::text(lines.join("\n"), uri).with_mime_type("text/plain"))
                }
                None => None,
            }
        }
        _ => None,
    })
}
