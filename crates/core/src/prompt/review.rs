//! What a reviewer is told, and what is said of the review in the change.

use super::{commit_plan, push};
use crate::state::{Review, State};

/// The most points that a reviewer is asked for: who is given more mends none of them well.
const MOST: u32 = 10;

/// The prompt of a running attempt's review.
pub(super) fn prompt(state: &State, at: usize) -> String {
    let (task, facts) = (&state.plan.tasks[at], &state.tasks[at].facts);
    let spec = &task.spec;
    let branch = facts.branch.as_ref().map_or(&*task.branch_name, |b| b.as_str());
    let base = facts.base.as_ref().map_or("", |commit| commit.as_str());
    let mut text = format!(
        "Review the work of another agent on task {id}: {title}. Change nothing.\n\nYou are in a clone that is yours alone and \
         is thrown away, on the branch `{branch}`. The work is `git log {base}..HEAD`, its lines are `git diff {base}...HEAD`. \
         The project's checks have passed on it.",
        id = spec.id.value,
        title = spec.title
    );
    push(&mut text, &rules());
    push(&mut text, &commit_plan(spec));
    if !spec.body.is_empty() {
        push(&mut text, &format!("The task as written:\n\n{}", spec.body));
    }
    text
}

fn rules() -> String {
    format!(
        "What to look for, in this order: what the task asks for and the work does not do; what it does wrongly (errors, lost \
         cases, races, leaks, holes in security); what it breaks elsewhere; tests that cannot fail. Not matters of taste, nor \
         what the project's own checks would find. Make sure of each point in the code before you name it.\n\n\
         Report each point by `ppe report finding \"FILE:LINE: WHAT IS WRONG AND WHEN IT SHOWS\"`, the gravest first, at most \
         {MOST}. Where the shell does not find `ppe`, write `\"$PPE_PROGRAM\"` in its place. If there is nothing to find, report \
         nothing. Then end."
    )
}

/// What came of the review, for the change's body, where no agent is named.
pub(super) fn line(review: &Review) -> String {
    match review {
        Review::Clean => "Review before opening: nothing found.".to_owned(),
        Review::Findings(1) => "Review before opening: 1 point, sent back.".to_owned(),
        Review::Findings(n) => format!("Review before opening: {n} points, sent back."),
        Review::LeftOut(_) => "Review before opening: left out.".to_owned(),
    }
}

/// What a review found, for the agent whose work it is.
pub(super) fn findings(findings: &[String]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let numbered = findings.iter().enumerate().map(|(at, text)| format!("{}. {text}", at + 1));
    format!("What the review found:\n\n{}", numbered.collect::<Vec<_>>().join("\n"))
}
