//! Folders of numbered task files whose names are the ids: Compozy's `task_01.md`, and `001.md` in an epic of ccpm's.
//!
//! Front matter says what a task depends on. Knows nothing of the documents that lie beside the tasks.

use super::files::{Found, markdown_files, read_text};
use super::front::{self, Front, Weight};
use super::lines::{Shape, prose};
use super::outline::{self, Item};
use super::place::{error, spot};
use super::words::is_done;
use super::{Read, apart};
use ppe_core::ids::TaskId;
use ppe_core::plan::{At, Code, Finding, TaskSpec};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Whose files they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `task_01.md`, with `dependencies`.
    Compozy,
    /// `001.md` beside `epic.md`, with `depends_on`, `conflicts_with` and `parallel`.
    Ccpm,
}

impl Form {
    /// Whether a file of this name, without its ending, is a task.
    pub(super) fn is_task(self, stem: &str) -> bool {
        let number = match self {
            Self::Compozy => stem.strip_prefix("task_").unwrap_or_default(),
            Self::Ccpm => stem,
        };
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn title(self) -> &'static str {
        match self {
            Self::Compozy => "title",
            Self::Ccpm => "name",
        }
    }

    fn depends_on(self) -> &'static str {
        match self {
            Self::Compozy => "dependencies",
            Self::Ccpm => "depends_on",
        }
    }
}

/// Reads the task files of a folder.
pub(super) fn read(root: &Path, form: Form, findings: &mut Vec<Finding>) -> Option<Read> {
    let files = markdown_files(root, "", findings);
    let files: Vec<Found> =
        files.into_iter().filter(|file| !file.shown.contains('/') && form.is_task(&file.stem)).collect();
    if files.is_empty() {
        return None;
    }
    let mut items = Vec::new();
    let (mut conflicts, mut alone) = (BTreeMap::new(), BTreeMap::new());
    for found in files {
        let Some(text) = read_text(&found, findings) else { continue };
        let front = front::split(&text);
        let item = read_task(&found, &front, form, findings);
        if form == Form::Ccpm {
            let id = &item.spec.id.value;
            conflicts.insert(id.clone(), ids(&found, &front, "conflicts_with"));
            let is_alone = front.text("parallel").filter(|(word, _)| word.eq_ignore_ascii_case("false"));
            alone.extend(is_alone.map(|(_, line)| (id.clone(), spot(&found.shown, line))));
        }
        items.push(item);
    }
    // Nobody waits for what is left out.
    let mut tasks = outline::tasks(items, findings);
    apart::let_alone(&mut tasks, &alone);
    apart::keep_apart(&mut tasks, &conflicts);
    Some(Read { tasks, name: None })
}

/// The ids that a list names, by themselves or as names of files.
fn ids(found: &Found, front: &Front<'_>, key: &str) -> Vec<At<TaskId>> {
    let id = |written: &str| TaskId::new(written.trim().trim_end_matches(".md"));
    let named = front.list(key).into_iter();
    named.map(|(written, line)| At { value: id(written), spot: spot(&found.shown, line) }).collect()
}

fn read_task(found: &Found, front: &Front<'_>, form: Form, findings: &mut Vec<Finding>) -> Item {
    let keys = ["status", form.title(), form.depends_on(), "conflicts_with", "parallel"];
    let is_grave = |key: &str| keys.contains(&key);
    for problem in front.problems.iter().filter(|p| p.weight == Weight::Heavy || is_grave(&p.key)) {
        let message = format!("`{}`: {}", problem.key, problem.message);
        findings.push(error(Code::BadValue, message, spot(&found.shown, problem.line)));
    }
    let at = |line: u32| spot(&found.shown, line);
    let heading = prose(front.rest, front.rest_line).find_map(|line| match line.shape() {
        Shape::Heading { text, .. } => Some(text),
        _ => None,
    });
    let title = front.text(form.title()).map(|(title, _)| title).or(heading).unwrap_or_default();
    let title = outline::title(title, &found.stem);
    let mut spec = TaskSpec::bare(TaskId::new(found.stem.as_str()), title, at(1));
    spec.body = outline::body([front.rest.to_owned()]).into();
    spec.depends_on = ids(found, front, form.depends_on());
    spec.module = front.text("type").map(|(module, _)| Arc::from(module));
    let status = front.text("status").filter(|(status, _)| is_done(status));
    spec.done = status.map(|(_, line)| at(line));
    let off =
        front.text("status").filter(|(status, _)| ["cancelled", "canceled", "deferred"].contains(status));
    let off = off.map(|(status, line)| At { value: status.to_owned(), spot: at(line) });
    Item { off, ..Item::work(spec) }
}
