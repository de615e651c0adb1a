//! The user's own template of prompts, read once: a run freezes its text.
//!
//! What stands for its placeholders is not known here.

use super::Site;
use super::check::{Check, bad, good, warning};
use crate::error::AppError;
use ppe_core::prompt::{DEFAULT, Placeholder, Template};
use std::fs;

/// The check's name.
const NAME: &str = "prompt";
/// A template larger than this is some other file.
const MOST_BYTES: u64 = 262_144;
/// A template that lacks one of these leaves agents without what they need.
const NEEDED: [(Placeholder, &str); 4] = [
    (Placeholder::Situation, "situation"),
    (Placeholder::Failure, "failure"),
    (Placeholder::Rules, "rules"),
    (Placeholder::Body, "body"),
];

/// The text of the template that agents are told by. The user's own when there is one.
pub(crate) fn template_text(site: &Site) -> Result<String, AppError> {
    Ok(own_template(site)?.unwrap_or_else(|| DEFAULT.to_owned()))
}

/// The user's own template, with nothing wrong in it.
pub(crate) fn own_template(site: &Site) -> Result<Option<String>, AppError> {
    let (text, checks) = look(site);
    match checks.into_iter().find(|check| check.level == super::CheckLevel::Bad) {
        Some(wrong) => Err(wrong.hint.iter().fold(AppError::environment(wrong.text), AppError::hint)),
        None => Ok(text),
    }
}

/// The user's own template and what is to be said of it; nothing without one.
pub(super) fn look(site: &Site) -> (Option<String>, Vec<Check>) {
    let Some(file) = &site.settings.prompt_file else { return (None, Vec::new()) };
    let path = site.path(file);
    let size = fs::metadata(&path).map_or(0, |found| found.len());
    let text = match fs::read_to_string(&path) {
        Ok(text) if size <= MOST_BYTES => text,
        Ok(_) => return (None, vec![bad(NAME, format!("{file} is larger than {MOST_BYTES} bytes"), HINT)]),
        Err(error) => return (None, vec![bad(NAME, format!("{file}: {error}"), HINT)]),
    };
    match Template::parse(&text) {
        Ok(template) => {
            let check = judged(file, &template);
            (Some(text), vec![check])
        }
        Err(mistakes) => {
            let wrong = mistakes.iter().map(|m| bad(NAME, format!("{file}:{}: {}", m.line, m.what), HINT));
            (None, wrong.collect())
        }
    }
}

const HINT: &str =
    "`ppe plan prompt` prints the built-in template to begin with, once agent.prompt is left out";

fn judged(file: &str, template: &Template) -> Check {
    let lacking: Vec<String> =
        NEEDED.iter().filter(|(p, _)| !template.has(*p)).map(|(_, name)| format!("{{{{{name}}}}}")).collect();
    if lacking.is_empty() {
        return good(NAME, file);
    }
    let text = format!("{file} does without {}: agents are not told what stands for it", lacking.join(", "));
    warning(NAME, text, "`ppe plan prompt T-001` shows what an agent would be told")
}
