//! spec-kit's `tasks.md`: ticked lines in phases, some of them stories.
//!
//! The file names few dependencies; most follow from the order. A phase waits for the one before it, the phases of stories
//! for none of each other; in a phase a task waits for all before it, one marked `[P]` only for the last without the mark.

use super::Read;
use super::files::{Found, read_text};
use super::lines::{Shape, Tick, prose, without_box};
use super::outline;
use super::place::{spot, warning};
use super::words::priority;
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Finding, Priority, TaskSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The file, in the folder of its feature.
const FILE: &str = "tasks.md";
/// What describes the feature, beside the file.
const DOCUMENTS: [&str; 6] =
    ["spec.md", "plan.md", "research.md", "data-model.md", "quickstart.md", "contracts"];

/// Reads the tasks of a feature.
pub(super) fn read(root: &Path, findings: &mut Vec<Finding>) -> Option<Read> {
    let found = Found::first(root, &[FILE])?;
    let text = read_text(&found, findings).unwrap_or_default();
    let mut way = Way::new(found.shown.clone(), documents(&found.path), numbers(&text), findings);
    for line in prose(&text, 1) {
        match line.shape() {
            Shape::Heading { level: 1, text } if way.name.is_none() => {
                way.name = Some(text.trim_start_matches("Tasks:").trim().to_owned());
            }
            Shape::Heading { level: 2, text } => way.phase(text),
            Shape::Heading { .. } => {}
            _ => way.line(line.text, line.number),
        }
    }
    Some(Read { tasks: way.tasks, name: way.name.filter(|name| !name.is_empty()) })
}

/// The tasks of a text by their numbers.
fn numbers(text: &str) -> BTreeMap<u64, TaskId> {
    let ids = prose(text, 1).filter_map(|line| Some(task_line(line.text).ok()??.id));
    ids.filter_map(|id| Some((id.strip_prefix('T').and_then(number)?, TaskId::new(id)))).collect()
}

/// What there is to read of the feature, in a sentence for who works on it.
fn documents(file: &Path) -> String {
    let Some(folder) = file.parent() else { return String::new() };
    let there = DOCUMENTS.iter().copied().filter(|name| folder.join(name).exists());
    let list = there.collect::<Vec<_>>().join(", ");
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    if list.is_empty() {
        String::new()
    } else {
        format!("The feature is described beside `{FILE}`, in `{name}`: {list}.")
    }
}

/// A task line: `- [ ] T012 [P] [US1] text`.
struct TaskLine<'a> {
    id: &'a str,
    done: Tick,
    order: InPhase,
    story: Option<&'a str>,
    text: &'a str,
}

/// How a task stands to those before it in its phase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InPhase {
    /// After all of them.
    InTurn,
    /// `[P]`: beside those since the last that is not.
    Parallel,
}

/// The task of a line, if it has one; `Err` when it only looks like one.
fn task_line(text: &str) -> Result<Option<TaskLine<'_>>, ()> {
    let Some(item) = text.trim().strip_prefix(['-', '*']).map(str::trim_start) else { return Ok(None) };
    let (rest, done) = without_box(item);
    if rest.len() == item.len() {
        return Ok(None);
    }
    let rest = rest.trim_start_matches("**");
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '*' | ':')).unwrap_or(rest.len());
    let (id, rest) = (&rest[..end], rest[end..].trim_start_matches(['*', ':']).trim_start());
    let digits = id.strip_prefix('T').unwrap_or_default();
    if digits.len() < 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_meant = digits.len() >= 2 && digits.chars().all(|c| c.is_ascii_digit() || c == 'X');
        return if is_meant { Err(()) } else { Ok(None) };
    }
    let (rest, order) = match rest.strip_prefix("[P]") {
        Some(rest) => (rest.trim_start(), InPhase::Parallel),
        None => (rest, InPhase::InTurn),
    };
    let (story, text) = match rest.strip_prefix("[US").and_then(|rest| rest.split_once(']')) {
        Some((number, text)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(&rest[1..=number.len() + 2]), text.trim())
        }
        _ => (None, rest.trim()),
    };
    Ok(Some(TaskLine { id, done, order, story, text }))
}

/// Whether a phase is one of those that go on beside each other.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum PhaseKind {
    /// It waits for all before it.
    #[default]
    Step,
    /// It waits for the last step.
    Story,
}

/// Whether a line is a task.
pub(super) fn is_task(line: &str) -> bool {
    matches!(task_line(line), Ok(Some(_)))
}

/// A phase as far as it has been read.
#[derive(Default)]
struct Phase {
    heading: String,
    kind: PhaseKind,
    /// What is said of it before its tasks: its goal, how it is tested.
    about: Vec<String>,
    priority: Priority,
    /// The last task that is not marked `[P]`.
    last: Option<TaskId>,
    /// Those marked `[P]` since.
    beside: Vec<TaskId>,
    /// The files that those name, each with the last task that does.
    files: BTreeMap<Arc<str>, TaskId>,
}

impl Phase {
    fn is_empty(&self) -> bool {
        self.last.is_none() && self.beside.is_empty()
    }

    /// The tasks after which all of it is done.
    fn ends(&self) -> Vec<TaskId> {
        let last = self.beside.is_empty().then_some(self.last.clone()).flatten();
        self.beside.iter().cloned().chain(last).collect()
    }
}

/// The way through the file.
struct Way<'a> {
    file: Arc<str>,
    name: Option<String>,
    documents: String,
    /// All tasks of the file, also those that come later.
    numbers: BTreeMap<u64, TaskId>,
    tasks: Vec<TaskSpec>,
    phase: Phase,
    /// The ends of the last phase that is no story, and of the stories since.
    before: Vec<TaskId>,
    stories: Vec<TaskId>,
    /// How many more dependencies are read.
    left: usize,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Way<'a> {
    fn new(
        file: Arc<str>,
        documents: String,
        numbers: BTreeMap<u64, TaskId>,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Self {
            file,
            name: None,
            documents,
            numbers,
            tasks: Vec::new(),
            phase: Phase::default(),
            before: Vec::new(),
            stories: Vec::new(),
            left: outline::MOST_DEPENDENCIES,
            findings,
        }
    }

    /// A heading ends the phase before it. One that has no tasks is passed over.
    fn phase(&mut self, heading: &str) {
        let ended = std::mem::take(&mut self.phase);
        let ends = ended.ends();
        match ended.kind {
            _ if ends.is_empty() => {}
            PhaseKind::Story => self.stories.extend(ends),
            PhaseKind::Step => {
                self.before = ends;
                self.stories.clear();
            }
        }
        let priority = heading.split_once("Priority:").and_then(|(_, word)| priority(word));
        let is_story = heading.to_lowercase().contains("user story");
        self.phase = Phase {
            heading: heading.to_owned(),
            kind: if is_story { PhaseKind::Story } else { PhaseKind::Step },
            priority: priority.unwrap_or_default(),
            ..Phase::default()
        };
    }

    /// What the first tasks of the present phase wait for.
    fn entry(&self) -> &[TaskId] {
        match self.phase.kind {
            PhaseKind::Step if !self.stories.is_empty() => &self.stories,
            PhaseKind::Step | PhaseKind::Story => &self.before,
        }
    }

    fn line(&mut self, text: &str, number: u32) {
        match task_line(text) {
            Ok(Some(task)) => self.task(&task, number),
            Ok(None) => {
                if self.phase.is_empty() && text.starts_with("**") {
                    self.phase.about.push(text.trim().to_owned());
                }
            }
            Err(()) => {
                let message = "looks like a task but has no number such as T001: it is passed by".to_owned();
                self.findings.push(warning(Code::BadId, message, spot(&self.file, number)));
            }
        }
    }

    fn task(&mut self, line: &TaskLine<'_>, number: u32) {
        let place = spot(&self.file, number);
        let id = TaskId::new(line.id);
        let mut spec = TaskSpec::bare(id.clone(), outline::title(line.text, line.id), place.clone());
        spec.priority = self.phase.priority;
        spec.module = line.story.map(Arc::from);
        spec.done = (line.done == Tick::Ticked).then(|| place.clone());
        spec.files =
            files(line.text).map(|file| At { value: Arc::from(file), spot: place.clone() }).collect();
        let about = self.phase.about.join("\n");
        let phase = outline::body([self.phase.heading.clone(), about]);
        spec.body = outline::body([line.text.to_owned(), phase, self.documents.clone()]).into();
        if self.phase.is_empty() && line.story.is_some() {
            self.phase.kind = PhaseKind::Story;
        }
        let mut needs = self.needs_by_order(line.order);
        if line.order == InPhase::Parallel {
            needs.extend(self.shared_files(&spec));
        }
        // A few words can name more than memory holds, and the same again and again: all that is named counts.
        needs.extend(told(line.text).into_iter().flat_map(|row| self.row(row)).take(self.left + 1));
        let left = self.left.checked_sub(needs.len());
        self.left = left.unwrap_or(0);
        if left.is_none() {
            return self.findings.push(outline::too_many(&id, &place));
        }
        needs.retain(|need| *need != id);
        let mut seen = BTreeSet::new();
        needs.retain(|need| seen.insert(need.clone()));
        spec.depends_on = needs.into_iter().map(|value| At { value, spot: place.clone() }).collect();
        match line.order {
            InPhase::Parallel => self.phase.beside.push(id),
            InPhase::InTurn => {
                self.phase.last = Some(id);
                self.phase.beside.clear();
                self.phase.files.clear();
            }
        }
        self.tasks.push(spec);
    }

    /// What a task waits for by its place. Those that these wait for need no mention.
    fn needs_by_order(&self, order: InPhase) -> Vec<TaskId> {
        match (order, &self.phase.last) {
            (InPhase::InTurn, _) if !self.phase.beside.is_empty() => self.phase.beside.clone(),
            (_, Some(last)) => vec![last.clone()],
            (_, None) => self.entry().to_vec(),
        }
    }

    /// The tasks of a row: its ends, and what there is in between.
    fn row(&self, Row { first, last }: Row) -> impl Iterator<Item = TaskId> {
        let place = |id: &TaskId| id.as_str().strip_prefix('T').and_then(number);
        let ends = place(&first).zip(place(&last)).filter(|(first, last)| first < last);
        let between = ends.map(|(first, last)| self.numbers.range(first..last).map(|(_, id)| id.clone()));
        std::iter::once(first).chain(between.into_iter().flatten()).chain([last])
    }

    /// Two tasks marked `[P]` that name one file are not done beside each other after all.
    fn shared_files(&mut self, spec: &TaskSpec) -> Vec<TaskId> {
        let mut others = Vec::new();
        for At { value: file, spot } in &spec.files {
            let Some(other) = self.phase.files.insert(file.clone(), spec.id.value.clone()) else { continue };
            if other != spec.id.value {
                let id = &spec.id.value;
                let message =
                    format!("{id} and {other} are both marked [P] and name {file}: {id} waits for {other}");
                self.findings.push(warning(Code::SharedFile, message, spot.clone()));
                others.push(other);
            }
        }
        others
    }
}

/// Tasks that a remark names in a row by the first and the last, `T003-T005`. One that is named alone is both.
struct Row {
    first: TaskId,
    last: TaskId,
}

/// The ids after `depends on`, up to the end of the remark.
fn told(text: &str) -> Vec<Row> {
    let lower = text.to_ascii_lowercase();
    let from = lower.find("depends on ").map_or(text.len(), |at| at + "depends on ".len());
    let mut rest = &text[from..];
    rest = &rest[..rest.find([')', ';']).unwrap_or(rest.len())];
    let (mut rows, mut between): (Vec<Row>, String) = (Vec::new(), String::new());
    while let Some(begin) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let word = &rest[begin..];
        let word = &word[..word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len())];
        between.push_str(&rest[..begin]);
        rest = &rest[begin + word.len()..];
        let open = rows.last_mut().filter(|_| is_up_to(&between));
        let digits = word.strip_prefix('T').or(open.is_some().then_some(word)).and_then(number);
        match (digits, open) {
            (None, _) => {
                between.push_str(word);
                continue;
            }
            (Some(_), Some(row)) => row.last = TaskId::new(format!("T{}", word.trim_start_matches('T'))),
            (Some(_), None) => rows.push(Row { first: TaskId::new(word), last: TaskId::new(word) }),
        }
        between.clear();
    }
    rows
}

/// Whether what stands between two ids means all that lie between them.
fn is_up_to(between: &str) -> bool {
    ["-", "–", "—", "..", "...", "…", "to", "through"].contains(&between.trim())
}

/// The number that the digits of an id are.
fn number(digits: &str) -> Option<u64> {
    let is_number = digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// The words of a text that are paths of files.
fn files(text: &str) -> impl Iterator<Item = &str> {
    let bare = |word: &'_ str| -> (usize, usize) {
        let odd = |c: char| matches!(c, '`' | '(' | ')' | ',' | ';' | ':' | '"' | '\'' | '*');
        let start = word.len() - word.trim_start_matches(odd).len();
        (start, word.trim_end_matches(|c: char| odd(c) || c == '.').len())
    };
    let words = text.split_whitespace().filter_map(move |word| {
        let (start, end) = bare(word);
        word.get(start..end)
    });
    words.filter(|word| {
        let name = word.rsplit('/').next().unwrap_or_default();
        word.contains('/') && !word.starts_with('/') && !word.contains("://") && name.contains('.')
    })
}
