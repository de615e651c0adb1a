//! The older kind of protection of a branch, told in the words of the newer: as rules.

use super::{Api, Rule, User, path_part};
use crate::forge::github::client::ApiError;
use ppe_core::ids::Branch;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// A branch, with as much of its older kind of protection as everybody may see.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::github) struct ProtectedBranch {
    #[serde(default)]
    protection: Value,
}

impl ProtectedBranch {
    /// Whether it has any of that kind.
    pub(in crate::forge::github) fn is_protected(&self) -> bool {
        self.protection["enabled"].as_bool() == Some(true)
    }

    /// The checks that it requires.
    pub(in crate::forge::github) fn required_checks(&self) -> Vec<String> {
        let contexts = self.protection["required_status_checks"]["contexts"].as_array();
        contexts.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }
}

/// All of that protection, for who may see how the repository is administered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::forge::github) struct OlderProtection {
    required_status_checks: Option<Checks>,
    required_pull_request_reviews: Option<Reviews>,
    restrictions: Option<Actors>,
    required_signatures: Switch,
    required_linear_history: Switch,
    lock_branch: Switch,
    enforce_admins: Switch,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Switch {
    enabled: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Checks {
    strict: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reviews {
    required_approving_review_count: u64,
    bypass_pull_request_allowances: Actors,
}

/// Those who may do something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Actors {
    users: Vec<User>,
    teams: Vec<IgnoredAny>,
    apps: Vec<IgnoredAny>,
}

impl Actors {
    fn names(&self, login: &str) -> bool {
        self.users.iter().any(|user| user.login == login)
    }

    /// Whether it names others alone. Who is in a team, or acts for an app, is not told.
    fn leaves_out(&self, login: &str) -> bool {
        !self.names(login) && self.teams.is_empty() && self.apps.is_empty()
    }
}

impl OlderProtection {
    /// Whether what is merged must contain the branch.
    pub(in crate::forge::github) fn is_strict(&self) -> bool {
        self.required_status_checks.is_some_and(|checks| checks.strict)
    }

    /// What it demands of a user, but for checks.
    pub(in crate::forge::github) fn rules_for(&self, login: &str, is_admin: bool) -> Vec<Rule> {
        if is_admin && !self.enforce_admins.enabled {
            return Vec::new();
        }
        let reviews = self.required_pull_request_reviews.as_ref();
        let reviews = reviews.filter(|reviews| !reviews.bypass_pull_request_allowances.names(login));
        let approvals = reviews.map(|reviews| reviews.required_approving_review_count);
        let leaves_out = self.restrictions.as_ref().is_some_and(|allowed| allowed.leaves_out(login));
        let demands = [
            ("pull_request", approvals.is_some()),
            ("required_signatures", self.required_signatures.enabled),
            ("required_linear_history", self.required_linear_history.enabled),
            ("update", leaves_out || self.lock_branch.enabled),
        ];
        let parameters = json!({ "required_approving_review_count": approvals });
        let rule =
            |kind: &str| Rule { kind: kind.to_owned(), ruleset_id: None, parameters: parameters.clone() };
        demands.into_iter().filter(|(_, demanded)| *demanded).map(|(kind, _)| rule(kind)).collect()
    }
}

impl Api {
    /// A branch, as everybody may see it.
    pub(in crate::forge::github) fn branch(&self, branch: &Branch) -> Result<ProtectedBranch, ApiError> {
        Ok(self.client.get(&format!("{}/branches/{}", self.repo, path_part(branch.as_str())))?.body)
    }

    /// The older kind of a branch's protection; nothing if the token may not see it.
    pub(in crate::forge::github) fn protection(
        &self,
        branch: &Branch,
    ) -> Result<Option<OlderProtection>, ApiError> {
        let path = format!("{}/branches/{}/protection", self.repo, path_part(branch.as_str()));
        match self.client.get(&path) {
            Ok(found) => Ok(Some(found.body)),
            Err(error) if error.is(403) || error.is(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
