//! Small questions about texts: natural order, the nearest known name, slugs, and what may be shown on a screen.
//!
//! Knows nothing of plans, branches or terminals.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// Compares as a person would: runs of digits by their number, so that `T-2` comes before `T-10`.
///
/// Only identical texts are equal; `T-1` and `T-01` differ by their spelling.
pub fn natural(left: &str, right: &str) -> Ordering {
    // Whoever looks a name up meets it in the end.
    if left == right {
        return Ordering::Equal;
    }
    let (mut a, mut b) = (left.as_bytes(), right.as_bytes());
    while !a.is_empty() && !b.is_empty() {
        let (run_a, rest_a) = a.split_at(run_length(a));
        let (run_b, rest_b) = b.split_at(run_length(b));
        match compare_runs(run_a, run_b) {
            Ordering::Equal => (a, b) = (rest_a, rest_b),
            decided => return decided,
        }
    }
    a.len().cmp(&b.len()).then_with(|| left.cmp(right))
}

/// The length of the run at the front: all digits, or all anything else.
fn run_length(text: &[u8]) -> usize {
    let digits = starts_with_digit(text);
    text.iter().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(text.len())
}

fn starts_with_digit(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
}

fn compare_runs(a: &[u8], b: &[u8]) -> Ordering {
    if starts_with_digit(a) && starts_with_digit(b) {
        let (a, b) = (without_zeros(a), without_zeros(b));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    } else {
        a.cmp(b)
    }
}

fn without_zeros(mut digits: &[u8]) -> &[u8] {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

/// Texts longer than this many bytes are never compared for nearness: the work grows with the square.
const NEARNESS_LIMIT: usize = 64;

/// The candidate that `wanted` was probably meant to be: same but for case, or few letters away. The first of equals.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wanted.len() > NEARNESS_LIMIT {
        return None;
    }
    let wanted = wanted.to_lowercase();
    let bound = (wanted.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| {
            candidate.len().abs_diff(wanted.len()) <= bound && candidate.len() <= NEARNESS_LIMIT
        })
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(steps, _)| *steps <= bound)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed or replaced to turn one text into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Lower-case ASCII letters and digits joined by single dashes; accented Latin letters lose their accents, all else
/// is a dash. May be empty.
pub fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for letter in text.chars().filter(|c| !is_combining(*c)) {
        let Some(ascii) = ascii_of(letter) else {
            gap = true;
            continue;
        };
        if gap && !out.is_empty() {
            out.push('-');
        }
        gap = false;
        out.extend(ascii);
    }
    out
}

/// Lower case without accents, for comparing words written by people: `Módulo` and `modulo` are one word.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().filter(|c| !is_combining(*c)) {
        match ascii_of(letter) {
            Some(ascii) => out.extend(ascii),
            None => out.extend(letter.to_lowercase()),
        }
    }
    out
}

/// At most `limit` bytes of a slug, cut at a dash where there is one.
pub fn cut_slug(slug: &str, limit: usize) -> &str {
    if slug.len() <= limit {
        return slug;
    }
    match slug[..=limit].rfind('-') {
        Some(dash) => &slug[..dash],
        None => &slug[..limit],
    }
}

fn is_combining(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// The lower-case ASCII letters or digits that stand for a letter.
fn ascii_of(letter: char) -> Option<impl Iterator<Item = char>> {
    let plain = letter.is_ascii_alphanumeric().then(|| letter.to_ascii_lowercase());
    let spelled = if plain.is_some() { "" } else { unaccented(letter.to_lowercase().next()?) };
    (plain.is_some() || !spelled.is_empty()).then(|| plain.into_iter().chain(spelled.chars()))
}

/// The ASCII spelling of a lower-case Latin letter with an accent or ligature; empty for every other character.
fn unaccented(lower: char) -> &'static str {
    match lower {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ª' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ǐ' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'ǒ' | 'º' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ǔ' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

/// Whether a character is invisible or rearranges what stands around it: zero-width, bidirectional, soft hyphen, tags.
pub fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// A foreign text made fit for a screen: control and hidden characters appear as escapes and do nothing.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() || is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if letter.is_control() || is_hidden(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// JSON of the same meaning in which no control or hidden character stands as itself. JSON's own escapes leave the
/// C1 controls and everything hidden as they are, and a terminal may obey those.
pub fn shown_json(json: &str) -> Cow<'_, str> {
    let acts = |c: char| c != '\n' && (c.is_control() || is_hidden(c));
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if acts(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _written = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_shown_without_what_acts_and_means_the_same() {
        let json = "{\n\"a\":\"x\u{9b}2J\u{202e}\u{e0001}\u{7f}ñ\"}";
        let safe = shown_json(json);
        assert_eq!(safe, "{\n\"a\":\"x\\u009b2J\\u202e\\udb40\\udc01\\u007fñ\"}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&safe), read(json));
        assert!(matches!(shown_json("{}"), Cow::Borrowed("{}")));
    }

    #[test]
    fn natural_order_reads_numbers() {
        let mut ids = ["T-10", "T-2", "T-1", "AUTH-7", "T-1.10", "T-1.9", "T-01", "t-1", "T"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["AUTH-7", "T", "T-01", "T-1", "T-1.9", "T-1.10", "T-2", "T-10", "t-1"]);
        assert_eq!(natural("T-99999999999999999999", "T-100000000000000000000"), Ordering::Less);
        assert_eq!(natural("T-1", "T-01").reverse(), natural("T-01", "T-1"));
    }

    #[test]
    fn the_nearest_name_is_few_letters_away() {
        let known = ["T-001", "T-010", "T-100"];
        assert_eq!(nearest("t-001", known), Some("T-001"));
        assert_eq!(nearest("T-0100", known), Some("T-010"));
        assert_eq!(nearest("release", known), None);
        assert_eq!(nearest("prority", ["priority", "module"]), Some("priority"));
    }

    #[test]
    fn slugs_are_plain() {
        assert_eq!(slug("  OpenAPI 3.1 — Export!"), "openapi-3-1-export");
        assert_eq!(slug("Añadir página de Straße"), "anadir-pagina-de-strasse");
        assert_eq!(slug("e\u{301}te\u{301}"), "ete");
        assert_eq!(slug("数据库"), "");
        assert_eq!(cut_slug("one-two-three", 9), "one-two");
        assert_eq!(cut_slug("one-two-three", 7), "one-two");
        assert_eq!(cut_slug("onetwothree", 6), "onetwo");
        assert_eq!(cut_slug("one", 6), "one");
    }

    #[test]
    fn folding_keeps_what_it_does_not_know() {
        assert_eq!(folded("Estimación 数"), "estimacion 数");
    }

    #[test]
    fn nothing_foreign_moves_the_cursor() {
        assert_eq!(shown("plain ñ"), "plain ñ");
        assert_eq!(shown("\u{1b}[2J\u{202e}x\n"), "\\u{1b}[2J\\u{202e}x\\n");
    }
}
