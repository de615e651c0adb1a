//! Which variables a job sees: an allow-list of patterns.
//!
//! Does not know what the variables mean, nor who asks.

use std::collections::BTreeMap;
use std::env;

/// The variables of `all` that the patterns let through. In a pattern `*` stands for any text, and a leading `!` takes
/// away what matches; the last pattern that matches a name decides, and a name that none matches stays out.
pub fn environment<'a>(
    patterns: impl IntoIterator<Item = &'a String>,
    all: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let patterns: Vec<&String> = patterns.into_iter().collect();
    let passes = |name: &str| {
        let deciding = patterns.iter().rev().find(|p| matches(p.strip_prefix('!').unwrap_or(p), name));
        deciding.is_some_and(|p| !p.starts_with('!'))
    };
    all.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The environment of this process. Variables that are not UTF-8 are left out: no pattern could name them.
pub fn ambient() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    env::vars_os().filter_map(text).collect()
}

/// Whether `name` is what `pattern` describes, `*` standing for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in
            [("A*", "A"), ("A*", "ABC"), ("*", ""), ("*B*", "ABC"), ("A*C*E", "ABCDE"), ("AB", "AB")]
        {
            assert!(matches(pattern, name), "{pattern} should match {name}");
        }
        for (pattern, name) in
            [("A*", "BA"), ("AB", "ABC"), ("A*C", "AB"), ("A*A", "A"), ("A*BC*C", "ABC"), ("a*", "A")]
        {
            assert!(!matches(pattern, name), "{pattern} should not match {name}");
        }
    }

    #[test]
    fn the_last_match_decides() {
        let all = ["CARGO_HOME", "CARGO_TOKEN", "SECRET"].map(|n| (n.to_owned(), "x".to_owned())).into();
        let names = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
            environment(&patterns, &all).into_keys().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(&["CARGO_*"]), "CARGO_HOME CARGO_TOKEN");
        assert_eq!(names(&["CARGO_*", "!*TOKEN*"]), "CARGO_HOME");
        assert_eq!(names(&["CARGO_*", "!*TOKEN*", "CARGO_TOKEN"]), "CARGO_HOME CARGO_TOKEN");
        assert_eq!(names(&[]), "");
    }
}
