//! Issues, and how they hang together.

use super::{Api, Label, query_value};
use crate::forge::github::client::ApiError;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// An issue.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct Issue {
    pub(in crate::forge::github) number: u64,
    pub(in crate::forge::github) title: String,
    pub(in crate::forge::github) body: Option<String>,
    state: String,
    state_reason: Option<String>,
    #[serde(default)]
    pub(in crate::forge::github) labels: Vec<IssueLabel>,
    pub(in crate::forge::github) milestone: Option<Milestone>,
    repository_url: String,
    /// There in a pull request, which is an issue as well.
    pull_request: Option<IgnoredAny>,
    issue_dependencies_summary: Option<DependenciesSummary>,
    sub_issues_summary: Option<PartsSummary>,
}

/// A label of an issue; older ones are bare names.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::forge::github) enum IssueLabel {
    /// Its name alone.
    Name(String),
    /// The whole label.
    Whole(Label),
}

/// What issues are planned together in.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct Milestone {
    pub(in crate::forge::github) title: String,
}

#[derive(Clone, Debug, Deserialize)]
struct DependenciesSummary {
    /// Issues of any state that block this one.
    total_blocked_by: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct PartsSummary {
    total: u64,
}

impl Issue {
    /// Whether it is open.
    pub(in crate::forge::github) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether it was closed as something that nobody is to do.
    pub(in crate::forge::github) fn is_given_up(&self) -> bool {
        !self.is_open() && matches!(self.state_reason.as_deref(), Some("not_planned" | "duplicate"))
    }

    /// Whether anything blocks it.
    pub(in crate::forge::github) fn is_blocked(&self) -> bool {
        self.issue_dependencies_summary.as_ref().is_some_and(|summary| summary.total_blocked_by > 0)
    }

    /// Whether other issues are parts of it.
    pub(in crate::forge::github) fn has_parts(&self) -> bool {
        self.sub_issues_summary.as_ref().is_some_and(|summary| summary.total > 0)
    }

    /// The repository that it is of: `owner/name`.
    pub(in crate::forge::github) fn repository(&self) -> &str {
        self.repository_url.split_once("/repos/").map_or("", |(_, repository)| repository)
    }
}

impl Api {
    /// The repository: `owner/name`.
    pub(in crate::forge::github) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// All issues with a label, whatever their state, the oldest first.
    pub(in crate::forge::github) fn issues(&self, label: &str) -> Result<Vec<Issue>, ApiError> {
        let label = query_value(label);
        let query = format!("?labels={label}&state=all&sort=created&direction=asc&per_page=100");
        let found: Vec<Issue> = self.client.list(&format!("{}/issues{query}", self.repo))?;
        Ok(found.into_iter().filter(|issue| issue.pull_request.is_none()).collect())
    }

    /// The issues that block one.
    pub(in crate::forge::github) fn blockers(&self, issue: u64) -> Result<Vec<Issue>, ApiError> {
        let path = format!("{}/issues/{issue}/dependencies/blocked_by?per_page=100", self.repo);
        self.client.list(&path)
    }

    /// The issues that are parts of one.
    pub(in crate::forge::github) fn parts(&self, issue: u64) -> Result<Vec<Issue>, ApiError> {
        self.client.list(&format!("{}/issues/{issue}/sub_issues?per_page=100", self.repo))
    }
}
