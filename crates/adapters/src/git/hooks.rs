//! No hook of the user's runs on a git command of ours.
//!
//! Hooks in a folder are out of the way by one setting (`core.hooksPath`, see [`super::cli`]). Newer gits also run hooks that
//! the configuration names: those are switched off one by one, and by event where git knows that. That travels in the
//! environment, which takes a name with any sign in it. The hooks of a server that is pushed to are the server's.
//!
//! Knows nothing of what a hook is for.

use std::path::Path;

use super::{Git, GitError, shown};

/// What commands of ours could set off.
const EVENTS: [&str; 24] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

/// The environment that switches off hooks of these names, and all hooks of all events.
pub(super) fn off(names: &[String]) -> Vec<(String, String)> {
    let hooks = EVENTS.iter().copied().chain(names.iter().map(String::as_str));
    let keys: Vec<String> = hooks.map(|hook| format!("hook.{hook}.enabled")).collect();
    let count = ("GIT_CONFIG_COUNT".to_owned(), keys.len().to_string());
    let pair = |(at, key): (usize, String)| {
        [(format!("GIT_CONFIG_KEY_{at}"), key), (format!("GIT_CONFIG_VALUE_{at}"), "false".to_owned())]
    };
    std::iter::once(count).chain(keys.into_iter().enumerate().flat_map(pair)).collect()
}

/// The hooks that the user's configuration names, as seen from a folder.
pub(super) fn named(git: &Git, dir: &Path) -> Result<Vec<String>, GitError> {
    let asked = ["config", "--null", "--name-only", "--get-regexp", "^hook\\..*\\.(event|command)$"];
    let output = git.user(dir).args(asked).any()?;
    let mut names: Vec<String> = output
        .fields()
        .map(shown)
        .filter_map(|key| Some(key.strip_prefix("hook.")?.rsplit_once('.')?.0.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}
