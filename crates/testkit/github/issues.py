"""Issues of a GitHub, as a test's rules name them: {number, title, body?, labels?, state?, reason?, milestone?, blocked_by?, parts?}.

Functions over a Hub (see hub.py). Pull requests are listed among them, as on GitHub.
"""

REPO = "/repos/{owner}/{repo}"
NAME = "GET " + REPO + "/issues"


def find(hub, number):
    found = [one for one in hub.rules["issues"] if one["number"] == int(number)]
    if not found:
        raise hub.refused(404, "Not Found")
    return found[0]


def shown(hub, one):
    made = hub.contract.named(NAME).example(200)[0]
    made.pop("pull_request", None)
    blockers = [find(hub, number) for number in one.get("blocked_by", [])]
    parts = [find(hub, number) for number in one.get("parts", [])]
    still = [blocker for blocker in blockers if blocker.get("state", "open") == "open"]
    closed = [part for part in parts if part.get("state") == "closed"]
    made.update(
        number=one["number"],
        title=one["title"],
        body=one.get("body"),
        state=one.get("state", "open"),
        state_reason=one.get("reason"),
        labels=[hub.label(name) for name in one.get("labels", [])],
        repository_url=f"{hub.url}/repos/o/r",
        issue_dependencies_summary={
            "blocked_by": len(still),
            "total_blocked_by": len(blockers),
            "blocking": 0,
            "total_blocking": 0,
        },
        sub_issues_summary={"total": len(parts), "completed": len(closed), "percent_completed": 0},
    )
    if "milestone" not in one:
        made["milestone"] = None
    else:
        made["milestone"]["title"] = one["milestone"]
    if one.get("is_pull"):
        made["pull_request"] = {name: hub.url for name in ("url", "html_url", "diff_url", "patch_url")}
    return made


def listed(hub, query):
    """GET /issues"""
    wanted = [label for label in query.get("labels", "").split(",") if label]
    state = query.get("state", "open")
    for one in hub.rules["issues"]:
        is_meant = all(label in one.get("labels", []) for label in wanted)
        if is_meant and state in ("all", one.get("state", "open")):
            yield shown(hub, one)


def answer(hub, method, path, part, query):
    """Does what an operation of these does; None for any other."""
    match method, path:
        case "GET", "/issues":
            return 200, list(listed(hub, query))
        case "GET", "/issues/{issue_number}/dependencies/blocked_by":
            numbers = find(hub, part["issue_number"]).get("blocked_by", [])
        case "GET", "/issues/{issue_number}/sub_issues":
            numbers = find(hub, part["issue_number"]).get("parts", [])
        case _:
            return None
    return 200, [shown(hub, find(hub, number)) for number in numbers]
