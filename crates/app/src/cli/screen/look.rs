//! How lines look: width, colour, letters, the frame around them. Knows nothing of what they say.

use ppe_core::text::shown;
use unicode_width::UnicodeWidthChar;

/// Below this width a frame costs more than it gives.
const FRAMED_FROM: usize = 40;

/// How a screen looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Rows, where they are limited.
    pub height: Option<usize>,
    /// Whether colours are used.
    pub colour: Colour,
    /// Which letters are used.
    pub letters: Letters,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 80, height: None, colour: Colour::Off, letters: Letters::Unicode }
    }
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// They are, as ANSI sequences.
    On,
    /// They are not.
    Off,
}

/// Which letters are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// All.
    Unicode,
    /// ASCII alone, for terminals that show nothing else.
    Ascii,
}

/// What a line is about, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Title,
    Good,
    Busy,
    Dim,
    Bad,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Title => "1",
            Self::Good => "32",
            Self::Busy => "36",
            Self::Dim => "2",
            Self::Bad => "33",
        }
    }
}

/// A row of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// Text from the left.
    Text(Tone, String),
    /// Text in the middle.
    Centred(String),
    /// A line across.
    Rule,
}

impl Row {
    /// A line of text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Tone::Plain, text.into())
    }

    /// A line of text in a tone.
    pub(super) fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self::Text(tone, text.into())
    }

    /// An empty line.
    pub(super) fn gap() -> Self {
        Self::text("")
    }
}

impl Look {
    /// Whether there is room for a frame.
    pub(super) fn is_framed(&self) -> bool {
        self.width >= FRAMED_FROM
    }

    /// Columns for text within the frame.
    pub(super) fn text_width(&self) -> usize {
        if self.is_framed() { self.width - 4 } else { self.width }
    }

    /// The rows with a frame around them, where there is room for one.
    pub(super) fn frame(&self, rows: &[Row]) -> Vec<String> {
        if !self.is_framed() {
            return rows.iter().map(|row| self.bare(row)).collect();
        }
        let across = |left: &str, right: &str| {
            clean(&format!("{left}{}{right}", "═".repeat(self.width - 2)), self.letters)
        };
        let mut lines = vec![across("╔", "╗")];
        lines.extend(rows.iter().map(|row| match row {
            Row::Rule => across("╠", "╣"),
            Row::Text(tone, text) => self.boxed(*tone, self.fit(text)),
            Row::Centred(text) => self.boxed(Tone::Title, self.centred(text)),
        }));
        lines.push(across("╚", "╝"));
        lines
    }

    /// A line outside of the frame.
    pub(super) fn line(&self, tone: Tone, text: &str) -> String {
        self.coloured(tone, cut(&clean(text, self.letters), self.width))
    }

    /// A long text as rows that fit, the later ones indented; nothing of it is left out.
    pub(super) fn wrapped(&self, tone: Tone, text: &str) -> Vec<Row> {
        let lines = wrap(&clean(text, self.letters), self.text_width());
        lines.into_iter().map(|line| Row::Text(tone, line)).collect()
    }

    /// A long text as lines outside of the frame; nothing of it is left out.
    pub(super) fn lines(&self, tone: Tone, text: &str) -> Vec<String> {
        let lines = wrap(&clean(text, self.letters), self.width);
        lines.into_iter().map(|line| self.coloured(tone, line)).collect()
    }

    fn bare(&self, row: &Row) -> String {
        match row {
            Row::Rule => "-".repeat(self.width),
            Row::Text(tone, text) => self.line(*tone, text),
            Row::Centred(text) => self.line(Tone::Title, text),
        }
    }

    fn boxed(&self, tone: Tone, text: String) -> String {
        let side = clean("║", self.letters);
        format!("{side} {} {side}", self.coloured(tone, text))
    }

    fn fit(&self, text: &str) -> String {
        let text = cut(&clean(text, self.letters), self.text_width());
        let room = self.text_width() - width(&text);
        text + &" ".repeat(room)
    }

    fn centred(&self, text: &str) -> String {
        let text = cut(&clean(text, self.letters), self.text_width());
        let room = self.text_width() - width(&text);
        format!("{}{text}{}", " ".repeat(room / 2), " ".repeat(room - room / 2))
    }

    fn coloured(&self, tone: Tone, text: String) -> String {
        match (self.colour, tone.code()) {
            (Colour::Off, _) | (Colour::On, "") => text,
            (Colour::On, code) => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// A text made harmless: control and hidden characters appear as escapes; in ASCII, all others have a spelling.
pub fn clean(text: &str, letters: Letters) -> String {
    let text = shown(text);
    match letters {
        Letters::Unicode => text.into_owned(),
        Letters::Ascii if text.is_ascii() => text.into_owned(),
        Letters::Ascii => text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
            match letter {
                '\0'..='\x7f' => out.push(letter),
                _ => out.push_str(spelled(letter)),
            }
            out
        }),
    }
}

/// The ASCII spelling of a sign.
fn spelled(sign: char) -> &'static str {
    match sign {
        '═' => "=",
        '║' => "|",
        '╔' | '╗' | '╚' | '╝' | '╠' | '╣' => "+",
        '█' => "#",
        '░' => ".",
        '…' => "...",
        '→' => "->",
        '–' | '—' => "-",
        '✅' => "[ok]",
        '🔄' => "[>]",
        '⏰' => "(!)",
        '⏳' => "[..]",
        '🔜' => "[next]",
        '🔍' => "[review]",
        '🔁' => "[again]",
        '💤' => "[parked]",
        '🚧' | '❌' | '⚠' => "[!]",
        '❓' => "[?]",
        '✋' => "[paused]",
        '🚫' => "[x]",
        '📊' | '🎯' | '🚀' | '📦' | '🎉' | '⚡' | '🔧' | '👤' => "*",
        _ => "?",
    }
}

/// The columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(letter: char) -> usize {
    letter.width().unwrap_or(0)
}

/// At most `room` columns of a text; what is left out is marked with dots where there is room for them.
pub(super) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let dots = if room > 3 { "..." } else { "" };
    let mut left = room - dots.len();
    let kept = text.chars().take_while(|letter| match left.checked_sub(columns(*letter)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    let kept: String = kept.collect();
    kept + dots
}

/// A text on as many lines of `room` columns as it takes, broken at spaces; lines after the first are indented.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    const INDENT: &str = "     ";
    let start = if room > 2 * INDENT.len() { INDENT } else { "" };
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && width(&line) + 1 + width(word) > room {
            lines.push(std::mem::replace(&mut line, start.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        is_empty = false;
        for letter in word.chars() {
            if width(&line) + columns(letter) > room && width(&line) > start.len() {
                lines.push(std::mem::replace(&mut line, start.to_owned()));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| cut(&line, room)).collect()
}

/// A bar of `cells` cells, filled by whole per cents; full only at 100.
pub(super) fn bar(percent: u32, cells: usize) -> String {
    let filled = percent.min(100) as usize * cells / 100;
    format!("{}{}", "█".repeat(filled), "░".repeat(cells - filled))
}

/// Items separated by commas, on at most `lines` lines of `room` columns; what does not fit is marked with dots.
pub(super) fn listed<'a>(items: impl IntoIterator<Item = &'a str>, room: usize, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        let is_last_line = out.len() == lines;
        let more = items.peek().is_some();
        let Some(line) = out.last_mut() else { break };
        let gap = usize::from(!line.is_empty());
        // Room for the comma, and on the last line for the dots.
        let reserve = usize::from(more) + if is_last_line && more { 4 } else { 0 };
        if width(line) + gap + width(item) + reserve <= room || line.is_empty() {
            line.push_str(if gap == 1 { " " } else { "" });
            line.push_str(item);
        } else if is_last_line {
            line.push_str(" ...");
            break;
        } else {
            out.push(item.to_owned());
        }
        if let (true, Some(line)) = (more, out.last_mut()) {
            line.push(',');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_fits_and_says_so() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abc...");
        assert_eq!(cut("✅✅✅✅", 6), "✅...");
        assert_eq!(cut("abc", 2), "ab");
        assert_eq!(cut("✅", 1), "");
        for room in 0..12 {
            assert!(width(&cut("数据 ✅ one two three", room)) <= room);
        }
    }

    #[test]
    fn a_wrapped_text_loses_nothing() {
        assert_eq!(wrap("one two three four", 11), ["one two", "     three", "     four"]);
        assert_eq!(wrap("  indented", 20), ["  indented"]);
        assert_eq!(wrap("abcdefghijklmno", 11), ["abcdefghijk", "     lmno"]);
        assert_eq!(wrap("abc", 1), ["a", "b", "c"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn a_bar_is_full_only_when_complete() {
        assert_eq!(bar(99, 10), "█████████░");
        assert_eq!(bar(100, 10), "██████████");
        assert_eq!(bar(0, 4), "░░░░");
    }

    #[test]
    fn lists_wrap_at_commas_and_end_with_dots() {
        let ids = ["T-001", "T-002", "T-003", "T-004", "T-005"];
        assert_eq!(listed(ids, 40, 1), ["T-001, T-002, T-003, T-004, T-005"]);
        assert_eq!(listed(ids, 20, 1), ["T-001, T-002, ..."]);
        assert_eq!(listed(ids, 18, 2), ["T-001, T-002,", "T-003, T-004, ..."]);
        assert_eq!(listed(ids, 20, 2), ["T-001, T-002, T-003,", "T-004, T-005"]);
        assert_eq!(listed([], 20, 3), [""]);
    }

    #[test]
    fn ascii_letters_have_a_spelling_for_every_sign_of_ours() {
        let look = Look { width: 44, letters: Letters::Ascii, ..Look::default() };
        let lines = look.frame(&[Row::text("✅ Añade 数据 ░█"), Row::Rule]);
        assert!(lines.iter().all(|line| line.is_ascii() && line.len() == 44), "{lines:?}");
        assert!(lines[1].starts_with("| [ok] A?ade ?? .#"));
    }

    #[test]
    fn frames_are_straight_whatever_is_in_them() {
        let look = Look { width: 50, ..Look::default() };
        let rows = [Row::text("数据 ✅ e\u{301}"), Row::Centred("🎉 x 🎉".into()), Row::text("a".repeat(99))];
        assert!(look.frame(&rows).iter().all(|line| width(line) == 50));
    }
}
