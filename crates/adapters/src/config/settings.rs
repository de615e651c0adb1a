//! The result: every setting with its type, and where it came from.
//!
//! Values are within their ranges. Paths are as written; a relative one is seen from the repository's top folder.

use super::agent_settings::{AcpAgent, CommandAgent, NativeAgent, NativeAgents, ScriptedAgent};
use super::environment;
use super::error::Problem;
use super::origin::Origin;
use ppe_core::policy::{AgentPolicy, Policy, Retries, Reviewer};
use ppe_engine::ports::SourceKind;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The whole configuration after all layers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What a run freezes.
    pub policy: Policy,
    /// The plan.
    pub plan: PlanSettings,
    /// The branch that changes land on, if any was named.
    pub target: Option<String>,
    /// The forge.
    pub forge: ForgeSettings,
    /// Time between two looks at board and forge, ms.
    pub dashboard_refresh_ms: u64,
    /// Time from a commit to a look at all branches, ms; 0 is never.
    pub radar_ms: u64,
    /// Bounds that are not part of the policy.
    pub limits: Limits,
    /// Retry limits as written; what they come to is in the policy.
    pub retries: RetryLimits,
    /// Agents that are programs of their own kind.
    pub agents: NativeAgents,
    /// The agent `acp`.
    pub acp_agent: AcpAgent,
    /// The agent that takes tasks whose own has no allowance and names no fallback.
    pub fallback: Option<String>,
    /// Who reviews, as written; who that is stands in the policy.
    pub reviewer: ReviewerWritten,
    /// The file of the user's own template of prompts.
    pub prompt_file: Option<String>,
    /// The agent `command`.
    pub command_agent: CommandAgent,
    /// The agent `scripted`.
    pub scripted_agent: ScriptedAgent,
    /// Commands that must succeed before work becomes a change, in order.
    pub verify: Vec<Command>,
    /// Commands that judge a candidate; empty means those of `verify`, see [`Settings::checks`].
    pub check: Vec<Command>,
    /// Where each of the policy's rules was written.
    pub rule_origins: Vec<Origin>,
    /// What a workspace holds besides the commit.
    pub workspace: Workspace,
    /// Which variables jobs see.
    pub env: EnvPatterns,
    /// Texts that name an AI besides those that are known.
    pub attribution_patterns: Vec<String>,
    /// The summary's last lines; `{plan}` is the plan's name.
    pub next_steps: Vec<String>,
    /// Program and arguments to be told with; empty is nobody.
    pub notify: Vec<String>,
    /// The board.
    pub board: BoardSettings,
    given: BTreeMap<&'static str, Given>,
}

/// Who reviews, as far as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewerWritten {
    /// The agent.
    pub agent: Option<String>,
    /// The model.
    pub model: Option<String>,
}

/// Where the plan is and what it is written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanSettings {
    /// Folder or file.
    pub path: Option<String>,
    /// A name instead of the plan's own.
    pub name: Option<String>,
    /// What it is written in, if that is not to be found out.
    pub source: Option<SourceKind>,
    /// The tag that is read, where tasks are kept under tags.
    pub tag: Option<String>,
}

/// Where changes are reviewed, checked and landed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgeSettings {
    /// Which one.
    pub kind: ForgeKind,
    /// How what is green gets into the target, if that is not to be found out.
    pub mode: Option<ForgeMode>,
    /// Whether pull requests are drafts until they land.
    pub draft: bool,
    /// Whether GitHub merges by itself what it does not merge yet.
    pub auto_merge: bool,
    /// Who is asked for a review of each.
    pub reviewers: Vec<String>,
    /// Whether reviews that request changes go to the agent.
    pub review_comments: bool,
    /// The remote that landings of the local forge are pushed to.
    pub push: Option<String>,
    /// The remote that is GitHub.
    pub remote: String,
    /// `owner/name` there, if it is not what the remote's address says.
    pub repository: Option<String>,
    /// The address of its API, if it is not the usual one.
    pub api_url: Option<String>,
    /// A file with the token.
    pub token_file: Option<String>,
    /// A file with the authorities that are trusted.
    pub ca_file: Option<String>,
    /// Where GitHub's calls are taken.
    pub webhook: Option<String>,
    /// Between two writes, ms.
    pub write_spacing_ms: u64,
    /// Between two looks at checks, ms.
    pub poll_ms: u64,
    /// How long checks may take to appear, ms.
    pub settle_ms: u64,
    /// Until it is said what is waited for, ms.
    pub checks_ms: u64,
    /// For one request, ms.
    pub timeout_ms: u64,
}

/// The kanban board; without a place there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BoardSettings {
    /// The command of its server.
    pub server: Vec<String>,
    /// The address of its server.
    pub url: Option<String>,
    /// A file with the token for that address.
    pub token_file: Option<String>,
    /// The file that it is.
    pub markdown: Option<String>,
    /// Its project, by id.
    pub project: Option<String>,
}

/// Which forge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForgeKind {
    /// Files of our own, branches in the user's repository.
    #[default]
    Local,
    /// GitHub.
    GitHub,
}

/// How what is green gets into the target on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeMode {
    /// By pushing the very commit that was checked.
    Push,
    /// By GitHub's merge of the pull request.
    Merge,
    /// By GitHub's merge queue.
    Queue,
}

/// Bounds on what jobs may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Time for a verify or check command that names none, ms; 0 is for ever.
    pub verify_ms: u64,
    /// Output kept of one job, bytes.
    pub output_bytes: u64,
    /// Free disk space below which nothing new starts, bytes.
    pub disk_floor_bytes: u64,
    /// Available memory below which nothing new starts, bytes.
    pub memory_floor_bytes: u64,
    /// Heavy commands at once; 0 goes by the machine's processors.
    pub heavy: u32,
}

/// Retry limits as written: the general one, and finer ones where given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryLimits {
    /// For every class without its own.
    pub tasks: u32,
    /// The agent failed or made nothing.
    pub execution: Option<u32>,
    /// A verify command failed.
    pub verification: Option<u32>,
    /// A verify command of kind `build` failed; wins over `verification`.
    pub build: Option<u32>,
    /// A verify command of kind `test` failed; wins over `verification`.
    pub test: Option<u32>,
    /// A check failed.
    pub ci: Option<u32>,
    /// The change does not merge.
    pub conflict: Option<u32>,
}

/// What a workspace holds besides the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Patterns of git-ignored files to copy.
    pub copy: Vec<String>,
    /// Shell commands that run once, in order.
    pub setup: Vec<String>,
    /// Whose daemons build tools use.
    pub daemons: Daemons,
}

/// Whose daemons build tools use that keep some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Daemons {
    /// Each workspace its own.
    #[default]
    Own,
    /// The user's.
    Shared,
}

/// Which variables jobs see, as patterns: `*` is any text, `!` takes away, the last match holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvPatterns {
    /// The usual ones.
    pub base: Vec<String>,
    /// Those added to them.
    pub pass: Vec<String>,
}

/// A verify or check command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name on screens, unique in its section.
    pub name: String,
    /// Program and arguments.
    pub run: Vec<String>,
    /// How long it may take, ms; 0 is for ever.
    pub timeout_ms: u64,
    /// What a failure of it is called.
    pub kind: CommandKind,
    /// Whether few of its like may run at once on this machine.
    pub weight: Weight,
    /// Where it was written.
    pub origin: Origin,
}

/// What a verify or check command does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandKind {
    /// It mends what the others would complain of; runs before them.
    Fix,
    /// It builds.
    Build,
    /// It tests.
    Test,
    /// It measures how much the tests reach.
    Coverage,
    /// Anything else.
    #[default]
    Other,
}

impl CommandKind {
    /// As written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Build => "build",
            Self::Test => "test",
            Self::Coverage => "coverage",
            Self::Other => "other",
        }
    }
}

/// How much of the machine a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Any number runs at once.
    Light,
    /// Few at once, over all runs of this user.
    Heavy,
}

/// Programs that take the whole machine while they build.
const HEAVY: [&str; 7] = ["gradle", "gradlew", "mvn", "mvnw", "cargo", "bazel", "sbt"];

impl Weight {
    /// That of a command which says nothing of it: by the programs it names. What formats is light.
    fn of(argv: &[String], kind: CommandKind) -> Self {
        let text = argv.join(" ");
        let mut words = text.split(|c: char| c.is_whitespace() || "/;&|()\"'".contains(c));
        let formats = kind == CommandKind::Fix && !text.contains("gradle");
        if !formats && words.any(|word| HEAVY.contains(&word)) { Self::Heavy } else { Self::Light }
    }
}

/// A `[[verify]]` or `[[check]]` table as written.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) run: Vec<String>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) kind: CommandKind,
    pub(super) weight: Option<Weight>,
    pub(super) file: String,
    pub(super) line: usize,
}

/// What a key holds, as text, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) shown: String,
    pub(super) origin: Origin,
}

impl Settings {
    /// Where the value of a key (`merge.strategy`) came from; nothing for a key without any value.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.given.get(key).map(|given| &given.origin)
    }

    /// The commands that judge a candidate.
    pub fn checks(&self) -> &[Command] {
        if self.check.is_empty() { &self.verify } else { &self.check }
    }

    /// The variables that verify and check commands see, out of `all`.
    pub fn job_environment(&self, all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        environment::environment(self.env.base.iter().chain(&self.env.pass), all)
    }

    /// The variables that the board's server sees, out of `all`.
    pub fn board_environment(&self, all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = ["VIBE_*", "KANDEV_*", "MCP_*", "BACKEND_PORT", "HOST", "PORT"].map(str::to_owned);
        environment::environment(self.env.base.iter().chain(&self.env.pass).chain(&own), all)
    }

    /// The variables that the agent of this name sees, out of `all`.
    pub fn agent_environment(&self, agent: &str, all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = match agent {
            "claude" => &self.agents.claude.env,
            "codex" => &self.agents.codex.env,
            "opencode" => &self.agents.opencode.env,
            "gemini" => &self.agents.gemini.env,
            "acp" => &self.acp_agent.env,
            _ => &self.command_agent.env,
        };
        environment::environment(self.env.base.iter().chain(&self.env.pass).chain(own), all)
    }

    /// Works out what the policy knows of each agent.
    pub(super) fn settle_agents(&mut self) {
        let native =
            |agent: &NativeAgent| (agent.account.clone(), agent.model.clone(), agent.fallback.clone());
        let NativeAgents { claude, codex, opencode, gemini } = &self.agents;
        let acp = (self.acp_agent.account.clone(), self.acp_agent.model.clone(), None);
        let agents = [
            ("claude", native(claude)),
            ("codex", native(codex)),
            ("opencode", native(opencode)),
            ("gemini", native(gemini)),
            ("acp", acp),
            ("command", (self.command_agent.account.clone(), None, None)),
        ];
        let policy = |(name, (account, model, fallback)): (&str, _)| {
            let account = Option::unwrap_or_else(account, || name.to_owned());
            let fallback = Option::or_else(fallback, || self.fallback.clone());
            (name.to_owned(), AgentPolicy { account, model, fallback })
        };
        self.policy.agents = agents.into_iter().map(policy).collect();
        self.policy.review = self.settled_reviewer();
    }

    /// The agent that reviews; nobody unless one of the keys is written.
    fn settled_reviewer(&self) -> Option<Reviewer> {
        let ReviewerWritten { agent, model } = &self.reviewer;
        agent.as_ref().or(model.as_ref())?;
        let agent = agent.as_ref().unwrap_or(&self.policy.agent).clone();
        let own = || self.policy.agents.get(&agent).and_then(|known| known.model.clone());
        Some(Reviewer { model: model.clone().or_else(own), agent })
    }

    pub(super) fn given(&self, key: &str) -> Option<&Given> {
        self.given.get(key)
    }

    pub(super) fn note(&mut self, key: &'static str, given: Given) {
        self.given.insert(key, given);
    }

    /// Works out the retry limits: a finer one wins over the general one, whatever layers they come from.
    pub(super) fn settle_retries(&mut self) {
        let limits = self.retries.clone();
        let verification = self.finer("retries.verification", limits.verification);
        for (key, own) in [("retries.build", limits.build), ("retries.test", limits.test)] {
            if own.is_none() {
                self.inherit(key, "retries.verification");
            }
        }
        self.policy.retries = Retries {
            execution: self.finer("retries.execution", limits.execution),
            verification,
            build: limits.build,
            test: limits.test,
            ci: self.finer("retries.ci", limits.ci),
            conflict: self.finer("retries.conflict", limits.conflict),
        };
    }

    fn finer(&mut self, key: &'static str, own: Option<u32>) -> u32 {
        if own.is_none() {
            self.inherit(key, "retries.tasks");
        }
        own.unwrap_or(self.retries.tasks)
    }

    /// Makes `key` show the value and origin of `from`, which decides it.
    fn inherit(&mut self, key: &'static str, from: &str) {
        if let Some(given) = self.given.get(from).cloned() {
            self.given.insert(key, given);
        }
    }

    /// Turns written commands into commands: names, limits; what is missing or double is answered as problems.
    pub(super) fn commands(&self, section: &str, drafts: Vec<Draft>) -> (Vec<Command>, Vec<Problem>) {
        let (mut commands, mut problems, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (n, draft) in drafts.into_iter().enumerate() {
            let name = draft.name.unwrap_or_else(|| format!("{section}-{}", n + 1));
            let fixes_nothing = section == "check" && draft.kind == CommandKind::Fix;
            let wrong = match (draft.run.is_empty(), names.insert(name.clone())) {
                _ if fixes_nothing => {
                    Some(format!("[[{section}]] {name}: a check changes nothing: fix stands in [[verify]]"))
                }
                (true, _) => Some(format!("[[{section}]] {name}: run is missing")),
                (false, false) => Some(format!("[[{section}]] {name}: the name is taken")),
                (false, true) => None,
            };
            if let Some(message) = wrong {
                problems.push(Problem::Shape { file: draft.file, line: draft.line, message });
                continue;
            }
            commands.push(Command {
                weight: draft.weight.unwrap_or_else(|| Weight::of(&draft.run, draft.kind)),
                name,
                run: draft.run,
                timeout_ms: draft.timeout_ms.unwrap_or(self.limits.verify_ms),
                kind: draft.kind,
                origin: Origin::File { name: draft.file, line: draft.line },
            });
        }
        (commands, problems)
    }
}
