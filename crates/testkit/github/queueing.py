"""The merge queue of a GitHub: pull requests wait in a row, each judged on the target with those before it, and merged or
thrown out.

Functions over a Hub (see hub.py). What the repository demands is in its rules:

    queue_ms      for how long the first in the queue is left there before it is merged, whatever its checks say
    queue_method  how the queue merges: GitHub takes no word on that, nor on messages, from whoever puts one in
    on_groups     whether CI runs on merge groups
"""

import time

from mergeable import commit, has_queue, refusal

GOOD = ("success", "neutral", "skipped")


def entry_of(hub, pull):
    """Its entry, with its place; None if it is not in the queue."""
    places = [one["pull"] for one in hub.queue]
    if pull not in places:
        return None
    place = places.index(pull)
    state = "AWAITING_CHECKS" if hub.queue[place]["group"] else "QUEUED"
    return {"id": f"MQE_{pull['number']}", "position": place + 1, "state": state}


def put_in(hub, pull, head=None):
    """Puts a pull request into the queue; says why not, if it is refused."""
    if not has_queue(hub):
        return "Merge queue is not enabled for this branch"
    if entry_of(hub, pull):
        return "Pull request is already in the queue"
    refused = refusal(hub, pull, {"sha": head, "merge_method": hub.rules["queue_method"]}, queued=True)
    if refused:
        return refused[1]
    hub.queue.append({"pull": pull, "head": pull["sha"], "group": None, "branch": None, "since": time.monotonic()})
    settle(hub)
    return None


def take_out(hub, pull, reason):
    """Takes a pull request out of the queue. Those behind it are judged anew."""
    place = entry_of(hub, pull)["position"] - 1
    for one in hub.queue[place:]:
        if one["branch"]:
            hub.git("update-ref", "-d", f"refs/heads/{one['branch']}")
    number = 1 + sum(len(other["removals"]) for other in hub.pulls)
    removal = {"id": f"RFMQE_{number}", "reason": reason, "before": hub.queue[place]["group"]}
    pull["removals"].append(removal)
    for one in hub.queue[place:]:
        one.update(group=None, branch=None)
    del hub.queue[place]


def group(hub, one, base):
    """Builds what the target would be: a branch with the pull request on those before it."""
    pull = one["pull"]
    tree = hub.git("merge-tree", "--write-tree", base, pull["sha"])
    if tree is None:
        return False
    text = f"Merge pull request #{pull['number']} from {pull['head']}\n\n{pull['title']}"
    method = hub.rules["queue_method"]
    made = commit(hub, tree, [base, pull["sha"]] if method == "merge" else [base], text)
    one.update(group=made, branch=f"gh-readonly-queue/{pull['base']}/pr-{pull['number']}-{base}")
    hub.git("update-ref", f"refs/heads/{one['branch']}", made)
    if hub.rules["on_groups"]:
        hub.begin_ci(made)
    return True


def judged(hub, one):
    """Whether its group is good: None while that is not known."""
    found = [check for via in ("actions", "status") for check in hub.checks_of(one["group"], via)]
    conclusions = {name: conclusion for name, _, _, conclusion in found}
    if any(conclusion not in (None, "pending", *GOOD) for conclusion in conclusions.values()):
        return False
    if hub.rules["on_groups"] and any(conclusions.get(name) not in GOOD for name in hub.rules["required"]):
        return None
    return None if None in conclusions.values() else True


def merge(hub, one):
    """The target takes the group as it is."""
    pull = one["pull"]
    hub.git("update-ref", f"refs/heads/{pull['base']}", one["group"])
    hub.git("update-ref", "-d", f"refs/heads/{one['branch']}")
    number = 1 + sum(len(other["removals"]) for other in hub.pulls)
    pull["removals"].append({"id": f"RFMQE_{number}", "reason": "merged", "before": one["group"]})
    hub.queue.remove(one)
    hub.end(pull, merged=one["group"])


def settle(hub):
    """Goes on with the queue as far as it goes now."""
    moved = True
    while moved and hub.queue:
        moved = False
        base = hub.commit(f"refs/heads/{hub.queue[0]['pull']['base']}")
        for one in list(hub.queue):
            pull = one["pull"]
            if pull["state"] != "open" or pull["sha"] != one["head"]:
                take_out(hub, pull, "head_changed")
                moved = True
                break
            stale = one["group"] and hub.commit(f"{one['group']}^1") != base
            if (stale or not one["group"]) and not group(hub, one, base):
                take_out(hub, pull, "merge_conflict")
                moved = True
                break
            good = judged(hub, one)
            if good is False:
                take_out(hub, pull, "failed_checks")
                moved = True
                break
            rested = (time.monotonic() - one["since"]) * 1000 >= hub.rules["queue_ms"]
            if good and rested and one is hub.queue[0]:
                merge(hub, one)
                moved = True
                break
            base = one["group"]
