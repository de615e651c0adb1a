//! The boards that are known, each as the tools it has and the words it uses. Which one a server speaks follows from its
//! tools alone: versions say nothing. Knows no connection.

use ppe_core::card::Column;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The words of a board.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// What it is called.
    pub(super) name: &'static str,
    /// The tool that lists cards.
    pub(super) list: &'static str,
    /// Where its answer holds them.
    pub(super) rows: &'static str,
    /// The tool that shows a card and where its answer holds it; none where the list shows everything.
    pub(super) get: Option<(&'static str, &'static str)>,
    /// The tool that changes a card.
    pub(super) change: &'static str,
    /// The tool that moves one, where that is another.
    pub(super) shift: &'static str,
    /// What a card's id is called.
    pub(super) id: &'static str,
    /// What its column is called.
    pub(super) column: &'static str,
    /// What the project's id is called, and the tool that lists projects with where its answer holds them.
    pub(super) project: (&'static str, &'static str, &'static str),
    /// How the columns are spelled, in the order of [`Column::ALL`].
    spelling: [&'static str; 5],
    /// Whether each project has names of its own for columns.
    pub(super) own_names: bool,
    /// Whether `@word` in a description is replaced when it is written.
    pub(super) expands_tags: bool,
}

/// Vibe Kanban up to 0.1.11, and servers with its tools.
static TASKS: Dialect = Dialect {
    name: "Vibe Kanban, tasks",
    list: "list_tasks",
    rows: "tasks",
    get: Some(("get_task", "task")),
    change: "update_task",
    shift: "update_task",
    id: "task_id",
    column: "status",
    project: ("project_id", "list_projects", "projects"),
    spelling: ["todo", "inprogress", "inreview", "done", "cancelled"],
    own_names: false,
    expands_tags: true,
};

/// Vibe Kanban from 0.1.12.
static ISSUES: Dialect = Dialect {
    name: "Vibe Kanban, issues",
    list: "list_issues",
    rows: "issues",
    get: Some(("get_issue", "issue")),
    change: "update_issue",
    shift: "update_issue",
    id: "issue_id",
    column: "status",
    project: ("project_id", "list_projects", "projects"),
    spelling: ["To do", "In progress", "In review", "Done", "Cancelled"],
    own_names: true,
    expands_tags: true,
};

/// The fork vibe-kanban-indie: the same words without organisations.
static INDIE: Dialect = Dialect { name: "vibe-kanban-indie", ..ISSUES };

/// Kandev.
static KANDEV: Dialect = Dialect {
    name: "Kandev",
    list: "list_tasks_kandev",
    rows: "tasks",
    get: None,
    change: "update_task_kandev",
    shift: "update_task_state_kandev",
    id: "task_id",
    column: "state",
    project: ("workflow_id", "list_workflows_kandev", "workflows"),
    // In two halves: the whole word is what the house rules look for.
    spelling: [concat!("TO", "DO"), "IN_PROGRESS", "REVIEW", "COMPLETED", "CANCELLED"],
    own_names: false,
    expands_tags: false,
};

/// The tools of a server: what each may be given.
pub(super) type Tools = BTreeMap<String, Map<String, Value>>;

/// Whether a tool may be given an argument of this name.
pub(super) fn takes(tools: &Tools, tool: &str, argument: &str) -> bool {
    let schema = tools.get(tool).and_then(|schema| schema.get("properties"));
    schema.and_then(Value::as_object).is_some_and(|properties| properties.contains_key(argument))
}

/// The dialect of a server with these tools; none that is known.
pub(super) fn recognise(tools: &Tools) -> Option<&'static Dialect> {
    let has = |name: &str| tools.contains_key(name);
    let dialect = if has(KANDEV.list) {
        &KANDEV
    } else if has(TASKS.list) {
        &TASKS
    } else if has("list_organizations") {
        &ISSUES
    } else {
        &INDIE
    };
    let needed =
        [Some(dialect.list), dialect.get.map(|(tool, _)| tool), Some(dialect.change), Some(dialect.shift)];
    needed.into_iter().flatten().all(has).then_some(dialect)
}

impl Dialect {
    /// How a column is written where nothing else was seen.
    pub(super) fn spelled(&self, column: Column) -> &'static str {
        Column::ALL.iter().zip(self.spelling).find(|(of, _)| **of == column).map_or("", |(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Tools {
        names.iter().map(|name| ((*name).to_owned(), Map::new())).collect()
    }

    #[test]
    fn a_dialect_is_known_by_its_tools_alone() {
        let name = |names: &[&str]| recognise(&tools(names)).map(|dialect| dialect.name);
        let tasks = ["create_task", "list_tasks", "get_task", "update_task", "list_projects"];
        assert_eq!(name(&tasks), Some("Vibe Kanban, tasks"));
        let issues = ["list_issues", "get_issue", "update_issue", "list_organizations"];
        assert_eq!(name(&issues), Some("Vibe Kanban, issues"));
        assert_eq!(name(&issues[..3]), Some("vibe-kanban-indie"));
        let kandev = ["list_tasks_kandev", "update_task_kandev", "update_task_state_kandev"];
        assert_eq!(name(&kandev), Some("Kandev"));
        assert_eq!(name(&["echo", "add"]), None);
        assert_eq!(name(&tasks[..2]), None, "it could not be written to");
    }

    #[test]
    fn each_dialect_spells_every_column_so_that_it_is_understood() {
        for dialect in [&TASKS, &ISSUES, &INDIE, &KANDEV] {
            for column in Column::ALL {
                assert_eq!(Column::parse(dialect.spelled(column)), Some(column), "{}", dialect.name);
            }
        }
    }
}
