//! What the state holds of the run as a whole: how far it is, its time, why nothing starts, what failed and waits.

use crate::ids::Millis;
use serde::{Deserialize, Serialize};

/// Why nothing new starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "cause", content = "what", rename_all = "kebab-case")]
pub enum PauseCause {
    /// The user said so.
    Operator,
    /// The machine cannot take more: the text says what failed.
    Machine(String),
    /// An agent's program or access is not in order. Only its own tasks wait.
    Agent {
        /// The agent.
        agent: String,
        /// What is wrong.
        why: String,
    },
    /// The target itself is red.
    TargetRed,
    /// Several tasks in a row failed alike.
    SameCause,
    /// A landing commit is no longer in the target.
    TargetRewritten,
    /// The run's budget is spent.
    Budget,
}

impl PauseCause {
    /// Whether two causes are of one kind, whatever their text.
    pub fn same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Agent { agent, .. }, Self::Agent { agent: other, .. }) => agent == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// How the user wants the run to stop. Greater is more urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopMode {
    /// What is in hand finishes; nothing new starts.
    Drain,
    /// Agents are stopped, everything can be resumed.
    Agents,
    /// Open tasks are cancelled for good.
    Cancel,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Nothing was started yet.
    New,
    /// Tasks are open.
    Open,
    /// All are closed.
    Complete,
}

/// Time as the run has seen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// When the run began.
    pub started: Millis,
    /// When the present session began.
    pub session: Millis,
    /// The last record's time.
    pub last: Millis,
    /// Time with nothing at work, between sessions or while dispatch was paused, ms.
    pub paused_ms: u64,
    /// Sum over time of busy slots, ms.
    pub busy_ms: u64,
    /// When the last attempt started.
    pub last_start: Option<Millis>,
}

/// An intent that failed and waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferred {
    /// Not before.
    pub until: Millis,
    /// Why.
    pub why: String,
    /// How often in a row.
    pub times: u32,
    /// Whose matter it is.
    pub matter: Matter,
    /// Whether the time has come.
    pub due: Due,
}

/// Whose matter a failed intent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// The machine's: nothing new starts until it works again.
    Machine,
    /// Someone else's: only this wish waits.
    Elsewhere,
}

/// Whether a deferred intent may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Not yet.
    Later,
    /// Now.
    Now,
}
