//! What may still be spent: starts reserve what an attempt has cost so far on average, and nothing that works is ended.
//!
//! A person is told at four fifths and asked when it is spent.

use super::Decider;
use crate::event::Event;
use crate::ids::TaskId;
use crate::outcome::{Class, Failure};
use crate::policy::Budget;
use crate::question::Ask;
use crate::state::{Hold, Kind, PauseCause, State, Step};
use crate::usage::Usage;
use crate::wording;

/// From here on a person is told, per cent.
const NEAR_PERCENT: u64 = 80;

impl Decider<'_> {
    /// Tells that the budget is nearly spent, and asks when it is.
    pub(super) fn watch_budget(&mut self) {
        let Some(spent) = run_percent(self.state, &self.state.spent()) else { return };
        if spent >= NEAR_PERCENT && !self.state.budget_told {
            let percent = u32::try_from(spent).unwrap_or(u32::MAX);
            self.emit(Event::BudgetNeared { percent });
        }
        if !self.state.paused.contains(&PauseCause::Budget) && is_spent(self.state) {
            let (spent, limit) = in_words(&self.state.spent(), &limits(self.state));
            self.emit(Event::DispatchPaused { cause: PauseCause::Budget });
            self.ask(Ask::Budget { spent, limit });
        }
    }

    /// Ready tasks that have spent their own budget need a person.
    pub(super) fn hold_spenders(&mut self) {
        let budget = self.state.policy.budget;
        if budget.task_micro_usd == 0 && budget.task_tokens == 0 {
            return;
        }
        // Verifying what is there costs nothing.
        let costs = |at: &usize| !matches!(self.state.tasks[*at].step, Step::Ready { kind: Kind::Recheck });
        let ready = self.state.ready().filter(costs);
        let spenders: Vec<_> = ready.filter_map(|at| Some((at, overspent(self.state, at)?))).collect();
        for (at, why) in spenders {
            let task: TaskId = self.state.id(at).clone();
            let failure = Failure::new(Class::Operator, why);
            self.emit(Event::TaskHeld { task, hold: Hold::Stuck, failure });
        }
    }
}

/// What a task has spent of its own budget, in words, if that is all of it.
pub(super) fn overspent(state: &State, at: usize) -> Option<String> {
    let budget = &state.policy.budget;
    let own =
        Budget { run_micro_usd: budget.task_micro_usd, run_tokens: budget.task_tokens, ..Budget::default() };
    let spent = state.tasks[at].facts.usage.since(&state.tasks[at].facts.granted);
    (percent(&spent, &own)? >= 100).then(|| {
        let (spent, limit) = in_words(&spent, &own);
        format!("its budget is spent: {spent} of {limit}")
    })
}

/// Whether no further attempt may start: the budget is spent, or would be by those at work and one more.
pub(super) fn leaves_no_room(state: &State) -> bool {
    let mut expected = state.spent();
    if run_percent(state, &expected).is_none_or(|spent| spent >= 100) {
        return run_percent(state, &expected).is_some();
    }
    let Some(average) = average(state) else { return false };
    for at in state.busy() {
        expected += average.beyond(&state.tasks[at].facts.seen.usage);
    }
    expected += average;
    run_percent(state, &expected).is_some_and(|percent| percent > 100)
}

/// Whether all of the run's budget is spent.
pub(super) fn is_used_up(state: &State) -> bool {
    run_percent(state, &state.spent()).is_some_and(|percent| percent >= 100)
}

/// Whether a person must decide: it is spent, or nothing is at work and one more attempt would be too much.
fn is_spent(state: &State) -> bool {
    is_used_up(state) || (state.busy_count() == 0 && state.ready_count() > 0 && leaves_no_room(state))
}

/// What one attempt used so far on average; none before any was measured.
fn average(state: &State) -> Option<Usage> {
    let n = u64::from(state.totals.metered);
    let Usage { input, cache_read, cache_write, output, cost_micro_usd } = state.totals.usage;
    (n > 0).then(|| Usage {
        input: input / n,
        cache_read: cache_read / n,
        cache_write: cache_write / n,
        output: output / n,
        cost_micro_usd: cost_micro_usd.map(|cost| cost / n),
    })
}

fn limits(state: &State) -> Budget {
    let (budget, times) = (&state.policy.budget, u64::from(state.budget_grants) + 1);
    Budget {
        run_micro_usd: budget.run_micro_usd.saturating_mul(times),
        run_tokens: budget.run_tokens.saturating_mul(times),
        ..*budget
    }
}

fn run_percent(state: &State, usage: &Usage) -> Option<u64> {
    percent(usage, &limits(state))
}

/// How much of a budget is used, by what is scarcer; none without one.
fn percent(usage: &Usage, budget: &Budget) -> Option<u64> {
    let share = |used: u64, of: u64| used.saturating_mul(100).checked_div(of);
    let money = share(usage.cost_micro_usd.unwrap_or(0), budget.run_micro_usd);
    money.max(share(usage.tokens(), budget.run_tokens))
}

fn in_words(usage: &Usage, budget: &Budget) -> (String, String) {
    let by_money = budget.run_micro_usd > 0
        && percent(usage, &Budget { run_tokens: 0, ..*budget })
            >= percent(usage, &Budget { run_micro_usd: 0, ..*budget });
    if by_money {
        (wording::money(usage.cost_micro_usd.unwrap_or(0)), wording::money(budget.run_micro_usd))
    } else {
        (wording::tokens(usage.tokens()), wording::tokens(budget.run_tokens))
    }
}
