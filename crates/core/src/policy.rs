//! What the user chose, as data and arithmetic: limits, retries, order. Frozen into a run when it starts.
//!
//! Knows nothing of where a value came from (flag, environment, file); values are already within their ranges.

use crate::outcome::{Class, Red};
use crate::plan::Priority;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most agents at work at once on one machine.
pub const MAX_SLOTS: u32 = 10;

/// In which order ready tasks get slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Priority, then longest remaining path, then id.
    #[default]
    Priority,
    /// Longest remaining path, then priority, then id.
    CriticalPath,
    /// Priority, then id.
    Plan,
}

/// Whether waves hold tasks back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waves {
    /// A task starts as soon as its own dependencies allow it.
    #[default]
    Free,
    /// A wave starts when the threshold of the wave before it has closed.
    Gate,
    /// As `Gate`, and the user is asked before each wave.
    Ask,
}

/// When what a task depends on lets it start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartOn {
    /// Once it has landed.
    #[default]
    Landed,
    /// Once its change stands with green checks: the task is stacked on it.
    ChecksGreen,
}

/// How waiting changes get into the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStrategy {
    /// One after the other, in order of arrival.
    #[default]
    Independent,
    /// One after the other, highest priority first.
    Priority,
    /// A wave's changes together.
    Batch,
    /// Several candidates at once, each on those before it, as large as the failure rate allows.
    Speculative,
}

/// What the landing commit looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MergeMethod {
    /// A merge commit with the work as second parent.
    #[default]
    Merge,
    /// One commit with the work's tree.
    Squash,
    /// The work's commits, each again on top of what was there.
    Rebase,
}

/// How a change that no longer merges is brought onto the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// Its commits are made again on the target's tip; its branch is moved there from where it was left.
    #[default]
    Rebase,
    /// The target is merged into it; its branch only ever goes forward.
    Merge,
}

/// What a person has to approve before it may land.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Nothing.
    #[default]
    None,
    /// Each change, at its tip.
    Each,
    /// The changes of a wave, once all that come by themselves are there.
    Wave,
}

/// Whether a landing commit says of which task and run it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trailers {
    /// It does: later runs find by it what has landed.
    #[default]
    Named,
    /// It does not: later runs have only the plan's marks and the user's word.
    None,
}

/// What an agent's "no change needed" leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoChange {
    /// The user is asked.
    #[default]
    Ask,
    /// It is accepted when verification is green.
    Accept,
}

/// Further attempts after the first failure, per class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// The agent failed or made nothing.
    pub execution: u32,
    /// A verify command failed that neither builds nor tests.
    pub verification: u32,
    /// A build failed; as `verification` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<u32>,
    /// A test failed; as `verification` where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<u32>,
    /// A check on the candidate failed.
    pub ci: u32,
    /// The change does not merge.
    pub conflict: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self { execution: 3, verification: 3, build: None, test: None, ci: 3, conflict: 3 }
    }
}

impl Retries {
    /// Further attempts after failures of this class and kind.
    pub fn of(&self, class: Class, red: Red) -> u32 {
        match (class, red) {
            (Class::Verification, Red::Build) => self.build.unwrap_or(self.verification),
            (Class::Verification, Red::Test) => self.test.unwrap_or(self.verification),
            (Class::Verification, Red::Other) => self.verification,
            (Class::Ci, _) => self.ci,
            (Class::Conflict, _) => self.conflict,
            (Class::Execution | Class::Capacity | Class::Machine | Class::Lost | Class::Operator, _) => {
                self.execution
            }
        }
    }
}

/// What is decided by of one agent. How it is started is not the policy's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPolicy {
    /// Whose allowance it uses: agents of one account wait together.
    pub account: String,
    /// The model of tasks and rules that name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent that takes its tasks while its account has no allowance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// Which agent and model the tasks get that it describes. Every word that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRule {
    /// A part of the title, whatever its case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The id, or its beginning before a `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// At least this priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// The agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// The agent that looks at verified work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewer {
    /// The agent.
    pub agent: String,
    /// Its model; nothing leaves that to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What may be spent. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// On the whole run, in millionths of a US dollar.
    pub run_micro_usd: u64,
    /// On the whole run, in tokens.
    pub run_tokens: u64,
    /// On one task, in millionths of a US dollar.
    pub task_micro_usd: u64,
    /// On one task, in tokens.
    pub task_tokens: u64,
}

/// How much of a task an agent does before a person is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All of it.
    #[default]
    Autonomous,
    /// One planned commit.
    CommitByCommit,
    /// One phase.
    PhaseByPhase,
}

/// Whether commits and changes may name an AI as their author.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attribution {
    /// No: it is sent back once, then taken out.
    #[default]
    Forbid,
    /// It is nobody's business.
    Allow,
}

/// Everything that `decide` and `intents` look up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Agents at work at once, 1 to [`MAX_SLOTS`] (simulations may go above).
    pub slots: u32,
    /// Share of a wave that must have closed before the next is pre-loaded, in (0, 1].
    pub wave_threshold: f64,
    /// Order of starts.
    pub order: Order,
    /// Whether waves hold tasks back.
    pub waves: Waves,
    /// When what a task depends on lets it start.
    #[serde(default)]
    pub start_on: StartOn,
    /// How changes get in.
    pub merge_strategy: MergeStrategy,
    /// Candidates checked at once, where the strategy allows several.
    pub check_slots: u32,
    /// How long a change waits in the lane before it goes ahead of all others, ms.
    pub longest_wait_ms: u64,
    /// What a landing looks like.
    pub merge_method: MergeMethod,
    /// How a change is brought onto the target.
    #[serde(default)]
    pub update: Update,
    /// What a person has to approve before it may land.
    #[serde(default)]
    pub approval: Approval,
    /// Whether a landing names its task and run.
    #[serde(default)]
    pub trailers: Trailers,
    /// What "no change needed" leads to.
    pub no_change: NoChange,
    /// Retry limits.
    pub retries: Retries,
    /// Whether a verified task becomes a change. `Off` stops at the published branch.
    pub changes: Changes,
    /// Pause between two starts, ms.
    pub stagger_ms: u64,
    /// Two tasks first, the full width once one has landed; 0 is off.
    pub ramp: u32,
    /// Wait before a retry, ms; doubled each time up to 32 times.
    pub backoff_ms: u64,
    /// Wall-clock limit of one agent job, ms; 0 is none.
    pub attempt_limit_ms: u64,
    /// How long an agent may take to end after it was asked to, ms.
    pub grace_ms: u64,
    /// How long a question waits before its default applies, ms; 0 is for ever.
    pub question_timeout_ms: u64,
    /// Open changes above which nothing new starts; 0 is no limit.
    pub open_changes: u32,
    /// A progress line every this many commits.
    pub report_every_commits: u32,
    /// The agent for tasks that name none.
    pub agent: String,
    /// What is known of each agent, by name.
    #[serde(default)]
    pub agents: BTreeMap<String, AgentPolicy>,
    /// Who does which tasks; the first that fits and says it counts.
    #[serde(default)]
    pub rules: Vec<AgentRule>,
    /// What may be spent.
    #[serde(default)]
    pub budget: Budget,
    /// How much an agent does before a person is asked.
    #[serde(default)]
    pub mode: Mode,
    /// Whether commits may name an AI.
    #[serde(default)]
    pub attribution: Attribution,
    /// How long an agent may be quiet before it is asked about, ms; 0 is for ever.
    #[serde(default)]
    pub silence_ms: u64,
    /// How long a task may stay without any move before it is told what it waits for, ms; 0 is for ever.
    #[serde(default)]
    pub stuck_after_ms: u64,
    /// Who looks at verified work before it becomes a change; nobody if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Reviewer>,
    /// The user's own template of prompts, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// Whether changes (pull requests) are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Changes {
    /// Each verified task becomes a change, which the lane lands.
    #[default]
    Open,
    /// The branch is published and landing is only observed.
    Off,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            slots: 7,
            wave_threshold: 0.8,
            order: Order::default(),
            waves: Waves::default(),
            start_on: StartOn::default(),
            merge_strategy: MergeStrategy::default(),
            check_slots: 4,
            longest_wait_ms: 1_800_000,
            merge_method: MergeMethod::default(),
            update: Update::default(),
            approval: Approval::default(),
            trailers: Trailers::default(),
            no_change: NoChange::default(),
            retries: Retries::default(),
            changes: Changes::default(),
            stagger_ms: 2_000,
            ramp: 0,
            backoff_ms: 5_000,
            attempt_limit_ms: 0,
            grace_ms: 10_000,
            question_timeout_ms: 0,
            open_changes: 0,
            report_every_commits: 5,
            agent: "command".to_owned(),
            agents: BTreeMap::new(),
            rules: Vec::new(),
            budget: Budget::default(),
            mode: Mode::default(),
            attribution: Attribution::default(),
            silence_ms: 900_000,
            stuck_after_ms: 1_800_000,
            review: None,
            prompt: None,
        }
    }
}

impl Policy {
    /// How many tasks of a wave of `size` must have closed before the next is pre-loaded: ⌈threshold × size⌉, at least 1.
    pub fn threshold_of(&self, size: usize) -> usize {
        (1..=size).find(|n| reaches(*n, size, self.wave_threshold)).unwrap_or(size)
    }

    /// The wait before the `n`-th retry in a row (from 1), ms.
    pub fn backoff(&self, n: u32) -> u64 {
        self.backoff_ms.saturating_mul(1 << n.saturating_sub(1).min(5))
    }
}

/// Whether `n` of `size` reaches `threshold`. The small slack keeps 0.8 × 5 at 4 in binary arithmetic.
#[expect(clippy::cast_precision_loss, reason = "plans are far below 2^52 tasks")]
fn reaches(n: usize, size: usize, threshold: f64) -> bool {
    n as f64 + 1e-9 >= threshold * size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_rounds_up() {
        let at = |wave_threshold, size| Policy { wave_threshold, ..Policy::default() }.threshold_of(size);
        assert_eq!(at(0.8, 31), 25);
        assert_eq!(at(0.5, 31), 16);
        assert_eq!(at(1.0, 31), 31);
        assert_eq!(at(0.8, 5), 4);
        assert_eq!(at(0.01, 3), 1);
    }

    #[test]
    fn the_backoff_doubles_and_stops_doubling() {
        let policy = Policy { backoff_ms: 100, ..Policy::default() };
        assert_eq!([1, 2, 3, 9].map(|n| policy.backoff(n)), [100, 200, 400, 3_200]);
    }
}
