"""How a GitHub merges: at once, or in the background.

Functions over a Hub (see hub.py). What the repository demands is in its rules:

    merge_async  whether merges in the background are offered, and after how many ms they end: hosts of one's own have none
    rush         how often somebody pushes to the target in the moment before a merge
"""

import time
import uuid

import queueing
from mergeable import commit, refusal

MESSAGE = "Merge request enqueued."


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
