//! Whether what the log calls landed is in the target. Does not look for work that did not land.

use super::{Finding, FindingKind, Landing, Proof, Subject};
use crate::error::AppError;
use ppe_adapters::git::lane::{self, FoundLanding};
use ppe_core::ids::{CommitId, TaskId};
use ppe_core::policy::Trailers;
use ppe_core::state::Closure;
use ppe_core::wording::short;

/// Proves every landing of the log, and finds those that the log does not know.
pub(super) fn prove(subject: &Subject<'_>, findings: &mut Vec<Finding>) -> Result<Vec<Landing>, AppError> {
    let state = &subject.state;
    let named = lane::landed_tasks(&subject.site.repo, &subject.tip, None)?;
    let mut landings = Vec::new();
    for (at, task) in state.tasks.iter().enumerate() {
        let Some(Closure::Landed(commit) | Closure::LandedByOthers(commit)) = task.closure() else {
            continue;
        };
        let task = state.id(at);
        let proof = proof(subject, &named, task, commit)?;
        // What a forge has made of it has a message of its own, as by a rebase or a merge queue.
        let by_lane = subject.built.contains(commit) && state.policy.trailers == Trailers::Named;
        let mut landing = Landing { task: task.clone(), commit: commit.clone(), proof, same_patch: None };
        match proof {
            Proof::Lost => findings.push(lost(subject, &mut landing)?),
            Proof::OnChain if by_lane => findings.push(unnamed(&landing)),
            Proof::Named | Proof::OnChain | Proof::Contained => {}
        }
        landings.push(landing);
    }
    findings.extend(unrecorded(subject, named));
    Ok(landings)
}

fn proof(
    subject: &Subject<'_>,
    named: &[FoundLanding],
    task: &TaskId,
    commit: &CommitId,
) -> Result<Proof, AppError> {
    if named.iter().any(|found| found.commit == *commit && found.task == *task) {
        return Ok(Proof::Named);
    }
    if subject.chain.has(commit) {
        return Ok(Proof::OnChain);
    }
    let contained = subject.site.repo.contains(&subject.tip, commit)?;
    Ok(if contained { Proof::Contained } else { Proof::Lost })
}

fn lost(subject: &Subject<'_>, landing: &mut Landing) -> Result<Finding, AppError> {
    let (repo, target) = (&subject.site.repo, &subject.state.target);
    let Landing { task, commit, .. } = &*landing;
    let there = repo.resolve(commit.as_str())?.is_some();
    let same_patch = if there { subject.chain.same_patch(repo, commit)? } else { None };
    let besides = match (&same_patch, there) {
        (Some(same), _) => format!("; {} changes the same lines, which proves nothing", short(same)),
        (None, true) => String::new(),
        (None, false) => "; the commit itself is gone".to_owned(),
    };
    let text = format!("landed with {}, which {target} does not contain{besides}", short(commit));
    let command = if there { subject.branch_for(task, commit)? } else { format!("ppe reopen {task}") };
    let finding = Finding {
        kind: FindingKind::LandingLost,
        task: Some(task.clone()),
        commit: Some(commit.clone()),
        text,
        command: Some(command),
    };
    landing.same_patch = same_patch;
    Ok(finding)
}

fn unnamed(landing: &Landing) -> Finding {
    Finding {
        kind: FindingKind::LandingUnnamed,
        task: Some(landing.task.clone()),
        commit: Some(landing.commit.clone()),
        text: format!("landed with {}, whose message does not name it", short(&landing.commit)),
        command: Some(format!("git show {}", landing.commit)),
    }
}

/// Landings of this run that the log does not know. While a process is at work it may be about to say so.
fn unrecorded<'a>(
    subject: &'a Subject<'_>,
    named: Vec<FoundLanding>,
) -> impl Iterator<Item = Finding> + use<'a> {
    let state = &subject.state;
    let of_run = named.into_iter().filter(|found| !subject.live && found.run.as_ref() == Some(&state.run));
    let unknown = of_run.filter(|found| {
        let task = state.task(&found.task);
        !task.is_some_and(|task| {
            task.closure().is_some_and(|c| c.commit().is_some()) || task.facts.undone.contains(&found.commit)
        })
    });
    unknown.map(|found| Finding {
        kind: FindingKind::LandingUnrecorded,
        text: format!(
            "{} in {} is its landing, and the log does not say so",
            short(&found.commit),
            state.target
        ),
        task: Some(found.task),
        commit: Some(found.commit),
        command: Some("ppe resume".to_owned()),
    })
}
