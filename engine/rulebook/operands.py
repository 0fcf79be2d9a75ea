"""Checking the operands of a condition: facts, parameters, literals, lists, attributes and functions.

Everything here is a function from a :class:`Scope`, a :class:`Node` and the facts that are known not to be null at that
place, to a :class:`Typed`.  Mistakes are reported to the scope and give ``BAD``, which nobody reports again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.base.errors import Code, did_you_mean
from engine.rulebook.codegen import BAD, NOT, TIGHT, Node, Typed, python_value, tupled
from engine.rulebook.facttypes import SCALARS, FactType
from engine.rulebook.scope import TYPE_MISMATCH, UNGUARDED_NULL, UNKNOWN_FACT, UNSUPPORTED, Check, Known, Scope, kind_of

UNKNOWN_FUNCTION = Code("rule.unknown-function", "a condition calls a function or attribute that rules do not have")
NOT_REPEATABLE = Code("rule.not-repeatable", "a condition reads the clock or draws a random number")
BAD_NUMBER = Code("rule.bad-number", "a number is not written with plain digits, or has too many")
BAD_DATE = Code("rule.bad-date", "a date or time is not valid")
NAIVE_DATETIME = Code("rule.naive-datetime", "a time has no offset from UTC")
PARAMETER_CLASH = Code("rule.parameter-clash", "a parameter has the name of a fact")
PARAMETER_TYPE = Code("rule.parameter-type", "a parameter has a value of a type that conditions do not know")

MOST_DIGITS = 50

_CLOCKS = frozenset(("$now", "$today", "$random"))
_NUMBER = re.compile(r"\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")

#: Attributes of values: Python source around the value, the kind of the result.
_TEXT = {
    "length": ("len({})", "number"),
    "is_empty": ("not {}", "boolean"),
    "as_lower": ("{}.lower()", "string"),
    "as_upper": ("{}.upper()", "string"),
}
_DAY = {"year": ("{}.year", "number"), "month": ("{}.month", "number"), "day": ("{}.day", "number")}
_LIST = {"length": ("len({})", "number"), "is_empty": ("not {}", "boolean")}
_ATTRIBUTES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "string": _TEXT,
    "list": _LIST,
    "date": _DAY,
    "datetime": _DAY,
}

#: Attributes of strings that take one string.
_TEXT_CALLS = {"starts_with": "startswith", "ends_with": "endswith"}
_FUNCTIONS = {"$abs": "exact.abs({})", "$max": "max({})", "$min": "min({})"}
_HABITS = {
    "True": "write true",
    "False": "write false",
    "None": "write null",
    "NULL": "write null",
    "len": "write x.length",
    "lower": "write x.as_lower",
    "upper": "write x.as_upper",
    "startswith": "write x.starts_with(…)",
    "endswith": "write x.ends_with(…)",
    "abs": "write $abs(x)",
    "max": "write $max([x, y])",
    "min": "write $min([x, y])",
    "now": "use a date among the facts",
    "today": "use a date among the facts",
}


def symbol(scope: Scope, node: Node, known: Known) -> Typed:
    """A name: a parameter, a fact of the first level, or one of rule-engine's own, which are barred."""
    name = node.value
    if name in _CLOCKS:
        return scope.report(
            NOT_REPEATABLE,
            node.at,
            f"{name} gives another value each time",
            "the same facts must give the same decision on every day",
            "use a date among the facts",
        )
    if name.startswith("$"):
        mend = did_you_mean(name, _FUNCTIONS)
        return scope.report(UNKNOWN_FUNCTION, node.at, f"there is no {name}", mend=mend)
    fact = scope.facts.child(name)
    if name in scope.parameters:
        if fact is not None:
            return scope.report(
                PARAMETER_CLASH, node.at, f"{name!r} is both a parameter and a fact", mend="rename the parameter"
            )
        return parameter(scope, node, scope.parameters[name])
    if fact is None:
        return scope.report(UNKNOWN_FACT, node.at, f"there is no fact {name!r}", mend=_nearest(scope, name))
    return _fact(scope, node, fact, Typed("object", "f", plain=True), known)


def _nearest(scope: Scope, name: str) -> str:
    """What somebody may have meant by an unknown name."""
    if name in _HABITS:
        return _HABITS[name]
    inside = sorted(path for path, _ in scope.facts.leaves() if path.endswith("." + name))
    if inside:
        return f"did you mean {inside[0]!r}?"
    return did_you_mean(name, [*(fact.name for fact in scope.facts.children), *scope.parameters])


def parameter(scope: Scope, node: Node, value: Any) -> Typed:
    """A parameter, which is a named constant, or a list of them."""
    if isinstance(value, (list, tuple, set, frozenset)):
        members = [parameter(scope, node, member) for member in value]
        kinds = {member.kind for member in members}
        if len(kinds) == 1 and kinds <= SCALARS:
            members.sort(key=lambda member: str(member.value))
            return Typed("list", item=members[0].kind, members=tuple(members), name=node.value)
    else:
        found = python_value(value)
        if found is not None:
            kind, constant = found
            return Typed(kind, constant=True, value=constant, name=node.value)
    return scope.report(
        PARAMETER_TYPE,
        node.at,
        f"parameter {node.value} is a {type(value).__name__}: {value!r}",
        "conditions know finite decimals, integers, strings, booleans, dates, times with offset, and lists of one kind",
    )


def _fact(scope: Scope, node: Node, fact: FactType, holder: Typed, known: Known) -> Typed:
    """A fact inside ``holder``, the root included."""
    path = f"{holder.path}.{fact.name}" if holder.path else fact.name
    item = fact.item.kind if fact.item is not None else ""
    if fact.item is not None and (item not in SCALARS or fact.item.nullable):
        content = "nulls" if fact.item.nullable else f"{item}s"
        return scope.report(
            UNSUPPORTED, node.at, f"{path} may hold {content}", "conditions see lists and mappings of plain values"
        )
    if fact.kind != "object":
        scope.names.add(path)
    source, plain = _reached(scope, holder, lambda inside: f"{inside}.{fact.name}")
    proves = holder.proves | {path}
    return Typed(
        fact.kind,
        source,
        nullable=(fact.nullable or holder.nullable) and path not in known,
        optional=fact.nullable or holder.optional,
        fact=fact,
        path=path,
        proves=proves,
        when_true=proves if fact.kind == "boolean" else frozenset(),
        values=fact.values or (fact.item.values if fact.item is not None else ()),
        whole=fact.whole or (fact.item is not None and fact.item.whole),
        item=item,
        equals=(path, frozenset((True,))) if fact.kind == "boolean" else None,
        plain=plain,
    )


def _reached(scope: Scope, holder: Typed, reach: Callable[[str], str]) -> tuple[str, bool]:
    """Source for something of ``holder`` that is null if ``holder`` is, and whether it is plain."""
    source = scope.source(holder)
    if not holder.nullable:
        return reach(source), holder.plain
    if holder.plain:
        return f"(None if {source} is None else {reach(source)})", False
    return f"(None if (v := {source}) is None else {reach('v')})", False


def attribute(scope: Scope, node: Node, known: Known) -> Typed:
    """Something behind a dot: a fact of an object, or an attribute of a plain value."""
    holder = scope.check(node.parts[0], known)
    if holder.kind == "bad":
        return BAD
    words = scope.words(node.parts[0])
    if holder.kind == "object" and holder.fact is not None:
        fact = holder.fact.child(node.value)
        if fact is None:
            mend = did_you_mean(node.value, [child.name for child in holder.fact.children])
            return scope.report(UNKNOWN_FACT, node.at, f"{words} has no {node.value!r}", mend=mend)
        if holder.nullable and not node.safe:
            mend = f"write {words} != null and …, or {words}&.{node.value}"
            scope.report(UNGUARDED_NULL, node.start, f"{words} may be null", "a dot needs an object before it", mend)
        return _fact(scope, node, fact, holder, known)
    attributes = _ATTRIBUTES.get(holder.kind, {})
    if node.value not in attributes:
        return _no_attribute(scope, node, holder)
    template, kind = attributes[node.value]
    if not node.safe and not scope.value(holder, node.parts[0], f".{node.value}"):
        return BAD
    source, _ = _reached(scope, holder, template.format)
    level = NOT if source.startswith("not ") else TIGHT
    return Typed(
        kind,
        source,
        level,
        nullable=holder.nullable,
        optional=holder.optional,
        proves=holder.proves,
        whole=kind == "number",
    )


def _no_attribute(scope: Scope, node: Node, holder: Typed) -> Typed:
    words = scope.words(node.parts[0])
    names = [*_ATTRIBUTES.get(holder.kind, {}), *(_TEXT_CALLS if holder.kind == "string" else ())]
    if holder.kind == "string" and node.value in _TEXT_CALLS:
        what, mend = f"{node.value} needs a string", f'write {words}.{node.value}("…")'
    else:
        what = f"{words} is {kind_of(holder)} and has no {node.value!r}"
        mend = _HABITS.get(node.value, "") or did_you_mean(node.value, names)
    return scope.report(UNKNOWN_FUNCTION, node.at, what, mend=mend)


def item(scope: Scope, node: Node, known: Known) -> Typed:
    """A value of a mapping, null where the mapping has no such key."""
    holder = scope.check(node.parts[0], known)
    key = node.parts[1]
    if holder.kind == "bad":
        return BAD
    words = scope.words(node.parts[0])
    if holder.kind != "mapping":
        return scope.report(
            UNSUPPORTED, node.start, f"{words} is {kind_of(holder)}, not a mapping", "only mappings have values by key"
        )
    if key.kind != "string":
        return scope.report(
            UNSUPPORTED, key.start, f"{scope.words(key)} is no literal string", mend=f'write {words}&["key"]'
        )
    if not node.safe:
        mend = f"write {words}&[{scope.words(key)}]"
        return scope.report(UNGUARDED_NULL, node.start, f"{words} may have no {scope.words(key)}", mend=mend)
    source, _ = _reached(scope, holder, lambda inside: f"{inside}.get({key.value!r})")
    proof = f"{holder.path}[{key.value!r}]"
    return Typed(
        holder.item,
        source,
        nullable=proof not in known,
        optional=True,
        proves=holder.proves | {proof},
        when_true=holder.proves | {proof} if holder.item == "boolean" else frozenset(),
        whole=holder.whole,
    )


def call(scope: Scope, node: Node, known: Known) -> Typed:
    """A call of one of the few pure functions."""
    function, *arguments = node.parts
    if function.kind == "attribute" and function.value in _TEXT_CALLS:
        return _text_call(scope, function, arguments, known)
    if function.kind == "symbol" and function.value in _FUNCTIONS:
        return _number_call(scope, node, function.value, arguments, known)
    if function.kind == "symbol" and function.value in _CLOCKS:
        return scope.check(function, known)
    name = function.value if function.kind in ("symbol", "attribute") else scope.words(function)
    mend = _HABITS.get(name, "") or did_you_mean(name, [*_FUNCTIONS, *_TEXT_CALLS])
    return scope.report(UNKNOWN_FUNCTION, function.at, f"there is no function {name}", mend=mend)


def _text_call(scope: Scope, function: Node, arguments: list[Node], known: Known) -> Typed:
    name, holder_node = function.value, function.parts[0]
    holder = scope.check(holder_node, known)
    if holder.kind not in ("string", "bad"):
        return _no_attribute(scope, function, holder)
    if len(arguments) != 1:
        return scope.report(
            UNKNOWN_FUNCTION,
            function.at,
            f"{name} takes one string, not {len(arguments)} values",
            mend=f'write {name}("…")',
        )
    text = scope.check(arguments[0], known)
    if not scope.value(holder, holder_node, name) or not scope.value(text, arguments[0], name):
        return BAD
    if text.kind != "string":
        what = f"{name} takes a string, {scope.words(arguments[0])} is {kind_of(text)}"
        return scope.report(TYPE_MISMATCH, arguments[0].start, what)
    return Typed("boolean", f"{scope.source(holder)}.{_TEXT_CALLS[name]}({scope.source(text, 0)})")


def _number_call(scope: Scope, node: Node, name: str, arguments: list[Node], known: Known) -> Typed:
    usage = "$abs(x)" if name == "$abs" else f"{name}([x, y])"
    if len(arguments) != 1 or (name != "$abs" and arguments[0].kind != "list"):
        takes = "one number" if name == "$abs" else "a list in brackets"
        return scope.report(UNKNOWN_FUNCTION, node.start, f"{name} takes {takes}", mend=f"write {usage}")
    argument = scope.check(arguments[0], known)
    if argument.kind == "bad" or not scope.value(argument, arguments[0], name):
        return BAD
    if (argument.kind if name == "$abs" else argument.item) != "number":
        what = f"{name} takes numbers, {scope.words(arguments[0])} is {kind_of(argument)}"
        return scope.report(TYPE_MISMATCH, arguments[0].start, what)
    members = [scope.source(member, 0) for member in argument.members]
    inside = tupled(members) if members else scope.source(argument, 0)
    return Typed("number", _FUNCTIONS[name].format(inside))


def number(scope: Scope, node: Node, known: Known) -> Typed:
    """A number in plain digits."""
    text = node.value
    if not _NUMBER.fullmatch(text) or re.match(r"0\d", text):
        mend = "write plain digits, such as 1000 or 0.05"
        return scope.report(BAD_NUMBER, node.at, f"{text} is not a plain number", mend=mend)
    if sum(sign.isdigit() for sign in text) > MOST_DIGITS:
        what = f"{scope.words(node)} has more than {MOST_DIGITS} digits"
        return scope.report(BAD_NUMBER, node.at, what)
    return Typed("number", constant=True, value=Decimal(text))


def day(scope: Scope, node: Node, known: Known) -> Typed:
    """A date or a time with its offset: ``d"2026-01-31"``, ``d"2026-01-31T10:00:00+01:00"``."""
    text = node.value
    found = _DATETIME.fullmatch(text)
    if found is not None and found[4] is None:
        return scope.report(
            NAIVE_DATETIME,
            node.at,
            f"{text} has no offset from UTC",
            "without one it is another moment in every zone",
            f'write d"{text}Z", or d"{found[1]}" for the day',
        )
    try:
        if _DATE.fullmatch(text):
            return Typed("date", constant=True, value=date.fromisoformat(text))
        if found is not None:
            return Typed("datetime", constant=True, value=datetime.fromisoformat(text))
    except ValueError as error:
        return scope.report(BAD_DATE, node.at, f"{text!r} is no date: {error}")
    return scope.report(
        BAD_DATE, node.at, f"{text!r} is no date", mend='write d"2026-01-31" or d"2026-01-31T10:00:00Z"'
    )


def listed(scope: Scope, node: Node, known: Known) -> Typed:
    """A list in brackets: plain values of one kind, none of them null."""
    if not node.parts:
        return scope.report(UNSUPPORTED, node.start, "the list is empty", "nothing is in it", "name at least one value")
    members = [(part, scope.check(part, known)) for part in node.parts]
    given = [scope.value(typed, part, "a list") for part, typed in members]
    if not all(given):
        return BAD
    first = members[0][1]
    for part, typed in members:
        if typed.kind not in SCALARS:
            return scope.report(
                UNSUPPORTED, part.start, f"{scope.words(part)} is {kind_of(typed)}", "a list holds plain values"
            )
        if typed.kind != first.kind:
            what = f"{scope.words(part)} is {kind_of(typed)}, {scope.words(node.parts[0])} is {kind_of(first)}"
            return scope.report(TYPE_MISMATCH, part.start, what, "a list holds values of one kind")
    if all(typed.constant for _, typed in members):
        return Typed("list", item=first.kind, members=tuple(typed for _, typed in members))
    return Typed("list", tupled([scope.source(typed, 0) for _, typed in members]), item=first.kind)


OPERANDS: Mapping[str, Check] = {
    "symbol": symbol,
    "attribute": attribute,
    "item": item,
    "call": call,
    "number": number,
    "string": lambda scope, node, known: Typed("string", constant=True, value=node.value),
    "boolean": lambda scope, node, known: Typed("boolean", constant=True, value=node.value),
    "null": lambda scope, node, known: Typed("null", constant=True, nullable=True, optional=True),
    "date": day,
    "list": listed,
}
