//! The report of a run: what the completion screen, `ppe report --json` and the report page show.
//!
//! Pure: from the state, and from what only the repository can tell. Knows nothing of screens, and of how a run may
//! still go on. Spans count wall time; the plan's estimates count working time, of which a working week is set against
//! a calendar week.

mod document;

pub use document::{
    Changes, Checks, Commits, Judged, Lines, Measured, ModuleCount, REPORT_SCHEMA, Repairs, Report, Reviews,
    SpeedUp, Success, TaskCounts, TaskReport, Tests, Time,
};

use crate::ids::Millis;
use crate::outcome::Class;
use crate::plan::Duration;
use crate::state::{Closure, Hold, Review, State, Step, Task};
use crate::view::{HeldTask, OpenQuestion, RunView, RunWord, percent, view};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A calendar week, ms.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

/// The report of a run as it stands `now`.
pub fn report(state: &State, now: Millis, measured: &Measured) -> Report {
    let view = view(state, now, &measured.outside);
    let landed: Vec<usize> = (0..state.tasks.len()).filter(|at| is_landed(&state.tasks[*at])).collect();
    let tasks = task_counts(state);
    let commits = Commits {
        planned: view.totals.commits_planned,
        made: measured.commits.unwrap_or_else(|| commits_of(state, &landed)),
    };
    let (started, total_ms) = (view.times.started, view.times.elapsed_ms);
    let attempts_ms = view.times.busy_ms;
    let next_steps = next_steps(&view, &measured.next_steps, &state.plan.name);
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        run: state.run.clone(),
        title: view.title,
        state: view.state,
        target: state.target.clone(),
        forge: view.forge,
        slots: state.policy.slots,
        tasks,
        commits,
        changes: changes(state),
        checks: Checks {
            runs: match measured.judged {
                Judged::ByChecks => state.totals.checks,
                Judged::ByNothing => 0,
            },
            red: state.totals.checks_red,
            red_now: count(
                state,
                |task| matches!(&task.step, Step::Held { failure, .. } if failure.class == Class::Ci),
            ),
            target_red: state.lane.target_is_red(),
        },
        time: Time {
            started,
            ended: started.plus(total_ms),
            total_ms,
            paused_ms: view.times.paused_ms,
            attempts_ms,
            average_concurrency: ratio(attempts_ms, total_ms),
            peak_concurrency: state.totals.peak_busy,
            commits_per_hour: ratio(commits.made.saturating_mul(3_600_000), view.times.active_ms()),
        },
        success: success(state),
        speed_up: speed_up(state, &landed, attempts_ms, total_ms),
        modules: modules(state, &landed),
        lines: measured.lines.unwrap_or_else(|| lines_of(state, &landed)),
        tests: measured.tests.clone().unwrap_or_else(|| tests_of(state, &landed)),
        coverage_percent: measured.coverage_percent,
        usage: state.spent(),
        repairs: Repairs { tried: state.totals.repairs, helped: state.totals.repairs_helped },
        reviews: reviews(state),
        next_steps,
        held: view.held,
        questions: view.questions,
        each: view.tasks.iter().filter_map(|line| task_report(state, line)).collect(),
    }
}

fn reviews(state: &State) -> Reviews {
    let mut reviews = Reviews::default();
    for review in state.tasks.iter().filter_map(|task| task.facts.review.as_ref()) {
        match review {
            Review::Clean => reviews.made += 1,
            Review::Findings(_) => {
                reviews.made += 1;
                reviews.sent_back += 1;
            }
            Review::LeftOut(_) => reviews.left_out += 1,
        }
    }
    reviews
}

fn is_landed(task: &Task) -> bool {
    matches!(task.closure(), Some(Closure::Landed(_) | Closure::LandedByOthers(_)))
}

fn count(state: &State, is: impl Fn(&Task) -> bool) -> u32 {
    u32::try_from(state.tasks.iter().filter(|task| is(task)).count()).unwrap_or(u32::MAX)
}

fn task_counts(state: &State) -> TaskCounts {
    let total = count(state, Task::in_run);
    let done = count(state, Task::satisfies);
    let given_up = count(state, |task| task.is_closed() && !task.satisfies());
    let need_you = count(state, |task| matches!(task.step, Step::Held { .. }));
    TaskCounts {
        total,
        done,
        landed: count(state, is_landed),
        done_before: count(state, |task| task.closure() == Some(&Closure::DoneBefore)),
        given_up,
        need_you,
        open: total - done - given_up - need_you,
    }
}

fn changes(state: &State) -> Changes {
    Changes {
        created: count(state, |task| task.facts.change.is_some()),
        merged: count(state, |task| task.facts.change.is_some() && is_landed(task)),
    }
}

/// First-try rate over the tasks that this run landed.
fn success(state: &State) -> Success {
    let landed = |task: &Task| is_landed(task) && task.facts.first_started.is_some();
    let first_try = count(state, |task| landed(task) && task.facts.failures == 0);
    let retried = count(state, |task| landed(task) && task.facts.failures > 0);
    let failed = count(state, |task| matches!(task.step, Step::Held { .. }) && task.facts.failures > 0);
    Success {
        first_try,
        retried,
        failed,
        first_try_percent: percent(first_try.into(), u64::from(first_try + retried + failed)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn speed_up(state: &State, landed: &[usize], attempts_ms: u64, total_ms: u64) -> SpeedUp {
    let estimated = landed.iter().any(|at| state.plan.tasks[*at].spec.estimate.is_some());
    let work_s = landed.iter().fold(0, |sum: u64, at| sum.saturating_add(state.plan.work_s(*at)));
    let weeks = ratio(work_s, Duration::WEEK).filter(|_| estimated);
    let actual_weeks = ratio(total_ms, WEEK_MS).filter(|weeks| *weeks > 0.0);
    SpeedUp {
        estimate_s: estimated.then_some(work_s),
        by_estimate: weeks.zip(actual_weeks).map(|(estimate, actual)| estimate / actual),
        by_attempts: ratio(attempts_ms, total_ms),
    }
}

fn modules(state: &State, landed: &[usize]) -> Vec<ModuleCount> {
    let mut features: BTreeMap<Option<String>, u32> = BTreeMap::new();
    for at in landed {
        let module = state.plan.tasks[*at].spec.module.as_deref().map(str::to_owned);
        *features.entry(module).or_default() += 1;
    }
    let mut modules: Vec<ModuleCount> =
        features.into_iter().map(|(module, features)| ModuleCount { module, features }).collect();
    modules.sort_by_key(|m| (m.module.is_none(), Reverse(m.features)));
    modules
}

fn commits_of(state: &State, landed: &[usize]) -> u64 {
    landed.iter().map(|at| u64::from(state.tasks[*at].commits())).sum()
}

fn lines_of(state: &State, landed: &[usize]) -> Lines {
    let snapshots = landed.iter().filter_map(|at| state.tasks[*at].facts.snapshot.as_ref());
    snapshots.fold(Lines::default(), |sum, snapshot| Lines {
        added: sum.added + snapshot.lines_added,
        removed: sum.removed + snapshot.lines_removed,
    })
}

fn tests_of(state: &State, landed: &[usize]) -> Tests {
    let snapshots = landed.iter().filter_map(|at| state.tasks[*at].facts.snapshot.as_ref());
    Tests {
        added: snapshots.map(|snapshot| snapshot.tests_added).sum(),
        counted: "new test markers in the landed changes".to_owned(),
    }
}

/// What needs a person comes first, then what was configured; a run that was stopped first of all goes on.
fn next_steps(view: &RunView, configured: &[String], plan: &str) -> Vec<String> {
    let (held, questions) = (&view.held, &view.questions);
    let stopped =
        matches!(view.state, RunWord::Draining | RunWord::Stopping | RunWord::Stopped | RunWord::Resumable);
    let go_on = stopped.then(|| "Go on where it stopped: `ppe resume`".to_owned());
    let configured = if stopped { &[] } else { configured };
    let reviews = held.iter().filter(|task| task.hold == Hold::NeedsReview);
    let stuck = held.iter().filter(|task| task.hold == Hold::Stuck);
    let review = |task: &HeldTask| match task.change {
        Some(change) => format!("Review PR {change} of {} ({}), then `{}`", task.id, task.failure, task.next),
        None => format!("Review {} ({}), then `{}`", task.id, task.failure, task.next),
    };
    let mend = |task: &HeldTask| {
        format!("Mend {} ({}; its work lies {}), then `{}`", task.id, task.failure, task.place, task.next)
    };
    let answer = |question: &OpenQuestion| {
        let words: Vec<&str> = question.choices.iter().map(|choice| choice.answer.word()).collect();
        format!("Answer `ppe answer {} {}`: {}", question.id, words.join("|"), question.text)
    };
    go_on
        .into_iter()
        .chain(reviews.map(review))
        .chain(stuck.map(mend))
        .chain(questions.iter().map(answer))
        .chain(configured.iter().map(|step| step.replace("{plan}", plan)))
        .collect()
}

fn task_report(state: &State, line: &crate::view::TaskLine) -> Option<TaskReport> {
    let task = state.task(&line.id)?;
    Some(TaskReport {
        id: line.id.clone(),
        title: line.title.clone(),
        module: line.module.clone(),
        wave: line.wave,
        state: line.state,
        attempts: task.facts.attempts,
        failures: task.facts.failures,
        usage: line.usage,
        worked_ms: line.elapsed_ms,
        started: task.facts.first_started,
        ended: task.is_closed().then_some(task.since),
        commits: line.commits,
        planned_commits: line.planned_commits,
        coverage_basis_points: line.coverage_basis_points,
        change: line.change,
        landed: line.landed.clone(),
    })
}
