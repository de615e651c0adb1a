//! How a run stands, in short: what a client's model needs to tell its user, and to know when to look again.

use super::answer::Answer;
use super::arguments::StatusArgs;
use super::run::{being_prepared, no_run, open_site, view_now, watch_command};
use crate::error::AppError;
use crate::wiring::{Background, Followed, RunLock, Site};
use ppe_core::ids::RunId;
use ppe_core::view::{Live, OpenQuestion, RunView, RunWord, TaskLine};
use ppe_core::wording::{list, span, thousands};
use rmcp::RoleServer;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest that a call waits, in seconds: clients give up after a minute.
const LONGEST_WAIT_S: u64 = 50;
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Ids of one list that are told.
const MOST_IDS: usize = 12;

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Status {
    /// The run
    pub(super) run: String,
    /// The plan's name
    pub(super) plan: String,
    /// new, running, paused, draining, stopping, stopped, needs-you, complete or resumable
    pub(super) state: String,
    /// Whether a process is at work on it
    pub(super) live: bool,
    /// Tasks of the run
    pub(super) tasks: u32,
    /// Of those, done
    pub(super) done: u32,
    /// Commits made
    pub(super) commits: u64,
    /// Commits planned
    pub(super) commits_planned: u64,
    /// Slots with an agent at work
    pub(super) slots_busy: u32,
    /// Slots
    pub(super) slots: u32,
    /// Tasks with an agent at work
    pub(super) at_work: Vec<AtWork>,
    /// Tasks whose changes are on their way into the target
    pub(super) in_review: Vec<String>,
    /// The tasks that start next
    pub(super) next: Vec<String>,
    /// Tasks that need a person
    pub(super) need_you: Vec<NeedsYou>,
    /// Open questions to the user
    pub(super) questions: Vec<Question>,
    /// Why nothing new starts, or what stands still
    pub(super) obstacles: Vec<Obstacle>,
    /// Since its beginning, in words
    pub(super) elapsed: String,
    /// How long it still takes, in words
    pub(super) remaining: String,
    /// Give this back as `since` to wait until something that matters is otherwise
    pub(super) mark: String,
    /// The command that shows the run in a terminal
    pub(super) watch: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AtWork {
    /// The task
    pub(super) task: String,
    /// Its title
    pub(super) title: String,
    /// What is going on
    pub(super) doing: String,
    /// Commits made
    pub(super) commits: u32,
    /// Commits planned; 0 when the plan does not say
    pub(super) commits_planned: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NeedsYou {
    /// The task
    pub(super) task: String,
    /// What failed
    pub(super) failure: String,
    /// Where its work lies
    pub(super) place: String,
    /// The command that goes on
    pub(super) next: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Question {
    /// Its id
    pub(super) id: String,
    /// The question
    pub(super) text: String,
    /// What may be answered
    pub(super) answers: Vec<Offer>,
    /// The answer that applies when nobody gives one
    pub(super) if_nobody_answers: String,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Offer {
    /// The answer
    pub(super) answer: String,
    /// What it leads to
    pub(super) effect: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Obstacle {
    /// What
    pub(super) text: String,
    /// The command that goes on
    pub(super) command: String,
}

impl From<&OpenQuestion> for Question {
    fn from(question: &OpenQuestion) -> Self {
        let offer = |offer: &ppe_core::view::Offer| Offer {
            answer: offer.answer.word().to_owned(),
            effect: offer.effect.clone(),
        };
        Self {
            id: question.id.to_string(),
            text: question.text.clone(),
            answers: question.choices.iter().map(offer).collect(),
            if_nobody_answers: question.default.word().to_owned(),
        }
    }
}

impl Question {
    /// The question as lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let answers = self.answers.iter().map(|offer| format!("    {}: {}", offer.answer, offer.effect));
        std::iter::once(format!("{}: {}", self.id, self.text)).chain(answers).collect()
    }
}

impl Status {
    /// Of a view.
    pub(super) fn of(view: &RunView, site: &Site) -> Self {
        let ids = |ids: &[ppe_core::ids::TaskId]| {
            ids.iter().take(MOST_IDS).map(ToString::to_string).collect::<Vec<_>>()
        };
        let at_work = view.tasks.iter().filter(|task| view.lists.active.contains(&task.id));
        let need_you = view.held.iter().map(|held| NeedsYou {
            task: held.id.to_string(),
            failure: held.failure.clone(),
            place: held.place.clone(),
            next: held.next.clone(),
        });
        let pauses = view.pauses.iter().map(|p| (p.text.clone(), p.command.clone()));
        let still = view.standstills.iter().map(|s| (s.text.clone(), s.command.clone()));
        let lost = view.board_lost.iter();
        let lost = lost.map(|why| (format!("the board cannot be reached: {why}"), "ppe doctor".to_owned()));
        Self {
            run: view.run.to_string(),
            plan: view.title.clone(),
            state: view.state.as_str().to_owned(),
            live: view.live == Live::Yes,
            tasks: view.totals.tasks,
            done: view.totals.done,
            commits: view.totals.commits,
            commits_planned: view.totals.commits_planned,
            slots_busy: view.slots.busy,
            slots: view.slots.total,
            at_work: at_work.map(AtWork::of).collect(),
            in_review: ids(&view.lists.in_review),
            next: ids(&view.lists.queue),
            need_you: need_you.collect(),
            questions: view.questions.iter().map(Question::from).collect(),
            obstacles: pauses
                .chain(still)
                .chain(lost)
                .map(|(text, command)| Obstacle { text, command })
                .collect(),
            elapsed: span(view.times.elapsed_ms),
            remaining: view.remaining.text.clone(),
            mark: mark(view),
            watch: watch_command(site),
        }
    }

    /// The same in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{}: {}, {} of {} tasks done, {}/{} commits, {} of {} slots busy, {} elapsed, {} (run {})",
            self.plan,
            self.state,
            self.done,
            self.tasks,
            thousands(self.commits),
            thousands(self.commits_planned),
            self.slots_busy,
            self.slots,
            self.elapsed,
            self.remaining,
            self.run
        )];
        let at_work = self.at_work.iter();
        lines.extend(at_work.map(|t| {
            format!("  {} {}: {}/{} commits, {}", t.task, t.title, t.commits, t.commits_planned, t.doing)
        }));
        let needs = self.need_you.iter();
        lines.extend(
            needs.map(|t| format!("needs you: {}: {} ({}); next: {}", t.task, t.failure, t.place, t.next)),
        );
        for question in &self.questions {
            lines.push("question to the user:".to_owned());
            lines.extend(question.lines());
        }
        lines.extend(self.obstacles.iter().map(|o| format!("note: {}; `{}` goes on", o.text, o.command)));
        lines.push(format!("watch it: {}", self.watch));
        lines
    }
}

impl AtWork {
    fn of(task: &TaskLine) -> Self {
        Self {
            task: task.id.to_string(),
            title: task.title.clone(),
            doing: task.doing.clone().unwrap_or_default(),
            commits: task.commits,
            commits_planned: task.planned_commits,
        }
    }
}

/// What must be otherwise for a waiting call to come back: commits and starts alone are not worth a model's attention.
fn mark(view: &RunView) -> String {
    let questions: Vec<_> = view.questions.iter().map(|question| question.id.to_string()).collect();
    let held: Vec<_> = view.held.iter().map(|held| held.id.clone()).collect();
    let still: Vec<_> = view.standstills.iter().map(|still| still.task.clone()).collect();
    format!(
        "{} {} done={} given-up={} questions={} held={} paused={} still={}",
        view.run,
        view.state.as_str(),
        view.totals.done,
        view.totals.given_up,
        questions.join(","),
        list(&held),
        view.pauses.len(),
        list(&still)
    )
}

/// How the run stands, at once or as soon as something that matters is otherwise.
pub(super) async fn status(
    repo: PathBuf,
    args: StatusArgs,
    context: &RequestContext<RoleServer>,
) -> Result<Answer, AppError> {
    let until = Instant::now() + Duration::from_secs(args.wait_s.unwrap_or(0).min(LONGEST_WAIT_S));
    let (mut since, mut told) = (args.since, 0);
    let mut watch = super::blocking(move || Watch::begin(&repo, args.run)).await?;
    loop {
        let (looked, status) = super::blocking(move || watch.look()).await?;
        watch = looked;
        let Some(status) = status else {
            if Instant::now() >= until || context.ct.is_cancelled() {
                return Err(being_prepared());
            }
            pause(context).await;
            continue;
        };
        let is_news = *since.get_or_insert_with(|| status.mark.clone()) != status.mark;
        if is_news || !status.live || Instant::now() >= until || context.ct.is_cancelled() {
            return Answer::new(&status, status.lines());
        }
        if told < status.commits {
            tell(context, &status).await;
            told = status.commits;
        }
        pause(context).await;
    }
}

/// Until the next look, unless the call is taken back.
async fn pause(context: &RequestContext<RoleServer>) {
    tokio::select! {
        () = context.ct.cancelled() => {}
        () = tokio::time::sleep(LOOK_AGAIN) => {}
    }
}

/// A run that is looked at until something is otherwise.
struct Watch {
    site: Site,
    run: Option<String>,
    followed: Followed,
}

impl Watch {
    fn begin(repo: &Path, run: Option<String>) -> Result<Self, AppError> {
        Ok(Self { site: open_site(repo)?, run, followed: Followed::default() })
    }

    /// How it stands, and what the next look goes on from. Nothing while the run that is meant is being prepared and has no
    /// id: no earlier one is told of in its place.
    fn look(mut self) -> Result<(Self, Option<Status>), AppError> {
        if self.run.is_none() && RunLock::makes_one(&self.site)? {
            return Ok((self, None));
        }
        let wanted = match &self.run {
            Some(run) => Some(RunId::new(run.as_str())),
            None => self.coming()?,
        };
        let wanted = wanted.as_ref().map(RunId::as_str);
        let found = self.followed.latest(&self.site.state, wanted)?;
        let found = found.ok_or_else(|| no_run(self.run.as_deref()))?;
        let view = view_now(&self.site, found)?;
        let mut status = Status::of(&view, &self.site);
        if view.state == RunWord::New && view.live == Live::No {
            let why = Background::last_words(&self.site);
            status.obstacles.push(Obstacle {
                text: format!("it ended before it began: {why}"),
                command: "ppe run".to_owned(),
            });
        }
        Ok((self, Some(status)))
    }

    /// A run that is about to begin, or has ended before it began: it goes before the ones that have begun.
    fn coming(&mut self) -> Result<Option<RunId>, AppError> {
        let coming = RunLock::run(&self.site)?.or(self.site.state.runs()?.into_iter().next());
        Ok(coming
            .filter(|id| matches!(self.followed.latest(&self.site.state, Some(id.as_str())), Ok(Some(_)))))
    }
}

/// Progress for clients that asked for it.
async fn tell(context: &RequestContext<RoleServer>, status: &Status) {
    let Some(token) = context.meta.get_progress_token() else { return };
    let count = |commits: u64| f64::from(u32::try_from(commits).unwrap_or(u32::MAX));
    let progress = ProgressNotificationParam::new(token, count(status.commits))
        .with_total(count(status.commits_planned.max(status.commits)))
        .with_message(format!("{} of {} tasks done, {} commits", status.done, status.tasks, status.commits));
    // A client that has gone is told nothing.
    drop(context.peer.notify_progress(progress).await);
}
