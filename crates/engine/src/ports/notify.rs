//! Word to the user outside any screen. Knows nothing of when it is worth a word.

use serde::{Deserialize, Serialize};

/// One thing worth a word; sent at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `question`, `stuck`, `needs-review`, `paused`, `budget`, `standstill`, `end`.
    pub kind: String,
    /// The run.
    pub run: String,
    /// The task, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// In words.
    pub text: String,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// Sends notices. Never waits, never fails: a notice that cannot be sent is lost.
pub trait Notifier: Send + Sync + 'static {
    /// Sends one.
    fn send(&self, notice: Notice);
}
