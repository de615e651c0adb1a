"""GitHub's own description of its REST API as a judge: of what is asked, and of what is answered.

Knows nothing of what the operations do.
"""

import json

from jsonschema import Draft7Validator

# GitHub takes slashes inside these parts of a path.
GREEDY = {"{ref}", "{branch}"}


class Operation:
    """One method of one path."""

    def __init__(self, name, described, components):
        self.name = name
        self.described = described
        self.components = components
        self.validators = {}

    def _violations(self, key, schema, value):
        if key not in self.validators:
            self.validators[key] = Draft7Validator({**schema, "components": self.components})
        return [
            f"{self.name} {key} at {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in self.validators[key].iter_errors(value)
        ]

    def judge_request(self, query, body):
        """What is wrong with a request; `query` maps names to texts, `body` is None when there is none."""
        found = []
        for name, text in query.items():
            schema = self.described["query"].get(name)
            if schema is None:
                found.append(f"{self.name} query: there is no parameter {name}")
                continue
            value = int(text) if schema.get("type") == "integer" and text.isdigit() else text
            found += self._violations(f"query {name}", schema, value)
        if body is None and self.described.get("body_required"):
            found.append(f"{self.name} body: it is missing")
        if body is not None:
            if "body" not in self.described:
                found.append(f"{self.name} body: there is to be none")
            else:
                found += self._violations("body", self.described["body"], body)
        return found

    def judge_answer(self, status, body):
        """What is wrong with an answer."""
        answer = self.described["answers"].get(str(status))
        if answer is None:
            return [f"{self.name}: the status {status} is not documented"]
        if "schema" in answer:
            return self._violations(f"answer {status}", answer["schema"], body)
        return []

    def example(self, status):
        """GitHub's example of an answer, as a copy."""
        return json.loads(json.dumps(self.described["answers"][str(status)]["example"]))


class Contract:
    """All operations that are used."""

    def __init__(self, file):
        with open(file, encoding="utf-8") as text:
            document = json.load(text)
        self.operations = []
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                operation = Operation(f"{method.upper()} {path}", described, document["components"])
                self.operations.append((method.upper(), path.strip("/").split("/"), operation))

    def find(self, method, path):
        """The operation that a request is about and the values of its path's parts; none when there is none."""
        given = path.strip("/").split("/")
        # Plain parts come before those that stand for anything, and more of them before fewer.
        for wanted_method, parts, operation in sorted(self.operations, key=lambda o: (-len(o[1]), "/".join(o[1]))):
            values = matched(parts, given) if wanted_method == method else None
            if values is not None:
                return operation, values
        return None

    def named(self, name):
        """The operation of this name: `GET /user`."""
        return next(operation for _, _, operation in self.operations if operation.name == name)


def matched(parts, given):
    greedy = next((at for at, part in enumerate(parts) if part in GREEDY), None)
    more = len(given) - len(parts)
    if more < 0 or (more > 0 and greedy is None):
        return None
    values, at = {}, 0
    for number, part in enumerate(parts):
        width = more + 1 if number == greedy else 1
        text = "/".join(given[at : at + width])
        at += width
        if part.startswith("{"):
            values[part[1:-1]] = text
        elif part != text:
            return None
    return values
