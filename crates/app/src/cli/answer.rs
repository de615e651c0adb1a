//! Questions: list them, answer them.

use super::args::{AnswerArgs, RunOf};
use super::control::{answer, give};
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Site, latest};
use ppe_core::text::shown;
use serde_json::json;

/// Answers a question.
pub(super) fn run(args: &AnswerArgs, ui: &mut Ui) -> Result<u8, AppError> {
    give(answer(args)?, &args.of, ui)
}

/// Lists the open questions.
pub(super) fn questions(of: &RunOf, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&of.repo, &mut |line| ui.talk(line))?;
    let Some(found) = latest(&site, of.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    let open = &found.state.questions;
    if of.json {
        let list: Vec<_> = open
            .iter()
            .map(|(id, q)| {
                let choices: Vec<_> =
                    q.ask.choices().iter().map(|c| json!({"answer": c.answer.word(), "effect": c.effect})).collect();
                json!({"id": id.to_string(), "text": q.ask.text(), "choices": choices, "default": q.ask.default_answer().word()})
            })
            .collect();
        ui.json(&json!({"schema": "ppe.questions.v1", "questions": list}))?;
        return Ok(EXIT_DONE);
    }
    if open.is_empty() {
        ui.talk("no question is open");
    }
    for (id, question) in open {
        ui.data(&format!("{id}: {}", shown(&question.ask.text())));
        for choice in question.ask.choices() {
            let default =
                if choice.answer == question.ask.default_answer() { " (if nobody answers)" } else { "" };
            ui.data(&format!(
                "    ppe answer {id} {:<6} {}{default}",
                choice.answer.word(),
                shown(&choice.effect)
            ));
        }
    }
    Ok(EXIT_DONE)
}
