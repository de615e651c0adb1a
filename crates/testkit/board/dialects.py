"""The tools of boards that are known, with the schemas that their answers and ours are held to, and the shapes of their rows.

Each dialect is a table of tools: what it may be given, what it answers, and the function that does it on a Shelf of cards (see
fake_board.py). Columns are kept as todo, inprogress, inreview, done and cancelled, and spelled by the dialect.
"""

TEXT = {"type": "string"}
ID = {"type": "string", "minLength": 1}


def shape(required, **optional):
    """An object with these fields and no others."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required), "additionalProperties": False}


def given(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def listed(key, row, **more):
    return shape({key: {"type": "array", "items": row}, "count": {"type": "integer"}}, **more)


PLAIN = ["todo", "inprogress", "inreview", "done", "cancelled"]
NAMES = dict(zip(PLAIN, ["To do", "In progress", "In review", "Done", "Cancelled"]))
STATES = dict(zip(PLAIN, ["TODO", "IN_PROGRESS", "REVIEW", "COMPLETED", "CANCELLED"]))
DATES = {"created_at": TEXT, "updated_at": TEXT}
PROJECT = shape({"id": ID, "name": TEXT, **DATES})


class Refused(Exception):
    """What a tool says when it does not do something."""


def column_of(word, spelled):
    plain = "".join(c for c in word.lower() if c.isalnum())
    for column in PLAIN:
        if plain == column or plain == "".join(c for c in spelled[column].lower() if c.isalnum()):
            return column
    raise Refused("Invalid status filter. Valid values: " + ", ".join(f"'{spelled[c]}'" for c in PLAIN))


def names(shelf):
    """The columns of issues, which a project may call otherwise."""
    return {**NAMES, **shelf.held.get("names", {})}


def named(word, shelf):
    """The column of a name, which has to be the project's own but for its case."""
    for column, name in names(shelf).items():
        if word.lower() == name.lower():
            return column
    raise Refused(f"Unknown status '{word}'")


def dated(row, shelf):
    return {**row, "created_at": "2026-01-20T09:15:02.123456+00:00", "updated_at": shelf.time()}


def projects(shelf, _):
    rows = [dated({"id": project["id"], "name": project["name"]}, shelf) for project in shelf.projects()]
    return {"projects": rows, "count": len(rows)}


# Dialect 1: tasks, up to 0.1.11.

def task_row(card, shelf):
    row = {"id": card["id"], "title": card["title"], "status": card["column"]}
    return dated({**row, "has_in_progress_attempt": False, "last_attempt_failed": False}, shelf)


def list_tasks(shelf, a):
    shelf.demand_project(a["project_id"])
    spelled = dict(zip(PLAIN, PLAIN))
    wanted = column_of(a["status"], spelled) if a.get("status") else None
    limit = max(0, a.get("limit", 50))
    rows = [task_row(card, shelf) for card in shelf.cards() if wanted in (None, card["column"])][:limit]
    filters = {"status": a.get("status"), "limit": limit}
    return {"tasks": rows, "count": len(rows), "project_id": a["project_id"], "applied_filters": filters}


def whole_task(card, shelf):
    row = {"id": card["id"], "title": card["title"], "description": card["description"], "status": card["column"]}
    return {"task": dated({**row, "has_in_progress_attempt": None, "last_attempt_failed": None}, shelf)}


def get_task(shelf, a):
    return whole_task(shelf.card(a["task_id"]), shelf)


def update_task(shelf, a):
    card = shelf.card(a["task_id"])
    if a.get("status"):
        shelf.move(card, column_of(a["status"], dict(zip(PLAIN, PLAIN))), "us")
    if "description" in a:
        # A word after an at sign is the name of a text that is put in its place.
        card["description"] = shelf.expand(a["description"])
    card["title"] = a.get("title", card["title"])
    return whole_task(card, shelf)


TASK_ROW = shape({"id": ID, "title": TEXT, "status": {"enum": PLAIN}, **DATES,
                  "has_in_progress_attempt": {"type": "boolean"}, "last_attempt_failed": {"type": "boolean"}})
WHOLE_TASK = shape({"id": ID, "title": TEXT, "description": {"type": ["string", "null"]}, "status": {"enum": PLAIN}, **DATES,
                    "has_in_progress_attempt": {"type": "null"}, "last_attempt_failed": {"type": "null"}})
FILTERS = shape({"status": {"type": ["string", "null"]}, "limit": {"type": "integer"}})
TASKS = {
    "list_projects": (given(), listed("projects", PROJECT), projects),
    "list_tasks": (given(["project_id"], project_id=ID, status={"enum": PLAIN}, limit={"type": "integer"}),
                   listed("tasks", TASK_ROW, project_id=ID, applied_filters=FILTERS), list_tasks),
    "get_task": (given(["task_id"], task_id=ID), shape({"task": WHOLE_TASK}), get_task),
    "update_task": (given(["task_id"], task_id=ID, title=TEXT, description=TEXT, status={"enum": PLAIN}),
                    shape({"task": WHOLE_TASK}), update_task),
    "create_task": (given(["project_id", "title"], project_id=ID, title=TEXT, description=TEXT), shape({"task_id": ID}), None),
}


# Servers of others with the same tools, whose project is fixed when they start.

def list_fixed(shelf, a):
    answer = list_tasks(shelf, {**a, "project_id": shelf.projects()[0]["id"]})
    return {key: value for key, value in answer.items() if key != "project_id"}


FIXED = {
    "list_tasks": (given(status={"enum": PLAIN}, limit={"type": "integer"}),
                   listed("tasks", TASK_ROW, applied_filters=FILTERS), list_fixed),
    "get_task": TASKS["get_task"],
    "update_task": TASKS["update_task"],
}


# Dialect 2: issues, 0.1.12 and later.

def issue_row(card, shelf):
    return dated({"id": card["id"], "title": card["title"], "status": names(shelf)[card["column"]]}, shelf)


def list_first_issues(shelf, a):
    shelf.demand_project(a.get("project_id"))
    rows = [issue_row(card, shelf) for card in shelf.cards()][:a.get("limit", 50)]
    return {"issues": rows, "count": len(rows), "project_id": a["project_id"]}


def whole_first_issue(card, shelf):
    return {"issue": {**issue_row(card, shelf), "description": card["description"], "status_id": "s-" + card["column"]}}


def update_issue_with(whole):
    def update_issue(shelf, a):
        card = shelf.card(a["issue_id"])
        if a.get("status"):
            shelf.move(card, named(a["status"], shelf), "us")
        if "description" in a:
            card["description"] = shelf.expand(a["description"])
        card["title"] = a.get("title", card["title"])
        return whole(card, shelf)
    return update_issue


def get_issue_with(whole):
    return lambda shelf, a: whole(shelf.card(a["issue_id"]), shelf)


def organizations(shelf, _):
    return {"organizations": [{"id": "org-1", "name": "Ours"}], "count": 1}


FIRST_ROW = {"id": ID, "title": TEXT, "status": TEXT, **DATES}
FIRST_WHOLE = shape({"issue": shape({**FIRST_ROW, "description": {"type": ["string", "null"]}, "status_id": ID})})
ORGANIZATIONS = listed("organizations", shape({"id": ID, "name": TEXT}))
UPDATED = {"issue_id": ID, "title": TEXT, "description": TEXT, "status": TEXT}
FIRST_ISSUES = {
    "list_organizations": (given(), ORGANIZATIONS, organizations),
    "list_projects": (given(["organization_id"], organization_id=ID), listed("projects", PROJECT), projects),
    "list_issues": (given(project_id=ID, limit={"type": "integer"}),
                    listed("issues", shape(FIRST_ROW), project_id=ID), list_first_issues),
    "get_issue": (given(["issue_id"], issue_id=ID), FIRST_WHOLE, get_issue_with(whole_first_issue)),
    "update_issue": (given(["issue_id"], **UPDATED), FIRST_WHOLE, update_issue_with(whole_first_issue)),
}


def rich_row(card, shelf):
    more = {"simple_id": "PROJ-" + card["id"][-3:], "priority": None, "parent_issue_id": None}
    pulls = {"pull_request_count": 0, "latest_pr_url": None, "latest_pr_status": None}
    return {**issue_row(card, shelf), **more, **pulls}


def list_issues(shelf, a):
    shelf.demand_project(a.get("project_id"))
    wanted = named(a["status"], shelf) if a.get("status") else None
    found = [card for card in shelf.cards() if wanted in (None, card["column"])]
    limit, offset = min(a.get("limit", 50), shelf.fault("page") or 100), a.get("offset", 0)
    rows = [rich_row(card, shelf) for card in found[offset:offset + limit]]
    counts = {"total_count": len(found), "returned_count": len(rows), "limit": limit, "offset": offset}
    return {"issues": rows, **counts, "project_id": a["project_id"]}


def whole_issue(card, shelf):
    more = {"description": card["description"], "status_id": "s-" + card["column"], "start_date": None, "target_date": None}
    lists = {"completed_at": None, "pull_requests": [], "tags": [], "relationships": [], "sub_issues": []}
    return {"issue": {**rich_row(card, shelf), **more, **lists}}


NULLABLE = {"type": ["string", "null"]}
RICH_ROW = {**FIRST_ROW, "simple_id": TEXT, "priority": {"enum": ["urgent", "high", "medium", "low", None]},
            "parent_issue_id": NULLABLE, "pull_request_count": {"type": "integer"}, "latest_pr_url": NULLABLE,
            "latest_pr_status": NULLABLE}
LIST = {"type": "array"}
RICH_WHOLE = shape({"issue": shape({**RICH_ROW, "description": NULLABLE, "status_id": ID, "start_date": NULLABLE,
                                    "target_date": NULLABLE, "completed_at": NULLABLE, "pull_requests": LIST, "tags": LIST,
                                    "relationships": LIST, "sub_issues": LIST})})
RICH_LIST = shape({"issues": {"type": "array", "items": shape(RICH_ROW)}, "total_count": {"type": "integer"},
                   "returned_count": {"type": "integer"}, "limit": {"type": "integer"}, "offset": {"type": "integer"},
                   "project_id": ID})
ISSUES = {
    **FIRST_ISSUES,
    "list_issues": (given(project_id=ID, limit={"type": "integer"}, offset={"type": "integer"}, status=TEXT, priority=TEXT,
                          parent_issue_id=ID, search=TEXT, simple_id=TEXT, sort_field=TEXT, sort_direction=TEXT),
                    RICH_LIST, list_issues),
    "get_issue": (given(["issue_id"], issue_id=ID), RICH_WHOLE, get_issue_with(whole_issue)),
    "update_issue": (given(["issue_id"], **UPDATED, priority=TEXT, parent_issue_id=NULLABLE), RICH_WHOLE,
                     update_issue_with(whole_issue)),
    "start_workspace": (given(["name"], name=TEXT), shape({"workspace_id": ID}), None),
}


# Dialect 3: the fork vibe-kanban-indie. Thin rows, null keys left out, an acknowledgement for a change.

def thin(row):
    return {key: value for key, value in row.items() if value is not None and key != "created_at"}


def list_indie(shelf, a):
    answer = list_issues(shelf, a)
    return {**answer, "issues": [thin(row) for row in answer["issues"]]}


def indie_issue(card, shelf):
    return {"issue": thin(whole_issue(card, shelf)["issue"])}


def acknowledged(card, shelf):
    row = {"id": card["id"], "simple_id": "PROJ-" + card["id"][-3:], "status": names(shelf)[card["column"]]}
    return {**row, "status_id": "s-" + card["column"], "updated_at": shelf.time(), "changed": ["status"]}


def optional(fields, needed):
    return shape({key: fields[key] for key in needed}, **{key: fields[key] for key in fields if key not in needed})


THIN_ROW = optional(RICH_ROW, ["id", "title", "status", "updated_at"])
THIN_WHOLE = optional(RICH_WHOLE["properties"]["issue"]["properties"], ["id", "title", "status", "status_id"])
ACKNOWLEDGED = shape({"id": ID, "simple_id": TEXT, "status": TEXT, "status_id": ID, "updated_at": TEXT, "changed": LIST})
INDIE = {
    "list_projects": (given(organization_id=ID), listed("projects", PROJECT), projects),
    "list_issues": (ISSUES["list_issues"][0],
                    {**RICH_LIST, "properties": {**RICH_LIST["properties"], "issues": {"type": "array", "items": THIN_ROW}}},
                    list_indie),
    "get_issue": (given(["issue_id"], issue_id=ID), shape({"issue": THIN_WHOLE}), get_issue_with(indie_issue)),
    "update_issue": (ISSUES["update_issue"][0], ACKNOWLEDGED, update_issue_with(acknowledged)),
    "list_pending_approvals": (given(), shape({"approvals": LIST}), None),
}


# Kandev.

def kandev_row(card, shelf):
    row = {"id": card["id"], "workspace_id": "w-1", "workflow_id": shelf.projects()[0]["id"], "workflow_step_id": "step-1",
           "title": card["title"][:60], "description": card["description"] or "", "state": STATES[card["column"]],
           "priority": "medium", "position": 0, "parent_id": None, "depends_on": [], "blocked": False,
           "blocked_reason": None, "repositories": [], "prs": []}
    return dated(row, shelf)


def list_kandev(shelf, a):
    shelf.demand_project(a["workflow_id"])
    rows = [kandev_row(card, shelf) for card in shelf.cards()]
    return {"tasks": rows, "total": len(rows)}


def update_kandev(shelf, a):
    card = shelf.card(a["task_id"])
    card["description"] = a.get("description", card["description"])
    return kandev_row(card, shelf)


def move_kandev(shelf, a):
    card = shelf.card(a["task_id"])
    shelf.move(card, column_of(a["state"], STATES), "us")
    return kandev_row(card, shelf)


def workflows(shelf, _):
    return {"workflows": [{"id": p["id"], "name": p["name"]} for p in shelf.projects()], "total": len(shelf.projects())}


KANDEV_STATES = ["CREATED", "TODO", "SCHEDULING", "IN_PROGRESS", "REVIEW", "BLOCKED", "WAITING_FOR_INPUT", "COMPLETED", "FAILED",
                 "CANCELLED"]
KANDEV_ROW = shape({"id": ID, "workspace_id": ID, "workflow_id": ID, "workflow_step_id": ID,
                    "title": {"type": "string", "maxLength": 60}, "description": TEXT, "state": {"enum": KANDEV_STATES},
                    "priority": TEXT, "position": {"type": "integer"}, "parent_id": NULLABLE, "depends_on": LIST,
                    "blocked": {"type": "boolean"}, "blocked_reason": NULLABLE, "repositories": LIST, "prs": LIST, **DATES})
NAMED = {"type": "array", "items": shape({"id": ID, "name": TEXT})}
KANDEV = {
    "list_workspaces_kandev": (given(), shape({"workspaces": NAMED, "total": {"type": "integer"}}),
                               lambda shelf, a: {"workspaces": [{"id": "w-1", "name": "Ours"}], "total": 1}),
    "list_workflows_kandev": (given(["workspace_id"], workspace_id=ID),
                              shape({"workflows": NAMED, "total": {"type": "integer"}}), workflows),
    "list_tasks_kandev": (given(["workflow_id"], workflow_id=ID),
                          shape({"tasks": {"type": "array", "items": KANDEV_ROW}, "total": {"type": "integer"}}), list_kandev),
    "update_task_kandev": (given(["task_id"], task_id=ID, title=TEXT, description=TEXT), KANDEV_ROW, update_kandev),
    "update_task_state_kandev": (given(["task_id", "state"], task_id=ID, state={"enum": KANDEV_STATES}), KANDEV_ROW, move_kandev),
    "create_task_kandev": (given(["title"], title=TEXT, start_agent={"type": "boolean"}), KANDEV_ROW, None),
}

DIALECTS = {"tasks": TASKS, "tasks-fixed": FIXED, "issues-0.1.12": FIRST_ISSUES, "issues": ISSUES, "indie": INDIE, "kandev": KANDEV,
            "strange": {"echo": (given(message=TEXT), TEXT, lambda shelf, a: a["message"])}}
