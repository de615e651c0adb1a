//! What has stood still for longer than it should: what it waits for, and the one command that frees it.
//!
//! Each step of a task has both, whatever else is going on. Knows nothing of when a standstill is told.

use super::{matter, obstacle};
use crate::decide::{
    Heads, HoldBack, awaited, gate_is_open, gives_way_to, hold_back, is_stuck, moved, stands_from,
    start_lacks,
};
use crate::ids::{Millis, TaskId};
use crate::intent::Intent;
use crate::policy::{MAX_SLOTS, MergeStrategy};
use crate::question::Ask;
use crate::state::{
    Candidate, Deferred, Due, Freeze, Hold, Matter, Park, Phase, Running, Stage, State, Step, StopMode,
    Subject,
};
use crate::wording::span;
use serde::{Deserialize, Serialize};

/// A task that has stood still for longer than it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standstill {
    /// The task.
    pub task: TaskId,
    /// Since when.
    pub since: Millis,
    /// What it waits for: `T-003 has stood still for 2h: it waits for its agent`.
    pub text: String,
    /// The command that frees it.
    pub command: String,
}

/// The standstill of a task; none while it is within its bound.
pub fn standstill(state: &State, at: usize, now: Millis) -> Option<Standstill> {
    if stands_from(state, at)? > now {
        return None;
    }
    let (task, since) = (state.id(at).clone(), moved(state, at));
    let WayOut { waits_for, command } = way_out(state, at);
    let text = format!("{task} has stood still for {}: it waits for {waits_for}", span(now.since(since)));
    Some(Standstill { task, since, text, command })
}

/// All standstills that others wait behind, the longest first.
pub(super) fn standstills(state: &State, now: Millis) -> Vec<Standstill> {
    let heads = Heads::of(state);
    let heads = (0..state.tasks.len()).filter(|at| heads.has(state, *at));
    let mut found: Vec<Standstill> = heads.filter_map(|at| standstill(state, at, now)).collect();
    found.sort_by_key(|standstill| standstill.since);
    found
}

/// What a task waits for, and what frees it.
struct WayOut {
    waits_for: String,
    command: String,
}

fn way(waits_for: impl Into<String>, command: impl Into<String>) -> WayOut {
    WayOut { waits_for: waits_for.into(), command: command.into() }
}

fn way_out(state: &State, at: usize) -> WayOut {
    let (task, id) = (&state.tasks[at], state.id(at));
    match &task.step {
        Step::Waiting => behind(state, at),
        Step::Ready { .. } => start(state, at),
        Step::Running(running) => work(state, at, running),
        Step::Backoff { .. } => way("its next attempt", format!("ppe retry {id}")),
        Step::Parked { park: Park::Room, .. } => way("a shorter queue", format!("ppe unpause {id}")),
        Step::Parked { park: Park::Operator, .. } => way("you, who paused it", format!("ppe unpause {id}")),
        Step::Parked { park: Park::Taken, .. } => way("you, who took it", format!("ppe give {id}")),
        Step::Parked { park: Park::Question(question), .. } => way(
            format!("an answer to {question}"),
            answer(state, |ask| ask.task() == Some(id), "ppe questions"),
        ),
        Step::Publishing => failed(state, at).unwrap_or_else(|| way("its branch and PR", "ppe doctor")),
        Step::Published => {
            let branch = task.facts.branch.as_ref().map(ToString::to_string).unwrap_or_default();
            way(format!("you to merge {branch}"), format!("ppe done {id} --commit {branch}"))
        }
        Step::Open if state.lands_later(at) => behind(state, at),
        Step::Open => way("your approval", format!("ppe approve {id}")),
        Step::InLane => landing(state, at),
        Step::Held { hold: Hold::Stuck, .. } => way("you: it is stuck", format!("ppe retry {id}")),
        Step::Held { hold: Hold::NeedsReview, .. } => way("your review", format!("ppe retry {id}")),
        Step::Closed(_) => way("nothing", format!("ppe reopen {id}")),
        Step::Outside => way("a run that it is part of", "ppe plan adopt"),
    }
}

/// The answer that is named first, to the question that is about this.
fn answer(state: &State, about: impl Fn(&Ask) -> bool, or: &str) -> String {
    let open = state.questions.iter().find(|(_, open)| about(&open.ask));
    let first = open.and_then(|(id, open)| Some((id, open.ask.choices().first()?.answer.word())));
    first.map_or_else(|| or.to_owned(), |(id, word)| format!("ppe answer {id} {word}"))
}

/// The first task in the way of one, through all that wait for each other.
fn behind(state: &State, at: usize) -> WayOut {
    let mut root = at;
    while matches!(state.tasks[root].step, Step::Waiting)
        || (matches!(state.tasks[root].step, Step::Open) && state.lands_later(root))
    {
        match state.unmet(root).next() {
            Some(need) => root = need,
            None => return way("its start", format!("ppe next {}", state.id(root))),
        }
    }
    let id = state.id(root);
    match (&state.tasks[root].step, obstacle::why(&state.tasks[root].step)) {
        (Step::Closed(_), Some(why)) => way(format!("{id}, which {why}"), format!("ppe retry {id}")),
        (Step::Ready { .. }, _) => {
            let WayOut { waits_for, command } = free_slot(state, root);
            way(format!("{id}, which waits for {waits_for}"), command)
        }
        (_, Some(why)) => way(format!("{id}, which {why}"), way_out(state, root).command),
        (_, None) => way(format!("{id}, which is on its way"), way_out(state, root).command),
    }
}

/// What a ready task waits for.
fn start(state: &State, at: usize) -> WayOut {
    if let Some(need) = start_lacks(state, at) {
        let id = state.id(need);
        return match obstacle::why(&state.tasks[need].step) {
            Some(why) => way(format!("{id}, which {why}"), way_out(state, need).command),
            None => way(format!("{id}, which is open again"), format!("ppe next {id}")),
        };
    }
    free_slot(state, at)
}

/// The same without a look at what the task needs.
fn free_slot(state: &State, at: usize) -> WayOut {
    let id = state.id(at);
    let busy = || state.busy().next().map_or_else(|| id.clone(), |busy| state.id(busy).clone());
    match hold_back(state) {
        Some(HoldBack::Stopping) => stopping(state),
        Some(HoldBack::Paused) => paused(state),
        Some(HoldBack::SlotsFull) if state.policy.slots < MAX_SLOTS => {
            way("a free slot", format!("ppe slots {}", state.policy.slots + 1))
        }
        Some(HoldBack::SlotsFull) => way("a free slot", format!("ppe pause {}", busy())),
        Some(HoldBack::Ramp) => {
            way(format!("the first landing: {} is at work", busy()), format!("ppe logs {}", busy()))
        }
        Some(HoldBack::Unchecked) => {
            way(format!("the check of {}, on which something landed unchecked", state.target), "ppe status")
        }
        Some(HoldBack::OpenChanges) => reviewed(state),
        Some(HoldBack::Budget) => way(
            "what is left of the budget",
            answer(state, |ask| matches!(ask, Ask::Budget { .. }), "ppe status"),
        ),
        Some(HoldBack::Stagger(_)) | None => own_start(state, at),
    }
}

/// What stands between one ready task and a free slot.
fn own_start(state: &State, at: usize) -> WayOut {
    let id = state.id(at);
    if !gate_is_open(state, at) {
        return opening(state, state.plan.tasks[at].wave);
    }
    if state.chosen(at).is_none() {
        return way("an agent that has an allowance and is in order", "ppe unpause");
    }
    if state.is_halted() {
        return paused(state);
    }
    way("its turn", format!("ppe next {id}"))
}

/// What the opening of a wave waits for: an answer, or those of the waves before it.
fn opening(state: &State, wave: u32) -> WayOut {
    let about = |ask: &Ask| matches!(ask, Ask::NextWave { .. });
    if state.questions.values().any(|open| about(&open.ask)) {
        return way("its wave, which you are asked about", answer(state, about, "ppe questions"));
    }
    let denied = state.settled.iter().any(
        |(ask, _)| matches!(ask, Ask::NextWave { wave: of } if *of <= wave && !state.opened.contains(of)),
    );
    let before = state.plan.waves.iter().take(wave as usize).flatten().copied();
    let open = |at: &usize| state.tasks[*at].in_run() && !state.tasks[*at].is_closed();
    match before.filter(|_| !denied).find(open) {
        Some(at) => way(format!("{}, which is of a wave before", state.id(at)), way_out(state, at).command),
        None => way("its wave, which you told to wait", "ppe unpause"),
    }
}

fn stopping(state: &State) -> WayOut {
    let command = if state.stop == Some(StopMode::Drain) { "ppe unpause" } else { "ppe resume" };
    way("a run that is being stopped", command)
}

fn paused(state: &State) -> WayOut {
    let Some(pause) = matter::pauses(state).into_iter().next() else { return way("a pause", "ppe unpause") };
    // A question's command names all answers: the first goes on.
    let command = pause.command.split('|').next().unwrap_or_default().to_owned();
    way(format!("a pause: {}", pause.text), command)
}

/// The first of the changes that wait for a person.
fn reviewed(state: &State) -> WayOut {
    let waits = |at: &usize| match &state.tasks[*at].step {
        Step::Held { hold: Hold::NeedsReview, .. } => state.tasks[*at].facts.change.is_some(),
        Step::Published => true,
        _ => false,
    };
    match (0..state.tasks.len()).find(waits) {
        Some(at) => {
            way(format!("changes that wait for you, {} among them", state.id(at)), way_out(state, at).command)
        }
        None => way("changes that wait for you", "ppe status"),
    }
}

/// What a task at work waits for.
fn work(state: &State, at: usize, running: &Running) -> WayOut {
    let id = state.id(at);
    if let Some(failed) = failed(state, at) {
        return failed;
    }
    if running.stop.is_some() {
        return way("the end of what it is to stop", "ppe stop");
    }
    let retry = format!("ppe retry {id}");
    match running.phase {
        Phase::Starting => way("its workspace", retry),
        Phase::Working | Phase::Leftovers => {
            let silent = |ask: &Ask| matches!(ask, Ask::Silence { .. }) && ask.task() == Some(id);
            way("its agent", answer(state, silent, &retry))
        }
        Phase::Collecting(_) => way("its work to be measured", retry),
        Phase::Verifying => way("its verify commands", retry),
        Phase::Reviewing => way("its reviewer", retry),
    }
}

/// A wish about a task that failed and is tried again.
fn failed(state: &State, at: usize) -> Option<WayOut> {
    let about = state.deferred.iter().find(|(intent, _)| intent.task() == Some(state.id(at)));
    about.map(|(_, deferred)| troubled(deferred))
}

fn troubled(deferred: &Deferred) -> WayOut {
    let again = if deferred.due == Due::Now { "is being tried again" } else { "is tried again" };
    let whose = match deferred.matter {
        Matter::Machine => "the machine",
        Matter::Elsewhere => "the other side",
    };
    way(format!("{whose} ({}); it {again} by itself", deferred.why), "ppe doctor")
}

/// What a change in the lane waits for.
fn landing(state: &State, at: usize) -> WayOut {
    let (lane, id) = (&state.lane, state.id(at));
    if let Some(freeze) = &lane.frozen {
        return frozen(state, freeze);
    }
    if let Some(head) = lane.head() {
        let place = if head.members.contains(id) { "" } else { " of those before it" };
        return under_way(state, head, place);
    }
    if state.stop.is_some() {
        return stopping(state);
    }
    if let Some(rival) = gives_way_to(state, id) {
        let why = format!("{rival}, which is more urgent and does not merge with it");
        return way(why, format!("ppe priority {id} critical"));
    }
    let wave = state.plan.tasks[at].wave;
    let batch = state.policy.merge_strategy == MergeStrategy::Batch;
    let awaited = if batch { awaited(state, wave) } else { Vec::new() };
    let moves = |task: &&TaskId| state.task(task).is_some_and(|t| !matches!(t.step, Step::Waiting));
    match awaited.iter().find(moves) {
        Some(task) => way(format!("{task} of its wave"), format!("ppe pause {task}")),
        None => way("its turn", format!("ppe retry {id}")),
    }
}

fn frozen(state: &State, freeze: &Freeze) -> WayOut {
    match freeze {
        Freeze::TargetRed(_) | Freeze::Rechecking(_) => {
            let repair = state.open_repair().and_then(|repair| state.position(repair));
            let held = repair.filter(|at| matches!(state.tasks[*at].step, Step::Held { .. }));
            let other =
                held.map_or_else(|| "ppe unpause".to_owned(), |at| format!("ppe retry {}", state.id(at)));
            let red = |ask: &Ask| matches!(ask, Ask::TargetRed { .. });
            way(format!("{}, which is red", state.target), answer(state, red, &other))
        }
        Freeze::Races(task) => {
            let lost = |ask: &Ask| matches!(ask, Ask::LostRaces { .. });
            let retry = format!("ppe retry {task}");
            way(
                format!("{task}, which lost too many races for {}", state.target),
                answer(state, lost, &retry),
            )
        }
    }
}

/// What the candidate under way waits for.
fn under_way(state: &State, candidate: &Candidate, whose: &str) -> WayOut {
    let is_its = |intent: &Intent| match intent {
        Intent::EnsureCandidate { candidate: id } | Intent::EnsureLanded { candidate: id } => {
            *id == candidate.id
        }
        Intent::EnsureChecked { subject: Subject::Candidate(id), .. } => *id == candidate.id,
        Intent::EnsureChecked { subject: Subject::Base(_), .. } => true,
        _ => false,
    };
    if let Some((_, deferred)) = state.deferred.iter().find(|(intent, _)| is_its(intent)) {
        let told = troubled(deferred);
        // Without its changes the lane goes on.
        return match candidate.members.first() {
            Some(member) if deferred.matter == Matter::Elsewhere && is_stuck(state, candidate) => {
                way(told.waits_for, format!("ppe pause {member}"))
            }
            Some(_) | None => told,
        };
    }
    let what = match &candidate.stage {
        Stage::Building => format!("{} to be built on", state.target),
        Stage::Checking { .. } | Stage::Red { .. } | Stage::Green { .. } => format!("the checks{whose}"),
        Stage::CheckingBase { .. } => format!("the checks of {}", state.target),
        Stage::Landing { .. } => format!("the landing{whose}"),
    };
    way(what, "ppe doctor")
}
