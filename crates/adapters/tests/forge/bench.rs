//! A user's repository with a forge beside it, and what a person can do to both. One bench for each forge.

use ppe_adapters::forge::github::port::GitHubPort;
use ppe_adapters::forge::github::{GitHubSettings, Mode, Pace, Place, PullSettings, TokenSource};
use ppe_adapters::forge::local::LocalForge;
use ppe_adapters::forge::local::port::LocalForgePort;
use ppe_adapters::git::{Git, Identity, Repo};
use ppe_core::ids::{Branch, CandidateId, ChangeNumber, CommitId, Millis, RunId, TaskId};
use ppe_core::policy::{MergeMethod, Trailers};
use ppe_engine::ports::{BuildSpec, ChangeSpec, Forge, LandSpec, Lane, Member, PublishSpec, Stamp, Wished};
use ppe_testkit::git::ALONE;
use ppe_testkit::github::{GitHub, TOKEN};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A change as the forge shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) number: u64,
    pub(crate) head: String,
    pub(crate) state: &'static str,
    pub(crate) body: String,
    pub(crate) labels: Vec<String>,
    pub(crate) comments: Vec<String>,
}

/// A forge under test with the means of a person.
pub(crate) trait Bench {
    type Port: Forge + Lane;
    fn new() -> Self;
    fn world(&self) -> &World;
    fn port(&self) -> &Self::Port;
    /// The repository that holds the forge's branches.
    fn branches(&self) -> PathBuf;
    fn changes(&self) -> Vec<Shown>;
    fn person_closes(&self, change: ChangeNumber);
    /// Whether the commit of a landing is of its making.
    fn makes_landings(&self) -> bool {
        false
    }
    /// Nothing happened that may not.
    fn is_content(&self) {}

    fn branch(&self, name: &str) -> Option<String> {
        let name = format!("refs/heads/{name}");
        let output = git_in(&self.branches(), &["rev-parse", "--quiet", "--verify", &name]);
        output.0.then_some(output.1)
    }

    /// A person pushes a commit to a branch of the forge's, whatever is there.
    fn person_pushes(&self, commit: &CommitId, branch: &str) {
        let there = self.branches();
        let refspec = format!("{commit}:refs/heads/{branch}");
        git(self.world().root(), &["push", "-q", "--force", there.to_str().unwrap(), &refspec]);
    }
}

/// The user's repository.
pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) repo: Repo,
}

impl World {
    /// A repository whose target `main` is not checked out.
    pub(crate) fn new(program: Option<&Path>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        fs::create_dir(&root).unwrap();
        git(&root, &["init", "-q", "-b", "main"]);
        git(&root, &["config", "user.name", "Ursula User"]);
        git(&root, &["config", "user.email", "ursula@example.org"]);
        fs::write(root.join("README"), "hello\n").unwrap();
        git(&root, &["add", "-A"]);
        git(&root, &["commit", "-qm", "first"]);
        git(&root, &["checkout", "-q", "--detach"]);
        let program = program.map(|program| Git::default().with_program(program)).unwrap_or_default();
        let repo = Repo::discover(&program, &root).unwrap();
        Self { dir, repo }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.repo.root
    }

    pub(crate) fn tip(&self) -> CommitId {
        self.repo.tip(&main()).unwrap().unwrap()
    }

    /// The work of some task: a commit with one file on a base, made without a checkout.
    pub(crate) fn work(&self, base: &CommitId, file: &str, text: &str) -> CommitId {
        self.commit(base, file, text, &format!("work on {file}"))
    }

    /// The same in words of its own.
    pub(crate) fn commit(&self, base: &CommitId, file: &str, text: &str, message: &str) -> CommitId {
        let index = self.dir.path().join("index");
        let run = |args: &[&str], input: &str| {
            let file = self.dir.path().join("input");
            fs::write(&file, input).unwrap();
            let mut command = Command::new("git");
            command.args(args).current_dir(self.root()).env("GIT_INDEX_FILE", &index);
            let output = command.stdin(fs::File::open(file).unwrap()).output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        run(&["read-tree", base.as_str()], "");
        let blob = run(&["hash-object", "-w", "--stdin"], text);
        run(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{file}")], "");
        let tree = run(&["write-tree"], "");
        CommitId::new(run(&["commit-tree", &tree, "-p", base.as_str(), "-m", message], ""))
    }
}

pub(crate) fn main() -> Branch {
    Branch::new("main")
}

pub(crate) fn run() -> RunId {
    RunId::new("20261124-161500-a1b2")
}

pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (ok, text) = git_in(dir, args);
    assert!(ok, "git {args:?} in {}: {text}", dir.display());
    text
}

fn git_in(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new("git").args(args).current_dir(dir).envs(ALONE).output().unwrap();
    let shown = if output.status.success() { &output.stdout } else { &output.stderr };
    (output.status.success(), String::from_utf8_lossy(shown).trim_end().to_owned())
}

pub(crate) fn publish(task: &str, tip: &CommitId, last: Option<&CommitId>) -> PublishSpec {
    let branch = Branch::new(format!("feat/{task}"));
    PublishSpec { task: TaskId::new(task), branch, tip: tip.clone(), last: last.cloned(), shown: None }
}

pub(crate) fn change(task: &str, tip: &CommitId) -> ChangeSpec {
    ChangeSpec {
        task: TaskId::new(task),
        branch: Branch::new(format!("feat/{task}")),
        tip: tip.clone(),
        from: None,
        base: main(),
        title: format!("[{task}] Title"),
        body: "Summary".to_owned(),
        labels: vec!["module".to_owned()],
    }
}

/// One task's work on its way into the target.
pub(crate) struct Candidate {
    pub(crate) build: BuildSpec,
    branch: Branch,
}

impl Candidate {
    /// Publishes the work, opens its change, and wishes for a candidate.
    pub(crate) async fn new(
        bench: &impl Bench,
        number: u32,
        task: &str,
        head: &CommitId,
        method: MergeMethod,
    ) -> Self {
        bench.port().publish(publish(task, head, None)).await.unwrap();
        let change = bench.port().open(change(task, head)).await.unwrap();
        let candidate = Self::of(task, head, change, method);
        Self { build: BuildSpec { candidate: CandidateId(number), ..candidate.build }, ..candidate }
    }

    /// Wishes for a candidate of work whose change is there.
    pub(crate) fn of(task: &str, head: &CommitId, change: ChangeNumber, method: MergeMethod) -> Self {
        let (task, title) = (TaskId::new(task), "Title".to_owned());
        let branch = Branch::new(format!("feat/{task}"));
        let member = Member { task, title, head: head.clone(), change: Some(change) };
        let build = BuildSpec {
            candidate: CandidateId(1),
            target: main(),
            onto: None,
            members: vec![member],
            method,
            trailers: Trailers::Named,
            stamp: Stamp { at: Millis(1_790_000_000_000), run: run() },
        };
        Self { build, branch }
    }

    /// The landing of what was built.
    pub(crate) fn landing(&self, base: &CommitId, commit: &CommitId) -> LandSpec {
        LandSpec {
            candidate: self.build.candidate,
            target: main(),
            base: base.clone(),
            commit: commit.clone(),
            members: self.build.members.iter().map(|m| (m.clone(), self.branch.clone())).collect(),
            go: 0,
            wished: Wished::Still,
            stacked: Vec::new(),
        }
    }
}

pub(crate) fn plumbing(world: &World) -> LocalForgePort {
    let changes = world.dir.path().join("changes");
    let who = Identity { name: "Ursula User".to_owned(), email: "ursula@example.org".to_owned() };
    LocalForgePort::new(LocalForge::open(&world.repo, &changes).unwrap(), run(), who)
}

pub(crate) struct Local {
    world: World,
    port: LocalForgePort,
    forge: LocalForge,
}

impl Bench for Local {
    type Port = LocalForgePort;

    fn new() -> Self {
        let world = World::new(None);
        let port = plumbing(&world);
        let forge = LocalForge::open(&world.repo, &world.dir.path().join("changes")).unwrap();
        Self { world, port, forge }
    }

    fn world(&self) -> &World {
        &self.world
    }

    fn port(&self) -> &LocalForgePort {
        &self.port
    }

    fn branches(&self) -> PathBuf {
        self.world.root().to_owned()
    }

    fn changes(&self) -> Vec<Shown> {
        use ppe_adapters::forge::local::store::ChangeState;
        let all = self.forge.store().all().unwrap().into_iter();
        all.map(|change| Shown {
            number: change.number.0,
            head: change.head.to_string(),
            state: match change.state {
                ChangeState::Open => "open",
                ChangeState::Merged { .. } => "merged",
                ChangeState::Closed => "closed",
            },
            body: change.body,
            labels: change.labels,
            comments: change.comments.into_iter().map(|comment| comment.body).collect(),
        })
        .collect()
    }

    fn person_closes(&self, change: ChangeNumber) {
        self.forge.close(change).unwrap();
    }
}

pub(crate) struct OnGitHub {
    pub(crate) world: World,
    pub(crate) hub: GitHub,
    port: GitHubPort,
    settings: GitHubSettings,
}

/// Everything in milliseconds, and room for slow machines where that costs nothing.
pub(crate) const QUICK: Pace = Pace {
    spacing: Duration::ZERO,
    poll: Duration::from_millis(5),
    settle: Duration::from_millis(30),
    patience: Duration::from_secs(20),
    limit: Duration::from_secs(20),
    wait: Duration::from_secs(20),
};

impl OnGitHub {
    pub(crate) fn at(pace: Pace) -> Self {
        Self::with(pace, None, TOKEN)
    }

    /// A bench where GitHub merges what lands.
    pub(crate) fn merging(method: MergeMethod) -> Self {
        Self::merging_at(QUICK, method)
    }

    pub(crate) fn merging_at(pace: Pace, method: MergeMethod) -> Self {
        let mut bench = Self::at(pace);
        (bench.settings.mode, bench.settings.method) = (Some(Mode::Merge), method);
        bench.renewed()
    }

    /// A bench where GitHub's merge queue merges what lands, and runs CI on what it would merge.
    pub(crate) fn queueing(pace: Pace) -> Self {
        let mut bench = Self::at(pace);
        bench.settings.mode = Some(Mode::Queue);
        bench.hub.rules(&json!({"rule_kinds": ["merge_queue"], "on_groups": true, "on": "^$"}));
        bench.renewed()
    }

    /// The same bench where the queue merges in another manner.
    pub(crate) fn by(mut self, method: MergeMethod) -> Self {
        self.settings.method = method;
        let name = if method == MergeMethod::Squash { "squash" } else { "merge" };
        self.hub.rules(&json!({"queue_method": name}));
        self.renewed()
    }

    /// The same bench where GitHub is to merge by itself what it does not merge yet.
    pub(crate) fn with_auto_merge(mut self) -> Self {
        self.settings.auto_merge = true;
        self.renewed()
    }

    /// The same bench with another process.
    pub(crate) fn renew(self) -> Self {
        self.renewed()
    }

    /// The same bench at another pace.
    pub(crate) fn paced(mut self, pace: Pace) -> Self {
        self.settings.pace = pace;
        self.renewed()
    }

    /// The same bench with other settings for its pull requests.
    pub(crate) fn with_pulls(mut self, pulls: PullSettings) -> Self {
        self.settings.pulls = pulls;
        self.renewed()
    }

    fn renewed(mut self) -> Self {
        let (world, settings) = (&self.world, self.settings.clone());
        self.port = GitHubPort::new(world.repo.clone(), run(), settings, plumbing(world));
        self
    }

    /// A bench whose git is another program and whose token is what it is.
    pub(crate) fn with(pace: Pace, program: Option<&Path>, token: &str) -> Self {
        let world = World::new(program);
        let hub = GitHub::start(world.dir.path());
        git(world.root(), &["push", "-q", hub.git_dir.to_str().unwrap(), "main"]);
        let place = Place::of(&hub.remote(), None, None).unwrap();
        let env = BTreeMap::from([("GH_TOKEN".to_owned(), token.to_owned())]);
        let tokens = TokenSource { file: None, env, host: place.host.clone() };
        let settings = GitHubSettings {
            remote: hub.remote(),
            place,
            tokens,
            authority: None,
            pace,
            mode: None,
            method: MergeMethod::Merge,
            pulls: PullSettings::default(),
            auto_merge: false,
        };
        let port = GitHubPort::new(world.repo.clone(), run(), settings.clone(), plumbing(&world));
        Self { world, hub, port, settings }
    }

    /// What its port was made with.
    pub(crate) fn settings(&self) -> GitHubSettings {
        self.settings.clone()
    }

    /// A branch with one commit of work, on GitHub without our doing.
    pub(crate) fn branch_with_work(&self, name: &str) -> CommitId {
        let work = self.world.work(&self.world.tip(), name, "1\n");
        self.person_pushes(&work, &format!("feat/{name}"));
        work
    }
}

impl Bench for OnGitHub {
    type Port = GitHubPort;

    fn new() -> Self {
        Self::at(QUICK)
    }

    fn world(&self) -> &World {
        &self.world
    }

    fn port(&self) -> &GitHubPort {
        &self.port
    }

    fn branches(&self) -> PathBuf {
        self.hub.git_dir.clone()
    }

    fn changes(&self) -> Vec<Shown> {
        let told = self.hub.told();
        let comments = |number| {
            let of = told.comments.iter().filter(move |comment| comment.issue == number);
            of.map(|comment| comment.body.clone()).collect()
        };
        let shown = |pull: &ppe_testkit::github::Pull| Shown {
            number: pull.number,
            head: pull.head.clone(),
            state: match (&pull.merged, pull.state.as_str()) {
                (Some(_), _) => "merged",
                (None, "open") => "open",
                (None, _) => "closed",
            },
            body: pull.body.clone().unwrap_or_default(),
            labels: pull.labels.clone(),
            comments: comments(pull.number),
        };
        told.pulls.iter().map(shown).collect()
    }

    fn person_closes(&self, change: ChangeNumber) {
        self.hub.person(change.0, &json!({"state": "closed"}));
    }

    fn makes_landings(&self) -> bool {
        self.settings.mode.is_some_and(|mode| mode != Mode::Push)
    }

    fn is_content(&self) {
        self.hub.is_content();
    }
}
