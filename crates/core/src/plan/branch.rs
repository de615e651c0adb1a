//! The branch of each task: `feat/<id>-<slug>`.
//!
//! Knows nothing of branches that a repository has already; a clash with one of those is met when the branch is made.

use super::spec::TaskSpec;
use crate::text::{cut_slug, slug};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most bytes of a whole name; an id is never cut, so a long id may go above.
const LONGEST: usize = 60;

/// One name for each task, no two alike even where upper and lower case are one.
pub(super) fn names(tasks: &[TaskSpec]) -> Vec<Arc<str>> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::with_capacity(tasks.len());
    for task in tasks {
        let free = (1..=tasks.len())
            .map(|number| if number == 1 { name(task, "") } else { name(task, &format!("-{number}")) })
            .find(|name| taken.insert(name.to_lowercase()));
        names.push(Arc::from(free.unwrap_or_default()));
    }
    names
}

fn name(task: &TaskSpec, suffix: &str) -> String {
    let id = task.id.value.as_str();
    let slug = slug_of(task);
    let room = LONGEST.saturating_sub("feat/-".len() + id.len() + suffix.len());
    match cut_slug(&slug, room) {
        "" => format!("feat/{id}{suffix}"),
        slug => format!("feat/{id}-{slug}{suffix}"),
    }
}

/// The slug of the file's name without the id that it begins with, else of the title.
fn slug_of(task: &TaskSpec) -> String {
    let id = slug(task.id.value.as_str());
    let of_file = task.file_stem.as_deref().map(slug).unwrap_or_default();
    let of_file = match of_file.strip_prefix(&id) {
        Some(rest) if rest.is_empty() || rest.starts_with('-') => rest.trim_start_matches('-'),
        _ => &of_file,
    };
    if of_file.is_empty() { slug(&task.title) } else { of_file.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use crate::plan::spec::Spot;

    fn branch(id: &str, stem: Option<&str>, title: &str) -> String {
        names(&[task(id, stem, title)])[0].to_string()
    }

    fn task(id: &str, stem: Option<&str>, title: &str) -> TaskSpec {
        let spot = Spot { file: Arc::from("x.md"), line: 1 };
        TaskSpec { file_stem: stem.map(Arc::from), ..TaskSpec::bare(TaskId::new(id), title, spot) }
    }

    #[test]
    fn the_file_name_comes_before_the_title() {
        assert_eq!(
            branch("T-001", Some("T-001-graphql-subscriptions"), "Other"),
            "feat/T-001-graphql-subscriptions"
        );
        assert_eq!(branch("task-12", Some("task-12 - Add login"), "Other"), "feat/task-12-add-login");
        assert_eq!(branch("T-001", Some("notes"), "Other"), "feat/T-001-notes");
        assert_eq!(branch("T-001", Some("T-001"), "The title"), "feat/T-001-the-title");
        assert_eq!(
            branch("T-001", None, "Autenticación de dos factores"),
            "feat/T-001-autenticacion-de-dos-factores"
        );
        assert_eq!(branch("T-1", Some("T-10-x"), "y"), "feat/T-1-t-10-x");
        assert_eq!(branch("T-001", None, "数据"), "feat/T-001");
    }

    #[test]
    fn long_names_are_cut_at_a_dash() {
        let name =
            branch("T-001", None, "a title that goes on and on until nobody wants to read it any more");
        assert_eq!(name, "feat/T-001-a-title-that-goes-on-and-on-until-nobody-wants-to");
        assert!(name.len() <= 60);
        assert_eq!(branch(&"X".repeat(70), None, "title"), format!("feat/{}", "X".repeat(70)));
    }

    #[test]
    fn two_tasks_never_share_a_branch() {
        let tasks =
            [task("T-1", None, "2 Fast"), task("T-1-2", None, "fast"), task("T-1-2-FAST", None, "数")];
        let names = names(&tasks);
        assert_eq!(
            names.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["feat/T-1-2-fast", "feat/T-1-2-fast-2", "feat/T-1-2-FAST-3"]
        );
    }
}
