"""Reviews of pull requests on a GitHub: who is asked, who may, and what was said.

Functions over a Hub (see hub.py). Its rules say who may write (`writers`) and who cannot be asked (`strangers`).
"""

REPO = "/repos/{owner}/{repo}"


def review(hub, pull, given):
    """A person reviews what stands there now."""
    number = 1 + sum(len(other["reviews"]) for other in hub.pulls)
    pull["reviews"].append({"id": number, "commit": pull["sha"], "comments": [], "body": "", **given})


def approvals(hub, pull):
    """How many who may write have approved, by their last word."""
    last = {one["user"]: one["state"] for one in pull["reviews"]}
    return sum(state == "APPROVED" and user in hub.rules["writers"] for user, state in last.items())


def shown(hub, one):
    made = hub.contract.named("GET " + REPO + "/pulls/{pull_number}/reviews").example(200)[0]
    made.update(id=one["id"], body=one["body"], state=one["state"], commit_id=one["commit"])
    made["user"]["login"] = one["user"]
    return made


def shown_comments(hub, one):
    name = "GET " + REPO + "/pulls/{pull_number}/reviews/{review_id}/comments"
    template = hub.contract.named(name).example(200)[0]
    return [{**template, "pull_request_review_id": one["id"], **comment} for comment in one["comments"]]


def request(hub, pull, body):
    """POST …/requested_reviewers"""
    names = body.get("reviewers", []) + body.get("team_reviewers", [])
    if strangers := [name for name in names if name in hub.rules["strangers"]]:
        raise hub.refused(422, f"Reviews may only be requested from collaborators. {strangers[0]} is not one.")
    pull["reviewers"] += [name for name in names if name not in pull["reviewers"]]
    return 201, hub.shown(pull, whole=False)


def permission(hub, operation, name):
    may = "write" if name in hub.rules["writers"] else "read"
    made = operation.example(200)
    made.update(permission=may, role_name=may)
    made["user"]["role_name"] = may
    return 200, made


def answer(hub, operation, method, path, part, body):
    """Does what an operation of these does; None for any other."""
    match method, path:
        case "POST", "/pulls/{pull_number}/requested_reviewers":
            return request(hub, hub.pull(part["pull_number"]), body)
        case "GET", "/pulls/{pull_number}/reviews":
            return 200, [shown(hub, one) for one in hub.pull(part["pull_number"])["reviews"]]
        case "GET", "/pulls/{pull_number}/reviews/{review_id}/comments":
            found = [one for one in hub.pull(part["pull_number"])["reviews"] if str(one["id"]) == part["review_id"]]
            return 200, [comment for one in found for comment in shown_comments(hub, one)]
        case "GET", "/collaborators/{username}/permission":
            return permission(hub, operation, part["username"])
    return None
