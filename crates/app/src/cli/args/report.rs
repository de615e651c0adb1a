//! What `ppe report` understands: the summary of a run, or an agent's word to it.

use super::RunOf;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) of: RunOf,
    #[command(subcommand)]
    pub(crate) word: Option<ReportWord>,
}

/// A word of an agent to ppe.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportWord {
    /// A phase of the plan has begun
    Phase {
        /// Its name
        name: String,
    },
    /// So many planned commits are made
    Commit {
        /// How many
        n: u32,
    },
    /// Nothing needs to be changed
    NoChange {
        /// Why
        why: String,
    },
    /// A person is needed
    Blocked {
        /// Why
        why: String,
    },
    /// A decision is needed; the answer comes with the next prompt
    #[command(visible_alias = "ask")]
    Question {
        /// What is to be decided
        text: String,
        /// What may be answered; may be given several times
        #[arg(long = "option", value_name = "TEXT")]
        options: Vec<String>,
        /// Which option applies when nobody answers in time
        #[arg(long, value_name = "TEXT")]
        default: Option<String>,
    },
    /// Something is wrong in the work that is reviewed
    Finding {
        /// Where, what, and when it shows
        text: String,
    },
    /// The failure is not the work's fault
    Flaky {
        /// Why
        why: String,
    },
    /// There is no capacity now
    Later {
        /// For how many seconds
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
    },
}
