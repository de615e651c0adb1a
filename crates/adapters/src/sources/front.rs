//! Front matter: the small part of YAML that task files use.
//!
//! Scalars plain and quoted, texts of several lines, lists in brackets and in lines, comments. Anything else is a finding
//! with its line and column and is passed by: no references, so no text grows while it is read. Knows nothing of what the
//! keys mean.

/// Front matter and what follows it.
pub(super) struct Front<'a> {
    pub(super) entries: Vec<Entry>,
    pub(super) problems: Vec<Problem>,
    /// The text after the front matter.
    pub(super) rest: &'a str,
    /// The number of the first line of the rest, from 1.
    pub(super) rest_line: u32,
}

impl Front<'_> {
    /// The one value of a key, and its line; none when it is empty or a list.
    pub(super) fn text(&self, key: &str) -> Option<(&str, u32)> {
        self.entries.iter().filter(|entry| entry.key == key).find_map(|entry| match &entry.value {
            Value::Scalar(text) if !text.is_empty() => Some((text.as_str(), entry.line)),
            Value::Scalar(_) | Value::List(_) => None,
        })
    }

    /// The values of a key with their lines, be it a list or a single one.
    pub(super) fn list(&self, key: &str) -> Vec<(&str, u32)> {
        let of_key = self.entries.iter().filter(|entry| entry.key == key);
        let items = of_key.flat_map(|entry| match &entry.value {
            Value::Scalar(text) => vec![(text.as_str(), entry.line)],
            Value::List(items) => items.iter().map(|(item, line)| (item.as_str(), *line)).collect(),
        });
        items.filter(|(item, _)| !item.is_empty()).collect()
    }
}

/// One key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u32,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Scalar(String),
    /// The elements with their lines.
    List(Vec<(String, u32)>),
}

/// A place that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The key it belongs to; empty when none.
    pub(super) key: String,
    pub(super) line: u32,
    /// What is wrong, with the column.
    pub(super) message: String,
    pub(super) weight: Weight,
}

/// How much a problem matters when its key means nothing to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// The value can be passed by.
    Light,
    /// The front matter itself is in doubt.
    Heavy,
}

/// Splits front matter off a text. Without any, all of the text is the rest.
pub(super) fn split(text: &str) -> Front<'_> {
    let none = Front { entries: Vec::new(), problems: Vec::new(), rest: text, rest_line: 1 };
    let Some(inner) = text.strip_prefix("---").and_then(|rest| after_blank_line_end(rest)) else {
        return none;
    };
    let mut reader = Reader::default();
    let mut offset = text.len() - inner.len();
    for (line, number) in inner.split('\n').zip(2..) {
        offset = (offset + line.len() + 1).min(text.len());
        if matches!(line.trim_end(), "---" | "...") {
            reader.close();
            let Reader { entries, problems, .. } = reader;
            return Front { entries, problems, rest: &text[offset..], rest_line: number + 1 };
        }
        reader.line(line, number);
    }
    // A rule at the top of an ordinary text is no front matter; one that is followed by a key was meant as such.
    if inner.lines().next().is_none_or(|line| split_key(line).is_none()) {
        return none;
    }
    let message = "the front matter that begins here is not closed by a line `---`".to_owned();
    let problem = Problem { key: String::new(), line: 1, message, weight: Weight::Heavy };
    Front { problems: vec![problem], ..none }
}

/// Reads a file that is nothing but keys with values, such as a configuration.
pub(super) fn keys(text: &str) -> Front<'_> {
    let mut reader = Reader::default();
    for (line, number) in text.split('\n').zip(1..) {
        reader.line(line, number);
    }
    reader.close();
    let Reader { entries, problems, .. } = reader;
    Front { entries, problems, rest: "", rest_line: 1 }
}

fn after_blank_line_end(text: &str) -> Option<&str> {
    let (line, rest) = text.split_once('\n')?;
    line.trim().is_empty().then_some(rest)
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    open: Open,
}

/// What the lines below a key belong to.
#[derive(Default)]
enum Open {
    /// Nothing: an indented line is a mistake.
    #[default]
    Nothing,
    /// A key without a value on its line.
    List { key: String, line: u32, items: Vec<(String, u32)> },
    /// A text of several lines.
    Text { key: String, line: u32, breaks: Breaks, lines: Vec<String> },
    /// Something that was complained about already.
    Skipped,
}

/// What the ends of lines in a text of several lines mean.
#[derive(Clone, Copy)]
enum Breaks {
    /// `|`: they stay.
    Kept,
    /// `>`: they only wrap, but for empty lines.
    Folded,
}

impl Reader {
    fn line(&mut self, line: &str, number: u32) {
        let text = line.trim();
        if let Open::Text { lines, .. } = &mut self.open
            && (text.is_empty() || line.starts_with(char::is_whitespace))
        {
            lines.push(text.to_owned());
            return;
        }
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
        if let Some(item) = text.strip_prefix("- ").or((text == "-").then_some("")) {
            self.item(item, number, column + 2);
        } else if column > 1 {
            self.nested(number, column);
        } else if let Some((key, value)) = split_key(line) {
            self.close();
            // The value ends where the line does, but for white space.
            let at = line.trim_end().len() - value.len();
            self.entry(key, value, number, line[..at].chars().count() + 1);
        } else {
            self.close();
            self.open = Open::Skipped;
            self.problem("", number, column, "neither a key nor a list item", Weight::Heavy);
        }
    }

    fn entry(&mut self, key: &str, value: &str, line: u32, column: usize) {
        let key = key.to_owned();
        let value = without_comment(value);
        if value.is_empty() {
            self.open = Open::List { key, line, items: Vec::new() };
            return;
        }
        if let Some(breaks) = text_of_lines(value) {
            self.open = Open::Text { key, line, breaks, lines: Vec::new() };
            return;
        }
        let read = if value.starts_with('[') {
            inline_list(value).map(|items| Value::List(items.into_iter().map(|item| (item, line)).collect()))
        } else {
            scalar(value).map(Value::Scalar)
        };
        match read {
            Ok(value) => self.entries.push(Entry { key, line, value }),
            Err((why, weight)) => {
                self.open = Open::Skipped;
                self.problem(&key, line, column, why, weight);
            }
        }
    }

    fn item(&mut self, text: &str, number: u32, column: usize) {
        match (&mut self.open, scalar(without_comment(text))) {
            (Open::List { items, .. }, Ok(item)) => items.push((item, number)),
            (Open::List { key, .. }, Err((why, weight))) => {
                let key = key.clone();
                self.problem(&key, number, column, why, weight);
            }
            (Open::Skipped, _) => {}
            (Open::Nothing | Open::Text { .. }, _) => {
                self.problem("", number, column, "a list item that belongs to no key", Weight::Light);
            }
        }
    }

    fn nested(&mut self, number: u32, column: usize) {
        match std::mem::replace(&mut self.open, Open::Skipped) {
            Open::List { key, items, .. } if items.is_empty() => {
                self.problem(&key, number, column, "keys below keys are not read", Weight::Light);
            }
            Open::List { key, line, items } => {
                self.problem(&key, number, column, "only plain list items are read", Weight::Light);
                self.entries.push(Entry { key, line, value: Value::List(items) });
            }
            Open::Nothing | Open::Text { .. } => {
                self.problem("", number, column, "an indented line that belongs to no key", Weight::Light);
            }
            Open::Skipped => {}
        }
    }

    /// Ends what was open. A key without value is an empty one; with items below it is a list.
    fn close(&mut self) {
        let (key, line, value) = match std::mem::take(&mut self.open) {
            Open::List { key, line, items } => (key, line, Value::List(items)),
            Open::Text { key, line, breaks, lines } => (key, line, Value::Scalar(joined(&lines, breaks))),
            Open::Nothing | Open::Skipped => return,
        };
        self.entries.push(Entry { key, line, value });
    }

    fn problem(&mut self, key: &str, line: u32, column: usize, why: &str, weight: Weight) {
        let message = format!("{why} (line {line}, column {column})");
        self.problems.push(Problem { key: key.to_owned(), line, message, weight });
    }
}

/// How the lines below a key are read when its value only announces them: `>-`, `|`.
fn text_of_lines(value: &str) -> Option<Breaks> {
    let (breaks, rest) = match value.split_at_checked(1)? {
        ("|", rest) => (Breaks::Kept, rest),
        (">", rest) => (Breaks::Folded, rest),
        _ => return None,
    };
    rest.chars().all(|c| matches!(c, '+' | '-' | '1'..='9')).then_some(breaks)
}

fn joined(lines: &[String], breaks: Breaks) -> String {
    let text = match breaks {
        Breaks::Kept => lines.join("\n"),
        Breaks::Folded => {
            let paragraphs = lines.split(String::is_empty).map(|lines| lines.join(" "));
            paragraphs.collect::<Vec<_>>().join("\n")
        }
    };
    text.trim().to_owned()
}

/// `key: value` at the front of a line.
fn split_key(line: &str) -> Option<(&str, &str)> {
    let colon = line
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| line[at + 1..].chars().next().is_none_or(char::is_whitespace))?;
    let key = line[..colon].trim_end().trim_matches(['"', '\'']);
    let is_key =
        !key.is_empty() && !key.starts_with(['#', '-', '[', '{', '&', '*', '!', '?', '|', '>', ' ', '\t']);
    is_key.then(|| (key, line[colon + 1..].trim()))
}

/// A value without the comment after it; a `#` in quotes or inside a word is none.
fn without_comment(value: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in value.char_indices() {
        match quote {
            // An escaped character closes nothing and escapes nothing.
            Some('"') if before == '\\' => {
                before = ' ';
                continue;
            }
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') && matches!(before, ' ' | '[' | ',') => quote = Some(letter),
            None if letter == '#' && before.is_whitespace() => return value[..at].trim(),
            Some(_) | None => {}
        }
        before = letter;
    }
    value.trim()
}

type Refused = (&'static str, Weight);

fn scalar(text: &str) -> Result<String, Refused> {
    match text.chars().next() {
        None => Ok(String::new()),
        Some('"') => double_quoted(text),
        Some('\'') => {
            let inner = text[1..]
                .strip_suffix('\'')
                .ok_or(("a quoted text that is not closed on its line", Weight::Light))?;
            Ok(inner.replace("''", "'"))
        }
        Some('&' | '*' | '!') => Err(("anchors, references and tags are not read", Weight::Heavy)),
        Some('|' | '>') => Err(("texts of several lines are not read", Weight::Light)),
        Some('[' | '{') => Err(("nested lists and maps are not read", Weight::Light)),
        Some('%' | '@' | '`') => Err(("no value can begin like this", Weight::Light)),
        Some(_) => Ok(text.to_owned()),
    }
}

fn double_quoted(text: &str) -> Result<String, Refused> {
    let mut out = String::new();
    let mut letters = text[1..].chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if letters.as_str().trim().is_empty() => return Ok(out),
            '"' => return Err(("text after a closing quote", Weight::Light)),
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(plain @ ('"' | '\\' | '/')) => out.push(plain),
                _ => return Err(("an escape that is not read", Weight::Light)),
            },
            _ => out.push(letter),
        }
    }
    Err(("a quoted text that is not closed on its line", Weight::Light))
}

fn inline_list(text: &str) -> Result<Vec<String>, Refused> {
    let inner =
        text[1..].strip_suffix(']').ok_or(("a list that is not closed on its line", Weight::Light))?;
    let mut items = Vec::new();
    let mut from = 0;
    let mut quote = None;
    for (at, letter) in inner.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') && inner[from..at].trim().is_empty() => quote = Some(letter),
            None if letter == ',' => {
                items.push(scalar(inner[from..at].trim())?);
                from = at + 1;
            }
            Some(_) | None => {}
        }
    }
    items.push(scalar(inner[from..].trim())?);
    items.retain(|item| !item.is_empty());
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(items: &[(&str, u32)]) -> Value {
        Value::List(items.iter().map(|(item, line)| ((*item).to_owned(), *line)).collect())
    }

    fn entry(key: &str, line: u32, value: Value) -> Entry {
        Entry { key: key.to_owned(), line, value }
    }

    fn problems(text: &str) -> Vec<String> {
        split(text).problems.into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn the_part_that_task_files_use_is_read() {
        let text = "---\nid: T-1 # why\ntitle: \"A: \\\"b\\\" # c\\\\\" # d\nold: 'it''s'\nneeds: [T-2, \"T-3\"]\n\
                    blocks:\n  - T-4\n- 'T-5' # x\nempty:\nurl: http://x/#y\n---\n# Body\n";
        let front = split(text);
        assert_eq!(front.problems, []);
        assert_eq!(
            front.entries,
            [
                entry("id", 2, Value::Scalar("T-1".into())),
                entry("title", 3, Value::Scalar("A: \"b\" # c\\".into())),
                entry("old", 4, Value::Scalar("it's".into())),
                entry("needs", 5, list(&[("T-2", 5), ("T-3", 5)])),
                entry("blocks", 6, list(&[("T-4", 7), ("T-5", 8)])),
                entry("empty", 9, list(&[])),
                entry("url", 10, Value::Scalar("http://x/#y".into())),
            ]
        );
        assert_eq!((front.rest, front.rest_line), ("# Body\n", 12));
    }

    #[test]
    fn texts_of_several_lines_are_read() {
        let front =
            split("---\na: >-\n  one\n  two # no comment\n\n  three\nb: |\n  - x\n  y: z\nc: d\n---\n");
        assert_eq!(front.problems, []);
        assert_eq!(front.text("a"), Some(("one two # no comment\nthree", 2)));
        assert_eq!(front.text("b"), Some(("- x\ny: z", 7)));
        assert_eq!(front.text("c"), Some(("d", 10)));
    }

    #[test]
    fn a_file_of_keys_is_read() {
        let front = keys("# x\na: \"b\"\nc: [d, e]\n");
        assert_eq!((front.text("a"), front.list("c")), (Some(("b", 2)), vec![("d", 3), ("e", 3)]));
        assert_eq!((front.list("a"), front.text("c")), (vec![("b", 2)], None));
    }

    #[test]
    fn an_alias_bomb_is_refused_and_does_not_grow() {
        let text = "---\na: &a [x, x]\nb: [*a, *a]\nc: *b\n---\n";
        let front = split(text);
        assert_eq!(front.entries, []);
        assert_eq!(
            problems(text),
            [
                "anchors, references and tags are not read (line 2, column 4)",
                "anchors, references and tags are not read (line 3, column 4)",
                "anchors, references and tags are not read (line 4, column 4)",
            ]
        );
        assert!(front.problems.iter().all(|problem| problem.weight == Weight::Heavy));
    }

    #[test]
    fn what_is_not_understood_is_named_with_line_and_column() {
        assert_eq!(
            problems("---\na:\n  b: c\n  d: e\nf:\n  - |\n    text\n---\n"),
            [
                "keys below keys are not read (line 3, column 3)",
                "texts of several lines are not read (line 6, column 5)",
                "keys below keys are not read (line 7, column 5)"
            ]
        );
        assert_eq!(problems("---\nfree text\n---\n"), ["neither a key nor a list item (line 2, column 1)"]);
        assert_eq!(
            problems("---\na: [b\n---\n"),
            ["a list that is not closed on its line (line 2, column 4)"]
        );
        assert_eq!(
            problems("---\na: \"b\n---\n"),
            ["a quoted text that is not closed on its line (line 2, column 4)"]
        );
    }

    #[test]
    fn only_a_rule_at_the_top_is_no_front_matter() {
        assert_eq!(split("---\n\nText: more\n").rest_line, 1);
        assert_eq!(problems("---\n\nText\n"), Vec::<String>::new());
        assert_eq!(
            problems("---\nid: x\n"),
            ["the front matter that begins here is not closed by a line `---`"]
        );
        assert_eq!(split("----\nid: x\n---\n").entries, []);
    }
}
