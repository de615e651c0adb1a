"""Cuts GitHub's OpenAPI description down to the operations that the forge uses, as plain JSON Schema.

    cut_openapi.py api.github.com.json api.json

Kept are the operations below with everything they refer to, one example of each good answer, and no prose. The one
difference between an OpenAPI 3.0 schema and JSON Schema that occurs, `nullable`, is rewritten.
"""

import json
import sys

REPO = "/repos/{owner}/{repo}"
OPERATIONS = [
    ("get", "/user"),
    ("get", REPO),
    ("get", REPO + "/branches/{branch}"),
    ("get", REPO + "/branches/{branch}/protection"),
    ("get", REPO + "/rules/branches/{branch}"),
    ("get", REPO + "/pulls"),
    ("post", REPO + "/pulls"),
    ("get", REPO + "/pulls/{pull_number}"),
    ("patch", REPO + "/pulls/{pull_number}"),
    ("put", REPO + "/pulls/{pull_number}/merge"),
    ("put", REPO + "/pulls/{pull_number}/merge-async"),
    ("get", REPO + "/pulls/{pull_number}/merge-async/{uuid}"),
    ("post", REPO + "/pulls/{pull_number}/requested_reviewers"),
    ("get", REPO + "/pulls/{pull_number}/reviews"),
    ("get", REPO + "/pulls/{pull_number}/reviews/{review_id}/comments"),
    ("get", REPO + "/collaborators/{username}/permission"),
    ("get", REPO + "/rulesets/{ruleset_id}"),
    ("get", REPO + "/issues"),
    ("get", REPO + "/issues/{issue_number}/dependencies/blocked_by"),
    ("get", REPO + "/issues/{issue_number}/sub_issues"),
    ("post", REPO + "/issues/{issue_number}/labels"),
    ("delete", REPO + "/issues/{issue_number}/labels/{name}"),
    ("get", REPO + "/issues/{issue_number}/comments"),
    ("post", REPO + "/issues/{issue_number}/comments"),
    ("patch", REPO + "/issues/comments/{comment_id}"),
    ("get", REPO + "/commits/{ref}/check-runs"),
    ("get", REPO + "/commits/{ref}/status"),
    ("get", REPO + "/actions/runs"),
    ("get", REPO + "/actions/runs/{run_id}/jobs"),
    ("get", REPO + "/actions/jobs/{job_id}/logs"),
    ("post", REPO + "/actions/runs/{run_id}/rerun-failed-jobs"),
]
PROSE = {"description", "summary", "externalDocs", "x-github", "tags", "title"}


def at(document, reference):
    """What a local reference stands for."""
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def resolved(document, value):
    return at(document, value["$ref"]) if "$ref" in value else value


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def schema(value, names_properties=False):
    """A schema without prose and examples, and with `null` as a type."""
    if isinstance(value, list):
        return [schema(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if names_properties:
        return {name: schema(inner) for name, inner in value.items()}
    made = {}
    for key, inner in value.items():
        if key in PROSE or key in ("example", "examples", "nullable", "discriminator"):
            continue
        made[key] = inner if key in ("enum", "required", "default") else schema(inner, key == "properties")
    if value.get("nullable") is not True:
        return made
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
        return made
    return {"anyOf": [made, {"type": "null"}]}


def media(answer):
    return answer.get("content", {}).get("application/json", {})


def operation(document, described):
    parameters = [resolved(document, parameter) for parameter in described.get("parameters", [])]
    query = {p["name"]: schema(p["schema"]) for p in parameters if p["in"] == "query"}
    made = {"query": query, "answers": {}}
    body = media(described.get("requestBody", {}))
    if body:
        made["body"] = schema(body["schema"])
        made["body_required"] = described["requestBody"].get("required", False)
    for status, answer in described["responses"].items():
        content = media(resolved(document, answer))
        kept = {}
        if "schema" in content:
            kept["schema"] = schema(content["schema"])
        for example in list(content.get("examples", {}).values())[:1]:
            kept["example"] = resolved(document, example)["value"]
        made["answers"][status] = kept
    return made


def main(source, target):
    with open(source, encoding="utf-8") as file:
        document = json.load(file)
    paths, schemas = {}, {}
    for method, path in OPERATIONS:
        paths.setdefault(path, {})[method] = operation(document, document["paths"][path][method])
    wanted = list(references(paths))
    while wanted:
        reference = wanted.pop()
        name = reference.removeprefix("#/components/schemas/")
        if name not in schemas:
            schemas[name] = schema(at(document, reference))
            wanted.extend(references(schemas[name]))
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"paths": paths, "components": {"schemas": schemas}}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
