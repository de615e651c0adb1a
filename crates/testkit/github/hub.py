"""What a GitHub repository knows besides its git: pull requests, labels, comments, and what its CI says.

The git side is a real bare repository. Answers are GitHub's own examples with what is known here put over them. Knows
nothing of HTTP.
"""

import re
import subprocess
import threading
import time

import bases
import issues
import merging
import protection
import queueing
import reviewing
import waiting
from mergeable import merges, refusal

OWNER, NAME = "o", "r"
REPO = "/repos/{owner}/{repo}"


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, message, errors=None):
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        if errors:
            self.body["errors"] = errors


def invalid(field, code, message=None):
    error = {"resource": "PullRequest", "code": code, "field": field}
    if message:
        error["message"] = message
    return Refused(422, "Validation Failed", [error])


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Hub:
    """The repository o/r."""

    def __init__(self, contract, git_dir):
        self.contract = contract
        self.git_dir = git_dir
        self.url = ""
        self.lock = threading.RLock()
        self.refs = {}
        self.pulls = []
        self.comments = []
        self.commits = {}
        self.merges = {}
        self.queue = []
        # What tests may change: which checks CI has and for which refs, or for pull requests against which branches; what
        # the repository allows, what the token may; how many requests of this hour are left, by resource; how many looks a
        # merge takes to be shown (`late`); and what mergeable.py, merging.py, queueing.py, waiting.py and protection.py name.
        self.rules = {"checks": [], "on": "^refs/heads/ppe/lane/", "on_pulls": False, "required": [], "push": True}
        self.rules |= {"checks_readable": True, "methods": ["merge", "squash", "rebase"], "merge_async": 0, "rush": 0}
        self.rules |= {"approvals": 0, "strict": False, "unknown_ms": 0, "rule_kinds": [], "bypass": False, "left": {}}
        self.rules |= {"pulls_against": "", "writers": [], "strangers": [], "drafts": True, "issues": [], "late": 0}
        self.rules |= {"queue_ms": 0, "queue_method": "merge", "on_groups": False, "auto_merge": False, "wedged": False}
        self.rules |= {"protected": None, "admin": False}

    # Git.

    def git(self, *args, given=""):
        """Output of a git command, or None when it fails."""
        command = ["git", "--git-dir", self.git_dir, *args]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def tip(self, branch):
        return self.refs.get(f"refs/heads/{branch}")

    def commit(self, name):
        return self.git("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")

    def pushed(self):
        """Takes notice of what refs are now: open pull requests follow their branches, and CI starts."""
        with self.lock:
            lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads").splitlines()
            refs = dict(line.split(" ") for line in lines)
            news = {ref for ref in refs if refs[ref] != self.refs.get(ref)}
            self.refs = refs
            for ref in sorted(refs):
                if re.search(self.rules["on"], ref):
                    self.begin_ci(refs[ref])
            for pull in self.pulls:
                moved = {f"refs/heads/{pull[side]}" for side in ("head", "base")} & news
                if pull["state"] == "open" and moved and self.tip(pull["base"]) is not None:
                    self.follow(pull)
                    if f"refs/heads/{pull['head']}" in news:
                        bases.begin_ci(self, pull)
            bases.lose(self)
            merging.settle(self)
            waiting.settle(self)
            queueing.settle(self)

    def begin_ci(self, sha):
        if self.rules["checks"]:
            begun = {"id": len(self.commits) + 1, "since": time.monotonic(), "attempt": 1}
            self.commits.setdefault(sha, begun)

    def follow(self, pull):
        pull.update(sha=self.tip(pull["head"]) or pull["sha"], moved=time.monotonic())
        base = self.tip(pull["base"])
        if self.git("merge-base", "--is-ancestor", pull["sha"], base) is not None:
            self.end(pull, merged=base)

    def end(self, pull, merged=None):
        pull.update(state="closed", merged=merged, closed_at=now())

    @staticmethod
    def refused(status, message):
        return Refused(status, message)

    def approvals_of(self, pull):
        return reviewing.approvals(self, pull)

    # Pull requests.

    def pull(self, number):
        for pull in self.pulls:
            if pull["number"] == int(number):
                return pull
        raise Refused(404, "Not Found")

    def shown(self, pull, whole):
        method = "GET " + REPO + ("/pulls/{pull_number}" if whole else "/pulls")
        made = self.contract.named(method).example(200)
        made = made if whole else made[0]
        made.update(
            number=pull["number"],
            id=1000 + pull["number"],
            title=pull["title"],
            body=pull["body"],
            state=pull["state"],
            draft=pull["draft"],
            node_id=f"PR_{pull['number']}",
            url=f"{self.url}/repos/{OWNER}/{NAME}/pulls/{pull['number']}",
            html_url=f"{self.url}/{OWNER}/{NAME}/pull/{pull['number']}",
            requested_teams=[],
            merged_at=pull["closed_at"] if pull["merged"] else None,
            closed_at=pull["closed_at"],
            merge_commit_sha=pull["merged"],
            labels=[self.label(name) for name in pull["labels"]],
        )
        for side, name, sha in (("head", pull["head"], pull["sha"]), ("base", pull["base"], self.tip(pull["base"]))):
            made[side].update(ref=name, sha=sha, label=f"{OWNER}:{name}")
        made["auto_merge"] = waiting.shown(self, pull, made)
        if pull["merged"] and self.rules["late"] > 0:
            # Merged this moment: one that asks is not told at once.
            self.rules["late"] -= whole
            made.update(state="open", merged_at=None, closed_at=None, merge_commit_sha=None)
            return {**made, "merged": False, "mergeable": None} if whole else made
        if whole:
            made["mergeable_state"] = self.state_of(pull)
            made["merged"] = pull["merged"] is not None
            made["mergeable"] = merges(self, pull) if pull["state"] == "open" else None
        return made

    def state_of(self, pull):
        """How a pull request stands, in a word."""
        clean = pull["state"] == "open" and refusal(self, pull, {"merge_method": self.rules["methods"][0]}) is None
        return "clean" if clean else "dirty" if merges(self, pull) is False else "blocked"

    def label(self, name):
        return {
            "id": sum(name.encode()) + 1,
            "node_id": "L",
            "url": f"{self.url}/repos/{OWNER}/{NAME}/labels/{name}",
            "name": name,
            "description": "",
            "color": "ededed",
            "default": False,
        }

    def list_pulls(self, query):
        state, head, base = query.get("state", "open"), query.get("head"), query.get("base")
        # As GitHub does: a head without its owner is no filter at all.
        head = head if head and ":" in head else None
        kept = [
            pull
            for pull in reversed(self.pulls)
            if state in ("all", pull["state"])
            and head in (None, f"{OWNER}:{pull['head']}")
            and base in (None, pull["base"])
        ]
        return 200, [self.shown(pull, whole=False) for pull in kept]

    def create_pull(self, body):
        head, base = body["head"].removeprefix(f"{OWNER}:"), body["base"]
        tip, target = self.tip(head), self.tip(base)
        if tip is None:
            raise invalid("head", "invalid")
        if target is None:
            raise invalid("base", "invalid")
        if body.get("draft") and not self.rules["drafts"]:
            raise invalid("base", "custom", "Draft pull requests are not supported in this repository.")
        if self.git("rev-list", "--count", f"{target}..{tip}") == "0":
            raise invalid("head", "custom", f"No commits between {base} and {head}")
        if any(p["state"] == "open" and p["head"] == head and p["base"] == base for p in self.pulls):
            raise invalid("head", "custom", f"A pull request already exists for {OWNER}:{head}.")
        pull = {
            "number": len(self.pulls) + 1,
            "title": body["title"],
            "body": body.get("body"),
            "head": head,
            "base": base,
            "sha": tip,
            "state": "open",
            "merged": None,
            "closed_at": None,
            "labels": [],
            "draft": body.get("draft", False),
            "reviewers": [],
            "reviews": [],
            "auto_merge": None,
            "removals": [],
            "moved": time.monotonic(),
        }
        self.pulls.append(pull)
        self.follow(pull)
        bases.begin_ci(self, pull)
        return 201, self.shown(pull, whole=True)

    def edit_pull(self, pull, changes):
        for key in ("title", "body", "state"):
            if key in changes:
                pull[key] = changes[key]
        if "base" in changes:
            self.retarget(pull, changes["base"])
        pull["closed_at"] = now() if pull["state"] == "closed" else None
        pull["moved"] = time.monotonic()
        return 200, self.shown(pull, whole=True)

    def retarget(self, pull, base):
        if pull["state"] != "open":
            raise invalid("base", "custom", "Cannot change the base branch of a closed pull request.")
        if self.tip(base) is None:
            raise invalid("base", "invalid")
        if bases.taken(self, pull, base):
            raise invalid("base", "custom", f"A pull request already exists for {OWNER}:{pull['head']}.")
        pull["base"] = base
        self.follow(pull)

    def squash_by_hand(self, pull):
        """What the button does."""
        base, tree = self.tip(pull["base"]), self.git("merge-tree", "--write-tree", pull["base"], pull["sha"])
        who = ["-c", "user.name=A Person", "-c", "user.email=person@example.org"]
        made = self.git(*who, "commit-tree", tree, "-p", base, "-m", f"{pull['title']} (#{pull['number']})")
        self.git("update-ref", f"refs/heads/{pull['base']}", made, base)
        self.end(pull, merged=made)

    def remove_label(self, pull, name):
        if name not in pull["labels"]:
            raise Refused(404, "Label does not exist")
        pull["labels"].remove(name)
        return 200, [self.label(name) for name in pull["labels"]]

    # Comments.

    def shown_comment(self, comment):
        made = self.contract.named("POST " + REPO + "/issues/{issue_number}/comments").example(201)
        made.update(id=comment["id"], body=comment["body"])
        return made

    def list_comments(self, number):
        self.pull(number)
        return 200, [self.shown_comment(c) for c in self.comments if c["issue"] == int(number)]

    def create_comment(self, number, body):
        self.pull(number)
        comment = {"id": len(self.comments) + 1, "issue": int(number), "body": body["body"]}
        self.comments.append(comment)
        return 201, self.shown_comment(comment)

    def edit_comment(self, wanted, body):
        for comment in self.comments:
            if comment["id"] == int(wanted):
                comment["body"] = body["body"]
                return 200, self.shown_comment(comment)
        raise Refused(404, "Not Found")

    # CI.

    def checks_of(self, sha, via, attempt=None):
        """The checks of a commit as they stand now, or as they ended in an earlier attempt: name, number, status and
        conclusion of each."""
        known = self.commits.get(sha)
        if known is None:
            return []
        elapsed_ms = (time.monotonic() - known["since"]) * 1000
        if attempt in (None, known["attempt"]):
            attempt = known["attempt"]
        else:
            elapsed_ms = float("inf")
        found = []
        for at, check in enumerate(self.rules["checks"]):
            begun = [step for step in check["steps"] if step[0] <= elapsed_ms]
            if check.get("via", "actions") != via or not begun:
                continue
            _, status, conclusion = begun[-1]
            if conclusion == "auto":
                files = self.git("ls-tree", "-r", "--name-only", sha) or ""
                conclusion = "failure" if re.search(check["red_when"], files, re.MULTILINE) else "success"
            if isinstance(conclusion, list):
                conclusion = conclusion[min(attempt, len(conclusion)) - 1]
            found.append((check["name"], known["id"] * 100_000 + attempt * 1_000 + at, status, conclusion))
        return found

    def title_of_checks(self):
        """What every check run says of itself."""
        return self.contract.named("GET " + REPO + "/commits/{ref}/check-runs").example(200)["check_runs"][0]["output"]["title"]

    def description_of_statuses(self):
        """What every status says of itself."""
        return self.contract.named("GET " + REPO + "/commits/{ref}/status").example(200)["statuses"][0]["description"]

    def check_runs(self, name):
        if not self.rules["checks_readable"]:
            raise Refused(403, "Resource not accessible by personal access token")
        sha = self.commit(name)
        answer = self.contract.named("GET " + REPO + "/commits/{ref}/check-runs").example(200)
        template = answer["check_runs"][0]
        runs = []
        for check, number, status, conclusion in self.checks_of(sha, "actions"):
            run = {**template, "id": number, "name": check, "head_sha": sha, "status": status, "conclusion": conclusion}
            run["pull_requests"] = []
            run["completed_at"] = now() if conclusion else None
            runs.append(run)
        return 200, {"total_count": len(runs), "check_runs": runs}

    def combined_status(self, name):
        sha = self.commit(name)
        answer = self.contract.named("GET " + REPO + "/commits/{ref}/status").example(200)
        template = answer["statuses"][0]
        found = self.checks_of(sha, "status")
        states = [conclusion or "pending" for _, _, _, conclusion in found]
        answer["statuses"] = [
            {**template, "id": number, "context": check, "state": state}
            for (check, number, _, _), state in zip(found, states)
        ]
        bad = [state for state in states if state in ("failure", "error")]
        answer["state"] = "failure" if bad else "success" if states and set(states) == {"success"} else "pending"
        answer.update(sha=sha, total_count=len(found))
        return 200, answer

    def workflow_runs(self, query):
        answer = self.contract.named("GET " + REPO + "/actions/runs").example(200)
        template = answer["workflow_runs"][0]
        runs = []
        for sha, known in self.commits.items():
            found = self.checks_of(sha, "actions")
            if not found or query.get("head_sha") not in (None, sha):
                continue
            ended = all(status == "completed" for _, _, status, _ in found)
            bad = [conclusion for _, _, _, conclusion in found if conclusion not in ("success", "neutral", "skipped")]
            runs.append(
                {
                    **template,
                    "id": known["id"],
                    "name": "CI",
                    "head_sha": sha,
                    "status": "completed" if ended else "in_progress",
                    "conclusion": None if not ended else bad[0] if bad else "success",
                    "run_attempt": known["attempt"],
                    "pull_requests": [],
                }
            )
        return 200, {"total_count": len(runs), "workflow_runs": runs}

    def jobs(self, run):
        answer = self.contract.named("GET " + REPO + "/actions/runs/{run_id}/jobs").example(200)
        template = answer["jobs"][0]
        jobs = []
        for sha, known in self.commits.items():
            for check, number, status, conclusion in self.checks_of(sha, "actions") if known["id"] == int(run) else []:
                job = {**template, "id": number, "run_id": int(run), "name": check, "head_sha": sha, "created_at": now()}
                jobs.append({**job, "status": status, "conclusion": conclusion})
        return 200, {"total_count": len(jobs), "jobs": jobs}

    def log_of(self, job):
        for sha in self.commits:
            for check, number, _, conclusion in self.checks_of(sha, "actions"):
                if number == int(job):
                    return f"2026-11-24T00:00:00.0000000Z \x1b[31m{check}\x1b[0m on {sha}: {conclusion}\n"
        raise Refused(404, "Not Found")

    def rerun(self, run):
        for known in self.commits.values():
            if known["id"] == int(run):
                known.update(since=time.monotonic(), attempt=known["attempt"] + 1)
        return 201, {}

    # The repository.

    def repository(self):
        made = self.contract.named("GET " + REPO).example(200)
        made.update(name=NAME, full_name=f"{OWNER}/{NAME}", default_branch="main", language=None)
        may = self.rules["push"]
        for other in ("parent", "source", "template_repository"):
            made.pop(other, None)
        for method, key in (("merge", "merge_commit"), ("squash", "squash_merge"), ("rebase", "rebase_merge")):
            made[f"allow_{key}"] = method in self.rules["methods"]
        made["allow_auto_merge"] = self.rules["auto_merge"]
        made["permissions"] = {"admin": self.rules["admin"], "maintain": False, "push": may, "triage": may, "pull": True}
        return 200, made

    def branch(self, name):
        sha = self.tip(name)
        if sha is None:
            raise Refused(404, "Branch not found")
        made = self.contract.named("GET " + REPO + "/branches/{branch}").example(200)
        made["name"], made["commit"]["sha"] = name, sha
        return 200, protection.shown(self, made)

    def rules_of(self, _name):
        rules = [{"type": kind, **self.parameters_of(kind)} for kind in self.rules["rule_kinds"]]
        required = [{"context": context} for context in self.rules["required"]]
        if required:
            parameters = {"required_status_checks": required}
            parameters["strict_required_status_checks_policy"] = self.rules["strict"]
            rules.append({"type": "required_status_checks", "parameters": parameters})
        source = {"ruleset_source_type": "Repository", "ruleset_source": f"{OWNER}/{NAME}", "ruleset_id": 1}
        return 200, [{**rule, **source} for rule in rules]

    def parameters_of(self, kind):
        if kind == "merge_queue":
            sizes = ("max_entries_to_build", "max_entries_to_merge", "min_entries_to_merge")
            parameters = {**{size: 1 for size in sizes}, "min_entries_to_merge_wait_minutes": 0}
            parameters |= {"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN"}
            return {"parameters": {**parameters, "merge_method": self.rules["queue_method"].upper()}}
        if kind != "pull_request":
            return {}
        never = ("dismiss_stale_reviews_on_push", "require_code_owner_review", "require_last_push_approval")
        parameters = {key: False for key in (*never, "required_review_thread_resolution")}
        parameters["required_approving_review_count"] = self.rules["approvals"]
        return {"parameters": parameters}

    def ruleset(self, operation):
        made = operation.example(200)
        made["current_user_can_bypass"] = "always" if self.rules["bypass"] else "never"
        return 200, made

    def answer(self, operation, part, query, body):
        """Does what an operation does: status and body."""
        if part.get("owner", OWNER) != OWNER or part.get("repo", NAME) != NAME:
            raise Refused(404, "Not Found")
        with self.lock:
            self.pushed()
            method, path = operation.name.split(" ", 1)
            path = path.removeprefix(REPO)
            done = merging.answer(self, method, path, part, body)
            done = done or reviewing.answer(self, operation, method, path, part, body)
            done = done or issues.answer(self, method, path, part, query)
            if done is not None:
                return done
            match method, path:
                case "GET", "/user":
                    return 200, {**operation.example(200), "login": "octocat"}
                case "GET", "":
                    return self.repository()
                case "GET", "/branches/{branch}":
                    return self.branch(part["branch"])
                case "GET", "/branches/{branch}/protection":
                    return 200, protection.whole(self)
                case "GET", "/rules/branches/{branch}":
                    return self.rules_of(part["branch"])
                case "GET", "/rulesets/{ruleset_id}":
                    return self.ruleset(operation)
                case "GET", "/pulls":
                    return self.list_pulls(query)
                case "POST", "/pulls":
                    return self.create_pull(body)
                case "GET", "/pulls/{pull_number}":
                    return 200, self.shown(self.pull(part["pull_number"]), whole=True)
                case "PATCH", "/pulls/{pull_number}":
                    return self.edit_pull(self.pull(part["pull_number"]), body)
                case "POST", "/issues/{issue_number}/labels":
                    pull = self.pull(part["issue_number"])
                    pull["labels"] += [name for name in body["labels"] if name not in pull["labels"]]
                    return 200, [self.label(name) for name in pull["labels"]]
                case "DELETE", "/issues/{issue_number}/labels/{name}":
                    return self.remove_label(self.pull(part["issue_number"]), part["name"])
                case "GET", "/issues/{issue_number}/comments":
                    return self.list_comments(part["issue_number"])
                case "POST", "/issues/{issue_number}/comments":
                    return self.create_comment(part["issue_number"], body)
                case "PATCH", "/issues/comments/{comment_id}":
                    return self.edit_comment(part["comment_id"], body)
                case "GET", "/commits/{ref}/check-runs":
                    return self.check_runs(part["ref"])
                case "GET", "/commits/{ref}/status":
                    return self.combined_status(part["ref"])
                case "GET", "/actions/runs":
                    return self.workflow_runs(query)
                case "GET", "/actions/runs/{run_id}/jobs":
                    return self.jobs(part["run_id"])
                case "POST", "/actions/runs/{run_id}/rerun-failed-jobs":
                    return self.rerun(part["run_id"])
        raise NotImplementedError(operation.name)
