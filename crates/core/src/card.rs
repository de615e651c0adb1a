//! A card on a board: where it stands, and whose it is. Knows nothing of how tasks stand.

use crate::ids::TaskId;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a card stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// Nobody is at it yet.
    Todo,
    /// It is being worked on.
    InProgress,
    /// It is made and waits to land.
    InReview,
    /// It is done.
    Done,
    /// It is not to be done.
    Cancelled,
}

impl Column {
    /// All of them, in the order in which a card goes through them.
    pub const ALL: [Self; 5] = [Self::Todo, Self::InProgress, Self::InReview, Self::Done, Self::Cancelled];

    /// Its name in our own words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::InProgress => "in progress",
            Self::InReview => "in review",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The column of a name, however a board spells it; none for one that is not ours to touch.
    pub fn parse(name: &str) -> Option<Self> {
        let name: String =
            name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(match name.as_str() {
            "todo" | "created" => Self::Todo,
            "inprogress" | "doing" | "scheduling" | "blocked" | "waitingforinput" => Self::InProgress,
            "inreview" | "review" => Self::InReview,
            "done" | "completed" => Self::Done,
            "cancelled" | "canceled" => Self::Cancelled,
            _ => return None,
        })
    }

    /// The columns on the way from here to there, that one last: forward none is left out, every other way is one step.
    pub fn way_to(self, to: Self) -> Vec<Self> {
        if self < to && to != Self::Cancelled {
            Self::ALL.into_iter().filter(|column| *column > self && *column <= to).collect()
        } else {
            vec![to]
        }
    }
}

/// A card as a board shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The board's own id of it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where it stands; none in a column that is not ours to touch.
    pub column: Option<Column>,
    /// What it says, where the board shows that of all at once.
    pub description: Option<String>,
}

/// A task's card where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The task.
    pub task: TaskId,
    /// The card's id.
    pub card: String,
    /// Where it stands.
    pub column: Column,
}

/// The task that a card's title begins with.
fn task_of<'a>(plan: &'a Plan, title: &str) -> Option<&'a TaskId> {
    let title = title.trim_start_matches(|c: char| c.is_whitespace() || "[(#*`".contains(c));
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
    // `3.1` is no `3`, but a sentence may end after an id.
    let ends = |rest: &str| !goes_on(rest) && !rest.strip_prefix('.').is_some_and(goes_on);
    let is_named = |id: &&TaskId| title.strip_prefix(id.as_str()).is_some_and(ends);
    plan.tasks.iter().map(|task| &task.spec.id.value).find(is_named)
}

/// The card of each task that has one. A card is of the task that its title names, else of the one that it is `remembered`
/// to be of. Of several cards of a task the remembered one counts, then one in a column of ours, then the one whose title says
/// just what the task's does, then the one listed last.
pub fn cards_of<'a, 'c>(
    plan: &'a Plan,
    cards: &'c [Card],
    remembered: impl Fn(&str) -> Option<&'a TaskId>,
) -> BTreeMap<&'a TaskId, &'c Card> {
    let mut found: BTreeMap<&TaskId, ((bool, bool, Fit), &Card)> = BTreeMap::new();
    for card in cards {
        let before = remembered(&card.id);
        let Some(task) = task_of(plan, &card.title).or(before) else { continue };
        let rank = (before == Some(task), card.column.is_some(), Fit::of(plan, task, &card.title));
        if found.get(task).is_none_or(|(best, _)| rank >= *best) {
            found.insert(task, (rank, card));
        }
    }
    found.into_iter().map(|(task, (_, card))| (task, card)).collect()
}

/// How much of a card's title is its task's, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Other,
    IdAlone,
    Title,
}

impl Fit {
    fn of(plan: &Plan, task: &TaskId, title: &str) -> Self {
        let letters = |text: &str| -> String {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let (title, id) = (letters(title), letters(task.as_str()));
        match (title.strip_prefix(&id), plan.task(task)) {
            (Some(""), _) => Self::IdAlone,
            (Some(rest), Some(planned)) if *rest == letters(&planned.spec.title) => Self::Title,
            (Some(_) | None, _) => Self::Other,
        }
    }
}

/// Where the card of each task stands, see [`cards_of`]. Those in columns that are not ours are left out.
pub fn find_cards<'a>(
    plan: &'a Plan,
    cards: &[Card],
    remembered: impl Fn(&str) -> Option<&'a TaskId>,
) -> Vec<Seen> {
    let seen = |(task, card): (&TaskId, &Card)| {
        Some(Seen { task: task.clone(), card: card.id.clone(), column: card.column? })
    };
    cards_of(plan, cards, remembered).into_iter().filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlanSpec, Spot, TaskSpec, check};
    use std::sync::Arc;

    /// A plan of tasks by id and title.
    fn plan(tasks: &[(&str, &str)]) -> Plan {
        let spot = || Spot { file: Arc::from("x"), line: 1 };
        let task = |(id, title): &(&str, &str)| TaskSpec::bare(TaskId::new(*id), *title, spot());
        let spec = PlanSpec { tasks: tasks.iter().map(task).collect(), ..Default::default() };
        check(spec, Vec::new()).plan.unwrap()
    }

    fn card(id: &str, title: &str, column: Option<Column>) -> Card {
        Card { id: id.to_owned(), title: title.to_owned(), column, description: None }
    }

    #[test]
    fn one_column_has_many_spellings() {
        let spellings = ["inprogress", "in-progress", "In progress", "IN_PROGRESS", "in_progress"];
        assert!(spellings.iter().all(|name| Column::parse(name) == Some(Column::InProgress)));
        assert_eq!(Column::parse("To do"), Some(Column::Todo));
        assert_eq!(Column::parse("Canceled"), Some(Column::Cancelled));
        assert_eq!(Column::parse("Backlog"), None);
    }

    #[test]
    fn a_part_of_a_task_is_not_the_task() {
        let plan = plan(&[("3", "Title"), ("3.1", "Title"), ("T-3", "Title")]);
        let of = |title: &str| task_of(&plan, title).map(TaskId::as_str);
        assert_eq!(
            (of("3.1: One"), of("3: All"), of("3."), of("T-3.2"), of("3-x")),
            (Some("3.1"), Some("3"), Some("3"), None, None)
        );
    }

    #[test]
    fn of_several_cards_of_a_task_one_is_its_card_whatever_their_order() {
        let plan = plan(&[("T-001", "GraphQL subscriptions")]);
        let found = |remembered: &str, cards: &[(&str, &str)]| -> Vec<String> {
            let known = |card: &str| (card == remembered).then(|| plan.id(0));
            let todo = Some(Column::Todo);
            let listed: Vec<Card> = cards.iter().map(|(id, title)| card(id, title, todo)).collect();
            let reversed: Vec<Card> = listed.iter().rev().cloned().collect();
            let both = [listed, reversed].map(|cards| find_cards(&plan, &cards, known));
            both.into_iter().flatten().map(|seen| seen.card).collect()
        };
        let (own, later) = (("a", "[T-001] GraphQL Subscriptions"), ("b", "T-001: follow-up"));
        assert_eq!(found("", &[later, own]), ["a", "a"]);
        assert_eq!(found("", &[later, ("c", "T-001")]), ["c", "c"]);
        assert_eq!(found("b", &[later, own]), ["b", "b"], "which card is whose is remembered");
        assert_eq!(found("c", &[("c", "Renamed"), own]), ["c", "c"], "whatever its title is now");
        assert_eq!(found("", &[later, ("d", "T-001: another")]), ["d", "b"], "the one listed last");
    }

    #[test]
    fn a_card_in_a_column_that_is_not_ours_hides_no_other() {
        let plan = plan(&[("T-001", "Part")]);
        let (ours, aside) = (card("a", "T-001: more", Some(Column::Todo)), card("b", "T-001: Part", None));
        let known = |card: &str| (card == "b").then(|| plan.id(0));
        for cards in [[ours.clone(), aside.clone()], [aside, ours]] {
            let seen = find_cards(&plan, &cards, |_| None);
            assert_eq!(seen.iter().map(|seen| seen.card.as_str()).collect::<Vec<_>>(), ["a"]);
            assert_eq!(find_cards(&plan, &cards, known), [], "but the one that is remembered stays its card");
        }
    }

    #[test]
    fn forward_no_column_is_left_out() {
        use Column::{Cancelled, Done, InProgress, InReview, Todo};
        assert_eq!(Todo.way_to(Done), [InProgress, InReview, Done]);
        assert_eq!(InReview.way_to(InProgress), [InProgress]);
        assert_eq!(Todo.way_to(Cancelled), [Cancelled]);
        assert_eq!(Cancelled.way_to(Done), [Done]);
        assert_eq!(InReview.way_to(Done), [Done]);
    }
}
