//! What needs the user, on every screen first: the stop in progress, pauses, questions, stuck tasks, delays.

use super::look::{Row, Tone};
use super::sections::Detail;
use ppe_core::ids::TaskId;
use ppe_core::state::StopMode;
use ppe_core::view::{HeldTask, Live, OpenQuestion, RunView, RunWord};
use ppe_core::wording::span;

/// Held tasks and delays that are told before the rest is counted, where room is short.
const TOLD: usize = 3;

/// Everything that needs the user.
pub(super) fn attention(view: &RunView, detail: Detail) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(stopping(view));
    for pause in &view.pauses {
        rows.push(Row::toned(Tone::Bad, format!("✋ Paused: {}. Go on: {}", pause.text, pause.command)));
    }
    for question in &view.questions {
        rows.extend(asked(question, detail));
    }
    let shown = if detail == Detail::Full { view.held.len() } else { TOLD };
    for task in view.held.iter().take(shown) {
        rows.extend(held(task, detail));
    }
    if view.held.len() > shown {
        rows.push(Row::toned(Tone::Bad, format!("🚧 ... and {} more need you", view.held.len() - shown)));
    }
    rows.extend(view.holding_back.iter().map(|why| Row::toned(Tone::Bad, format!("⏳ {why}"))));
    rows.extend(view.breakers.iter().map(|breaker| Row::toned(Tone::Bad, format!("⏳ {}", breaker.text))));
    rows.extend(
        view.waiting.iter().take(TOLD).map(|wait| Row::toned(Tone::Bad, format!("⏳ {}", wait.text))),
    );
    if view.waiting.len() > TOLD {
        rows.push(Row::toned(Tone::Bad, format!("⏳ ... and {} more delays", view.waiting.len() - TOLD)));
    }
    rows.extend(reviews(view));
    rows
}

fn names(ids: &[TaskId]) -> String {
    ppe_core::wording::list(ids)
}

/// Who still works after a stop was asked for.
fn stopping(view: &RunView) -> Vec<Row> {
    let at_work = match view.lists.active.as_slice() {
        [] => "no agent works any more".to_owned(),
        [one] => format!("{one} still works"),
        many => format!("{} still work", names(many)),
    };
    let text = match (view.state, view.stop) {
        (RunWord::Draining, _) => format!("✋ Pausing: nothing new starts; {at_work}"),
        (RunWord::Stopping, Some(StopMode::Cancel)) => format!("✋ Cancelling what is open; {at_work}"),
        (RunWord::Stopping, _) => format!("✋ Stopping the agents; {at_work}"),
        (RunWord::Stopped, _) => "✋ Stopped: `ppe resume` goes on".to_owned(),
        _ => return Vec::new(),
    };
    vec![Row::toned(Tone::Bad, text)]
}

/// A question with its answers.
fn asked(question: &OpenQuestion, detail: Detail) -> Vec<Row> {
    let words: Vec<&str> = question.choices.iter().map(|choice| choice.answer.word()).collect();
    let mut rows = vec![Row::toned(Tone::Bad, format!("❓ {}: {}", question.id, question.text))];
    let how = format!("   ppe answer {} {}", question.id, words.join("|"));
    match detail {
        Detail::Full => {
            rows.push(Row::text(format!("{how} (nobody answers: {})", question.default.word())));
        }
        Detail::Compact | Detail::Brief => rows.push(Row::text(how)),
    }
    rows
}

/// A task that needs a person: the message, what failed, where the work lies, the next command.
fn held(task: &HeldTask, detail: Detail) -> Vec<Row> {
    let mut rows = vec![Row::toned(Tone::Bad, format!("🚧 {}", task.headline))];
    if detail == Detail::Full {
        rows.push(Row::text(format!("   {}: {}", task.title, task.failure)));
        rows.push(Row::text(format!("   Its work lies {}. Next: {}", task.place, task.next)));
    } else {
        rows.push(Row::text(format!("   {}. Next: {}", task.failure, task.next)));
    }
    rows
}

fn reviews(view: &RunView) -> Option<Row> {
    let oldest = span(view.reviews.oldest_ms?);
    let text = match view.reviews.tasks.as_slice() {
        [] => return None,
        [one] => format!("👤 1 change waits for you: {one}, for {oldest}"),
        many => format!("👤 {} changes wait for you, the oldest for {oldest}", many.len()),
    };
    Some(Row::toned(Tone::Bad, text))
}

/// What the keys do now.
pub(super) fn keys(view: &RunView) -> &'static str {
    match (view.live, view.state) {
        (_, RunWord::Complete) => "Complete | Type 'status' for details",
        (Live::No, _) => "No process is at work on this run | `ppe resume` goes on",
        (_, RunWord::Draining) => {
            "Press Ctrl+C again to stop the agents (resumable) | `ppe unpause` goes on | Type 'status' for details"
        }
        (_, RunWord::Stopping) => {
            "Press Ctrl+C again to leave at once; agents go on, `ppe resume` adopts them | Type 'status' for details"
        }
        (_, RunWord::Stopped) => "Stopped | `ppe resume` goes on",
        (_, RunWord::NeedsYou) => {
            "Nothing goes on without you | Press Ctrl+C to leave | Type 'status' for details"
        }
        (_, RunWord::New | RunWord::Running | RunWord::Paused | RunWord::Resumable) => {
            "Press Ctrl+C to pause | Type 'status' for details"
        }
    }
}
