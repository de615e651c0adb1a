//! One layer read over those below: its values are kept, its mistakes collected.
//!
//! Knows the shape of a layer; what a key may hold is in `keys`, how a value is read in `value`.

use super::Document;
use super::error::{ConfigError, Problem, nearest};
use super::key::Key;
use super::keys::{self, COMMAND_KEYS, COMMAND_SECTIONS, SECTIONS};
use super::origin::Origin;
use super::rules::{self, Mistake, RULE_SECTION, RuleDraft};
use super::settings::{CommandKind, Draft, Given, Settings};
use super::value::{self, Raw};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What has been read so far.
#[derive(Default)]
pub(super) struct Reading {
    settings: Settings,
    verify: Vec<Draft>,
    check: Vec<Draft>,
    rules: Vec<RuleDraft>,
    problems: Vec<Problem>,
}

impl Reading {
    /// Keeps one value, or the reason why not. Answers the value as it is shown.
    pub(super) fn put(
        &mut self,
        key: &'static Key<Settings>,
        raw: Raw<'_>,
        written: &str,
        origin: Origin,
    ) -> Option<String> {
        match value::set(key, raw, &mut self.settings) {
            Ok(shown) => {
                self.settings.note(key.path, Given { shown: shown.clone(), origin });
                Some(shown)
            }
            Err(message) => {
                let (key, value) = (key.path.to_owned(), shortened(written));
                self.problems.push(Problem::Value { origin, key, value, message });
                None
            }
        }
    }

    /// Keeps a mistake.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The settings, or all that was wrong.
    pub(super) fn finish(mut self) -> Result<Settings, ConfigError> {
        self.settings.settle_retries();
        self.settings.settle_agents();
        let (verify, wrong) = self.settings.commands("verify", self.verify);
        self.problems.extend(wrong);
        let (check, wrong) = self.settings.commands("check", self.check);
        self.problems.extend(wrong);
        (self.settings.verify, self.settings.check) = (verify, check);
        let (rules, origins, wrong) = rules::settle(self.rules);
        self.problems.extend(wrong);
        (self.settings.policy.rules, self.settings.rule_origins) = (rules, origins);
        if self.problems.is_empty() {
            Ok(self.settings)
        } else {
            Err(ConfigError { problems: self.problems })
        }
    }

    /// One file; its problems in the order of its lines.
    pub(super) fn file(&mut self, source: &Source<'_>) {
        let before = self.problems.len();
        let (table, errors) = DeTable::parse_recoverable(source.text);
        if errors.is_empty() {
            self.table(source, "", table.get_ref());
        }
        self.problems
            .extend(errors.iter().map(|e| source.shape(&e.span().unwrap_or(0..0), one_line(e.message()))));
        self.problems[before..].sort_by_key(Problem::line);
    }

    fn table(&mut self, source: &Source<'_>, section: &str, table: &DeTable<'_>) {
        for (name, item) in table {
            let path = join(section, name.get_ref());
            if let Some(key) = keys::find(&path) {
                let origin = source.origin(&item.span());
                self.put(key, Raw::Toml(item.get_ref()), source.written(&item.span()), origin);
            } else if COMMAND_SECTIONS.iter().any(|(known, _)| *known == path) {
                self.commands(source, &path, item);
            } else if path == RULE_SECTION.0 {
                self.rules(source, item);
            } else if is_section(&path) {
                match item.get_ref() {
                    DeValue::Table(inner) => self.table(source, &path, inner),
                    _ => self
                        .problems
                        .push(source.shape(&name.span(), format!("{path} is a section: write [{path}]"))),
                }
            } else {
                let noun = noun(item.get_ref());
                self.problems.push(source.unknown(&name.span(), noun, &path, like(&path, noun)));
            }
        }
    }

    /// The tables of a section that may be written many times; a mistake when it is no list of tables.
    fn tables<'t, 'd>(
        &mut self,
        source: &Source<'_>,
        section: &str,
        item: &'t Spanned<DeValue<'d>>,
    ) -> Vec<(Range<usize>, &'t DeTable<'d>)> {
        let tables = item.get_ref().as_array().map(|items| &**items).unwrap_or_default();
        if tables.is_empty() || tables.iter().any(|table| !table.get_ref().is_table()) {
            let message = format!("{section} is a list of tables: write [[{section}]] before each");
            self.problems.push(source.shape(&item.span(), message));
        }
        tables.iter().filter_map(|table| Some((table.span(), table.get_ref().as_table()?))).collect()
    }

    /// The tables of `[[agent.rule]]`; they replace those of lower layers.
    fn rules(&mut self, source: &Source<'_>, item: &Spanned<DeValue<'_>>) {
        let section = RULE_SECTION.0;
        self.rules.clear();
        for (at, fields) in self.tables(source, section, item) {
            let (rule, wrong) = rules::read(fields);
            if wrong.is_empty() {
                self.rules.push(RuleDraft { rule, file: source.name.to_owned(), line: source.line(&at) });
            }
            self.problems.extend(wrong.into_iter().map(|mistake| match mistake {
                Mistake::Unknown { path, at, nearest } => {
                    source.unknown(&at, "key", &join(section, &path), nearest.map(|near| join(section, near)))
                }
                Mistake::Value { path, at, message } => Problem::Value {
                    origin: source.origin(&at),
                    key: join(section, &path),
                    value: shortened(source.written(&at)),
                    message,
                },
            }));
        }
    }

    /// The tables of `[[verify]]` or `[[check]]`; they replace those of lower layers.
    fn commands(&mut self, source: &Source<'_>, section: &str, item: &Spanned<DeValue<'_>>) {
        let fields = self.tables(source, section, item).into_iter();
        let drafts = fields.filter_map(|(at, fields)| self.command(source, section, &at, fields)).collect();
        match section {
            "verify" => self.verify = drafts,
            _ => self.check = drafts,
        }
    }

    /// One command; nothing when a value of it is wrong.
    fn command(
        &mut self,
        source: &Source<'_>,
        section: &str,
        at: &Range<usize>,
        fields: &DeTable<'_>,
    ) -> Option<Draft> {
        let before = self.problems.len();
        let mut draft = Draft {
            name: None,
            run: Vec::new(),
            timeout_ms: None,
            kind: CommandKind::Other,
            weight: None,
            file: source.name.to_owned(),
            line: source.line(at),
        };
        for (name, item) in fields {
            let path = join(section, name.get_ref());
            let Some(key) = COMMAND_KEYS.iter().find(|key| key.path == name.get_ref()) else {
                let near = nearest(name.get_ref(), COMMAND_KEYS.iter().map(|key| key.path));
                self.problems.push(source.unknown(
                    &name.span(),
                    "key",
                    &path,
                    near.map(|near| join(section, near)),
                ));
                continue;
            };
            if let Err(message) = value::set(key, Raw::Toml(item.get_ref()), &mut draft) {
                let (origin, value) = (source.origin(&item.span()), shortened(source.written(&item.span())));
                self.problems.push(Problem::Value { origin, key: path, value, message });
            }
        }
        (self.problems.len() == before).then_some(draft)
    }
}

/// A file's name and text, with what its positions mean.
pub(super) struct Source<'a> {
    /// As the user knows it; empty for the defaults.
    name: &'a str,
    text: &'a str,
}

impl<'a> From<&'a Document> for Source<'a> {
    fn from(document: &'a Document) -> Self {
        Self { name: &document.name, text: &document.text }
    }
}

impl<'a> Source<'a> {
    /// The program's own layer.
    pub(super) fn of_defaults(text: &'a str) -> Self {
        Self { name: "", text }
    }
}

impl Source<'_> {
    fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn written(&self, at: &Range<usize>) -> &str {
        self.text.get(at.clone()).unwrap_or_default()
    }

    fn origin(&self, at: &Range<usize>) -> Origin {
        match self.name {
            "" => Origin::Default,
            name => Origin::File { name: name.to_owned(), line: self.line(at) },
        }
    }

    fn shape(&self, at: &Range<usize>, message: String) -> Problem {
        Problem::Shape { file: self.name.to_owned(), line: self.line(at), message }
    }

    fn unknown(&self, at: &Range<usize>, noun: &'static str, key: &str, nearest: Option<String>) -> Problem {
        Problem::Unknown {
            file: self.name.to_owned(),
            line: self.line(at),
            noun,
            key: key.to_owned(),
            nearest,
        }
    }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

fn is_section(path: &str) -> bool {
    SECTIONS.iter().any(|(name, _)| *name == path)
}

/// What an unknown name was meant as, by what stands under it.
fn noun(value: &DeValue<'_>) -> &'static str {
    let tables = |items: &[Spanned<DeValue<'_>>]| items.first().is_some_and(|item| item.get_ref().is_table());
    if value.is_table() || value.as_array().is_some_and(|items| tables(items)) { "section" } else { "key" }
}

/// The known key or section that is most like an unknown one: by its name in the same section, else in any, else by the
/// whole path.
fn like(path: &str, noun: &str) -> Option<String> {
    if noun == "section" {
        let sections = SECTIONS.iter().chain(COMMAND_SECTIONS).chain([&RULE_SECTION]).map(|(name, _)| *name);
        return nearest(path, sections).map(str::to_owned);
    }
    let (section, given) = path.rsplit_once('.').unwrap_or(("", path));
    let known: Vec<(&str, &str)> = keys::all().filter_map(|key| key.path.rsplit_once('.')).collect();
    let by_name = |within: Option<&str>| {
        let there = known.iter().filter(|(section, _)| within.is_none_or(|within| within == *section));
        let meant = nearest(given, there.clone().map(|(_, name)| *name))?;
        there.clone().find(|(_, name)| *name == meant).map(|(section, name)| format!("{section}.{name}"))
    };
    let by_path = || nearest(path, keys::all().map(|key| key.path)).map(str::to_owned);
    by_name(Some(section)).or_else(|| by_name(None)).or_else(by_path)
}

/// A value as it can stand in a message: one line, and not a long one.
fn shortened(written: &str) -> String {
    let line = one_line(written);
    if line.chars().count() <= 60 { line } else { line.chars().take(59).chain(['…']).collect() }
}

/// Line ends and other control characters as spaces.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
