//! Which task ids can serve as a branch name and a folder name.
//!
//! Knows nothing of branches that exist; each id is looked at alone, then for clashes with the others.

use super::finding::{Code, Findings};
use super::spec::TaskSpec;
use crate::text::{is_hidden, shown};
use std::collections::BTreeMap;

/// Most bytes of an id.
const LONGEST: usize = 100;

/// Reports ids that cannot be used, ids used twice, and ids that a file system blind to case would mix up.
pub(super) fn check_ids(tasks: &[TaskSpec], findings: &mut Findings) {
    let mut seen: BTreeMap<String, &TaskSpec> = BTreeMap::new();
    for task in tasks {
        let (id, spot) = (task.id.value.as_str(), &task.id.spot);
        if let Some(why) = objection(id) {
            findings.error(Code::BadId, format!("`{}` cannot be a task's id: {why}", brief(id)), Some(spot));
        }
        match seen.get(&id.to_lowercase()) {
            None => {
                seen.insert(id.to_lowercase(), task);
            }
            Some(first) if first.id.value == task.id.value => {
                let message = format!("{} is used twice: first in {}", brief(id), first.id.spot);
                findings.error(Code::DuplicateId, message, Some(spot));
            }
            Some(first) => {
                let other = brief(first.id.value.as_str());
                let place = &first.id.spot;
                let message =
                    format!("{} and {other} ({place}) differ only in upper and lower case", brief(id));
                findings.error(Code::BadId, message, Some(spot));
            }
        }
    }
}

/// Why an id cannot be used, if it cannot.
fn objection(id: &str) -> Option<String> {
    let why = if id.is_empty() {
        "it is empty"
    } else if id.len() > LONGEST {
        return Some(format!("it has {} bytes, at most {LONGEST} are allowed", id.len()));
    } else if id.contains("..") {
        "it contains `..`"
    } else if id.contains(['/', '\\']) {
        "it contains a slash"
    } else if id.starts_with(['-', '.']) {
        "it begins with a dash or a dot"
    } else if id.ends_with('.') || id.to_lowercase().ends_with(".lock") {
        "it ends with a dot or with `.lock`"
    } else if id.contains("@{") || id == "@" {
        "git reserves `@` in that place"
    } else {
        let odd = id.chars().find(|c| is_forbidden(*c))?;
        return Some(format!("it contains `{}`", odd.escape_default()));
    };
    Some(why.to_owned())
}

/// Characters that git refuses in a branch name, that are unsafe in a folder name, or that cannot be seen.
fn is_forbidden(letter: char) -> bool {
    letter.is_control()
        || letter.is_whitespace()
        || is_hidden(letter)
        || matches!(letter, '~' | '^' | ':' | '?' | '*' | '[' | '<' | '>' | '"' | '|')
}

/// The id fit for a message: hidden characters escaped, not longer than a line.
fn brief(id: &str) -> String {
    const ROOM: usize = 60;
    let id = shown(id);
    match id.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}…", &id[..end]),
        None => id.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_ids_are_fine() {
        for id in ["T-001", "task-12", "AUTH-7", "1.2", "TASK-3.1", "feature_x", "día-1", "bd-a1b2.3"] {
            assert_eq!(objection(id), None, "{id}");
        }
    }

    #[test]
    fn dangerous_ids_are_refused_with_the_reason() {
        let says = |id: &str| objection(id).unwrap_or_default();
        assert_eq!(says(""), "it is empty");
        assert_eq!(says("../x"), "it contains `..`");
        assert_eq!(says("a/b"), "it contains a slash");
        assert_eq!(says("a\\b"), "it contains a slash");
        assert_eq!(says("-rf"), "it begins with a dash or a dot");
        assert_eq!(says(".git"), "it begins with a dash or a dot");
        assert_eq!(says("T-1.lock"), "it ends with a dot or with `.lock`");
        assert_eq!(says("T-1."), "it ends with a dot or with `.lock`");
        assert_eq!(says("T@{1}"), "git reserves `@` in that place");
        assert_eq!(says("T 1"), "it contains ` `");
        assert_eq!(says("T\n1"), "it contains `\\n`");
        assert_eq!(says("T\u{200b}1"), "it contains `\\u{200b}`");
        assert_eq!(says("T:1"), "it contains `:`");
        assert_eq!(says(&"T".repeat(300)), "it has 300 bytes, at most 100 are allowed");
    }
}
