//! What a change's description says of its commits. Their subjects are agents' words: they are shown as code, so that no name
//! in them calls anybody, and none of them closes an issue.

use crate::git::diff::{self, Commit};
use crate::git::{GitError, Repo, refs};
use ppe_core::text::shown;
use ppe_core::wording::first_line;
use ppe_engine::ports::ChangeSpec;

/// Of more commits than that the last are named.
const SHOWN: usize = 60;
/// Letters of a subject that are shown.
const LENGTH: usize = 120;

/// What stands before them.
const HEAD: &str = "\n\nCommits:\n";

/// A description without its commits.
pub(super) fn without_commits(text: &str) -> &str {
    text.split_once(HEAD).map_or(text, |(before, _)| before)
}

/// A change's description, with the subjects of the commits that are its own, oldest first.
pub(super) fn described(repo: &Repo, spec: &ChangeSpec) -> Result<String, GitError> {
    let body = spec.body.trim_end();
    let Some(from) = &spec.from else { return Ok(body.to_owned()) };
    // Where a person has merged the target in, its commits are no work of the task's.
    let base = refs::head(&spec.base);
    let base = refs::read(repo, &base)?.map(|_| base);
    let others: Vec<&str> = std::iter::once(from.as_str()).chain(base.as_deref()).collect();
    let commits = diff::commits(repo.store(), &others, &spec.tip)?;
    let left_out = commits.len().saturating_sub(SHOWN);
    let line =
        |commit: &Commit| format!("- `{}`", shown(&first_line(&commit.subject, LENGTH).replace('`', "'")));
    let before = (left_out > 0).then(|| format!("- … {left_out} before these"));
    let lines: Vec<String> = before.into_iter().chain(commits.iter().skip(left_out).map(line)).collect();
    Ok(if lines.is_empty() { body.to_owned() } else { format!("{body}{HEAD}{}", lines.join("\n")) })
}
