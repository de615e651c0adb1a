//! Where work that did not land lies: on a branch, in the run's hands, or nowhere but under a ref of ours or in a
//! workspace. Does not judge landings.

use super::{Finding, FindingKind, Landing, Proof, Subject};
use crate::error::AppError;
use ppe_adapters::git::ours::OursError;
use ppe_adapters::git::scratch::Scratch;
use ppe_adapters::git::workspace::Workspace;
use ppe_adapters::git::{proof, refs};
use ppe_core::ids::{CommitId, TaskId};
use ppe_core::state::{Step, Task};
use ppe_core::wording::short;

/// Looks for the work of every task that is not proved landed, and for what is kept of workspaces.
pub(super) fn look(
    subject: &Subject<'_>,
    landings: &[Landing],
    findings: &mut Vec<Finding>,
) -> Result<(), AppError> {
    let state = &subject.state;
    let kept = refs::list(&subject.site.repo, &format!("refs/ppe/keep/{}", state.run))?;
    let scratch = Scratch::new(&subject.site.repo)?;
    for (at, task) in state.tasks.iter().enumerate().filter(|(_, task)| task.in_run()) {
        let id = state.id(at);
        let landed = landings.iter().any(|landing| landing.task == *id && landing.proof != Proof::Lost);
        let search = Search { subject, id, task, landed };
        if !landed && !search.is_in_hand() {
            findings.extend(search.measured()?);
        }
        let prefix = format!("refs/ppe/keep/{}/{id}/", state.run);
        for (name, commit) in kept.iter().filter(|(name, _)| name.starts_with(&prefix)) {
            findings.extend(search.kept(name, commit)?);
        }
        if !search.is_in_hand() {
            findings.extend(search.workspace(&scratch)?);
        }
    }
    Ok(())
}

/// The search for one task's work.
struct Search<'a> {
    subject: &'a Subject<'a>,
    id: &'a TaskId,
    task: &'a Task,
    landed: bool,
}

impl Search<'_> {
    /// Whether the run has its work and goes on with it by itself, now or when it is taken up.
    fn is_in_hand(&self) -> bool {
        match &self.task.step {
            Step::Outside
            | Step::Waiting
            | Step::Ready { .. }
            | Step::Running(_)
            | Step::Backoff { .. }
            | Step::Parked { .. }
            | Step::Publishing => true,
            Step::Published | Step::Open | Step::InLane | Step::Held { .. } | Step::Closed(_) => false,
        }
    }

    /// The work as it was measured last.
    fn measured(&self) -> Result<Option<Finding>, AppError> {
        let repo = &self.subject.site.repo;
        let Some(tip) = &self.task.facts.tip else { return Ok(None) };
        if repo.resolve(tip.as_str())?.is_none() {
            let text = format!("its work {} is not in the repository any more", short(tip));
            return Ok(Some(self.finding(
                FindingKind::WorkGone,
                tip,
                text,
                format!("ppe retry {}", self.id),
            )));
        }
        if self.subject.has_home(tip)? {
            return Ok(None);
        }
        let text = format!("its work {} is on no branch{}", short(tip), self.subject.unasked());
        let command = match &self.task.facts.branch {
            Some(branch) if repo.tip(branch)?.is_none() => format!("git branch {branch} {tip}"),
            _ => self.subject.branch_for(self.id, tip)?,
        };
        Ok(Some(self.finding(FindingKind::WorkAdrift, tip, text, command)))
    }

    /// What is kept of its workspace.
    fn kept(&self, name: &str, commit: &CommitId) -> Result<Option<Finding>, AppError> {
        let repo = &self.subject.site.repo;
        let known = match &self.task.facts.tip {
            Some(tip) => repo.resolve(tip.as_str())?.is_some() && proof::adds_nothing(repo, commit, tip)?,
            None => false,
        };
        if known || self.is_in_hand() || self.subject.has_home(commit)? {
            return Ok(None);
        }
        let kind = if self.landed { FindingKind::LeftoversKept } else { FindingKind::WorkAdrift };
        let text = format!("what its workspace held besides its work is under {name} alone");
        Ok(Some(self.finding(kind, commit, text, self.subject.branch_for(self.id, commit)?)))
    }

    /// What is committed in its workspace, which the run does not go on with.
    fn workspace(&self, scratch: &Scratch) -> Result<Vec<Finding>, AppError> {
        let repo = &self.subject.site.repo;
        let dir = self.subject.dir.workspace(self.id);
        let Some(workspace) = Workspace::open(repo, &dir).map_err(AppError::environment)? else {
            return Ok(Vec::new());
        };
        let record = workspace.record();
        let seen = match scratch.glance(&dir, &record.branch, &record.base) {
            Ok(glance) => glance,
            Err(OursError::Git(error)) if !error.is_refusal() => return Err(error.into()),
            Err(_) => return Ok(Vec::new()),
        };
        let mut findings = Vec::new();
        for tip in &seen.found.tips {
            // What the repository has is looked for above.
            if repo.resolve(tip.as_str())?.is_some() {
                continue;
            }
            let name = proof::free_branch(repo, &format!("rescued/{}", self.id))?;
            let text = format!("its workspace alone has {}", short(tip));
            let command = format!("git fetch --no-tags '{}' {tip}:refs/heads/{name}", dir.display());
            findings.push(self.finding(FindingKind::WorkAdrift, tip, text, command));
        }
        Ok(findings)
    }

    fn finding(&self, kind: FindingKind, commit: &CommitId, text: String, command: String) -> Finding {
        let (task, commit) = (Some(self.id.clone()), Some(commit.clone()));
        Finding { kind, task, commit, text, command: Some(command) }
    }
}
