//! The keys of the merge lane: in which order changes land, what a landing looks like, and what a person must approve.

use super::key::{Key, Kind, YEAR_MIN, choice, key, minutes, seconds, whole};
use super::settings::Settings;
use ppe_core::policy::{Approval, MergeMethod, MergeStrategy, Trailers, Update};

/// The keys of `[merge]`.
pub(super) static MERGE_KEYS: &[Key<Settings>] = &[
    key(
        "merge.strategy",
        choice(&[
            ("independent", |s: &mut Settings| s.policy.merge_strategy = MergeStrategy::Independent),
            ("priority", |s| s.policy.merge_strategy = MergeStrategy::Priority),
            ("batch", |s| s.policy.merge_strategy = MergeStrategy::Batch),
            ("speculative", |s| s.policy.merge_strategy = MergeStrategy::Speculative),
        ]),
        &["MERGE_STRATEGY"],
        "How changes land: one by one as they arrive, the highest priority first, a wave at once, or several batches checked at once.",
    ),
    key(
        "merge.check_slots",
        whole(1, 16, |s, n| s.policy.check_slots = n),
        &[],
        "Candidates checked at once by the strategy `speculative`.",
    ),
    key(
        "merge.longest_wait_min",
        whole(1, YEAR_MIN, |s, n| s.policy.longest_wait_ms = minutes(n)),
        &[],
        "Minutes after which a waiting change goes ahead of all others, and its batch waits for nobody.",
    ),
    key(
        "merge.radar_s",
        whole(0, 3_600, |s, n| s.radar_ms = seconds(n)),
        &[],
        "Seconds from a commit until all branches of the run are held against each other; 0 is never.",
    ),
    key(
        "merge.method",
        choice(&[
            ("merge", |s| s.policy.merge_method = MergeMethod::Merge),
            ("squash", |s| s.policy.merge_method = MergeMethod::Squash),
            ("rebase", |s| s.policy.merge_method = MergeMethod::Rebase),
        ]),
        &[],
        "What a landing looks like: a merge commit with the work behind it, one commit, or the work's commits in a row.",
    ),
    key(
        "merge.update",
        choice(&[
            ("rebase", |s| s.policy.update = Update::Rebase),
            ("merge", |s| s.policy.update = Update::Merge),
        ]),
        &[],
        "How a change that no longer merges is brought onto the target: rebased, its branch moved from where it was left, or with the target merged in, so that its branch only goes forward.",
    ),
    key(
        "merge.approval",
        choice(&[
            ("none", |s| s.policy.approval = Approval::None),
            ("each", |s| s.policy.approval = Approval::Each),
            ("wave", |s| s.policy.approval = Approval::Wave),
        ]),
        &[],
        "What lands only once you have approved it (`ppe approve`): nothing, each change, or a wave's changes when all are there.",
    ),
    key(
        "merge.trailers",
        Kind::Switch {
            on: |s| s.policy.trailers = Trailers::Named,
            off: |s| s.policy.trailers = Trailers::None,
        },
        &[],
        "Whether landings end in `Ppe-Task` and `Ppe-Run` lines. Off: a new run takes as done only what the plan or `--done` says.",
    ),
];
