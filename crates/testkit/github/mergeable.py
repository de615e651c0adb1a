"""Whether a GitHub would merge a pull request, in whose words it refuses, and the commits that it makes of one.

Functions over a Hub (see hub.py). What the repository demands is in its rules:

    methods     ways of merging that it allows
    approvals   approving reviews without which nothing is merged
    strict      whether what is merged must contain its target
    unknown_ms  for how long after a push GitHub has not found out whether a pull request merges

There is a merge queue if `rule_kinds` has `merge_queue`: then nothing is merged but by that.
"""

import time


def has_queue(hub):
    return "merge_queue" in hub.rules["rule_kinds"]


def merges(hub, pull):
    """Whether a pull request merges with its target; None for a while after either has moved."""
    if (time.monotonic() - pull["moved"]) * 1000 < hub.rules["unknown_ms"]:
        return None
    return hub.git("merge-tree", "--write-tree", pull["base"], pull["sha"]) is not None


def missing(hub, pull):
    """Names of required checks that are not green."""
    found = {name: conclusion for via in ("actions", "status") for name, *_, conclusion in hub.checks_of(pull["sha"], via)}
    good = ("success", "neutral", "skipped")
    return [name for name in hub.rules["required"] if found.get(name) not in good]


def refusal(hub, pull, wanted, queued=False):
    """Why a pull request is not merged now: status and message; None when it can be."""
    if pull["state"] != "open":
        return 405, "Pull Request is not mergeable"
    if wanted.get("sha") not in (None, pull["sha"]):
        return 409, "Head branch was modified. Review and try the merge again."
    if pull["draft"]:
        return 405, "Pull Request is still a draft"
    if wanted.get("merge_method", "merge") not in hub.rules["methods"]:
        return 405, "Merge commits are not allowed on this repository."
    if not merges(hub, pull):
        return 405, "Pull Request is not mergeable"
    base = hub.tip(pull["base"])
    if has_queue(hub) and not queued:
        return 405, "Changes must be made through the merge queue"
    if hub.rules["strict"] and not queued and hub.git("merge-base", "--is-ancestor", base, pull["sha"]) is None:
        return 405, "Head branch is out of date. Review and try the merge again."
    if names := missing(hub, pull):
        return 405, f'Required status check "{names[0]}" is expected.'
    if hub.approvals_of(pull) < hub.rules["approvals"]:
        return 405, f"At least {hub.rules['approvals']} approving review is required by reviewers with write access."
    return None


def commit(hub, tree, parents, text):
    who = ["-c", "user.name=GitHub", "-c", "user.email=noreply@github.com"]
    parents = [word for parent in parents for word in ("-p", parent)]
    return hub.git(*who, "commit-tree", tree, *parents, "-m", text)
