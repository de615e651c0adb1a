//! Which durable records are worth a word outside the screen. Knows nothing of how it is sent.

use crate::ports::Notice;
use ppe_core::decide::to_approve;
use ppe_core::event::{After, Event, Record};
use ppe_core::ids::TaskId;
use ppe_core::policy::Approval;
use ppe_core::state::{Hold, PauseCause, State};
use ppe_core::view::standstill;

/// The changes that a person may look at since one was opened: it alone, or its wave that is now all there.
fn awaiting(state: &State, opened: &TaskId) -> Vec<TaskId> {
    let wave = |at: usize| state.plan.tasks[at].wave;
    let Some(opened) = state.position(opened) else { return Vec::new() };
    let together = |at: &usize| match state.policy.approval {
        Approval::None | Approval::Each => *at == opened,
        Approval::Wave => wave(*at) == wave(opened),
    };
    to_approve(state).into_iter().filter(together).map(|at| state.id(at).clone()).collect()
}

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
    let review = |task: &TaskId| {
        let waiting = awaiting(state, task);
        let text = match waiting.as_slice() {
            [] => return None,
            [one] => format!("the change of {one} waits for your approval"),
            many => format!("{} changes wait for your approval", many.len()),
        };
        Some(make("review", Some(task), text))
    };
    // Nobody waits for this one any more: with it gone its wave may be all there.
    let left = |task: &TaskId| review(task).filter(|_| state.policy.approval == Approval::Wave);
    let notice = |event: &Event| match event {
        Event::ChangeOpened { task, .. } => review(task),
        Event::TaskParked { task, .. } | Event::TaskClosed { task, .. } => left(task),
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
        Event::StandstillTold { task } => {
            let at = state.position(task)?;
            let standstill = standstill(state, at, record.at)?;
            let text = format!("{}. Next: `{}`", standstill.text, standstill.command);
            Some(make("standstill", Some(task), text))
        }
        Event::RunCompleted => Some(make("end", None, "every task is closed".to_owned())),
        _ => None,
    };
    record.events.iter().filter_map(notice).collect()
}
