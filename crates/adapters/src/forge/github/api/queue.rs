//! The operations about a merge queue: GraphQL alone tells how a pull request fares in it.

use super::{Api, Merge};
use crate::forge::github::client::ApiError;
use ppe_core::ids::{ChangeNumber, CommitId};
use serde::Deserialize;
use serde_json::{Map, json};
use ureq::http::Method;

/// What is asked. Only the last removal counts; whether it is a new one, its name says.
const STANDING: &str = "query Queue($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      mergeQueueEntry { position }
      timelineItems(last: 1, itemTypes: [REMOVED_FROM_MERGE_QUEUE_EVENT]) {
        nodes { ... on RemovedFromMergeQueueEvent { id reason beforeCommit { oid } } }
      }
    }
  }
}";

/// How a pull request stands with its merge queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::forge::github) struct InQueue {
    #[serde(rename = "mergeQueueEntry")]
    pub(in crate::forge::github) entry: Option<Entry>,
    timeline_items: Removals,
}

/// Its place there.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(in crate::forge::github) struct Entry {
    pub(in crate::forge::github) position: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct Removals {
    nodes: Vec<Option<Removal>>,
}

/// That it was taken out, be it merged or thrown out.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::forge::github) struct Removal {
    pub(in crate::forge::github) id: String,
    pub(in crate::forge::github) reason: Option<String>,
    /// What CI ran on there.
    pub(in crate::forge::github) before_commit: Option<Group>,
}

/// The commit that a pull request was to become, on those before it.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct Group {
    pub(in crate::forge::github) oid: CommitId,
}

impl InQueue {
    /// The last time that it was taken out.
    pub(in crate::forge::github) fn removal(&self) -> Option<&Removal> {
        self.timeline_items.nodes.iter().flatten().last()
    }
}

impl Api {
    pub(in crate::forge::github) fn in_queue(&self, number: ChangeNumber) -> Result<InQueue, ApiError> {
        #[derive(Deserialize)]
        struct Told {
            repository: Repository,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Repository {
            pull_request: InQueue,
        }
        let variables = Map::from_iter([("number".to_owned(), json!(number.0))]);
        let told: Told = self.ask(STANDING, variables)?;
        Ok(told.repository.pull_request)
    }

    /// Begins to put a head into the queue. Hosts of one's own do not have it.
    pub(in crate::forge::github) fn begin_queueing(
        &self,
        number: ChangeNumber,
        head: &CommitId,
    ) -> Result<Merge, ApiError> {
        let path = format!("{}/merge-async", self.pull_path(number));
        self.client.write(Method::PUT, &path, &json!({ "sha": head, "merge_action": "merge_queue" }))
    }

    /// Puts a head into the queue at once.
    pub(in crate::forge::github) fn enqueue(&self, node_id: &str, head: &CommitId) -> Result<(), ApiError> {
        let query = "mutation($id: ID!, $head: GitObjectID!) { enqueuePullRequest(input: {pullRequestId: $id, \
            expectedHeadOid: $head}) { mergeQueueEntry { position } } }";
        self.client.mutate(&json!({ "query": query, "variables": { "id": node_id, "head": head } }))
    }

    /// Takes a pull request out of the queue.
    pub(in crate::forge::github) fn dequeue(&self, node_id: &str) -> Result<(), ApiError> {
        let query = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { clientMutationId } }";
        self.client.mutate(&json!({ "query": query, "variables": { "id": node_id } }))
    }
}
