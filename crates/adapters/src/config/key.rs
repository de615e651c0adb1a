//! What a key of the configuration is: its name, what it may hold, and how that is kept.
//!
//! Does not know which keys there are.

/// One key of the configuration.
pub(super) struct Key<T: 'static> {
    /// `section.name`.
    pub(super) path: &'static str,
    /// What it may hold, and how that is kept.
    pub(super) kind: Kind<T>,
    /// Variables that name it besides its own `PPE_…`.
    pub(super) variables: &'static [&'static str],
    /// What it means, in one line.
    pub(super) doc: &'static str,
}

/// What a key may hold, with the function that keeps it in `T`.
pub(super) enum Kind<T: 'static> {
    /// A whole number from `min` to `max`; `note` follows the range in messages.
    Whole { min: u32, max: u32, note: &'static str, set: fn(&mut T, u32) },
    /// A number above 0 and at most `max`.
    Real { max: f64, set: fn(&mut T, f64) },
    /// A number of anything from 0 to `max`, however large.
    Count { max: u64, set: fn(&mut T, u64) },
    /// US dollars from 0 to `max`, kept in millionths.
    Dollars { max: u32, set: fn(&mut T, u64) },
    /// One of some names.
    Choice { names: &'static [Choice<T>] },
    /// On or off.
    Switch { on: fn(&mut T), off: fn(&mut T) },
    /// A text that is not empty.
    Text { set: fn(&mut T, String) },
    /// A list of texts.
    List { set: fn(&mut T, Vec<String>) },
    /// A program with its arguments; a plain text is given to `sh -c`.
    Command { set: fn(&mut T, Vec<String>) },
}

/// A name that may be chosen and what it sets.
pub(super) type Choice<T> = (&'static str, fn(&mut T));

impl<T> Key<T> {
    /// The name in messages and lists: `slots`, `merge_strategy`. Keys of `run` and `limits` go by their name alone.
    pub(super) fn label(&self) -> String {
        let plain = self.path.strip_prefix("run.").or_else(|| self.path.strip_prefix("limits."));
        plain.map_or_else(|| self.path.replace('.', "_"), str::to_owned)
    }

    /// The variable of its own: `PPE_SLOTS`, `PPE_MERGE_STRATEGY`.
    pub(super) fn own_variable(&self) -> String {
        format!("PPE_{}", self.label().to_uppercase())
    }
}

/// Minutes of a year: more than anyone means.
pub(super) const YEAR_MIN: u32 = 525_600;

pub(super) const fn key<T>(
    path: &'static str,
    kind: Kind<T>,
    variables: &'static [&'static str],
    doc: &'static str,
) -> Key<T> {
    Key { path, kind, variables, doc }
}

pub(super) const fn whole<T>(min: u32, max: u32, set: fn(&mut T, u32)) -> Kind<T> {
    Kind::Whole { min, max, note: "", set }
}

pub(super) const fn retries<T>(set: fn(&mut T, u32)) -> Kind<T> {
    whole(0, 100, set)
}

pub(super) const fn real<T>(max: f64, set: fn(&mut T, f64)) -> Kind<T> {
    Kind::Real { max, set }
}

pub(super) const fn count<T>(max: u64, set: fn(&mut T, u64)) -> Kind<T> {
    Kind::Count { max, set }
}

pub(super) const fn dollars<T>(max: u32, set: fn(&mut T, u64)) -> Kind<T> {
    Kind::Dollars { max, set }
}

pub(super) const fn choice<T>(names: &'static [Choice<T>]) -> Kind<T> {
    Kind::Choice { names }
}

pub(super) const fn text<T>(set: fn(&mut T, String)) -> Kind<T> {
    Kind::Text { set }
}

pub(super) const fn list<T>(set: fn(&mut T, Vec<String>)) -> Kind<T> {
    Kind::List { set }
}

pub(super) const fn command<T>(set: fn(&mut T, Vec<String>)) -> Kind<T> {
    Kind::Command { set }
}

pub(super) fn seconds(n: u32) -> u64 {
    u64::from(n) * 1_000
}

pub(super) fn minutes(n: u32) -> u64 {
    u64::from(n) * 60_000
}

pub(super) fn mebibytes(n: u32) -> u64 {
    u64::from(n) * 1_048_576
}
