//! The words behind `ppe plan`. The doc comments are the help text.

use crate::wiring::{Flag, flag};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(subcommand)]
    pub(crate) command: PlanCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Waves, critical path, total work, findings
    Show(PlanShow),
    /// Check the plan and list every finding
    Check(PlanPlace),
    /// Draw the dependencies
    Graph(PlanGraph),
    /// Print what an agent would be told of a task; without one, the template
    Prompt(PlanPrompt),
    /// Take the edited plan into the unfinished run
    Adopt(PlanAdopt),
}

/// What a plan is written in, where that is not to be seen.
#[derive(Clone, Debug, Args)]
pub(crate) struct WrittenIn {
    /// What the plan is written in: markdown, backlog, task-master, spec-kit, beads, compozy or ccpm; by default that is seen
    #[arg(long, value_name = "KIND")]
    pub(crate) from: Option<String>,
    /// The tag to read, where Task Master keeps several
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
}

impl WrittenIn {
    /// The same as settings.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let from = self.from.iter().map(|kind| flag("--from", "plan.source", kind));
        let tag = self.tag.iter().map(|tag| flag("--tag", "plan.tag", tag));
        from.chain(tag).collect()
    }
}

/// Where a plan is.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlanPlace {
    /// The plan: a folder or a file; without it the one in ppe.toml, else the one that is found
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) written_in: WrittenIn,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanShow {
    #[command(flatten)]
    pub(crate) place: PlanPlace,
    /// List the tasks in the order of their starts, each with the reason for its place
    #[arg(long)]
    pub(crate) order: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanGraph {
    #[command(flatten)]
    pub(crate) place: PlanPlace,
    /// The format
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub(crate) format: GraphFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// Each task with what it depends on and what it blocks
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct PlanPrompt {
    /// The task
    pub(crate) task: Option<String>,
    /// The plan: a folder or a file; without it the one in ppe.toml, else the one that is found
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) written_in: WrittenIn,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PlanAdopt {
    #[command(flatten)]
    pub(crate) place: PlanPlace,
    /// Take up every task of the plan that the run left out so far
    #[arg(long)]
    pub(crate) add: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}
