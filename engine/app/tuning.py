"""Parameters of a rule book as the desk of tuning sees them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.rulebook.parameters import Parameter
from engine.rulebook.rulebook import RuleBook
from engine.runs.tune.values import SUFFIX, Sheet, as_bound, plain


def sheets(book: RuleBook) -> list[Sheet]:
    """Every parameter, by rule set and name."""
    return [
        _sheet(name, parameter)
        for name, ruleset in sorted(book.rulesets.items())
        for parameter in sorted(ruleset.parameters.values(), key=lambda one: one.name)
    ]


def _sheet(ruleset: str, one: Parameter) -> Sheet:
    low, high = as_bound(one.low, one.type), as_bound(one.high, one.type)
    texts = (one.unit, one.tuned_by, one.why, str(one.where))
    head = (ruleset, one.name, one.type, _written(one.written))
    return Sheet(*head, low, high, _bounds(one.type, low, high), *texts, one.overridden)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value)
    return ", ".join(map(_written, value)) if isinstance(value, list) else str(value)


def _bounds(kind: str, low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return "none"
    ends = ("" if one is None else f"{plain(one)}" for one in (low, high))
    return " to ".join(ends) + SUFFIX.get(kind, "")


def known_values(book: RuleBook, values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of some values whose parameters the rules still have."""
    made: dict[str, dict[str, Any]] = {}
    for name, given in values.items():
        there = book.rulesets[name].parameters if name in book.rulesets else {}
        kept = {key: value for key, value in given.items() if key in there}
        if kept:
            made[name] = kept
    return made
