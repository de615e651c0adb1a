//! What can be known before a run: whether GitHub is there, lets the token in, and lets the target be pushed to.
//!
//! Changes nothing but what was last seen of the target there.

use super::GitHubSettings;
use super::api::Api;
use super::client::{ApiError, Client};
use super::remote::Remote;
use crate::git::{Repo, lane};
use ppe_core::ids::Branch;
use ppe_core::input::Trouble;
use ppe_core::wording;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// It may turn out to be in the way.
    Warning,
    /// Nothing can land like this.
    Bad,
}

/// A thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// In words.
    pub text: String,
    /// How to mend it.
    pub hint: Option<String>,
}

fn good(text: impl Into<String>) -> Finding {
    Finding { level: Level::Good, text: text.into(), hint: None }
}

fn warning(text: impl Into<String>, hint: &str) -> Finding {
    Finding { level: Level::Warning, text: text.into(), hint: Some(hint.to_owned()) }
}

fn bad(text: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { level: Level::Bad, text: text.into(), hint: Some(hint.into()) }
}

/// Rules under which a push to the branch is refused unless the token's user may pass by.
const AGAINST_PUSHES: [(&str, &str); 5] = [
    ("pull_request", "changes only by pull request"),
    ("merge_queue", "changes only by its merge queue"),
    ("required_signatures", "signed commits"),
    ("update", "nobody to update it"),
    ("required_linear_history", "no merge commits"),
];

/// Looks at everything that a run on GitHub needs.
pub fn survey(repo: &Repo, settings: &GitHubSettings, target: &Branch) -> Vec<Finding> {
    let api = Api::new(Client::new(settings), &settings.place);
    let mut found = Vec::new();
    match access(&api, settings) {
        Ok(findings) => found.extend(findings),
        // Whoever is not let in need not be asked for more.
        Err(error) => return vec![unreachable_api(&api, settings, error)],
    }
    let remote = Remote::new(repo.clone(), settings);
    found.push(branches(repo, &remote, target).unwrap_or_else(|trouble| {
        bad(trouble.to_string(), "git must be able to fetch and push there: `git fetch` shows more")
    }));
    found.extend(protection(&api, target).unwrap_or_else(|error| {
        vec![warning(
            format!("what protects {target} cannot be read: {}", Trouble::from(error)),
            "a landing that is refused will say why",
        )]
    }));
    found
}

fn access(api: &Api, settings: &GitHubSettings) -> Result<Vec<Finding>, ApiError> {
    let origin = api.token_origin()?;
    let user = api.user()?;
    let place = &settings.place;
    let name = format!("{}/{} on {}", place.owner, place.name, place.host);
    let mut found = vec![good(format!("{name} as {}, token from {origin}", user.body.login))];
    let repository = api.repository()?.body;
    if repository.archived {
        found.push(bad(format!("{name} is archived"), "unarchive it: nothing can be pushed"));
    }
    if repository.permissions.is_some_and(|permissions| !permissions.push) {
        found.push(bad(
            format!("{} may not push to {name}", user.body.login),
            "the token needs contents and pull requests, both to write",
        ));
    }
    if let Some(scopes) = user.scopes.filter(|scopes| !scopes.is_empty()) {
        let has = |scope: &str| scopes.split(',').any(|known| known.trim() == scope);
        if !has("repo") && !has("public_repo") {
            found.push(bad(format!("the token's scopes are {scopes}"), "it needs the scope repo"));
        }
    }
    Ok(found)
}

fn unreachable_api(api: &Api, settings: &GitHubSettings, error: ApiError) -> Finding {
    let hint = match (&error, api.token_origin()) {
        (_, Err(_)) => {
            "forge.token_file, GH_TOKEN, GITHUB_TOKEN and `gh auth token` are looked at, in this order"
        }
        (ApiError::Lost(_), _) => "is forge.api_url right, and the network there?",
        (ApiError::Later(_), _) => "renew the token, or wait for the limit to pass",
        (ApiError::Refused { .. }, _) => {
            "the token must see the repository: contents and pull requests, both to write"
        }
    };
    bad(format!("{}: {}", settings.place.api_url, Trouble::from(error)), hint)
}

/// The target here beside the target there.
fn branches(repo: &Repo, remote: &Remote, target: &Branch) -> Result<Finding, Trouble> {
    let machine = |error: &dyn std::fmt::Display| Trouble::Machine(error.to_string());
    let Some(there) = remote.fetch(target)? else {
        return Ok(bad(
            format!("there is no {target} on GitHub"),
            format!("push it: git push REMOTE {target}"),
        ));
    };
    let here = lane::tip(repo, target).map_err(|error| machine(&error))?;
    if repo.contains(&there, &here).map_err(|error| machine(&error))? {
        return Ok(good(format!("{target} there is at {}", wording::short(&there))));
    }
    Ok(bad(
        format!("{target} has commits here that it has not on GitHub"),
        format!("push {target}, or take them off it: the target here follows the one there"),
    ))
}

fn protection(api: &Api, target: &Branch) -> Result<Vec<Finding>, ApiError> {
    let rules = api.rules(target)?;
    let mut required: Vec<String> = rules.iter().flat_map(super::api::Rule::required_checks).collect();
    required.extend(api.branch(target)?.required_checks());
    required.sort();
    required.dedup();
    let mut found = Vec::new();
    let against = AGAINST_PUSHES.iter().filter(|(kind, _)| rules.iter().any(|rule| rule.kind == *kind));
    for (_, what) in against {
        found.push(warning(
            format!("{target} takes {what}"),
            "landings are pushes: let the token's user bypass that rule, or land on another branch",
        ));
    }
    if !required.is_empty() {
        found.push(good(format!(
            "CI must say green on each candidate: {}; workflows must run on pushes to ppe/lane/**",
            required.join(", ")
        )));
    }
    Ok(found)
}
