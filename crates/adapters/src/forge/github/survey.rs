//! What can be known before a run: whether GitHub is there, lets the token in, and lets the target be pushed to.
//!
//! Changes nothing but what was last seen of the target there.

use super::access;
use super::api::{Api, Repository, method_name};
use super::client::{ApiError, Client};
use super::protection::{Guarantee, Protection};
use super::{GitHubSettings, Mode};
use crate::git::{Repo, lane};
use ppe_core::ids::{Branch, CommitId};
use ppe_core::input::Trouble;
use ppe_core::policy::MergeMethod;
use ppe_core::wording;

/// Where a repository has its workflows.
const WORKFLOWS: &str = ".github/workflows";

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

/// What is known of a forge before a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
    /// How landings get there, if that could be found out.
    pub landing: Option<Landing>,
}

/// How landings get to a target, and what is known of them afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landing {
    /// How.
    pub mode: Mode,
    /// What is known.
    pub guarantee: Guarantee,
    /// Approving reviews without which GitHub merges nothing.
    pub approvals: u64,
}

fn api_of(settings: &GitHubSettings) -> Api {
    Api::new(Client::new(settings), &settings.place)
}

/// Finds out how landings are to get to a target.
pub fn landing(settings: &GitHubSettings, target: &Branch) -> Result<Landing, Trouble> {
    Ok(landing_by(&Protection::read(&api_of(settings), target)?, settings))
}

fn landing_by(protection: &Protection, settings: &GitHubSettings) -> Landing {
    let mode = protection.mode(settings.mode);
    let approvals = if mode == Mode::Push { 0 } else { protection.approvals() };
    Landing { mode, guarantee: protection.guarantee(mode), approvals }
}

/// Looks at everything that a run on GitHub needs.
pub fn survey(repo: &Repo, settings: &GitHubSettings, target: &Branch) -> Surveyed {
    let api = api_of(settings);
    let (user, repository, mut findings) = match access(&api, settings) {
        Ok(found) => found,
        // Whoever is not let in need not be asked for more.
        Err(error) => {
            return Surveyed { findings: vec![unreachable_api(&api, settings, error)], landing: None };
        }
    };
    let there = access::remote(repo.clone(), settings).fetch(target);
    let tip = there.clone().ok().flatten();
    findings.push(there.and_then(|there| branches(repo, there, target)).unwrap_or_else(|trouble| {
        bad(trouble.to_string(), "git must be able to fetch and push there: `git fetch` shows more")
    }));
    findings.extend(tip.iter().flat_map(|tip| rights(&api, tip)));
    let protection = match Protection::read(&api, target) {
        Ok(protection) => protection,
        Err(error) => {
            findings.push(warning(
                format!("what protects {target} cannot be read: {}", Trouble::from(error)),
                "a landing that is refused will say why",
            ));
            return Surveyed { findings, landing: None };
        }
    };
    let landing = landing_by(&protection, settings);
    if landing.mode == Mode::Push {
        findings.extend(tip.and_then(|tip| ci_elsewhere(&api, repo, target, &tip)));
    }
    findings.extend(match landing.mode {
        Mode::Push => by_push(&protection, settings, target),
        Mode::Merge | Mode::Queue => {
            by_merge(&protection, settings, (target, landing.mode), &repository, &user)
        }
    });
    Surveyed { findings, landing: Some(landing) }
}

fn access(api: &Api, settings: &GitHubSettings) -> Result<(String, Repository, Vec<Finding>), ApiError> {
    let origin = api.token_origin()?;
    let user = api.user()?;
    let place = &settings.place;
    let name = format!("{}/{} on {}", place.owner, place.name, place.host);
    let (login, scopes) = user.map(|user| (user.body.login, user.scopes)).unzip();
    let login = login.unwrap_or_else(|| "an app".to_owned());
    let mut found = vec![good(format!("{name} as {login}, token from {origin}"))];
    let repository = api.repository()?.body;
    if repository.archived {
        found.push(bad(format!("{name} is archived"), "unarchive it: nothing can be pushed"));
    }
    if repository.permissions.as_ref().is_some_and(|permissions| !permissions.push) {
        found.push(bad(
            format!("{login} may not push to {name}"),
            "the token needs contents and pull requests, both to write",
        ));
    }
    if let Some(scopes) = scopes.flatten().filter(|scopes| !scopes.is_empty()) {
        let has = |scope: &str| scopes.split(',').any(|known| known.trim() == scope);
        if !has("repo") && !has("public_repo") {
            found.push(bad(format!("the token's scopes are {scopes}"), "it needs the scope repo"));
        }
    }
    Ok((login, repository, found))
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
fn branches(repo: &Repo, there: Option<CommitId>, target: &Branch) -> Result<Finding, Trouble> {
    let machine = |error: &dyn std::fmt::Display| Trouble::Machine(error.to_string());
    let Some(there) = there else {
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

/// What the token may not read of what a run reads, by one question each.
fn rights(api: &Api, tip: &CommitId) -> Vec<Finding> {
    let mut found = Vec::new();
    if is_denied(&api.open_pulls()) {
        found.push(bad("the token may not read pull requests", "give it the right pull requests, to write"));
    }
    if is_denied(&api.statuses(tip)) {
        found.push(bad("the token may not read commit statuses", "give it that right, to read"));
    }
    match (is_denied(&api.check_runs(tip)), is_denied(&api.workflow_runs(tip))) {
        (true, true) => found.push(bad(
            "the token may read neither checks nor actions",
            "give it the right actions, to read: jobs tell what checks would",
        )),
        (true, false) => found.push(warning(
            "the token may not read checks: jobs of workflows tell instead",
            "what other apps check is not seen; a classic token, or one of an app, may read it",
        )),
        (false, true) => found.push(warning(
            "the token may not read actions: what is red has no log, and is not run once more",
            "give it the right actions, to write",
        )),
        (false, false) => {}
    }
    found
}

fn is_denied<T>(read: &Result<T, ApiError>) -> bool {
    read.as_ref().is_err_and(|error| error.is(403))
}

/// Where CI runs on the target, and nothing says that it runs on candidates.
fn ci_elsewhere(api: &Api, repo: &Repo, target: &Branch, tip: &CommitId) -> Option<Finding> {
    let runs = api.check_runs(tip).is_ok_and(|runs| !runs.is_empty())
        || api.workflow_runs(tip).is_ok_and(|runs| !runs.is_empty())
        || api.statuses(tip).is_ok_and(|statuses| !statuses.is_empty());
    let workflows = || {
        repo.store().args(["grep", "--no-color", "-e", "ppe/", "-e", "\\*\\*", tip.as_str(), "--", WORKFLOWS])
    };
    let names_lane = || workflows().any().is_ok_and(|output| output.code == 0);
    (runs && !names_lane()).then(|| {
        warning(
            format!("CI runs on {target}, and no workflow names ppe/lane/**"),
            "have it run on pushes to ppe/lane/**: a candidate that CI says nothing of does not land",
        )
    })
}

/// Landings are pushes: what is against them?
fn by_push(protection: &Protection, settings: &GitHubSettings, target: &Branch) -> Vec<Finding> {
    let mut found = Vec::new();
    for (kind, what) in protection.against_pushes() {
        let hint = match kind {
            "update" => "let the token's user bypass that rule, or land on another branch",
            "required_signatures" => {
                "what ppe commits is not signed: forge.mode = \"merge\" with merge.method = \"squash\" has GitHub sign \
                 it; or let the token's user bypass that rule"
            }
            _ => "forge.mode = \"merge\" has GitHub merge; or let the token's user bypass that rule",
        };
        found.push(warning(format!("{target} takes {what}"), hint));
    }
    if protection.is_partly_unseen && settings.mode.is_none() {
        found.push(warning(
            format!("{target} is protected, and the token may not see by what"),
            "where it takes pull requests only, say forge.mode = \"merge\"; or let the token read administration",
        ));
    }
    if protection.forbids(settings.method) {
        found.push(no_merge_commits(target));
    }
    if !protection.required.is_empty() {
        found.push(good(format!(
            "CI must say green on each candidate: {}; workflows must run on pushes to ppe/lane/**",
            protection.required.join(", ")
        )));
    }
    found
}

/// Landings are merges by GitHub: what is against them, and what must people do?
fn by_merge(
    protection: &Protection,
    settings: &GitHubSettings,
    (target, mode): (&Branch, Mode),
    repository: &Repository,
    user: &str,
) -> Vec<Finding> {
    let mut found = vec![match mode {
        Mode::Queue => queues(protection, target),
        Mode::Merge | Mode::Push => merges(protection, settings, target),
    }];
    if mode == Mode::Merge && protection.has("merge_queue") {
        found.push(bad(
            format!("{target} takes changes only by its merge queue"),
            "forge.mode = \"queue\"; or let the token's user bypass that rule",
        ));
    }
    if mode == Mode::Merge && settings.auto_merge && repository.allow_auto_merge == Some(false) {
        found.push(warning(
            "GitHub may not merge by itself there (forge.auto_merge)",
            "allow auto-merge in the repository's settings; until then each merge is tried again by ppe",
        ));
    }
    if protection.has("update") {
        found.push(warning(
            format!("{target} takes nobody's changes"),
            "let the token's user bypass that rule, or land on another branch",
        ));
    }
    let (method, allowed) = (method_name(settings.method), repository.merge_methods());
    let by_queue = protection.queue_method().filter(|_| mode == Mode::Queue).map(|method| vec![method]);
    let by_rule = by_queue.or_else(|| protection.methods());
    let may = |name: &String| by_rule.as_ref().is_none_or(|rule| rule.contains(name));
    let allowed: Vec<String> = allowed.into_iter().filter(may).collect();
    if !allowed.iter().any(|name| name == method) {
        let ways: Vec<_> = allowed.iter().map(|name| format!("merge.method = \"{name}\"")).collect();
        found.push(bad(format!("GitHub may not merge by {method} there"), ways.join(", or ")));
    }
    if protection.forbids(settings.method) {
        found.push(no_merge_commits(target));
    }
    if protection.has("required_signatures") && settings.method != MergeMethod::Squash {
        found.push(warning(
            format!("{target} takes signed commits only, and agents' commits are not signed"),
            "merge.method = \"squash\" has GitHub sign what lands",
        ));
    }
    if protection.approvals() > 0 {
        let hint = if settings.pulls.approvals > 0 {
            "a change joins the lane once as many others have approved it; or let the token's user bypass that rule"
        } else {
            "merge.approval = \"each\" keeps what too few have approved from holding up those behind it; or let the token's user bypass that rule"
        };
        found.push(warning(
            format!(
                "{target} wants {} of each change, which {user} cannot give to pull requests of its own",
                wording::counted(protection.approvals(), "approving review")
            ),
            hint,
        ));
    }
    if !protection.required.is_empty() {
        let also = if mode == Mode::Queue { " and on merge_group" } else { "" };
        found.push(good(format!(
            "CI must say green on each pull request: {}; workflows must run on pull_request{also}",
            protection.required.join(", ")
        )));
    }
    found
}

/// Says aloud that GitHub's queue merges, and what that is worth.
fn queues(protection: &Protection, target: &Branch) -> Finding {
    if protection.has("merge_queue") {
        good(format!(
            "GitHub's merge queue merges what lands on {target}, one of ours at a time, as its CI has judged it"
        ))
    } else {
        bad(format!("{target} has no merge queue for the token's user"), "leave forge.mode out")
    }
}

/// Says aloud that GitHub merges, why, and what that is worth.
fn merges(protection: &Protection, settings: &GitHubSettings, target: &Branch) -> Finding {
    let why: Vec<_> = protection.against_pushes().iter().map(|(_, what)| *what).collect();
    let text = match settings.mode {
        Some(_) => "GitHub merges what lands".to_owned(),
        None => format!("GitHub merges what lands: {target} takes {}", why.join(", ")),
    };
    match protection.guarantee(Mode::Merge) {
        Guarantee::Exact | Guarantee::Serialised => good(format!("{text}; only what is up to date")),
        Guarantee::Detected => warning(
            format!("{text}; whether somebody was faster is looked at afterwards"),
            "require branches to be up to date there, and GitHub sees to it",
        ),
    }
}

fn no_merge_commits(target: &Branch) -> Finding {
    bad(format!("{target} takes no merge commits"), "merge.method = \"squash\", or \"rebase\"")
}
