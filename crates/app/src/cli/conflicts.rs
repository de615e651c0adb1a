//! Which branches of a run do not merge with each other or with the target.

use super::args::RunOf;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Looked, Seen, Site, conflicts, latest};
use ppe_core::ids::{Branch, RunId};
use ppe_core::text::shown;
use serde_json::json;

/// Files of a pair that are told in a line.
const TOLD: usize = 10;

/// Shows the pairs with the files that clash.
pub(super) fn run(of: &RunOf, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&of.repo, &mut |line| ui.talk(line))?;
    let Some(found) = latest(&site, of.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    let seen = conflicts(&site.repo, &found)?;
    for work in &seen.works {
        if let Seen::Unreadable(why) = &work.seen {
            ui.talk(&format!("{}: its workspace cannot be read, {}", work.task, shown(why)));
        }
    }
    if of.json {
        ui.json(&document(&found.id, &seen))?;
        return Ok(EXIT_DONE);
    }
    if seen.pairs.is_empty() {
        let target = shown(found.state.target.as_str());
        ui.talk(&match seen.works.len() {
            0 => "no task that is not over has work yet".to_owned(),
            1 => format!("1 branch merges with {target}"),
            n => format!("{n} branches merge with {target} and with each other"),
        });
    }
    for pair in &seen.pairs {
        let [a, b] = pair.branches.each_ref().map(|branch| name(&seen, branch));
        ui.data(&shown(&format!("{a} and {b}: {}", files(&pair.files))));
    }
    Ok(EXIT_DONE)
}

/// How a person calls a branch: by its task.
fn name(seen: &Looked, branch: &Branch) -> String {
    seen.task(branch).map_or_else(|| branch.to_string(), ToString::to_string)
}

fn files(files: &[String]) -> String {
    match files.len() {
        0 => "a folder that was moved".to_owned(),
        n if n > TOLD => format!("{} and {} more", files[..TOLD].join(", "), n - TOLD),
        _ => files.join(", "),
    }
}

fn document(run: &RunId, seen: &Looked) -> serde_json::Value {
    let side = |branch: &Branch| json!({"branch": branch, "task": seen.task(branch)});
    let pairs: Vec<_> = seen
        .pairs
        .iter()
        .map(|pair| json!({"between": pair.branches.each_ref().map(side), "files": pair.files}))
        .collect();
    let branches: Vec<_> = seen
        .works
        .iter()
        .map(|work| {
            let live = work.seen == Seen::AtWork;
            json!({"task": work.task, "branch": work.branch, "tip": work.tip, "at_work": live})
        })
        .collect();
    json!({"schema": "ppe.conflicts.v1", "run": run, "branches": branches, "pairs": pairs})
}
