//! What typing `status` shows: each task at work and everything else that is known, without a frame.

use super::attention::attention;
use super::look::{Look, Row, Tone};
use super::sections::Detail;
use ppe_core::view::{RunView, TaskLine};
use ppe_core::wording::{list, short, span, thousands, usage};

/// Everything, as lines.
pub fn details(view: &RunView, look: &Look) -> Vec<String> {
    let mut rows = vec![
        Row::toned(Tone::Title, format!("{}: run {} is {}", view.title, view.run, view.state.as_str())),
        Row::text(format!(
            "Target {} at {}, forge {} ({})",
            view.target,
            short(&view.target_tip),
            view.forge,
            view.guarantee
        )),
    ];
    rows.extend(attention(view, Detail::Full, look));
    rows.push(Row::toned(Tone::Busy, format!("Active ({}/{} slots):", view.slots.busy, view.slots.total)));
    for task in view.rows(&view.lists.active) {
        rows.extend(active(task));
    }
    let lane = view.lane.text.as_deref().unwrap_or("empty");
    rows.push(Row::toned(Tone::Busy, format!("In review ({}), lane: {lane}", view.lists.in_review.len())));
    for task in view.rows(&view.lists.in_review) {
        rows.push(Row::text(format!(
            "  {} {}: {}",
            task.id,
            task.title,
            task.doing.as_deref().unwrap_or("")
        )));
    }
    rows.extend(others(view));
    rows.extend(figures(view));
    rows.iter()
        .flat_map(|row| match row {
            Row::Text(tone, text) => look.lines(*tone, text),
            Row::Centred(text) => look.lines(Tone::Title, text),
            Row::Rule => Vec::new(),
        })
        .collect()
}

fn active(task: &TaskLine) -> Vec<Row> {
    let percent = task.percent.map_or_else(String::new, |percent| format!(" ({percent}%)"));
    let planned = match task.planned_commits {
        0 => String::new(),
        n => format!("/{n}"),
    };
    let left =
        task.left_ms.map_or_else(|| "time left not known yet".to_owned(), |ms| format!("~{} left", span(ms)));
    let age = task.output_age_ms.map_or_else(String::new, |ms| format!(", last output {} ago", span(ms)));
    let mut rows = vec![
        Row::toned(Tone::Title, format!("  {} {}", task.id, task.title)),
        Row::text(format!(
            "    attempt {} by {}, wave {}, {} priority{}",
            task.attempt,
            task.agent,
            task.wave,
            task.priority,
            task.module.as_ref().map_or_else(String::new, |module| format!(", {module}"))
        )),
        Row::text(format!(
            "    {}{planned} commits{percent}, {} at work, {left}{age}",
            task.commits,
            span(task.elapsed_ms)
        )),
    ];
    rows.extend(task.doing.iter().map(|doing| Row::text(format!("    {doing}"))));
    rows.extend(usage(&task.usage).map(|used| Row::text(format!("    used {used}"))));
    rows.extend(task.branch.iter().map(|branch| Row::text(format!("    branch {branch}"))));
    rows.extend(
        task.failure.iter().map(|failure| Row::toned(Tone::Bad, format!("    last failure: {failure}"))),
    );
    rows
}

fn others(view: &RunView) -> Vec<Row> {
    let lists = &view.lists;
    let mut rows = Vec::new();
    for (name, ids) in [
        ("Next in queue", &lists.queue),
        ("Tried again soon", &lists.backoff),
        ("Parked", &lists.parked),
        ("Completed", &lists.completed),
        ("Given up", &lists.given_up),
    ] {
        if !ids.is_empty() {
            rows.push(Row::text(format!("{name} ({}): {}", ids.len(), list(ids))));
        }
    }
    for group in &lists.waiting {
        rows.push(Row::text(format!("Waiting, wave {} ({}):", group.wave, group.tasks.len())));
        for task in view.rows(&group.tasks) {
            let why = match &task.blocked {
                Some(blocked) => blocked.clone(),
                None => format!("waiting for {}", list(&task.waits_for)),
            };
            rows.push(Row::text(format!("  {} {}: {why}", task.id, task.title)));
        }
    }
    rows
}

fn figures(view: &RunView) -> Vec<Row> {
    let t = &view.totals;
    vec![
        Row::text(format!(
            "Tasks {}/{} ({}%), commits {}/{} ({}%), {} attempts, repairs {} tried, {} helped",
            t.done,
            t.tasks,
            t.tasks_percent,
            thousands(t.commits),
            thousands(t.commits_planned),
            t.commits_percent,
            t.attempts,
            t.repairs,
            t.repairs_helped
        )),
        Row::text(format!(
            "Checks {} run, {} red, {} landings; {} elapsed, {} of it paused; remaining: {}",
            t.checks,
            t.checks_red,
            t.landings,
            span(view.times.elapsed_ms),
            span(view.times.paused_ms),
            view.remaining.text
        )),
    ]
    .into_iter()
    .chain(usage(&t.usage).map(|used| Row::text(format!("Agents used {used}"))))
    .collect()
}
