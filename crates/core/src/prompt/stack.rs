//! What is told of work that a task stands on and that has not landed: to its agent, and in its change.

use crate::ids::{Branch, TaskId};
use crate::policy::Update;
use crate::state::{Stack, State};
use crate::wording::{list, short};

fn tasks(stack: &Stack) -> Vec<TaskId> {
    stack.parents.iter().map(|parent| parent.task.clone()).collect()
}

/// Where a branch began, as the rest of a sentence.
pub(super) fn beginning(stack: &Stack, target: &Branch) -> String {
    let base = stack.base.as_ref().map_or("", |commit| commit.as_str());
    format!(
        "at the finished work of {}, commit {base}, which is still to land on `{target}`: build on it, and leave its commits \
         as they are",
        list(&tasks(stack))
    )
}

/// What to do once what it stood on has landed.
pub(super) fn off(stack: &Stack, (branch, target): (&str, &Branch), update: Update) -> String {
    let base = stack.base.as_ref().map_or("", |commit| commit.as_str());
    let how = match update {
        Update::Rebase => format!("`git rebase --onto refs/ppe/target {base}` moves just these"),
        Update::Merge => "merge it in: commits that are there stay as they are".to_owned(),
    };
    format!(
        "Your work began on that of {tasks}, which has landed on `{target}` since. The present tip of `{target}` is the ref \
         `refs/ppe/target`. Your own commits are those after {base}: bring your branch `{branch}` onto the target ({how}), \
         resolve every conflict so that both sides keep their meaning, and commit. You are done when `refs/ppe/target` is an \
         ancestor of your branch and the project's checks pass.",
        tasks = list(&tasks(stack))
    )
}

/// What a change says of what it is stacked on.
pub(super) fn line(state: &State, stack: &Stack) -> String {
    let of = |task: &TaskId| {
        let branch = state.task(task).and_then(|t| t.facts.branch.as_ref());
        branch.map_or_else(|| task.to_string(), |branch| format!("{task} (`{branch}`)"))
    };
    let parents: Vec<String> = stack.parents.iter().map(|parent| of(&parent.task)).collect();
    let base = stack.base.as_ref().map_or("", short);
    format!(
        "Stacked on {}: its own commits are those after {base}. It is brought onto `{}` and lands once that has landed.",
        parents.join(", "),
        state.target
    )
}
