//! Starting: what a plan is worth, what a run of it would do, and the run itself, in a process of its own that outlives
//! the client. Nothing starts that the user has not seen.

use super::answer::{Answer, Turn};
use super::arguments::{CheckArgs, ResumeArgs, StartArgs};
use super::ask::{Asked, Form, ask};
use super::run::{Run, open_site, watch_command};
use super::steer;
use crate::error::AppError;
use crate::wiring::{
    Background, CheckLevel, Flag, Prepared, RunLock, Site, Startup, Wanted, find_plan, first_starts, flag,
    place_arguments, prepare, read_plan, settings_only,
};
use ppe_core::ids::{RunId, TaskId};
use ppe_core::input::Command;
use ppe_core::plan::{Checked, Finding, Level, Selection};
use rmcp::RoleServer;
use rmcp::model::CallToolRequestParams;
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Serialize;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So long an answer waits for the run to be there: the target may have to be checked first, which takes its time.
const AT_ONCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanChecked {
    /// Whether it can be executed
    executable: bool,
    /// Its name
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    /// Its tasks by wave: those of a wave depend on earlier waves alone
    waves: Vec<Vec<String>>,
    /// The chain of tasks that takes longest
    critical_path: Vec<String>,
    /// Commits planned
    commits_planned: u32,
    /// What must be mended
    errors: Vec<String>,
    /// What is worth knowing
    warnings: Vec<String>,
}

/// What a plan is worth.
pub(super) fn check(repo: &Path, args: &CheckArgs) -> Result<Answer, AppError> {
    let settings = settings_only(repo, written_in(args.from.as_deref(), args.tag.as_deref()))?;
    let source = find_plan(repo, args.plan.as_deref(), &settings)?;
    let Checked { plan, findings } = read_plan(&source)?;
    let of = |level: Level| {
        let found = findings.iter().filter(|finding| finding.level == level);
        found.map(ToString::to_string).collect::<Vec<_>>()
    };
    let show =
        plan.as_ref().map(|plan| ppe_core::plan::show::plan_document(plan, &findings, settings.policy.order));
    let ids = |ids: &[TaskId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let checked = PlanChecked {
        executable: plan.is_some(),
        plan: show.as_ref().map(|show| show.name.to_string()),
        waves: show.iter().flat_map(|show| show.waves.iter().map(|wave| ids(wave))).collect(),
        critical_path: show.iter().flat_map(|show| ids(&show.critical_path)).collect(),
        commits_planned: show.as_ref().map_or(0, |show| show.planned_commits),
        errors: of(Level::Error),
        warnings: of(Level::Warning),
    };
    Answer::new(&checked, checked.lines(&source.path))
}

/// What a plan is written in, as settings.
fn written_in(from: Option<&str>, tag: Option<&str>) -> Vec<Flag> {
    flags(&[("--from", "plan.source", from), ("--tag", "plan.tag", tag)])
}

fn flags(values: &[(&str, &str, Option<&str>)]) -> Vec<Flag> {
    values.iter().filter_map(|(name, key, value)| Some(flag(name, key, (*value)?))).collect()
}

impl PlanChecked {
    fn lines(&self, path: &Path) -> Vec<String> {
        let Some(name) = &self.plan else {
            let head = format!("the plan in {} cannot be executed:", path.display());
            return std::iter::once(head).chain(self.errors.iter().cloned()).collect();
        };
        let sizes: Vec<String> = self.waves.iter().map(|wave| wave.len().to_string()).collect();
        let mut lines = vec![format!(
            "{name}: {} tasks in {} waves ({}), {} commits planned",
            self.waves.iter().map(Vec::len).sum::<usize>(),
            sizes.len(),
            sizes.join(" + "),
            self.commits_planned
        )];
        lines.push(format!("takes longest: {}", self.critical_path.join(" → ")));
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines
    }
}

/// How far a start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum StartState {
    /// Nothing was started: the user is to see this first. The same call with `confirm` starts it.
    NeedsConfirmation,
    /// The user was asked, and said no.
    Declined,
    /// The run has its id, and checks the target before its first task begins.
    Preparing,
    /// The run is at work.
    Started,
    /// It is written down and has effect once the run goes on: no process is at work on it.
    Recorded,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Started {
    /// How far it is
    state: StartState,
    /// What is to be executed, or is, in a sentence
    what: String,
    /// The tasks that start at once
    first: Vec<First>,
    /// What the kanban board says of it
    board: Vec<String>,
    /// What the user should know before
    warnings: Vec<String>,
    /// The run
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The command that shows the run in a terminal
    watch: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct First {
    /// The task
    task: String,
    /// Its title
    title: String,
    /// The agent that does it
    agent: String,
}

impl StartArgs {
    fn wanted(&self) -> Wanted {
        let ids = |names: &[String]| names.iter().map(|n| TaskId::new(n.as_str())).collect::<Vec<_>>();
        let slots = self.slots.map(|slots| slots.to_string());
        let mut flags = flags(&[
            ("--target", "repo.target", self.target.as_deref()),
            ("--agent", "agent.name", self.agent.as_deref()),
            ("--slots", "run.slots", slots.as_deref()),
            ("--merge-strategy", "merge.strategy", self.merge_strategy.as_deref()),
        ]);
        flags.extend(written_in(self.from.as_deref(), self.tag.as_deref()));
        let selection = Selection {
            only: ids(&self.only),
            waves: self.waves.clone(),
            quarters: self.quarters.clone(),
            modules: self.modules.clone(),
            limit: self.limit.and_then(|limit| usize::try_from(limit).ok()),
            with_deps: self.with_deps,
            done: ids(&self.done).into_iter().collect(),
        };
        let again = ids(&self.again).into_iter().collect();
        Wanted { plan: self.plan.clone(), flags, no_board: self.no_board, selection, again }
    }
}

/// Starts a run, once the user has seen what it would do.
pub(super) async fn start(
    repo: PathBuf,
    args: StartArgs,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Turn, AppError> {
    let wanted = args.wanted();
    let (at, what) = (repo.clone(), wanted.clone());
    let offer = super::blocking(move || offer(&at, &what)).await?;
    let offer = match offer.consented("Start?", args.confirm, request, context).await? {
        ControlFlow::Continue(offer) => offer,
        ControlFlow::Break(turn) => return Ok(turn),
    };
    super::blocking(move || offer.begin("run", &wanted.arguments(&repo))).await
}

/// What would start, as the user is shown it.
struct Offer {
    site: Site,
    started: Started,
}

const YES: &str = "yes";

fn offer(repo: &Path, wanted: &Wanted) -> Result<Offer, AppError> {
    let site = wanted.site(repo)?;
    let prepared = prepare(&site, wanted)?;
    // Whether to go without the board is the user's to say, by `no_board`.
    if let Some(lost) = prepared.board_lost {
        return Err(lost);
    }
    if let Some(error) = prepared.preflight.stop() {
        return Err(error);
    }
    let first = first_starts(&prepared.preview()).into_iter().map(|first| First {
        task: first.task.to_string(),
        title: first.title.to_string(),
        agent: first.worker.agent,
    });
    let started = Started {
        state: StartState::NeedsConfirmation,
        what: prepared.in_words(&site),
        first: first.collect(),
        warnings: warnings(&prepared),
        board: prepared.board,
        run: None,
        watch: watch_command(&site),
    };
    Ok(Offer { site, started })
}

fn warnings(prepared: &Prepared) -> Vec<String> {
    let checks = prepared.preflight.checks.iter().filter(|check| check.level == CheckLevel::Warning);
    let said = checks.map(|check| match &check.hint {
        Some(hint) => format!("{}: {} (hint: {hint})", check.name, check.text),
        None => format!("{}: {}", check.name, check.text),
    });
    said.chain(prepared.findings.iter().map(Finding::to_string)).collect()
}

impl Offer {
    /// The offer with the user's consent, or what is answered without it.
    async fn consented(
        self,
        question: &str,
        confirmed: bool,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<ControlFlow<Turn, Self>, AppError> {
        let asked = if confirmed {
            Asked::Chosen(YES.to_owned())
        } else {
            ask(self.form(question), request, context).await
        };
        Ok(ControlFlow::Break(match asked {
            // Whoever has taken the call back does not mean it any more.
            Asked::Chosen(word) if word == YES && !context.ct.is_cancelled() => {
                return Ok(ControlFlow::Continue(self));
            }
            Asked::Chosen(_) | Asked::Declined => self.answer(StartState::Declined)?,
            Asked::CannotAsk => self.answer(StartState::NeedsConfirmation)?,
            Asked::Later(input) => Turn::Asks(input),
        }))
    }

    /// Of a run that there is.
    fn of(run: Run, what: String) -> Self {
        let started = Started {
            state: StartState::NeedsConfirmation,
            what,
            first: Vec::new(),
            board: Vec::new(),
            warnings: Vec::new(),
            run: Some(run.found.id.to_string()),
            watch: watch_command(&run.site),
        };
        Self { site: run.site, started }
    }

    /// The question about it. The key holds everything that is shown: who agrees to one thing agrees to no other.
    fn form(&self, question: &str) -> Form {
        let mut lines = vec![self.started.what.clone()];
        lines.extend(self.started.board.iter().cloned());
        lines.extend(self.started.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.push(question.to_owned());
        let message = lines.join("\n");
        let choices = [(YES, "start it"), ("no", "start nothing")];
        Form {
            key: message.clone(),
            message,
            choices: choices.map(|(word, effect)| (word.to_owned(), effect.to_owned())).to_vec(),
        }
    }

    fn answer(mut self, state: StartState) -> Result<Turn, AppError> {
        self.started.state = state;
        Ok(Answer::new(&self.started, self.started.lines())?.into())
    }

    /// Starts the process, and answers as soon as its run has an id.
    fn begin(mut self, command: &str, arguments: &[OsString]) -> Result<Turn, AppError> {
        let before = latest_id(&self.site)?;
        let mut background = Background::start(&self.site, command, arguments)?;
        let until = Instant::now() + AT_ONCE;
        let state = loop {
            match background.startup(&self.site)? {
                // It may be over already: there was nothing left to do.
                Startup::AtWork | Startup::Ended => break StartState::Started,
                Startup::Failed { status, said } => {
                    return Err(AppError::environment(format!(
                        "it ended at once ({status}): {}",
                        said.trim()
                    )));
                }
                Startup::Preparing if Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
                Startup::Preparing => break StartState::Preparing,
            }
        };
        // As long as a new run has no id, the latest is another.
        let is_it = |run: &RunId| command != "run" || before.as_ref() != Some(run);
        let run = match RunLock::run(&self.site)? {
            Some(run) => Some(run),
            None => latest_id(&self.site)?.filter(is_it),
        };
        self.started.run = run.map(|run| run.to_string());
        background.let_go();
        self.answer(state)
    }
}

fn latest_id(site: &Site) -> Result<Option<RunId>, AppError> {
    Ok(crate::wiring::latest(site, None)?.map(|found| found.id))
}

impl Started {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.what.clone()];
        lines.push(match (self.state, &self.run) {
            (StartState::NeedsConfirmation, _) => {
                "Nothing was started. Show this to your user; once they agree, call again with confirm: true."
                    .to_owned()
            }
            (StartState::Declined, _) => "Nothing was started: the user said no.".to_owned(),
            (StartState::Preparing, Some(run)) => format!("Run {run} checks the target, then it begins."),
            (StartState::Preparing, None) => "It looks at what there is, then it begins.".to_owned(),
            (StartState::Started, Some(run)) => format!("Run {run} is at work."),
            (StartState::Started, None) => "It is at work.".to_owned(),
            (StartState::Recorded, _) => {
                "No process is at work on the run: `plan_resume` without a task goes on.".to_owned()
            }
        });
        lines.extend(self.board.iter().cloned());
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        if !self.first.is_empty() {
            lines.push("First:".to_owned());
            lines.extend(self.first.iter().map(|f| format!("  {} {} (agent {})", f.task, f.title, f.agent)));
        }
        lines.push(format!("To watch it: {}", self.watch));
        lines
    }
}

/// Lets a paused run or task go on; takes up a run that no process is at, once the user wants that.
pub(super) async fn resume(
    repo: PathBuf,
    args: ResumeArgs,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Turn, AppError> {
    let at = repo.clone();
    let is_live = super::blocking(move || RunLock::is_held(&open_site(&at)?)).await?;
    if is_live || args.task.is_some() {
        return super::blocking(move || unpause(&repo, args.task)).await;
    }
    let at = repo.clone();
    let offer = super::blocking(move || resumable(&at)).await?;
    let offer = match offer.consented("Go on?", args.confirm, request, context).await? {
        ControlFlow::Continue(offer) => offer,
        ControlFlow::Break(turn) => return Ok(turn),
    };
    super::blocking(move || offer.begin("resume", &place_arguments(&repo, &[]))).await
}

/// Lets a run or a task go on that is paused.
fn unpause(repo: &Path, task: Option<String>) -> Result<Turn, AppError> {
    let steered = steer::give(repo, Command::Unpause(task.map(TaskId::new)))?;
    let state = if steered.live { StartState::Started } else { StartState::Recorded };
    let run = Run::open(repo, None)?;
    Offer::of(run, steered.text).answer(state)
}

/// A run that can be taken up, as the user is shown it.
fn resumable(repo: &Path) -> Result<Offer, AppError> {
    let run = Run::open(repo, None)?;
    if !run.found.is_unfinished() {
        return Err(
            AppError::environment("there is no unfinished run to go on with").hint("`plan_start` starts one")
        );
    }
    let state = &run.found.state;
    let (open, all) = (state.open_count(), state.tasks.iter().filter(|task| task.in_run()).count());
    let what = format!("{}: {} of {all} tasks are closed, {open} to go", state.plan.name, all - open);
    Ok(Offer::of(run, what))
}
