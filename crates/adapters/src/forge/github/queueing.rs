//! Landing by GitHub's merge queue: a pull request is put into it once for each go at its landing, and watched until it is
//! merged or thrown out.
//!
//! The queue itself brings pull requests together with the target and with each other, and has CI judge that; so a branch
//! is neither updated nor rebased here. Before a pull request is put in, it is recorded when it was last taken out: whatever
//! answer is lost, a later removal is the outcome of this go.

use super::api::{Pull, Removal};
use super::checks::pause;
use super::ci::{RollUp, roll_up};
use super::client::ApiError;
use super::port::{GitHubPort, Inner};
use super::updating::{Head, Single};
use super::wording::{TAKEN_BACK, closed};
use crate::failpoint;
use crate::git::refs::{self, Expect};
use crate::git::{GitError, commit_id};
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{Class, Failure, LandOutcome};
use ppe_engine::ports::{LandSpec, Wished};
use std::fmt::Display;
use std::time::Instant;

/// What is to be done about a landing.
enum Next {
    /// It is over already, or cannot be.
    Over(LandOutcome),
    /// Its turn comes: what is waited for, in words.
    Wait(String),
    /// It is to be put into the queue.
    PutIn(Ready),
}

/// What is to be put into the queue.
#[derive(Clone, Debug)]
struct Ready {
    change: ChangeNumber,
    node_id: String,
    head: CommitId,
    /// What is recorded of this go.
    record: String,
}

/// Why a pull request is no longer in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Merged,
    Conflict,
    Checks,
    /// A person took it out, or something that only a person can mend.
    Person,
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl GitHubPort {
    /// Lands a candidate by GitHub's merge queue. Repeating it is harmless: what became of it is looked up first.
    pub(super) async fn land_by_queue(&self, spec: LandSpec) -> Result<LandOutcome, Trouble> {
        let (begun, pace) = (Instant::now(), self.inner.settings.pace);
        let mut look = 0;
        loop {
            let asked = spec.clone();
            match self.blocking(move |inner| inner.next_in_queue(&asked)).await? {
                Next::Over(outcome) => return Ok(outcome),
                Next::Wait(what) if begun.elapsed() >= pace.wait => return Err(Trouble::Elsewhere(what)),
                Next::Wait(_) => {}
                Next::PutIn(ready) if look > 0 && begun.elapsed() >= pace.wait => {
                    let change = ready.change;
                    let what = format!("GitHub does not show pull request {change} in its merge queue yet");
                    return Err(Trouble::Elsewhere(what));
                }
                Next::PutIn(ready) => {
                    if let Some(outcome) = self.unless_green(&spec, &ready.head).await? {
                        return Ok(outcome);
                    }
                    let asked = spec.clone();
                    if let Some(outcome) = self.blocking(move |inner| inner.put_in(&asked, &ready)).await? {
                        return Ok(outcome);
                    }
                }
            }
            tokio::time::sleep(pause(pace.poll, look)).await;
            look += 1;
        }
    }
}

impl Inner {
    /// Where a change's branch stands, behind the target or not.
    pub(super) fn present_head(&self, single: &Single) -> Result<Head, Trouble> {
        let Some(now) = self.remote.heads()?.remove(&single.branch) else { return Ok(Head::Moved(None)) };
        let ours = self.is_ours(&single.member.task, &single.member.head, &now)?;
        Ok(if ours { Head::At(now) } else { Head::Moved(Some(now)) })
    }

    /// Looks up what has become of a candidate.
    fn next_in_queue(&self, spec: &LandSpec) -> Result<Next, Trouble> {
        let single = Single::of(&spec.members, &spec.base, &spec.commit)?;
        let Some(change) = single.member.change else {
            let what = format!("{} has no pull request", single.member.task);
            return Ok(Next::Over(LandOutcome::Refused(what)));
        };
        // In this order: what leaves the queue between the two is seen as merged, if it was.
        let there = self.api.in_queue(change)?;
        let pull = self.api.pull(change)?;
        if let Some(commit) = pull.merged_as() {
            return self.merged(spec, &commit).map(Next::Over);
        }
        if !pull.is_open() {
            return Ok(Next::Over(closed(change)));
        }
        let head = match self.present_head(&single)? {
            Head::At(head) => head,
            Head::Moved(_) => return self.moved(single).map(Next::Over),
        };
        let record = record(spec, &head);
        let before = self.recorded(&single).map_err(machine)?;
        let last = before.as_deref().and_then(|text| text.strip_prefix(&record));
        let left = there.removal().filter(|removal| last.is_some_and(|last| last != removal.id));
        if spec.wished == Wished::NoMore && !left.is_some_and(is_merged) {
            return self.take_out(&pull, there.entry.is_some());
        }
        if let Some(entry) = there.entry {
            let what =
                format!("pull request {change} is in GitHub's merge queue, at place {}", entry.position);
            return Ok(Next::Wait(what));
        }
        match (left, there.removal()) {
            (Some(removal), _) => self.left_queue(spec, change, removal),
            // Whoever builds it anew sees with what it clashes.
            _ if pull.mergeable == Some(false) => Ok(Next::Over(LandOutcome::BaseMoved)),
            (_, removal) => {
                self.goes_on(&pull)?;
                let record = record + removal.map_or("none", |removal| &removal.id);
                let (node_id, head) = (pull.node_id, head);
                Ok(Next::PutIn(Ready { change, node_id, head, record }))
            }
        }
    }

    /// Nobody wishes for it any more: it leaves the queue, if it is not too late.
    fn take_out(&self, pull: &Pull, is_in: bool) -> Result<Next, Trouble> {
        if !is_in {
            return Ok(Next::Over(LandOutcome::Refused(TAKEN_BACK.to_owned())));
        }
        match self.api.dequeue(&pull.node_id) {
            // Whether it is refused or done, the next look tells.
            Ok(()) | Err(ApiError::Refused { .. }) => {
                Ok(Next::Wait(format!("pull request {} leaves GitHub's merge queue", pull.number)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a pull request into the queue, once for this go.
    fn put_in(&self, spec: &LandSpec, ready: &Ready) -> Result<Option<LandOutcome>, Trouble> {
        self.retarget(spec)?;
        self.make_ready(ready.change)?;
        self.await_mergeable(ready.change)?;
        let single = Single::of(&spec.members, &spec.base, &spec.commit)?;
        self.write_record(&single, &ready.record).map_err(machine)?;
        failpoint::hit("queue.before_call");
        let refused = self.call_queue(ready)?;
        failpoint::hit("queue.after_call");
        // What was refused since it is done already is seen at the next look.
        match refused {
            Some(why) if matches!(self.next_in_queue(spec)?, Next::PutIn(_)) => {
                Ok(Some(LandOutcome::Refused(why)))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Says why it was refused, if it was.
    fn call_queue(&self, ready: &Ready) -> Result<Option<String>, Trouble> {
        let refused = |error: ApiError| match error {
            ApiError::Refused { status: 400 | 403 | 405 | 422, why } => Ok(Some(why)),
            error => Err(Trouble::from(error)),
        };
        match self.api.begin_queueing(ready.change, &ready.head) {
            Ok(begun) => self.await_merge(ready.change, begun),
            Err(error) if error.is(404) => {
                self.api.enqueue(&ready.node_id, &ready.head).map(|()| None).or_else(refused)
            }
            Err(error) => refused(error),
        }
    }

    /// What it means that a pull request was taken out since it was put in.
    fn left_queue(&self, spec: &LandSpec, change: ChangeNumber, removal: &Removal) -> Result<Next, Trouble> {
        let reason = removal.reason.as_deref().unwrap_or("no reason is told");
        Ok(match reason_of(reason) {
            Reason::Merged => {
                Next::Wait(format!("GitHub does not show yet that it has merged pull request {change}"))
            }
            Reason::Conflict => Next::Over(LandOutcome::BaseMoved),
            Reason::Checks => Next::Over(LandOutcome::Red(self.thrown_out(removal, reason)?)),
            Reason::Person => Next::Over(LandOutcome::Refused(format!(
                "pull request {change} was taken out of GitHub's merge queue ({reason}): put it back there, or let \
                 `ppe retry {}` do it",
                spec.members.first().map_or("", |(member, _)| member.task.as_str())
            ))),
        })
    }

    /// How CI was red on what the queue would have merged.
    fn thrown_out(&self, removal: &Removal, reason: &str) -> Result<Failure, Trouble> {
        let judged = match &removal.before_commit {
            Some(group) => Some((&group.oid, roll_up(&self.checks_alone(&group.oid)?, &[]))),
            None => None,
        };
        let Some((commit, RollUp::Red(red))) = judged else {
            return Ok(Failure::new(Class::Ci, format!("GitHub's merge queue threw it out: {reason}")));
        };
        let failure = self.failure(commit, &red)?;
        Ok(Failure { summary: format!("{}, in GitHub's merge queue", failure.summary), ..failure })
    }

    fn recorded(&self, single: &Single) -> Result<Option<String>, GitError> {
        let name = refs::queued_of(&self.run, &single.member.task);
        let Some(blob) = refs::read(&self.repo, &name)? else { return Ok(None) };
        self.repo.store().args(["cat-file", "blob", blob.as_str()]).text().map(Some)
    }

    fn write_record(&self, single: &Single, record: &str) -> Result<(), GitError> {
        let call = self.repo.store().args(["hash-object", "-w", "--stdin"]).stdin(record.to_owned());
        let said = call.clone().text()?;
        let blob = commit_id(&said).ok_or_else(|| call.unexpected(&said))?;
        let name = refs::queued_of(&self.run, &single.member.task);
        refs::update(&self.repo, &name, &blob, &Expect::Any).map(|_| ())
    }
}

/// What is recorded of a go: which it is, of which head. The name of the last removal before it follows, or that there is none.
fn record(spec: &LandSpec, head: &CommitId) -> String {
    format!("{} {} {head} after ", spec.candidate, spec.go)
}

/// Whether it left the queue since it is merged, which GitHub may show a moment later.
fn is_merged(removal: &Removal) -> bool {
    removal.reason.as_deref().is_some_and(|reason| reason_of(reason) == Reason::Merged)
}

/// GitHub documents no list of reasons: what is not known is a person's.
fn reason_of(said: &str) -> Reason {
    let said = said.to_lowercase().replace(['_', '-'], " ");
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["conflict"]) {
        Reason::Conflict
    } else if has(&["check", "ci failure", "ci timeout", "timed out"]) {
        Reason::Checks
    } else if matches!(said.as_str(), "merged" | "merge" | "already merged") {
        Reason::Merged
    } else {
        Reason::Person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_however_they_are_written() {
        for (said, reason) in [
            ("failed_checks", Reason::Checks),
            ("CI_FAILURE", Reason::Checks),
            ("CI_TIMEOUT", Reason::Checks),
            ("merge_conflict", Reason::Conflict),
            ("merged", Reason::Merged),
            ("MERGE", Reason::Merged),
            ("manual", Reason::Person),
            ("QUEUE_CLEARED", Reason::Person),
            ("something new", Reason::Person),
        ] {
            assert_eq!(reason_of(said), reason, "{said}");
        }
    }
}
