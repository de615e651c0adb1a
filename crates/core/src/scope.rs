//! How much of a task one attempt is to make: all of it, one planned commit, or one phase.
//!
//! Knows the plan and a count of commits; what is really there is measured elsewhere.

use crate::plan::TaskSpec;
use crate::policy::Mode;

/// What comes after `done` commits, in words; none where a task is made in one go, or nothing is left.
pub fn next(spec: &TaskSpec, mode: Mode, done: u32) -> Option<String> {
    let commit = spec.commits.get(done as usize)?;
    match mode {
        Mode::Autonomous => None,
        Mode::CommitByCommit => Some(format!("commit {}: {}", done + 1, commit.subject)),
        Mode::PhaseByPhase => Some(match commit.phase.and_then(|phase| spec.phases.get(phase as usize)) {
            Some(name) => format!("phase {}: {name}", commit.phase.unwrap_or(0) + 1),
            None => format!("commit {}: {}", done + 1, commit.subject),
        }),
    }
}

/// What an attempt that begins after `done` commits is told of its share; none where it is all of the task.
pub fn instruction(spec: &TaskSpec, mode: Mode, done: u32) -> Option<String> {
    let next = next(spec, mode, done)?;
    let last = match mode {
        Mode::Autonomous | Mode::CommitByCommit => done + 1,
        Mode::PhaseByPhase => {
            let phase = spec.commits[done as usize].phase;
            let last = spec.commits.iter().rposition(|c| c.phase == phase);
            last.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(done).max(done + 1)
        }
    };
    let commits =
        if last == done + 1 { format!("commit {last}") } else { format!("commits {} to {last}", done + 1) };
    Some(format!(
        "Make only {next}. That is {commits} of the commit plan. Then end: a person looks at it and says how it goes on."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use crate::plan::{PlannedCommit, Spot};

    fn spec() -> TaskSpec {
        let commit = |subject: &str, phase| PlannedCommit {
            subject: subject.into(),
            phase,
            files: Vec::new(),
            spot: None,
        };
        TaskSpec {
            phases: vec!["Design".into(), "Tests".into()],
            commits: vec![commit("a", Some(0)), commit("b", Some(0)), commit("c", Some(1))],
            ..TaskSpec::bare(TaskId::new("T-1"), "One", Spot { file: "T-1.md".into(), line: 1 })
        }
    }

    #[test]
    fn a_share_is_a_commit_or_a_phase() {
        let told = |mode, done| instruction(&spec(), mode, done).unwrap_or_default();
        assert_eq!(told(Mode::Autonomous, 0), "");
        assert!(told(Mode::CommitByCommit, 1).starts_with("Make only commit 2: b. That is commit 2 of"));
        assert!(
            told(Mode::PhaseByPhase, 0).starts_with("Make only phase 1: Design. That is commits 1 to 2 of")
        );
        assert!(told(Mode::PhaseByPhase, 2).starts_with("Make only phase 2: Tests. That is commit 3 of"));
        assert_eq!(told(Mode::PhaseByPhase, 3), "");
    }
}
