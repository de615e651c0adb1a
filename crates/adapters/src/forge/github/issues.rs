//! Issues as tickets, for who keeps a plan as issues: those with a label, whom anybody may write to but nobody else may mark.

use super::GitHubSettings;
use super::api::{Api, Issue, IssueLabel};
use super::client::{ApiError, Client};
use ppe_core::input::Trouble;
use ppe_engine::ports::{Standing, Ticket, Tickets};
use std::collections::BTreeMap;

/// The issues with a label, with what blocks them and what they are parts of.
pub fn tickets(settings: &GitHubSettings, label: &str) -> Result<Tickets, Trouble> {
    let api = Api::new(Client::new(settings), &settings.place);
    let issues = api.issues(label)?;
    let parents = parents(&api, &issues)?;
    let mut tickets = Vec::with_capacity(issues.len());
    for issue in issues {
        let needs = if issue.is_open() && issue.is_blocked() { needs(&api, &issue)? } else { Vec::new() };
        let standing = standing(&issue);
        let parent = parents.get(&issue.number).map(u64::to_string);
        tickets.push(Ticket {
            key: issue.number.to_string(),
            place: format!("#{}", issue.number),
            id: Some(issue.number.to_string()),
            title: issue.title,
            text: issue.body.unwrap_or_default(),
            parent,
            needs,
            labels: issue.labels.into_iter().filter_map(name).collect(),
            group: issue.milestone.map(|milestone| milestone.title),
            standing,
        });
    }
    Ok(Tickets { name: format!("{}: {label}", api.full_name()), tickets })
}

/// Whose part each issue is.
fn parents(api: &Api, issues: &[Issue]) -> Result<BTreeMap<u64, u64>, ApiError> {
    let mut parents = BTreeMap::new();
    for issue in issues.iter().filter(|issue| issue.has_parts()) {
        let parts = api.parts(issue.number)?;
        let own = parts.iter().filter(|part| part.repository() == issue.repository());
        parents.extend(own.map(|part| (part.number, issue.number)));
    }
    Ok(parents)
}

/// What an issue waits for. As on GitHub, a blocker that is closed blocks no more.
fn needs(api: &Api, issue: &Issue) -> Result<Vec<String>, ApiError> {
    let blockers = api.blockers(issue.number)?;
    let name = |blocker: &Issue| {
        if blocker.repository() == issue.repository() {
            blocker.number.to_string()
        } else {
            format!("{}#{}", blocker.repository(), blocker.number)
        }
    };
    Ok(blockers.iter().filter(|blocker| blocker.is_open()).map(name).collect())
}

fn standing(issue: &Issue) -> Standing {
    match (issue.is_open(), issue.is_given_up()) {
        (true, _) => Standing::Open,
        (false, true) => Standing::Off("closed as not planned".to_owned()),
        (false, false) => Standing::Done,
    }
}

fn name(label: IssueLabel) -> Option<String> {
    match label {
        IssueLabel::Name(name) => Some(name),
        IssueLabel::Whole(label) => label.name,
    }
}
