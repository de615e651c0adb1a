//! The operations about reviews of a pull request, and who may give one that counts.

use super::Api;
use crate::forge::github::client::ApiError;
use ppe_core::ids::{ChangeNumber, CommitId};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Method;

/// A review.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct Review {
    pub(in crate::forge::github) id: u64,
    /// Nobody, if the account is gone.
    pub(in crate::forge::github) user: Option<super::User>,
    pub(in crate::forge::github) state: String,
    #[serde(default)]
    pub(in crate::forge::github) body: String,
    /// What was looked at.
    pub(in crate::forge::github) commit_id: Option<CommitId>,
}

/// What a review says of a line.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct LineComment {
    pub(in crate::forge::github) path: String,
    pub(in crate::forge::github) line: Option<u64>,
    pub(in crate::forge::github) body: String,
}

impl Api {
    /// The reviews of a pull request, the oldest first.
    pub(in crate::forge::github) fn reviews(&self, number: ChangeNumber) -> Result<Vec<Review>, ApiError> {
        self.client.list(&format!("{}/pulls/{}/reviews?per_page=100", self.repo, number.0))
    }

    /// What a review says of lines.
    pub(in crate::forge::github) fn line_comments(
        &self,
        number: ChangeNumber,
        review: u64,
    ) -> Result<Vec<LineComment>, ApiError> {
        let path = format!("{}/pulls/{}/reviews/{review}/comments?per_page=100", self.repo, number.0);
        self.client.list(&path)
    }

    /// Whether a user may write to the repository. Of whom that cannot be told, it is not so.
    pub(in crate::forge::github) fn may_write(&self, login: &str) -> Result<bool, ApiError> {
        #[derive(Deserialize)]
        struct Access {
            permission: String,
        }
        let path = format!("{}/collaborators/{}/permission", self.repo, super::query_value(login));
        match self.client.get::<Access>(&path) {
            Ok(access) => Ok(matches!(access.body.permission.as_str(), "admin" | "maintain" | "write")),
            Err(error) if error.is(403) || error.is(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks a user, or a team as `org/team`, for a review.
    pub(in crate::forge::github) fn request_review(
        &self,
        number: ChangeNumber,
        reviewer: &str,
    ) -> Result<(), ApiError> {
        let path = format!("{}/pulls/{}/requested_reviewers", self.repo, number.0);
        let asked = match reviewer.split_once('/') {
            Some((_, team)) => json!({ "team_reviewers": [team] }),
            None => json!({ "reviewers": [reviewer] }),
        };
        let _pull: Value = self.client.write(Method::POST, &path, &asked)?;
        Ok(())
    }

    /// Makes a draft ready for review. Only GraphQL can.
    pub(in crate::forge::github) fn mark_ready(&self, node_id: &str) -> Result<(), ApiError> {
        let query = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) \
            { pullRequest { isDraft } } }";
        self.client.mutate(&json!({ "query": query, "variables": { "id": node_id } }))
    }
}
