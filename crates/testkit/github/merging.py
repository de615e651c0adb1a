"""How a GitHub merges: at once, in the background, or not, and in whose words it refuses.

Functions over a Hub (see hub.py). What the repository demands is in its rules:

    methods      those that it allows
    merge_async  whether merges in the background are offered, and after how many ms they end: hosts of one's own have none
    rush         how often somebody pushes to the target in the moment before a merge
    approvals    approving reviews without which nothing is merged
    strict       whether what is merged must contain its target
    unknown_ms   for how long after a push GitHub has not found out whether a pull request merges
"""

import time
import uuid

import queueing

MESSAGE = "Merge request enqueued."


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
    if queueing.is_on(hub) and not queued:
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


def rush(hub, branch):
    """Somebody lands a file of their own."""
    base = hub.tip(branch)
    blob = hub.git("hash-object", "-w", "--stdin")
    listed = hub.git("ls-tree", base)
    name = f"rushed-{len(hub.pulls)}-{int(time.monotonic() * 1000)}"
    tree = hub.git("mktree", given=f"{listed}\n100644 blob {blob}\t{name}\n".lstrip("\n"))
    hub.git("update-ref", f"refs/heads/{branch}", commit(hub, tree, [base], "rushed"), base)


def merge(hub, pull, wanted):
    """Merges what refusal() had nothing against."""
    if hub.rules["rush"] > 0:
        hub.rules["rush"] -= 1
        rush(hub, pull["base"])
        hub.pushed()
    base, head = hub.tip(pull["base"]), pull["sha"]
    title = wanted.get("commit_title") or f"Merge pull request #{pull['number']}"
    text = f"{title}\n\n{wanted.get('commit_message') or ''}".strip()
    method = wanted.get("merge_method", "merge")
    if method == "rebase":
        made = base
        for one in hub.git("rev-list", "--reverse", "--no-merges", f"{base}..{head}").splitlines():
            tree = hub.git("merge-tree", "--write-tree", f"--merge-base={one}^", made, one)
            made = commit(hub, tree, [made], hub.git("show", "-s", "--format=%B", one))
    else:
        tree = hub.git("merge-tree", "--write-tree", base, head)
        made = commit(hub, tree, [base, head] if method == "merge" else [base], text)
    hub.git("update-ref", f"refs/heads/{pull['base']}", made, base)
    hub.end(pull, merged=made)
    hub.pushed()
    return made


def now(hub, pull, wanted):
    """PUT …/merge"""
    refused = refusal(hub, pull, wanted)
    if refused:
        status, message = refused
        return status, {"message": message, "documentation_url": "https://docs.github.com/rest"}
    return 200, {"sha": merge(hub, pull, wanted), "merged": True, "message": "Pull Request successfully merged"}


def begin(hub, pull, wanted):
    """PUT …/merge-async"""
    if hub.rules["merge_async"] is None:
        raise hub.refused(404, "Not Found")
    if pull["merged"]:
        details = {"message": "Pull request is already merged.", "sha": pull["merged"]}
        return 200, {"status": "merged", "details": details}
    running = next((one for one in hub.merges.values() if one["pull"] is pull and one["status"] == "pending"), None)
    if running:
        return 409, shown(running)
    queued = wanted.get("merge_action") == "merge_queue"
    refused = None if queued else refusal(hub, pull, wanted)
    if refused:
        return 400, {"status": "failed", "details": {"message": refused[1]}}
    due = time.monotonic() + hub.rules["merge_async"] / 1000
    begun = {"uuid": str(uuid.uuid4()), "pull": pull, "wanted": wanted, "status": "pending", "due": due, "message": MESSAGE}
    hub.merges[begun["uuid"]] = begun
    return 202, shown(begun)


def shown(begun):
    if begun["status"] == "merged":
        return {"status": "merged", "details": {"message": begun["message"], "sha": begun["pull"]["merged"]}}
    if begun["status"] in ("failed", "enqueued"):
        return {"status": begun["status"], "details": {"message": begun["message"]}}
    wanted = begun["wanted"]
    details = {
        "message": begun["message"],
        "uuid": begun["uuid"],
        "merge_method": wanted.get("merge_method", "default"),
        "merge_action": wanted.get("merge_action", "default"),
        "expected_head_sha": wanted.get("sha", begun["pull"]["sha"]),
    }
    return {"status": "pending", "details": details}


def settle(hub):
    """Ends what runs in the background and is due."""
    for begun in hub.merges.values():
        if begun["status"] != "pending" or begun["due"] > time.monotonic():
            continue
        if begun["wanted"].get("merge_action") == "merge_queue":
            why = queueing.put_in(hub, begun["pull"], begun["wanted"].get("sha"))
            begun.update(status="failed" if why else "enqueued", message=why or "Added to the merge queue.")
            continue
        refused = refusal(hub, begun["pull"], begun["wanted"])
        if refused:
            begun.update(status="failed", message=refused[1])
        else:
            # Marked first: merging looks at what was pushed, and so comes here again.
            begun.update(status="merged", message="Pull request was merged.")
            merge(hub, begun["pull"], begun["wanted"])


def answer(hub, method, path, part, body):
    """Does what an operation of these does; None for any other."""
    match method, path:
        case "PUT", "/pulls/{pull_number}/merge":
            return now(hub, hub.pull(part["pull_number"]), body or {})
        case "PUT", "/pulls/{pull_number}/merge-async":
            return begin(hub, hub.pull(part["pull_number"]), body or {})
        case "GET", "/pulls/{pull_number}/merge-async/{uuid}":
            if part["uuid"] not in hub.merges:
                raise hub.refused(404, "Not Found")
            return 200, shown(hub.merges[part["uuid"]])
    return None
