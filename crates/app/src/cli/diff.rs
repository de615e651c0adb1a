//! What a task changes: its commits and files in short, the lines as a patch.

use super::args::DiffArgs;
use super::pager;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Seen, Site, TaskChange, latest, task_change};
use ppe_core::ids::TaskId;
use ppe_core::text::shown;
use ppe_core::wording::{counted, short, thousands};
use serde_json::json;

/// Shows a task's change.
pub(super) fn run(args: &DiffArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&args.of.repo, &mut |line| ui.talk(line))?;
    let Some(found) = latest(&site, args.of.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    let task = TaskId::new(args.task.as_str());
    let Some(at) = found.state.position(&task) else {
        return Err(AppError::usage(format!("the plan has no task {task}")));
    };
    let Some(change) = task_change(&site, &found, at)? else {
        return Err(AppError::environment(format!("{task} has no work yet")));
    };
    match &change.work.seen {
        Seen::Measured => {}
        Seen::AtWork => ui.talk(&format!("{task} is being worked at: this is what is committed so far")),
        Seen::Unreadable(why) => ui.talk(&format!(
            "{task}: its workspace cannot be read, {}; this is what was measured last",
            shown(why)
        )),
    }
    if args.of.json {
        ui.json(&document(&change))?;
    } else if args.patch {
        let text = change.patch()?;
        pager::page(&text.lines().map(plain).collect::<Vec<_>>(), ui);
    } else {
        let title = &found.state.plan.tasks[at].spec.title;
        ui.data(&shown(&format!("{task} {title}")));
        for line in summary(&change, args.stat) {
            ui.data(&shown(&line));
        }
    }
    Ok(EXIT_DONE)
}

/// A line of a patch in which nothing acts on a terminal. Tabs stand for themselves, as everywhere in code.
fn plain(line: &str) -> String {
    line.split('\t').map(shown).collect::<Vec<_>>().join("\t")
}

fn summary(change: &TaskChange, stat: bool) -> Vec<String> {
    let work = &change.work;
    let (added, removed) = lines(change);
    let mut lines = vec![
        format!("  {} at {}, from {}", work.branch, short(&work.tip), short(&change.base)),
        format!(
            "  {}, {}, +{} -{}",
            counted(change.commits.len(), "commit"),
            counted(change.files.len(), "file"),
            thousands(added),
            thousands(removed)
        ),
    ];
    if stat {
        let files = change.files.iter();
        lines.extend(files.map(|file| {
            format!("    {} +{} -{}", String::from_utf8_lossy(&file.path), file.added, file.removed)
        }));
    } else {
        lines.extend(change.commits.iter().map(|c| format!("    {} {}", short(&c.id), c.subject)));
    }
    lines
}

fn lines(change: &TaskChange) -> (u64, u64) {
    change.files.iter().fold((0, 0), |(added, removed), file| (added + file.added, removed + file.removed))
}

fn document(change: &TaskChange) -> serde_json::Value {
    let (work, (added, removed)) = (&change.work, lines(change));
    let commits: Vec<_> =
        change.commits.iter().map(|c| json!({"commit": c.id, "subject": c.subject})).collect();
    let files: Vec<_> = change
        .files
        .iter()
        .map(|f| {
            let path = String::from_utf8_lossy(&f.path);
            json!({"path": path, "lines_added": f.added, "lines_removed": f.removed})
        })
        .collect();
    json!({
        "schema": "ppe.diff.v1",
        "task": work.task,
        "branch": work.branch,
        "base": change.base,
        "tip": work.tip,
        "at_work": work.seen == Seen::AtWork,
        "commits": commits,
        "files": files,
        "lines_added": added,
        "lines_removed": removed,
    })
}
