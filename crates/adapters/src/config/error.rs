//! What can be wrong with a configuration, with its place, and the name that was probably meant.
//!
//! Does not know which settings exist.

use super::origin::Origin;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// One thing that is wrong. Its text is one line: where, what is there, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A value outside of what its key allows.
    #[error("{}: {message}", place(.origin, .key, .value))]
    Value {
        /// Where the value stands.
        origin: Origin,
        /// The key, as `section.name`.
        key: String,
        /// The value as it was written, cut when long.
        value: String,
        /// What is allowed.
        message: String,
    },
    /// A key or section that does not exist.
    #[error("{file}:{line}: unknown {noun} {key}{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The file as the user knows it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What it was read as: `key` or `section`.
        noun: &'static str,
        /// The name that was written.
        key: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// A file that is not TOML, or holds something in the wrong shape.
    #[error("{file}:{line}: {message}")]
    Shape {
        /// The file as the user knows it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Two variables that name one setting and differ.
    #[error("{first} and {second} both set {key}: unset one of them or make them equal")]
    Disagree {
        /// `NAME=value` of one.
        first: String,
        /// `NAME=value` of the other.
        second: String,
        /// The setting's label.
        key: String,
    },
    /// A flag for a key that does not exist: a mistake in the program that offers it.
    #[error("{flag} sets {key}, which is no key of the configuration")]
    Flag {
        /// The flag.
        flag: String,
        /// The key it wanted.
        key: String,
    },
    /// A configuration file that exists and cannot be read.
    #[error("cannot read {}: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
}

impl Problem {
    /// The line it stands in, for those in a file.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Unknown { line, .. }
            | Self::Shape { line, .. }
            | Self::Value { origin: Origin::File { line, .. }, .. } => Some(*line),
            Self::Value { .. } | Self::Disagree { .. } | Self::Flag { .. } | Self::Unreadable { .. } => None,
        }
    }
}

/// Everything that is wrong with a configuration, in the order of the layers. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// The problems.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// A value together with where it stands, as its writer would recognise it.
fn place(origin: &Origin, key: &str, value: &str) -> String {
    match origin {
        Origin::Default => format!("built-in {key} = {value}"),
        Origin::File { name, line } => format!("{name}:{line}: {key} = {value}"),
        Origin::Environment { variable } => format!("{variable}={value}"),
        Origin::Flag { flag } => format!("{flag} {value}"),
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(": did you mean {name}?")).unwrap_or_default()
}

/// The name most like `given`, if any is like it at all: it without the unit at the end, or else one in which at most a
/// third of the letters differ (one always may).
pub(super) fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (given.chars().count() / 3).max(1);
    let far = |name: &str| match name.strip_prefix(given) {
        Some(unit) if unit.starts_with('_') => 0,
        _ => distance(given, name),
    };
    let measured = names.into_iter().map(|name| (far(name), name));
    measured.filter(|(far, _)| *far <= allowed).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_counts_as_one_change() {
        assert_eq!(distance("bacth", "batch"), 1);
        assert_eq!(distance("slots", "slot"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn what_is_nothing_like_a_name_has_no_nearest() {
        assert_eq!(nearest("slto", ["slots", "order"]), None);
        assert_eq!(nearest("slost", ["order", "slots"]), Some("slots"));
        assert_eq!(nearest("timeout", ["timeouts", "timeout_min"]), Some("timeout_min"));
        assert_eq!(nearest("zzz", ["slots", "order"]), None);
    }
}
