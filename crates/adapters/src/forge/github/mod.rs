//! GitHub as the forge: changes are pull requests, candidates are judged by CI, and what landed is on GitHub first.
//!
//! The target branch of the user's repository follows the one on GitHub, by fast-forward alone. So whoever starts work or
//! builds a candidate looks at the local branch, as with the local forge, and all git plumbing is shared with that one.
//!
//! Landing is by pushing where that is allowed: a candidate is pushed to a branch of its own, CI runs there, and the target
//! takes that very commit, if it still is where it was (see [`landing`]). Elsewhere GitHub merges the pull request, whose
//! branch contains the target by then (see [`merging`]), or its merge queue does (see [`queueing`]). Knows nothing of order,
//! retries or whose fault a red check is.

mod access;
mod api;
mod authority;
mod budget;
mod checks;
mod ci;
mod clearing;
mod client;
mod failing;
mod gate;
mod graph;
mod issues;
mod landing;
mod looking;
mod merged;
mod merging;
mod place;
pub mod port;
mod protection;
mod publishing;
mod queueing;
mod reviews;
mod survey;
mod token;
mod updating;
mod watching;
mod webhook;
mod wording;

use crate::git::Repo;
use ppe_core::ids::CommitId;
use ppe_core::input::Trouble;
use ppe_core::policy::MergeMethod;
use std::time::Duration;

pub use authority::{Authority, AuthorityError};
pub use clearing::Standing;
pub use issues::tickets;
pub use place::{Place, PlaceError};
pub use protection::Guarantee;
pub use survey::{Finding, Landing, Level, Surveyed, landing, survey};
pub use token::{Found, Secret, TokenError, TokenSource};
pub use webhook::Webhook;

/// The tips of all branches there.
pub fn heads(repo: &Repo, settings: &GitHubSettings) -> Result<Vec<CommitId>, Trouble> {
    Ok(access::remote(repo.clone(), settings).heads()?.into_values().collect())
}

/// Which repository, whose token, and how fast.
#[derive(Clone, Debug)]
pub struct GitHubSettings {
    /// The address that git pushes to and fetches from.
    pub remote: String,
    /// The repository and its API.
    pub place: Place,
    /// Where the token comes from.
    pub tokens: TokenSource,
    /// Who vouches for its certificate, if no public authority does.
    pub authority: Option<Authority>,
    /// How fast.
    pub pace: Pace,
    /// How what is green gets into the target, if that is not to be found out.
    pub mode: Option<Mode>,
    /// What a landing looks like.
    pub method: MergeMethod,
    /// What is done about pull requests besides.
    pub pulls: PullSettings,
    /// What GitHub does not merge yet, it merges by itself once it may.
    pub auto_merge: bool,
}

/// What is done about pull requests besides opening and landing them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullSettings {
    /// They are drafts until they land.
    pub draft: bool,
    /// Who is asked for a review: users, and teams as `org/team`.
    pub reviewers: Vec<String>,
    /// Reviews that request changes go to the agent.
    pub review_comments: bool,
    /// Reviews that approve let a change land: so many are needed. With 0 they are not looked at.
    pub approvals: u64,
}

/// How what is green gets into the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The target takes the very commit that was checked.
    Push,
    /// GitHub merges the pull request.
    Merge,
    /// GitHub's merge queue does.
    Queue,
}

/// How fast GitHub is asked and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two writes.
    pub spacing: Duration,
    /// Between two looks at checks that have just begun; it stretches to four times that.
    pub poll: Duration,
    /// How long checks may take to appear: what has none after that, has none.
    pub settle: Duration,
    /// How long checks are waited for before it is said what is waited for.
    pub patience: Duration,
    /// How long one request may take.
    pub limit: Duration,
    /// How long GitHub is asked again for what it has begun, before it is said what is waited for.
    pub wait: Duration,
}
