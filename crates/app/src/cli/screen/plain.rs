//! Without a terminal: one line an event, lines of the waves at each change, a line of progress every few commits.
//!
//! Knows no clock: the time's wording is given. Every line is harmless and stands alone.

use super::lane::lane;
use super::look::{Letters, clean};
use super::summary::{how_far, times};
use ppe_core::board::text_kept_in_words;
use ppe_core::event::{After, Event, Record};
use ppe_core::ids::TaskId;
use ppe_core::outcome::{Failure, Prepared};
use ppe_core::report::Report;
use ppe_core::state::{Closure, Hold, Kind, Park, PauseCause, Review, Satisfies, State, Stop, StopMode};
use ppe_core::view::{RunView, WaveLine, WaveStatus, headline, percent, standstill, waves};
use ppe_core::wording::{counted, list, short, span, thousands};
use std::collections::BTreeMap;

/// The lines ahead of the first start: what was read, and what is about to happen.
pub fn opening(view: &RunView) -> Vec<String> {
    let tasks = view.tasks.len();
    let waves = view.waves.len();
    let mut lines = vec![
        format!("✅ Analyzing {}...", counted(tasks, "task")),
        format!("✅ Built dependency graph ({} identified)", counted(waves, "wave")),
    ];
    for (place, wave) in view.waves.iter().enumerate() {
        lines.push(match place.checked_sub(1).map(|before| &view.waves[before]) {
            None => {
                format!("✅ Wave {}: {} ready", wave.wave, counted(wave.size, "independent task"))
            }
            Some(before) => format!(
                "✅ Wave {}: {} (waiting for Wave {})",
                wave.wave,
                counted(wave.size, "task"),
                before.wave
            ),
        });
    }
    let mut lines: Vec<String> = (1..).zip(lines).map(|(n, line)| format!("{n}. {line}")).collect();
    lines.push(String::new());
    lines.push(format!(
        "🚀 Launching parallel execution with {}...",
        counted(view.slots.total, "concurrent slot")
    ));
    lines
}

/// The lines after the last task.
pub fn ending(report: &Report) -> Vec<String> {
    let t = &report.tasks;
    let mut lines = Vec::new();
    if report.is_all_done() {
        lines.push("✅ All waves complete!".to_owned());
        lines.push(format!("✅ {}/{} done", t.done, counted(t.total, "task")));
    } else {
        lines.push(format!("🚧 {}", how_far(report)));
        let told = report.held.iter();
        lines.extend(told.map(|task| format!("🚧 {}: {}. Next: {}", task.id, task.failure, task.next)));
    }
    let made = report.commits.made;
    lines.push(format!("✅ {} {}", thousands(made), if made == 1 { "commit" } else { "commits" }));
    lines.push(format!("✅ Execution time: {}", span(report.time.total_ms)));
    let ratio = report.speed_up.by_estimate.or(report.speed_up.by_attempts).filter(|ratio| *ratio > 1.0);
    if let (true, Some(ratio)) = (report.is_all_done(), ratio) {
        lines.push(format!("🎉 {} faster than sequential!", times(ratio)));
    }
    lines.into_iter().map(|line| clean(&line, Letters::Unicode)).collect()
}

/// A wave's line: `✅ Wave 0: 25/31 complete (81%)`.
pub fn wave_line(wave: &WaveLine) -> String {
    let WaveLine { wave: n, size, done, started, given_up, .. } = wave;
    let given_up = if *given_up > 0 { format!(", {given_up} given up") } else { String::new() };
    match wave.status {
        WaveStatus::Complete | WaveStatus::Enough => {
            format!("✅ Wave {n}: {done}/{size} complete ({}%){given_up}", wave.percent)
        }
        WaveStatus::Early => format!("🔄 Wave {n}: {started}/{size} started (dependencies cleared)"),
        WaveStatus::InProgress => match done {
            0 => format!("🔄 Wave {n}: {started}/{size} in progress"),
            done => {
                let at_work = started.saturating_sub(*done);
                format!("🔄 Wave {n}: {at_work}/{size} in progress ({done} complete)")
            }
        },
        WaveStatus::Waiting => format!("⏳ Wave {n}: {done}/{size} (waiting)"),
    }
}

/// The plain lines of a run: remembers what it said last.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    letters: Option<Letters>,
    waves: Vec<WaveLine>,
    commits: BTreeMap<TaskId, u32>,
}

impl Plain {
    /// Lines for a run as it stands; what was there before is not told again.
    pub fn new(state: &State, letters: Letters) -> Self {
        let commits = (0..state.tasks.len()).map(|at| (state.id(at).clone(), state.tasks[at].commits()));
        Self { letters: Some(letters), waves: waves(state), commits: commits.collect() }
    }

    /// What a record says, `state` being as the record left it. Each line begins with `time`.
    pub fn tell(&mut self, record: &Record, state: &State, time: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for event in &record.events {
            lines.extend(self.progress(event, state));
            lines.extend(describe(event, state));
        }
        let may_move_waves = |event: &Event| {
            matches!(
                event,
                Event::RunStarted { .. }
                    | Event::AttemptStarted { .. }
                    | Event::TaskClosed { .. }
                    | Event::AttemptReleased { .. }
                    | Event::TaskReset { .. }
                    | Event::TaskReopened { .. }
                    | Event::PlanRevised { .. }
                    | Event::RepairAdded { .. }
            )
        };
        if record.events.iter().any(may_move_waves) {
            lines.extend(self.changed_waves(state));
        }
        let letters = self.letters.unwrap_or(Letters::Unicode);
        lines.into_iter().map(|line| clean(&format!("{time} {line}"), letters)).collect()
    }

    /// The lines of all waves when one of them came a step further, else of those in which more is done.
    fn changed_waves(&mut self, state: &State) -> Vec<String> {
        let now = waves(state);
        let steps =
            |waves: &[WaveLine]| -> Vec<_> { waves.iter().map(|wave| (wave.wave, wave.status)).collect() };
        let told = |wave: &WaveLine| match wave.status {
            WaveStatus::Early => (wave.wave, wave.started, wave.size),
            _ => (wave.wave, wave.done, wave.size),
        };
        let all = steps(&now) != steps(&self.waves);
        let before: Vec<_> = self.waves.iter().map(told).collect();
        self.waves = now;
        self.waves.iter().filter(|wave| all || !before.contains(&told(wave))).map(wave_line).collect()
    }

    /// `T-001 10/20 commits (50%), Phase 2: Generation`, each time another `report_every_commits` are made.
    fn progress(&mut self, event: &Event, state: &State) -> Option<String> {
        let (Event::Sighted { task, .. } | Event::SnapshotTaken { task, .. }) = event else { return None };
        let at = state.position(task)?;
        let (now, every) = (state.tasks[at].commits(), state.policy.report_every_commits.max(1));
        let before = self.commits.get(task).copied().unwrap_or(0);
        if now <= before {
            return None;
        }
        self.commits.insert(task.clone(), now);
        if now / every == before / every {
            return None;
        }
        let phase =
            ppe_core::view::phase_line(state, at).map_or_else(String::new, |phase| format!(", {phase}"));
        Some(match state.plan.tasks[at].spec.planned_commits() {
            0 => format!("{task} {now} commits{phase}"),
            planned => {
                format!("{task} {now}/{planned} commits ({}%){phase}", percent(now.into(), planned.into()))
            }
        })
    }
}

/// An event in a line, `state` being as the event left it; none for what nobody needs to read.
pub fn describe(event: &Event, state: &State) -> Option<String> {
    let line = match event {
        Event::AttemptStarted { .. }
        | Event::AttemptSucceeded { .. }
        | Event::AttemptFailed { .. }
        | Event::AttemptReleased { .. }
        | Event::AttemptStopping { .. }
        | Event::LeftoversAsked { .. }
        | Event::VerifyStarted { .. }
        | Event::ReviewStarted { .. }
        | Event::ReviewEnded { .. }
        | Event::ReviewLeftOut { .. }
        | Event::AgentNeeded { .. } => attempt(event, state)?,
        Event::ChangeOpened { .. }
        | Event::ChangeReturned { .. }
        | Event::ChangeApproved { .. }
        | Event::ApprovalWithdrawn { .. }
        | Event::ChangeRejected { .. }
        | Event::TaskClosed { .. }
        | Event::TaskHeld { .. }
        | Event::TaskParked { .. }
        | Event::TaskReopened { .. }
        | Event::TaskReset { .. }
        | Event::BranchAdopted { .. }
        | Event::TaskWished { .. }
        | Event::LandingAccepted { .. }
        | Event::PriorityChanged { .. }
        | Event::TaskPreferred { .. }
        | Event::PermissionGranted { .. } => task(event, state)?,
        Event::CandidateChosen { .. }
        | Event::MemberLeftOut { .. }
        | Event::CandidateSplit { .. }
        | Event::CheckStarted { .. }
        | Event::CheckRed { .. }
        | Event::CandidateDropped { .. }
        | Event::LandedUnchecked { .. }
        | Event::TargetRed { .. }
        | Event::RacesLost { .. }
        | Event::BranchesSeen { .. }
        | Event::LaneThawed => lane(event, state)?,
        Event::BoardLost { why } => {
            format!("⚠ The board cannot be reached: {why}. The run goes on without it")
        }
        Event::CardTextsKept { tasks } => format!("⚠ {}", text_kept_in_words(tasks)),
        Event::BoardBack => "The board is back".to_owned(),
        Event::StandstillTold { task } => {
            let found = standstill(state, state.position(task)?, state.clock.last)?;
            format!("⌛ {}; next: {}", found.text, found.command)
        }
        Event::RunStarted { run, target, selected, .. } => {
            format!("Run {run} begins: {} into {target}", counted(selected.len(), "task"))
        }
        Event::SessionOpened { .. } if state.totals.sessions > 1 => "The run goes on".to_owned(),
        Event::RunCompleted => "All tasks are closed".to_owned(),
        Event::PlanRevised { added, .. } => {
            format!("The plan is revised, {} added", counted(added.len(), "task"))
        }
        Event::StackRefused { task, files } => {
            let files = files.join(", ");
            format!("{task} waits for the landings: what it was to be stacked on does not merge ({files})")
        }
        Event::WorkspacePrepared { task, prepared: Prepared { aside: Some(aside), .. }, .. } => {
            format!(
                "{task} could not go on in its workspace and got a new one; the old one is kept in {aside}"
            )
        }
        Event::RepairAdded { repair, plan } => {
            let title = plan.task(repair).map_or("", |task| &task.spec.title);
            format!("🔧 {repair} {title} is added, ahead of all others")
        }
        Event::DispatchPaused { cause } => format!("✋ Paused: {}", pause(cause)),
        Event::DispatchResumed { cause } => format!("No longer paused: {}", pause(cause)),
        Event::StopRequested { mode } => stop(*mode, state),
        Event::StopWithdrawn => "New tasks start again".to_owned(),
        Event::SlotsChanged { slots } => counted(*slots, "slot"),
        Event::BudgetNeared { percent } => format!("💰 {percent}% of the budget are spent"),
        Event::BudgetGranted => "💰 The budget is granted once more".to_owned(),
        Event::BreakerOpened { account, until, width, why, .. } => {
            format!("⏳ {account}: {why}; again in {}, {width} at once", span(until.since(state.clock.last)))
        }
        Event::BreakerClosed { account, .. } => format!("{account} is tried again"),
        Event::IntentDeferred { intent, why, until, .. } => {
            let wait = span(until.since(state.clock.last));
            match intent.task() {
                Some(task) => format!("⏳ {task} waits: {why}; tried again in {wait}"),
                None => format!("⏳ the lane waits: {why}; tried again in {wait}"),
            }
        }
        Event::WavePreloaded { wave, tasks } if !tasks.is_empty() => {
            format!("Getting wave {wave} ready: {}", list(tasks))
        }
        Event::WaveOpened { wave } => format!("Wave {wave} may start"),
        Event::QuestionAsked { question, ask } => {
            let words: Vec<&str> = ask.choices().iter().map(|choice| choice.answer.word()).collect();
            format!("❓ {question}: {} (ppe answer {question} {})", ask.text(), words.join("|"))
        }
        Event::QuestionWithdrawn { question } => format!("{question} has settled itself"),
        Event::ChangesRequested { task, .. } => format!("💬 {task}: a review of its PR requests changes"),
        Event::NoteLeft { task, .. } => format!("a note for {task} was left"),
        Event::QuestionAnswered { question, answer } => format!("{question} answered: {}", answer.word()),
        Event::SessionOpened { .. }
        | Event::WavePreloaded { .. }
        | Event::IntentDue { .. }
        | Event::TaskPreloaded { .. }
        | Event::TaskReadied { .. }
        | Event::TaskUnreadied { .. }
        | Event::HeadJudged { .. }
        | Event::WorkspacePrepared { prepared: Prepared { aside: None, .. }, .. }
        | Event::AgentEnded { .. }
        | Event::SnapshotTaken { .. }
        | Event::CoverageMeasured { .. }
        | Event::LeftoversTaken { .. }
        | Event::BranchPublished { .. }
        | Event::ChangeLabelled { .. }
        | Event::TaskQueued { .. }
        | Event::CandidateBuilt { .. }
        | Event::TreeGreen { .. }
        | Event::BaseGreen { .. }
        | Event::CandidateGreen { .. }
        | Event::CandidateRed { .. }
        | Event::LandingStarted { .. }
        | Event::CandidateLanded { .. }
        | Event::TargetMoved { .. }
        | Event::WorkspaceReleased { .. }
        | Event::BreakerWidened { .. }
        | Event::CardSeen { .. }
        | Event::CardMoving { .. }
        | Event::Sighted { .. } => return None,
    };
    Some(clean(&line, Letters::Unicode))
}

/// What a task that starts is stacked on, if it is.
fn stacked(stack: &[ppe_core::state::Parent]) -> String {
    let tasks: Vec<_> = stack.iter().map(|parent| parent.task.clone()).collect();
    if tasks.is_empty() {
        String::new()
    } else {
        format!(", stacked on {}", ppe_core::wording::several(&tasks))
    }
}

/// What happens to an attempt.
fn attempt(event: &Event, state: &State) -> Option<String> {
    Some(match event {
        Event::AttemptStarted { task, attempt, kind, agent, stack, .. } => {
            let title = state.plan.task(task).map_or("", |planned| &planned.spec.title);
            match kind {
                Kind::First => format!("🔄 {task} {title} started{} ({agent})", stacked(stack)),
                Kind::Recheck => format!("🔄 {task} attempt {attempt}: its work is verified again"),
                Kind::Verify
                | Kind::Ci
                | Kind::Conflict
                | Kind::Restack
                | Kind::Review
                | Kind::Rejected
                | Kind::Continue => {
                    let at = state.position(task)?;
                    let repair =
                        ppe_core::view::repair_line(state, at).unwrap_or_else(|| "goes on".to_owned());
                    format!("🔄 {task} attempt {attempt}: {repair} ({agent})")
                }
            }
        }
        Event::AttemptSucceeded { task, .. } => {
            let commits = state.task(task).map_or(0, ppe_core::state::Task::commits);
            format!("✅ {task} verified, {}", counted(commits, "commit"))
        }
        Event::AttemptFailed { task, failure, after, .. } => failed(task, failure, *after, state),
        Event::AttemptReleased { task, failure, .. } => {
            format!("{task} gave its slot back: {}", failure.summary)
        }
        Event::AttemptStopping { task, stop, .. } => {
            format!("{task} is being stopped: {}", why_stopped(*stop))
        }
        Event::LeftoversAsked { task, .. } => {
            let named = state.task(task).and_then(|t| t.facts.snapshot.as_ref());
            if named.is_some_and(|s| !s.attributed.is_empty()) {
                format!("{task}: its agent is asked to name no AI in its work")
            } else {
                format!("{task}: its agent is asked for what it left over")
            }
        }
        Event::VerifyStarted { task, .. } => format!("{task} is being verified"),
        Event::ReviewStarted { task, .. } => {
            let reviewer = state.policy.review.as_ref().map_or("an agent", |reviewer| &reviewer.agent);
            format!("{task} is being reviewed ({reviewer})")
        }
        Event::ReviewEnded { task, review, .. } => format!("{task}: {}", reviewed(review.as_ref()?)),
        Event::ReviewLeftOut { task, why, .. } => {
            format!("{task}: {}", reviewed(&Review::LeftOut(why.clone())))
        }
        Event::AgentNeeded { task, failure, .. } => format!("{task}: its agent starts: {}", failure.summary),
        _ => return None,
    })
}

fn reviewed(review: &Review) -> String {
    match review {
        Review::Clean => "its review found nothing".to_owned(),
        Review::Findings(n) => {
            format!("its review found {}, which go to its agent", counted(*n, "thing"))
        }
        Review::LeftOut(why) => format!("it goes on without a review: {why}"),
    }
}

fn why_stopped(stop: Stop) -> &'static str {
    match stop {
        Stop::Yield => "it gives its slot to others",
        Stop::Park => "it is paused",
        Stop::Take => "a person takes it",
        Stop::Cancel => "it is cancelled",
        Stop::Skip(_) => "it is skipped",
        Stop::Retry => "it begins again",
        Stop::Timeout => "it ran out of time",
        Stop::Silent => "it was silent for long",
        Stop::Halt => "the run stops",
    }
}

/// A failure, and what follows: a repair, or a person.
fn failed(task: &TaskId, failure: &Failure, after: After, state: &State) -> String {
    match after {
        After::Retry { .. } => {
            let next = state.position(task).and_then(|at| ppe_core::view::repair_line(state, at));
            let next = next.map_or_else(|| "tried again".to_owned(), |repair| format!("{repair} follows"));
            format!("{task} failed: {}; {next}", failure.summary)
        }
        After::Hold(hold) => held(task, hold, failure, state),
    }
}

/// `T-003 needs manual intervention. 6 other tasks continuing... (what failed; where; next command)`
fn held(task: &TaskId, hold: Hold, failure: &Failure, state: &State) -> String {
    let branch = state.task(task).and_then(|t| t.facts.branch.as_ref());
    let place = branch.map_or_else(String::new, |branch| format!(" Its work lies on branch {branch}."));
    let message = headline(state, task, hold);
    format!("🚧 {message} It failed: {}.{place} Next: ppe retry {task}", failure.summary)
}

/// What happens to a task between attempts and after them.
fn task(event: &Event, state: &State) -> Option<String> {
    Some(match event {
        Event::ChangeOpened { task, change } => match state.position(task) {
            Some(at) if !state.is_approved(at) => {
                format!("✅ {task} {}", ppe_core::view::review_line(state, at))
            }
            Some(_) | None => format!("✅ {task} PR {change} created, CI pending..."),
        },
        Event::ChangeApproved { task, tip, .. } => format!("👍 {task} is approved at {}", short(tip)),
        Event::ApprovalWithdrawn { task } => format!("✋ {task} is approved no more: it waits for approval"),
        Event::ChangeRejected { task, note } => format!("👎 {task} goes back to its agent: {note}"),
        Event::ChangeReturned { task, failure, after } => failed(task, failure, *after, state),
        Event::TaskClosed { task, closure } => {
            format!("{} {task} {}", closure_sign(closure), closed(closure))
        }
        Event::TaskHeld { task, hold, failure } => held(task, *hold, failure, state),
        Event::TaskParked { task, park } => match park {
            Park::Room => format!("{task} returns when the queue is shorter than the slots"),
            Park::Operator => format!("{task} is paused (ppe unpause {task})"),
            Park::Taken => format!("{task} is yours (ppe give {task} hands it back)"),
            Park::Question(question) => format!("{task} waits for an answer to {question}"),
        },
        Event::TaskReopened { task, .. } | Event::TaskReset { task, .. } => format!("{task} is open again"),
        Event::BranchAdopted { task, tip } => {
            format!("{task}: its branch was moved to {}; verified anew", short(tip))
        }
        Event::TaskWished { task, .. } => format!("{task}: done once its landing has an outcome"),
        Event::LandingAccepted { task } => {
            format!("{task} counts as done although it is no longer in the target")
        }
        Event::PriorityChanged { task, priority } => format!("{task} has {priority} priority now"),
        Event::PermissionGranted { task, tools } => format!("{task}: permitted {}", tools.join(", ")),
        Event::TaskPreferred { task } => format!("{task} goes ahead of all others"),
        _ => return None,
    })
}

fn closure_sign(closure: &Closure) -> &'static str {
    if closure.satisfies() { "✅" } else { "🚫" }
}

fn closed(closure: &Closure) -> String {
    match closure {
        Closure::Landed(commit) => format!("landed ({})", short(commit)),
        Closure::LandedByOthers(commit) => format!("landed by a person ({})", short(commit)),
        Closure::DoneBefore => "was done before".to_owned(),
        Closure::NoChange => "needed no change".to_owned(),
        Closure::Skipped(Satisfies::Yes) => "skipped; what needs it goes on".to_owned(),
        Closure::Skipped(Satisfies::No) => "skipped; what needs it stays blocked".to_owned(),
        Closure::Cancelled => "cancelled".to_owned(),
    }
}

fn pause(cause: &PauseCause) -> String {
    match cause {
        PauseCause::Operator => "by you (ppe unpause)".to_owned(),
        PauseCause::Machine(why) => format!("the machine cannot take more ({why})"),
        PauseCause::Budget => "the budget is spent".to_owned(),
        PauseCause::Agent { agent, why } => format!("{agent} cannot work: {why} (ppe unpause)"),
        PauseCause::TargetRed => "the target is red".to_owned(),
        PauseCause::SameCause => "several tasks failed alike".to_owned(),
        PauseCause::TargetRewritten => "the target lost what had landed".to_owned(),
    }
}

fn stop(mode: StopMode, state: &State) -> String {
    let at_work: Vec<TaskId> = state.busy().map(|at| state.id(at).clone()).collect();
    let who = if at_work.is_empty() {
        "no agent works".to_owned()
    } else {
        format!("still at work: {}", list(&at_work))
    };
    match mode {
        StopMode::Drain => format!("✋ Pausing: nothing new starts; {who}"),
        StopMode::Agents => format!("✋ Stopping the agents; {who}"),
        StopMode::Cancel => format!("✋ Cancelling what is open; {who}"),
    }
}
