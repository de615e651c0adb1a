//! One file: which tasks it holds, and the way through its lines.
//!
//! Knows sections and lists; what a value means is the draft's matter.

use super::draft::{Draft, Intent};
use super::ids::{TaskHeading, like_an_id, of_file_name, of_heading};
use super::values::{files, is_quarter, plain, subject, tells_dependency};
use super::words::{Key, commit_subject, key, phase_name};
use crate::sources::files::Found;
use crate::sources::front::{self, Entry, Front, Problem, Value, Weight};
use crate::sources::lines::{Line, Marker, Shape, Tick, prose};
use crate::sources::place::{error, spot, warning};
use ppe_core::ids::TaskId;
use ppe_core::plan::{Code, Finding, TaskSpec};
use std::sync::Arc;

/// What `body` says in the front matter where the text below is for the agent alone.
pub(super) const VERBATIM: &str = "verbatim";

/// The tasks of a file; none when nothing in it gives an id.
pub(super) fn read(found: &Found, text: &str, findings: &mut Vec<Finding>) -> Vec<TaskSpec> {
    let front = front::split(text);
    let is_verbatim = front.text("body").is_some_and(|(how, _)| how == VERBATIM);
    let text_lines = prose(front.rest, front.rest_line).filter(|_| !is_verbatim);
    let lines: Vec<Line<'_>> = text_lines.collect();
    let named = scalar(&front, Key::Id);
    let headings = task_headings(&lines, &found.stem);
    let id_of_file = of_file_name(&found.stem);
    if named.is_none() && headings.is_empty() && id_of_file.is_none() {
        report_nameless(found, &front, &lines, findings);
        return Vec::new();
    }
    report_problems(found, &front, findings);
    if named.is_none() && headings.len() > 1 {
        return several(found, &front, &lines, &headings, findings);
    }
    let heading = headings.first().map(|(at, heading)| (&lines[*at], *heading));
    let id = named.or_else(|| heading.map(|(line, heading)| (heading.id, line.number)));
    let (id, line) = id.or(id_of_file.map(|id| (id, 1))).unwrap_or_default();
    let title =
        scalar(&front, Key::Title).map(|(title, _)| title).or(heading.map(|(_, heading)| heading.title));
    let title = title.filter(|title| !title.is_empty()).unwrap_or_else(|| fallback_title(&lines, id));
    let mut spec = TaskSpec::bare(TaskId::new(id), title, spot(&found.shown, line));
    spec.file_stem = Some(Arc::from(found.stem.as_str()));
    spec.body = Arc::from(front.rest);
    if heading.is_some_and(|(_, heading)| heading.done == Tick::Ticked) {
        spec.done = Some(spec.id.spot.clone());
    }
    let own = heading.map(|(line, _)| line.number);
    vec![read_task(spec, (&front.entries, &lines), own, findings)]
}

/// A task whose id and title are known, with what a text says of it.
pub(in crate::sources) fn described(mut spec: TaskSpec, text: &str, findings: &mut Vec<Finding>) -> TaskSpec {
    let front = front::split(text);
    let lines: Vec<Line<'_>> = prose(front.rest, front.rest_line).collect();
    spec.body = Arc::from(front.rest);
    read_task(spec, (&front.entries, &lines), None, findings)
}

/// Several tasks in one file: each from its heading to the next.
fn several(
    found: &Found,
    front: &Front<'_>,
    lines: &[Line<'_>],
    headings: &[(usize, TaskHeading<'_>)],
    findings: &mut Vec<Finding>,
) -> Vec<TaskSpec> {
    let ends = headings.iter().skip(1).map(|(at, _)| *at).chain([lines.len()]);
    let mut tasks = Vec::with_capacity(headings.len());
    for ((at, heading), end) in headings.iter().zip(ends) {
        let of_task = &lines[*at..end];
        let body_end = lines.get(end).map_or(front.rest.len(), |next| next.offset);
        let title = if heading.title.is_empty() { heading.id } else { heading.title };
        let mut spec = TaskSpec::bare(TaskId::new(heading.id), title, spot(&found.shown, of_task[0].number));
        spec.body = Arc::from(front.rest[of_task[0].offset..body_end].trim_end());
        if heading.done == Tick::Ticked {
            spec.done = Some(spec.id.spot.clone());
        }
        let own = Some(of_task[0].number);
        tasks.push(read_task(spec, (&[], of_task), own, findings));
    }
    tasks
}

/// Takes what is said of a task, but for its heading, which is on the line `own`.
fn read_task(
    spec: TaskSpec,
    (entries, lines): (&[Entry], &[Line<'_>]),
    own: Option<u32>,
    findings: &mut Vec<Finding>,
) -> TaskSpec {
    let mut draft = Draft::new(spec, findings);
    for entry in entries {
        draft.entry(entry);
    }
    let mut way = Way::new(draft);
    for line in lines.iter().filter(|line| own != Some(line.number)) {
        way.line(line);
    }
    let mut spec = way.finish();
    if spec.depends_on.is_empty() {
        report_unread_dependency(&spec, lines, findings);
    }
    if spec.quarter.is_none() {
        let folders = spec.id.spot.file.rsplit('/').skip(1);
        spec.quarter = folders.into_iter().find(|folder| is_quarter(folder)).map(Arc::from);
    }
    spec
}

/// A dependency that only a sentence tells is none, and nobody would notice.
fn report_unread_dependency(spec: &TaskSpec, lines: &[Line<'_>], findings: &mut Vec<Finding>) {
    let told = lines.iter().find(|line| match line.shape() {
        Shape::Text { text } | Shape::Item { text, .. } => tells_dependency(text),
        Shape::Blank | Shape::Heading { .. } => false,
    });
    if let Some(line) = told {
        let id = &spec.id.value;
        let message = format!(
            "{id} names no dependency, but this reads like one: write it as `Dependencies: T-001`, or the task starts at once"
        );
        findings.push(warning(Code::UnreadDependency, message, spot(&spec.id.spot.file, line.number)));
    }
}

fn scalar<'a>(front: &'a Front<'_>, wanted: Key) -> Option<(&'a str, u32)> {
    front.entries.iter().filter(|entry| key(&entry.key) == Some(wanted)).find_map(|entry| {
        match &entry.value {
            Value::Scalar(text) => Some((text.as_str(), entry.line)),
            Value::List(items) if items.is_empty() => Some(("", entry.line)),
            Value::List(_) => None,
        }
    })
}

/// The headings that name tasks, all of the level of the first.
fn task_headings<'a>(lines: &[Line<'a>], stem: &str) -> Vec<(usize, TaskHeading<'a>)> {
    let mut found: Vec<(usize, TaskHeading<'a>)> = Vec::new();
    let mut task_level = None;
    for (at, line) in lines.iter().enumerate() {
        let Shape::Heading { level, text } = line.shape() else { continue };
        if task_level.is_some_and(|task_level| task_level != level) {
            continue;
        }
        if let Some(heading) = of_heading(text, stem) {
            task_level = Some(level);
            found.push((at, heading));
        }
    }
    found
}

/// The first heading, else the id itself.
fn fallback_title<'a>(lines: &[Line<'a>], id: &'a str) -> &'a str {
    let heading = lines.iter().find_map(|line| match line.shape() {
        Shape::Heading { text, .. } => Some(plain(text)),
        _ => None,
    });
    heading.filter(|text| !text.is_empty()).unwrap_or(id)
}

fn report_problems(found: &Found, front: &Front<'_>, findings: &mut Vec<Finding>) {
    for problem in &front.problems {
        let is_grave = problem.weight == Weight::Heavy || key(&problem.key).is_some();
        let report = if is_grave { error } else { warning };
        findings.push(report(Code::BadValue, in_words(problem), spot(&found.shown, problem.line)));
    }
}

fn in_words(problem: &Problem) -> String {
    match problem.key.as_str() {
        "" => problem.message.clone(),
        key => format!("`{key}`: {}", problem.message),
    }
}

/// A file that was meant as a task but has no id would otherwise be missing from the plan in silence.
fn report_nameless(found: &Found, front: &Front<'_>, lines: &[Line<'_>], findings: &mut Vec<Finding>) {
    let tells =
        |key| matches!(key, Some(Key::DependsOn | Key::Blocks | Key::Priority | Key::Estimate | Key::Wave));
    if front.entries.iter().any(|entry| tells(key(&entry.key))) {
        let message = "looks like a task but has no id: give it `id:` in the front matter, or a heading `# T-001: Title`";
        findings.push(warning(Code::BadId, message.to_owned(), spot(&found.shown, 1)));
    }
    for line in lines {
        if let Shape::Heading { text, .. } = line.shape()
            && let Some(id) = like_an_id(text)
        {
            let message =
                format!("`{id}` looks like a task's id but is none to `ppe`: write `# {id}: Title`");
            findings.push(warning(Code::BadId, message, spot(&found.shown, line.number)));
        }
    }
    for problem in front.problems.iter().filter(|problem| problem.weight == Weight::Heavy) {
        let report = if key(&problem.key).is_some() { error } else { warning };
        findings.push(report(Code::BadValue, in_words(problem), spot(&found.shown, problem.line)));
    }
}

/// Where in a task's text the way has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    /// Before the first section: keys may stand without bold.
    Top,
    /// Under a heading for one of the two lists of tasks.
    Tasks(Key),
    /// Under a heading for files.
    Files,
    /// In the commit plan.
    Commits,
    /// Anything else.
    Prose,
}

/// What the list items that follow belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaiting {
    Nothing,
    /// Files of the last commit.
    CommitFiles,
    /// Files of the task.
    TaskFiles,
    /// Ids of one of the two lists.
    Ids(Key),
    /// Text that is passed by.
    Prose,
}

/// How the commits of a plan are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CommitStyle {
    /// `1. subject`
    List,
    /// `Commit 1/20: subject`; numbers below it are no commits.
    Blocks,
}

struct Way<'a> {
    draft: Draft<'a>,
    section: Section,
    /// The level of the heading that opened the section, or of the phases in it.
    level: usize,
    style: CommitStyle,
    phase: Option<u32>,
    awaiting: Awaiting,
    /// The indent of the list item whose items are awaited; those no deeper than it do not belong to it.
    awaiting_below: Option<usize>,
}

impl<'a> Way<'a> {
    fn new(draft: Draft<'a>) -> Self {
        Self {
            draft,
            section: Section::Top,
            level: 0,
            style: CommitStyle::List,
            phase: None,
            awaiting: Awaiting::Nothing,
            awaiting_below: None,
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        match line.shape() {
            Shape::Blank => {}
            Shape::Heading { level, text } => self.heading(level, plain(text), line.number),
            Shape::Item { indent, marker, text } => self.item(indent, marker, text, line.number),
            Shape::Text { text } => self.text(text, line.number),
        }
    }

    fn heading(&mut self, level: usize, text: &str, number: u32) {
        self.awaiting = Awaiting::Nothing;
        if let Some(subject) = commit_subject(text) {
            self.open(Section::Commits, self.level.max(level.saturating_sub(1)));
            self.block(subject, number);
        } else if let Some(phase) = phase_name(text) {
            self.open(Section::Commits, level);
            self.phase = self.draft.phase(phase);
        } else {
            match key(text.trim_end_matches(':')) {
                Some(key @ (Key::DependsOn | Key::Blocks)) => {
                    if key == Key::Blocks {
                        self.draft.says_blocks();
                    }
                    self.open(Section::Tasks(key), level);
                }
                Some(Key::Files) if self.section != Section::Commits => self.open(Section::Files, level),
                Some(Key::CommitPlan) => {
                    self.phase = None;
                    self.open(Section::Commits, level);
                }
                _ if self.section == Section::Commits && level > self.level => {}
                _ if self.section == Section::Top && level == 1 => {}
                _ => self.open(Section::Prose, level),
            }
        }
    }

    fn open(&mut self, section: Section, level: usize) {
        self.section = section;
        self.level = level;
    }

    fn item(&mut self, indent: usize, marker: Marker, text: &str, number: u32) {
        if self.awaiting_below.is_some_and(|below| indent <= below) {
            self.awaiting = Awaiting::Nothing;
        }
        if let Some(subject) = block_subject(text) {
            self.block(subject, number);
        } else if marker == Marker::Number && self.begins_commit(indent) {
            self.awaiting = Awaiting::Nothing;
            self.draft.commit(subject(text), self.phase, number);
        } else if let Some(pair) = key_value(text) {
            self.awaiting_below = Some(indent);
            self.pair(&pair, text, number);
        } else {
            self.plain_item(indent, text, number);
        }
    }

    fn begins_commit(&self, indent: usize) -> bool {
        self.section == Section::Commits && self.style == CommitStyle::List && indent < 2
    }

    fn plain_item(&mut self, indent: usize, text: &str, number: u32) {
        match (self.awaiting, self.section) {
            (Awaiting::CommitFiles, _) => self.commit_files(text),
            (Awaiting::TaskFiles, _) | (Awaiting::Nothing, Section::Files) => {
                self.draft.field(Key::Files, text, number, Intent::Certain);
            }
            (Awaiting::Ids(key), _) | (Awaiting::Nothing, Section::Tasks(key)) => {
                self.draft.field(key, text, number, Intent::Certain);
            }
            (Awaiting::Nothing, Section::Commits) if text.starts_with('`') && self.begins_commit(indent) => {
                self.draft.commit(subject(text), self.phase, number);
            }
            (Awaiting::Nothing | Awaiting::Prose, _) => {}
        }
    }

    fn text(&mut self, text: &str, number: u32) {
        if let Some(subject) = block_subject(text) {
            self.block(subject, number);
        } else if let Some(pair) = key_value(text) {
            self.awaiting_below = None;
            self.pair(&pair, text, number);
        } else if let Some(phase) = phase_name(plain(text)).filter(|_| text.starts_with("**")) {
            self.phase = self.draft.phase(phase);
            self.awaiting = Awaiting::Nothing;
        } else {
            self.awaiting = Awaiting::Nothing;
            if let Section::Tasks(key) = self.section {
                self.draft.field(key, text, number, Intent::Likely);
            }
        }
    }

    /// `Commit 3/20: subject`, wherever it stands.
    fn block(&mut self, subject_text: &str, number: u32) {
        self.style = CommitStyle::Blocks;
        self.section = Section::Commits;
        self.awaiting = Awaiting::Nothing;
        self.draft.commit(subject(subject_text), self.phase, number);
    }

    fn pair(&mut self, pair: &Pair<'_>, text: &str, number: u32) {
        self.awaiting = Awaiting::Nothing;
        match (self.section, pair.key) {
            (Section::Commits, key) => self.commit_pair(key, pair.value),
            (_, Key::Phase) if !pair.value.is_empty() && !is_quarter(plain(pair.value)) => {
                self.phase = self.draft.phase(plain(pair.value));
            }
            (Section::Tasks(_) | Section::Top, Key::DependsOn | Key::Blocks) => {
                self.list(pair, number, Intent::Certain);
            }
            (Section::Tasks(of_section), _) => self.draft.field(of_section, text, number, Intent::Certain),
            (Section::Prose | Section::Files, Key::DependsOn | Key::Blocks) if pair.weight == Bold::Yes => {
                self.list(pair, number, Intent::Possible);
            }
            (Section::Top | Section::Files, Key::Files) => {
                self.draft.field(Key::Files, pair.value, number, Intent::Certain);
                if pair.value.is_empty() {
                    self.awaiting = Awaiting::TaskFiles;
                }
            }
            (Section::Prose, Key::Files) => self.awaiting = Awaiting::Prose,
            (Section::Top, key) => self.draft.field(key, pair.value, number, Intent::Certain),
            (_, key) if pair.weight == Bold::Yes => {
                self.draft.field(key, pair.value, number, Intent::Possible);
            }
            (Section::Prose | Section::Files, _) => {}
        }
    }

    fn list(&mut self, pair: &Pair<'_>, number: u32, intent: Intent) {
        self.draft.field(pair.key, pair.value, number, intent);
        if pair.value.is_empty() && intent == Intent::Certain {
            self.awaiting = Awaiting::Ids(pair.key);
        }
    }

    /// A key below a commit.
    fn commit_pair(&mut self, key: Key, value: &str) {
        match key {
            Key::Files => {
                self.commit_files(value);
                self.awaiting = if value.is_empty() { Awaiting::CommitFiles } else { Awaiting::Nothing };
            }
            Key::Phase if !value.is_empty() => {
                let phase = phase_name(value).unwrap_or(plain(value));
                self.phase = self.draft.phase(phase);
                let phase = self.phase;
                if let Some(commit) = self.draft.last_commit() {
                    commit.phase = phase;
                }
            }
            Key::Subject | Key::Title => {
                if let Some(commit) = self.draft.last_commit().filter(|commit| commit.subject.is_empty()) {
                    commit.subject = Arc::from(subject(value));
                }
            }
            _ => self.awaiting = Awaiting::Prose,
        }
    }

    fn commit_files(&mut self, text: &str) {
        if let Some(commit) = self.draft.last_commit() {
            commit.files.extend(files(text).into_iter().map(Arc::from));
        }
    }

    fn finish(self) -> TaskSpec {
        let mut spec = self.draft.spec;
        for (at, commit) in
            spec.commits.iter_mut().enumerate().filter(|(_, commit)| commit.subject.is_empty())
        {
            commit.subject = Arc::from(format!("Commit {}", at + 1));
        }
        spec
    }
}

/// Whether a key stands in bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bold {
    Yes,
    No,
}

/// A known key with its value.
struct Pair<'a> {
    key: Key,
    value: &'a str,
    weight: Bold,
}

/// `**Key**: value`, `**Key:** value`, `Key: value`, `| Key | value |`.
fn key_value(text: &str) -> Option<Pair<'_>> {
    if let Some((inner, rest)) = text.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
        let value = rest.trim_start().trim_start_matches(':').trim();
        return Some(Pair { key: key(inner.trim_end_matches(':'))?, value, weight: Bold::Yes });
    }
    if let Some(row) = text.strip_prefix('|') {
        let mut cells = row.trim_end_matches('|').split('|').map(plain);
        let (name, value) = (cells.next()?, cells.next()?);
        let key = key(name.trim_end_matches(':'))?;
        return cells.next().is_none().then_some(Pair { key, value, weight: Bold::No });
    }
    let (name, value) = text.split_once(':')?;
    let name = plain(name);
    let name = name.split_once('(').map_or(name, |(name, _)| name.trim_end());
    Some(Pair { key: key(name)?, value: value.trim(), weight: Bold::No })
}

/// The subject of a block that begins on a line, bold or not.
fn block_subject(text: &str) -> Option<&str> {
    let is_bold = text.starts_with("**");
    let inner = text.trim_start_matches(['*', '_']);
    let inner = if is_bold { inner.strip_suffix("**").unwrap_or(inner) } else { inner };
    commit_subject(inner).filter(|subject| !subject.is_empty() || is_bold || inner.ends_with(':'))
}
