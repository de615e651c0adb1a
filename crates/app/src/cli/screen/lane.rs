//! What happens in the merge lane, as plain lines. Knows no clock and no terminal.

use ppe_core::decide::left_behind;
use ppe_core::event::{Drop, Event};
use ppe_core::ids::{Branch, TaskId};
use ppe_core::policy::MergeStrategy;
use ppe_core::state::{Conflict, State, Subject};
use ppe_core::wording::{list, several, short};

/// What happens in the lane, where that is worth a line.
pub(super) fn lane(event: &Event, state: &State) -> Option<String> {
    let of = |id| state.lane.candidate(id).map(|candidate| candidate.members.as_slice());
    Some(match event {
        Event::CandidateChosen { members, .. } if members.len() > 1 => together(members, state),
        Event::MemberLeftOut { task, .. } => {
            format!("{task} does not merge onto what is to land before it, and is left out")
        }
        Event::CandidateSplit { parts, .. } => {
            format!(
                "❌ {} are red together: first {} without the others",
                several(&parts.concat()),
                several(parts.first()?)
            )
        }
        Event::CheckStarted { subject: Subject::Candidate(id), run: 1 } => {
            format!("{} being checked", are(of(*id)?))
        }
        Event::CheckStarted { subject: Subject::Candidate(id), .. } => {
            format!("{} being checked again after a red run", are(of(*id)?))
        }
        Event::CheckStarted { subject: Subject::Base(commit), .. } => {
            format!("{} is being checked at {}", state.target, short(commit))
        }
        Event::CheckRed { subject: Subject::Candidate(id), failure, .. } => match of(*id) {
            Some(members) => format!("❌ {}: CI red: {}", several(members), failure.summary),
            None => format!("❌ CI red: {}", failure.summary),
        },
        Event::CheckRed { subject: Subject::Base(commit), failure, .. } => {
            format!("❌ {} is red at {}: {}", state.target, short(commit), failure.summary)
        }
        Event::CandidateDropped { candidate, why } => match why {
            Drop::BaseMoved => format!("{} moved while {candidate} was to land; built anew", state.target),
            Drop::Restarted => format!("{candidate} is built anew: what it was built on did not land"),
            Drop::HeadMoved | Drop::Conflict | Drop::Red | Drop::TargetRed | Drop::Withdrawn => return None,
        },
        Event::TargetRed { commit, .. } => {
            format!("🚧 The lane is frozen: {} is red at {}", state.target, short(commit))
        }
        Event::LandedUnchecked { commit } => {
            let target = &state.target;
            format!(
                "🚧 The lane is frozen: somebody landed on {target} before {}, which is checked now",
                short(commit)
            )
        }
        Event::RacesLost { task } => format!("🚧 The lane is frozen: {task} lost too many races"),
        Event::BranchesSeen { conflicts: seen, .. } => conflicts(seen, &state.target)?,
        Event::LaneThawed => "The lane goes on".to_owned(),
        _ => return None,
    })
}

/// A candidate of several, and who of their wave is not among them.
fn together(members: &[TaskId], state: &State) -> String {
    let absent = match state.policy.merge_strategy {
        MergeStrategy::Batch if state.lane.bisection.is_none() => left_behind(state, members),
        _ => Vec::new(),
    };
    let without = if absent.is_empty() { String::new() } else { format!(", without {}", list(&absent)) };
    format!("🧩 {} are to land together{without}", list(members))
}

/// One pair of branches that does not merge, and how many more there are.
pub(super) fn conflicts(seen: &[Conflict], target: &Branch) -> Option<String> {
    let first = seen.first()?;
    let pair = match first.tasks.as_slice() {
        [one, other] => format!("{one} and {other}"),
        tasks => format!("{} and {target}", list(tasks)),
    };
    let over = match first.file_count {
        0 => "over a folder that was moved".to_owned(),
        1 => "in 1 file".to_owned(),
        n => format!("in {n} files"),
    };
    let more = match seen.len() - 1 {
        0 => String::new(),
        1 => ", and 1 more pair".to_owned(),
        n => format!(", and {n} more pairs"),
    };
    Some(format!("⚠ {pair} conflict {over}{more}"))
}

fn are(members: &[TaskId]) -> String {
    format!("{} {}", several(members), if members.len() == 1 { "is" } else { "are" })
}
