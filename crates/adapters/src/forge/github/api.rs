//! The operations of GitHub's API that are used, and as much of their answers as is read.
//!
//! Decides nothing. A field is needed only where GitHub says that it is always there.

mod issues;
mod merges;
mod protection;
mod queue;
mod reviews;

pub(super) use issues::{Issue, IssueLabel};
pub(super) use merges::{Merge, NewMerge, method_name};
pub(super) use protection::OlderProtection;
pub(super) use queue::Removal;
pub(super) use reviews::{LineComment, Review};

use super::client::{Answer, ApiError, Client};
use super::place::Place;
use ppe_core::ids::{Branch, ChangeNumber, CommitId};
use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use ureq::http::Method;

/// Bytes read of the end of a job's log.
const LOG_BYTES: usize = 8 * 1024;

/// A repository.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) archived: bool,
    pub(super) permissions: Option<Permissions>,
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    /// Not told to everybody.
    pub(super) allow_auto_merge: Option<bool>,
}

impl Repository {
    /// The methods by which it lets pull requests be merged; all of them where it does not say.
    pub(super) fn merge_methods(&self) -> Vec<String> {
        let all = [
            ("merge", self.allow_merge_commit),
            ("squash", self.allow_squash_merge),
            ("rebase", self.allow_rebase_merge),
        ];
        all.into_iter()
            .filter(|(_, allowed)| *allowed != Some(false))
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}

/// What the token may do with a repository.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) admin: bool,
    #[serde(default)]
    pub(super) push: bool,
}

/// The user whose token it is.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// A rule that holds for a branch.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The set of rules that it is of.
    pub(super) ruleset_id: Option<u64>,
    #[serde(default)]
    parameters: Value,
}

impl Rule {
    /// The checks that it requires.
    pub(super) fn required_checks(&self) -> Vec<String> {
        let checks = self.parameters["required_status_checks"].as_array().into_iter().flatten();
        checks.filter_map(|check| check["context"].as_str().map(str::to_owned)).collect()
    }

    /// Whether those must have run on what contains the branch.
    pub(super) fn is_strict(&self) -> bool {
        self.parameters["strict_required_status_checks_policy"].as_bool() == Some(true)
    }

    /// The approving reviews that it requires.
    pub(super) fn approvals(&self) -> u64 {
        self.parameters["required_approving_review_count"].as_u64().unwrap_or_default()
    }

    /// How its merge queue merges, in GitHub's words.
    pub(super) fn queue_method(&self) -> Option<String> {
        self.parameters["merge_method"].as_str().map(str::to_lowercase)
    }

    /// The methods by which it lets pull requests be merged.
    pub(super) fn merge_methods(&self) -> Option<Vec<String>> {
        let methods = self.parameters["allowed_merge_methods"].as_array()?;
        Some(methods.iter().filter_map(|method| method.as_str().map(str::to_owned)).collect())
    }
}

/// A pull request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) state: String,
    pub(super) body: Option<String>,
    pub(super) merged_at: Option<String>,
    pub(super) merge_commit_sha: Option<String>,
    pub(super) head: Tip,
    pub(super) base: Base,
    /// Its name in GraphQL.
    pub(super) node_id: String,
    #[serde(default)]
    pub(super) draft: bool,
    /// Whether it merges; nothing while GitHub finds out, and in lists.
    pub(super) mergeable: Option<bool>,
    /// How it stands, in a word of GitHub's.
    mergeable_state: Option<String>,
    /// Present if GitHub is to merge it by itself.
    auto_merge: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    #[serde(default)]
    requested_reviewers: Vec<IgnoredAny>,
    #[serde(default)]
    requested_teams: Vec<IgnoredAny>,
}

impl Pull {
    /// Whether anybody is asked for a review and has not given it.
    pub(super) fn awaits_review(&self) -> bool {
        !self.requested_reviewers.is_empty() || !self.requested_teams.is_empty()
    }

    pub(super) fn number(&self) -> ChangeNumber {
        ChangeNumber(self.number)
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    pub(super) fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|known| known.name.as_deref() == Some(label))
    }
}

/// Where a branch of a pull request stands.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tip {
    pub(super) sha: String,
}

/// The branch that a pull request is against.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Base {
    #[serde(rename = "ref")]
    pub(super) name: Branch,
}

/// A label.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Label {
    pub(super) name: Option<String>,
}

/// A new pull request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NewPull<'a> {
    pub(super) title: &'a str,
    pub(super) body: &'a str,
    pub(super) head: &'a str,
    pub(super) base: &'a str,
    pub(super) draft: bool,
}

/// A comment.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) body: Option<String>,
}

/// A check run.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CheckRun {
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
    pub(super) output: Option<Output>,
}

/// What a check run says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Output {
    pub(super) title: Option<String>,
}

/// The statuses of a commit, the latest of each context.
#[derive(Clone, Debug, Deserialize)]
struct Combined {
    statuses: Vec<Status>,
}

/// A commit status.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    pub(super) context: String,
    pub(super) state: String,
    pub(super) description: Option<String>,
}

/// A run of a workflow.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct WorkflowRun {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) status: Option<String>,
    pub(super) conclusion: Option<String>,
    pub(super) run_attempt: Option<u32>,
}

/// A job of a workflow.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) conclusion: Option<String>,
}

/// The API of one repository.
pub(super) struct Api {
    client: Client,
    owner: String,
    name: String,
    repo: String,
}

impl Api {
    pub(super) fn new(client: Client, place: &Place) -> Self {
        let repo = format!("/repos/{}/{}", place.owner, place.name);
        Self { client, owner: place.owner.clone(), name: place.name.clone(), repo }
    }

    /// Asks GraphQL something about the repository; its owner and name are among the variables.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        query: &str,
        mut variables: Map<String, Value>,
    ) -> Result<T, ApiError> {
        variables.insert("owner".to_owned(), json!(self.owner));
        variables.insert("name".to_owned(), json!(self.name));
        self.client.ask(&json!({ "query": query, "variables": variables }))
    }

    /// The token's user; nobody where it is the token of an app.
    pub(super) fn user(&self) -> Result<Option<Answer<User>>, ApiError> {
        match self.client.get("/user") {
            Err(error) if error.is(403) => Ok(None),
            user => user.map(Some),
        }
    }

    /// Where the token was found.
    pub(super) fn token_origin(&self) -> Result<String, ApiError> {
        Ok(self.client.token()?.origin)
    }

    pub(super) fn repository(&self) -> Result<Answer<Repository>, ApiError> {
        self.client.get(&self.repo)
    }

    /// The rules of a branch; none where the repository's plan or the host has no rules.
    pub(super) fn rules(&self, branch: &Branch) -> Result<Vec<Rule>, ApiError> {
        let branch = path_part(branch.as_str());
        match self.client.list(&format!("{}/rules/branches/{branch}?per_page=100", self.repo)) {
            Err(error) if error.is(403) || error.is(404) => Ok(Vec::new()),
            rules => rules,
        }
    }

    /// Whether the token's user may pass by a set of rules. Who may not even see it, may not.
    pub(super) fn may_bypass(&self, ruleset: u64) -> Result<bool, ApiError> {
        #[derive(Deserialize)]
        struct Ruleset {
            current_user_can_bypass: Option<String>,
        }
        match self.client.get::<Ruleset>(&format!("{}/rulesets/{ruleset}", self.repo)) {
            Ok(found) => {
                Ok(matches!(found.body.current_user_can_bypass.as_deref(), Some("always" | "exempt")))
            }
            Err(error) if error.is(403) || error.is(404) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The open pull requests of a branch.
    pub(super) fn open_pulls_of(&self, head: &Branch) -> Result<Vec<Pull>, ApiError> {
        // Without its owner a head is no filter at all.
        let head = query_value(&format!("{}:{head}", self.owner));
        self.client.list(&format!("{}/pulls?state=open&head={head}&per_page=100", self.repo))
    }

    /// The numbers of all open pull requests.
    pub(super) fn open_pulls(&self) -> Result<Vec<ChangeNumber>, ApiError> {
        let found: Vec<Pull> = self.client.list(&format!("{}/pulls?state=open&per_page=100", self.repo))?;
        Ok(found.iter().map(Pull::number).collect())
    }

    pub(super) fn pull(&self, number: ChangeNumber) -> Result<Pull, ApiError> {
        Ok(self.client.get(&format!("{}/pulls/{}", self.repo, number.0))?.body)
    }

    pub(super) fn create_pull(&self, new: &NewPull<'_>) -> Result<Pull, ApiError> {
        self.client.write(Method::POST, &format!("{}/pulls", self.repo), new)
    }

    pub(super) fn set_body(&self, number: ChangeNumber, body: &str) -> Result<(), ApiError> {
        self.edit_pull(number, &json!({ "body": body }))
    }

    pub(super) fn set_base(&self, number: ChangeNumber, base: &Branch) -> Result<(), ApiError> {
        self.edit_pull(number, &json!({ "base": base }))
    }

    pub(super) fn close_pull(&self, number: ChangeNumber) -> Result<(), ApiError> {
        self.edit_pull(number, &json!({ "state": "closed" }))
    }

    fn edit_pull(&self, number: ChangeNumber, changes: &Value) -> Result<(), ApiError> {
        let path = format!("{}/pulls/{}", self.repo, number.0);
        let _edited: Pull = self.client.write(Method::PATCH, &path, changes)?;
        Ok(())
    }

    /// Adds labels; those that are there stay, and those that the repository does not have are made.
    pub(super) fn add_labels(&self, number: ChangeNumber, labels: &[String]) -> Result<(), ApiError> {
        let path = format!("{}/issues/{}/labels", self.repo, number.0);
        let _all: Vec<Label> = self.client.write(Method::POST, &path, &json!({ "labels": labels }))?;
        Ok(())
    }

    /// Takes a label off; one that is not there is off.
    pub(super) fn remove_label(&self, number: ChangeNumber, label: &str) -> Result<(), ApiError> {
        let path = format!("{}/issues/{}/labels/{}", self.repo, number.0, query_value(label));
        match self.client.delete::<Vec<Label>>(&path) {
            Err(error) if !error.is(404) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(super) fn comments(&self, number: ChangeNumber) -> Result<Vec<Comment>, ApiError> {
        self.client.list(&format!("{}/issues/{}/comments?per_page=100", self.repo, number.0))
    }

    pub(super) fn create_comment(&self, number: ChangeNumber, body: &str) -> Result<(), ApiError> {
        let path = format!("{}/issues/{}/comments", self.repo, number.0);
        let _made: Comment = self.client.write(Method::POST, &path, &json!({ "body": body }))?;
        Ok(())
    }

    pub(super) fn edit_comment(&self, id: u64, body: &str) -> Result<(), ApiError> {
        let path = format!("{}/issues/comments/{id}", self.repo);
        let _edited: Comment = self.client.write(Method::PATCH, &path, &json!({ "body": body }))?;
        Ok(())
    }

    pub(super) fn check_runs(&self, commit: &CommitId) -> Result<Vec<CheckRun>, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            check_runs: Vec<CheckRun>,
        }
        let path = format!("{}/commits/{commit}/check-runs?filter=latest&per_page=100", self.repo);
        self.client.list_in(&path, |page: Page| page.check_runs)
    }

    pub(super) fn statuses(&self, commit: &CommitId) -> Result<Vec<Status>, ApiError> {
        let path = format!("{}/commits/{commit}/status?per_page=100", self.repo);
        self.client.list_in(&path, |page: Combined| page.statuses)
    }

    pub(super) fn workflow_runs(&self, commit: &CommitId) -> Result<Vec<WorkflowRun>, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            workflow_runs: Vec<WorkflowRun>,
        }
        let path = format!("{}/actions/runs?head_sha={commit}&per_page=100", self.repo);
        self.client.list_in(&path, |page: Page| page.workflow_runs)
    }

    pub(super) fn jobs(&self, run: u64) -> Result<Vec<Job>, ApiError> {
        #[derive(Deserialize)]
        struct Page {
            jobs: Vec<Job>,
        }
        let path = format!("{}/actions/runs/{run}/jobs?filter=latest&per_page=100", self.repo);
        self.client.list_in(&path, |page: Page| page.jobs)
    }

    /// The end of a job's log.
    pub(super) fn log(&self, job: u64) -> Result<String, ApiError> {
        self.client.text(&format!("{}/actions/jobs/{job}/logs", self.repo), LOG_BYTES)
    }

    pub(super) fn rerun_failed(&self, run: u64) -> Result<(), ApiError> {
        let path = format!("{}/actions/runs/{run}/rerun-failed-jobs", self.repo);
        let _nothing: Value = self.client.write(Method::POST, &path, &json!({}))?;
        Ok(())
    }
}

/// A text as a value of a query.
fn query_value(text: &str) -> String {
    encoded(text, b"-._~")
}

/// A text as a part of a path that may have slashes in it.
fn path_part(text: &str) -> String {
    encoded(text, b"-._~/")
}

fn encoded(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    out
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).map_or('0', |c| c.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_in_addresses_as_they_are() {
        assert_eq!(query_value("o:feat/é &x"), "o%3Afeat%2F%C3%A9%20%26x");
        assert_eq!(path_part("release/1.0#2"), "release/1.0%232");
    }
}
