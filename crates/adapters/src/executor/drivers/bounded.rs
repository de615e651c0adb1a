//! Texts of agents as one line of bounded length: what is shown of a phase, a title, a reason.

/// A phase's name is kept up to here.
pub(super) const NAME_BYTES: usize = 120;
/// What a tool is to do is kept up to here.
pub(super) const ABOUT_BYTES: usize = 300;
/// An agent's words are kept up to here.
pub(super) const WORDS_BYTES: usize = 2_000;
/// A title on a command line or in a variable is kept up to here.
pub(super) const TITLE_BYTES: usize = 512;
/// A reason is kept up to here.
pub(super) const WHY_BYTES: usize = 500;

/// A text as one line of at most so many bytes: every run of white space and control characters is one space.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if out.len() > limit {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word[..word.ceil_char_boundary(limit + 1)]);
    }
    if out.len() > limit {
        out.truncate(out.floor_char_boundary(limit.saturating_sub('…'.len_utf8())));
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_becomes_one_bounded_line() {
        assert_eq!(one_line("  two\n\nlines\u{1b}[2J\0 ", 100), "two lines [2J");
        assert_eq!(one_line("", 10), "");
        assert_eq!(one_line("0123456789", 10), "0123456789");
        assert_eq!(one_line("0123456789a", 10), "0123456…");
        let long = one_line(&"é".repeat(5_000_000), 10);
        assert!(long.len() <= 10 && long.ends_with('…'), "{long}");
        let words = one_line(&"ab ".repeat(5_000_000), 10);
        assert!(words.len() <= 10 && words.ends_with('…'), "{words}");
    }
}
