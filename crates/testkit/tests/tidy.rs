//! The house rules that no compiler knows: sizes, headers, who may import whom, and documents that agree with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file without its tests.
const FILE_LINES: usize = 500;
/// Lines of a function.
const FUNCTION_LINES: usize = 70;
/// Packages in the lock file.
const PACKAGES: usize = 184;

/// Files that may be longer, each with its reason. The list only shrinks.
const LONG_FILES: &[(&str, &str)] = &[
    ("crates/core/src/event.rs", "one enum: every fact there is, each field with its meaning"),
    ("crates/core/src/state/task.rs", "one task's facts and steps, each field with its meaning"),
];

/// Functions that may be longer besides flat matches, each with its reason. The list only shrinks.
const LONG_FUNCTIONS: &[(&str, &str)] = &[("drive", "the select over everything a terminal can bring")];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's top")
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", ".git", "golden"].contains(&name.as_str()) {
            walk(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Source files below a folder, as (path seen from the top, text).
fn sources(under: &str) -> Vec<(String, String)> {
    let top = top();
    let mut found = Vec::new();
    walk(&top.join(under), &mut found);
    let text = |path: PathBuf| {
        let shown = path.strip_prefix(&top).expect("below the top").display().to_string();
        (shown, fs::read_to_string(&path).expect("a source file is UTF-8"))
    };
    found.into_iter().filter(|p| p.extension().is_some_and(|e| e == "rs")).map(text).collect()
}

/// Files of the product, without their tests.
fn product() -> Vec<(String, String)> {
    let is_product = |path: &str| path.contains("/src/") && !path.ends_with("/tests.rs");
    let without_tests = |text: String| text.split("\n#[cfg(test)]").next().unwrap_or_default().to_owned();
    sources("crates").into_iter().filter(|(p, _)| is_product(p)).map(|(p, t)| (p, without_tests(t))).collect()
}

fn assert_none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn files_fit_a_room() {
    let allowed: BTreeSet<_> = LONG_FILES.iter().map(|(path, _)| *path).collect();
    let mut long = BTreeSet::new();
    for (path, text) in product() {
        if text.lines().count() > FILE_LINES {
            long.insert(path);
        }
    }
    let more: Vec<_> = long.iter().filter(|p| !allowed.contains(p.as_str())).cloned().collect();
    assert_none(more, "these files are too long");
    let gone: Vec<_> = allowed.iter().filter(|p| !long.contains(**p)).map(|p| (*p).to_owned()).collect();
    assert_none(gone, "these are no longer too long: take them off the list");
}

/// The functions of a text: name, lines, and whether the body is little more than one match.
fn functions(text: &str) -> Vec<(String, usize, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some((_, rest)) = line.split_once("fn ").filter(|(before, _)| {
            before
                .trim()
                .split(' ')
                .all(|w| w.is_empty() || w.starts_with("pub") || ["const", "async", "unsafe"].contains(&w))
        }) else {
            continue;
        };
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let close = format!("{}}}", " ".repeat(indent));
        let Some(length) = lines[at..].iter().position(|l| *l == close) else { continue };
        let body = &lines[at..at + length];
        let arms = body.iter().filter(|l| l.contains("=>") || l.trim_start().starts_with('|')).count();
        found.push((
            name,
            length + 1,
            body.iter().any(|l| l.trim_start().contains("match ")) && arms * 5 > length,
        ));
    }
    found
}

#[test]
fn functions_fit_a_screen() {
    let mut long = Vec::new();
    for (path, text) in product() {
        for (name, lines, flat_match) in functions(&text) {
            let allowed = LONG_FUNCTIONS.iter().any(|(known, _)| *known == name);
            if lines > FUNCTION_LINES && !flat_match && !allowed {
                long.push(format!("{path}: {name} has {lines} lines"));
            }
        }
    }
    assert_none(long, "these functions are too long");
}

#[test]
fn every_room_says_what_it_is() {
    let silent = sources("crates").into_iter().filter(|(_, text)| !text.starts_with("//! "));
    let silent = silent.filter(|(path, _)| !path.ends_with("/tests.rs"));
    assert_none(silent.map(|(path, _)| path).collect(), "these files do not open with what they do");
}

#[test]
fn who_may_import_whom() {
    let mut wrong = Vec::new();
    for (path, text) in product() {
        let mut refuse = |what: &str| {
            for (at, _) in text.match_indices(what) {
                let line = text[..at].lines().count().max(1);
                wrong.push(format!("{path}:{line}: {what}"));
            }
        };
        let refused: &[&str] = match path.split('/').collect::<Vec<_>>().as_slice() {
            ["crates", "core", ..] => &["ppe_engine", "ppe_adapters", "tokio::"],
            ["crates", "engine", ..] | ["crates", "app", "src", "cli", ..] => &["ppe_adapters"],
            ["crates", "app", "src", "mcp", ..] => &["ppe_adapters", "crate::cli"],
            ["crates", "adapters", ..] => {
                &["ppe_engine::api", "ppe_engine::run_loop", "ppe_engine::session", "ppe_app"]
            }
            _ => &[],
        };
        for what in refused {
            refuse(what);
        }
        if let ["crates", "adapters", "src", room, ..] = path.split('/').collect::<Vec<_>>().as_slice() {
            for other in
                ["config", "executor", "forge", "sources", "notify"].iter().filter(|other| *other != room)
            {
                refuse(&format!("crate::{other}::"));
            }
        }
    }
    assert_none(wrong, "these imports run the wrong way");
}

#[test]
fn crates_depend_downwards_only() {
    let manifest = |name: &str| {
        fs::read_to_string(top().join("crates").join(name).join("Cargo.toml")).expect("a manifest")
    };
    let needs = |name: &str| {
        let text = manifest(name);
        let deps = text
            .split("[dependencies]")
            .nth(1)
            .unwrap_or_default()
            .split("\n[")
            .next()
            .unwrap_or_default()
            .to_owned();
        ["core", "engine", "adapters", "app", "testkit"]
            .into_iter()
            .filter(|other| deps.lines().any(|l| l.starts_with(&format!("ppe-{other}"))))
            .collect::<Vec<_>>()
    };
    assert_eq!(needs("core"), Vec::<&str>::new());
    assert_eq!(needs("engine"), ["core"]);
    assert_eq!(needs("adapters"), ["core", "engine"]);
    assert_eq!(needs("app"), ["core", "engine", "adapters"]);
    assert!(!needs("testkit").contains(&"app") && !needs("testkit").contains(&"adapters"));
}

#[test]
fn the_invariants_are_those_of_the_architecture() {
    let page = fs::read_to_string(top().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for invariant in ppe_core::invariant::INVARIANTS {
        let row = format!("| {} | {} |", invariant.id, invariant.text);
        assert!(page.contains(&row), "ARCHITECTURE.md lacks the row: {row}");
    }
    assert_eq!(page.matches("| INV-").count(), ppe_core::invariant::INVARIANTS.len());
    let tests: String = sources("crates/testkit/tests").into_iter().map(|(_, text)| text).collect();
    for name in page.split('`').filter(|word| word.starts_with("the_") || word.starts_with("every_")) {
        assert!(
            tests.contains(&format!("fn {name}()")),
            "ARCHITECTURE.md names a test that is not there: {name}"
        );
    }
}

#[test]
fn exit_codes_are_as_the_readme_says() {
    let page = fs::read_to_string(top().join("README.md")).expect("README.md");
    let code = fs::read_to_string(top().join("crates/app/src/error.rs")).expect("error.rs");
    for (number, here) in
        [("2", "Self::Usage => 2"), ("3", "Self::Plan => 3"), ("4", "Self::Environment => 4")]
    {
        assert!(code.contains(here) && page.contains(&format!("· {number} ")), "{here}");
    }
    for (number, name) in [("10", "EXIT_NEEDS_YOU"), ("11", "EXIT_PAUSED"), ("130", "EXIT_INTERRUPTED")] {
        assert!(code.contains(&format!("const {name}: u8 = {number};")), "{name}");
        assert!(page.contains(&format!("· {number} ")), "the README lacks exit code {number}");
    }
}

#[test]
fn nothing_unfinished_and_no_place_of_one_machine() {
    let mut found = Vec::new();
    let mut files = Vec::new();
    walk(&top(), &mut files);
    // Spelled so that this file does not find itself.
    let words = [
        "TO".to_owned() + "DO",
        "FIX".to_owned() + "ME",
        "/wor".to_owned() + "k/",
        "/tm".to_owned() + "p/wt",
    ];
    for path in files.iter().filter(|p| {
        p.extension().is_some_and(|e| ["rs", "md", "toml", "sh"].contains(&&*e.to_string_lossy()))
    }) {
        let text = fs::read_to_string(path).unwrap_or_default();
        for word in words.iter().filter(|word| text.contains(word.as_str())) {
            found.push(format!("{}: {word}", path.display()));
        }
    }
    assert_none(found, "these words do not belong in the project");
}

#[test]
fn the_lock_file_stays_lean() {
    let lock = fs::read_to_string(top().join("Cargo.lock")).expect("Cargo.lock");
    let packages = lock.matches("[[package]]").count();
    assert!(packages <= PACKAGES, "{packages} packages");
}
