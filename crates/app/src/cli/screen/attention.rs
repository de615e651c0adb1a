//! What needs the user, on every screen first: the stop in progress, pauses, questions, stuck tasks, delays.

use super::lane::conflicts;
use super::look::{Look, Row, Tone};
use super::sections::Detail;
use ppe_core::ids::TaskId;
use ppe_core::state::StopMode;
use ppe_core::view::{HeldTask, Live, OpenQuestion, RunView, RunWord};
use ppe_core::wording::span;

/// Held tasks and delays that are told before the rest is counted, where room is short.
const TOLD: usize = 3;

/// Everything that needs the user. Commands are never cut.
pub(super) fn attention(view: &RunView, detail: Detail, look: &Look) -> Vec<Row> {
    let shown = if detail == Detail::Full { usize::MAX } else { TOLD };
    let mut texts = Vec::new();
    texts.extend(stopping(view));
    for pause in &view.pauses {
        texts.push(format!("✋ Paused: {}", pause.text));
        // A question stands below, with its answers.
        let asked =
            |question: &OpenQuestion| pause.command.starts_with(&format!("ppe answer {} ", question.id));
        if !view.questions.iter().any(asked) {
            texts.push(format!("   Next: {}", pause.command));
        }
    }
    texts.extend(view.questions.iter().flat_map(|question| asked(question, detail)));
    texts.extend(view.held.iter().take(shown).flat_map(|task| held(task, detail)));
    if view.held.len() > shown {
        texts.push(format!("🚧 ... and {} more need you", view.held.len() - shown));
    }
    texts.extend(view.holding_back.iter().map(|why| format!("⏳ {why}")));
    texts.extend(view.breakers.iter().map(|breaker| format!("⏳ {}", breaker.text)));
    texts.extend(view.waiting.iter().take(TOLD).map(|wait| format!("⏳ {}", wait.text)));
    if view.waiting.len() > TOLD {
        texts.push(format!("⏳ ... and {} more delays", view.waiting.len() - TOLD));
    }
    texts.extend(standing(view, shown));
    texts.extend(reviews(view));
    texts.extend(approvals(view));
    let conflicts = conflicts(&view.conflicts, &view.target);
    texts.extend(conflicts.map(|line| format!("{line}: `ppe conflicts`")));
    texts.extend(view.board_lost.iter().map(|why| format!("⚠ The board cannot be reached: {why}")));
    match detail {
        Detail::Full | Detail::Compact => {
            texts.iter().flat_map(|text| look.wrapped(Tone::Bad, text)).collect()
        }
        Detail::Brief => texts.into_iter().map(|text| Row::toned(Tone::Bad, text)).collect(),
    }
}

fn names(ids: &[TaskId]) -> String {
    ppe_core::wording::list(ids)
}

/// Who still works after a stop was asked for.
fn stopping(view: &RunView) -> Option<String> {
    let at_work = match view.lists.active.as_slice() {
        [] => "no agent works any more".to_owned(),
        [one] => format!("{one} still works"),
        many => format!("{} still work", names(many)),
    };
    match (view.state, view.stop) {
        (RunWord::Draining, _) => Some(format!("✋ Pausing: nothing new starts; {at_work}")),
        (RunWord::Stopping, Some(StopMode::Cancel)) => Some(format!("✋ Cancelling what is open; {at_work}")),
        (RunWord::Stopping, _) => Some(format!("✋ Stopping the agents; {at_work}")),
        (RunWord::Stopped, _) => Some("✋ Stopped: `ppe resume` goes on".to_owned()),
        _ => None,
    }
}

/// A question with its answers.
fn asked(question: &OpenQuestion, detail: Detail) -> Vec<String> {
    let words: Vec<&str> = question.choices.iter().map(|choice| choice.answer.word()).collect();
    let how = format!("   ppe answer {} {}", question.id, words.join("|"));
    let default = match detail {
        Detail::Full => format!(" (nobody answers: {})", question.default.word()),
        Detail::Compact | Detail::Brief => String::new(),
    };
    vec![format!("❓ {}: {}", question.id, question.text), how + &default]
}

/// A task that needs a person: the message, what failed, where the work lies, the next command.
fn held(task: &HeldTask, detail: Detail) -> Vec<String> {
    let headline = format!("🚧 {}", task.headline);
    match detail {
        Detail::Full => vec![
            headline,
            format!("   {}: {}", task.title, task.failure),
            format!("   Its work lies {}", task.place),
            format!("   Next: {}", task.next),
        ],
        Detail::Compact | Detail::Brief => {
            vec![headline, format!("   Next: {}. {}", task.next, task.failure)]
        }
    }
}

fn reviews(view: &RunView) -> Option<String> {
    let oldest = span(view.reviews.oldest_ms?);
    match view.reviews.tasks.as_slice() {
        [] => None,
        [one] => Some(format!("👤 1 change waits for you: {one}, for {oldest}")),
        many => Some(format!("👤 {} changes wait for you, the oldest for {oldest}", many.len())),
    }
}

/// What a person does with changes that wait for approval.
fn approvals(view: &RunView) -> Option<String> {
    match view.reviews.to_approve.as_slice() {
        [] => None,
        [one] => Some(format!("   Next: ppe diff {one}, then ppe approve {one}")),
        [first, ..] => Some(format!("   Next: ppe diff {first}, ...; then ppe approve --all")),
    }
}

/// Who stands still, what for, and the command that goes on.
fn standing(view: &RunView, shown: usize) -> Vec<String> {
    let told = view.standstills.iter().take(shown.min(TOLD));
    let mut texts: Vec<String> = told
        .flat_map(|standing| [format!("⌛ {}", standing.text), format!("   Next: {}", standing.command)])
        .collect();
    let more = view.standstills.len().saturating_sub(texts.len() / 2);
    texts.extend((more > 0).then(|| format!("⌛ ... and {more} more stand still")));
    texts
}

/// What the keys do now.
pub(super) fn keys(view: &RunView) -> &'static str {
    match (view.live, view.state) {
        (Live::No, RunWord::Complete) => "Complete | `ppe report` has the summary",
        (Live::Yes, RunWord::Complete) => "Complete | Type 'status' for details",
        (Live::No, _) => "No process is at work on this run | `ppe resume` goes on",
        (_, RunWord::Draining) => "Press Ctrl+C again to stop the agents | `ppe unpause` goes on",
        (_, RunWord::Stopping) => "Press Ctrl+C again to leave at once | `ppe resume` goes on",
        (_, RunWord::Stopped) => "Stopped | `ppe resume` goes on",
        (_, RunWord::NeedsYou) => "Nothing goes on without you | Press Ctrl+C to leave | Type 'status'",
        (_, RunWord::New | RunWord::Running | RunWord::Paused | RunWord::Resumable) => {
            "Press Ctrl+C to pause | Type 'status' for details"
        }
    }
}
