//! The parts of the dashboard that show progress: waves, tasks at work, lists, totals. Knows nothing of trouble and of
//! how much fits on the screen.

use super::look::{Row, Tone, bar, listed};
use ppe_core::ids::TaskId;
use ppe_core::view::{RunView, TaskLine, WaveLine, WaveStatus};
use ppe_core::wording::{counted, span, thousands, usage};

/// Cells of a wave's bar.
const WAVE_CELLS: usize = 20;
/// Cells of a task's bar.
const TASK_CELLS: usize = 16;
/// The same, where a task has one line.
const FEW_CELLS: usize = 10;
/// Silence of an agent that is worth a word, ms.
const SILENT_MS: u64 = 5 * 60_000;
/// Waiting tasks of a wave that are named with what they wait for.
const WAITING_NAMED: usize = 3;
/// Lines of ids when there is room.
const MANY_LINES: usize = 8;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// One line where there were more.
    Compact,
    /// Totals, trouble, and tasks at work.
    Brief,
}

/// Ids as texts.
fn texts(ids: &[TaskId]) -> impl Iterator<Item = &str> {
    ids.iter().map(TaskId::as_str)
}

/// The waves in hand; those that are complete share a line, those that wait are told by their tasks below.
pub(super) fn waves(view: &RunView) -> Vec<Row> {
    let complete = view.waves.iter().take_while(|wave| wave.status == WaveStatus::Complete).count();
    let (done, rest) = view.waves.split_at(complete);
    let mut rows = Vec::new();
    match done {
        [] => {}
        [only] => rows.push(wave_row(only)),
        [first, .., last] => {
            let (closed, size) = done.iter().fold((0, 0), |(d, s), wave| (d + wave.done, s + wave.size));
            let text = format!("✅ Waves {}-{} complete | {closed}/{size}", first.wave, last.wave);
            rows.push(Row::toned(Tone::Good, text));
        }
    }
    let in_hand = |(at, wave): &(usize, &WaveLine)| *at == 0 || wave.status != WaveStatus::Waiting;
    rows.extend(rest.iter().enumerate().filter(in_hand).map(|(_, wave)| wave_row(wave)));
    rows
}

fn wave_row(wave: &WaveLine) -> Row {
    let size = wave.size as usize;
    let given_up = match wave.given_up {
        0 => String::new(),
        n => format!(", {n} given up"),
    };
    let text = format!(
        "Wave {}: {} | {} {}/{} ({}%){given_up}",
        wave.wave,
        counted(size, "task"),
        bar(wave.percent, WAVE_CELLS),
        wave.done,
        wave.size,
        wave.percent
    );
    Row::toned(if wave.status == WaveStatus::Complete { Tone::Good } else { Tone::Plain }, text)
}

/// The tasks at work.
pub(super) fn active(view: &RunView, detail: Detail) -> Vec<Row> {
    let header = format!("🔄 Active ({}/{} slots):", view.slots.busy, view.slots.total);
    let mut rows = vec![Row::toned(Tone::Busy, header)];
    blocks(view, &view.lists.active, detail, &mut rows);
    rows
}

/// What is out of its agents' hands and on its way into the target.
pub(super) fn in_review(view: &RunView, detail: Detail) -> Vec<Row> {
    let ids = &view.lists.in_review;
    let mut rows = Vec::new();
    if ids.is_empty() && view.lane.text.is_none() {
        return rows;
    }
    let lane = view.lane.text.as_ref().map_or_else(String::new, |text| format!(" | lane: {text}"));
    rows.push(Row::toned(Tone::Busy, format!("🔍 In review ({}){lane}", counted(ids.len(), "task"))));
    match detail {
        Detail::Full | Detail::Compact => blocks(view, ids, detail, &mut rows),
        Detail::Brief => {}
    }
    rows
}

fn blocks(view: &RunView, ids: &[TaskId], detail: Detail, rows: &mut Vec<Row>) {
    for task in view.rows(ids) {
        match detail {
            Detail::Full => {
                rows.push(Row::gap());
                rows.push(Row::text(progress(task, TASK_CELLS)));
                let module = task.module.as_ref().map_or_else(String::new, |module| format!(" | {module}"));
                rows.push(Row::text(format!("  {}{module}", task.title)));
                rows.extend(doing(task).map(|line| Row::text(format!("  {line}"))));
            }
            Detail::Compact | Detail::Brief => {
                let doing = doing(task).map_or_else(String::new, |line| format!(" | {line}"));
                rows.push(Row::text(format!("{}{doing}", progress(task, FEW_CELLS))));
            }
        }
    }
    if detail == Detail::Full && !ids.is_empty() {
        rows.push(Row::gap());
    }
}

/// `T-001 [████████████░░░░] 12/20 (60%) | 1h 30m elapsed`
fn progress(task: &TaskLine, cells: usize) -> String {
    let time = span(whole_minutes(task.elapsed_ms));
    let time = match (task.change, task.activity) {
        (Some(_), None) => format!("{time} ⏰"),
        _ if cells == TASK_CELLS => format!("{time} elapsed"),
        _ => time,
    };
    match task.percent {
        Some(percent) => format!(
            "{} [{}] {}/{} ({percent}%) | {time}",
            task.id,
            bar(percent, cells),
            task.commits,
            task.planned_commits
        ),
        None => format!("{} {} | {time}", task.id, counted(task.commits, "commit")),
    }
}

/// From a minute on, seconds only make a screen restless.
fn whole_minutes(ms: u64) -> u64 {
    if ms < 60_000 { ms } else { ms - ms % 60_000 }
}

fn doing(task: &TaskLine) -> Option<String> {
    let line = task.doing.as_ref()?;
    let (mark, clock) = match (task.activity, task.change, task.almost_done.is_set()) {
        (None, Some(_), _) => ("✅ ", ""),
        (Some(_), _, true) => ("", " ⏰"),
        _ => ("", ""),
    };
    let silent = match task.output_age_ms {
        Some(age) if age >= SILENT_MS => format!(" | silent for {}", span(whole_minutes(age))),
        Some(_) | None => String::new(),
    };
    Some(format!("{mark}{line}{clock}{silent}"))
}

/// The lists of tasks that are not at work.
pub(super) fn lists(view: &RunView, detail: Detail, room: usize) -> Vec<Row> {
    let lists = &view.lists;
    let many = if detail == Detail::Full { MANY_LINES } else { 1 };
    let completed = format!("✅ Completed ({}):", counted(lists.completed.len(), "task"));
    let mut parts = vec![id_list(Tone::Good, &completed, &lists.completed, room, many)];
    if !lists.given_up.is_empty() {
        let header = format!("🚫 Given up ({}):", counted(lists.given_up.len(), "task"));
        parts.push(id_list(Tone::Dim, &header, &lists.given_up, room, many));
    }
    if !lists.queue.is_empty() {
        let header = format!("🔜 Next in Queue ({}):", waves_of(view, &lists.queue));
        parts.push(id_list(Tone::Plain, &header, &lists.queue, room, 1));
    }
    let told = [("🔁 Tried again soon:", &lists.backoff), ("💤 Parked:", &lists.parked)];
    for (header, ids) in told.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        let mut rows = vec![Row::text(header)];
        let line = |task: &TaskLine| {
            let doing = task.doing.as_ref().map_or_else(String::new, |doing| format!(" ({doing})"));
            Row::text(format!("  {}{doing}", task.id))
        };
        rows.extend(view.rows(ids).map(line));
        parts.push(rows);
    }
    parts.extend(waiting(view, detail, room));
    match detail {
        Detail::Full => parts.join(&Row::gap()),
        Detail::Compact | Detail::Brief => parts.concat(),
    }
}

/// `Wave 0`, or `Waves 0, 1` where the queue holds tasks of both.
fn waves_of(view: &RunView, ids: &[TaskId]) -> String {
    let mut waves: Vec<u32> = view.rows(ids).map(|task| task.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    let names: Vec<String> = waves.iter().map(u32::to_string).collect();
    format!("Wave{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}

fn id_list(tone: Tone, header: &str, ids: &[TaskId], room: usize, lines: usize) -> Vec<Row> {
    let mut rows = vec![Row::toned(tone, header)];
    if !ids.is_empty() {
        let lines = listed(texts(ids), room.saturating_sub(2), lines);
        rows.extend(lines.into_iter().map(|line| Row::text(format!("  {line}"))));
    }
    rows
}

/// The waiting tasks: those of the first wave with what they wait for, the others by wave.
fn waiting(view: &RunView, detail: Detail, room: usize) -> Vec<Vec<Row>> {
    let mut parts = Vec::new();
    for (place, group) in view.lists.waiting.iter().enumerate() {
        let header =
            format!("⏳ Waiting (Wave {} - {} blocked):", group.wave, counted(group.tasks.len(), "task"));
        if place > 0 || detail != Detail::Full {
            parts.push(id_list(Tone::Plain, &header, &group.tasks, room, 1));
            continue;
        }
        let mut rows = vec![Row::text(header)];
        rows.extend(view.rows(&group.tasks).take(WAITING_NAMED).map(|task| Row::text(waiting_line(task))));
        if group.tasks.len() > WAITING_NAMED {
            rows.push(Row::text("  ..."));
        }
        parts.push(rows);
    }
    parts
}

/// `T-009 (waiting for T-002) ⏰ Ready soon!`
fn waiting_line(task: &TaskLine) -> String {
    if let Some(blocked) = &task.blocked {
        return format!("  {} ({blocked})", task.id);
    }
    let ids: Vec<&str> = texts(&task.waits_for).collect();
    let soon = if task.ready_soon.is_set() { " ⏰ Ready soon!" } else { "" };
    format!("  {} (waiting for {}){soon}", task.id, ids.join(", "))
}

/// Totals and speed.
pub(super) fn totals(view: &RunView, detail: Detail) -> Vec<Row> {
    let t = &view.totals;
    let tasks = format!("{}/{} ({}%)", t.done, t.tasks, t.tasks_percent);
    let about = if view.is_complete() { "" } else { "~" };
    let commits =
        format!("{about}{}/{} ({}%)", thousands(t.commits), thousands(t.commits_planned), t.commits_percent);
    let elapsed = span(whole_minutes(view.times.elapsed_ms));
    let elapsed = match view.times.paused_ms {
        0..60_000 => elapsed,
        paused => format!("{elapsed} ({} of it paused)", span(whole_minutes(paused))),
    };
    let speed = |figure: Option<f64>, digits: usize| {
        figure.map_or_else(|| "no figure yet".to_owned(), |figure| format!("~{figure:.digits$}"))
    };
    let per_hour = speed(view.velocity.commits_per_hour, 0);
    let per_day = speed(view.velocity.tasks_per_day, 1);
    if detail != Detail::Full {
        return vec![
            Row::text(format!("📊 Tasks: {tasks} | Commits: {commits} | Elapsed: {elapsed}")),
            Row::text(format!("🎯 Commits/hour: {per_hour} | Est. remaining: {}", view.remaining.text)),
        ];
    }
    let parallel = counted(view.velocity.parallel, "task");
    let mut rows = vec![
        Row::text("📊 Overall Progress:"),
        Row::text(format!("  Tasks: {tasks}")),
        Row::text(format!("  Commits: {commits}")),
        Row::text(format!("  Time elapsed: {elapsed}")),
        Row::text(format!("  Est. remaining: {}", view.remaining.text)),
    ];
    rows.extend(usage(&t.usage).map(|used| Row::text(format!("  Agents used: {used}"))));
    if t.repairs > 0 {
        rows.push(Row::text(format!("  Repairs: {} tried, {} helped", t.repairs, t.repairs_helped)));
    }
    if !view.guarantee.is_empty() {
        rows.push(Row::text(format!("  Landing: {} on {} ({})", view.target, view.forge, view.guarantee)));
    }
    rows.extend([
        Row::gap(),
        Row::text("🎯 Velocity:"),
        Row::text(format!("  Commits/hour: {per_hour} ({parallel} parallel)")),
        Row::text(format!("  Tasks/day: {per_day} (with parallelization)")),
    ]);
    rows
}
