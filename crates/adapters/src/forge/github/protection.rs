//! What protects a branch: rules of either kind, as far as they hold for the token's user. It says how landings get there.
//!
//! Changes nothing.

use super::Mode;
use super::api::{Api, OlderProtection, Rule};
use super::client::ApiError;
use ppe_core::ids::Branch;
use ppe_core::policy::MergeMethod;
use std::collections::{BTreeMap, BTreeSet};

/// Rules under which a push is refused, in words.
const AGAINST_PUSHES: [(&str, &str); 4] = [
    ("pull_request", "changes only by pull request"),
    ("merge_queue", "changes only by its merge queue"),
    ("required_signatures", "signed commits only"),
    ("update", "nobody's changes"),
];

/// What a landing is known to be when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// What was checked, on what it was checked on.
    Exact,
    /// The same, by GitHub's word: it merges only what is up to date, or what its queue has judged as it lands.
    Serialised,
    /// Looked at afterwards: somebody may have been faster.
    Detected,
}

/// What protects a branch.
#[derive(Clone, Debug, Default)]
pub(super) struct Protection {
    /// The rules that the token's user may not pass by.
    rules: Vec<Rule>,
    /// The checks that must be green.
    pub(super) required: Vec<String>,
    /// Whether what is merged must contain the branch.
    strict: bool,
    /// The older kind is there, and the token may not see it.
    pub(super) is_partly_unseen: bool,
}

impl Protection {
    pub(super) fn read(api: &Api, branch: &Branch) -> Result<Self, ApiError> {
        let (all, seen) = (api.rules(branch)?, api.branch(branch)?);
        let older = if seen.is_protected() { api.protection(branch)? } else { None };
        let required: BTreeSet<String> =
            all.iter().flat_map(Rule::required_checks).chain(seen.required_checks()).collect();
        let strict =
            older.as_ref().is_some_and(OlderProtection::is_strict) || all.iter().any(Rule::is_strict);
        let (mut passable, mut rules) = (BTreeMap::new(), Vec::new());
        for rule in all {
            let may_pass = match rule.ruleset_id {
                None => false,
                Some(id) => match passable.get(&id) {
                    Some(known) => *known,
                    None => *passable.entry(id).or_insert(api.may_bypass(id)?),
                },
            };
            if !may_pass {
                rules.push(rule);
            }
        }
        let is_partly_unseen = seen.is_protected() && older.is_none();
        if let Some(older) = older {
            let login = api.user()?.map(|user| user.body.login).unwrap_or_default();
            let may = api.repository()?.body.permissions;
            rules.extend(older.rules_for(&login, may.is_some_and(|may| may.admin)));
        }
        Ok(Self { rules, required: required.into_iter().collect(), strict, is_partly_unseen })
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.rules.iter().any(|rule| rule.kind == kind)
    }

    /// What keeps the token's user from pushing.
    pub(super) fn against_pushes(&self) -> Vec<(&'static str, &'static str)> {
        AGAINST_PUSHES.into_iter().filter(|(kind, _)| self.has(kind)).collect()
    }

    /// How landings get there: as wished, else pushed wherever that is allowed.
    pub(super) fn mode(&self, wished: Option<Mode>) -> Mode {
        let merges = self.has("pull_request") || self.has("required_signatures");
        wished.unwrap_or(match (self.has("merge_queue"), merges) {
            (true, _) => Mode::Queue,
            (false, true) => Mode::Merge,
            (false, false) => Mode::Push,
        })
    }

    pub(super) fn guarantee(&self, mode: Mode) -> Guarantee {
        match mode {
            Mode::Push => Guarantee::Exact,
            Mode::Queue => Guarantee::Serialised,
            Mode::Merge if self.strict => Guarantee::Serialised,
            Mode::Merge => Guarantee::Detected,
        }
    }

    /// Approving reviews without which nothing is merged.
    pub(super) fn approvals(&self) -> u64 {
        self.rules.iter().map(Rule::approvals).max().unwrap_or_default()
    }

    /// The methods by which rules let GitHub merge; nothing if they do not say.
    pub(super) fn methods(&self) -> Option<Vec<String>> {
        self.rules.iter().find_map(Rule::merge_methods)
    }

    /// How its merge queue merges.
    pub(super) fn queue_method(&self) -> Option<String> {
        self.rules.iter().find_map(Rule::queue_method)
    }

    /// Whether a landing of this kind has a merge commit where none may be.
    pub(super) fn forbids(&self, method: MergeMethod) -> bool {
        method == MergeMethod::Merge && self.has("required_linear_history")
    }
}
