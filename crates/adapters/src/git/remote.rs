//! A repository elsewhere: its branches are asked for, pushed and fetched, never forced over what was not seen before; and a
//! target here that follows the one there.
//!
//! Knows nothing of why a branch is moved, nor by what means who is let in.

use super::cli::{Call, Output};
use super::lane::{self, Landing};
use super::refs::{self, Expect};
use super::{Repo, commit_id};
use ppe_core::ids::{Branch, CommitId};
use ppe_core::input::Trouble;
use ppe_core::wording;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// A transfer this slow for this long is given up: bytes a second, seconds.
const SLOW: [&str; 4] = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"];
/// What git and servers say when a push finds another tip than was expected.
const STALE: [&str; 4] = ["stale info", "fetch first", "non-fast-forward", "cannot lock ref"];

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The branch is there, now or already before.
    Done,
    /// It was somewhere else and was left alone.
    Stale,
    /// It is not taken there, and why.
    Refused(String),
}

/// What a call needs besides to be let in.
pub(crate) type Access = Box<dyn Fn(Call) -> Result<Call, Trouble> + Send + Sync>;

/// What a person can do about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints {
    /// When nobody vouches for the other side.
    pub(crate) untrusted: &'static str,
    /// When it does not let git in.
    pub(crate) denied: &'static str,
}

/// The repository on the other side.
pub(crate) struct Remote {
    repo: Repo,
    url: String,
    access: Access,
    hints: Hints,
    /// Two fetches of one branch would stand in each other's way.
    fetching: Mutex<()>,
}

/// Where a branch of the remote's was last seen.
pub(crate) fn seen(branch: &Branch) -> String {
    format!("refs/ppe/remote/{branch}")
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl Remote {
    pub(crate) fn new(repo: Repo, url: String, access: Access, hints: Hints) -> Self {
        Self { repo, url, access, hints, fetching: Mutex::default() }
    }

    /// A call that may reach the remote.
    fn call(&self) -> Result<Call, Trouble> {
        (self.access)(self.repo.store().network().args(SLOW))
    }

    /// The tips of all branches.
    pub(crate) fn heads(&self) -> Result<BTreeMap<Branch, CommitId>, Trouble> {
        let call = self.call()?.args(["ls-remote", "--quiet", "--heads", "--refs", "--", &self.url]);
        let output = self.done(call.clone().any().map_err(machine)?)?;
        let entry = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((Branch::new(name.strip_prefix("refs/heads/")?), commit_id(id)?))
        };
        Ok(output.text().lines().filter_map(entry).collect())
    }

    /// Fetches a branch and keeps its tip; nothing when there is none.
    pub(crate) fn fetch(&self, branch: &Branch) -> Result<Option<CommitId>, Trouble> {
        let _turn = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let refspec = format!("+{}:{}", refs::head(branch), seen(branch));
        let switches =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--", &self.url];
        let output = self.call()?.args(switches).arg(refspec).any().map_err(machine)?;
        if output.stderr.contains("couldn't find remote ref") {
            return Ok(None);
        }
        self.done(output)?;
        refs::read(&self.repo, &seen(branch)).map_err(machine)
    }

    /// Makes a branch stand at a commit, if it is as expected.
    pub(crate) fn push(
        &self,
        branch: &Branch,
        commit: &CommitId,
        expect: &Expect,
    ) -> Result<Pushed, Trouble> {
        let pushed = self.send(&format!("{commit}:{}", refs::head(branch)), branch, expect)?;
        // When an answer is lost, git itself sends the same once more, and is refused because it was done.
        if pushed != Pushed::Done && self.heads()?.get(branch) == Some(commit) {
            return Ok(Pushed::Done);
        }
        Ok(pushed)
    }

    /// Takes a branch away, if it is at a commit.
    pub(crate) fn delete(&self, branch: &Branch, at: &CommitId) -> Result<Pushed, Trouble> {
        self.send(&format!(":{}", refs::head(branch)), branch, &Expect::At(at.clone()))
    }

    fn send(&self, refspec: &str, branch: &Branch, expect: &Expect) -> Result<Pushed, Trouble> {
        let expected = match expect {
            Expect::At(old) => old.as_str(),
            // Nothing after the colon: it must not be there.
            Expect::Absent | Expect::Any => "",
        };
        let lease = format!("--force-with-lease={}:{expected}", refs::head(branch));
        let switches =
            ["push", "--porcelain", "--no-verify", "--no-signed", &lease, "--", &self.url, refspec];
        let output = self.call()?.args(switches).any().map_err(machine)?;
        if output.code == 0 {
            return Ok(Pushed::Done);
        }
        let said = output.text();
        // `!<tab>from:to<tab>[remote rejected] (why)`
        let Some(line) = said.lines().find(|line| line.starts_with('!')) else {
            return self.done(output).map(|_| Pushed::Done);
        };
        if STALE.iter().any(|word| line.contains(word) || output.stderr.contains(word)) {
            return Ok(Pushed::Stale);
        }
        let reason = line.rsplit('\t').next().unwrap_or(line);
        let told = output.stderr.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim);
        let told: Vec<_> = std::iter::once(reason).chain(told).filter(|line| !line.is_empty()).collect();
        Ok(Pushed::Refused(wording::first_line(&told.join("; "), 400)))
    }

    /// A command that succeeded; for any other, whose matter it is.
    fn done(&self, output: Output) -> Result<Output, Trouble> {
        if output.code == 0 {
            return Ok(output);
        }
        let address = without_user(&self.url);
        let said = output.stderr.replace(&self.url, &address);
        let denied = ["Authentication failed", "could not read Username", "Permission denied", "error: 403"];
        let line = wording::first_line(&said, 300);
        let unknown = ["SSL certificate problem", "certificate verification failed"];
        Err(Trouble::Elsewhere(if unknown.iter().any(|word| said.contains(word)) {
            format!("git does not trust {address}: {line}; {}", self.hints.untrusted)
        } else if denied.iter().any(|word| said.contains(word)) {
            format!("{address} does not let git in: {line}; {}", self.hints.denied)
        } else {
            format!("git cannot reach {address}: {line}")
        }))
    }
}

/// An address without the user and password that it may hold.
pub(crate) fn without_user(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => address.to_owned(),
    }
}

/// Moves a branch here on to where it stands at another place, by fast-forward; or says what stands in the way.
pub(crate) fn follow(
    repo: &Repo,
    branch: &Branch,
    tip: &CommitId,
    place: &str,
) -> Result<Option<String>, Trouble> {
    let here = lane::tip(repo, branch).map_err(machine)?;
    if here == *tip {
        return Ok(None);
    }
    if !repo.contains(tip, &here).map_err(machine)? {
        return Ok(Some(format!(
            "{branch} has commits here that {branch} on {place} has not: push them, or take them off it"
        )));
    }
    Ok(match lane::land(repo, branch, &here, tip).map_err(machine)? {
        Landing::Landed => None,
        Landing::BaseMoved { .. } => Some(format!("{branch} was moved here meanwhile")),
        Landing::Refused { why, files } if files.is_empty() => Some(why),
        Landing::Refused { why, files } => Some(format!("{why}: {}", files.join(", "))),
    })
}
