//! The configuration as lines to read, each with its origin.

use super::keys;
use super::origin::Origin;
use super::rules::{RULE_SECTION, rule_text};
use super::settings::{Command, Settings};
use super::value;
use serde::Serialize;
use std::fmt;

/// One setting: `merge_strategy = independent (default)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The key, as `section.name`; a command's is `verify.<name>`, a rule's `agent.rule.<number>`.
    pub key: String,
    /// The name it is shown by.
    pub label: String,
    /// Value and origin; nothing for a key that has no value.
    #[serde(flatten)]
    pub held: Option<Held>,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The value as text.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.held {
            Some(Held { value, origin }) => write!(f, "{} = {value} ({origin})", self.label),
            None => write!(f, "{} is not set", self.label),
        }
    }
}

/// Every setting, in the order of the sections, then the commands and the rules.
pub fn render(settings: &Settings) -> Vec<Line> {
    let keys = keys::all().map(|key| Line {
        key: key.path.to_owned(),
        label: key.label(),
        held: settings
            .given(key.path)
            .map(|given| Held { value: given.shown.clone(), origin: given.origin.clone() }),
    });
    let verify = settings.verify.iter().map(|c| command("verify", c));
    let check = settings.check.iter().map(|c| command("check", c));
    keys.chain(verify).chain(check).chain(rules(settings)).collect()
}

fn rules(settings: &Settings) -> impl Iterator<Item = Line> {
    settings.policy.rules.iter().zip(&settings.rule_origins).enumerate().map(|(n, (rule, origin))| {
        let name = format!("{}.{}", RULE_SECTION.0, n + 1);
        let held = Held { value: rule_text(rule), origin: origin.clone() };
        Line { key: name.clone(), label: name, held: Some(held) }
    })
}

fn command(section: &str, command: &Command) -> Line {
    let name = format!("{section}.{}", command.name);
    let held = Held { value: value::command_text(&command.run), origin: command.origin.clone() };
    Line { key: name.clone(), label: name, held: Some(held) }
}
