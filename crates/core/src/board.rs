//! What a task's card on a board is to say: its column, and a block of text in its description. Knows nothing of how
//! boards are reached, nor of what people do to cards.

use crate::card::Column;
use crate::ids::TaskId;
use crate::state::{Closure, Kind, Satisfies, State, Step, Stop, Task, Wish};
use crate::text::shown;
use std::fmt::Write as _;

/// Where a task's card belongs; none for a task that is not part of the run.
pub fn wanted(state: &State, at: usize) -> Option<Column> {
    let task = &state.tasks[at];
    if is_being_given_up(task) {
        return Some(Column::Cancelled);
    }
    Some(match &task.step {
        Step::Outside => return None,
        Step::Waiting | Step::Ready { kind: Kind::First } if task.facts.attempts == 0 => Column::Todo,
        Step::Waiting
        | Step::Ready { .. }
        | Step::Running(_)
        | Step::Backoff { .. }
        | Step::Parked { .. } => Column::InProgress,
        Step::Held { .. } if task.facts.change.is_none() => Column::InProgress,
        Step::Publishing | Step::Published | Step::Open | Step::InLane | Step::Held { .. } => {
            Column::InReview
        }
        Step::Closed(Closure::Skipped(Satisfies::No) | Closure::Cancelled) => Column::Cancelled,
        Step::Closed(_) => Column::Done,
    })
}

/// Whether a task is over as soon as its attempt or candidate has ended.
fn is_being_given_up(task: &Task) -> bool {
    let stop = task.running().and_then(|running| running.stop);
    matches!(stop, Some(Stop::Cancel | Stop::Skip(Satisfies::No)))
        || matches!(task.facts.wish, Some(Wish::Cancel | Wish::Skip(Satisfies::No)))
}

/// Where a card has to be moved: it is not where it belongs, and no person is asked about it.
pub fn misplaced(state: &State, at: usize) -> Option<Column> {
    let task = state.id(at);
    let card = state.board.cards.get(task)?;
    let wanted = wanted(state, at)?;
    (card.column != wanted && !state.board.is_asked_about(state, task)).then_some(wanted)
}

const BEGIN: &str = "<!-- ppe: progress -->";
const END: &str = "<!-- ppe: end -->";

/// How a task stands, for its card: commits by phase, its coverage where that was measured, and its change, whose number
/// completes `change_url`.
pub fn progress(state: &State, at: usize, change_url: Option<&str>) -> String {
    let (spec, task) = (&state.plan.tasks[at].spec, &state.tasks[at]);
    let (made, planned) = (task.commits(), spec.planned_commits());
    let mut text = format!("{made}/{planned} commits");
    let mut left = made;
    for (phase, name) in (0_u32..).zip(&spec.phases) {
        let of_phase = spec.commits.iter().filter(|commit| commit.phase == Some(phase)).count();
        let of_phase = u32::try_from(of_phase).unwrap_or(u32::MAX);
        let done = left.min(of_phase);
        left -= done;
        let _written = write!(text, "\n- {name}: {done}/{of_phase}");
    }
    if let Some(coverage) = task.facts.coverage {
        let _written = write!(text, "\n\nTest coverage: {coverage}");
    }
    if let Some(change) = task.facts.change {
        let link = change_url.map_or_else(String::new, |url| format!(": {url}{}", change.0));
        let _written = write!(text, "\n\nPR #{}{link}", change.0);
    }
    if let Step::Held { failure, .. } = &task.step {
        let why = crate::wording::first_line(&failure.summary, 200);
        let _written = write!(text, "\n\nNeeds a person: {why}");
    }
    // Boards make people, tags and texts of what follows an at sign, and a mark would end the block.
    shown_lines(&text).replace('<', "&lt;").replace('@', "&#64;")
}

fn shown_lines(text: &str) -> String {
    text.lines().map(|line| shown(line).into_owned()).collect::<Vec<_>>().join("\n")
}

/// A description with a block of ours, in the place of the one that it had, else at its end. All else of it stays.
pub fn with_progress(description: &str, progress: &str) -> String {
    let block = format!("{BEGIN}\n{progress}\n{END}");
    if let Some((before, rest)) = description.split_once(BEGIN)
        && let Some((_, after)) = rest.split_once(END)
    {
        return format!("{before}{block}{after}");
    }
    if description.trim().is_empty() { block } else { format!("{description}\n\n{block}") }
}

/// That the cards of these tasks do not say how they stand, and why, in words.
pub fn text_kept_in_words<'a>(tasks: impl IntoIterator<Item = &'a TaskId>) -> String {
    let tasks: Vec<TaskId> = tasks.into_iter().cloned().collect();
    let tasks = crate::wording::several(&tasks);
    format!("cards do not say how their tasks stand, since the board would replace an `@word` there: {tasks}")
}

/// A description without the block of ours.
pub fn without_progress(description: &str) -> String {
    match description.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1))) {
        Some((before, after)) => format!("{before}{after}"),
        None => description.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_all_that_is_not_ours() {
        let first = with_progress("Do it.\r\nAsk @uma.\n", "1/2 commits");
        assert!(first.starts_with("Do it.\r\nAsk @uma.\n\n\n<!-- ppe"), "{first}");
        let moved = first.replace(END, &format!("{END}\nA person's word."));
        let second = with_progress(&moved, "2/2 commits");
        assert!(second.contains("2/2 commits") && !second.contains("1/2"), "{second}");
        assert!(second.ends_with("\nA person's word."), "{second}");
        assert_eq!(with_progress(&second, "2/2 commits"), second);
        assert_eq!(without_progress(&first), "Do it.\r\nAsk @uma.\n\n\n");
        assert_eq!(with_progress(" ", "x"), format!("{BEGIN}\nx\n{END}"));
    }
}
