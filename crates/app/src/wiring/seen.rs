//! What can be seen of a run on this machine besides its state: where its workspaces lie, and when its agents last said
//! something.

use super::site::Site;
use ppe_adapters::executor::coverage::{self, Covered};
use ppe_adapters::executor::drivers::report;
use ppe_adapters::executor::output::Stream;
use ppe_adapters::state_dir::RunDir;
use ppe_core::ids::{Attempt, TaskId};
use ppe_core::report::{Judged, Measured};
use ppe_core::state::State;
use ppe_core::view::{Live, Outside};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

/// What a view of the run needs besides its state.
pub(crate) fn outside(state: &State, live: Live, dir: &RunDir) -> Outside {
    let in_run = || (0..state.tasks.len()).filter(|at| state.tasks[*at].in_run());
    let workspace = |at: usize| (state.id(at).clone(), dir.workspace(state.id(at)).display().to_string());
    Outside {
        forge: super::forge::word(dir),
        guarantee: super::forge::guarantee(dir),
        live,
        output_age_ms: output_ages(state, dir),
        workspaces: in_run().map(workspace).collect(),
        conflicts: None,
    }
}

/// What a report needs besides a run's state, and outlives the settings it came from.
#[derive(Clone, Debug)]
pub(crate) struct Measuring {
    dir: RunDir,
    root: PathBuf,
    judged: Judged,
    next_steps: Vec<String>,
}

impl Measuring {
    /// For a run of this repository.
    pub(crate) fn new(site: &Site, dir: &RunDir) -> Self {
        let judged = if site.settings.checks().is_empty() { Judged::ByNothing } else { Judged::ByChecks };
        let next_steps = site.settings.next_steps.clone();
        Self { dir: dir.clone(), root: site.repo.root.clone(), judged, next_steps }
    }

    /// What can be measured now.
    pub(crate) fn measure(&self, state: &State) -> Measured {
        Measured {
            outside: outside(state, Live::No, &self.dir),
            coverage_percent: coverage::total(&coverage::reports(&self.root)).map(Covered::percent),
            judged: self.judged,
            next_steps: self.next_steps.clone(),
            ..Measured::default()
        }
    }
}

/// How long ago the agent of each running attempt last printed something, or reported, ms.
fn output_ages(state: &State, dir: &RunDir) -> BTreeMap<TaskId, u64> {
    let age = |at: usize| {
        let (task, attempt) = (state.id(at), state.tasks[at].running()?.attempt);
        Some((task.clone(), output_age_ms(dir, task, attempt)?))
    };
    state.busy().filter_map(age).collect()
}

fn output_age_ms(dir: &RunDir, task: &TaskId, attempt: Attempt) -> Option<u64> {
    let top = dir.task(task, attempt);
    let files = ["agent", "leftovers", "review"].into_iter().flat_map(|job| {
        let job = top.join(job);
        [Stream::Stdout.path(&job), Stream::Stderr.path(&job), job.join(report::FILE)]
    });
    let last = files.filter_map(|file| std::fs::metadata(file).ok()?.modified().ok()).max()?;
    // A clock that was set back makes no output older than it is.
    let age = SystemTime::now().duration_since(last).unwrap_or_default();
    u64::try_from(age.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ppe_adapters::state_dir::RepoState;
    use ppe_core::ids::RunId;

    #[test]
    fn the_latest_of_all_that_an_agent_wrote_counts() {
        let top = tempfile::tempdir().expect("a folder");
        let dir = RepoState::of(&top.path().join("state"), top.path())
            .expect("a state folder")
            .run(&RunId::new("r"));
        let (task, attempt) = (TaskId::new("T-1"), Attempt(1));
        assert_eq!(output_age_ms(&dir, &task, attempt), None);
        let job = dir.task(&task, attempt).join("agent");
        std::fs::create_dir_all(&job).expect("a job's folder");
        let hour_ago = SystemTime::now() - std::time::Duration::from_hours(1);
        let write = |name: &str, when: SystemTime| {
            let file = std::fs::File::create(job.join(name)).expect("a file");
            file.set_modified(when).expect("its time");
        };
        write("stdout", hour_ago);
        let age = output_age_ms(&dir, &task, attempt).expect("an age");
        assert!((3_600_000..3_660_000).contains(&age), "{age}");
        std::fs::create_dir_all(job.join(report::DIR)).expect("a folder for reports");
        write(report::FILE, SystemTime::now());
        assert!(output_age_ms(&dir, &task, attempt).is_some_and(|age| age < 60_000));
    }
}
