//! Commands that change a run: sent to the live process, or, without one, recorded by this one.

use super::args::{AnswerArgs, Cli, Command as Word, Control, RunOf};
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Site, apply, latest, send};
use clap::Parser;
use ppe_core::ids::{QuestionId, TaskId};
use ppe_core::input::{Command, Reply, Which};
use ppe_core::plan::Priority;
use ppe_core::question::Answer;
use ppe_core::state::{Satisfies, StopMode};

/// Does a command of the user's.
pub(super) fn run(command: Control, ui: &mut Ui) -> Result<u8, AppError> {
    let (command, of) = understand(command)?;
    give(command, &of, ui)
}

/// Gives a command to the run and tells the answer.
pub(super) fn give(command: Command, of: &RunOf, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&of.repo, &mut |line| ui.talk(line))?;
    let command = prove(&site, command)?;
    let place = where_to_work(&site, of, &command)?;
    let (reply, live) = match send(&site, of.run.as_deref(), command.clone())? {
        Some(reply) => (reply, true),
        None => (apply(&site, of.run.as_deref(), command)?, false),
    };
    if of.json {
        ui.json(&reply)?;
    }
    match reply {
        Reply::Done(text) => {
            ui.talk(&text);
            if let Some(place) = place {
                ui.talk(&place);
            }
            if !live && unfinished(&site, of)? {
                ui.talk("no process is at work on the run: `ppe resume` goes on");
            }
            Ok(EXIT_DONE)
        }
        Reply::Nothing(text) => {
            ui.talk(&text);
            Ok(EXIT_DONE)
        }
        Reply::Refused(text) => Err(AppError::environment(text)),
    }
}

fn unfinished(site: &Site, of: &RunOf) -> Result<bool, AppError> {
    Ok(latest(site, of.run.as_deref())?.is_some_and(|found| found.is_unfinished()))
}

/// Where a person works who takes a task.
fn where_to_work(site: &Site, of: &RunOf, command: &Command) -> Result<Option<String>, AppError> {
    let Command::Take { task } = command else { return Ok(None) };
    let place = latest(site, of.run.as_deref())?.map(|found| found.dir.workspace(task));
    Ok(place
        .filter(|place| place.is_dir())
        .map(|place| format!("work in {}, commit there, then `ppe give {task}`", place.display())))
}

/// A command as typed into a run's own terminal: `retry T-003`, `answer q1 yes`.
pub(super) fn typed(line: &str) -> Result<Command, String> {
    let words = std::iter::once("ppe").chain(line.split_whitespace());
    let parsed = Cli::try_parse_from(words).map_err(|_| format!("not a command here: {line}"))?;
    match parsed.command {
        Word::Control(Control::Done { .. }) => {
            Err("`ppe done` is for another terminal: it looks the commit up".to_owned())
        }
        Word::Control(control) => {
            understand(control).map(|(command, _)| command).map_err(|error| error.message)
        }
        Word::Answer(args) => answer(&args).map_err(|error| error.message),
        _ => Err(format!("not a command here: {line}")),
    }
}

/// A commit named by the user must be in the target before it can close a task.
fn prove(site: &Site, command: Command) -> Result<Command, AppError> {
    let Command::Done { task, commit } = command else { return Ok(command) };
    let commit = site.proved_commit(commit.as_str())?;
    Ok(Command::Done { task, commit })
}

pub(super) fn understand(command: Control) -> Result<(Command, RunOf), AppError> {
    let id = |text: String| TaskId::new(text);
    Ok(match command {
        Control::Pause { task, of } => (Command::Pause(task.map(id)), of),
        Control::Unpause { task, of } => (Command::Unpause(task.map(id)), of),
        Control::Stop { drain, cancel, of } => {
            let mode = match (drain, cancel) {
                (true, _) => StopMode::Drain,
                (false, true) => StopMode::Cancel,
                (false, false) => StopMode::Agents,
            };
            (Command::Stop(mode), of)
        }
        Control::Retry { on, note } => (Command::Retry { task: id(on.task), note }, on.of),
        Control::Skip { on, satisfied } => {
            let satisfies = if satisfied { Satisfies::Yes } else { Satisfies::No };
            (Command::Skip { task: id(on.task), satisfies }, on.of)
        }
        Control::Take(on) => (Command::Take { task: id(on.task) }, on.of),
        Control::Give(on) => (Command::Give { task: id(on.task) }, on.of),
        Control::Done { on, commit } => {
            let commit = ppe_core::ids::CommitId::new(commit);
            (Command::Done { task: id(on.task), commit }, on.of)
        }
        Control::Reopen { on, note } => (Command::Reopen { task: id(on.task), note }, on.of),
        Control::Approve { tasks, wave, all: _, at, of } => {
            let which = match (tasks.as_slice(), wave) {
                (_, Some(wave)) => Which::Wave(wave),
                ([], None) => Which::All,
                (_, None) => Which::Tasks(tasks.into_iter().map(id).collect()),
            };
            (Command::Approve { which, tip: at }, of)
        }
        Control::Reject { on, note } => (Command::Reject { task: id(on.task), note }, on.of),
        Control::Next(on) => (Command::Next { task: id(on.task) }, on.of),
        Control::Priority { on, priority } => {
            let priority = parse_priority(&priority)?;
            (Command::Priority { task: id(on.task), priority }, on.of)
        }
        Control::Slots { slots, of } => (Command::Slots(slots), of),
    })
}

/// The command that an answer is.
pub(super) fn answer(args: &AnswerArgs) -> Result<Command, AppError> {
    let number = args.question.trim_start_matches('q').parse();
    let question = number.map(QuestionId).map_err(|_| {
        AppError::usage(format!("`{}` is no question", args.question))
            .hint("`ppe questions` lists them: q1, q2, …")
    })?;
    let answer = Answer::parse(&args.answer).ok_or_else(|| {
        AppError::usage(format!("`{}` is no answer", args.answer))
            .hint("`ppe questions` lists what each question may be answered with")
    })?;
    Ok(Command::Answer { question, answer })
}

pub(super) fn parse_priority(word: &str) -> Result<Priority, AppError> {
    [Priority::Low, Priority::Medium, Priority::High, Priority::Critical]
        .into_iter()
        .find(|p| p.as_str().eq_ignore_ascii_case(word))
        .ok_or_else(|| AppError::usage(format!("a priority is low, medium, high or critical, not `{word}`")))
}
