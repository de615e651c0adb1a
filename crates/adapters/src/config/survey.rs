//! Looks at a repository for what its configuration should say: how it builds and tests, which ignored files a checkout
//! needs. What cannot be read is not found.
//!
//! Does not write anything, and does not know the configuration's form.

use super::builds;
use super::facts::{Facts, Found};
use super::settings::CommandKind;
use ppe_engine::ports::FoundPlan;
use std::fs;
use std::path::Path;

/// Looks at the repository with this top folder, whose `plans` and branch to land on are known. `is_ignored` says of a
/// path, seen from the top, whether git ignores it.
pub fn survey(top: &Path, target: &str, plans: Vec<FoundPlan>, is_ignored: impl Fn(&str) -> bool) -> Facts {
    let mut facts = Facts { target: target.to_owned(), plans, ..Facts::default() };
    builds::recognise(top, &mut facts);
    if facts.verify.is_empty() {
        make(top, &mut facts);
    }
    facts.copy = files(top).into_iter().filter(|name| is_local(name) && is_ignored(name)).collect();
    facts
}

fn make(top: &Path, facts: &mut Facts) {
    let text = fs::read_to_string(top.join("Makefile")).unwrap_or_default();
    if text.lines().any(|line| line.starts_with("test:")) {
        facts.add("make test", CommandKind::Test);
    }
}

impl Facts {
    /// Adds a command, named by what it does; the second of a kind also by its program.
    pub(super) fn add(&mut self, run: &str, kind: CommandKind) {
        let plain = kind.name();
        let program = run.split_whitespace().next().unwrap_or(run).trim_start_matches("./");
        let taken = self.verify.iter().any(|found| found.name == plain);
        let name = if taken { format!("{plain}-{program}") } else { plain.to_owned() };
        self.verify.push(Found { name, run: run.to_owned(), kind });
    }
}

/// Whether a file of this name usually holds what one developer needs and nobody commits.
fn is_local(name: &str) -> bool {
    name == ".env" || name.starts_with(".env.") || name == "local.properties"
}

/// The names of the files in a folder, sorted. Links are none: a survey stays inside the repository.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
