//! Where a task's id stands: at the front of a heading or of a file's name.
//!
//! Knows no fixed pattern of ids, and nothing of whether an id can be used; both is judged when the plan is checked.

use super::values::{is_quarter, looks_like_id, plain};
use crate::sources::lines::{Tick, without_box};

/// A heading that names a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskHeading<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// Whether a tick box before the id is ticked.
    pub(super) done: Tick,
}

/// The id and title in `T-001: Title`, `Task AUTH-7 – Title`, `[x] T-001: Title`, or `T-001 Title` when the file's name
/// begins with that id too.
pub(super) fn of_heading<'a>(heading: &'a str, stem: &str) -> Option<TaskHeading<'a>> {
    let (text, done) = without_box(plain(heading));
    let text = ["task ", "tarea "]
        .iter()
        .find(|word| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
        .map_or(text, |word| text[word.len()..].trim_start());
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ':' | '–' | '—')).unwrap_or(text.len());
    let id = text[..end].trim_matches(|c: char| matches!(c, '[' | ']' | '*' | '`'));
    let rest = text[end..].trim_start();
    let title = rest.trim_start_matches([':', '-', '–', '—', '*', ' ']);
    let is_known = || of_file_name(stem).is_some_and(|of_file| of_file.eq_ignore_ascii_case(id));
    let is_id = if rest.starts_with(':') {
        id.contains(|c: char| c.is_ascii_digit()) && !is_quarter(id)
    } else if rest.is_empty() || rest.starts_with(['-', '–', '—']) {
        looks_like_id(id) && id.contains(['-', '_']) && !is_quarter(id)
    } else {
        is_known()
    };
    is_id.then_some(TaskHeading { id, title: plain(title), done })
}

/// What a heading begins with, when that is written like an id (`T-00X Setup`) though it is none.
pub(super) fn like_an_id(heading: &str) -> Option<&str> {
    let first = plain(heading).split_whitespace().next()?;
    let letters = first.find(|c: char| !c.is_ascii_uppercase())?;
    let rest = first[letters..].strip_prefix('-')?;
    let is_like = letters > 0 && rest.contains(|c: char| c.is_ascii_digit());
    (is_like && rest.chars().all(|c| c.is_ascii_alphanumeric()) && !is_quarter(first)).then_some(first)
}

/// The id that a file's name begins with: `T-001` of `T-001-graphql`, `task-12` of `task-12 - Add login`.
pub(super) fn of_file_name(stem: &str) -> Option<&str> {
    let letters = stem.find(|c: char| !c.is_ascii_alphabetic())?;
    let joint = usize::from(stem[letters..].starts_with(['-', '_']));
    let from = letters + joint;
    let digits = stem[from..].find(|c: char| !c.is_ascii_digit()).unwrap_or(stem.len() - from);
    let mut end = from + digits;
    while let Some(sub) = stem[end..].strip_prefix('.') {
        let more = sub.find(|c: char| !c.is_ascii_digit()).unwrap_or(sub.len());
        if more == 0 {
            break;
        }
        end += 1 + more;
    }
    let ends_there = stem[end..].chars().next().is_none_or(|c| !c.is_alphanumeric());
    let enough_digits = if joint == 1 { 1 } else { 2 };
    (letters > 0 && digits >= enough_digits && ends_there).then(|| &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(text: &str) -> Option<(&str, &str)> {
        of_heading(text, "T-001-x").map(|found| (found.id, found.title))
    }

    #[test]
    fn headings_name_tasks() {
        assert_eq!(heading("T-001: GraphQL Subscriptions"), Some(("T-001", "GraphQL Subscriptions")));
        assert_eq!(heading("AUTH-7 — Login"), Some(("AUTH-7", "Login")));
        assert_eq!(heading("Tarea task-12: Añadir"), Some(("task-12", "Añadir")));
        assert_eq!(heading("[T-001] Title"), Some(("T-001", "Title")));
        assert_eq!(heading("T-001 Title"), Some(("T-001", "Title")));
        assert_eq!(heading("../x1: Title"), Some(("../x1", "Title")));
        assert_eq!(heading("**T-001**: Title"), Some(("T-001", "Title")));
        assert_eq!(of_heading("[x] T-001: Title", "").map(|found| found.done), Some(Tick::Ticked));
    }

    #[test]
    fn other_headings_do_not() {
        for text in [
            "Goal",
            "HTTP-2 support",
            "Phase 1: X",
            "Q1-2026: goals",
            "APiGen 3.0",
            "1. Intro",
            "",
            "Note: 2 things",
        ] {
            assert_eq!(heading(text), None, "{text}");
        }
    }

    #[test]
    fn file_names_begin_with_ids() {
        assert_eq!(of_file_name("T-001-graphql"), Some("T-001"));
        assert_eq!(of_file_name("task-12 - Add login"), Some("task-12"));
        assert_eq!(of_file_name("TASK-3.1 - x"), Some("TASK-3.1"));
        assert_eq!(of_file_name("T012-x"), Some("T012"));
        for other in ["Q1-2026", "notes", "v2-notes", "2026-01-02", "T-x", "phase", "T-1x", ""] {
            assert_eq!(of_file_name(other), None, "{other}");
        }
    }
}
