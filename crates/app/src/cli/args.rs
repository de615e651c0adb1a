//! The command line as clap reads it. The doc comments are the help text.

mod board;
mod plan;
mod report;

pub(crate) use board::{BoardArgs, BoardCommand};
pub(crate) use plan::{
    GraphFormat, PlanAdopt, PlanArgs, PlanCommand, PlanGraph, PlanImport, PlanNew, PlanPlace, PlanPrompt,
    PlanShow, WrittenIn,
};
pub(crate) use report::{ReportArgs, ReportWord};

use crate::wiring::{Flag, Names, flag};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Turns a plan of dependent tasks into landed changes, with many coding agents at work at once.
#[derive(Debug, Parser)]
#[command(name = "ppe", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented ppe.toml that fits the repository
    Init(InitArgs),
    /// Look at a plan, or write one: show, check, graph, prompt, adopt, import, new
    Plan(PlanArgs),
    /// Execute a plan
    Run(Box<RunArgs>),
    /// Go on with the repository's unfinished run
    Resume(ResumeArgs),
    /// Show how a run stands
    #[command(visible_alias = "watch")]
    Status(StatusArgs),
    /// Show what a task's agent printed
    Logs(LogsArgs),
    /// Show what a task changes
    Diff(DiffArgs),
    /// Show which branches do not merge with each other or with the target
    Conflicts(RunOf),
    /// The kanban board: show it, bring it up to date, link a card
    Board(BoardArgs),
    /// List the open questions
    Questions(RunOf),
    /// Answer a question
    Answer(AnswerArgs),
    /// Show the completion summary; inside an agent: report phase, commit, question, finding and more
    Report(ReportArgs),
    /// Prove a run again from git: what landed is in the target, and all other work is somewhere
    Audit(AuditArgs),
    /// Play a plan in virtual time, with its estimates as durations
    Simulate(SimulateArgs),
    /// Run the pre-flight alone and say how to mend what it finds
    Doctor(DoctorArgs),
    /// Show every setting and where it comes from
    Config(ConfigArgs),
    /// Serve clients of the Model Context Protocol on standard input and output
    Mcp {
        /// The repository
        #[arg(long, value_name = "DIR", default_value = ".")]
        repo: PathBuf,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Control(Control),
}

/// The repository whose run is meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOf {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Another run than the latest
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// The branch that changes are to land on
    #[arg(long, value_name = "BRANCH")]
    pub(crate) target: Option<String>,
    /// Have Claude Code know of ppe here as well: its skill, its agents, its MCP server
    #[arg(long)]
    pub(crate) claude: bool,
    /// The same for Codex: skill and MCP server
    #[arg(long)]
    pub(crate) codex: bool,
    /// Print the file instead of writing it
    #[arg(long, conflicts_with_all = ["claude", "codex"])]
    pub(crate) print: bool,
}

/// Settings that the command line may override.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Overrides {
    /// The branch that changes land on
    #[arg(long, value_name = "BRANCH")]
    pub(crate) target: Option<String>,
    /// The agent: claude, codex, opencode, gemini, acp, command or scripted
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// The script of the scripted agent
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<String>,
    /// Agents at work at once, 1 to 10 on one machine; start with 5 to 7
    #[arg(long, value_name = "N")]
    pub(crate) slots: Option<String>,
    /// How changes get in: independent, priority, batch or speculative
    #[arg(long, value_name = "S")]
    pub(crate) merge_strategy: Option<String>,
    /// In which order tasks start: priority, critical-path or plan
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<String>,
    /// A file with the token for GitHub, instead of GH_TOKEN and what `gh` is logged in with
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<String>,
    /// Seconds between two looks at repository and forge, and between two lines where there is no terminal
    #[arg(long, value_name = "SECONDS")]
    pub(crate) refresh: Option<String>,
}

impl Overrides {
    /// As settings.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let table = [
            ("--target", "repo.target", &self.target),
            ("--agent", "agent.name", &self.agent),
            ("--script", "agent.scripted.script", &self.script),
            ("--slots", "run.slots", &self.slots),
            ("--merge-strategy", "merge.strategy", &self.merge_strategy),
            ("--order", "run.order", &self.order),
            ("--token-file", "forge.token_file", &self.token_file),
            ("--refresh", "run.dashboard_refresh_s", &self.refresh),
        ];
        table.into_iter().filter_map(|(name, key, value)| Some(flag(name, key, value.as_deref()?))).collect()
    }
}

/// Which tasks of the plan.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Selecting {
    /// Only these tasks
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only tasks of these waves
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) wave: Vec<u32>,
    /// Only tasks of these quarters; a comma of a quarter's own is written `\,`
    #[arg(long, value_name = "Q")]
    pub(crate) quarter: Vec<Names>,
    /// Only tasks of these modules; a comma of a module's own is written `\,`
    #[arg(long, value_name = "MODULE")]
    pub(crate) module: Vec<Names>,
    /// The first N of them
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Take in what they depend on as well
    #[arg(long)]
    pub(crate) with_deps: bool,
    /// These tasks are done already
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) done: Vec<String>,
    /// Do these anew although they are done
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) again: Vec<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct RunArgs {
    /// The plan: a folder or a file; without it the one in ppe.toml, else the one that is found
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) written_in: WrittenIn,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    #[command(flatten)]
    pub(crate) selecting: Selecting,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Look at everything, say what would start, and start nothing
    #[arg(long, conflicts_with = "detach")]
    pub(crate) dry_run: bool,
    /// Start it in the background and come back
    #[arg(long)]
    pub(crate) detach: bool,
    /// One line per event, also on a terminal
    #[arg(long)]
    pub(crate) plain: bool,
    /// Without the kanban board: neither does it say which tasks are run, nor is it told
    #[arg(long)]
    pub(crate) no_board: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Go on in the background and come back
    #[arg(long)]
    pub(crate) detach: bool,
    /// One line per event, also on a terminal
    #[arg(long)]
    pub(crate) plain: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) of: RunOf,
    /// Stay and redraw
    #[arg(long, short)]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The task
    pub(crate) task: String,
    #[command(flatten)]
    pub(crate) of: RunOf,
    /// Another attempt than the latest
    #[arg(long, value_name = "N")]
    pub(crate) attempt: Option<u32>,
    /// Which job of the attempt
    #[arg(long, value_enum, default_value_t = LogJob::Agent)]
    pub(crate) job: LogJob,
    /// What it complained of instead of what it printed
    #[arg(long)]
    pub(crate) stderr: bool,
    /// Stay and show what comes
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The task
    pub(crate) task: String,
    #[command(flatten)]
    pub(crate) of: RunOf,
    /// The lines, as a patch
    #[arg(long, short, conflicts_with_all = ["stat", "json"])]
    pub(crate) patch: bool,
    /// The files instead of the commits
    #[arg(long)]
    pub(crate) stat: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogJob {
    /// The agent at its work
    Agent,
    /// The agent asked for leftovers
    Leftovers,
    /// The verify commands
    Verify,
    /// The agent that reviews
    Review,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The run; without it the latest
    pub(crate) run: Option<String>,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The question, such as q3
    pub(crate) question: String,
    /// One of its options, such as yes
    pub(crate) answer: String,
    #[command(flatten)]
    pub(crate) of: RunOf,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The plan: a folder, a file, or a JSON list of {"id", "duration", "deps"}
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) written_in: WrittenIn,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Agents at work at once; may be more than one machine allows
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) slots: u32,
    /// In which order tasks start: priority, critical-path or plan
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<String>,
    /// How changes get in: independent, priority, batch or speculative
    #[arg(long, value_name = "S")]
    pub(crate) merge_strategy: Option<String>,
    /// How far a task may take less or more than its estimate, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    pub(crate) spread: u32,
    /// What chance follows from: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The plan
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) written_in: WrittenIn,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    /// Run the verify commands and checks on the target as well
    #[arg(long)]
    pub(crate) run_checks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the JSON schema of ppe.toml
    #[arg(long)]
    pub(crate) schema: bool,
}

/// A task of the run.
#[derive(Debug, Args)]
pub(crate) struct OnTask {
    /// The task
    pub(crate) task: String,
    #[command(flatten)]
    pub(crate) of: RunOf,
}

/// Commands that change a run.
#[derive(Debug, Subcommand)]
pub(crate) enum Control {
    /// Start nothing new; with a task: stop its agent and set it aside
    Pause {
        /// The task
        task: Option<String>,
        #[command(flatten)]
        of: RunOf,
    },
    /// The reverse of pause
    Unpause {
        /// The task
        task: Option<String>,
        #[command(flatten)]
        of: RunOf,
    },
    /// Stop the agents; everything can be resumed
    Stop {
        /// Let what is in hand finish
        #[arg(long, conflicts_with = "cancel")]
        drain: bool,
        /// Cancel the open tasks for good
        #[arg(long)]
        cancel: bool,
        #[command(flatten)]
        of: RunOf,
    },
    /// Try a held, parked or skipped task again: its tip is verified first
    Retry {
        #[command(flatten)]
        on: OnTask,
        /// A word to the agent, which then starts in any case
        #[arg(long)]
        note: Option<String>,
    },
    /// Leave a task out; its dependents stay blocked
    Skip {
        #[command(flatten)]
        on: OnTask,
        /// The work is elsewhere: dependents may go on
        #[arg(long)]
        satisfied: bool,
    },
    /// Work on a task yourself, in its workspace
    Take(OnTask),
    /// Hand a taken task back: it goes on from your commits
    Give(OnTask),
    /// A task is done by a commit that is in the target
    Done {
        #[command(flatten)]
        on: OnTask,
        /// The commit
        #[arg(long, value_name = "COMMIT")]
        commit: String,
    },
    /// Open a landed task again: a new attempt and a new change
    Reopen {
        #[command(flatten)]
        on: OnTask,
        /// What was wrong
        #[arg(long)]
        note: Option<String>,
    },
    /// Let changes land that wait for your approval, as they are now
    Approve {
        /// The tasks
        #[arg(required_unless_present_any = ["wave", "all"], conflicts_with_all = ["wave", "all"])]
        tasks: Vec<String>,
        /// Those of a wave
        #[arg(long, value_name = "N")]
        wave: Option<u32>,
        /// All that wait
        #[arg(long, conflicts_with = "wave")]
        all: bool,
        /// Only if its tip is still this commit, named by four digits at least
        #[arg(long, value_name = "COMMIT", value_parser = commit_prefix, conflicts_with_all = ["wave", "all"])]
        at: Option<String>,
        #[command(flatten)]
        of: RunOf,
    },
    /// Send a change back to its agent
    Reject {
        #[command(flatten)]
        on: OnTask,
        /// What is wrong with it
        #[arg(long)]
        note: String,
    },
    /// Put a task ahead of all others
    Next(OnTask),
    /// Change a task's priority
    Priority {
        #[command(flatten)]
        on: OnTask,
        /// low, medium, high or critical
        priority: String,
    },
    /// Change the number of slots; nobody is stopped
    Slots {
        /// 1 to 10
        slots: u32,
        #[command(flatten)]
        of: RunOf,
    },
}

/// The beginning of a commit's id.
fn commit_prefix(text: &str) -> Result<String, String> {
    let digits = text.len() >= 4 && text.chars().all(|c| c.is_ascii_hexdigit());
    digits.then(|| text.to_lowercase()).ok_or_else(|| "not the beginning of a commit's id".to_owned())
}
