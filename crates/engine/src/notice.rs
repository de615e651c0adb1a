//! Which durable records are worth a word outside the screen. Knows nothing of how it is sent.

use crate::ports::Notice;
use ppe_core::decide::to_approve;
use ppe_core::event::{After, Event, Record};
use ppe_core::ids::TaskId;
use ppe_core::policy::Approval;
use ppe_core::state::{Hold, Leave, PauseCause, State};
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
        Event::TaskParked { task, .. }
        | Event::TaskClosed { task, .. }
        | Event::AttemptReleased { task, leave: Leave::Parked(_) | Leave::Closed(_), .. } => left(task),
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

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_core::input::Command;
    use ppe_core::policy::Policy;
    use ppe_testkit::drive::{Drive, plan, task};

    fn drive(approval: Approval) -> Drive {
        let tasks = ["T-001", "T-002"].map(|id| task(id, "Part").commits(2)).to_vec();
        let policy = Policy { stagger_ms: 0, approval, ..Policy::default() };
        Drive::with(plan("Plan", tasks), policy, &[])
    }

    /// What the last record calls a person for.
    fn calls(drive: &Drive) -> Vec<String> {
        let record = drive.records.last().expect("a record");
        notices(&drive.state, record).into_iter().filter(|n| n.kind == "review").map(|n| n.text).collect()
    }

    #[test]
    fn each_change_that_waits_for_approval_calls_once() {
        let mut drive = drive(Approval::Each);
        drive.to_review("T-001", 2, 1);
        assert_eq!(calls(&drive), ["the change of T-001 waits for your approval"]);
        drive.to_review("T-002", 2, 2);
        assert_eq!(calls(&drive), ["the change of T-002 waits for your approval"]);
        drive = self::drive(Approval::None);
        drive.to_review("T-001", 2, 1);
        assert_eq!(calls(&drive), [] as [&str; 0]);
    }

    #[test]
    fn a_wave_calls_when_its_last_change_is_there_or_does_not_come() {
        let mut drive = drive(Approval::Wave);
        drive.to_review("T-001", 2, 1);
        assert_eq!(calls(&drive), [] as [&str; 0]);
        drive.to_review("T-002", 2, 2);
        assert_eq!(calls(&drive), ["2 changes wait for your approval"]);

        drive = self::drive(Approval::Wave);
        drive.to_review("T-001", 2, 1);
        let skip = Command::Skip { task: TaskId::new("T-002"), satisfies: ppe_core::state::Satisfies::No };
        drive.command(skip);
        drive.agent_ends("T-002", 0, ppe_core::outcome::Exit::Stopped, ppe_core::outcome::Claim::Nothing);
        assert_eq!(calls(&drive), ["the change of T-001 waits for your approval"]);
    }
}
