//! What the tools take. The doc comments are what a client's model reads of them.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckArgs {
    /// The plan: a folder or a file; without it the one in ppe.toml, else the one that is found
    pub(super) plan: Option<PathBuf>,
    /// What the plan is written in: markdown, backlog, task-master, spec-kit, beads, compozy or ccpm; by default that is seen.
    /// Or where it is kept: github (issues with the label `tag`) or board (cards)
    pub(super) from: Option<String>,
    /// The tag to read, where Task Master keeps several; the label of the issues to read
    pub(super) tag: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StartArgs {
    /// The plan: a folder or a file; without it the one in ppe.toml, else the one that is found
    pub(super) plan: Option<PathBuf>,
    /// What the plan is written in: markdown, backlog, task-master, spec-kit, beads, compozy or ccpm; by default that is seen.
    /// Or where it is kept: github (issues with the label `tag`) or board (cards)
    pub(super) from: Option<String>,
    /// The tag to read, where Task Master keeps several; the label of the issues to read
    pub(super) tag: Option<String>,
    /// The branch that changes land on
    pub(super) target: Option<String>,
    /// The agent that does the tasks: claude, codex, opencode, gemini, acp, command or scripted
    pub(super) agent: Option<String>,
    /// Agents at work at once, 1 to 10; leave it out unless the user names a number
    pub(super) slots: Option<u32>,
    /// How changes get in: independent, priority, batch or speculative
    pub(super) merge_strategy: Option<String>,
    /// Only these tasks, by id
    pub(super) only: Vec<String>,
    /// Only tasks of these waves
    pub(super) waves: Vec<u32>,
    /// Only tasks of these quarters
    pub(super) quarters: Vec<String>,
    /// Only tasks of these modules
    pub(super) modules: Vec<String>,
    /// The first so many of them
    pub(super) limit: Option<u32>,
    /// Take in what they depend on as well
    pub(super) with_deps: bool,
    /// These tasks are done already
    pub(super) done: Vec<String>,
    /// Do these anew although they are done
    pub(super) again: Vec<String>,
    /// Leave the kanban board alone: neither does it say which tasks are run, nor is it told
    pub(super) no_board: bool,
    /// The user has seen what would start, with its warnings, and wants it
    pub(super) confirm: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusArgs {
    /// Another run than the latest
    pub(super) run: Option<String>,
    /// The `mark` of the last answer: the call then comes back as soon as something that matters is otherwise
    pub(super) since: Option<String>,
    /// How long to wait for that, in seconds, at most 50
    #[schemars(range(max = 50))]
    pub(super) wait_s: Option<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskArgs {
    /// The task's id
    pub(super) task: String,
    /// Another run than the latest
    pub(super) run: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseArgs {
    /// One task, whose agent is stopped and set aside; without it nothing new starts and all at work goes on
    pub(super) task: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ResumeArgs {
    /// One task; without it the run
    pub(super) task: Option<String>,
    /// Where no process is at work on the run: the user wants it to go on
    pub(super) confirm: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StopArgs {
    /// In what way
    pub(super) how: StopHow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StopHow {
    /// The agents are stopped; everything can be resumed
    #[default]
    Agents,
    /// What is in hand finishes first
    Drain,
    /// The open tasks are cancelled for good
    Cancel,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryArgs {
    /// The task's id
    pub(super) task: String,
    /// A word to the agent, which then starts in any case
    pub(super) note: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuestionsArgs {}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerArgs {
    /// The question, such as q3
    pub(super) question: String,
    /// One of its answers, such as yes
    pub(super) answer: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportArgs {
    /// Another run than the latest
    pub(super) run: Option<String>,
}
