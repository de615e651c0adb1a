//! What must always hold, one sentence each, numbered for good. The simulator, the tests and the product use this list.
//!
//! Event rules are asked before an event is applied, in every run and every replay; a state that breaks one is not
//! reached. The others are asked after a record. Knows nothing of how a violation came about.

mod lane;
mod stack;

use crate::decide::{
    gate_is_open, hold_back, is_live, is_stuck, may_start, next_start, room_for_parked, stands_from,
    start_key,
};
use crate::event::{After, Event, Record};
use crate::outcome::Class;
use crate::policy::Changes;
use crate::state::{Freeze, PauseCause, Progress, State, Step, Workspace};
use crate::wishes::{task_wishes, wishes};
use std::collections::BTreeSet;
use std::fmt;

/// When a rule is asked, and of what.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Of an event, before it is applied.
    Event(fn(&State, &Event) -> Option<String>),
    /// Of each task, after a record.
    Task(fn(&State, usize) -> Option<String>),
    /// Of the run, after a record; costs little.
    Run(fn(&State) -> Option<String>),
    /// Of the whole run, by looking through all of it.
    Whole(fn(&State) -> Option<String>),
}

/// A sentence that must always be true.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its number, never used for another.
    pub id: &'static str,
    /// The sentence.
    pub text: &'static str,
    /// How it is asked; what comes back says what is wrong.
    pub rule: Rule,
}

/// A sentence that is not true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub id: &'static str,
    /// The sentence.
    pub text: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.id, self.text, self.what)
    }
}

const fn invariant(id: &'static str, text: &'static str, rule: Rule) -> Invariant {
    Invariant { id, text, rule }
}

/// All of them.
pub static INVARIANTS: &[Invariant] = &[
    invariant(
        "INV-01",
        "an attempt starts only while fewer slots are held than there are",
        Rule::Event(slot_is_free),
    ),
    invariant(
        "INV-02",
        "an attempt starts only when its dependencies are satisfied, unless it is stacked",
        Rule::Event(dependencies_hold),
    ),
    invariant(
        "INV-03",
        "attempts of a task are numbered without gap or repeat",
        Rule::Event(attempt_is_next),
    ),
    invariant(
        "INV-04",
        "nothing starts while dispatch is paused, the run stops, or what landed is unchecked, but a repair while the target is red",
        Rule::Event(dispatch_is_open),
    ),
    invariant("INV-05", "what is counted equals a recount", Rule::Whole(|state| state.recount().err())),
    invariant(
        "INV-06",
        "the lane has no more candidates, and none of more changes, than its strategy allows",
        Rule::Run(lane::within_bounds),
    ),
    invariant(
        "INV-07",
        "a task is in the lane exactly once if its step says so, else not at all",
        Rule::Task(lane::place),
    ),
    invariant(
        "INV-08",
        "a candidate lands only with a tree that was found green",
        Rule::Run(lane::landing_is_green),
    ),
    invariant(
        "INV-09",
        "only what was being landed has landed, and what is behind lies on it",
        Rule::Event(lane::was_landing),
    ),
    invariant(
        "INV-10",
        "a change answers for red checks only alone, and when its base is green or it is to make it so",
        Rule::Event(lane::base_is_green),
    ),
    invariant("INV-11", "what failed and waits is still wished for", Rule::Run(deferred_are_wished)),
    invariant("INV-12", "no slot is free while a task may start", Rule::Run(no_idle_slot)),
    invariant(
        "INV-13",
        "an open question is about something that has not passed",
        Rule::Run(questions_are_live),
    ),
    invariant("INV-14", "a lane that stands still has a way to go on", Rule::Run(lane::freeze_has_way_out)),
    invariant("INV-15", "an open task moves, or it can be said what it waits for", Rule::Task(can_go_on)),
    invariant("INV-16", "a workspace is given up only when its task is over", Rule::Event(release_after_end)),
    invariant(
        "INV-17",
        "a task is not closed while an agent or the lane has it in hand",
        Rule::Event(close_when_idle),
    ),
    invariant(
        "INV-18",
        "a command waits only for a candidate's outcome, and only for one that may come",
        Rule::Task(wish_in_lane),
    ),
    invariant("INV-19", "the running attempt is the last one that began", Rule::Task(running_is_last)),
    invariant(
        "INV-20",
        "a change in or before the lane is open, at the task's tip",
        Rule::Task(change_is_current),
    ),
    invariant(
        "INV-21",
        "a run is complete exactly when every task is closed",
        Rule::Run(complete_when_closed),
    ),
    invariant(
        "INV-22",
        "after the last try of its class a failure waits for a person",
        Rule::Event(tries_are_kept),
    ),
    invariant(
        "INV-23",
        "a task that gave its slot to others is back when there is room",
        Rule::Run(parked_return),
    ),
    invariant(
        "INV-24",
        "a red check is repeated before its change answers for it",
        Rule::Event(lane::red_twice),
    ),
    invariant(
        "INV-25",
        "an agent starts only on an account that has enough, and no more at once than it bears",
        Rule::Event(account_bears),
    ),
    invariant("INV-26", "no agent starts once the budget is spent", Rule::Event(budget_is_left)),
    invariant(
        "INV-27",
        "a candidate is built on the one before it, and only the first lands",
        Rule::Run(lane::chain_holds),
    ),
    invariant(
        "INV-28",
        "no change is passed over once it has waited as long as any may",
        Rule::Event(lane::nobody_is_passed_over),
    ),
    invariant(
        "INV-29",
        "a batch waits only for tasks that come by themselves",
        Rule::Run(lane::batch_waits_for_movers),
    ),
    invariant("INV-30", "a task is reviewed at most once", Rule::Event(review_is_first)),
    invariant(
        "INV-31",
        "where a person is to approve, what is in the lane was approved at its present tip",
        Rule::Task(lane::is_approved),
    ),
    invariant(
        "INV-33",
        "a change lets another pass only while they are known not to merge and the other comes by itself",
        Rule::Run(lane::gives_way_to_movers),
    ),
    invariant(
        "INV-34",
        "changes that are known not to merge are not under way together",
        Rule::Event(lane::rivals_are_apart),
    ),
    invariant(
        "INV-35",
        "no change goes ahead of a more urgent one that it is known not to merge with and that comes by itself, unless it has waited long enough",
        Rule::Event(lane::urgent_rivals_first),
    ),
    invariant(
        "INV-36",
        "a task starts before its equals only if it shares no file with one on its way, or they do too",
        Rule::Event(equals_are_clear),
    ),
    invariant(
        "INV-37",
        "a standstill is told once in a step, and not before its bound",
        Rule::Event(standstill_is_due),
    ),
    invariant(
        "INV-38",
        "a task is stacked only on changes with green checks, and goes on only while they come by themselves",
        Rule::Event(stack::stands_on_green),
    ),
    invariant(
        "INV-39",
        "where tasks are stacked, a change joins the lane only when its dependencies are satisfied and it lies on the target",
        Rule::Event(stack::lands_last),
    ),
];

/// Asks all rules about a state.
pub fn check(state: &State) -> Vec<Violation> {
    let all: Vec<usize> = (0..state.tasks.len()).collect();
    let mut found = ask(state, &all);
    for rule in INVARIANTS {
        if let Rule::Whole(holds) = rule.rule
            && let Some(what) = holds(state)
        {
            found.push(Violation { id: rule.id, text: rule.text, what });
        }
    }
    found
}

/// Asks all rules about the run, and about those tasks that a record touched; costs little in a large run.
pub fn check_touched(state: &State, record: &Record) -> Vec<Violation> {
    let touched: BTreeSet<usize> =
        record.events.iter().filter_map(|e| e.task()).filter_map(|id| state.position(id)).collect();
    ask(state, &touched.into_iter().collect::<Vec<_>>())
}

fn ask(state: &State, tasks: &[usize]) -> Vec<Violation> {
    if state.progress == Progress::New {
        return Vec::new();
    }
    let mut found = Vec::new();
    for rule in INVARIANTS {
        let whats: Vec<String> = match rule.rule {
            Rule::Event(_) | Rule::Whole(_) => Vec::new(),
            Rule::Run(holds) => holds(state).into_iter().collect(),
            Rule::Task(holds) => tasks.iter().filter_map(|at| holds(state, *at)).collect(),
        };
        found.extend(whats.into_iter().map(|what| Violation { id: rule.id, text: rule.text, what }));
    }
    found
}

/// Asks the rules about an event that is about to be applied.
pub(crate) fn permits(state: &State, event: &Event) -> Result<(), Violation> {
    for rule in INVARIANTS {
        if let Rule::Event(holds) = rule.rule
            && let Some(what) = holds(state, event)
        {
            return Err(Violation { id: rule.id, text: rule.text, what });
        }
    }
    Ok(())
}

fn said(wrong: bool, what: impl FnOnce() -> String) -> Option<String> {
    wrong.then(what)
}

fn slot_is_free(state: &State, event: &Event) -> Option<String> {
    let Event::AttemptStarted { task, .. } = event else { return None };
    let (busy, slots) = (state.busy_count(), state.policy.slots);
    said(busy >= slots as usize, || format!("{task} starts with {busy} of {slots} slots held"))
}

fn dependencies_hold(state: &State, event: &Event) -> Option<String> {
    let Event::AttemptStarted { task, stack, .. } = event else { return None };
    let at = state.position(task)?;
    let stacked =
        |need: &usize| stack::parents(state, at, stack).any(|parent| parent.task == *state.id(*need));
    let open = state.unmet(at).find(|need| !stacked(need))?;
    Some(format!("{task} starts before {}", state.id(open)))
}

fn attempt_is_next(state: &State, event: &Event) -> Option<String> {
    let Event::AttemptStarted { task, attempt, .. } = event else { return None };
    let begun = state.task(task)?.facts.attempts;
    said(attempt.0 != begun + 1, || format!("{task} has had {begun} attempts and starts {attempt}"))
}

fn dispatch_is_open(state: &State, event: &Event) -> Option<String> {
    let Event::AttemptStarted { task, agent, .. } = event else { return None };
    let repairs = state.lane.is_repair(task);
    let closes = |cause: &PauseCause| match cause {
        PauseCause::TargetRed => !repairs,
        PauseCause::Agent { agent: broken, .. } => broken == agent,
        _ => true,
    };
    let unchecked = matches!(state.lane.frozen, Some(Freeze::Rechecking(_))) && !repairs;
    let closed = state.stop.is_some() || unchecked || state.paused.iter().any(closes);
    said(closed, || {
        format!("{task} starts with {:?}, {:?}, {:?}", state.stop, state.paused, state.lane.frozen)
    })
}

fn account_bears(state: &State, event: &Event) -> Option<String> {
    let (task, agent) = match event {
        Event::AttemptStarted { task, agent, .. } => (task, agent),
        Event::ReviewStarted { task, .. } => (task, &state.policy.review.as_ref()?.agent),
        _ => return None,
    };
    let breaker = state.breakers.get(state.account(agent))?;
    let others = state.tasks.iter().enumerate().filter(|(at, _)| state.id(*at) != task);
    let at_work = others.filter_map(|(_, t)| t.running()).map(|running| state.at_work(running));
    let users = at_work.filter(|other| state.account(other) == state.account(agent)).count();
    let bears = breaker.until.is_none() && users < breaker.width as usize;
    said(!bears, || format!("{task} starts with {agent} beside {users}, {breaker:?}"))
}

fn budget_is_left(state: &State, event: &Event) -> Option<String> {
    let (Event::AttemptStarted { task, .. } | Event::ReviewStarted { task, .. }) = event else { return None };
    let (budget, times) = (&state.policy.budget, u64::from(state.budget_grants) + 1);
    let spent = state.spent();
    let over = |used: u64, limit: u64| limit > 0 && used >= limit * times;
    let is_over = over(spent.tokens(), budget.run_tokens)
        || over(spent.cost_micro_usd.unwrap_or(0), budget.run_micro_usd);
    said(is_over, || format!("{task} starts after {spent:?} of {times} times {budget:?}"))
}

fn review_is_first(state: &State, event: &Event) -> Option<String> {
    let Event::ReviewStarted { task, .. } = event else { return None };
    let before = state.task(task)?.facts.review.as_ref()?;
    Some(format!("{task} is reviewed again after {before:?}"))
}

fn equals_are_clear(state: &State, event: &Event) -> Option<String> {
    let Event::AttemptStarted { task, .. } = event else { return None };
    let at = state.position(task)?;
    let (file, holder) = state.shared_file(at)?;
    let key = start_key(state, at);
    let mut ready = state.ready().filter(|other| start_key(state, *other).is_clear_of(&key));
    let clear = ready.find(|other| may_start(state, *other))?;
    Some(format!("{task} starts before {}, and {holder} has {file} in hand", state.id(clear)))
}

fn standstill_is_due(state: &State, event: &Event) -> Option<String> {
    let Event::StandstillTold { task } = event else { return None };
    let at = state.position(task)?;
    let due = stands_from(state, at).is_some_and(|due| due <= state.clock.last);
    let told = state.tasks[at].told;
    said(told || !due, || format!("{task} is told of at {:?}: {:?}", state.clock.last, state.tasks[at]))
}

fn deferred_are_wished(state: &State) -> Option<String> {
    if state.deferred.is_empty() {
        return None;
    }
    let wished = wishes(state);
    let lost = state.deferred.keys().find(|intent| !wished.contains(intent))?;
    Some(format!("{lost:?} waits, and nobody wishes for it"))
}

fn no_idle_slot(state: &State) -> Option<String> {
    if state.progress != Progress::Open || hold_back(state).is_some() {
        return None;
    }
    let at = next_start(state)?;
    Some(format!("{} may start, and nothing holds it back", state.id(at)))
}

fn questions_are_live(state: &State) -> Option<String> {
    let (id, open) = state.questions.iter().find(|(id, open)| !is_live(state, **id, &open.ask))?;
    Some(format!("{id} asks {:?}", open.ask))
}

/// Each open step names what comes next: a wish, a time, another task, the lane, or a person.
fn can_go_on(state: &State, at: usize) -> Option<String> {
    let task = &state.tasks[at];
    let wished = || !task_wishes(state, at).is_empty();
    let goes_on = match &task.step {
        Step::Outside | Step::Closed(_) | Step::Held { .. } | Step::Backoff { .. } | Step::Published => true,
        Step::Waiting => state.unmet(at).next().is_some(),
        Step::Ready { .. } => {
            hold_back(state).is_some()
                || state.unmet(at).next().is_some()
                || state.chosen(at).is_none()
                || !gate_is_open(state, at)
        }
        Step::Running(_) | Step::Publishing => wished(),
        Step::Parked { park, .. } => match park {
            crate::state::Park::Question(question) => state.questions.contains_key(question),
            crate::state::Park::Room | crate::state::Park::Operator | crate::state::Park::Taken => true,
        },
        Step::Open => stack::goes_on(state, at),
        Step::InLane => lane::goes_on(state, at),
    };
    said(!goes_on, || format!("{} is {:?}, and nothing says why", state.id(at), task.step))
}

fn release_after_end(state: &State, event: &Event) -> Option<String> {
    let Event::WorkspaceReleased { task } = event else { return None };
    let step = &state.task(task)?.step;
    said(!matches!(step, Step::Closed(_)), || format!("{task} is {step:?}"))
}

fn close_when_idle(state: &State, event: &Event) -> Option<String> {
    let Event::TaskClosed { task, .. } = event else { return None };
    let running = state.task(task)?.running().is_some();
    said(running || state.lane.carries(task), || format!("{task} is in hand"))
}

fn wish_in_lane(state: &State, at: usize) -> Option<String> {
    let wish = state.tasks[at].facts.wish?;
    let candidate = state.lane.chain.iter().find(|candidate| candidate.members.contains(state.id(at)));
    let waits_in_vain = candidate.is_none_or(|candidate| is_stuck(state, candidate));
    said(waits_in_vain, || format!("{} waits to {wish:?}, for nothing", state.id(at)))
}

fn running_is_last(state: &State, at: usize) -> Option<String> {
    let task = &state.tasks[at];
    let running = task.running();
    let last = running.is_none_or(|r| r.attempt.0 == task.facts.attempts);
    let counted = task.facts.started.is_some() == running.is_some();
    let at_work = running.is_none_or(|r| {
        matches!(r.phase, crate::state::Phase::Starting) || task.facts.workspace == Workspace::Present
    });
    said(!last || !counted || !at_work, || format!("{}: {:?}", state.id(at), task.step))
}

fn change_is_current(state: &State, at: usize) -> Option<String> {
    let task = &state.tasks[at];
    let current = task.facts.tip.is_some() && task.facts.tip == task.facts.published;
    let wanted = match task.step {
        Step::Open | Step::InLane => state.policy.changes == Changes::Open && task.facts.change.is_some(),
        Step::Published => state.policy.changes == Changes::Off,
        _ => return None,
    };
    said(!wanted || !current, || format!("{} is {:?} with {:?}", state.id(at), task.step, task.facts))
}

fn complete_when_closed(state: &State) -> Option<String> {
    let complete = state.progress == Progress::Complete;
    said(complete != (state.open_count() == 0), || {
        format!("{:?}, {} open", state.progress, state.open_count())
    })
}

fn tries_are_kept(state: &State, event: &Event) -> Option<String> {
    let (Event::AttemptFailed { task, failure, after, .. } | Event::ChangeReturned { task, failure, after }) =
        event
    else {
        return None;
    };
    let (tries, retries) = (state.task(task)?.facts.tries, state.policy.retries);
    let (used, limit) = match failure.class {
        class @ (Class::Execution | Class::Verification | Class::Ci | Class::Conflict) => {
            (tries.used(class, failure.red), retries.of(class, failure.red))
        }
        Class::Lost => return None,
        Class::Capacity | Class::Machine | Class::Operator => {
            return Some(format!("{task} pays for {:?}", failure.class));
        }
    };
    let again = matches!(after, After::Retry { .. });
    said(again && used >= limit, || format!("{task} has had {used} of {limit} further attempts"))
}

fn parked_return(state: &State) -> Option<String> {
    let at = state.parked_for_room().next().filter(|_| room_for_parked(state))?;
    Some(format!("{} stays parked with {} ready", state.id(at), state.ready_count()))
}
