//! Finds where an agent's work names an AI as its author, and takes it out of its commits.
//!
//! Only commits of the work are looked at: not those of its base, of the target or of any branch in the user's
//! repository, which others have seen already. A commit is rewritten as an object, with its tree, dates and everything
//! else as they were, so that a repeat gives the same commits. Files are never changed; what they say is only found.
//!
//! Knows nothing of what counts (see [`super::attribution`]) or of what follows from it.

use std::collections::{BTreeMap, BTreeSet};

use ppe_core::ids::CommitId;
use ppe_core::outcome::{Attributed, Place};

use super::attribution::{Line, Patterns};
use super::cli::Call;
use super::diff::{Change, What};
use super::ours::Ours;
use super::workspace::Workspace;
use super::{GitError, Identity, commit_id, shown};

/// So many places are told of.
const FOUND_SHOWN: usize = 20;
/// So much of a line is told, in characters.
const TEXT_SHOWN: usize = 120;
/// The newest commits that are looked at.
const COMMITS: &str = "--max-count=10000";
/// Larger files are no text that a person reads.
const FILE_BYTES: u64 = 1024 * 1024;
/// So much of a change is looked through, in all.
const DIFF_BYTES: u64 = 32 * 1024 * 1024;
/// So many files of it.
const FILES: usize = 2_000;
const FILES_AT_ONCE: usize = 200;

/// Where the work from a base to a tip names an AI: in its commits, then in the lines it adds.
pub fn find(
    workspace: &Workspace,
    (base, tip): (&CommitId, &CommitId),
    changes: &[Change],
    patterns: &Patterns,
) -> Result<Vec<Attributed>, GitError> {
    let mut found = Vec::new();
    for commit in commits(workspace, tip)? {
        let place = || Place::Commit(commit.id.clone());
        found.extend(
            commit.attributions(patterns).map(|text| Attributed { place: place(), text: cut(&text) }),
        );
    }
    for paths in readable(&workspace.ours, changes)?.chunks(FILES_AT_ONCE) {
        found.extend(added_lines(&workspace.ours, (base, tip), paths, patterns)?);
    }
    found.truncate(FOUND_SHOWN);
    Ok(found)
}

/// The tip of the same work without an AI in its messages and identities; the same tip where there is none.
pub fn without(workspace: &Workspace, tip: &CommitId, patterns: &Patterns) -> Result<CommitId, GitError> {
    let mut replaced: BTreeMap<CommitId, CommitId> = BTreeMap::new();
    for commit in commits(workspace, tip)? {
        let Some(object) = commit.reworded(workspace, patterns, &replaced) else { continue };
        let call =
            workspace.ours.store().args(["hash-object", "-t", "commit", "-w", "--stdin"]).stdin(object);
        let text = call.clone().text()?;
        replaced.insert(commit.id, commit_id(&text).ok_or_else(|| call.unexpected(&text))?);
    }
    Ok(replaced.get(tip).unwrap_or(tip).clone())
}

/// A commit as git keeps it.
struct Commit {
    id: CommitId,
    headers: Vec<u8>,
    message: Vec<u8>,
}

/// The commits that only this work has, parents first.
fn commits(workspace: &Workspace, tip: &CommitId) -> Result<Vec<Commit>, GitError> {
    let users = workspace.repo.store().args(["for-each-ref", "--format=^%(objectname)"]);
    let users = users.args(["refs/heads", "refs/remotes"]).text()?;
    let record = &workspace.record;
    let bounds = std::iter::once(&record.base).chain(&record.target).map(|commit| format!("^{commit}\n"));
    let wanted: String = bounds.chain([format!("{tip}\n"), users, "\n".to_owned()]).collect();
    let store = || workspace.ours.store();
    // A branch of the user's may have come into being after the objects here were last looked over.
    let list = ["rev-list", "--topo-order", "--reverse", "--ignore-missing", COMMITS, "--stdin"];
    let ids = store().args(list).stdin(wanted.trim_end().to_owned() + "\n").text()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let call = store().args(["cat-file", "--batch"]).stdin(ids + "\n");
    let output = call.clone().run()?;
    parse(&output.stdout).ok_or_else(|| call.unexpected("cat-file"))
}

fn parse(mut rest: &[u8]) -> Option<Vec<Commit>> {
    let mut commits = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        let mut words = head.split(' ');
        let (id, kind, size) =
            (commit_id(words.next()?)?, words.next()?, words.next()?.parse::<usize>().ok()?);
        let object = rest.get(end + 1..end + 1 + size).filter(|_| kind == "commit")?;
        let split = object.windows(2).position(|pair| pair == b"\n\n")?;
        let (headers, message) = (object[..=split].to_vec(), object[split + 2..].to_vec());
        commits.push(Commit { id, headers, message });
        rest = rest.get(end + 1 + size + 1..)?;
    }
    Some(commits)
}

impl Commit {
    /// What in it names an AI.
    fn attributions(&self, patterns: &Patterns) -> impl Iterator<Item = String> {
        let people = self.headers.split(|byte| *byte == b'\n').filter_map(person);
        let people = people.filter(|who| patterns.is_agent(&who.name, &who.email));
        let people = people.map(|who| format!("{} is {} <{}>", who.role, who.name, who.email));
        let lines = self.message.split(|byte| *byte == b'\n').map(shown);
        people.chain(lines.filter(|line| patterns.message_line(line) != Line::Fine))
    }

    /// The object in its place, where it or a parent of it is another one now.
    fn reworded(
        &self,
        workspace: &Workspace,
        patterns: &Patterns,
        replaced: &BTreeMap<CommitId, CommitId>,
    ) -> Option<Vec<u8>> {
        let user = &workspace.record.identity;
        let mut headers = Vec::new();
        for line in self.headers.split_inclusive(|byte| *byte == b'\n') {
            headers.extend(header(line, user, patterns, replaced));
        }
        let mut message = reworded(&self.message, patterns);
        if message.as_ref().is_some_and(Vec::is_empty) {
            message = Some(format!("chore: work of {}\n", workspace.record.task).into_bytes());
        }
        if headers == self.headers && message.is_none() {
            return None;
        }
        let headers = unsigned(&headers);
        Some([headers.as_slice(), b"\n", message.as_deref().unwrap_or(&self.message)].concat())
    }
}

/// Author or committer, as a header names them.
struct Person {
    role: &'static str,
    name: String,
    email: String,
}

fn person(line: &[u8]) -> Option<Person> {
    let text = shown(line);
    let (role, rest) = [("author", "author "), ("committer", "committer ")]
        .into_iter()
        .find_map(|(role, start)| Some((role, text.strip_prefix(start)?)))?;
    let (name, rest) = rest.split_once('<')?;
    let (email, _) = rest.rsplit_once('>')?;
    Some(Person { role, name: name.trim().to_owned(), email: email.to_owned() })
}

/// A header line as it has to be: the user in an agent's place with the same date, parents as they are now.
fn header(
    line: &[u8],
    user: &Identity,
    patterns: &Patterns,
    replaced: &BTreeMap<CommitId, CommitId>,
) -> Vec<u8> {
    if let Some(who) = person(line).filter(|who| patterns.is_agent(&who.name, &who.email)) {
        let date = line.iter().rposition(|byte| *byte == b'>').map_or(&line[..0], |at| &line[at..]);
        return [format!("{} {} <{}", who.role, user.name, user.email).as_bytes(), date].concat();
    }
    let parent = line.strip_prefix(b"parent ").and_then(|id| commit_id(std::str::from_utf8(id).ok()?));
    match parent.and_then(|id| replaced.get(&id)) {
        Some(id) => format!("parent {id}\n").into_bytes(),
        None => line.to_owned(),
    }
}

/// Headers without a signature, which holds for the commit that was.
fn unsigned(headers: &[u8]) -> Vec<u8> {
    let mut inside = false;
    let mut kept = Vec::new();
    for line in headers.split_inclusive(|byte| *byte == b'\n') {
        inside = line.starts_with(b"gpgsig") || inside && line.starts_with(b" ");
        if !inside {
            kept.extend(line);
        }
    }
    kept
}

/// The message without what names an AI; nothing where it names none.
fn reworded(message: &[u8], patterns: &Patterns) -> Option<Vec<u8>> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut changed = false;
    for line in message.split(|byte| *byte == b'\n') {
        let text = shown(line);
        match patterns.message_line(&text) {
            Line::Fine => kept.push(line.to_owned()),
            Line::Gone => changed = true,
            Line::Cut(rest) => {
                changed = true;
                kept.push(rest.as_bytes().to_vec());
            }
        }
    }
    if !changed {
        return None;
    }
    let blank = |line: &Vec<u8>| line.iter().all(u8::is_ascii_whitespace);
    kept.dedup_by(|next, last| blank(next) && blank(last));
    let first = kept.iter().position(|line| !blank(line)).unwrap_or(kept.len());
    let end = kept.iter().rposition(|line| !blank(line)).map_or(first, |last| last + 1);
    let text: Vec<u8> = kept[first..end].iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
    Some(text)
}

/// The changed files that are small enough to be read, with a bound on them all.
fn readable(ours: &Ours, changes: &[Change]) -> Result<Vec<String>, GitError> {
    let files: Vec<&Change> =
        changes.iter().filter(|c| c.now == What::File && c.added > 0).take(FILES).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let ids: String = files.iter().map(|change| change.id.clone() + "\n").collect();
    let sizes = ours.store().args(["cat-file", "--batch-check=%(objectsize)"]).stdin(ids).text()?;
    let mut room = DIFF_BYTES;
    let mut paths = BTreeSet::new();
    for (change, size) in files.iter().zip(sizes.lines()) {
        let Ok(size) = size.parse::<u64>() else { continue };
        if size <= FILE_BYTES && size <= room {
            room -= size;
            paths.extend(String::from_utf8(change.path.clone()));
        }
    }
    Ok(paths.into_iter().collect())
}

const PATCH: [&str; 8] =
    ["diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"];

fn added_lines(
    ours: &Ours,
    (base, tip): (&CommitId, &CommitId),
    paths: &[String],
    patterns: &Patterns,
) -> Result<Vec<Attributed>, GitError> {
    let call: Call = ours.store().args(["-c", "core.quotePath=false"]).arg("--literal-pathspecs");
    let call =
        call.args(PATCH).args(["--src-prefix=a/", "--dst-prefix=b/", base.as_str(), tip.as_str(), "--"]);
    let output = call.args(paths).run()?;
    let mut found = Vec::new();
    let mut file = String::new();
    let (mut old, mut new, mut at) = (0_u32, 0_u32, 0_u32);
    for line in output.stdout.split(|byte| *byte == b'\n') {
        match line.first() {
            Some(b'-') if old > 0 => old -= 1,
            Some(b'+') if new > 0 => {
                let text = shown(&line[1..]);
                if found.len() < FOUND_SHOWN && patterns.is_in_file(&text) {
                    let place = Place::Line { file: file.clone(), line: at };
                    found.push(Attributed { place, text: cut(&text) });
                }
                new -= 1;
                at += 1;
            }
            Some(b'+') => {
                let path = shown(line.strip_prefix(b"+++ ").unwrap_or_default());
                let path = path.trim_end_matches('\t').trim_matches('"');
                path.strip_prefix("b/").unwrap_or(path).clone_into(&mut file);
            }
            Some(b'@') => (old, new, at) = hunk(&shown(line)).unwrap_or((0, 0, 0)),
            _ => {}
        }
    }
    Ok(found)
}

/// How many lines a hunk takes and gives, and where those that it gives begin: `@@ -3,0 +4,2 @@`.
fn hunk(line: &str) -> Option<(u32, u32, u32)> {
    let mut words = line.split(' ').skip(1);
    let mut range = |sign: char| {
        let text = words.next()?.strip_prefix(sign)?;
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse::<u32>().ok()?, count.parse::<u32>().ok()?))
    };
    let ((_, old), (start, new)) = (range('-')?, range('+')?);
    Some((old, new, start))
}

fn cut(text: &str) -> String {
    text.trim().chars().take(TEXT_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns() -> Patterns {
        let user = Identity { name: "Ursula User".to_owned(), email: "ursula@example.org".to_owned() };
        Patterns::new(&[], &user)
    }

    fn message(text: &str) -> Option<String> {
        reworded(text.as_bytes(), &patterns()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_message_loses_what_names_an_ai_and_the_gap_it_leaves() {
        assert_eq!(message("feat: a\n\nWhy.\n"), None);
        let long = "feat: a\n\nWhy.\n\n\u{1f916} Generated with [Claude Code](https://x)\n\n\
            Co-Authored-By: Claude <noreply@anthropic.com>\nReviewed-by: Jane <jane@example.org>\n";
        let short = "feat: a\n\nWhy.\n\nReviewed-by: Jane <jane@example.org>\n";
        assert_eq!(message(long).as_deref(), Some(short));
        assert_eq!(message(short), None);
        assert_eq!(message("Generated with Claude Code\n\nfeat: a").as_deref(), Some("feat: a\n"));
        assert_eq!(message("Generated with Claude Code\n").as_deref(), Some(""));
    }

    #[test]
    fn a_signature_goes_with_all_its_lines() {
        let headers = b"tree 1\ngpgsig -----BEGIN\n abc\n -----END\nencoding X\n";
        assert_eq!(unsigned(headers), b"tree 1\nencoding X\n");
    }

    #[test]
    fn hunks_say_where_lines_are() {
        assert_eq!(hunk("@@ -3,0 +4,2 @@ fn x() {"), Some((0, 2, 4)));
        assert_eq!(hunk("@@ -1 +1 @@"), Some((1, 1, 1)));
        assert_eq!(hunk("@@ nothing"), None);
    }
}
