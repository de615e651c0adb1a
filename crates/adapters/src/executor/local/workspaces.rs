//! Workspaces and snapshots, as the git room makes them, in the words of the port.

use super::turns::Use;
use super::{Inner, trouble};
use crate::executor::record;
use crate::failpoint;
use crate::git::onto::{self, Brought, OntoError};
use crate::git::prepare::{self, How, PrepareError, Start, WorkspaceSpec};
use crate::git::snapshot::{self, History, SnapshotError, TakeSpec, TargetIn};
use crate::git::stack::{self, Base, StackSpec};
use crate::git::workspace::{Workspace, WorkspaceError};
use crate::git::{Stamp, attribution::Patterns, gate::Gate, keep, refs};
use ppe_core::ids::{Branch, CommitId, Millis, TaskId};
use ppe_core::input::Trouble;
use ppe_core::outcome::{Differs, Leftovers, Prepared, Rebase, Snapshot, SnapshotOutcome};
use ppe_core::policy::Attribution;
use ppe_core::state::Collect;
use ppe_engine::ports::{SnapshotSpec, VerifyJob, WorkspaceSpec as Wish, WorkspaceStart};
use std::path::Path;

/// Names tried when a branch's name is taken.
const NAMES: u32 = 100;

impl Inner {
    pub(super) fn prepare(&self, wish: &Wish) -> Result<Prepared, Trouble> {
        self.turns.take(&wish.task, |used| match (wish.attempt, *used) {
            (Some(_), _) => {
                *used = Use::Attempt;
                self.prepare_in_turn(wish)
            }
            (None, Use::Idle) => self.prepare_in_turn(wish),
            // The task began before it was got ready: what its agent does there must not be reset.
            (None, Use::Attempt) => self.as_it_stands(wish),
        })
    }

    /// A workspace that is left alone.
    fn as_it_stands(&self, wish: &Wish) -> Result<Prepared, Trouble> {
        let dir = self.workspace_dir(&wish.task);
        let found = Workspace::open(&self.repo, &dir).map_err(|e| why_not(wish, e.into()))?;
        let found =
            found.ok_or_else(|| Trouble::Machine(format!("the workspace of {} is gone", wish.task)))?;
        Ok(Self::told(&found, &Start::Fresh))
    }

    fn prepare_in_turn(&self, wish: &Wish) -> Result<Prepared, Trouble> {
        self.check_disk()?;
        self.check_memory()?;
        if let Some(attempt) = wish.attempt {
            self.slots.take(&wish.task, attempt)?;
        }
        record::make_dir(&self.places.workspaces).map_err(trouble::machine)?;
        let tip = self.repo.tip(&wish.target).map_err(trouble::machine)?;
        let tip = tip.ok_or_else(|| Trouble::Machine(format!("there is no branch {}", wish.target)))?;
        let dir = self.workspace_dir(&wish.task);
        let stamp = self.stamp(Millis(record::wall_ms()));
        let found = Workspace::open(&self.repo, &dir).map_err(|e| why_not(wish, e.into()))?;
        let branch = match (&found, &wish.published) {
            (Some(found), _) => found.record().branch.clone(),
            (None, Some(_)) => wish.branch.clone(),
            (None, None) => self.free_branch(&wish.branch)?,
        };
        let (start, onto) = match &wish.start {
            WorkspaceStart::Fresh => (Start::Fresh, None),
            WorkspaceStart::Continue { tip } => (self.where_it_stands(wish, tip.as_ref())?, None),
            WorkspaceStart::Onto { tip } => (Start::Continue { tip: tip.clone() }, Some(tip.clone())),
        };
        let begin = match &start {
            Start::Fresh => self.beginning(wish, &tip)?,
            Start::Continue { .. } => tip,
        };
        let spec = WorkspaceSpec {
            dir: dir.clone(),
            run: self.run.clone(),
            task: wish.task.clone(),
            branch,
            target_tip: begin,
            grounds: wish.grounds.clone(),
            start,
            must_contain: landed(wish),
            copy: self.settings.copy.clone(),
            stamp: stamp.clone(),
        };
        if onto.is_some() {
            prepare::prove(&self.repo, &spec.target_tip, &spec.must_contain).map_err(|e| why_not(wish, e))?;
        }
        failpoint::hit("prepare.before");
        let prepared = prepare::prepare(&self.repo, &spec).map_err(|e| why_not(wish, e))?;
        failpoint::hit("prepare.made");
        if matches!(prepared.how, How::Made | How::Remade { .. }) {
            self.forget_set_up(&wish.task);
        }
        self.set_up(&wish.task, &dir)?;
        let aside = match &prepared.how {
            How::Remade { aside } => Some(aside.display().to_string()),
            _ => None,
        };
        let told = match onto {
            Some(work) => self.bring_onto(prepared.workspace, wish, &spec, &work)?,
            None => Self::told(&prepared.workspace, &spec.start),
        };
        Ok(Prepared { aside: told.aside.or(aside), ..told })
    }

    fn told(workspace: &Workspace, start: &Start) -> Prepared {
        let record = workspace.record();
        let tip = match start {
            Start::Continue { tip } => tip.clone(),
            Start::Fresh => record.seated.clone(),
        };
        Prepared {
            base: record.base.clone(),
            tip,
            branch: record.branch.clone(),
            rebase: Rebase::NotTried,
            aside: None,
        }
    }

    fn bring_onto(
        &self,
        mut workspace: Workspace,
        wish: &Wish,
        spec: &WorkspaceSpec,
        work: &CommitId,
    ) -> Result<Prepared, Trouble> {
        let attempt = wish.attempt.unwrap_or(ppe_core::ids::Attempt(0));
        let (branch, base) = (workspace.record().branch.clone(), spec.target_tip.clone());
        let stamp = &spec.stamp;
        let bring = |workspace: &mut Workspace| {
            let made = (attempt, stamp);
            onto::bring_onto(workspace, work, (&wish.grounds, &base), wish.update, made)
        };
        let mut brought = bring(&mut workspace);
        let mut aside = None;
        if let Err(OntoError::Workspace(WorkspaceError::Diverged { .. })) = brought {
            let remade = prepare::remake(&self.repo, spec).map_err(|e| why_not(wish, e))?;
            if let How::Remade { aside: there } = &remade.how {
                aside = Some(there.display().to_string());
            }
            let mut anew = remade.workspace;
            self.forget_set_up(&wish.task);
            self.set_up(&wish.task, &spec.dir)?;
            brought = bring(&mut anew);
        }
        match brought.map_err(trouble::machine)? {
            Brought::Clean { tip } => Ok(Prepared { base, tip, branch, rebase: Rebase::Clean, aside }),
            Brought::Conflicted { .. } => {
                Ok(Prepared { base, tip: work.clone(), branch, rebase: Rebase::Conflicted, aside })
            }
        }
    }

    /// What a fresh task begins on: the target, or what it is stacked on. There it stays once it has begun, as its agent may
    /// have left commits that nobody has measured.
    fn beginning(&self, wish: &Wish, target: &CommitId) -> Result<CommitId, Trouble> {
        match &wish.base {
            _ if wish.stack.is_empty() => return Ok(target.clone()),
            Some(begun) => return Ok(begun.clone()),
            None => {}
        }
        let tips: Vec<CommitId> = wish.stack.iter().map(|parent| parent.tip.clone()).collect();
        let (must_contain, stamp) = (landed(wish), self.stamp(wish.at));
        let spec =
            StackSpec { task: &wish.task, target, tips: &tips, must_contain: &must_contain, stamp: &stamp };
        match stack::base(&self.repo, &spec).map_err(trouble::machine)? {
            Base::At(commit) => Ok(commit),
            Base::Clash { files } => Err(Trouble::DoesNotStack { files }),
        }
    }

    /// Where a task's work stands: where the user moved it, else where we last saw it, else what its workspace holds.
    fn where_it_stands(&self, wish: &Wish, tip: Option<&CommitId>) -> Result<Start, Trouble> {
        let now = refs::read(&self.repo, &refs::head(&wish.branch)).map_err(trouble::machine)?;
        let moved = now.filter(|now| wish.published.as_ref().is_some_and(|last| last != now));
        Ok(match moved.as_ref().or(tip) {
            Some(tip) => Start::Continue { tip: tip.clone() },
            None => Start::Fresh,
        })
    }

    /// A branch name that nothing stands in the way of.
    fn free_branch(&self, wished: &Branch) -> Result<Branch, Trouble> {
        for n in 1..=NAMES {
            let name = if n == 1 { wished.clone() } else { Branch::new(format!("{wished}-{n}")) };
            let head = refs::head(&name);
            let exact = refs::read(&self.repo, &head).map_err(trouble::machine)?.is_some();
            let below = !refs::list(&self.repo, &format!("{head}/")).map_err(trouble::machine)?.is_empty();
            let above = name
                .as_str()
                .match_indices('/')
                .map(|(at, _)| refs::head(&Branch::new(&name.as_str()[..at])));
            let clash =
                above.map(|parent| refs::read(&self.repo, &parent)).any(|found| matches!(found, Ok(Some(_))));
            if !exact && !below && !clash {
                return Ok(name);
            }
        }
        Err(Trouble::Machine(format!("{wished} and all names like it are taken")))
    }

    fn forget_set_up(&self, task: &TaskId) {
        let done = self.workspace_dir(task).with_file_name(format!("{task}.set-up"));
        // None is there after the first time.
        drop(std::fs::remove_file(done));
    }

    pub(super) fn check_disk(&self) -> Result<(), Trouble> {
        let free = free_bytes(&self.places.workspaces)?;
        if free < self.settings.disk_floor_bytes {
            let (free, floor) = (free >> 20, self.settings.disk_floor_bytes >> 20);
            return Err(Trouble::Machine(format!("disk: {free} MiB free, {floor} MiB are needed")));
        }
        Ok(())
    }

    pub(super) fn stamp(&self, when: Millis) -> Stamp {
        Stamp { who: self.settings.identity.clone(), when }
    }

    pub(super) fn snapshot(&self, spec: &SnapshotSpec) -> Result<SnapshotOutcome, Trouble> {
        self.turns.take(&spec.task, |_| self.snapshot_in_turn(spec))
    }

    fn snapshot_in_turn(&self, spec: &SnapshotSpec) -> Result<SnapshotOutcome, Trouble> {
        let dir = self.workspace_dir(&spec.task);
        let Some(workspace) = Workspace::open(&self.repo, &dir).map_err(trouble::machine)? else {
            return Ok(SnapshotOutcome::Gone(format!("the workspace of {} was removed", spec.task)));
        };
        let take = TakeSpec {
            attempt: spec.attempt,
            leftovers: match spec.collect {
                Collect::Look => snapshot::Leftovers::Ignore,
                Collect::Commit => snapshot::Leftovers::Commit,
            },
            onto: None,
            message: format!("chore: uncommitted work of {}", spec.task),
            stamp: self.stamp(spec.at),
            gate: Gate::default(),
            attribution: match spec.attribution {
                Attribution::Forbid => {
                    Some(Patterns::new(&self.settings.attribution_patterns, &self.settings.identity))
                }
                Attribution::Allow => None,
            },
        };
        let mut work = match self.taken(&workspace, &take)? {
            SnapshotOutcome::Taken(work) => work,
            not_taken => return Ok(not_taken),
        };
        let has = |tip, commit| self.repo.contains(tip, commit).map_err(trouble::machine);
        if let Some(keeps) = &spec.keeps {
            work.loses_published = !has(&work.tip, keeps)?;
        }
        for others in &spec.leaves {
            work.contains_base &= has(&spec.base, others)? || !has(&work.tip, others)?;
        }
        Ok(SnapshotOutcome::Taken(work))
    }

    /// Takes what fix commands left uncommitted, as a commit on the tip that was to be judged.
    pub(super) fn take_fixes(&self, job: &VerifyJob, message: &str) -> Result<SnapshotOutcome, Trouble> {
        self.turns.take(&job.task, |_| {
            let dir = self.workspace_dir(&job.task);
            let Some(workspace) = Workspace::open(&self.repo, &dir).map_err(trouble::machine)? else {
                return Ok(SnapshotOutcome::Gone(format!("the workspace of {} was removed", job.task)));
            };
            let take = TakeSpec {
                attempt: job.attempt,
                leftovers: snapshot::Leftovers::Commit,
                onto: Some(job.tip.clone()),
                message: message.to_owned(),
                stamp: self.stamp(job.at),
                gate: Gate::default(),
                // The tip was looked at before it was verified, and this commit is ours.
                attribution: None,
            };
            self.taken(&workspace, &take)
        })
    }

    fn taken(&self, workspace: &Workspace, take: &TakeSpec) -> Result<SnapshotOutcome, Trouble> {
        failpoint::hit("snapshot.before");
        workspace.clear_stale_locks();
        let taken = match snapshot::take(workspace, take) {
            Ok(taken) => taken,
            Err(SnapshotError::Gone { dir }) => {
                return Ok(SnapshotOutcome::Gone(format!("the workspace {} was removed", dir.display())));
            }
            Err(SnapshotError::Refused(refusals)) => {
                let why: Vec<_> = refusals.iter().map(ToString::to_string).collect();
                return Ok(SnapshotOutcome::Refused(why.join("; ")));
            }
            Err(error) => return Err(trouble::machine(error)),
        };
        failpoint::hit("snapshot.after");
        let leftovers = match take.leftovers {
            snapshot::Leftovers::Commit => 0,
            snapshot::Leftovers::Ignore => u32::try_from(taken.look.dirty.len()).unwrap_or(u32::MAX),
        };
        let tests_added = self.tests_added(&taken.look.base, &taken.tip)?;
        Ok(SnapshotOutcome::Taken(Snapshot {
            tip: taken.tip,
            tree: taken.tree,
            commits: taken.look.commits,
            differs: if taken.changed_files == 0 { Differs::No } else { Differs::Yes },
            leftovers: if leftovers == 0 { Leftovers::Clean } else { Leftovers::Files(leftovers) },
            contains_base: match taken.look.target {
                TargetIn::Yes => true,
                TargetIn::No => false,
                TargetIn::NotWanted => taken.look.history == History::GoesOn,
            },
            loses_published: false,
            lines_added: taken.lines_added,
            lines_removed: taken.lines_removed,
            tests_added,
            attributed: taken.attributed,
        }))
    }

    /// Tests that the work adds: new lines that begin a test in one of the usual frameworks.
    fn tests_added(&self, base: &CommitId, tip: &CommitId) -> Result<u64, Trouble> {
        let asked = [
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "-U0",
            base.as_str(),
            tip.as_str(),
            "--",
        ];
        let output = self.repo.store().args(asked).run().map_err(trouble::machine)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let added = text.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
        Ok(added.filter(|line| begins_test(line[1..].trim())).count() as u64)
    }

    pub(super) fn release(&self, task: &TaskId) -> Result<(), Trouble> {
        self.turns.take(task, |used| {
            self.release_in_turn(task)?;
            *used = Use::Idle;
            Ok(())
        })
    }

    fn release_in_turn(&self, task: &TaskId) -> Result<(), Trouble> {
        let dir = self.workspace_dir(task);
        failpoint::hit("release.before");
        if let Some(workspace) = Workspace::open(&self.repo, &dir).map_err(trouble::machine)? {
            let kept =
                keep::keep(&workspace, &self.stamp(Millis(record::wall_ms()))).map_err(trouble::machine)?;
            failpoint::hit("release.kept");
            keep::remove(workspace, &kept).map_err(trouble::machine)?;
            failpoint::hit("release.moved");
        }
        self.unseat_reviewer(task);
        self.forget_set_up(task);
        self.clear_out(task)?;
        for trash in keep::trash_in(&self.places.workspaces) {
            // What cannot be deleted now lies in nobody's way and is found again at the next removal.
            drop(trash.delete());
        }
        Ok(())
    }
}

/// The commits that what a task begins on must contain.
fn landed(wish: &Wish) -> Vec<CommitId> {
    wish.must_contain.iter().map(|(_, commit)| commit.clone()).collect()
}

/// Whose matter it is that there is no workspace.
fn why_not(wish: &Wish, error: PrepareError) -> Trouble {
    match error {
        PrepareError::NotAncestor { missing, .. } => {
            let gone = wish.must_contain.iter().filter(|(_, commit)| missing.contains(commit));
            Trouble::NotAncestor { tasks: gone.map(|(task, _)| task.clone()).collect() }
        }
        error => Trouble::Machine(format!("workspace of {}: {error}", wish.task)),
    }
}

/// Whether a line of code begins a test: Rust, Java and Kotlin, Python, Go, JavaScript and TypeScript.
fn begins_test(line: &str) -> bool {
    ["#[test]", "#[tokio::test", "@Test", "@ParameterizedTest", "def test_", "func Test", "it(", "test("]
        .iter()
        .any(|start| line.starts_with(start))
}

fn free_bytes(path: &Path) -> Result<u64, Trouble> {
    let there = path.ancestors().find(|p| p.exists()).unwrap_or(path);
    let stat = nix::sys::statvfs::statvfs(there).map_err(trouble::machine)?;
    Ok(stat.blocks_available() * stat.fragment_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_by_how_they_begin() {
        for line in [
            "#[test]",
            "@Test void x() {",
            "def test_x():",
            "func TestX(t *testing.T) {",
            "it('works', () => {",
        ] {
            assert!(begins_test(line), "{line}");
        }
        for line in ["// #[test]", "let test = 1;", "submit(x)", "iterate()"] {
            assert!(!begins_test(line), "{line}");
        }
    }
}
