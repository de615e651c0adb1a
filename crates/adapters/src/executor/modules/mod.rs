//! The modules of a build, as its own files name them, and which of them a change concerns.
//!
//! Read as text and never executed: Gradle's settings, Cargo workspaces, npm and pnpm workspaces, Maven's modules. What
//! cannot be read that way is no module, and a change there concerns all. Knows nothing of commands.

mod cargo;
mod gradle;
mod maven;
mod npm;
mod pattern;

pub use pattern::{Run, expand, is_used};

use std::collections::{BTreeMap, BTreeSet};

/// The names of files that say how something is built.
const BUILD_FILES: [&str; 8] = [
    "settings.gradle",
    "settings.gradle.kts",
    "build.gradle",
    "build.gradle.kts",
    "Cargo.toml",
    "package.json",
    "pnpm-workspace.yaml",
    "pom.xml",
];
/// Folders of the top in which a file belongs to the module at the top, where there is one.
const OWN_FOLDERS: [&str; 4] = ["src/", "tests/", "benches/", "examples/"];

/// The files of a commit as far as they matter here.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The paths of all files.
    pub paths: Vec<String>,
    /// The texts of those that [`is_build_file`].
    pub texts: BTreeMap<String, String>,
}

/// Whether the text of a file is needed.
pub fn is_build_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    BUILD_FILES.contains(&name) && !path.split('/').any(|folder| folder == "node_modules")
}

/// What builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Gradle: `:core:api`.
    Gradle,
    /// Cargo: the package's name.
    Cargo,
    /// npm and its kin: the package's name.
    Npm,
    /// Maven: the module's folder.
    Maven,
}

/// One module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Module {
    /// Its name, in the words of the tool.
    name: String,
    /// Its folder from the top; empty for the top itself.
    dir: String,
    /// Names of modules that it is built from.
    needs: BTreeSet<String>,
}

/// The modules of a build, in order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    all: Vec<Module>,
}

/// What a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Everything, or nothing that is known to be a module.
    All,
    /// These modules: those it changes and those that are built from them.
    These(Vec<String>),
}

impl Tool {
    /// The tool that a command calls, by its words; by what is there, when it calls none.
    pub fn of(command: &[String], tree: &Tree) -> Option<Self> {
        let text = command.join(" ");
        let word = |name: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case(name))
        };
        let has = |names: &[&str]| names.iter().any(|name| tree.texts.contains_key(*name));
        let called = [
            (Self::Gradle, word("gradle") || word("gradlew")),
            (Self::Cargo, word("cargo")),
            (Self::Maven, word("mvn") || word("mvnw")),
            (Self::Npm, word("npm") || word("pnpm") || word("yarn") || word("npx")),
            (Self::Gradle, has(&["settings.gradle", "settings.gradle.kts"])),
            (Self::Cargo, has(&["Cargo.toml"])),
            (Self::Maven, has(&["pom.xml"])),
            (Self::Npm, has(&["package.json"])),
        ];
        called.iter().find(|(_, found)| *found).map(|(tool, _)| *tool)
    }
}

impl Modules {
    /// The modules that a tool builds.
    pub fn read(tool: Tool, tree: &Tree) -> Self {
        let mut all = match tool {
            Tool::Gradle => gradle::modules(tree),
            Tool::Cargo => cargo::modules(tree),
            Tool::Npm => npm::modules(tree),
            Tool::Maven => maven::modules(tree),
        };
        // They become words of a command.
        all.retain(|module| is_plain(&module.name));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.dedup_by(|a, b| a.name == b.name);
        Self { all }
    }

    /// The names of all.
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(|module| module.name.clone()).collect()
    }

    /// What a change of these files concerns. A file of no module concerns all, unless it is plain text; where nothing
    /// is concerned, everything is.
    pub fn touched(&self, paths: &[String]) -> Touched {
        let mut touched = BTreeSet::new();
        for path in paths {
            match self.owner(path) {
                Some(module) => {
                    touched.insert(module.name.clone());
                }
                None if is_text(path) => {}
                None => return Touched::All,
            }
        }
        self.add_dependents(&mut touched);
        if touched.is_empty() || touched.len() == self.all.len() {
            return Touched::All;
        }
        Touched::These(touched.into_iter().collect())
    }

    fn add_dependents(&self, touched: &mut BTreeSet<String>) {
        loop {
            let more: Vec<_> = self
                .all
                .iter()
                .filter(|module| !touched.contains(&module.name))
                .filter(|module| module.needs.iter().any(|need| touched.contains(need)))
                .map(|module| module.name.clone())
                .collect();
            if more.is_empty() {
                return;
            }
            touched.extend(more);
        }
    }

    /// The module that a file belongs to: the innermost.
    fn owner(&self, path: &str) -> Option<&Module> {
        let inside = |module: &&Module| {
            path.strip_prefix(module.dir.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let inner = self.all.iter().filter(|m| !m.dir.is_empty()).filter(inside);
        let top = || {
            let own = OWN_FOLDERS.iter().any(|folder| path.starts_with(folder));
            self.all.iter().find(|module| own && module.dir.is_empty())
        };
        inner.max_by_key(|module| module.dir.len()).or_else(top)
    }
}

/// Whether a name can stand in a command and mean nothing but itself.
fn is_plain(name: &str) -> bool {
    !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || ['.', '_', ':', '/', '@', '+', '-'].contains(&c))
}

/// Whether a file at the top, or in a folder for documents, is for people only.
fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    path.starts_with("docs/")
        || ["md", "txt", "adoc", "rst"].contains(&ending)
        || ["license", "notice", "codeowners", ".gitignore", ".editorconfig"].contains(&name.as_str())
}

/// Joins two paths of a tree and resolves `.` and `..`; nothing for one that leads out of it.
fn joined(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The path of a file in a folder of the tree.
fn file_in(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

fn names_of(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".").collect()
}

/// Whether a folder fits a pattern: `*` stands for any part of a name, `**` for any folders.
fn fits(pattern: &str, dir: &str) -> bool {
    fn parts(pattern: &[&str], dir: &[&str]) -> bool {
        match (pattern, dir) {
            ([], []) => true,
            (["**", rest @ ..], _) => (0..=dir.len()).any(|n| parts(rest, &dir[n..])),
            ([first, pattern @ ..], [name, dir @ ..]) => part(first, name) && parts(pattern, dir),
            ([], _) | (_, []) => false,
        }
    }
    fn part(pattern: &str, name: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == name,
            Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
                rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| part(after, &rest[at..]))
            }),
        }
    }
    parts(&names_of(pattern), &names_of(dir))
}

#[cfg(test)]
mod tests;
