//! Small pieces of wording that more than one room needs: spans of time, lists, counts. Knows nothing of screens.

use crate::ids::{CommitId, TaskId};
use crate::usage::Usage;

/// A span as people say it: `2h`, `1h 30m`, `45s`, `9 weeks 4 days`. Wall time: a day has 24 hours, a week 7 days.
pub fn span(ms: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const WEEK: u64 = 7 * DAY;
    let s = ms / 1_000;
    let pair = |big: u64, big_name: &str, small: u64, small_name: &str| {
        if small == 0 { format!("{big}{big_name}") } else { format!("{big}{big_name} {small}{small_name}") }
    };
    match s {
        s if s < MINUTE => format!("{s}s"),
        s if s < HOUR => pair(s / MINUTE, "m", s % MINUTE, "s"),
        s if s < DAY => pair(s / HOUR, "h", s % HOUR / MINUTE, "m"),
        s if s < WEEK => pair(s / DAY, "d", s % DAY / HOUR, "h"),
        s => {
            let (weeks, days) = (s / WEEK, s % WEEK / DAY);
            let weeks = format!("{weeks} {}", if weeks == 1 { "week" } else { "weeks" });
            match days {
                0 => weeks,
                1 => format!("{weeks} 1 day"),
                n => format!("{weeks} {n} days"),
            }
        }
    }
}

/// A span in its greatest unit, to the nearest: `10 weeks` for nine weeks and four days. Below two of them, as [`span`].
pub fn about(ms: u64) -> String {
    const HOUR: u64 = 3_600_000;
    let whole = |unit: u64| (ms + unit / 2) / unit;
    match ms {
        _ if ms >= 14 * 24 * HOUR => format!("{} weeks", whole(7 * 24 * HOUR)),
        _ => span(ms),
    }
}

/// Ids joined as in a sentence's list: `T-001, T-002, T-003`.
pub fn list(ids: &[TaskId]) -> String {
    ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(", ")
}

/// Ids as in a sentence; of many only the first: `T-001, T-002, T-003 and 5 more`.
pub fn several(ids: &[TaskId]) -> String {
    const SHOWN: usize = 3;
    match ids.len().saturating_sub(SHOWN) {
        0 | 1 => list(ids),
        more => format!("{} and {more} more", list(&ids[..SHOWN])),
    }
}

/// The first ten characters of a commit id.
pub fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..10).unwrap_or(commit.as_str())
}

/// A number with thousands separated: `1,208`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of a thing: `1 task`, `1,208 commits`.
pub fn counted(n: impl TryInto<u64>, one: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        n => format!("{} {one}s", thousands(n)),
    }
}

/// Millionths of a US dollar as people write money: `$12.34`.
pub fn money(micro_usd: u64) -> String {
    let cents = (micro_usd + 5_000) / 10_000;
    format!("${}.{:02}", thousands(cents / 100), cents % 100)
}

/// A number of tokens: `950 tokens`, `12.3k tokens`, `1.2M tokens`.
pub fn tokens(n: u64) -> String {
    let tenths = |unit: u64| (n + unit / 20) / (unit / 10);
    match n {
        1 => "1 token".to_owned(),
        0..1_000 => format!("{n} tokens"),
        1_000..999_950 => format!("{}.{}k tokens", tenths(1_000) / 10, tenths(1_000) % 10),
        _ => format!("{}.{}M tokens", thousands(tenths(1_000_000) / 10), tenths(1_000_000) % 10),
    }
}

/// What was used, as people say it: `$12.34, 1.2M tokens`; none if nothing was.
pub fn usage(usage: &Usage) -> Option<String> {
    let count = tokens(usage.tokens());
    match usage.cost_micro_usd {
        _ if usage.is_zero() => None,
        Some(cost) => Some(format!("{}, {count}", money(cost))),
        None => Some(count),
    }
}

/// At most `max` bytes of the end of a text, cut at a character.
pub fn tail(text: &str, max: usize) -> &str {
    let mut from = text.len().saturating_sub(max);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// The first line of a text, at most `max` characters.
pub fn first_line(text: &str, max: usize) -> String {
    text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("").chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_ids_the_first_are_named() {
        let ids: Vec<TaskId> = (1..=5).map(|n| TaskId::new(format!("T-{n}"))).collect();
        assert_eq!(several(&ids[..1]), "T-1");
        assert_eq!(several(&ids[..4]), "T-1, T-2, T-3, T-4");
        assert_eq!(several(&ids), "T-1, T-2, T-3 and 2 more");
    }

    #[test]
    fn money_and_tokens_as_people_write_them() {
        assert_eq!(
            [0, 4_999, 5_000, 12_345_678, 1_234_000_000].map(money),
            ["$0.00", "$0.00", "$0.01", "$12.35", "$1,234.00"]
        );
        assert_eq!(
            [0, 1, 999, 1_000, 12_345, 999_949, 999_950, 1_234_567].map(tokens),
            [
                "0 tokens",
                "1 token",
                "999 tokens",
                "1.0k tokens",
                "12.3k tokens",
                "999.9k tokens",
                "1.0M tokens",
                "1.2M tokens"
            ]
        );
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let h = 3_600_000;
        assert_eq!(span(5 * h / 2), "2h 30m");
        assert_eq!(span(2 * h), "2h");
        assert_eq!(span(45_999), "45s");
        assert_eq!(span((9 * 7 + 4) * 24 * h), "9 weeks 4 days");
        assert_eq!(span(7 * 24 * h), "1 week");
    }

    #[test]
    fn about_is_in_the_greatest_unit() {
        let day = 24 * 3_600_000;
        assert_eq!(about(67 * day), "10 weeks");
        assert_eq!(about(13 * day), "1 week 6 days");
        assert_eq!(about(5_400_000), "1h 30m");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1_208, 1_000_000].map(thousands), ["0", "999", "1,208", "1,000,000"]);
    }

    #[test]
    fn of_one_thing_there_is_no_plural() {
        assert_eq!(
            [0, 1, 2, 1_208].map(|n| counted(n, "task")),
            ["0 tasks", "1 task", "2 tasks", "1,208 tasks"]
        );
        assert_eq!(counted([(); 3].len(), "wave"), "3 waves");
    }

    #[test]
    fn a_tail_never_splits_a_character() {
        assert_eq!(tail("aé", 1), "");
        assert_eq!(tail("aé", 2), "é");
        assert_eq!(tail("abc", 9), "abc");
    }
}
