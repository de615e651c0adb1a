"""Cuts GitHub's GraphQL schema down to the types that are asked about.

    cut_graphql.py schema.graphql cut.graphql

Kept are the types below with each field of theirs that leads to no others but scalars and enums, and no prose. What is
kept is as GitHub publishes it. (Published as it is, the schema is none: a type that is not kept here has a field twice.)
"""

import sys
from dataclasses import replace

from graphql import parse, print_ast
from graphql.language import ast

TYPES = {
    "AutoMergeRequest",
    "CheckRun",
    "CheckSuite",
    "ClosePullRequestInput",
    "ClosePullRequestPayload",
    "Commit",
    "CreatePullRequestInput",
    "CreatePullRequestPayload",
    "DequeuePullRequestInput",
    "DequeuePullRequestPayload",
    "DisablePullRequestAutoMergeInput",
    "DisablePullRequestAutoMergePayload",
    "EnablePullRequestAutoMergeInput",
    "EnablePullRequestAutoMergePayload",
    "EnqueuePullRequestInput",
    "EnqueuePullRequestPayload",
    "GitObject",
    "IssueOrder",
    "MarkPullRequestReadyForReviewInput",
    "MarkPullRequestReadyForReviewPayload",
    "MergePullRequestInput",
    "MergePullRequestPayload",
    "MergeQueueEntry",
    "Mutation",
    "PageInfo",
    "PullRequest",
    "PullRequestCommit",
    "PullRequestCommitConnection",
    "PullRequestConnection",
    "PullRequestTimelineItems",
    "PullRequestTimelineItemsConnection",
    "Query",
    "RateLimit",
    "Ref",
    "RemovedFromMergeQueueEvent",
    "Repository",
    "RepositoryOwner",
    "StatusCheckRollup",
    "StatusCheckRollupContext",
    "StatusCheckRollupContextConnection",
    "StatusContext",
    "User",
}
PLAIN = (ast.ScalarTypeDefinitionNode, ast.EnumTypeDefinitionNode)
BUILT_IN = {"Boolean", "Float", "ID", "Int", "String"}


def named(node):
    """The name of a type without its brackets and exclamation marks."""
    while not isinstance(node, ast.NamedTypeNode):
        node = node.type
    return node.name.value


def without_prose(node):
    """A definition, or a part of one, without descriptions and directives."""
    values = {"values": tuple(map(without_prose, node.values))} if getattr(node, "values", ()) else {}
    return replace(node, description=None, directives=(), **values)


def of_known(nodes, known):
    """Those parts of a definition whose types are known."""
    return tuple(without_prose(node) for node in nodes or () if named(node.type) in known)


def cut(node, known):
    """A type with those fields, arguments, interfaces and members alone whose types are known."""
    if isinstance(node, ast.UnionTypeDefinitionNode):
        return replace(without_prose(node), types=tuple(member for member in node.types if named(member) in known))
    if isinstance(node, ast.InputObjectTypeDefinitionNode):
        return replace(without_prose(node), fields=of_known(node.fields, known))
    fields = [replace(field, arguments=of_known(field.arguments, known)) for field in of_known(node.fields, known)]
    interfaces = tuple(interface for interface in node.interfaces or () if named(interface) in known)
    return replace(without_prose(node), fields=tuple(fields), interfaces=interfaces)


def reached(definitions):
    """All names of types that definitions speak of."""
    found = set()
    for node in definitions:
        for field in getattr(node, "fields", ()):
            found.add(named(field.type))
            found.update(named(argument.type) for argument in getattr(field, "arguments", ()))
    return found


def main(source, target):
    with open(source, encoding="utf-8") as file:
        document = parse(file.read(), no_location=True)
    types = [node for node in document.definitions if isinstance(node, ast.TypeDefinitionNode)]
    plain = {node.name.value for node in types if isinstance(node, PLAIN)}
    missing = TYPES - {node.name.value for node in types}
    if missing:
        sys.exit(f"GitHub's schema has no {', '.join(sorted(missing))}")
    kept = [cut(node, TYPES | plain | BUILT_IN) for node in types if node.name.value in TYPES]
    wanted = reached(kept)
    kept += [without_prose(node) for node in types if isinstance(node, PLAIN) and node.name.value in wanted]
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n\n".join(map(print_ast, kept)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
