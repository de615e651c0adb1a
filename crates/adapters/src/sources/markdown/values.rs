//! The values of a task file: estimates, numbers, lists of ids and of files.
//!
//! Knows nothing of keys and places.

use super::words::{joins, says_none};
use ppe_core::plan::Duration;
use ppe_core::text::folded;

/// A text without the marks for bold and code around all of it.
pub(super) fn plain(text: &str) -> &str {
    let mut text = text.trim();
    for mark in ["**", "__", "`", "*", "\"", "**"] {
        if text.len() > 2 * mark.len()
            && let Some(inner) = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
        {
            text = inner.trim();
        }
    }
    text
}

/// The subject of a planned commit: what stands in code marks, else in bold, else the line.
pub(super) fn subject(text: &str) -> &str {
    let text = text.trim();
    for mark in ["`", "**"] {
        if let Some((inner, _)) = text.strip_prefix(mark).and_then(|rest| rest.split_once(mark)) {
            return plain(inner);
        }
    }
    text
}

/// Seconds of working time in `2.5 weeks`, `2-3 semanas`, `3 días`, `1h 30m`; a range is its middle.
pub(super) fn estimate(text: &str) -> Option<u64> {
    let text = folded(&without_parentheses(text));
    let mut rest = text.trim();
    let mut total = 0_u64;
    let mut any = false;
    while !rest.is_empty() {
        rest = skip_words(
            rest,
            &["and", "y", "about", "approx", "aprox", "around", "ca", "circa", "unas", "unos"],
        );
        let (low, after) = decimal(rest)?;
        rest = after.trim_start();
        let mut middle = low;
        if let Some(after_dash) = range_mark(rest) {
            let (high, after) = decimal(after_dash.trim_start())?;
            middle = low.midpoint(high);
            rest = after.trim_start();
        }
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        total = total.saturating_add(middle.saturating_mul(unit_s(&rest[..letters])?) / 1000);
        rest =
            rest[letters..].trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | '+'));
        any = true;
    }
    any.then_some(total)
}

fn skip_words<'a>(text: &'a str, words: &[&str]) -> &'a str {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '~' | '≈' | '.'));
    match text.split_once(|c: char| c.is_whitespace() || c == '.') {
        Some((word, rest)) if words.contains(&word) => skip_words(rest, words),
        _ => text,
    }
}

fn range_mark(text: &str) -> Option<&str> {
    ["-", "–", "—", "to ", "a ", "o "].iter().find_map(|mark| text.strip_prefix(mark))
}

/// A number in thousandths, and what follows it.
fn decimal(text: &str) -> Option<(u64, &str)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let whole_end = digits(text);
    let whole: u64 = text[..whole_end].parse().ok()?;
    let mut rest = &text[whole_end..];
    let mut thousandths = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ','])
        && let end @ 1.. = digits(fraction)
    {
        let padded = format!("{:0<3}", &fraction[..end]);
        thousandths = padded[..3].parse().ok()?;
        rest = &fraction[end..];
    }
    Some((whole.checked_mul(1000)?.checked_add(thousandths)?, rest))
}

fn unit_s(word: &str) -> Option<u64> {
    Some(match word {
        "mo" | "month" | "months" | "mes" | "meses" => 4 * Duration::WEEK,
        "w" | "wk" | "wks" | "week" | "weeks" | "sem" | "semana" | "semanas" => Duration::WEEK,
        "d" | "day" | "days" | "dia" | "dias" => Duration::DAY,
        "h" | "hr" | "hrs" | "hour" | "hours" | "hora" | "horas" => Duration::HOUR,
        "m" | "min" | "mins" | "minute" | "minutes" | "minuto" | "minutos" => 60,
        _ => return None,
    })
}

/// The number in `20`, `~20 commits`, `80%`, `Wave 2`.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = folded(&without_parentheses(plain(text)));
    let text = text
        .trim_start_matches(|c: char| c.is_alphabetic() || c.is_whitespace() || matches!(c, '~' | '≈' | '≥'));
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let is_whole = matches!(text[end..].trim(), "" | "%" | "commit" | "commits" | ".");
    is_whole.then(|| text[..end].parse().ok())?
}

/// Whether a text names a quarter: `Q1`, `Q3-2026`, `q2 2027`.
pub(super) fn is_quarter(text: &str) -> bool {
    let mut letters = text.trim().chars();
    let named = matches!(letters.next(), Some('Q' | 'q')) && matches!(letters.next(), Some('1'..='4'));
    let year = letters.as_str().trim_start_matches(['-', '_', ' ', '/']);
    named && (year.is_empty() || (year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())))
}

/// Ids read from a text written by a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids<'a> {
    /// The ids, in order.
    pub(super) ids: Vec<&'a str>,
    /// Words that look like ids and stand where no id was expected.
    pub(super) doubtful: Vec<&'a str>,
    /// Whether a part of the text held no id at all.
    pub(super) has_prose: bool,
}

/// Reads `T-1, T-2`, `T-1 and T-2 (why)`, `[T-1](file.md) – why`, `None`.
pub(super) fn ids(text: &str) -> Ids<'_> {
    let mut found = Ids::default();
    if says_none(text) {
        return found;
    }
    let (list, remark) = split_remark(text);
    found.doubtful.extend(
        remark
            .split(|c: char| c.is_whitespace() || c == ',')
            .take(1)
            .map(bare)
            .filter(|word| looks_like_id(word)),
    );
    for piece in outside_parentheses(list).flat_map(|part| part.split([',', ';'])) {
        read_piece(piece, &mut found);
    }
    found
}

fn read_piece<'a>(piece: &'a str, found: &mut Ids<'a>) {
    let words: Vec<&str> = piece.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    let mut in_list = true;
    let mut any = false;
    for word in &words {
        if looks_like_id(word) || (words.len() == 1 && !says_none(word)) {
            if in_list {
                found.ids.push(word);
                any = true;
            } else {
                found.doubtful.push(word);
            }
        } else if !joins(word) {
            in_list = false;
        }
    }
    found.has_prose |= !any && words.iter().any(|word| !says_none(word));
}

/// What comes before ` - `, ` – `, ` — ` or `: `, and the remark after it.
fn split_remark(text: &str) -> (&str, &str) {
    let marks = [" - ", " – ", " — ", ": "];
    let cut = marks.iter().filter_map(|mark| text.find(mark).map(|at| (at, mark.len()))).min();
    match cut {
        Some((at, length)) if at > 0 => (&text[..at], text[at + length..].trim_start()),
        _ => (text, ""),
    }
}

/// A word without the marks around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| matches!(c, '*' | '`' | '[' | ']' | '"' | '\'' | ':' | '.' | '_' | '#'))
}

/// Whether a word in prose is likely to be a task's id: begins with a letter, holds a digit and nothing odd.
pub(super) fn looks_like_id(word: &str) -> bool {
    word.starts_with(char::is_alphabetic)
        && word.contains(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Whether a sentence tells of a dependency: it begins so, or names what may be an id after the words.
pub(super) fn tells_dependency(text: &str) -> bool {
    let text = folded(text);
    ["depends on ", "depende de ", "blocked by ", "bloqueada por ", "bloqueado por "].iter().any(|words| {
        let Some(at) = text.find(words) else { return false };
        let next = text[at + words.len()..].split_whitespace().next().unwrap_or_default();
        let named = next.trim_matches(|c: char| !c.is_alphanumeric() && c != '-');
        at == 0 || (looks_like_id(named) && named.contains('-'))
    })
}

/// The files in `` `a`, `b` `` or `a.rs, b.rs (new)`.
pub(super) fn files(text: &str) -> Vec<&str> {
    let is_path =
        |piece: &&str| !piece.is_empty() && !piece.contains(char::is_whitespace) && !says_none(piece);
    if text.contains('`') {
        return text.split('`').skip(1).step_by(2).map(str::trim).filter(is_path).collect();
    }
    let first_word = |piece: &'_ str| -> usize { piece.find(char::is_whitespace).unwrap_or(piece.len()) };
    outside_parentheses(split_remark(text).0)
        .flat_map(|part| part.split([',', ';']))
        .map(str::trim)
        .map(|piece| if piece.contains(['/', '.']) { &piece[..first_word(piece)] } else { piece })
        .map(|piece| plain(piece).trim_end_matches('.'))
        .filter(is_path)
        .collect()
}

fn outside_parentheses(text: &str) -> impl Iterator<Item = &str> {
    text.split('(')
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once(')').map_or("", |(_, rest)| rest) })
}

fn without_parentheses(text: &str) -> String {
    outside_parentheses(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_read_in_both_languages() {
        let half_weeks = |text| estimate(text).map(|s| s * 2 / Duration::WEEK);
        assert_eq!(half_weeks("2.5 weeks"), Some(5));
        assert_eq!(half_weeks("2-3 semanas"), Some(5));
        assert_eq!(half_weeks("2 – 3 weeks"), Some(5));
        assert_eq!(half_weeks("de 2"), None);
        assert_eq!(half_weeks("2 a 3 semanas"), Some(5));
        assert_eq!(half_weeks("~2,5 semanas (100 h)"), Some(5));
        assert_eq!(half_weeks("aprox. 1 semana"), Some(2));
        assert_eq!(estimate("3 días"), Some(3 * Duration::DAY));
        assert_eq!(estimate("6h"), Some(6 * Duration::HOUR));
        assert_eq!(estimate("1h 30m"), Some(90 * 60));
        assert_eq!(estimate("1 week, 2 days"), Some(7 * Duration::DAY));
        assert_eq!(estimate("1 mes"), Some(4 * Duration::WEEK));
        for bad in ["", "soon", "3", "5 points", "-2 weeks", "2 weeks or so", "99999999999999999999 d"] {
            assert_eq!(estimate(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(number("20"), Some(20));
        assert_eq!(number("~20 commits"), Some(20));
        assert_eq!(number("80%"), Some(80));
        assert_eq!(number("Ola 2"), Some(2));
        for bad in ["", "two", "20-25", "1,208", "-1", "4294967296"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_are_read_as_people_write_them() {
        let read = |text| ids(text).ids;
        assert_eq!(read("T-001, T-002"), ["T-001", "T-002"]);
        assert_eq!(read("T-001 and T-002, AUTH-7"), ["T-001", "T-002", "AUTH-7"]);
        assert_eq!(read("[T-009](../Q2/T-009-x.md) – why HTTP-2 matters"), ["T-009"]);
        assert_eq!(read("**T-002** (contract, T-7)"), ["T-002"]);
        assert_eq!(read("`auth-login`"), ["auth-login"]);
        assert_eq!(read("Tarea T-3 y T-4"), ["T-3", "T-4"]);
        assert_eq!(read("12"), ["12"]);
        assert_eq!(ids("None"), Ids::default());
        assert_eq!(ids("Ninguna."), Ids::default());
    }

    #[test]
    fn what_may_be_an_id_is_never_dropped_in_silence() {
        assert_eq!(ids("T-001 - T-006").doubtful, ["T-006"]);
        assert_eq!(ids("T-001 through T-006").doubtful, ["T-006"]);
        assert!(ids("Spring Boot 3").has_prose);
        assert!(!ids("T-001 once it has landed").has_prose);
    }

    #[test]
    fn files_are_read_with_and_without_marks() {
        assert_eq!(files("`a/b.rs`, `c.rs` (new)"), ["a/b.rs", "c.rs"]);
        assert_eq!(files("src/a.rs (new), src/b.rs; Makefile"), ["src/a.rs", "src/b.rs", "Makefile"]);
        assert_eq!(files("src/a.rs - the entry, the rest"), ["src/a.rs"]);
        assert_eq!(files("None"), Vec::<&str>::new());
    }

    #[test]
    fn quarters_are_known() {
        assert!(["Q1", "Q3-2026", "q2 2027"].iter().all(|text| is_quarter(text)));
        assert!(!["Q5", "Q1-26", "Quarter", "Q"].iter().any(|text| is_quarter(text)));
    }
}
