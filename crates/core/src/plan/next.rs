//! The id of a plan's next task. Knows nothing of what the task is.

use crate::ids::TaskId;
use std::collections::BTreeMap;

/// What the first task of a plan is called.
const FIRST: &str = "T-001";

/// The ids that share a beginning.
#[derive(Default)]
struct Series {
    count: usize,
    /// The greatest number, and how many digits it is written with.
    last: (u64, usize),
}

/// The next id in the series that most of these belong to: `T-046` after `T-045`.
pub fn next_id<'a>(ids: impl IntoIterator<Item = &'a TaskId>) -> TaskId {
    let mut series: BTreeMap<&str, Series> = BTreeMap::new();
    for id in ids {
        let start = id.as_str().trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &id.as_str()[start.len()..];
        let Ok(number) = digits.parse::<u64>() else { continue };
        let of_start = series.entry(start).or_default();
        of_start.count += 1;
        of_start.last = of_start.last.max((number, digits.len()));
    }
    let longest = series.into_iter().max_by_key(|(_, series)| series.count);
    longest.map_or_else(
        || TaskId::new(FIRST),
        |(start, Series { last: (number, width), .. })| {
            TaskId::new(format!("{start}{:0width$}", number.saturating_add(1)))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_id_goes_on_with_the_longest_series() {
        let next = |ids: &[&str]| {
            let ids: Vec<TaskId> = ids.iter().map(|id| TaskId::new(*id)).collect();
            next_id(&ids).to_string()
        };
        assert_eq!(next(&[]), "T-001");
        assert_eq!(next(&["setup"]), "T-001");
        assert_eq!(next(&["T-044", "T-045", "REPAIR-7"]), "T-046");
        assert_eq!(next(&["task-9"]), "task-10");
        assert_eq!(next(&["T-099", "T-002"]), "T-100");
        assert_eq!(next(&["3.1", "3.2", "4"]), "3.3");
    }
}
