//! The operations that merge a pull request.

use super::{Api, Pull};
use crate::forge::github::client::ApiError;
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::policy::MergeMethod;
use serde::{Deserialize, Serialize};
use serde_json::json;
use ureq::http::Method;

/// A merge that is wished for.
#[derive(Clone, Debug, Serialize)]
pub(in crate::forge::github) struct NewMerge {
    /// The head that it is about: where the branch stands elsewhere, nothing is merged.
    pub(in crate::forge::github) sha: CommitId,
    pub(in crate::forge::github) merge_method: &'static str,
    pub(in crate::forge::github) commit_title: String,
    pub(in crate::forge::github) commit_message: String,
}

/// A method as GitHub names it.
pub(in crate::forge::github) fn method_name(method: MergeMethod) -> &'static str {
    match method {
        MergeMethod::Merge => "merge",
        MergeMethod::Squash => "squash",
        MergeMethod::Rebase => "rebase",
    }
}

/// How a merge that runs in the background stands.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct Merge {
    pub(in crate::forge::github) status: String,
    pub(in crate::forge::github) details: MergeDetails,
}

/// What is said of it.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct MergeDetails {
    pub(in crate::forge::github) message: String,
    /// Its name, while it runs.
    pub(in crate::forge::github) uuid: Option<String>,
}

impl Api {
    pub(super) fn pull_path(&self, number: ChangeNumber) -> String {
        format!("{}/pulls/{}", self.repo, number.0)
    }

    /// Begins a merge in the background. Hosts of one's own do not have it.
    pub(in crate::forge::github) fn begin_merge(
        &self,
        number: ChangeNumber,
        new: &NewMerge,
    ) -> Result<Merge, ApiError> {
        #[derive(Serialize)]
        struct Direct<'a> {
            #[serde(flatten)]
            new: &'a NewMerge,
            merge_action: &'static str,
        }
        let path = format!("{}/merge-async", self.pull_path(number));
        self.client.write(Method::PUT, &path, &Direct { new, merge_action: "direct_merge" })
    }

    /// Has GitHub merge as soon as nothing is against it. Only GraphQL can.
    pub(in crate::forge::github) fn enable_auto_merge(
        &self,
        node_id: &str,
        new: &NewMerge,
    ) -> Result<(), ApiError> {
        let query = "mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) \
            { clientMutationId } }";
        let input = json!({
            "pullRequestId": node_id,
            "expectedHeadOid": new.sha,
            "mergeMethod": new.merge_method.to_uppercase(),
            "commitHeadline": new.commit_title,
            "commitBody": new.commit_message,
        });
        self.client.mutate(&json!({ "query": query, "variables": { "input": input } }))
    }

    /// Has GitHub do so no more.
    pub(in crate::forge::github) fn disable_auto_merge(&self, node_id: &str) -> Result<(), ApiError> {
        let query = "mutation($id: ID!) { disablePullRequestAutoMerge(input: {pullRequestId: $id}) \
            { clientMutationId } }";
        self.client.mutate(&json!({ "query": query, "variables": { "id": node_id } }))
    }

    /// How a merge that was begun stands.
    pub(in crate::forge::github) fn merge_state(
        &self,
        number: ChangeNumber,
        uuid: &str,
    ) -> Result<Merge, ApiError> {
        Ok(self.client.get(&format!("{}/merge-async/{uuid}", self.pull_path(number)))?.body)
    }

    /// Merges at once.
    pub(in crate::forge::github) fn merge_now(
        &self,
        number: ChangeNumber,
        new: &NewMerge,
    ) -> Result<(), ApiError> {
        let path = format!("{}/merge", self.pull_path(number));
        let _merged: serde_json::Value = self.client.write(Method::PUT, &path, new)?;
        Ok(())
    }
}

impl Pull {
    /// The commit that it became in its target, if it was merged.
    pub(in crate::forge::github) fn merged_as(&self) -> Option<CommitId> {
        let commit = self.merge_commit_sha.as_deref().filter(|_| self.merged_at.is_some())?;
        Some(CommitId::new(commit))
    }

    /// Whether GitHub is to merge it as soon as nothing is against it.
    pub(in crate::forge::github) fn is_to_merge_itself(&self) -> bool {
        self.auto_merge.is_some()
    }

    /// Whether nothing is against its merge.
    pub(in crate::forge::github) fn is_clean(&self) -> bool {
        self.mergeable_state.as_deref() == Some("clean")
    }

    /// Where its branch stands, as far as GitHub has seen.
    pub(in crate::forge::github) fn stands_at(&self, commit: &CommitId) -> bool {
        self.head.sha == commit.as_str()
    }
}
