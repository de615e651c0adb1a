//! The remote that landings are pushed to, where the user wants them there. It takes a landing first, so that nothing has
//! landed here that has not landed there.

use crate::failpoint;
use crate::git::Repo;
use crate::git::refs::Expect;
use crate::git::remote::{Hints, Pushed, Remote, follow};
use ppe_core::ids::{Branch, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::LandOutcome;
use ppe_engine::ports::LandSpec;
use std::fmt::Display;

const HINTS: Hints = Hints {
    untrusted: "let git trust it, or push elsewhere: [forge] push",
    denied: "may you push there without being asked for a password?",
};

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

/// The remote.
pub struct Upstream {
    repo: Repo,
    name: String,
    remote: Remote,
}

impl Upstream {
    /// The remote of this name, at this address. Who is let in is git's matter.
    pub fn new(repo: &Repo, name: &str, url: &str) -> Self {
        let remote = Remote::new(repo.clone(), url.to_owned(), Box::new(Ok), HINTS);
        Self { repo: repo.clone(), name: name.to_owned(), remote }
    }

    /// Its name here.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the target here stands to the one there, where they have gone apart: no landing can go to both.
    pub fn survey(&self, target: &Branch) -> Result<Option<String>, Trouble> {
        let (Some(there), Some(here)) = (self.remote.fetch(target)?, self.repo.tip(target).map_err(machine)?)
        else {
            return Ok(None);
        };
        let apart = !self.contains(&here, &there)? && !self.contains(&there, &here)?;
        Ok(apart.then(|| format!("{target} here and {target} on {} have gone apart", self.name)))
    }

    /// Brings the target here to where it stands there, where that is further on. What landed here before goes there with
    /// the next landing.
    pub(super) fn catch_up(&self, target: &Branch) -> Result<(), Trouble> {
        let Some(there) = self.remote.fetch(target)? else { return Ok(()) };
        let here = self.repo.tip(target).map_err(machine)?;
        if let Some(here) = here
            && self.contains(&here, &there)?
        {
            return Ok(());
        }
        follow(&self.repo, target, &there, &self.name)?.map_or(Ok(()), |why| Err(Trouble::Elsewhere(why)))
    }

    fn contains(&self, tip: &CommitId, commit: &CommitId) -> Result<bool, Trouble> {
        self.repo.contains(tip, commit).map_err(machine)
    }

    /// Makes the target there take a candidate, if it holds nothing that the candidate lacks. Nothing is left to be said
    /// once it has it.
    pub(super) fn take(&self, spec: &LandSpec) -> Result<Option<LandOutcome>, Trouble> {
        let there = self.remote.fetch(&spec.target)?;
        let expect = match &there {
            None => Expect::Absent,
            Some(tip) if self.contains(tip, &spec.commit)? => return Ok(None),
            Some(tip) if !self.contains(&spec.base, tip)? => {
                self.catch_up(&spec.target)?;
                return Ok(Some(LandOutcome::BaseMoved));
            }
            Some(tip) => Expect::At(tip.clone()),
        };
        failpoint::hit("land.before_push");
        let pushed = self.remote.push(&spec.target, &spec.commit, &expect)?;
        failpoint::hit("land.after_push");
        Ok(match pushed {
            Pushed::Done => None,
            Pushed::Stale => Some(LandOutcome::BaseMoved),
            Pushed::Refused(why) => {
                Some(LandOutcome::Refused(format!("{} does not take {}: {why}", self.name, spec.target)))
            }
        })
    }
}
