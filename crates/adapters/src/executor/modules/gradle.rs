//! Gradle: projects that the settings include, and the projects that their build scripts name.
//!
//! Scripts are programs; only what they say in plain words is understood. A project without sources of its own is no
//! module: it has no tests to run.

use super::{Module, Tree, file_in, joined};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn modules(tree: &Tree) -> Vec<Module> {
    let settings = ["settings.gradle", "settings.gradle.kts"].iter().find_map(|name| tree.texts.get(*name));
    let settings = settings.map(|text| without_comments(text)).unwrap_or_default();
    let mut dirs: BTreeMap<String, String> = BTreeMap::from([(String::new(), String::new())]);
    for name in included(&settings) {
        let name = format!(":{}", name.trim_start_matches(':'));
        dirs.insert(name.clone(), name.trim_start_matches(':').replace(':', "/"));
    }
    for line in settings.lines().filter(|line| line.contains("projectDir")) {
        if let [name, .., dir] = literals(line).as_slice()
            && let (Some(known), Some(dir)) = (dirs.get_mut(name), joined("", dir))
        {
            *known = dir;
        }
    }
    let names: Vec<String> = dirs.keys().cloned().collect();
    let has_sources = |dir: &str| {
        let sources = file_in(dir, "src/");
        tree.paths.iter().any(|path| path.starts_with(&sources))
    };
    dirs.into_iter()
        .filter(|(_, dir)| has_sources(dir))
        .map(|(name, dir)| {
            let script = ["build.gradle", "build.gradle.kts"]
                .iter()
                .find_map(|script| tree.texts.get(&file_in(&dir, script)))
                .map(|text| without_comments(text))
                .unwrap_or_default();
            let needs = needs(&script, &names).into_iter().filter(|need| *need != name).collect();
            Module { name, dir, needs }
        })
        .collect()
}

/// The names in `include 'a', "b:c"` and `include(":d")`.
fn included(settings: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, word) in settings.match_indices("include") {
        let before = settings[..at].chars().next_back();
        let after = settings[at + word.len()..].trim_start();
        let rest = after.strip_prefix('(').unwrap_or(after);
        if before.is_some_and(|c| c.is_alphanumeric() || c == '.') {
            continue;
        }
        let mut rest = rest.trim_start();
        while let Some((name, after)) = literal(rest) {
            names.push(name.to_owned());
            match after.trim_start().strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None => break,
            }
        }
    }
    names
}

/// The projects that a build script names: `project(":a")`, `project(path: ':a')`, `projects.someName`.
fn needs(script: &str, names: &[String]) -> BTreeSet<String> {
    let mut needs = BTreeSet::new();
    for (at, word) in script.match_indices("project(") {
        let inside = script[at + word.len()..].split(')').next().unwrap_or_default();
        if let Some(name) = literals(inside).first() {
            needs.insert(format!(":{}", name.trim_start_matches(':')));
        }
    }
    for (at, word) in script.match_indices("projects.") {
        let text = &script[at + word.len()..];
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(text.len());
        needs.extend(names.iter().filter(|name| accessor(name) == text[..end]).cloned());
    }
    needs.retain(|need| names.contains(need));
    needs
}

/// `:core-lib:api` as a script may write it: `coreLib.api`.
fn accessor(name: &str) -> String {
    let mut accessor = String::new();
    let mut upper = false;
    for c in name.trim_start_matches(':').chars() {
        match c {
            ':' => accessor.push('.'),
            '-' | '_' => upper = true,
            c if upper => {
                accessor.extend(c.to_uppercase());
                upper = false;
            }
            c => accessor.push(c),
        }
    }
    accessor
}

/// The text in quotes that a piece of script begins with, and what follows it.
fn literal(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| ['"', '\''].contains(c))?;
    let end = text[1..].find(quote)?;
    Some((&text[1..=end], &text[end + 2..]))
}

fn literals(text: &str) -> Vec<String> {
    let (mut rest, mut found) = (text, Vec::new());
    while let Some(at) = rest.find(['"', '\'']) {
        let Some((name, after)) = literal(&rest[at..]) else { break };
        found.push(name.to_owned());
        rest = after;
    }
    found
}

/// The script without what is commented out. A `//` inside quotes, as in an address, begins no comment.
fn without_comments(text: &str) -> String {
    let (mut out, mut rest, mut quote) = (String::new(), text, None);
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        if quote.is_none() && rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            continue;
        }
        match quote {
            None if ['"', '\''].contains(&c) => quote = Some(c),
            Some(open) if open == c || c == '\n' => quote = None,
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}
