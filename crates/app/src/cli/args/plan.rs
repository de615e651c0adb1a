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
    /// Show a plan of another program as a run would have it, or write it as task files
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(PlanImport),
    /// Write a task file
    #[command(after_help = NEW_EXAMPLES)]
    New(PlanNew),
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  ppe plan import --from task-master
  ppe plan import --from spec-kit specs/001-login --json
  ppe plan import --from backlog --to markdown --out docs/plan
  ppe plan import --from github --tag agents";

const NEW_EXAMPLES: &str = "\
Examples:
  ppe plan new \"Contract testing\" --depends-on T-001,T-004 --priority high
  ppe plan new \"Log in\" --dir docs/plan --id AUTH-7 --module web --commits 5";

/// What a plan is written in, where that is not to be seen.
#[derive(Clone, Debug, Args)]
pub(crate) struct WrittenIn {
    /// What the plan is written in: markdown, backlog, task-master, spec-kit, beads, compozy or ccpm; by default that is seen.
    /// Or where it is kept: github (issues with the label of `--tag`) or board (cards)
    #[arg(long, value_name = "KIND")]
    pub(crate) from: Option<String>,
    /// The tag to read, where Task Master keeps several; the label of the issues to read
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

#[derive(Debug, Args)]
pub(crate) struct PlanImport {
    #[command(flatten)]
    pub(crate) place: PlanPlace,
    /// Write it in this form instead of showing it
    #[arg(long, value_enum, value_name = "FORM", requires = "out")]
    pub(crate) to: Option<ImportTo>,
    /// The folder that the files go to; nothing there is written over
    #[arg(long, value_name = "DIR", requires = "to")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportTo {
    /// Task files, one for each task
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct PlanNew {
    /// The title
    pub(crate) title: String,
    /// The id; by default the next one of the plan
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// What must have landed before, separated by commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) depends_on: Vec<String>,
    /// How urgent it is
    #[arg(long, value_name = "P", default_value = "medium", value_parser = ["critical", "high", "medium", "low"])]
    pub(crate) priority: String,
    /// The module it belongs to
    #[arg(long, value_name = "M")]
    pub(crate) module: Option<String>,
    /// How many commits it is to have
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) commits: Option<u32>,
    /// The folder that the file goes to; by default the plan's
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
