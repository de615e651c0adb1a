//! Markdown as lines: what is prose, and the shape of each line.
//!
//! Knows headings, lists, fences and comments, and nothing of what they say.

/// A line outside of code fences and comments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// From 1, within the file.
    pub(super) number: u32,
    /// Where it begins, in bytes of the text it was taken from.
    pub(super) offset: usize,
    /// Without its end.
    pub(super) text: &'a str,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// Nothing.
    Blank,
    /// `## text`, level 1 to 6.
    Heading { level: usize, text: &'a str },
    /// `- text`, or `1. text` when numbered; the indent is in columns.
    Item { indent: usize, marker: Marker, text: &'a str },
    /// Anything else.
    Text { text: &'a str },
}

/// What begins a list item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// `-`, `*` or `+`.
    Bullet,
    /// `1.` or `1)`.
    Number,
}

enum Inside {
    Prose,
    Fence { mark: char, length: usize },
    Comment,
}

/// The lines of a text that are prose: not in a code fence, not in a comment. `first` is the number of its first line.
pub(super) fn prose(text: &str, first: u32) -> impl Iterator<Item = Line<'_>> {
    let mut inside = Inside::Prose;
    let mut offset = 0;
    text.split('\n').zip(first..).filter_map(move |(text, number)| {
        let line = Line { number, offset, text };
        offset += text.len() + 1;
        let trimmed = text.trim_start();
        match inside {
            Inside::Prose => {
                if let Some((mark, length)) = fence(text) {
                    inside = Inside::Fence { mark, length };
                    return None;
                }
                if trimmed.starts_with("<!--") {
                    if !trimmed.contains("-->") {
                        inside = Inside::Comment;
                    }
                    return None;
                }
                Some(line)
            }
            Inside::Fence { mark, length } => {
                if fence(text).is_some_and(|(m, l)| {
                    m == mark && l >= length && trimmed.trim_matches(mark).trim().is_empty()
                }) {
                    inside = Inside::Prose;
                }
                None
            }
            Inside::Comment => {
                if text.contains("-->") {
                    inside = Inside::Prose;
                }
                None
            }
        }
    })
}

/// The mark and its length when a line opens or closes a code fence.
fn fence(text: &str) -> Option<(char, usize)> {
    let trimmed = text.trim_start();
    let mark = trimmed.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = trimmed.len() - trimmed.trim_start_matches(mark).len();
    let is_inline = mark == '`' && trimmed[length..].contains('`');
    (length >= 3 && !is_inline).then_some((mark, length))
}

impl<'a> Line<'a> {
    /// What the line is. Quote marks at its front are passed by.
    pub(super) fn shape(&self) -> Shape<'a> {
        let unquoted =
            self.text.strip_prefix('>').map_or(self.text, |rest| rest.strip_prefix(' ').unwrap_or(rest));
        let text = unquoted.trim();
        if text.is_empty() {
            return Shape::Blank;
        }
        let indent = columns(unquoted);
        if indent < 4
            && let Some((level, text)) = heading(text)
        {
            return Shape::Heading { level, text };
        }
        match item(text) {
            Some((marker, text)) => Shape::Item { indent, marker, text },
            None => Shape::Text { text },
        }
    }
}

fn columns(text: &str) -> usize {
    text.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

fn heading(text: &str) -> Option<(usize, &str)> {
    let rest = text.trim_start_matches('#');
    let level = text.len() - rest.len();
    let is_heading = (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t']));
    let rest = rest.trim();
    let closed = rest.trim_end_matches('#');
    let text = if closed.is_empty() || closed.ends_with(' ') { closed.trim_end() } else { rest };
    is_heading.then_some((level, text))
}

fn item(text: &str) -> Option<(Marker, &str)> {
    if let Some(rest) = text.strip_prefix(['-', '*', '+']) {
        let rest = rest.strip_prefix([' ', '\t'])?;
        return Some((Marker::Bullet, without_box(rest.trim()).0));
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = if rest.len() == text.len() { return None } else { rest.strip_prefix(['.', ')'])? };
    let rest = rest.strip_prefix([' ', '\t'])?;
    Some((Marker::Number, without_box(rest.trim()).0))
}

/// Whether a tick box is ticked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    /// There is none, or it is empty.
    Empty,
    /// `[x]`.
    Ticked,
}

/// A text without the tick box at its front.
pub(super) fn without_box(text: &str) -> (&str, Tick) {
    match text.get(..4) {
        Some("[ ] ") => (text[4..].trim_start(), Tick::Empty),
        Some("[x] " | "[X] ") => (text[4..].trim_start(), Tick::Ticked),
        _ => (text, Tick::Empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape<'_> {
        Line { number: 1, offset: 0, text }.shape()
    }

    #[test]
    fn shapes_are_told_apart() {
        assert_eq!(shape("  "), Shape::Blank);
        assert_eq!(shape("## Plan de Commits ##"), Shape::Heading { level: 2, text: "Plan de Commits" });
        assert_eq!(shape("# C#"), Shape::Heading { level: 1, text: "C#" });
        assert_eq!(shape("#tag"), Shape::Text { text: "#tag" });
        assert_eq!(shape("   - a"), Shape::Item { indent: 3, marker: Marker::Bullet, text: "a" });
        assert_eq!(shape("10) [x] b"), Shape::Item { indent: 0, marker: Marker::Number, text: "b" });
        assert_eq!(shape("> **Fase:** x"), Shape::Text { text: "**Fase:** x" });
        assert_eq!(shape("2.5 weeks"), Shape::Text { text: "2.5 weeks" });
        assert_eq!(shape("**bold**"), Shape::Text { text: "**bold**" });
    }

    #[test]
    fn fences_and_comments_are_not_prose() {
        let text =
            "a\n```md\n# no\n~~~\n```\nb\n<!-- c\nd -->\n<!-- e -->\nf\n~~~~\n~~~\n# no\n~~~~\ng\n```x``` h";
        let lines: Vec<(u32, &str)> = prose(text, 1).map(|line| (line.number, line.text)).collect();
        assert_eq!(lines, [(1, "a"), (6, "b"), (10, "f"), (15, "g"), (16, "```x``` h")]);
        assert!(prose(text, 1).all(|line| text[line.offset..].starts_with(line.text)));
    }
}
