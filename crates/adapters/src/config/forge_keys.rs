//! The keys of the forge: where changes live, who lets us in, and how fast it is asked.

use super::key::{Key, Kind, choice, key, list, minutes, seconds, text, whole};
use super::settings::{ForgeKind, ForgeMode, Settings};

/// The keys of `[forge]`.
pub(super) static FORGE_KEYS: &[Key<Settings>] = &[
    key(
        "forge.kind",
        choice(&[
            ("local", |s: &mut Settings| s.forge.kind = ForgeKind::Local),
            ("github", |s| s.forge.kind = ForgeKind::GitHub),
        ]),
        &[],
        "Files of its own with branches in this repository, or GitHub: pull requests, CI there, and a target that lands there first.",
    ),
    key(
        "forge.mode",
        choice(&[
            ("push", |s: &mut Settings| s.forge.mode = Some(ForgeMode::Push)),
            ("merge", |s| s.forge.mode = Some(ForgeMode::Merge)),
            ("queue", |s| s.forge.mode = Some(ForgeMode::Queue)),
        ]),
        &[],
        "How what is green gets into the target on GitHub: by pushing the very commit that was checked, by GitHub's merge of the pull request, or by its merge queue. By default pushed; where rules keep the token's user from that, by the queue where there is one, else merged.",
    ),
    key(
        "forge.draft",
        Kind::Switch { on: |s| s.forge.draft = true, off: |s| s.forge.draft = false },
        &[],
        "Pull requests are drafts until they are to land.",
    ),
    key(
        "forge.auto_merge",
        Kind::Switch { on: |s| s.forge.auto_merge = true, off: |s| s.forge.auto_merge = false },
        &[],
        "What GitHub does not merge yet, since an approval or a check is missing, it is told to merge by itself once it may. Only where GitHub merges, and the repository allows it.",
    ),
    key(
        "forge.reviewers",
        list(|s, l| s.forge.reviewers = l),
        &[],
        "Who is asked for a review of each pull request, once: users, and teams as `org/team`.",
    ),
    key(
        "forge.review_comments",
        Kind::Switch { on: |s| s.forge.review_comments = true, off: |s| s.forge.review_comments = false },
        &[],
        "A review that requests changes, by somebody who may write to the repository, gives the pull request back to its agent, at the cost of no try.",
    ),
    key(
        "forge.push",
        text(|s, t| s.forge.push = Some(t)),
        &[],
        "The remote that the local forge pushes every landing to, such as `origin`, before it lands here. By default none.",
    ),
    key("forge.remote", text(|s, t| s.forge.remote = t), &[], "The remote that is GitHub."),
    key(
        "forge.repository",
        text(|s, t| s.forge.repository = Some(t)),
        &[],
        "`owner/name` on GitHub. By default what the remote's address says.",
    ),
    key(
        "forge.api_url",
        text(|s, t| s.forge.api_url = Some(t)),
        &[],
        "The address of the API. By default that of github.com, or `https://HOST/api/v3` for a host of your own.",
    ),
    key(
        "forge.token_file",
        text(|s, t| s.forge.token_file = Some(t)),
        &[],
        "A file with the token and nothing else. Without it: `GH_TOKEN`, `GITHUB_TOKEN`, then what `gh` is logged in with.",
    ),
    key(
        "forge.ca_file",
        text(|s, t| s.forge.ca_file = Some(t)),
        &[],
        "A file in PEM form with the authorities that are trusted, for a GitHub with a certificate of your own. No others are then.",
    ),
    key(
        "forge.webhook",
        text(|s, t| s.forge.webhook = Some(t)),
        &[],
        "`127.0.0.1:8417`: where GitHub's calls are taken, at `/webhooks/github`, signed with the secret in `PPE_WEBHOOK_SECRET`.",
    ),
    key(
        "forge.write_spacing_ms",
        whole(0, 60_000, |s, n| s.forge.write_spacing_ms = u64::from(n)),
        &[],
        "Milliseconds between two changes by the API.",
    ),
    key(
        "forge.poll_ms",
        whole(1, 600_000, |s, n| s.forge.poll_ms = u64::from(n)),
        &[],
        "Milliseconds between two looks at checks that have just begun; stretches to four times that.",
    ),
    key(
        "forge.settle_ms",
        whole(0, 3_600_000, |s, n| s.forge.settle_ms = u64::from(n)),
        &[],
        "Milliseconds in which checks must appear where none is required: what has none by then, has none.",
    ),
    key(
        "forge.checks_min",
        whole(1, 10_080, |s, n| s.forge.checks_ms = minutes(n)),
        &[],
        "Minutes until it is said what CI is waited for. Nothing lands without it, however long that takes.",
    ),
    key(
        "forge.timeout_s",
        whole(1, 600, |s, n| s.forge.timeout_ms = seconds(n)),
        &[],
        "Seconds that one request to the API may take.",
    ),
];
