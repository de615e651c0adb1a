//! A user's repository and a folder of workspaces, thrown away after the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ppe_adapters::git::attribution::Patterns;
use ppe_adapters::git::gate::Gate;
use ppe_adapters::git::prepare::{How, Prepared, Start, WorkspaceSpec, prepare};
use ppe_adapters::git::snapshot::{Leftovers, Snapshot, SnapshotError, TakeSpec, take};
use ppe_adapters::git::workspace::Workspace;
use ppe_adapters::git::{Git, Identity, Repo, Stamp};
use ppe_core::ids::{Attempt, Branch, CommitId, Millis, RunId, TaskId};
use ppe_testkit::fingerprint::Fingerprint;
use ppe_testkit::git::ALONE;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) repo: Repo,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("user's repo");
        make_repository(&root);
        fs::create_dir(dir.path().join("workspaces")).unwrap();
        let repo = Repo::discover(&Git::default(), &root).unwrap();
        Self { dir, repo }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.repo.root
    }

    pub(crate) fn tip(&self) -> CommitId {
        self.repo.tip(&main()).unwrap().unwrap()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.root(), &[])
    }

    /// Lets the user commit a file on the branch that is checked out.
    pub(crate) fn user_commits(&self, file: &str, text: &str) -> CommitId {
        write(self.root(), file, text);
        git(self.root(), &["add", "-A"]);
        git(self.root(), &["commit", "-qm", &format!("user: {file}")]);
        CommitId::new(git(self.root(), &["rev-parse", "HEAD"]))
    }

    /// A commit beside the target: the work of some task, made without a checkout.
    pub(crate) fn side_commit(&self, base: &CommitId, file: &str, text: &str) -> CommitId {
        let scratch = self.dir.path().join("scratch");
        git(self.root(), &["worktree", "add", "-q", "--detach", scratch.to_str().unwrap(), base.as_str()]);
        write(&scratch, file, text);
        git(&scratch, &["add", "-A"]);
        git(&scratch, &["commit", "-qm", &format!("work on {file}")]);
        let commit = git(&scratch, &["rev-parse", "HEAD"]);
        git(self.root(), &["worktree", "remove", "--force", scratch.to_str().unwrap()]);
        CommitId::new(commit)
    }

    pub(crate) fn spec(&self, task: &str) -> WorkspaceSpec {
        WorkspaceSpec {
            dir: self.dir.path().join("workspaces").join(task),
            run: run(),
            task: TaskId::new(task),
            branch: Branch::new(format!("feat/{task}")),
            target_tip: self.tip(),
            start: Start::Fresh,
            grounds: Vec::new(),
            must_contain: Vec::new(),
            copy: Vec::new(),
            stamp: stamp(),
        }
    }

    pub(crate) fn prepare(&self, spec: &WorkspaceSpec) -> Prepared {
        prepare(&self.repo, spec).unwrap()
    }

    pub(crate) fn workspace(&self, task: &str) -> Workspace {
        let prepared = self.prepare(&self.spec(task));
        assert_eq!(prepared.how, How::Made);
        prepared.workspace
    }
}

pub(crate) fn make_repository(root: &Path) {
    fs::create_dir_all(root).unwrap();
    git(root, &["init", "-q", "-b", "main"]);
    git(root, &["config", "user.name", "Ursula User"]);
    git(root, &["config", "user.email", "ursula@example.org"]);
    write(root, "README", "hello\n");
    write(root, "src/lib.txt", "one\ntwo\nthree\n");
    write(root, ".gitignore", "/build\n.env*\n");
    git(root, &["add", "-A"]);
    git(root, &["commit", "-qm", "first"]);
    git(root, &["tag", "v1"]);
}

pub(crate) fn run() -> RunId {
    RunId::new("20261124-161500-a1b2")
}

pub(crate) fn main() -> Branch {
    Branch::new("main")
}

pub(crate) fn stamp() -> Stamp {
    let who = Identity { name: "Ursula User".to_owned(), email: "ursula@example.org".to_owned() };
    Stamp { who, when: Millis(1_790_000_000_000) }
}

pub(crate) fn take_spec(leftovers: Leftovers) -> TakeSpec {
    let message = "ppe: leftovers".to_owned();
    let attribution = Some(Patterns::new(&[], &stamp().who));
    let (attempt, stamp, gate) = (Attempt(1), stamp(), Gate::default());
    TakeSpec { attempt, leftovers, onto: None, message, stamp, gate, attribution }
}

pub(crate) fn taken(workspace: &Workspace, leftovers: Leftovers) -> Result<Snapshot, SnapshotError> {
    take(workspace, &take_spec(leftovers))
}

/// Runs git as a user or an agent would.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (ok, text) = try_git(dir, args);
    assert!(ok, "git {args:?} in {}: {text}", dir.display());
    text
}

pub(crate) fn try_git(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("git").args(args).current_dir(dir).envs(ALONE).output().unwrap();
    let shown = if output.status.success() { &output.stdout } else { &output.stderr };
    (output.status.success(), String::from_utf8_lossy(shown).trim_end().to_owned())
}

pub(crate) fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Lets an agent commit a file.
pub(crate) fn agent_commits(dir: &Path, file: &str, text: &str) -> CommitId {
    write(dir, file, text);
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-qm", &format!("agent: {file}")]);
    CommitId::new(git(dir, &["rev-parse", "HEAD"]))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
