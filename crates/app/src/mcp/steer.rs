//! Commands on a run, the same that the command line gives: to the process that is at work on it or, without one, into
//! its log.

use super::answer::{Answer, Turn};
use super::arguments::{AnswerArgs, StopHow};
use super::ask::{Asked, Form, ask};
use super::run::{Run, open_site};
use super::status::{Offer, Question};
use crate::error::AppError;
use crate::wiring::{apply, send};
use ppe_core::ids::QuestionId;
use ppe_core::input::{Command, Reply};
use ppe_core::question::Answer as Word;
use ppe_core::state::StopMode;
use rmcp::RoleServer;
use rmcp::model::CallToolRequestParams;
use rmcp::service::RequestContext;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Steered {
    /// Whether something is otherwise now
    pub(super) changed: bool,
    /// What, or why not
    pub(super) text: String,
    /// Whether a process is at work on the run, so that this has effect at once
    pub(super) live: bool,
}

/// Gives a command to the run.
pub(super) fn give(repo: &Path, command: Command) -> Result<Steered, AppError> {
    let site = open_site(repo)?;
    let (reply, live) = match send(&site, None, command.clone())? {
        Some(reply) => (reply, true),
        None => (apply(&site, None, command)?, false),
    };
    match reply {
        Reply::Done(text) => Ok(Steered { changed: true, text, live }),
        Reply::Nothing(text) => Ok(Steered { changed: false, text, live }),
        Reply::Refused(text) => Err(AppError::environment(text)),
    }
}

/// Gives a command to the run, and tells what came of it.
pub(super) fn steer(repo: &Path, command: Command) -> Result<Answer, AppError> {
    let steered = give(repo, command)?;
    let mut lines = vec![steered.text.clone()];
    if !steered.live && Run::open(repo, None)?.found.is_unfinished() {
        lines.push("no process is at work on the run: `plan_resume` goes on".to_owned());
    }
    Answer::new(&steered, lines)
}

/// The way of a stop.
pub(super) fn stop_mode(how: StopHow) -> StopMode {
    match how {
        StopHow::Agents => StopMode::Agents,
        StopHow::Drain => StopMode::Drain,
        StopHow::Cancel => StopMode::Cancel,
    }
}

/// The command that an answer is.
pub(super) fn answer(args: &AnswerArgs) -> Result<Command, AppError> {
    let question = args.question.trim_start_matches('q').parse().map(QuestionId);
    let question = question.map_err(|_| AppError::usage(format!("`{}` is no question", args.question)));
    let answer =
        Word::parse(&args.answer).ok_or_else(|| AppError::usage(format!("`{}` is no answer", args.answer)));
    let hint = |error: AppError| error.hint("`plan_questions` lists the questions, each with its answers");
    Ok(Command::Answer { question: question.map_err(hint)?, answer: answer.map_err(hint)? })
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Questions {
    /// What the user has just answered
    answered: Vec<Answered>,
    /// What is open still: ask the user, then give each answer with `plan_answer`
    open: Vec<Question>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Answered {
    /// The question
    question: String,
    /// The answer
    answer: String,
    /// What follows
    text: String,
}

/// Puts the open questions to the user where the client has forms, one after the other, and lists the rest.
pub(super) async fn questions(
    repo: PathBuf,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Turn, AppError> {
    let at = repo.clone();
    let open = super::blocking(move || open_questions(&at)).await?;
    let mut answered = Vec::new();
    for question in &open {
        match ask(form(question), request, context).await {
            Asked::Chosen(answer) => {
                let (repo, question) = (repo.clone(), question.id.clone());
                answered.push(super::blocking(move || record(&repo, question, answer)).await?);
            }
            Asked::Later(input) if answered.is_empty() => return Ok(Turn::Asks(input)),
            // What was not answered stays open; a client that asks by its answers has one question a call.
            Asked::Later(_) | Asked::Declined | Asked::CannotAsk => break,
        }
    }
    let open = super::blocking(move || open_questions(&repo)).await?;
    let mut lines: Vec<String> =
        answered.iter().map(|a| format!("{} is answered {}: {}", a.question, a.answer, a.text)).collect();
    lines.extend(open.iter().flat_map(Question::lines));
    if lines.is_empty() {
        lines.push("no question is open".to_owned());
    }
    Ok(Answer::new(&Questions { answered, open }, lines)?.into())
}

fn open_questions(repo: &Path) -> Result<Vec<Question>, AppError> {
    Ok(Run::open(repo, None)?.view()?.questions.iter().map(Question::from).collect())
}

fn form(question: &Question) -> Form {
    let word = |offer: &Offer| (offer.answer.clone(), offer.effect.clone());
    Form {
        key: format!("{}: {}", question.id, question.text),
        message: question.text.clone(),
        choices: question.answers.iter().map(word).collect(),
    }
}

fn record(repo: &Path, question: String, answer: String) -> Result<Answered, AppError> {
    let args = AnswerArgs { question, answer };
    let text = match give(repo, self::answer(&args)?) {
        Ok(steered) => steered.text,
        // It was answered elsewhere meanwhile.
        Err(refused) => refused.message,
    };
    Ok(Answered { question: args.question, answer: args.answer, text })
}
