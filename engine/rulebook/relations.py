"""Checking how a condition relates two operands: equality, order, membership, patterns.

Null equals nothing but null and is in no list; order and patterns need values.  Values of different kinds are never
related, because rule-engine would find them silently unequal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.base.errors import Code, did_you_mean
from engine.rulebook import pattern
from engine.rulebook.codegen import BAD, COMPARISON, TIGHT, Node, Typed, digest
from engine.rulebook.facttypes import SCALARS
from engine.rulebook.scope import (
    TYPE_MISMATCH,
    UNCLEAR_DEFAULT,
    UNGUARDED_NULL,
    UNKNOWN_FACT,
    UNSUPPORTED,
    Check,
    Known,
    Scope,
    kind_of,
)

NOT_ORDERABLE = Code("rule.not-orderable", "a condition orders values that have no order")
IMPOSSIBLE_VALUE = Code("rule.impossible-value", "a fact is compared with a value that it can never have")
NEVER_NULL = Code("rule.never-null", "a condition treats as null what is never null")
PATTERN_NOT_LITERAL = Code("rule.pattern-not-literal", "a regular expression is not written as a literal string")
BAD_PATTERN = Code("rule.bad-pattern", "a regular expression is not valid")
UNBOUNDED_PATTERN = Code("rule.unbounded-pattern", "a regular expression could take unbounded time")

_ORDERABLE = frozenset(("number", "date", "datetime", "string"))


def equality(scope: Scope, node: Node, known: Known) -> Typed:
    """``==`` and ``!=`` between values of one kind, or with null."""
    quote_bare_words(scope, node.parts[0], node.parts[1:], known)
    quote_bare_words(scope, node.parts[1], node.parts[:1], known)
    (left_node, left), (right_node, right) = checked(scope, node, known)
    if "bad" in (left.kind, right.kind):
        return BAD
    if right.kind == "null":
        return _null(scope, node, left_node, left)
    if left.kind == "null":
        return _null(scope, node, right_node, right)
    if not same_kind(scope, left_node, left, right_node, right):
        return BAD
    if left.kind not in SCALARS:
        what = f"{scope.words(left_node)} is {kind_of(left)}"
        mend = 'ask for one value, such as "…" in codes' if left.kind == "list" else "compare what is inside it"
        return scope.report(UNSUPPORTED, node.start, what, "only plain values are compared", mend)
    possible = [_possible(scope, left, right, right_node), _possible(scope, right, left, left_node)]
    if not all(possible):
        return BAD
    source = f"{scope.source(left, TIGHT, right.whole)} {node.value} {scope.source(right, TIGHT, left.whole)}"
    proves: Known = frozenset()
    if not right.nullable:
        proves |= left.proves
    if not left.nullable:
        proves |= right.proves
    if node.value == "!=":
        return Typed("boolean", source, COMPARISON, when_false=proves)
    equals = None
    if left.path and right.constant:
        equals = (left.path, frozenset((right.value,)))
    elif right.path and left.constant:
        equals = (right.path, frozenset((left.value,)))
    return Typed("boolean", source, COMPARISON, when_true=proves, equals=equals)


def quote_bare_words(scope: Scope, node: Node, others: Iterable[Node], known: Known) -> None:
    """Reports words that stand without quotes where a text is compared: ``segment == enterprise``."""
    for other in others if node.kind != "string" else ():
        if other.kind != "symbol" or other.value.startswith("$") or other.value in scope.parameters:
            continue
        if scope.facts.child(other.value) is None and scope.check(node, known).kind == "string":
            what = f"there is no fact {other.value!r}"
            scope.report(UNKNOWN_FACT, other.at, what, mend=f'write "{other.value}" with quotes for a text')


def checked(scope: Scope, node: Node, known: Known) -> tuple[tuple[Node, Typed], tuple[Node, Typed]]:
    """Both parts of a node, each with its type."""
    left, right = node.parts
    return (left, scope.check(left, known)), (right, scope.check(right, known))


def _null(scope: Scope, node: Node, other_node: Node, other: Typed) -> Typed:
    words = scope.words(other_node)
    if not other.optional or other.kind == "null":
        return scope.report(
            NEVER_NULL,
            other_node.start,
            f"{words} is never null" if other.kind != "null" else "null is always null",
            "the comparison would always give the same",
            "leave it out",
        )
    same = node.value == "=="
    if other.path:
        scope.names.add(other.path)
    source = scope.source(other)
    return Typed(
        "boolean",
        f"{source} {'is' if same else 'is not'} None",
        COMPARISON,
        opposite=f"{source} {'is not' if same else 'is'} None",
        when_true=frozenset() if same else other.proves,
        when_false=other.proves if same else frozenset(),
        equals=(other.path, frozenset((None,))) if same and other.path and other.kind in SCALARS else None,
    )


def same_kind(scope: Scope, left_node: Node, left: Typed, right_node: Node, right: Typed) -> bool:
    """Whether two values are of one kind; a finding at the constant of them where they are not."""
    if left.kind == right.kind:
        return True
    (node, typed), (_, other) = (right_node, right), (left_node, left)
    if left.constant and not right.constant:
        (node, typed), (_, other) = (left_node, left), (right_node, right)
    what = f"{scope.words(left_node)} is {kind_of(left)}, {scope.words(right_node)} is {kind_of(right)}"
    mend = converted(typed, other.kind) if typed.constant else ""
    scope.report(TYPE_MISMATCH, node.start, what, "values of different kinds are never equal and have no order", mend)
    return False


def converted(constant: Typed, kind: str) -> str:
    """How a constant would be written as another kind, if it can be."""
    value = constant.value
    if constant.kind == "string" and kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return f"write {value} without quotes"
    if constant.kind == "string" and kind == "date" and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return f'write d"{value}"'
    if constant.kind == "string" and kind == "boolean" and value.lower() in ("true", "false"):
        return f"write {value.lower()} without quotes"
    if constant.kind == "number" and kind == "string":
        return f'write "{value}"'
    if constant.kind == "date" and kind == "datetime":
        return f'write a moment, such as d"{value}T00:00:00Z"'
    return ""


def _possible(scope: Scope, typed: Typed, constant: Typed, node: Node) -> bool:
    """Whether a string of known values can equal a constant."""
    if not (typed.values and constant.constant) or constant.value in typed.values:
        return True
    what = f"{typed.path or 'it'} is never {constant.value!r}"
    mend = did_you_mean(constant.value, typed.values)
    scope.report(IMPOSSIBLE_VALUE, node.start, what, f"it is one of {', '.join(typed.values)}", mend)
    return False


def order(scope: Scope, node: Node, known: Known) -> Typed:
    """``<``, ``<=``, ``>`` and ``>=`` between numbers, dates, times or strings."""
    (left_node, left), (right_node, right) = checked(scope, node, known)
    if "bad" in (left.kind, right.kind):
        return BAD
    for at, typed in ((left_node, left), (right_node, right)):
        if typed.kind != "null" and (typed.kind not in _ORDERABLE or typed.values):
            what = f"{scope.words(at)} is {kind_of(typed)}"
            if typed.values:
                what = f"{scope.words(at)} is one of {', '.join(typed.values)}"
            mend = "compare with == or in" if typed.kind in SCALARS else ""
            return scope.report(
                NOT_ORDERABLE, at.start, what, f"{node.value} needs numbers, dates, times or strings", mend
            )
    given = [scope.value(left, left_node, node.value), scope.value(right, right_node, node.value)]
    if not all(given) or not same_kind(scope, left_node, left, right_node, right):
        return BAD
    source = f"{scope.source(left, TIGHT, right.whole)} {node.value} {scope.source(right, TIGHT, left.whole)}"
    return Typed("boolean", source, COMPARISON)


def contains(scope: Scope, node: Node, known: Known) -> Typed:
    """``x in y``, where ``y`` is a list, a string that may hold ``x``, or a mapping that may have the key ``x``."""
    container_node, member_node = node.parts
    if member_node.kind == "coalesce" and not member_node.grouped:
        words = scope.words(member_node)
        mend = f"write ({words}) not in {scope.words(container_node)}"
        return scope.report(UNCLEAR_DEFAULT, node.start, f"{scope.words(node)} can be read in two ways", mend=mend)
    quote_bare_words(scope, member_node, container_node.parts if container_node.kind == "list" else (), known)
    member, container = scope.check(member_node, known), scope.check(container_node, known)
    if "bad" in (member.kind, container.kind) or not scope.value(container, container_node, "in"):
        return BAD
    kind = {"list": container.item, "mapping": "string", "string": "string"}.get(container.kind)
    words = scope.words(container_node)
    if kind is None:
        return scope.report(
            TYPE_MISMATCH,
            container_node.start,
            f"{words} is {kind_of(container)}",
            "in needs a list, a string or a mapping",
        )
    if member.kind == "null":
        return scope.report(UNGUARDED_NULL, member_node.start, "null is in no list", mend="write x == null")
    if member.kind != kind:
        holds = f"{words} is a string" if container.kind == "string" else f"{words} holds {kind}s"
        what = f"{scope.words(member_node)} is {kind_of(member)}, {holds}"
        return scope.report(TYPE_MISMATCH, member_node.start, what, "values of different kinds are never equal")
    if container.kind == "string" and not scope.value(member, member_node, "in"):
        return BAD
    if not _members_possible(scope, container_node, container, member):
        return BAD
    if container.kind == "list" and not _possible(scope, container, member, member_node):
        return BAD
    equals = None
    if member.path and container.members:
        equals = (member.path, frozenset(each.value for each in container.members))
    right = scope.source(container)
    if container.members:
        right = scope.constants.members(container.members, member.whole)
    left = scope.source(member, TIGHT, container.whole)
    opposite = f"{left} not in {right}"
    return Typed("boolean", f"{left} in {right}", COMPARISON, when_true=member.proves, equals=equals, opposite=opposite)


def _members_possible(scope: Scope, node: Node, container: Typed, member: Typed) -> bool:
    nodes = node.parts if node.kind == "list" and container.members else (node,) * len(container.members)
    possible = [_possible(scope, member, each, at) for at, each in zip(nodes, container.members, strict=True)]
    return all(possible)


def match(scope: Scope, node: Node, known: Known) -> Typed:
    """``=~`` from the start of a string, ``=~~`` anywhere in it, ``!~`` and ``!~~`` for the opposite."""
    (left_node, left), (right_node, right) = checked(scope, node, known)
    if "bad" in (left.kind, right.kind):
        return BAD
    fine = scope.value(left, left_node, node.value)
    if fine and left.kind != "string":
        what = f"{scope.words(left_node)} is {kind_of(left)}"
        scope.report(TYPE_MISMATCH, left_node.start, what, f"{node.value} needs a string")
        fine = False
    if right_node.kind != "string":
        what = f"{scope.words(right_node)} is no literal pattern"
        scope.report(
            PATTERN_NOT_LITERAL,
            right_node.start,
            what,
            "patterns are checked when rules are loaded",
            f'write {node.value} r"…"',
        )
        return BAD
    text, search = right_node.value, node.value.endswith("~~")
    mistake = pattern.mistake(text)
    if mistake:
        return scope.report(BAD_PATTERN, right_node.start, f"the pattern is not valid: {mistake}")
    risk = pattern.risk(text, search)
    if risk:
        return scope.report(
            UNBOUNDED_PATTERN,
            right_node.start,
            f"the pattern could take too long: {risk}",
            "a rule must answer at once for every text",
            "use plain characters, classes, branches and limited repeats such as {1,8}",
        )
    if not fine:
        return BAD
    name = scope.constants.bind("r", digest(text), re.compile(text))
    method = "search" if search else "match"
    outcome = "is not None" if node.value.startswith("=") else "is None"
    return Typed("boolean", f"{name}.{method}({scope.source(left, 0)}) {outcome}", COMPARISON)


RELATIONS: Mapping[str, Check] = {"equality": equality, "order": order, "contains": contains, "match": match}
