//! Git's side of GitHub: branches are asked for, pushed and fetched, never forced over what was not seen before.
//!
//! The token goes by the environment of the one git process that needs it, and only to the remote's own host. Knows nothing
//! of pull requests.

use super::GitHubSettings;
use super::authority::UNKNOWN;
use super::place::without_user;
use super::token::{Secret, TokenSource};
use crate::git::cli::{Call, Output};
use crate::git::refs::{self, Expect};
use crate::git::{GitError, Repo, commit_id};
use ppe_core::ids::{Branch, CommitId};
use ppe_core::input::Trouble;
use ppe_core::wording;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The variable by which git's credential helper is told the token.
const TOKEN_VARIABLE: &str = "PPE_GIT_TOKEN";
/// The helper, in the words of a shell. It answers one question and keeps nothing.
const HELPER: &str = "!f() { if [ \"$1\" = get ]; then echo username=x-access-token; echo \"password=$PPE_GIT_TOKEN\"; fi; }; f";
/// A transfer this slow for this long is given up: bytes a second, seconds.
const SLOW: [&str; 4] = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60"];
/// What git and servers say when a push finds another tip than was expected.
const STALE: [&str; 4] = ["stale info", "fetch first", "non-fast-forward", "cannot lock ref"];

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The branch is there, now or already before.
    Done,
    /// It was somewhere else and was left alone.
    Stale,
    /// GitHub does not take it, and why.
    Refused(String),
}

/// The repository on the other side.
pub(super) struct Remote {
    repo: Repo,
    url: String,
    tokens: TokenSource,
    /// The file of the authority that vouches for it.
    ca_file: Option<PathBuf>,
    /// Two fetches of one branch would stand in each other's way.
    fetching: Mutex<()>,
}

/// Where a branch of the remote's was last seen.
pub(super) fn seen(branch: &Branch) -> String {
    format!("refs/ppe/remote/{branch}")
}

fn machine(error: GitError) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl Remote {
    pub(super) fn new(repo: Repo, settings: &GitHubSettings) -> Self {
        let (url, tokens) = (settings.remote.clone(), settings.tokens.clone());
        let ca_file = settings.authority.as_ref().map(|authority| authority.file.clone());
        Self { repo, url, tokens, ca_file, fetching: Mutex::default() }
    }

    /// A call that may reach the remote.
    fn call(&self) -> Result<Call, Trouble> {
        let call = self.repo.store().network().args(SLOW);
        // It wins over whatever else git would trust.
        let call = self.ca_file.iter().fold(call, |call, file| call.env("GIT_SSL_CAINFO", file));
        if !self.url.starts_with("http") {
            return Ok(call);
        }
        let found = self.tokens.find().map_err(|error| Trouble::Elsewhere(error.to_string()))?;
        Ok(with_token(call, &self.url, &found.token))
    }

    /// The tips of all branches.
    pub(super) fn heads(&self) -> Result<BTreeMap<Branch, CommitId>, Trouble> {
        let call = self.call()?.args(["ls-remote", "--quiet", "--heads", "--refs", "--", &self.url]);
        let output = self.done(call.clone().any().map_err(machine)?)?;
        let entry = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((Branch::new(name.strip_prefix("refs/heads/")?), commit_id(id)?))
        };
        Ok(output.text().lines().filter_map(entry).collect())
    }

    /// Fetches a branch and keeps its tip; nothing when there is none.
    pub(super) fn fetch(&self, branch: &Branch) -> Result<Option<CommitId>, Trouble> {
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
    pub(super) fn push(
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
    pub(super) fn delete(&self, branch: &Branch, at: &CommitId) -> Result<Pushed, Trouble> {
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
            format!("git does not trust {address}: {line}; {UNKNOWN}")
        } else if denied.iter().any(|word| said.contains(word)) {
            format!("{address} does not let git in: {line}; is the token right, and may it write contents?")
        } else {
            format!("git cannot reach {address}: {line}")
        }))
    }
}

/// The call with a helper that knows the token, for this host alone; no other helper is asked or told.
fn with_token(call: Call, url: &str, token: &Secret) -> Call {
    let host: String = without_user(url).splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let helper = format!("credential.{host}.helper={HELPER}");
    call.args(["-c", "credential.helper=", "-c", &format!("credential.{host}.helper="), "-c", &helper])
        .env(TOKEN_VARIABLE, token.expose())
}
