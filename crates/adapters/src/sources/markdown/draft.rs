//! A task as its values come up, one key after the other.
//!
//! The first mention of a single value counts, lists add up. Knows nothing of where keys stand in a file.

use super::values::{estimate, files, ids, is_quarter, number, plain};
use super::words::{Key, key, says_none};
use crate::sources::front::{Entry, Value};
use crate::sources::place::{error, spot, warning};
use crate::sources::words::{is_done, priority};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Duration, Finding, PlannedCommit, Spot, TaskSpec};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How sure it is that a list of ids is meant as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// The place says so: what is not understood is complained about.
    Certain,
    /// A paragraph in such a place: complained about when it seems to name an id.
    Likely,
    /// A key somewhere in the text: taken when it is nothing but ids, else passed by.
    Possible,
}

/// A task in the making.
pub(super) struct Draft<'a> {
    pub(super) spec: TaskSpec,
    file: Arc<str>,
    known: BTreeSet<Key>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(spec: TaskSpec, findings: &'a mut Vec<Finding>) -> Self {
        Self { file: spec.id.spot.file.clone(), spec, known: BTreeSet::new(), findings }
    }

    fn at(&self, line: u32) -> Spot {
        spot(&self.file, line)
    }

    /// Takes a front matter entry; keys that mean nothing to us are passed by.
    pub(super) fn entry(&mut self, entry: &Entry) {
        let Some(key) = key(&entry.key) else { return };
        match (&entry.value, key) {
            (Value::List(items), Key::DependsOn | Key::Blocks) => {
                self.spec.says_blocks |= key == Key::Blocks;
                for (item, line) in items.iter().filter(|(item, _)| !says_none(item)) {
                    self.id(key, item, *line);
                }
            }
            (Value::List(items), Key::Files) => {
                for (item, line) in items {
                    self.file(item, *line);
                }
            }
            (Value::List(items), _) if items.is_empty() => {}
            (Value::List(items), Key::CommitPlan) => {
                for (item, line) in items {
                    self.commit(item, None, *line);
                }
            }
            (Value::List(_), _) => {
                let message = format!("`{}` is a list where one value was expected", entry.key);
                self.findings.push(error(Code::BadValue, message, self.at(entry.line)));
            }
            (Value::Scalar(text), _) => self.field(key, text, entry.line, Intent::Certain),
        }
    }

    /// Takes a key with its value as one text.
    pub(super) fn field(&mut self, key: Key, text: &str, line: u32, intent: Intent) {
        match key {
            Key::DependsOn | Key::Blocks => return self.ids(key, text, line, intent),
            Key::Files => {
                for file in files(text) {
                    self.file(file, line);
                }
                return;
            }
            Key::Id | Key::Title | Key::CommitPlan | Key::CommitProse | Key::Subject => return,
            Key::Phase if !is_quarter(plain(text)) => return,
            _ => {}
        }
        let value = plain(text);
        let key = if key == Key::Phase { Key::Quarter } else { key };
        if !value.is_empty() && self.known.insert(key) {
            self.single(key, value, line);
        }
    }

    fn single(&mut self, key: Key, value: &str, line: u32) {
        let text = || (!says_none(value)).then(|| Arc::from(value));
        match key {
            Key::Priority => match priority(value) {
                Some(priority) => self.spec.priority = priority,
                None => self.bad_value(
                    "priority",
                    value,
                    "critical, high, medium or low; medium is assumed",
                    line,
                ),
            },
            Key::Module => self.spec.module = text(),
            Key::Quarter => self.spec.quarter = text(),
            Key::Agent => self.spec.agent = text(),
            // It becomes an argument of an agent, and is never to be taken for a flag.
            Key::Model if value.starts_with('-') => self.bad_value("model", value, "a model's name", line),
            Key::Model => self.spec.model = text(),
            Key::Wave => match number(value) {
                Some(wave) => self.spec.declared_wave = Some(At { value: wave, spot: self.at(line) }),
                None => self.bad_value("wave", value, "a whole number", line),
            },
            Key::CommitCount => match number(value) {
                Some(count) => self.spec.declared_commits = Some(At { value: count, spot: self.at(line) }),
                None => self.bad_value("number of commits", value, "a whole number", line),
            },
            Key::Coverage => match number(value).filter(|percent| *percent <= 100) {
                Some(percent) => self.spec.coverage_target = Some(percent),
                None => {
                    self.bad_value("coverage target", value, "a whole number of per cent up to 100", line);
                }
            },
            Key::Estimate if says_none(value) => {}
            Key::Estimate => self.estimate(value, line),
            Key::Status if is_done(value) => self.spec.done = Some(self.at(line)),
            _ => {}
        }
    }

    fn estimate(&mut self, value: &str, line: u32) {
        self.spec.estimate = estimate(value).map(Duration);
        if self.spec.estimate.is_none() {
            let id = &self.spec.id.value;
            let message =
                format!("{id}: cannot read the estimate `{value}`; such as `2.5 weeks`, `3 days`, `6h`");
            self.findings.push(warning(Code::BadEstimate, message, self.at(line)));
        }
    }

    fn bad_value(&mut self, what: &str, value: &str, expected: &str, line: u32) {
        let message = format!("{}: the {what} `{value}` is not {expected}", self.spec.id.value);
        self.findings.push(warning(Code::BadValue, message, self.at(line)));
    }

    /// Takes the ids of a text into one of the two lists.
    fn ids(&mut self, key: Key, text: &str, line: u32, intent: Intent) {
        let read = ids(text);
        let is_clear = read.doubtful.is_empty() && !read.has_prose;
        let takes = match intent {
            Intent::Certain => true,
            Intent::Likely => !read.has_prose,
            Intent::Possible => is_clear,
        };
        let complains = match intent {
            Intent::Certain => !is_clear,
            Intent::Likely => !read.doubtful.is_empty() || (read.has_prose && !read.ids.is_empty()),
            Intent::Possible => false,
        };
        if takes {
            self.spec.says_blocks |= key == Key::Blocks;
            for id in &read.ids {
                self.id(key, id, line);
            }
        }
        if complains {
            let taken = if takes && !read.ids.is_empty() { read.ids.join(", ") } else { "none".to_owned() };
            let message = format!(
                "{}: `{text}` is not a plain list of task ids; taken from it: {taken}",
                self.spec.id.value
            );
            self.findings.push(warning(Code::BadValue, message, self.at(line)));
        }
    }

    fn id(&mut self, key: Key, id: &str, line: u32) {
        let at = At { value: TaskId::new(id.trim()), spot: self.at(line) };
        let list = if key == Key::Blocks { &mut self.spec.blocks } else { &mut self.spec.depends_on };
        if !list.iter().any(|known| known.value == at.value) {
            list.push(at);
        }
    }

    pub(super) fn file(&mut self, file: &str, line: u32) {
        if !says_none(file) {
            let at = At { value: Arc::from(file.trim()), spot: self.at(line) };
            self.spec.files.push(at);
        }
    }

    /// Notes that there is a place for blocked tasks.
    pub(super) fn says_blocks(&mut self) {
        self.spec.says_blocks = true;
    }

    /// Begins a phase; the commits that follow belong to it. Returns its number, from 0.
    pub(super) fn phase(&mut self, name: &str) -> Option<u32> {
        let known = self.spec.phases.iter().position(|phase| **phase == *name);
        let at = known.unwrap_or_else(|| {
            self.spec.phases.push(Arc::from(name));
            self.spec.phases.len() - 1
        });
        u32::try_from(at).ok()
    }

    /// Adds a planned commit.
    pub(super) fn commit(&mut self, subject: &str, phase: Option<u32>, line: u32) {
        let spot = Some(self.at(line));
        self.spec.commits.push(PlannedCommit { subject: Arc::from(subject), phase, files: Vec::new(), spot });
    }

    /// The commit that was added last.
    pub(super) fn last_commit(&mut self) -> Option<&mut PlannedCommit> {
        self.spec.commits.last_mut()
    }
}
