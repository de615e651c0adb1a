"""Auto-merge of a GitHub: a pull request is merged once nothing is against it any more.

Functions over a Hub (see hub.py). Its rule `auto_merge` says whether the repository allows it, and `wedged` whether GitHub
forgets to.
"""

import merging
from mergeable import refusal


def enable(hub, pull, wanted):
    """Switches it on; says why not, if it is refused."""
    if not hub.rules["auto_merge"]:
        return "Auto merge is not allowed for this repository"
    refused = refusal(hub, pull, wanted)
    if refused is None:
        return "Pull request Pull request is in clean status"
    if refused[0] == 409 or pull["state"] != "open":
        return refused[1]
    pull["auto_merge"] = wanted
    return None


def shown(hub, pull, example):
    """As the pull request's page says it."""
    wanted = pull["auto_merge"]
    if not wanted:
        return None
    who = {key: value for key, value in example["user"].items()}
    title, message = wanted.get("commit_title") or "", wanted.get("commit_message") or ""
    return {"enabled_by": who, "merge_method": wanted["merge_method"], "commit_title": title, "commit_message": message}


def settle(hub):
    """Merges what may be merged by now."""
    for pull in hub.pulls:
        wanted = pull["auto_merge"]
        if not wanted or pull["state"] != "open" or hub.rules["wedged"]:
            continue
        wanted = {key: value for key, value in wanted.items() if key != "sha"}
        if refusal(hub, pull, wanted) is None:
            pull["auto_merge"] = None
            merging.merge(hub, pull, wanted)
