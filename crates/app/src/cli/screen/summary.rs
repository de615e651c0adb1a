//! The completion screen: what a run came to. Knows nothing of runs that are still under way.

use super::look::{Look, Row, Tone};
use ppe_core::plan::Duration;
use ppe_core::report::{Report, Reviews};
use ppe_core::wording::{about, counted, span, thousands, usage};

/// The completion screen as lines, with the next steps below the frame.
pub fn summary(report: &Report, look: &Look) -> Vec<String> {
    let mut rows = vec![Row::Centred(headline(report)), Row::Rule, Row::gap()];
    let parts = [outcome(report), statistics(report), speed_up(report), modules(report), quality(report)];
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        rows.extend(part);
        rows.push(Row::gap());
    }
    let mut lines = look.frame(&rows);
    if !report.next_steps.is_empty() {
        lines.push(String::new());
        lines.push(look.line(Tone::Title, "Next steps:"));
        let steps = (1..).zip(&report.next_steps).map(|(n, step)| format!("{n}. {step}"));
        lines.extend(steps.flat_map(|step| look.lines(Tone::Plain, &step)));
    }
    lines
}

/// The headline, or how far it came.
pub(super) fn headline(report: &Report) -> String {
    if report.is_all_done() {
        return format!("🎉 {} Implementation Complete! 🎉", report.title);
    }
    format!("{}: {}", report.title, how_far(report))
}

/// `43 of 45 landed, 2 need you`
pub(super) fn how_far(report: &Report) -> String {
    let t = &report.tasks;
    let word = if t.done == t.landed { "landed" } else { "done" };
    let mut parts = vec![format!("{} of {} {word}", t.done, t.total)];
    let rest = [
        (t.need_you, if t.need_you == 1 { "needs you" } else { "need you" }),
        (t.given_up, "given up"),
        (t.open, "open"),
    ];
    parts.extend(rest.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    parts.join(", ")
}

fn outcome(report: &Report) -> Vec<Row> {
    let t = &report.tasks;
    let mut rows = Vec::new();
    if report.is_all_done() {
        let which = if t.total == 1 { "The task is" } else { "All" };
        rows.push(match t.total {
            1 => Row::toned(Tone::Good, format!("✅ {which} completed")),
            n => Row::toned(Tone::Good, format!("✅ {which} {n} tasks completed")),
        });
    } else {
        rows.push(Row::toned(Tone::Good, format!("✅ {} of {} completed", t.done, counted(t.total, "task"))));
    }
    if t.done_before > 0 {
        rows.push(Row::text(format!("   {} of them before this run", t.done_before)));
    }
    let planned = if report.commits.planned == report.commits.made {
        String::new()
    } else {
        format!(" ({} planned)", thousands(report.commits.planned))
    };
    rows.push(Row::toned(
        Tone::Good,
        format!("✅ {} pushed{planned}", counted(report.commits.made, "commit")),
    ));
    let changes = &report.changes;
    rows.push(Row::toned(
        Tone::Good,
        if changes.created == changes.merged {
            format!("✅ {} created and merged", counted(changes.created, "PR"))
        } else {
            format!("✅ {} created, {} merged", counted(changes.created, "PR"), changes.merged)
        },
    ));
    let checks = &report.checks;
    rows.push(match checks.red_now {
        _ if checks.target_red => {
            Row::toned(Tone::Bad, format!("🚧 CI checks red on {} itself", report.target))
        }
        _ if checks.runs == 0 => Row::text("   No CI checks were run"),
        0 => Row::toned(Tone::Good, "✅ All CI checks passed"),
        n => Row::toned(Tone::Bad, format!("🚧 CI checks red for {}", counted(n, "task"))),
    });
    for task in &report.held {
        rows.push(Row::toned(Tone::Bad, format!("🚧 {} {}: {}", task.id, task.title, task.failure)));
    }
    rows
}

fn statistics(report: &Report) -> Vec<Row> {
    let time = &report.time;
    let paused = match time.paused_ms {
        0..1_000 => String::new(),
        ms => format!(" ({} of it paused)", span(ms)),
    };
    let success = &report.success;
    let mut rows = vec![
        Row::text("📊 Execution Statistics:"),
        Row::text(format!("  Total time: {}{paused}", span(time.total_ms))),
    ];
    if let Some(average) = time.average_concurrency {
        let text = format!("  Average concurrency: {average:.1} tasks (at most {})", time.peak_concurrency);
        rows.push(Row::text(text));
    }
    if let Some(rate) = time.commits_per_hour {
        let digits = usize::from(rate < 10.0);
        rows.push(Row::text(format!("  Commits/hour: {rate:.digits$}")));
    }
    if success.first_try + success.retried > 0 {
        rows.push(Row::text(format!(
            "  Success rate: {}% ({} first-try, {} retried{})",
            success.first_try_percent,
            success.first_try,
            success.retried,
            if success.failed > 0 { format!(", {} not yet", success.failed) } else { String::new() }
        )));
    }
    rows.extend(usage(&report.usage).map(|used| Row::text(format!("  Agents used: {used}"))));
    if report.repairs.tried > 0 {
        let repairs = &report.repairs;
        rows.push(Row::text(format!("  Repairs: {} tried, {} helped", repairs.tried, repairs.helped)));
    }
    let Reviews { made, sent_back, left_out } = report.reviews;
    if made + left_out > 0 {
        let out = if left_out > 0 { format!(", {left_out} left out") } else { String::new() };
        rows.push(Row::text(format!("  Reviews: {made} made, {sent_back} sent back{out}")));
    }
    rows
}

fn speed_up(report: &Report) -> Vec<Row> {
    let mut rows = vec![Row::text("🚀 Performance vs Sequential:")];
    let actual = about(report.time.total_ms);
    if let Some(estimate_s) = report.speed_up.estimate_s {
        rows.push(Row::text(format!("  Sequential estimate: {} (by the plan)", Duration(estimate_s))));
    }
    let attempts = span(report.time.attempts_ms);
    rows.push(Row::text(format!("  Sequential measured: {attempts} (all attempts, one by one)")));
    rows.push(Row::text(format!("  Parallel actual: {actual}")));
    if let Some(ratio) = report.speed_up.by_estimate {
        rows.push(Row::text(format!("  Speed up: {} faster! ⚡ (than the plan's estimate)", times(ratio))));
    }
    if let Some(ratio) = report.speed_up.by_attempts {
        rows.push(Row::text(format!("  Speed up: {} by measured time", times(ratio))));
    }
    rows
}

/// `12x`; below ten with one decimal. Rounded down: a speed-up is never said to be more than it is.
pub(super) fn times(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{:.0}x", ratio.floor())
    } else {
        format!("{:.1}x", (ratio * 10.0).floor() / 10.0)
    }
}

fn modules(report: &Report) -> Vec<Row> {
    if report.modules.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![Row::text("📦 Modules Updated:")];
    rows.extend(report.modules.iter().map(|module| {
        let name = module.module.as_deref().unwrap_or("(no module)");
        Row::text(format!("  {name}: {}", counted(module.features, "feature")))
    }));
    rows
}

fn quality(report: &Report) -> Vec<Row> {
    let coverage = match report.coverage_percent {
        Some(percent) => format!("{percent:.0}% average"),
        None => "no coverage report found".to_owned(),
    };
    let tests = &report.tests;
    let lines = &report.lines;
    vec![
        Row::text("🎯 Quality Metrics:"),
        Row::text(format!("  Test coverage: {coverage}")),
        Row::text(format!("  Tests added: {} ({})", counted(tests.added, "test"), tests.counted)),
        Row::text(format!(
            "  Lines of code: +{} LOC (-{})",
            thousands(lines.added),
            thousands(lines.removed)
        )),
    ]
}
