//! What changed between two commits: paths, modes, object ids, lines.
//!
//! Knows git's raw and numstat formats; judges nothing.

use ppe_core::ids::CommitId;

use super::cli::Call;
use super::{GitError, commit_id, shown};

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path from the top, as bytes.
    pub path: Vec<u8>,
    /// What it was and what it is.
    pub kind: ChangeKind,
    /// What the path is now.
    pub now: What,
    /// The object it is now; all zeros when it is gone.
    pub id: String,
    /// Lines added; 0 for binary files.
    pub added: u64,
    /// Lines removed; 0 for binary files.
    pub removed: u64,
}

/// Whether the path was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not.
    Added,
    /// It was, as something else.
    Modified,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A commit of another repository.
    Submodule,
    /// Nothing any more.
    Gone,
}

/// Compares trees and nothing else: no program of an attribute runs, and no `.gitmodules` is read, which could be one
/// that makes git give up.
pub(super) const TREES: [&str; 7] =
    ["diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"];

/// The changes from one commit to another, in order of path. `call` says in which repository.
pub fn between(call: Call, from: &CommitId, to: &CommitId) -> Result<Vec<Change>, GitError> {
    let call = call.args(TREES).args(["--raw", "--numstat", from.as_str(), to.as_str()]);
    let output = call.clone().run()?;
    parse(output.fields()).ok_or_else(|| call.unexpected("diff-tree"))
}

/// A commit, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// The first line of its message.
    pub subject: String,
}

/// The commits that `to` has and none of the others, by id or by the name of a ref; oldest first.
pub fn commits(call: Call, others: &[&str], to: &CommitId) -> Result<Vec<Commit>, GitError> {
    let asked =
        ["log", "-z", "--reverse", "--topo-order", "--no-show-signature", "--no-color", "--format=%H %s"];
    let call = call.args(asked).args([to.as_str(), "--not"]).args(others).arg("--");
    let output = call.clone().run()?;
    let commit = |field: &[u8]| {
        let text = shown(field);
        let (id, subject) = text.split_once(' ')?;
        Some(Commit { id: commit_id(id)?, subject: subject.to_owned() })
    };
    output.fields().map(|field| commit(field).ok_or_else(|| call.unexpected(&shown(field)))).collect()
}

/// The lines that lead from one commit to another, as a patch.
pub fn patch(call: Call, from: &CommitId, to: &CommitId) -> Result<Vec<u8>, GitError> {
    let switches = ["--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--no-color"];
    let call = call.args(["diff-tree", "-r", "-p", "--find-renames"]).args(switches);
    Ok(call.args([from.as_str(), to.as_str()]).run()?.stdout)
}

/// The best commit that two have in common; none where they have none.
pub fn fork(call: Call, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, GitError> {
    let output = call.args(["merge-base", one.as_str(), other.as_str()]).any()?;
    Ok(output.text_if_ok().and_then(|text| commit_id(&text)))
}

fn parse<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Change>> {
    let mut changes: Vec<Change> = Vec::new();
    let mut counted = 0;
    let mut fields = fields;
    while let Some(field) = fields.next() {
        if let Some(raw) = field.strip_prefix(b":") {
            changes.push(raw_change(raw, fields.next()?)?);
        } else {
            let mut parts = field.splitn(3, |byte| *byte == b'\t');
            let (added, removed) = (lines(parts.next()?)?, lines(parts.next()?)?);
            let change =
                changes.get_mut(counted).filter(|change| Some(change.path.as_slice()) == parts.next())?;
            (change.added, change.removed) = (added, removed);
            counted += 1;
        }
    }
    Some(changes)
}

fn raw_change(raw: &[u8], path: &[u8]) -> Option<Change> {
    let text = std::str::from_utf8(raw).ok()?;
    let words: Vec<&str> = text.split(' ').collect();
    let [before, after, _, id, _] = words[..] else { return None };
    let kind = if before == "000000" { ChangeKind::Added } else { ChangeKind::Modified };
    let now = match after {
        "000000" => What::Gone,
        "120000" => What::Link,
        "160000" => What::Submodule,
        _ => What::File,
    };
    Some(Change { path: path.to_owned(), kind, now, id: id.to_owned(), added: 0, removed: 0 })
}

fn lines(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if text == "-" { Some(0) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_and_counts_are_joined() {
        let fields: [&[u8]; 6] = [
            b":000000 100644 00 ab A",
            b"a\tb",
            b":100644 120000 01 cd T",
            b"link",
            b"3\t0\ta\tb",
            b"-\t-\tlink",
        ];
        let changes = parse(fields.into_iter()).unwrap();
        assert_eq!((changes[0].kind, changes[0].now, changes[0].added), (ChangeKind::Added, What::File, 3));
        assert_eq!(
            (changes[1].kind, changes[1].now, changes[1].id.as_str()),
            (ChangeKind::Modified, What::Link, "cd")
        );
    }
}
