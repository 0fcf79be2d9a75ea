"""Checking how a condition combines what it knows: logic, arithmetic, choices, defaults; and the table of all checks.

The checks follow which facts cannot be null where: ``x != null and x > 5`` is fine, ``x > 5`` alone is not when ``x``
may be null.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.base.errors import Code
from engine.rulebook.codegen import AND, BAD, CHOICE, COMPARISON, EXACT, NOT, OR, Node, Typed
from engine.rulebook.facttypes import SCALARS
from engine.rulebook.operands import OPERANDS
from engine.rulebook.relations import NEVER_NULL, RELATIONS, checked, converted, same_kind
from engine.rulebook.scope import (
    TYPE_MISMATCH,
    UNCLEAR_DEFAULT,
    UNGUARDED_NULL,
    UNSUPPORTED,
    Check,
    Known,
    Scope,
    kind_of,
)

NOT_BOOLEAN = Code("rule.not-boolean", "a value that is neither true nor false stands where a condition is needed")
NOT_NUMBER = Code("rule.not-number", "a value that is no number stands where a formula is needed")
COMPREHENSION = Code("rule.comprehension", "a condition has a comprehension")
DIVISION_BY_ZERO = Code("rule.division-by-zero", "a condition divides by the constant zero")

_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "remainder"}
#: What may stand beside ``??`` without brackets: everything that binds tighter than any operator, and another ``??``.
_BESIDE_DEFAULT = frozenset((*OPERANDS, "minus", "coalesce"))


def condition(scope: Scope, node: Node) -> Typed:
    """The type of a whole condition, which must be true or false for all facts; ``BAD`` where it is not."""
    typed = scope.check(node, frozenset())
    return typed if _truth(scope, typed, node, "a condition") else BAD


def amount(scope: Scope, node: Node) -> Typed:
    """The type of a whole formula, which must be a number for all facts; ``BAD`` where it is not."""
    typed = scope.check(node, frozenset())
    if typed.kind == "bad":
        return BAD
    if typed.kind != "number":
        what = f"{scope.words(node)} is {kind_of(typed)}"
        return scope.report(NOT_NUMBER, node.start, what, "a formula must be a number", "compute a number")
    return typed if scope.value(typed, node, "a formula") else BAD


def parts(node: Node, typed: Typed) -> tuple[tuple[Node, Typed], ...]:
    """The parts of a condition that ``and`` joins at the top, itself if there are none."""
    return typed.conjuncts or ((node, typed),)


def _truth(scope: Scope, typed: Typed, node: Node, place: str) -> bool:
    if typed.kind == "bad":
        return False
    words = scope.words(node)
    if typed.kind != "boolean":
        mend = f"compare it, such as {words} == …" if typed.path and typed.kind in SCALARS else ""
        scope.report(NOT_BOOLEAN, node.start, f"{words} is {kind_of(typed)}", f"{place} must be true or false", mend)
        return False
    if typed.nullable:
        mend = f"write {words} == true, or ({words} ?? false)"
        scope.report(UNGUARDED_NULL, node.start, f"{words} may be null", f"{place} must be true or false", mend)
        return False
    return True


def logic(scope: Scope, node: Node, known: Known) -> Typed:
    """``and`` and ``or``: what the left side has proved when the right one is reached holds there."""
    left_node, right_node = node.parts
    joins = node.value == "and"
    left = scope.check(left_node, known)
    right = scope.check(right_node, known | (left.when_true if joins else left.when_false))
    fine = [_truth(scope, left, left_node, node.value), _truth(scope, right, right_node, node.value)]
    if not all(fine):
        return BAD
    level = AND if joins else OR
    source = f"{scope.source(left, level)} {node.value} {scope.source(right, level)}"
    if joins:
        conjuncts = parts(left_node, left) + parts(right_node, right)
        when_true, when_false = left.when_true | right.when_true, left.when_false & right.when_false
    else:
        conjuncts = ()
        when_true, when_false = left.when_true & right.when_true, left.when_false | right.when_false
    return Typed("boolean", source, level, when_true=when_true, when_false=when_false, conjuncts=conjuncts)


def negation(scope: Scope, node: Node, known: Known) -> Typed:
    """``not x`` and ``x not in y``."""
    inside = node.parts[0]
    typed = scope.check(inside, known)
    if not _truth(scope, typed, inside, "not"):
        return BAD
    if typed.opposite:
        source, level = typed.opposite, COMPARISON
    else:
        source, level = f"not {scope.source(typed, NOT)}", NOT
    equals = None
    if typed.fact is not None and typed.equals is not None:
        equals = (typed.path, frozenset((False,)))
    return Typed("boolean", source, level, when_true=typed.when_false, when_false=typed.when_true, equals=equals)


def arithmetic(scope: Scope, node: Node, known: Known) -> Typed:
    """``+ - * / %`` between numbers, in the one decimal context of conditions; constants are computed at once."""
    method = _ARITHMETIC.get(node.value)
    if method is None:
        return scope.report(
            UNSUPPORTED, node.at, f"{node.value} is not part of the rule language", mend="use + - * / or %"
        )
    sides = checked(scope, node, known)
    fine = [_number(scope, at, typed, node.value) for at, typed in sides]
    if not all(fine):
        return BAD
    (_, left), (right_node, right) = sides
    if node.value in "/%" and right.constant and not right.value:
        return scope.report(DIVISION_BY_ZERO, right_node.start, f"{scope.words(node)} divides by zero")
    if left.constant and right.constant:
        return Typed("number", constant=True, value=getattr(EXACT, method)(left.value, right.value))
    return Typed("number", f"exact.{method}({scope.source(left, 0)}, {scope.source(right, 0)})")


def _number(scope: Scope, node: Node, typed: Typed, operator: str) -> bool:
    if typed.kind == "bad" or not scope.value(typed, node, operator):
        return False
    if typed.kind == "number":
        return True
    what = f"{scope.words(node)} is {kind_of(typed)}"
    mend = converted(typed, "number") if typed.constant else ""
    scope.report(TYPE_MISMATCH, node.start, what, f"{operator} needs numbers", mend)
    return False


def minus(scope: Scope, node: Node, known: Known) -> Typed:
    """A number with the opposite sign."""
    typed = scope.check(node.parts[0], known)
    if not _number(scope, node.parts[0], typed, "-"):
        return BAD
    if typed.constant:
        return Typed("number", constant=True, value=EXACT.minus(typed.value))
    return Typed("number", f"exact.minus({scope.source(typed, 0)})")


def choice(scope: Scope, node: Node, known: Known) -> Typed:
    """``condition ? this : that``, two plain values of one kind."""
    test_node, this_node, that_node = node.parts
    test = scope.check(test_node, known)
    fine = _truth(scope, test, test_node, "what stands before ?")
    this, that = scope.check(this_node, known | test.when_true), scope.check(that_node, known | test.when_false)
    if not fine or not _alternatives(scope, this_node, this, that_node, that):
        return BAD
    source = f"{scope.source(this, OR)} if {scope.source(test, OR)} else {scope.source(that, CHOICE)}"
    return _either(this, that, source, this.nullable or that.nullable, this.optional or that.optional)


def coalesce(scope: Scope, node: Node, known: Known) -> Typed:
    """``x ?? y``: ``x``, or ``y`` where ``x`` is null.  It binds so loosely that other operators need brackets."""
    left_node, right_node = node.parts
    (_, left), (_, right) = checked(scope, node, known)
    for side in node.parts:
        if side.kind not in _BESIDE_DEFAULT and not side.grouped:
            return _unclear(scope, node, side)
    if not _alternatives(scope, left_node, left, right_node, right):
        return BAD
    if not left.optional:
        what = f"{scope.words(left_node)} is never null"
        return scope.report(NEVER_NULL, left_node.start, what, "?? would never use its right side", "leave ?? out")
    value, default = scope.source(left), scope.source(right, CHOICE)
    if left.plain:
        source = f"{value} if {value} is not None else {default}"
    else:
        source = f"v if (v := {value}) is not None else {default}"
    return _either(left, right, source, right.nullable, right.optional)


def _unclear(scope: Scope, node: Node, side: Node) -> Typed:
    left, right = map(scope.words, node.parts)
    why = f"?? binds looser than other operators: it means {left} ?? ({right})"
    if side is node.parts[0]:
        why = f"?? binds looser than other operators: it means ({left}) ?? {right}"
    words = [scope.words(part) for part in side.parts]
    operator = side.value
    if side.kind == "contains":
        words, operator = words[::-1], "in"
    mend = "put brackets around ?? and its two sides"
    if len(words) == 2 and operator is not None:
        first, second = f"({left} ?? {words[0]})", words[1]
        if side is node.parts[0]:
            first, second = words[0], f"({words[1]} ?? {right})"
        mend = f"write {first} {operator} {second}"
    return scope.report(UNCLEAR_DEFAULT, node.start, f"{scope.words(node)} can be read in two ways", why, mend)


def _alternatives(scope: Scope, this_node: Node, this: Typed, that_node: Node, that: Typed) -> bool:
    """Whether two nodes can stand for each other: plain values of one kind, or null."""
    if "bad" in (this.kind, that.kind):
        return False
    for node, typed in ((this_node, this), (that_node, that)):
        if typed.kind not in SCALARS and typed.kind != "null":
            scope.report(
                UNSUPPORTED, node.start, f"{scope.words(node)} is {kind_of(typed)}", "only plain values can be chosen"
            )
            return False
    return "null" in (this.kind, that.kind) or same_kind(scope, this_node, this, that_node, that)


def _either(this: Typed, that: Typed, source: str, nullable: bool, optional: bool) -> Typed:
    kind = that.kind if this.kind == "null" else this.kind
    known = [(typed.value,) if typed.constant and typed.kind == "string" else typed.values for typed in (this, that)]
    values = tuple(dict.fromkeys((*known[0], *known[1]))) if kind == "string" and all(known) else ()
    whole = this.whole and that.whole
    return Typed(kind, source, CHOICE, nullable=nullable, optional=optional, values=values, whole=whole)


def barred(scope: Scope, node: Node, known: Known) -> Typed:
    """What rule-engine can parse and rules do not have."""
    what, mend = node.value
    return scope.report(UNSUPPORTED, node.start, f"{what} is not part of the rule language", mend=mend)


def comprehension(scope: Scope, node: Node, known: Known) -> Typed:
    """``[x for x in y]``."""
    why = "its work grows with the facts, and rules must answer at once"
    return scope.report(
        COMPREHENSION, node.start, "a comprehension is not part of the rule language", why, "write x in y"
    )


TABLE: Mapping[str, Check] = {
    **OPERANDS,
    **RELATIONS,
    "logic": logic,
    "not": negation,
    "arithmetic": arithmetic,
    "minus": minus,
    "choice": choice,
    "coalesce": coalesce,
    "barred": barred,
    "comprehension": comprehension,
}
