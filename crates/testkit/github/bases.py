"""The branches of pull requests, and what becomes of these with them.

Functions over a Hub (see hub.py).
"""

import re
import time


def lose(hub):
    """As on GitHub: a pull request is closed with its branch, and with its base, unless that was the branch of a merged one:
    then it is shown against what that was."""
    for pull in hub.pulls:
        if pull["state"] == "open" and hub.tip(pull["head"]) is None:
            hub.end(pull)
        if pull["state"] != "open" or hub.tip(pull["base"]) is not None:
            continue
        merged = [other for other in hub.pulls if other["merged"] and other["head"] == pull["base"]]
        if merged:
            pull.update(base=merged[-1]["base"], moved=time.monotonic())
            hub.follow(pull)
        else:
            hub.end(pull)


def taken(hub, pull, base):
    """Whether another open pull request shows the same against a base."""
    others = [other for other in hub.pulls if other is not pull and other["state"] == "open"]
    return any((other["head"], other["base"]) == (pull["head"], base) for other in others)


def begin_ci(hub, pull):
    """CI of a pull request begins when it is opened and with each push to it, and never because its base is another."""
    rules, base = hub.rules, hub.tip(pull["base"])
    # As on GitHub, nothing runs for one that does not merge.
    merges = pull["state"] == "open" and hub.git("merge-tree", "--write-tree", base, pull["sha"]) is not None
    if rules["on_pulls"] and re.search(rules["pulls_against"], pull["base"]) and merges:
        hub.begin_ci(pull["sha"])
