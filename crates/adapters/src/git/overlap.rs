//! Which pairs of commits could conflict at all, told from the paths that each side touches since they parted.
//!
//! Right before fast: a pair is left out only where a merge cannot fail. A side that removes no path renames nothing, so
//! if neither removes one, and no path of one side is a path or a folder of the other's, each path comes from one side
//! as it is. Everything that is not as simple as that stays in.
//!
//! Knows nothing of what the files hold.

use std::collections::{BTreeMap, BTreeSet};

use ppe_core::ids::CommitId;

use super::diff::TREES;
use super::scratch::Scratch;
use super::{GitError, commit_id, shown};

/// Those of the pairs that could conflict.
pub(super) fn possible(scratch: &Scratch, pairs: &[[CommitId; 2]]) -> Result<Vec<[CommitId; 2]>, GitError> {
    let tips: BTreeSet<&CommitId> = pairs.iter().flatten().collect();
    let Some(history) = History::of(scratch, &tips)? else { return Ok(pairs.to_vec()) };
    let reached: BTreeMap<&CommitId, Vec<bool>> =
        tips.iter().map(|tip| (*tip, history.reached_from(tip))).collect();
    let forks: Vec<Fork> = pairs.iter().map(|[a, b]| history.fork(&reached[a], &reached[b])).collect();
    let sides = pairs.iter().zip(&forks).filter_map(|(pair, fork)| Some((pair, fork.at()?)));
    let sides = sides.flat_map(|(pair, at)| pair.iter().map(move |tip| (tip, at))).collect();
    let touched = touched(scratch, &sides)?;
    let could = |([a, b], fork): &(&[CommitId; 2], &Fork)| match fork {
        Fork::None => false,
        Fork::At(at) => touched[&(a, at)].could_conflict(&touched[&(b, at)]),
        Fork::Several => true,
    };
    Ok(pairs.iter().zip(&forks).filter(could).map(|(pair, _)| pair.clone()).collect())
}

/// The paths that each of these touches since it left another commit, where there is one such place.
pub(super) fn touched_since(
    scratch: &Scratch,
    tips: &[CommitId],
    other: &CommitId,
) -> Result<BTreeMap<CommitId, BTreeSet<Vec<u8>>>, GitError> {
    let all: BTreeSet<&CommitId> = tips.iter().chain([other]).collect();
    let Some(history) = History::of(scratch, &all)? else { return Ok(BTreeMap::new()) };
    let reached = history.reached_from(other);
    let forks = tips.iter().map(|tip| (tip, history.fork(&history.reached_from(tip), &reached)));
    let forks: Vec<(&CommitId, Fork)> = forks.collect();
    let sides = forks.iter().filter_map(|(tip, fork)| Some((*tip, fork.at()?))).collect();
    let touched = touched(scratch, &sides)?;
    Ok(touched.into_iter().map(|((tip, _), touched)| (tip.clone(), touched.paths)).collect())
}

/// Where two commits part.
#[derive(Debug, PartialEq, Eq)]
enum Fork {
    /// One contains the other.
    None,
    /// They have this one best common ancestor.
    At(CommitId),
    /// They may have several.
    Several,
}

impl Fork {
    fn at(&self) -> Option<&CommitId> {
        match self {
            Self::At(commit) => Some(commit),
            Self::None | Self::Several => None,
        }
    }
}

/// The commits that lie between some tips and a commit that all of them contain.
struct History {
    ids: Vec<CommitId>,
    places: BTreeMap<CommitId, usize>,
    /// Of each commit, those before it; children come first, and what all contain has none here.
    parents: Vec<Vec<usize>>,
}

impl History {
    /// None where there is no such commit.
    fn of(scratch: &Scratch, tips: &BTreeSet<&CommitId>) -> Result<Option<Self>, GitError> {
        if tips.len() < 2 {
            return Ok(None);
        }
        let names = tips.iter().map(|tip| tip.as_str());
        let common = scratch.call().args(["merge-base", "--octopus"]).args(names.clone()).any()?;
        let Some(common) = common.text_if_ok().and_then(|text| commit_id(&text)) else { return Ok(None) };
        let wanted: String = names.map(|tip| format!("{tip}\n")).chain([format!("^{common}\n")]).collect();
        let call = scratch.call().args(["rev-list", "--topo-order", "--parents", "--stdin"]).stdin(wanted);
        let mut history = Self { ids: Vec::new(), places: BTreeMap::new(), parents: Vec::new() };
        for line in call.clone().text()?.lines() {
            let ids: Option<Vec<CommitId>> = line.split(' ').map(commit_id).collect();
            let ids = ids.ok_or_else(|| call.unexpected(line))?;
            let places: Vec<usize> = ids.into_iter().map(|id| history.place(id)).collect();
            if let [commit, parents @ ..] = &places[..] {
                history.parents[*commit] = parents.to_vec();
            }
        }
        Ok(Some(history))
    }

    fn place(&mut self, id: CommitId) -> usize {
        if let Some(place) = self.places.get(&id) {
            return *place;
        }
        self.places.insert(id.clone(), self.ids.len());
        self.ids.push(id);
        self.parents.push(Vec::new());
        self.ids.len() - 1
    }

    /// Of each commit, whether a tip contains it.
    fn reached_from(&self, tip: &CommitId) -> Vec<bool> {
        let mut reached = vec![false; self.ids.len()];
        let mut left: Vec<usize> = self.places.get(tip).copied().into_iter().collect();
        while let Some(at) = left.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                left.extend(&self.parents[at]);
            }
        }
        reached
    }

    /// Every best common ancestor is the parent of a commit that only one side has.
    fn fork(&self, a: &[bool], b: &[bool]) -> Fork {
        let (mut only_a, mut only_b) = (false, false);
        let mut edge: BTreeSet<&usize> = BTreeSet::new();
        for (at, parents) in self.parents.iter().enumerate().filter(|(at, _)| a[*at] != b[*at]) {
            only_a |= a[at];
            only_b |= b[at];
            edge.extend(parents.iter().filter(|parent| a[**parent] == b[**parent]));
        }
        match (only_a && only_b, edge.first()) {
            (false, _) => Fork::None,
            (true, Some(at)) if edge.len() == 1 => Fork::At(self.ids[**at].clone()),
            (true, _) => Fork::Several,
        }
    }
}

/// What one side does to the paths.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    paths: BTreeSet<Vec<u8>>,
    folders: BTreeSet<Vec<u8>>,
    removes: bool,
}

impl Touched {
    fn add(&mut self, raw: &[u8], path: &[u8]) {
        self.removes |= raw.ends_with(b"D");
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        self.folders.extend(slashes.map(|(at, _)| path[..at].to_owned()));
        self.paths.insert(path.to_owned());
    }

    fn could_conflict(&self, other: &Self) -> bool {
        self.removes
            || other.removes
            || !self.paths.is_disjoint(&other.paths)
            || !self.paths.is_disjoint(&other.folders)
            || !other.paths.is_disjoint(&self.folders)
    }
}

type Side<'a> = (&'a CommitId, &'a CommitId);

/// What tips touch, each since a commit, in one process.
fn touched<'a>(
    scratch: &Scratch,
    sides: &BTreeSet<Side<'a>>,
) -> Result<BTreeMap<Side<'a>, Touched>, GitError> {
    if sides.is_empty() {
        return Ok(BTreeMap::new());
    }
    let lines: Vec<String> = sides.iter().map(|(tip, since)| format!("{tip} {since}\n")).collect();
    let call = scratch.call().args(TREES).args(["--raw", "--stdin", "--always"]).stdin(lines.concat());
    let output = call.clone().run()?;
    let mut found: Vec<Touched> = Vec::new();
    let mut fields = output.fields();
    while let Some(field) = fields.next() {
        match (field.starts_with(b":"), found.last_mut()) {
            (false, _) => found.push(Touched::default()),
            (true, Some(side)) => {
                side.add(field, fields.next().ok_or_else(|| call.unexpected(&shown(field)))?);
            }
            (true, None) => return Err(call.unexpected(&shown(field))),
        }
    }
    if found.len() != sides.len() {
        return Err(call.unexpected("diff-tree"));
    }
    Ok(sides.iter().copied().zip(found).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched_by(changes: &[(&[u8], &str)]) -> Touched {
        let mut touched = Touched::default();
        for (raw, path) in changes {
            touched.add(raw, path.as_bytes());
        }
        touched
    }

    #[test]
    fn only_what_shares_no_path_and_no_folder_and_removes_nothing_is_left_out() {
        let (added, removed) = (b":0 1 0 1 A".as_slice(), b":1 0 1 0 D".as_slice());
        let one = touched_by(&[(added, "a/b/c"), (added, "d")]);
        assert!(!one.could_conflict(&touched_by(&[(added, "a/b/x"), (added, "e")])));
        assert!(one.could_conflict(&touched_by(&[(added, "d")])));
        for (mine, theirs) in [("a/b", "a/b/c"), ("d/e", "d")] {
            assert!(one.could_conflict(&touched_by(&[(added, mine)])), "{mine} beside {theirs}");
        }
        assert!(one.could_conflict(&touched_by(&[(removed, "z")])));
        assert!(touched_by(&[(removed, "z")]).could_conflict(&one));
    }
}
