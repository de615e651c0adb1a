//! Which durable records are worth a word outside the screen. Knows nothing of how it is sent.

use crate::ports::Notice;
use ppe_core::event::{After, Event, Record};
use ppe_core::ids::TaskId;
use ppe_core::state::{Hold, PauseCause, State};

/// The notices of a record.
pub(crate) fn notices(state: &State, record: &Record) -> Vec<Notice> {
    let make = |kind: &str, task: Option<&TaskId>, text: String| Notice {
        kind: kind.to_owned(),
        run: state.run.to_string(),
        task: task.map(ToString::to_string),
        text,
        at_ms: record.at.0,
    };
    let held = |task: &TaskId, hold: Hold, why: &str| {
        let kind = match hold {
            Hold::Stuck => "stuck",
            Hold::NeedsReview => "needs-review",
        };
        let others = state.busy_count();
        make(
            kind,
            Some(task),
            format!("{task} needs manual intervention ({why}). {others} other tasks continuing..."),
        )
    };
    let notice = |event: &Event| match event {
        Event::QuestionAsked { ask, .. } => Some(make("question", ask.task(), ask.text())),
        Event::AttemptFailed { task, failure, after: After::Hold(hold), .. }
        | Event::ChangeReturned { task, failure, after: After::Hold(hold) }
        | Event::TaskHeld { task, failure, hold } => Some(held(task, *hold, &failure.summary)),
        Event::DispatchPaused { cause: PauseCause::Operator } => None,
        Event::DispatchPaused { cause } => {
            Some(make("paused", None, format!("nothing new starts: {cause:?}")))
        }
        Event::BudgetNeared { percent } => {
            Some(make("budget", None, format!("{percent}% of the budget are spent")))
        }
        Event::RunCompleted => Some(make("end", None, "every task is closed".to_owned())),
        _ => None,
    };
    record.events.iter().filter_map(notice).collect()
}
