//! What stands in the run's way or waits for an answer: pauses, questions, deferred wishes, the lane.

use crate::decide::{HoldBack, awaited, gives_way_to, hold_back, still_to_come};
use crate::ids::{CandidateId, Millis, QuestionId, TaskId};
use crate::intent::Intent;
use crate::outcome::Shortage;
use crate::policy::MergeStrategy;
use crate::question::{Answer, Ask};
use crate::state::{Conflict, Freeze, Matter, PauseCause, Stage, State, Step};
use crate::wording::{list, several, short, span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A question as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// Its id, `q3` in commands.
    pub id: QuestionId,
    /// The question.
    pub text: String,
    /// What may be answered.
    pub choices: Vec<Offer>,
    /// What applies when nobody answers.
    pub default: Answer,
    /// When that is; none while it waits for ever.
    pub until: Option<Millis>,
    /// The task it is about, where it is about one.
    pub task: Option<TaskId>,
}

/// One answer that may be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The answer.
    pub answer: Answer,
    /// What it leads to.
    pub effect: String,
}

/// A reason why nothing new starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The reason.
    pub cause: PauseCause,
    /// In words.
    pub text: String,
    /// The command that goes on.
    pub command: String,
}

/// An account that has, or lately had, too little.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// The account.
    pub account: String,
    /// Until when nothing of it starts; none once that time is over.
    pub until: Option<Millis>,
    /// So many of its agents work at once, at most.
    pub width: u32,
    /// In words.
    pub text: String,
}

/// A wish that failed and waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The wish.
    pub intent: Intent,
    /// When it is tried again.
    pub until: Millis,
    /// How often it failed in a row.
    pub times: u32,
    /// Whose matter it is.
    pub matter: Matter,
    /// In words: `the lane waits: …`
    pub text: String,
}

/// The lane of the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneLine {
    /// In words; none while it is empty.
    pub text: Option<String>,
    /// Why it stands still.
    pub frozen: Option<String>,
    /// Candidates under way.
    pub candidates: Vec<CandidateLine>,
    /// Tasks whose changes wait, in order of arrival.
    pub queue: Vec<TaskId>,
}

/// A candidate under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateLine {
    /// Its id.
    pub id: CandidateId,
    /// Its tasks.
    pub members: Vec<TaskId>,
    /// What happens to it.
    pub stage: String,
}

/// The open questions, the oldest first.
pub(super) fn questions(state: &State) -> Vec<OpenQuestion> {
    let timeout_ms = state.policy.question_timeout_ms;
    let shown = |(id, open): (&QuestionId, &crate::state::Question)| OpenQuestion {
        id: *id,
        text: open.ask.text(),
        choices: open
            .ask
            .choices()
            .into_iter()
            .map(|choice| Offer { answer: choice.answer, effect: choice.effect.into_owned() })
            .collect(),
        default: open.ask.default_answer(),
        until: (timeout_ms > 0).then(|| open.asked.plus(timeout_ms)),
        task: open.ask.task().cloned(),
    };
    state.questions.iter().map(shown).collect()
}

/// Why nothing new starts, each with the command that goes on.
pub(super) fn pauses(state: &State) -> Vec<Pause> {
    state.paused.iter().map(|cause| pause(state, cause)).collect()
}

/// What the last question about it told; tasks that fail meanwhile begin to be counted anew.
fn failed_alike(state: &State) -> String {
    let open = state.questions.values().map(|open| &open.ask);
    let settled = state.settled.iter().map(|(ask, _)| ask).rev();
    let told = open.chain(settled).find_map(|ask| match ask {
        Ask::SameCause { tasks, summary } => Some(format!("{} failed alike ({summary})", list(tasks))),
        _ => None,
    });
    told.unwrap_or_else(|| "several tasks failed alike".to_owned())
}

fn pause(state: &State, cause: &PauseCause) -> Pause {
    let unpause = || "ppe unpause".to_owned();
    let answer = |about: fn(&Ask) -> bool| {
        let open = state.questions.iter().find(|(_, open)| about(&open.ask));
        open.map(|(id, open)| {
            let words: Vec<&str> = open.ask.choices().iter().map(|choice| choice.answer.word()).collect();
            format!("ppe answer {id} {}", words.join("|"))
        })
    };
    let (text, command) = match cause {
        PauseCause::Operator => ("paused by you".to_owned(), unpause()),
        PauseCause::Machine(why) => {
            (format!("the machine cannot take more ({why}); tried again by itself"), unpause())
        }
        PauseCause::Agent { agent, why } => (format!("{agent} cannot work ({why})"), unpause()),
        PauseCause::TargetRed => {
            let repair = state.open_repair();
            let held = |task: &TaskId| matches!(state.task(task).map(|t| &t.step), Some(Step::Held { .. }));
            let by = repair.map_or(String::new(), |task| {
                if held(task) {
                    format!("; {task}, which is to repair it, needs you")
                } else {
                    format!("; {task} is to repair it")
                }
            });
            let other = || match repair {
                Some(task) if held(task) => format!("ppe retry {task}"),
                Some(task) => format!("ppe logs {task}"),
                None => unpause(),
            };
            (
                format!("the target {} is red{by}", state.target),
                answer(|ask| matches!(ask, Ask::TargetRed { .. })).unwrap_or_else(other),
            )
        }
        PauseCause::SameCause => {
            (failed_alike(state), answer(|ask| matches!(ask, Ask::SameCause { .. })).unwrap_or_else(unpause))
        }
        PauseCause::Budget => (
            "the budget is spent".to_owned(),
            answer(|ask| matches!(ask, Ask::Budget { .. })).unwrap_or_else(unpause),
        ),
        PauseCause::TargetRewritten => (
            format!("the target {} lost what had landed", state.target),
            answer(|ask| matches!(ask, Ask::TargetRewritten { .. }))
                .unwrap_or_else(|| "ppe status".to_owned()),
        ),
    };
    Pause { cause: cause.clone(), text, command }
}

/// Why a free slot stays free, where that is not plain from the rest.
pub(super) fn holding_back(state: &State) -> Option<String> {
    if state.ready_count() == 0 {
        return None;
    }
    match hold_back(state)? {
        HoldBack::Ramp => {
            Some(format!("{} tasks at first; the full width once one has landed", state.policy.ramp))
        }
        HoldBack::Unchecked => {
            Some(format!("{} is checked first: what landed last was not, as it landed", state.target))
        }
        HoldBack::OpenChanges => Some(format!(
            "more than {} changes wait for you; nothing new starts until some are approved or merged",
            state.policy.open_changes
        )),
        HoldBack::Budget => Some("the agents at work may use up the budget".to_owned()),
        HoldBack::Stopping | HoldBack::Paused | HoldBack::SlotsFull | HoldBack::Stagger(_) => None,
    }
}

/// Accounts that have, or lately had, too little.
pub(super) fn breakers(state: &State, now: Millis) -> Vec<Breaker> {
    let shown = |(account, breaker): (&String, &crate::state::Breaker)| {
        let (width, lacks) = (breaker.width, lacks(breaker.shortage));
        let text = match breaker.until {
            Some(until) => format!("{account} {lacks}; again in {}", span(until.since(now))),
            None => format!("{account} {lacks} before; {width} at once until it holds"),
        };
        Breaker { account: account.clone(), until: breaker.until, width, text }
    };
    state.breakers.iter().map(shown).collect()
}

fn lacks(shortage: Shortage) -> &'static str {
    match shortage {
        Shortage::Servers => "had no capacity",
        Shortage::Rate => "was asked too often",
        Shortage::Allowance => "had no allowance left",
    }
}

/// Wishes that failed and wait.
pub(super) fn waiting(state: &State, now: Millis) -> Vec<Waiting> {
    let shown = |(intent, deferred): (&Intent, &crate::state::Deferred)| Waiting {
        intent: intent.clone(),
        until: deferred.until,
        times: deferred.times,
        matter: deferred.matter,
        text: match deferred.until.since(now) {
            0 => format!("{}: {}; tried again now", what_waits(intent), deferred.why),
            wait => format!("{}: {}; tried again in {}", what_waits(intent), deferred.why, span(wait)),
        },
    };
    state.deferred.iter().map(shown).collect()
}

fn what_waits(intent: &Intent) -> String {
    match intent {
        Intent::EnsureCandidate { .. } | Intent::EnsureLanded { .. } => "the lane waits".to_owned(),
        Intent::EnsureChecked { .. } => "the lane's checks wait".to_owned(),
        Intent::EnsurePreloaded { task } | Intent::EnsureWorkspace { task, .. } => {
            format!("{task} waits for its workspace")
        }
        Intent::EnsureAgent { task, .. } => format!("{task} waits for its agent"),
        Intent::EnsureStopped { task, .. } => format!("{task} is still being stopped"),
        Intent::EnsureSnapshot { task, .. } => format!("{task} waits to be measured"),
        Intent::EnsureVerified { task, .. } => format!("{task} waits to be verified"),
        Intent::EnsurePublished { task } => format!("{task} waits for its branch"),
        Intent::EnsureChange { task } => format!("{task} waits for its PR"),
        Intent::EnsureHeadJudged { task, .. } => format!("what is to be stacked on {task} waits for its CI"),
        Intent::EnsureLabelled { task } => format!("{task} waits for its label"),
        Intent::EnsureReleased { task } => format!("{task}'s workspace still stands"),
    }
}

/// The lane of the target.
pub(super) fn lane(state: &State) -> LaneLine {
    let lane = &state.lane;
    let candidates: Vec<CandidateLine> = lane
        .chain
        .iter()
        .map(|candidate| CandidateLine {
            id: candidate.id,
            members: candidate.members.clone(),
            stage: stage(&candidate.stage, candidate.members.len()),
        })
        .collect();
    let frozen = lane.frozen.as_ref().map(|why| match why {
        Freeze::TargetRed(commit) => format!("{} is red at {}", state.target, short(commit)),
        Freeze::Rechecking(commit) => format!("{} is being checked again at {}", state.target, short(commit)),
        Freeze::Races(task) => format!("{task} lost too many races for {}", state.target),
    });
    let under_way = candidates.iter().map(|c| format!("{} {}", several(&c.members), c.stage));
    let mut parts: Vec<String> = frozen.iter().map(|why| format!("frozen: {why}")).chain(under_way).collect();
    match lane.queue.len() {
        0 => {}
        1 => parts.push("1 change waits".to_owned()),
        n => parts.push(format!("{n} changes wait")),
    }
    parts.extend(awaited_by_batch(state).map(|tasks| format!("the batch waits for {}", several(&tasks))));
    let gives_way = |id: &TaskId| {
        let rival = gives_way_to(state, id)?;
        Some(format!("{id} lets {rival} pass, with which it does not merge"))
    };
    parts.extend(lane.queue.iter().find_map(gives_way));
    let text = (!parts.is_empty()).then(|| parts.join(", "));
    LaneLine { text, frozen, candidates, queue: lane.queue.clone() }
}

/// Branches of open tasks that did not merge when they were looked at last.
pub(super) fn conflicts(state: &State) -> Vec<Conflict> {
    let is_open = |task: &TaskId| state.task(task).is_some_and(|t| !t.is_closed());
    state.radar.conflicts.iter().filter(|conflict| conflict.tasks.iter().all(is_open)).cloned().collect()
}

/// The tasks that the batches of the waiting changes wait for, if they do.
fn awaited_by_batch(state: &State) -> Option<Vec<TaskId>> {
    let waits = state.policy.merge_strategy == MergeStrategy::Batch && state.lane.chain.is_empty();
    let wave = |id: &TaskId| state.position(id).map(|at| state.plan.tasks[at].wave);
    let waves: BTreeSet<u32> = state.lane.queue.iter().filter_map(wave).collect();
    let tasks: Vec<TaskId> = waves.into_iter().flat_map(|wave| awaited(state, wave)).collect();
    (waits && !tasks.is_empty()).then_some(tasks)
}

/// What happens to a candidate of this many changes.
fn stage(stage: &Stage, members: usize) -> String {
    let (is, was, waits) = if members == 1 { ("is", "was", "waits") } else { ("are", "were", "wait") };
    match stage {
        Stage::Building => format!("{is} being brought onto the target"),
        Stage::Checking { run: 0 | 1, .. } => format!("{is} being checked"),
        Stage::Checking { .. } => format!("{was} red and {is} being checked again"),
        Stage::Red { .. } => format!("{was} red and {waits} for what is before"),
        Stage::CheckingBase { .. } => format!("{was} red twice; the target is being checked"),
        Stage::Green { .. } => format!("{is} green and {waits} for what is before"),
        Stage::Landing { .. } => format!("{is} being landed"),
    }
}

/// What happens to a task that is out of its agent's hands: `PR #159 created, CI pending...`
pub fn review_line(state: &State, at: usize) -> String {
    let (task, id) = (&state.tasks[at], state.id(at));
    let facts = &task.facts;
    let Some(change) = facts.change else {
        return match (&task.step, &facts.branch) {
            (Step::Published, Some(branch)) => format!("{branch} published; waits to be merged"),
            (_, Some(branch)) => format!("Verified, publishing {branch}..."),
            (_, None) => "Verified, publishing its branch...".to_owned(),
        };
    };
    let made = format!("PR {change} created");
    if matches!(task.step, Step::Open) && state.lands_later(at) {
        let before: Vec<TaskId> = state.unmet(at).map(|need| state.id(need).clone()).collect();
        return format!("{made}, lands after {}", several(&before));
    }
    if matches!(task.step, Step::Open) && !state.is_approved(at) {
        return match still_to_come(state, state.plan.tasks[at].wave).len() {
            0 => format!("{made}, waits for your approval"),
            n => format!("{made}, approved with its wave, of which {n} are still to come"),
        };
    }
    let candidate = state.lane.chain.iter().find(|c| c.members.contains(id));
    let with = match candidate.map_or(1, |c| c.members.len()) {
        1 => String::new(),
        2 => " with another".to_owned(),
        n => format!(" with {} others", n - 1),
    };
    match (candidate.map(|c| &c.stage), &task.step) {
        (Some(Stage::Checking { run: 0 | 1, .. }), _) => format!("{made}, CI pending{with}..."),
        (Some(Stage::Checking { .. }), _) => format!("{made}, CI was red{with}, pending once more..."),
        (Some(Stage::Red { .. }), _) => format!("{made}, CI was red{with}, waits for those before..."),
        (Some(Stage::CheckingBase { .. }), _) => format!("{made}, CI was red{with}, checking the target..."),
        (Some(Stage::Green { .. }), _) => format!("{made}, CI passed{with}, waits for those before..."),
        (Some(Stage::Landing { .. }), _) => format!("{made}, CI passed{with}, landing..."),
        (Some(Stage::Building), _) => format!("{made}, being brought onto {}{with}...", state.target),
        (None, Step::InLane) => {
            if let Some(rival) = gives_way_to(state, id) {
                return format!("{made}, lets {rival} pass, with which it does not merge");
            }
            match (awaited_by_batch(state), state.lane.queue.iter().position(|t| t == id)) {
                (Some(tasks), _) => format!("{made}, waits for {} of its wave", several(&tasks)),
                (None, Some(0) | None) => format!("{made}, next in the merge lane"),
                (None, Some(ahead)) => format!("{made}, {ahead} ahead of it in the merge lane"),
            }
        }
        (None, _) => format!("{made}, CI pending..."),
    }
}
