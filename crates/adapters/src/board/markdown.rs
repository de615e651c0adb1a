//! A board that is a Markdown file: headings are columns, list items are cards. A person edits it in an editor at the same
//! time: only lines of ours are moved, all else stays byte for byte, and nothing is written over what was not read.
//!
//! Knows nothing of tasks.

use crate::file;
use ppe_core::card::{Card, Column};
use ppe_core::text::folded;
use ppe_engine::ports::{BoardError, CardChange, CardText};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

/// How often a change is tried while somebody else writes.
const TRIES: u32 = 5;
/// More than any such file is long, bytes.
const LONGEST: u64 = 8 << 20;

/// Headings by column, in English and Spanish, folded. The first of each is what is written.
const HEADINGS: [(Column, [&str; 2], &[&str]); 5] = [
    (Column::Todo, ["Backlog", "Pendiente"], &["to do", "todo", "por hacer", "pendientes"]),
    (Column::InProgress, ["In progress", "En progreso"], &["doing", "en curso", "haciendo"]),
    (Column::InReview, ["Review", "En revisión"], &["in review", "revision"]),
    (Column::Done, ["Done", "Hecho"], &["completed", "terminado", "completado", "hechas", "hechos"]),
    (Column::Cancelled, ["Cancelled", "Cancelado"], &["canceled", "canceladas", "cancelados"]),
];

/// The board.
pub struct MarkdownBoard {
    file: PathBuf,
}

/// Lines of a card, by number: its own and those that are indented below it.
struct Item {
    id: String,
    title: String,
    column: Option<Column>,
    from: usize,
    to: usize,
}

impl MarkdownBoard {
    /// The board in this file.
    pub fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// Its cards.
    pub fn cards(&self, column: Option<Column>) -> Result<Vec<Card>, BoardError> {
        let text = self.read()?;
        let lines = lines(&text);
        let card = |item: Item| {
            let description = Some(below(&lines, &item));
            Card { id: item.id, title: item.title, column: item.column, description }
        };
        let cards = placed(&lines).into_iter().map(card);
        Ok(cards.filter(|card| column.is_none() || card.column == column).collect())
    }

    /// A card as it is.
    pub fn card(&self, id: &str) -> Result<CardText, BoardError> {
        let text = self.read()?;
        let lines = lines(&text);
        let item = find(&lines, id)?;
        Ok(CardText { column: item.column, description: below(&lines, &item) })
    }

    /// Changes a card.
    pub fn change(&self, id: &str, change: &CardChange) -> Result<(), BoardError> {
        for _ in 0..TRIES {
            let before = self.read()?;
            let after = changed(&before, id, change)?;
            if after == before
                || file::replace(&self.file, &before, &after).map_err(|error| self.lost(&error))?
            {
                return Ok(());
            }
        }
        Err(BoardError::Lost(format!("{} is written by somebody else all the time", self.file.display())))
    }

    fn lost(&self, error: &io::Error) -> BoardError {
        BoardError::Lost(format!("{}: {error}", self.file.display()))
    }

    fn read(&self) -> Result<String, BoardError> {
        let size = fs::metadata(&self.file).map_err(|error| self.lost(&error))?.len();
        if size > LONGEST {
            return Err(BoardError::Lost(format!("{} is too long for a board", self.file.display())));
        }
        fs::read_to_string(&self.file).map_err(|error| self.lost(&error))
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// What a heading is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    /// A column.
    Column(Column),
    /// Anything else.
    Other,
}

/// What a line is the heading of, if it is one.
fn heading(line: &str) -> Option<Heading> {
    let name = line.trim_end().strip_prefix('#')?.trim_start_matches('#');
    // `#word` is a tag.
    if !name.is_empty() && !name.starts_with(char::is_whitespace) {
        return None;
    }
    let name = folded(name.trim_matches(|c: char| !c.is_alphanumeric())).to_lowercase();
    let is_of = |written: &[&str; 2], others: &[&str]| {
        written.iter().any(|known| folded(known).to_lowercase() == name) || others.contains(&name.as_str())
    };
    let found = HEADINGS.iter().find(|(_, written, others)| is_of(written, others));
    Some(found.map_or(Heading::Other, |(column, ..)| Heading::Column(*column)))
}

/// What a line of a list says, if it begins a card.
fn item_text(line: &str) -> Option<&str> {
    let rest = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark))?.trim_start();
    let boxes = ["[ ] ", "[x] ", "[X] "];
    let rest = boxes.iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest).trim();
    (!rest.is_empty()).then_some(rest)
}

/// A card goes by the first word of its line.
fn id_of(title: &str) -> String {
    let word =
        title.trim_start_matches(|c: char| "[(*`_~".contains(c)).split_whitespace().next().unwrap_or("");
    word.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// How many of these lines belong to the card above them: what is indented, with the blank lines between.
fn count_below(lines: &[&str]) -> usize {
    let is_below = |line: &&&str| line.starts_with("  ") || line.starts_with('\t');
    let is_blank = |line: &&&str| line.trim().is_empty();
    let mut count = 0;
    loop {
        let blank = lines[count..].iter().take_while(is_blank).count();
        let more = lines[count + blank..].iter().take_while(|line| is_below(line) && !is_blank(line)).count();
        if more == 0 {
            return count;
        }
        count += blank + more;
    }
}

/// What stands below a card.
fn below(lines: &[&str], item: &Item) -> String {
    lines[item.from + 1..item.to].iter().map(|line| unindented(line)).collect()
}

fn items(lines: &[&str]) -> Vec<Item> {
    let (mut found, mut column, mut at, mut in_code) = (Vec::new(), None, 0, false);
    while at < lines.len() {
        let line = lines[at];
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            at += 1;
            continue;
        }
        match heading(line) {
            Some(Heading::Column(of)) => column = Some(of),
            Some(Heading::Other) => column = None,
            None => {}
        }
        let from = at;
        at += 1;
        if let Some(title) = item_text(line) {
            at += count_below(&lines[at..]);
            found.push(Item { id: id_of(title), title: title.to_owned(), column, from, to: at });
        }
    }
    found
}

/// Each card once, by its first line in a column: a line that stands in none is only a line about it.
fn placed(lines: &[&str]) -> Vec<Item> {
    let mut found: BTreeMap<String, Item> = BTreeMap::new();
    for item in items(lines) {
        let is_card = |known: &Item| known.column.is_none() && item.column.is_some();
        if found.get(&item.id).is_none_or(is_card) {
            found.insert(item.id.clone(), item);
        }
    }
    let mut cards: Vec<Item> = found.into_values().collect();
    cards.sort_by_key(|card| card.from);
    cards
}

fn find(lines: &[&str], id: &str) -> Result<Item, BoardError> {
    let found = placed(lines).into_iter().find(|card| card.id == id);
    found.ok_or_else(|| BoardError::Refused(format!("there is no card {id}")))
}

fn unindented(line: &str) -> &str {
    line.strip_prefix("  ").or_else(|| line.strip_prefix('\t')).unwrap_or(line)
}

/// The text with a change made to a card.
fn changed(text: &str, id: &str, change: &CardChange) -> Result<String, BoardError> {
    let mut lines: Vec<String> = lines(text).into_iter().map(str::to_owned).collect();
    let refs = |lines: &[String]| -> Result<Item, BoardError> {
        find(&lines.iter().map(String::as_str).collect::<Vec<_>>(), id)
    };
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if let Some(description) = &change.description {
        let item = refs(&lines)?;
        describe(&mut lines, &item, description, end);
    }
    if let Some(to) = change.column {
        let item = refs(&lines)?;
        if item.column != Some(to) {
            shift(&mut lines, &item, to, end);
        }
    }
    Ok(lines.concat())
}

/// Writes what stands below a card. A line that says the same as before stays as it was.
fn describe(lines: &mut Vec<String>, item: &Item, description: &str, end: &str) {
    close(&mut lines[item.from], end);
    let old: Vec<String> = lines[item.from + 1..item.to].to_vec();
    let words = |line: &str| unindented(line).trim_end().to_owned();
    let is_blank = |line: &str| line.trim().is_empty();
    // Where a person has made paragraphs, there are some.
    let has_paragraphs = old.iter().any(|line| is_blank(line));
    let new = description.lines().filter(|line| has_paragraphs || !is_blank(line)).map(|line| {
        if is_blank(line) {
            return end.to_owned();
        }
        let same = old.iter().find(|old| words(old) == line.trim_end());
        same.cloned().unwrap_or_else(|| format!("  {}{end}", line.trim_end()))
    });
    let new: Vec<String> = new.collect();
    lines.splice(item.from + 1..item.to, new);
}

fn close(line: &mut String, end: &str) {
    if !line.ends_with('\n') {
        line.push_str(end);
    }
}

/// Moves a card's lines to the end of another column.
fn shift(lines: &mut Vec<String>, item: &Item, to: Column, end: &str) {
    let mut moved: Vec<String> = lines.drain(item.from..item.to).collect();
    for line in &mut moved {
        close(line, end);
    }
    if let Some(first) = moved.first_mut() {
        *first = ticked(first, to == Column::Done);
    }
    let at = end_of(lines, to, end);
    if let Some(before) = at.checked_sub(1) {
        close(&mut lines[before], end);
    }
    lines.splice(at..at, moved);
}

/// Where the next card of a column belongs: after its last, else below its heading, which is made where there is none.
fn end_of(lines: &mut Vec<String>, column: Column, end: &str) -> usize {
    let refs: Vec<&str> = lines.iter().map(String::as_str).collect();
    if let Some(last) = items(&refs).iter().rfind(|item| item.column == Some(column)) {
        return last.to;
    }
    let is_blank = |line: &String| line.trim().is_empty();
    let Some(head) = refs.iter().position(|line| heading(line) == Some(Heading::Column(column))) else {
        let name = name_beside(&refs, column);
        if let Some(last) = lines.last_mut() {
            close(last, end);
        }
        lines.extend([end.to_owned(), format!("## {name}{end}"), end.to_owned()]);
        return lines.len();
    };
    close(&mut lines[head], end);
    if lines.get(head + 1).is_none_or(|line| !is_blank(line)) {
        lines.insert(head + 1, end.to_owned());
    }
    head + 2
}

/// What a column is called in the language of the headings that are there.
fn name_beside(lines: &[&str], column: Column) -> &'static str {
    let is_spanish = |line: &&str| {
        heading(line).is_some() && HEADINGS.iter().any(|(_, [_, spanish], _)| line.contains(spanish))
    };
    let language = usize::from(lines.iter().any(is_spanish));
    HEADINGS.iter().find(|(of, ..)| *of == column).map_or("", |(_, names, _)| names[language])
}

/// The line with its box ticked or not; one without a box stays.
fn ticked(line: &str, done: bool) -> String {
    let (mark, unmark) =
        if done { ("[x] ", ["[ ] "].as_slice()) } else { ("[ ] ", ["[x] ", "[X] "].as_slice()) };
    let head = line.len().min(6);
    let found = unmark.iter().find_map(|old| line.get(..head)?.find(old).map(|at| (at, old.len())));
    found.map_or_else(|| line.to_owned(), |(at, len)| format!("{}{mark}{}", &line[..at], &line[at + len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: &str = "# Sprint\r\n\r\nWords of mine.\r\n\r\n## Backlog\r\n\r\n- [ ] T-001 GraphQL\r\n  my note\r\n\
        - [ ] T-002: REST\r\n* buy milk\r\n\r\n## In progress\r\n\r\n## Done\r\n- [x] T-000 Start\r\n\r\n---\r\nfoot";

    fn board(text: &str) -> (tempfile::TempDir, MarkdownBoard) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("BOARD.md");
        fs::write(&file, text).unwrap();
        (dir, MarkdownBoard::new(file))
    }

    fn to(column: Column) -> CardChange {
        CardChange { column: Some(column), description: None }
    }

    #[test]
    fn headings_are_columns_in_both_languages() {
        let (_dir, board) = board(BOARD);
        let cards: Vec<_> =
            board.cards(None).unwrap().into_iter().map(|card| (card.id, card.column)).collect();
        let expected = [
            ("T-001", Column::Todo),
            ("T-002", Column::Todo),
            ("buy", Column::Todo),
            ("T-000", Column::Done),
        ];
        assert_eq!(cards, expected.map(|(id, column)| (id.to_owned(), Some(column))));
        for (name, of) in [
            ("## En revisión", Heading::Column(Column::InReview)),
            ("### 🚧 En progreso", Heading::Column(Column::InProgress)),
            ("## Pendiente", Heading::Column(Column::Todo)),
            ("## Ideas", Heading::Other),
        ] {
            assert_eq!(heading(name), Some(of), "{name}");
        }
        assert_eq!(heading("Done"), None);
    }

    #[test]
    fn a_card_moves_with_what_is_below_it_and_all_else_stays() {
        let (_dir, board) = board(BOARD);
        board.change("T-001", &to(Column::InProgress)).unwrap();
        let text = fs::read_to_string(&board.file).unwrap();
        let moved = "- [ ] T-001 GraphQL\r\n  my note\r\n";
        let without = BOARD.replacen(moved, "", 1);
        assert_eq!(
            text,
            without.replacen("## In progress\r\n\r\n", &format!("## In progress\r\n\r\n{moved}"), 1)
        );
        board.change("T-001", &to(Column::Done)).unwrap();
        let text = fs::read_to_string(&board.file).unwrap();
        let done = "- [x] T-000 Start\r\n- [x] T-001 GraphQL\r\n  my note\r\n\r\n---\r\nfoot";
        assert!(text.ends_with(done), "{text}");
        board.change("T-001", &to(Column::Todo)).unwrap();
        assert!(fs::read_to_string(&board.file).unwrap().contains("- [ ] T-001 GraphQL\r\n  my note\r\n"));
    }

    #[test]
    fn a_missing_column_is_made_in_the_language_of_the_others() {
        let (_dir, board) = board("## Pendiente\n- T-1 Uno");
        board.change("T-1", &to(Column::InReview)).unwrap();
        let text = fs::read_to_string(&board.file).unwrap();
        assert_eq!(text, "## Pendiente\n\n## En revisión\n\n- T-1 Uno\n");
    }

    #[test]
    fn what_stands_below_a_card_is_written_and_read_again() {
        let (_dir, board) = board(BOARD);
        let before = board.card("T-001").unwrap();
        assert_eq!(before.description, "my note\r\n");
        let description = ppe_core::board::with_progress(&before.description, "1/2 commits\n- One: 1/2");
        board.change("T-001", &CardChange { column: None, description: Some(description) }).unwrap();
        let text = fs::read_to_string(&board.file).unwrap();
        let block = "  my note\r\n  <!-- ppe: progress -->\r\n  1/2 commits\r\n  - One: 1/2\r\n  <!-- ppe: end -->\r\n";
        assert_eq!(text, BOARD.replacen("  my note\r\n", block, 1));
        assert_eq!(board.cards(None).unwrap().len(), 4, "the block has no card of its own");
        let now = board.card("T-001").unwrap().description;
        let again = ppe_core::board::with_progress(&now, "2/2 commits");
        board.change("T-001", &CardChange { column: None, description: Some(again) }).unwrap();
        let text = fs::read_to_string(&board.file).unwrap();
        assert_eq!(text.matches("ppe: progress").count(), 1, "{text}");
    }

    #[test]
    fn paragraphs_go_where_their_card_goes() {
        let card = "- T-1 One\n  first\n\n  second\n";
        let (_dir, board) =
            board(&format!("#tag\n## Notes\n- T-1 is hard\n\n## Backlog\n{card}\nfoot\n\n## Done\n"));
        assert_eq!(board.card("T-1").unwrap().description, "first\n\nsecond\n");
        let description = ppe_core::board::with_progress("first\n\nsecond\n", "1/2 commits");
        board
            .change("T-1", &CardChange { column: Some(Column::Done), description: Some(description) })
            .unwrap();
        let text = fs::read_to_string(&board.file).unwrap();
        let block = "\n\n  <!-- ppe: progress -->\n  1/2 commits\n  <!-- ppe: end -->\n";
        let notes = "#tag\n## Notes\n- T-1 is hard\n\n## Backlog\n";
        assert_eq!(text, format!("{notes}\nfoot\n\n## Done\n\n{card}{block}"));
        let known = board.card("T-1").unwrap().description;
        assert_eq!(ppe_core::board::without_progress(&known).trim_end(), "first\n\nsecond");
    }

    #[test]
    fn of_two_lines_of_a_card_the_one_in_a_column_is_listed_and_written() {
        let notes = "## Notes\n- T-1 is hard\n\n";
        let cards = "## Backlog\n- T-1 One\n- T-2 Two\n\n## Review\n- T-1 again\n\n";
        for text in [format!("{notes}{cards}"), format!("{cards}{notes}")] {
            let (_dir, board) = board(&text);
            let cards = board.cards(None).unwrap();
            let listed: Vec<_> = cards.iter().map(|card| (card.title.as_str(), card.column)).collect();
            assert_eq!(listed, [("T-1 One", Some(Column::Todo)), ("T-2 Two", Some(Column::Todo))], "{text}");
            assert_eq!(board.cards(Some(Column::InReview)).unwrap(), [], "another line is no other card");
            board.change("T-1", &to(Column::Done)).unwrap();
            let after = fs::read_to_string(&board.file).unwrap();
            assert!(after.contains(notes) && after.ends_with("## Done\n\n- T-1 One\n"), "{after}");
        }
    }

    #[test]
    fn what_somebody_wrote_meanwhile_is_not_lost() {
        let (_dir, board) = board(BOARD);
        let after = changed(BOARD, "T-001", &to(Column::Done)).unwrap();
        fs::write(&board.file, format!("{BOARD}\r\nnew")).unwrap();
        assert!(!file::replace(&board.file, BOARD, &after).unwrap());
        board.change("T-001", &to(Column::Done)).unwrap();
        assert!(fs::read_to_string(&board.file).unwrap().contains("new"));
        assert_eq!(board.card("T-9").unwrap_err(), BoardError::Refused("there is no card T-9".to_owned()));
    }
}
