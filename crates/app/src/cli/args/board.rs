//! What `ppe board` understands.

use super::RunOf;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct BoardArgs {
    #[command(subcommand)]
    pub(crate) command: BoardCommand,
}

/// What is done with the board.
#[derive(Debug, Subcommand)]
pub(crate) enum BoardCommand {
    /// Show its cards and the tasks that they are of
    Show(RunOf),
    /// Bring its cards up to date with the latest run; a run at work does that by itself
    Sync(RunOf),
    /// Say which card is a task's, where its title does not begin with the task's id
    Link {
        /// The task
        task: String,
        /// The board's own id of the card
        card: String,
        #[command(flatten)]
        of: RunOf,
    },
}
