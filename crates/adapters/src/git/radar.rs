//! Which branches do not merge with each other, and in which files, found by trying before anyone pays for it.
//!
//! All pairs are tried by one git process, without a checkout. Those that cannot conflict (see [`super::overlap`]) are not
//! tried, and those whose tips are as they were are known already.
//!
//! Knows nothing of tasks, or of what follows from a conflict.

use std::collections::{BTreeMap, BTreeSet};

use ppe_core::ids::{Branch, CommitId};

use super::overlap;
use super::scratch::Scratch;
use super::{GitError, shown, tree_id};

const FILES_SHOWN: usize = 100;

/// A branch and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The branch.
    pub branch: Branch,
    /// Its commit.
    pub commit: CommitId,
}

/// Two branches that do not merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Which, in the order in which they were given.
    pub branches: [Branch; 2],
    /// The files that clash, bounded; git names none for some renames of folders.
    pub files: Vec<String>,
}

/// Remembers what was tried, as long as it is asked about.
#[derive(Debug, Default)]
pub struct Radar {
    known: BTreeMap<Tried, Outcome>,
}

/// Two commits, the lesser first: merging is tried in one direction only.
type Tried = [CommitId; 2];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Merges,
    Conflicts(Vec<String>),
}

impl Radar {
    /// The pairs of branches that do not merge, in the order of the tips.
    pub fn conflicts(&mut self, scratch: &Scratch, tips: &[Tip]) -> Result<Vec<Pair>, GitError> {
        let pairs = || tips.iter().enumerate().flat_map(|(at, a)| tips[at + 1..].iter().map(move |b| (a, b)));
        let asked: BTreeSet<Tried> = pairs().map(|(a, b)| tried(&a.commit, &b.commit)).collect();
        self.known.retain(|pair, _| asked.contains(pair));
        let fresh: Vec<Tried> = asked.into_iter().filter(|pair| !self.known.contains_key(pair)).collect();
        self.look(scratch, fresh)?;
        let found = pairs().filter_map(|(a, b)| match self.known.get(&tried(&a.commit, &b.commit))? {
            Outcome::Merges => None,
            Outcome::Conflicts(files) => {
                Some(Pair { branches: [a.branch.clone(), b.branch.clone()], files: files.clone() })
            }
        });
        Ok(found.collect())
    }

    fn look(&mut self, scratch: &Scratch, fresh: Vec<Tried>) -> Result<(), GitError> {
        let possible = overlap::possible(scratch, &fresh)?;
        let outcomes = merge_all(scratch, &possible)?;
        self.known.extend(fresh.into_iter().map(|pair| (pair, Outcome::Merges)));
        self.known.extend(possible.into_iter().zip(outcomes));
        Ok(())
    }
}

/// The files that each tip changes, seen from where it left the target. One that left it in several places is not among
/// them.
pub fn touched(
    scratch: &Scratch,
    tips: &[CommitId],
    target: &CommitId,
) -> Result<BTreeMap<CommitId, Vec<String>>, GitError> {
    let files = overlap::touched_since(scratch, tips, target)?;
    let names = |paths: BTreeSet<Vec<u8>>| paths.iter().map(|path| shown(path)).collect();
    Ok(files.into_iter().map(|(tip, paths)| (tip, names(paths))).collect())
}

fn tried(a: &CommitId, b: &CommitId) -> Tried {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    [a.clone(), b.clone()]
}

/// Merges each pair, in one process.
fn merge_all(scratch: &Scratch, pairs: &[Tried]) -> Result<Vec<Outcome>, GitError> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<String> = pairs.iter().map(|[a, b]| format!("{a} {b}\n")).collect();
    // Without the switch, two branches without a common commit would end the process in the middle.
    let switches = ["--stdin", "-z", "--name-only", "--no-messages", "--allow-unrelated-histories"];
    let call = scratch.call().args(["merge-tree", "--write-tree"]).args(switches).stdin(lines.concat());
    let output = call.clone().run()?;
    let mut rest = output.stdout.split(|byte| *byte == 0);
    let outcomes: Option<Vec<Outcome>> = pairs.iter().map(|pair| outcome(&mut rest, pair)).collect();
    outcomes.ok_or_else(|| call.unexpected("merge-tree"))
}

/// One answer: whether it merges, the tree, the files that clash, an empty field.
fn outcome<'a>(fields: &mut impl Iterator<Item = &'a [u8]>, pair: &Tried) -> Option<Outcome> {
    let merges = match fields.next()? {
        b"1" => true,
        b"0" => false,
        _ => return None,
    };
    tree_id(&shown(fields.next()?))?;
    let files: BTreeSet<String> =
        fields.take_while(|field| !field.is_empty()).map(|field| file(field, pair)).collect();
    Some(if merges {
        Outcome::Merges
    } else {
        Outcome::Conflicts(files.into_iter().take(FILES_SHOWN).collect())
    })
}

/// A file's own name. Where a folder is in its place, git puts it beside that, by the name of the commit.
fn file(field: &[u8], pair: &Tried) -> String {
    let name = shown(field);
    let beside = pair.iter().find_map(|commit| name.strip_suffix(&format!("~{commit}")));
    beside.map(str::to_owned).unwrap_or(name)
}
