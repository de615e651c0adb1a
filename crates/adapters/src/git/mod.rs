//! Git, by its command line: the user's repository, private workspaces, snapshots of what agents did, and the plumbing
//! of the merge lane. Everything here blocks; callers move it off the event loop.
//!
//! Two kinds of repository are told apart throughout. The *user's* is read with the user's own configuration and written
//! only below `refs/ppe/`, by compare-and-swap on branches, and by one fast-forward where the target is checked out. A
//! *workspace* may have been written by an agent, so git never runs in it: its files are read through a git directory
//! of ours that lies beside it, out of the agent's reach (see [`ours`]).
//!
//! Knows nothing of tasks' states, of when to do any of this, or of what an agent is.

pub mod attribution;
pub mod cli;
pub mod diff;
pub mod files;
pub mod gate;
mod hooks;
pub mod keep;
pub mod lane;
mod lent;
pub mod live;
pub mod onto;
pub mod ours;
mod overlap;
mod pipes;
pub mod prepare;
pub mod proof;
pub mod radar;
pub mod refs;
pub(crate) mod remote;
pub mod repo;
pub mod reword;
pub mod scratch;
pub mod seat;
pub mod snapshot;
pub mod stack;
pub mod status;
pub mod untrusted;
pub mod workspace;

use ppe_core::ids::{CommitId, Millis, TreeId};
use serde::{Deserialize, Serialize};

pub use cli::{Git, GitError};
pub use repo::Repo;

/// Who a commit is by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name as git shows it.
    pub name: String,
    /// The address as git shows it.
    pub email: String,
}

/// Who made a commit of ours and when. Both come from the log, so that a repeat gives the same commit id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Author and committer.
    pub who: Identity,
    /// Author and committer date; git keeps whole seconds.
    pub when: Millis,
}

impl Stamp {
    /// The environment that makes git use this author, committer and date.
    pub fn env(&self) -> [(&'static str, String); 6] {
        let date = format!("@{} +0000", self.when.0 / 1000);
        [
            ("GIT_AUTHOR_NAME", self.who.name.clone()),
            ("GIT_AUTHOR_EMAIL", self.who.email.clone()),
            ("GIT_AUTHOR_DATE", date.clone()),
            ("GIT_COMMITTER_NAME", self.who.name.clone()),
            ("GIT_COMMITTER_EMAIL", self.who.email.clone()),
            ("GIT_COMMITTER_DATE", date),
        ]
    }
}

/// Reads a commit id that git printed.
pub(crate) fn commit_id(text: &str) -> Option<CommitId> {
    is_object_id(text.trim()).then(|| CommitId::new(text.trim()))
}

/// Reads a tree id that git printed.
pub(crate) fn tree_id(text: &str) -> Option<TreeId> {
    is_object_id(text.trim()).then(|| TreeId::new(text.trim()))
}

fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A git path as text; bytes that are no UTF-8 are shown as the replacement character.
pub(crate) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
