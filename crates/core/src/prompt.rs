//! What an agent is told: a template, the user's or the default one, filled from plan and state.
//!
//! Pure text. Knows nothing of how an agent is started or of where its files lie.

mod review;
mod stack;
mod template;

pub use template::{Mistake, PLACEHOLDERS, Placeholder, Template, Wrong};

use crate::ids::{Branch, TaskId};
use crate::outcome::{Class, Failure};
use crate::plan::{Task, TaskSpec};
use crate::policy::{Attribution, Policy, Update};
use crate::state::{Kind, Round, Stack, State};
use std::fmt::Write as _;

/// The template of those who have none of their own.
pub const DEFAULT: &str = include_str!("prompt/default.md");

/// The prompt of a task's running attempt. Empty when nothing runs.
pub fn prompt(state: &State, id: &TaskId) -> String {
    let Some(at) = state.position(id) else { return String::new() };
    let (task, now) = (&state.plan.tasks[at], &state.tasks[at]);
    let Some(running) = now.running() else { return String::new() };
    match running.round() {
        Round::Main => {}
        Round::Leftovers => return leftovers(state, at),
        Round::Review => return review::prompt(state, at),
    }
    let session = now.facts.session.as_ref().filter(|session| session.agent == running.agent);
    Telling {
        policy: &state.policy,
        task,
        branch: now.facts.branch.as_ref().map_or(&*task.branch_name, |b| b.as_str()),
        target: &state.target,
        kind: running.kind,
        failure: now.facts.failure.as_ref().filter(|_| running.kind != Kind::First),
        findings: &now.facts.findings,
        note: now.facts.note.as_deref(),
        stack: state.stack(at),
        // Who goes on in a session that knows the task is not told it again.
        heard: if session.is_none() { Heard::Nothing } else { Heard::Task },
        done: now.facts.snapshot.as_ref().map_or(0, |snapshot| snapshot.commits),
    }
    .text()
}

/// The prompt that a task's first attempt would get.
pub fn first(policy: &Policy, task: &Task, target: &Branch) -> String {
    let (branch, kind, heard) = (&*task.branch_name, Kind::First, Heard::Nothing);
    Telling {
        policy,
        task,
        branch,
        target,
        kind,
        failure: None,
        findings: &[],
        note: None,
        stack: None,
        heard,
        done: 0,
    }
    .text()
}

/// What an agent knows already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Nothing: its session is new.
    Nothing,
    /// The task, in the session that it goes on with.
    Task,
}

/// Everything that a prompt is made of.
struct Telling<'a> {
    policy: &'a Policy,
    task: &'a Task,
    branch: &'a str,
    target: &'a Branch,
    kind: Kind,
    failure: Option<&'a Failure>,
    /// What its review found and nobody has gone through yet.
    findings: &'a [String],
    note: Option<&'a str>,
    /// Work of others that it stands on.
    stack: Option<&'a Stack>,
    heard: Heard,
    /// Commits of the task that were measured before.
    done: u32,
}

impl Telling<'_> {
    fn text(&self) -> String {
        // A template of the user's was read before the run began; one that does not read now is not theirs to lose.
        let own = self.policy.prompt.as_deref().and_then(|text| Template::parse(text).ok());
        let template = own.or_else(|| Template::parse(DEFAULT).ok());
        template.map_or_else(String::new, |template| template.filled(|placeholder| self.value(placeholder)))
    }

    fn value(&self, placeholder: Placeholder) -> String {
        let spec = &self.task.spec;
        match placeholder {
            Placeholder::Task => spec.id.value.to_string(),
            Placeholder::Title => spec.title.to_string(),
            Placeholder::Module => spec.module.as_deref().unwrap_or_default().to_owned(),
            Placeholder::Branch => self.branch.to_owned(),
            Placeholder::Target => self.target.to_string(),
            Placeholder::Coverage => spec.coverage_target.map_or_else(String::new, |c| format!("{c} %")),
            Placeholder::ReportEvery => self.policy.report_every_commits.to_string(),
            Placeholder::Situation => self.situation(),
            Placeholder::Failure => {
                let mut text = self.failed();
                push(&mut text, &review::findings(self.findings));
                text
            }
            Placeholder::Note => self.note.map_or_else(String::new, |note| format!("A person adds: {note}")),
            Placeholder::Mode => self.mode(),
            Placeholder::Rules => self.rules(),
            Placeholder::CommitPlan => self.unheard(commit_plan(spec)),
            Placeholder::Body if spec.body.is_empty() => String::new(),
            Placeholder::Body => self.unheard(format!("The task as written:\n\n{}", spec.body)),
        }
    }

    /// A text, for who has not heard it yet.
    fn unheard(&self, text: String) -> String {
        match self.heard {
            Heard::Nothing => text,
            Heard::Task => String::new(),
        }
    }

    fn situation(&self) -> String {
        let mut text = self.unheard(self.place());
        let (branch, target) = (self.branch, self.target);
        let how = match self.policy.update {
            Update::Rebase => "rebase or merge",
            Update::Merge => "merge it in: commits that are there stay as they are",
        };
        let aim = match self.kind {
            Kind::First => "Read the whole task below, then the project's own instructions where it has any (AGENTS.md, \
                            CLAUDE.md, CONTRIBUTING.md, the README) and the code that the task is about. Then do it."
                .to_owned(),
            Kind::Continue => format!(
                "An earlier attempt made part of this on `{branch}`; its commits are there. Look at what is done (`git log`, \
                 `git status`), then go on from the first planned commit that is missing. Do not make again what is there."
            ),
            Kind::Verify | Kind::Recheck => repair("Verification of your work was red."),
            Kind::Ci => repair("The checks on your change, merged with the target, were red."),
            Kind::Review => "Your work is done and its checks pass. Another agent has read it before it becomes a change, and \
                             found what stands below. Look into each point: mend what is right, in further commits on the same \
                             branch, and leave as it is what is not. If no point is right: `ppe report no-change \"WHY\"`, and end."
                .to_owned(),
            Kind::Rejected => "A person has read your change and wants it otherwise; what they say stands below. Make it so, in \
                               further commits on the same branch, and run the project's checks again."
                .to_owned(),
            Kind::Restack | Kind::Conflict if self.stack.is_some() => {
                self.stack.map_or_else(String::new, |stack| stack::off(stack, (branch, target), self.policy.update))
            }
            Kind::Restack | Kind::Conflict => format!(
                "Your work no longer merges with `{target}`. Its present tip is the ref `refs/ppe/target`. Bring your branch \
                 `{branch}` onto it ({how}), resolve every conflict so that both sides keep their meaning, and \
                 commit. You are done when `refs/ppe/target` is an ancestor of your branch and the project's checks pass."
            ),
        };
        push(&mut text, &aim);
        text
    }

    /// Where the agent is.
    fn place(&self) -> String {
        let spec = &self.task.spec;
        let module = spec
            .module
            .as_deref()
            .map_or(String::new(), |m| format!(" The task belongs to the module `{m}`."));
        let coverage = spec.coverage_target.map_or(String::new(), |c| {
            format!(" Write tests with the code: the coverage of what you touch is to be {c} % or above.")
        });
        let began = match self.stack {
            Some(stack) => stack::beginning(stack, self.target),
            None => format!("at the tip of `{}`", self.target),
        };
        format!(
            "You are in a private clone of the repository, on the branch `{}`, which began {began}.{module}{coverage}",
            self.branch
        )
    }

    fn failed(&self) -> String {
        let Some(failure) = self.failure else { return String::new() };
        let output = |text: &str| match failure.detail.as_str() {
            "" => text.to_owned(),
            detail => format!("{text}\n\nThe end of the output:\n\n{detail}"),
        };
        match self.kind {
            Kind::First | Kind::Restack | Kind::Rejected => String::new(),
            Kind::Review if failure.class == Class::Operator => String::new(),
            Kind::Continue | Kind::Review => format!("The last attempt ended so: {}", failure.summary),
            Kind::Conflict => format!("What did not merge: {}", failure.summary),
            Kind::Verify | Kind::Ci | Kind::Recheck => output(&format!("What failed: {}", failure.summary)),
        }
    }

    /// Where to stop.
    fn mode(&self) -> String {
        match self.kind {
            Kind::First | Kind::Continue => {
                crate::scope::instruction(&self.task.spec, self.policy.mode, self.done).unwrap_or_default()
            }
            Kind::Verify
            | Kind::Ci
            | Kind::Conflict
            | Kind::Restack
            | Kind::Review
            | Kind::Rejected
            | Kind::Recheck => String::new(),
        }
    }

    fn rules(&self) -> String {
        let (every, branch) = (self.policy.report_every_commits, self.branch);
        let attribution = match self.policy.attribution {
            Attribution::Forbid => {
                "- Name no AI, model or agent as author or helper: not in messages, trailers, author or committer, not in files.\n"
            }
            Attribution::Allow => "",
        };
        format!(
            "How to work:\n\
             - Follow the commit plan one commit at a time, in its order and with the planned subjects. Where there is none, \
             make small commits that each stand alone. A planned commit that proves needless is left out, never made empty.\n\
             - Run the project's own checks (build, tests, formatting) after each commit, and go on only when they pass.\n\
             - Report progress every {every} commits: `ppe report commit N`, N being how many you have made, and `ppe report \
             phase \"NAME\"` when a phase begins.\n\
             - Stay on `{branch}`. Do not push or fetch, do not open pull requests, do not make, switch, rewrite or delete other \
             branches, do not touch remotes or git's configuration.\n\
             - End with every change committed: no file left over, no program left running.\n\
             {attribution}\
             - Nobody reads along. Where the task leaves a choice open, take the usual one and say so in the commit.\n\
             - If nothing needs to be changed: `ppe report no-change \"WHY\"`, and end.\n\
             - If a decision is not yours to make: `ppe report question \"TEXT\" --option \"A\" --option \"B\" [--default \"A\"]`, and \
             end. You are started again with the answer.\n\
             - If you cannot go on without a person: `ppe report blocked \"WHY\"`, and end.\n\
             - Where the shell does not find `ppe`, write `\"$PPE_PROGRAM\"` in its place."
        )
    }
}

fn repair(what: &str) -> String {
    format!(
        "{what} Find the cause and repair it, not the test, in further commits on the same branch. If you are sure that the work \
         is not to blame: `ppe report flaky \"WHY\"`, and end."
    )
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

/// A change's body: what it is, and its measured size.
pub fn change_body(state: &State, at: usize) -> String {
    let (task, facts) = (&state.plan.tasks[at], &state.tasks[at].facts);
    let mut text = format!("Task {} of {}: {}.", task.spec.id.value, state.plan.name, task.spec.title);
    let _written = write!(text, " Planned in `{}`.", task.spec.id.spot.file);
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
    if let Some(coverage) = facts.coverage {
        push(&mut text, &format!("Test coverage: {coverage}"));
    }
    if let Some(review) = &facts.review {
        push(&mut text, &review::line(review));
    }
    if let Some(stack) = state.stack(at) {
        push(&mut text, &stack::line(state, stack));
    }
    text
}

#[cfg(test)]
mod tests;
