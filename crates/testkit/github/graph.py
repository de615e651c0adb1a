"""GitHub's GraphQL API over the same repository: questions are held to GitHub's own schema, and answered by it.

Only what `Graph` below has a function for is known; asking for more is a violation, as is a question that GitHub's schema
does not allow. Knows nothing of HTTP.
"""

from graphql import GraphQLError, build_schema, execute, parse, validate

import queueing
from mergeable import has_queue
import waiting
from hub import NAME, OWNER, Refused

# GitHub gives no more of a list at once.
MOST = 100


class Denied(Exception):
    """A field that the token may not have, and of what kind the refusal is."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Graph:
    """What can be asked."""

    def __init__(self, file, hub):
        with open(file, encoding="utf-8") as text:
            self.schema = build_schema(text.read())
        self.hub = hub

    def answer(self, query, variables):
        """An answer, and what was wrong with the question."""
        try:
            document = parse(query)
        except GraphQLError as error:
            return None, [f"GraphQL: {error}"]
        wrong = validate(self.schema, document)
        if wrong:
            return None, [f"GraphQL: {error.message}" for error in wrong]
        with self.hub.lock:
            self.hub.pushed()
            done = execute(self.schema, document, self.roots(), variable_values=variables)
        errors = done.errors or []
        wrong = [f"GraphQL: {error}" for error in errors if not isinstance(error.original_error, Denied)]
        told = {"data": done.data}
        if errors and not wrong:
            told["errors"] = [{**error.formatted, "type": error.original_error.kind} for error in errors]
        return told, wrong

    def roots(self):
        return {
            "repository": self.repository,
            "createPullRequest": self.create_pull,
            "closePullRequest": self.close_pull,
            "mergePullRequest": self.merge_pull,
            "markPullRequestReadyForReview": self.ready,
            "enqueuePullRequest": self.enqueue,
            "dequeuePullRequest": self.dequeue,
            "enablePullRequestAutoMerge": self.enable_auto_merge,
            "disablePullRequestAutoMerge": self.disable_auto_merge,
        }

    def repository(self, _info, owner, name, **_):
        if (owner, name) != (OWNER, NAME):
            raise Denied("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return {
            "id": "R_1",
            "name": NAME,
            "owner": {"__typename": "User", "login": OWNER},
            "hasIssuesEnabled": True,
            "hasWikiEnabled": False,
            "viewerPermission": "WRITE",
            "defaultBranchRef": {"name": "main"},
            "mergeCommitAllowed": True,
            "rebaseMergeAllowed": True,
            "squashMergeAllowed": True,
            "object": self.object,
            "pullRequest": lambda _, number: self.pull(self.hub.pull(number)),
            "pullRequests": self.pulls,
        }

    # Pull requests.

    def pulls(self, _info, first=None, after=None, states=None, headRefName=None, baseRefName=None, **_):
        kept = [
            self.pull(pull)
            for pull in reversed(self.hub.pulls)
            if (not states or state_of(pull) in states)
            and headRefName in (None, pull["head"])
            and baseRefName in (None, pull["base"])
        ]
        return paged(kept, first, after)

    def pull(self, pull):
        return {
            "id": f"PR_{pull['number']}",
            "number": pull["number"],
            "title": pull["title"],
            "body": pull["body"] or "",
            "state": state_of(pull),
            "url": f"{self.hub.url}/{OWNER}/{NAME}/pull/{pull['number']}",
            "headRefName": pull["head"],
            "headRefOid": pull["sha"],
            "headRepositoryOwner": {"__typename": "User", "id": "U_1", "login": OWNER, "name": OWNER},
            "baseRefName": pull["base"],
            "isCrossRepository": False,
            "isDraft": pull["draft"],
            "isInMergeQueue": queueing.entry_of(self.hub, pull) is not None,
            "isMergeQueueEnabled": has_queue(self.hub),
            "mergeQueueEntry": queueing.entry_of(self.hub, pull),
            "timelineItems": lambda _, **wanted: self.removals(pull, **wanted),
            "createdAt": "2026-11-24T00:00:00Z",
            "mergeStateStatus": "CLEAN",
            "commits": lambda _, **__: {"nodes": [{"commit": self.object(_, oid=pull["sha"])}]},
        }

    @staticmethod
    def removals(pull, itemTypes=None, last=1, **_):
        """When it left the merge queue; nothing else of its history is known."""
        if itemTypes != ["REMOVED_FROM_MERGE_QUEUE_EVENT"]:
            raise Refused(422, f"the GitHub of the tests knows nothing of {itemTypes}")
        kind = {"__typename": "RemovedFromMergeQueueEvent"}
        shown = [{**one, **kind, "beforeCommit": one["before"] and {"oid": one["before"]}} for one in pull["removals"]]
        return {"nodes": shown[-last:]}

    def enqueue(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["pullRequestId"])
        if why := queueing.put_in(self.hub, pull, input.get("expectedHeadOid")):
            raise Denied("UNPROCESSABLE", why)
        return {"mergeQueueEntry": queueing.entry_of(self.hub, pull)}

    def dequeue(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["id"])
        if queueing.entry_of(self.hub, pull) is None:
            raise Denied("UNPROCESSABLE", "Pull request is not in the queue")
        entry = queueing.entry_of(self.hub, pull)
        queueing.take_out(self.hub, pull, "manual")
        return {"mergeQueueEntry": entry}

    def enable_auto_merge(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["pullRequestId"])
        wanted = {"sha": input.get("expectedHeadOid"), "merge_method": input.get("mergeMethod", "MERGE").lower()}
        wanted |= {"commit_title": input.get("commitHeadline"), "commit_message": input.get("commitBody")}
        if why := waiting.enable(self.hub, pull, wanted):
            raise Denied("UNPROCESSABLE", why)
        return {"pullRequest": self.pull(pull)}

    def disable_auto_merge(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["pullRequestId"])
        if not pull["auto_merge"]:
            raise Denied("UNPROCESSABLE", "Can't disable auto-merge for this pull request")
        pull["auto_merge"] = None
        return {"pullRequest": self.pull(pull)}

    def by_id(self, name):
        return self.hub.pull(name.removeprefix("PR_"))

    def create_pull(self, _info, input):  # pylint: disable=redefined-builtin
        body = {"title": input["title"], "body": input.get("body")}
        self.hub.create_pull({**body, "head": input["headRefName"], "base": input["baseRefName"]})
        return {"pullRequest": self.pull(self.hub.pulls[-1])}

    def close_pull(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["pullRequestId"])
        self.hub.edit_pull(pull, {"state": "closed"})
        return {"pullRequest": self.pull(pull)}

    def ready(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["pullRequestId"])
        pull["draft"] = False
        return {"pullRequest": self.pull(pull)}

    def merge_pull(self, _info, input):  # pylint: disable=redefined-builtin
        pull = self.by_id(input["pullRequestId"])
        if input.get("mergeMethod") != "SQUASH":
            raise Refused(422, "the GitHub of the tests merges by squashing alone")
        self.hub.squash_by_hand(pull)
        return {"pullRequest": self.pull(pull)}

    # Checks.

    def object(self, _info, oid=None, expression=None):
        sha = self.hub.commit(oid or expression)
        return sha and {"__typename": "Commit", "oid": sha, "statusCheckRollup": lambda _: self.roll_up(sha)}

    def roll_up(self, sha):
        if not self.hub.rules["checks_readable"]:
            raise Denied("FORBIDDEN", "Resource not accessible by personal access token")
        contexts = [*self.check_runs(sha), *self.statuses(sha)]
        return {"contexts": lambda _, **page: paged(contexts, **page)} if contexts else None

    def check_runs(self, sha):
        """Those of earlier attempts too: GitHub lists every one that there was."""
        known = self.hub.commits.get(sha)
        for attempt in range(1, known["attempt"] + 1 if known else 1):
            for name, number, status, conclusion in self.hub.checks_of(sha, "actions", attempt):
                yield {
                    "__typename": "CheckRun",
                    "databaseId": number,
                    "name": name,
                    "status": status.upper(),
                    "conclusion": conclusion and conclusion.upper(),
                    "title": self.hub.title_of_checks(),
                    "checkSuite": {"databaseId": known["id"]},
                }

    def statuses(self, sha):
        for name, _, _, conclusion in self.hub.checks_of(sha, "status"):
            state, description = (conclusion or "pending").upper(), self.hub.description_of_statuses()
            yield {"__typename": "StatusContext", "context": name, "state": state, "description": description}


def state_of(pull):
    return "MERGED" if pull["merged"] else pull["state"].upper()


def paged(rows, first=None, after=None, **_):
    """A part of a list, as long as was asked for."""
    if first is None or not 1 <= first <= MOST:
        raise Refused(422, f"`first` must be from 1 to {MOST}, not {first}")
    begin = int(after or 0)
    end = begin + first
    return {
        "nodes": rows[begin:end],
        "totalCount": len(rows),
        "pageInfo": {"hasNextPage": end < len(rows), "endCursor": str(end)},
    }
