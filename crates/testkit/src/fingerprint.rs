//! A picture of a user's repository, to prove that something left it alone: two are equal when nothing differs that is
//! the user's.
//!
//! Left out are `refs/ppe/`, the branches the caller names, and objects (adding some is what we are for). Knows git's
//! command line and its directory; imports nothing of ours, so that it cannot share our mistakes.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A picture of one repository and its main checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    facts: BTreeMap<String, String>,
}

/// What differs between two pictures; shown one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `name: before -> after`, sorted.
    pub lines: Vec<String>,
}

impl Fingerprint {
    /// Takes the picture of the repository whose checkout (or bare directory) is `root`, without the branches in
    /// `ours`.
    ///
    /// # Panics
    /// When git does not answer there.
    pub fn of(root: &Path, ours: &[&str]) -> Self {
        let git_dir = PathBuf::from(git(root, &["rev-parse", "--absolute-git-dir"]).trim_end());
        let mut facts = BTreeMap::new();
        if git_dir != root {
            add_files(&mut facts, "file", root, root, &|path| path == git_dir);
        }
        for part in ["hooks", "info", "worktrees", "rebase-merge", "rebase-apply"] {
            add_files(&mut facts, part, &git_dir.join(part), &git_dir.join(part), &|_| false);
        }
        for part in [
            "HEAD",
            "index",
            "config",
            "config.worktree",
            "FETCH_HEAD",
            "ORIG_HEAD",
            "MERGE_HEAD",
            "logs/HEAD",
            "logs/refs/stash",
            "shallow",
        ] {
            if let Some(digest) = digest_of(&git_dir.join(part)) {
                facts.insert(format!("git {part}"), digest);
            }
        }
        for line in git(root, &["for-each-ref", "--format=%(refname) %(objectname) %(symref)"]).lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            let branch = name.strip_prefix("refs/heads/").unwrap_or_default();
            if !name.starts_with("refs/ppe/") && !ours.contains(&branch) {
                facts.insert(format!("ref {name}"), value.to_owned());
            }
        }
        Self { facts }
    }

    /// What differs; `None` when nothing does.
    pub fn difference(&self, after: &Self) -> Option<Difference> {
        let names = self.facts.keys().chain(after.facts.keys()).collect::<std::collections::BTreeSet<_>>();
        let shown =
            |facts: &BTreeMap<String, String>, name| facts.get(name).map_or("nothing", |v| v).to_owned();
        let differing = names.into_iter().filter(|name| self.facts.get(*name) != after.facts.get(*name));
        let line = |name| format!("{name}: {} -> {}", shown(&self.facts, name), shown(&after.facts, name));
        let lines: Vec<String> = differing.map(line).collect();
        (!lines.is_empty()).then_some(Difference { lines })
    }

    /// Demands that nothing differs.
    ///
    /// # Panics
    /// When something does, naming it.
    #[track_caller]
    pub fn assert_same(&self, after: &Self) {
        if let Some(difference) = self.difference(after) {
            panic!("the user's repository was changed:\n{difference}");
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

fn git(root: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("--no-optional-locks").args(args).current_dir(root).output();
    let output = output.expect("git starts");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn add_files(
    facts: &mut BTreeMap<String, String>,
    label: &str,
    top: &Path,
    dir: &Path,
    left_out: &dyn Fn(&Path) -> bool,
) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if left_out(&path) {
            continue;
        }
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir {
            add_files(facts, label, top, &path, left_out);
        } else if let Some(digest) = digest_of(&path) {
            let name = path.strip_prefix(top).unwrap_or(&path).display().to_string();
            facts.insert(format!("{label} {name}"), digest);
        }
    }
}

/// Mode, length and a hash of a file's content; a link by where it leads.
fn digest_of(path: &Path) -> Option<String> {
    let found = fs::symlink_metadata(path).ok()?;
    if found.is_symlink() {
        return fs::read_link(path).ok().map(|to| format!("link to {}", to.display()));
    }
    if !found.is_file() {
        return Some("special file".to_owned());
    }
    let mut hasher = DefaultHasher::new();
    fs::read(path).ok()?.hash(&mut hasher);
    Some(format!("{:o} {} bytes {:016x}", found.permissions().mode() & 0o777, found.len(), hasher.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "-q", "-b", "main"]);
        fs::write(dir.path().join("a"), "1").unwrap();
        commit(dir.path(), "first");
        dir
    }

    fn commit(root: &Path, message: &str) {
        git(root, &["add", "-A"]);
        git(root, &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", message]);
    }

    #[test]
    fn each_kind_of_change_is_seen_and_ours_is_not() {
        let dir = repository();
        let root = dir.path();
        let before = Fingerprint::of(root, &["feat/x"]);
        before.assert_same(&Fingerprint::of(root, &["feat/x"]));

        git(root, &["update-ref", "refs/ppe/base/r/t", "HEAD"]);
        git(root, &["branch", "feat/x"]);
        before.assert_same(&Fingerprint::of(root, &["feat/x"]));

        let changes: [(&str, &dyn Fn()); 6] = [
            ("file a", &|| fs::write(root.join("a"), "2").unwrap()),
            ("file new", &|| fs::write(root.join("new"), "").unwrap()),
            ("git index", &|| drop(git(root, &["add", "a"]))),
            ("git config", &|| drop(git(root, &["config", "x.y", "z"]))),
            ("ref refs/heads/other", &|| drop(git(root, &["branch", "other"]))),
            ("hooks pre-commit", &|| fs::write(root.join(".git/hooks/pre-commit"), "").unwrap()),
        ];
        for (name, change) in changes {
            let before = Fingerprint::of(root, &["feat/x"]);
            change();
            let difference = before.difference(&Fingerprint::of(root, &["feat/x"])).expect("it differs");
            assert!(
                difference.lines.iter().any(|line| line.starts_with(&format!("{name}:"))),
                "{difference}"
            );
        }
    }
}
