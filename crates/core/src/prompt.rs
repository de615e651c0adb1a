//! What an agent is told: the default prompt, and what a repair, a conflict or leftovers add to it.
//!
//! Pure text from plan and state. Knows nothing of how an agent is started or of where its files lie.

use crate::ids::TaskId;
use crate::plan::{Task, TaskSpec};
use crate::policy::Attribution;
use crate::state::{Kind, Round, State};
use std::fmt::Write as _;

/// The prompt of a task's running attempt. Empty when nothing runs.
pub fn prompt(state: &State, id: &TaskId) -> String {
    let Some(at) = state.position(id) else { return String::new() };
    let (task, now) = (&state.plan.tasks[at], &state.tasks[at]);
    let Some(running) = now.running() else { return String::new() };
    if running.round() == Round::Leftovers {
        return leftovers(state, at);
    }
    let mut text = String::new();
    let branch = now.facts.branch.as_ref().map_or(&*task.branch_name, |b| b.as_str());
    let target = &state.target;
    push(&mut text, &format!("Execute task {id} autonomously: {}", task.spec.title));
    match running.kind {
        Kind::First => push(&mut text, &first_words(state, task, branch)),
        Kind::Verify | Kind::Recheck => {
            push(&mut text, &repair(state, at, "Verification of your work was red"));
        }
        Kind::Ci => {
            push(
                &mut text,
                &repair(state, at, "The checks on your change, merged with the target, were red"),
            );
        }
        Kind::Conflict => push(
            &mut text,
            &format!(
                "Your work no longer merges with `{target}`. Its present tip is the ref `refs/ppe/target`. Bring your branch \
                 `{branch}` onto it (rebase or merge), resolve every conflict so that both sides keep their meaning, and \
                 commit. You are done when `refs/ppe/target` is an ancestor of your branch and the project's checks pass."
            ),
        ),
        Kind::Continue => push(
            &mut text,
            &format!(
                "An earlier attempt made part of this on `{branch}`; its commits are there. Look at what is done, then go \
                 on from the first planned commit that is missing.{}",
                now.facts
                    .failure
                    .as_ref()
                    .map_or(String::new(), |f| format!("\nThe last attempt ended so: {}", f.summary))
            ),
        ),
    }
    if let Some(note) = &now.facts.note {
        push(&mut text, &format!("A person adds: {note}"));
    }
    if matches!(running.kind, Kind::First | Kind::Continue) {
        let done = now.facts.snapshot.as_ref().map_or(0, |s| s.commits);
        push(&mut text, &crate::scope::instruction(&task.spec, state.policy.mode, done).unwrap_or_default());
    }
    push(&mut text, &rules(state, branch));
    if matches!(running.kind, Kind::First | Kind::Continue) {
        push(&mut text, &commit_plan(&task.spec));
        if !task.spec.body.is_empty() {
            push(&mut text, &format!("The task as written:\n\n{}", task.spec.body));
        }
    }
    text
}

fn push(text: &mut String, part: &str) {
    if part.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(part.trim_end());
}

fn first_words(state: &State, task: &Task, branch: &str) -> String {
    let module =
        task.spec.module.as_deref().map_or(String::new(), |m| format!(" It belongs to the module `{m}`."));
    let coverage = task
        .spec
        .coverage_target
        .map_or(String::new(), |c| format!(" Keep the test coverage of what you touch at {c} % or above."));
    format!(
        "You are in a private clone of the repository, on the branch `{branch}`, which begins at the tip of `{}`.{module}{coverage}",
        state.target
    )
}

fn repair(state: &State, at: usize, what: &str) -> String {
    let Some(failure) = &state.tasks[at].facts.failure else {
        return format!("{what}. Find out why, repair it on the branch, and commit.");
    };
    let detail = if failure.detail.is_empty() {
        String::new()
    } else {
        format!("\n\nThe end of the output:\n\n{}", failure.detail)
    };
    format!(
        "{what}: {}. Repair the cause, not the test, in further commits on the same branch. If you are sure that the work is not \
         to blame, report `flaky` with your reason.{detail}",
        failure.summary
    )
}

fn leftovers(state: &State, at: usize) -> String {
    let task = &state.plan.tasks[at];
    let planned = task.spec.planned_commits();
    let snapshot = state.tasks[at].facts.snapshot.as_ref();
    let done = snapshot.map_or(0, |s| s.commits);
    let mut text = format!("Task {}: your work is not finished.", task.spec.id.value);
    if let Some(crate::outcome::Leftovers::Files(files)) = snapshot.map(|s| s.leftovers) {
        let noun = if files == 1 { "file is" } else { "files are" };
        push(
            &mut text,
            &format!(
                "{files} {noun} not committed. Commit what belongs to the task and remove what does not."
            ),
        );
    }
    let places = snapshot.map_or(&[][..], |s| &s.attributed);
    if !places.is_empty() {
        let list: Vec<String> = places.iter().map(|place| format!("- {place}")).collect();
        push(
            &mut text,
            &format!(
                "It names an AI as its author, which this project does not want: not in messages, trailers, author or \
                 committer, and not in the lines it adds. Reword these commits of yours and change these lines; leave all \
                 else as it is:\n{}",
                list.join("\n")
            ),
        );
    }
    if done < planned {
        push(
            &mut text,
            &format!(
                "The plan asks for {planned} commits and the branch has {done}. Make those that are missing, or report `no-change` \
                 with the reason if they are not needed."
            ),
        );
        push(&mut text, &commit_plan(&task.spec));
    }
    text
}

fn rules(state: &State, branch: &str) -> String {
    let every = state.policy.report_every_commits;
    let signed = match state.policy.attribution {
        Attribution::Forbid => {
            " Name no AI and no agent as the author: not in messages, trailers, author or committer, not in files."
        }
        Attribution::Allow => "",
    };
    format!(
        "How to work:\n\
         - Follow the commit plan one commit at a time, with the planned subjects. Run the project's own checks after each.\n\
         - Report progress every {every} commits: `ppe report commit N`, and `ppe report phase \"NAME\"` when a phase begins.\n\
         - Stay on `{branch}`. Do not push, do not open pull requests, do not touch other branches or remotes.\n\
         - Leave nothing uncommitted.{signed}\n\
         - If nothing needs to be changed: `ppe report no-change \"WHY\"`, and end.\n\
         - If you cannot go on without a person: `ppe report blocked \"WHY\"`, and end.\n\
         - If you need a decision: `ppe report question \"TEXT\" --option A --option B`, and end; the answer comes with the next prompt.\n\
         - Where the program `ppe` is not at hand, print the same as a line of JSON, such as {{\"report\":\"blocked\",\"why\":\"…\"}}."
    )
}

fn commit_plan(spec: &TaskSpec) -> String {
    if spec.commits.is_empty() {
        return String::new();
    }
    let mut text = format!("Commit plan ({} commits):", spec.commits.len());
    let mut phase = None;
    for (at, commit) in spec.commits.iter().enumerate() {
        if commit.phase.is_some() && commit.phase != phase {
            phase = commit.phase;
            let index = phase.map_or(0, |p| p as usize);
            let name = spec.phases.get(index).map_or("", |n| &**n);
            let _written = write!(text, "\nPhase {}: {name}", index + 1);
        }
        let _written = write!(text, "\n{:>4}. {}", at + 1, commit.subject);
        if !commit.files.is_empty() {
            let files: Vec<&str> = commit.files.iter().map(|f| &**f).collect();
            let _written = write!(text, " ({})", files.join(", "));
        }
    }
    text
}

/// A change's title: `[T-001] GraphQL Subscriptions`.
pub fn change_title(spec: &TaskSpec) -> String {
    format!("[{}] {}", spec.id.value, spec.title)
}

/// A change's body: what it is, its commits, and its measured size.
pub fn change_body(state: &State, at: usize) -> String {
    let (task, facts) = (&state.plan.tasks[at], &state.tasks[at].facts);
    let mut text = format!("Task {} of {}: {}.", task.spec.id.value, state.plan.name, task.spec.title);
    if let Some(module) = &task.spec.module {
        let _written = write!(text, " Module `{module}`.");
    }
    if let Some(snapshot) = &facts.snapshot {
        push(
            &mut text,
            &format!(
                "- Commits: {} (planned {})\n- Lines: +{} −{}\n- Tests added: {}",
                snapshot.commits,
                task.spec.planned_commits(),
                snapshot.lines_added,
                snapshot.lines_removed,
                snapshot.tests_added
            ),
        );
    }
    let subjects: Vec<_> = task.spec.commits.iter().map(|c| format!("- {}", c.subject)).collect();
    if !subjects.is_empty() {
        push(&mut text, &format!("Planned commits:\n{}", subjects.join("\n")));
    }
    text
}
