"""What the columns of meters must be to each other, and what charges may ask of their meters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from engine.base.errors import Finding, TollbookError, did_you_mean
from engine.base.units import Unfit
from engine.model.measure import Formula
from engine.rulebook.measured import compiled_filter, compiled_value
from engine.runs.intake import dimensions

Flaw = tuple[str, str, str]
"""What is wrong, why, and how to mend it."""
_NEEDS: Final = {"unique": "dimension", "percentile": "percentile", "expression": "expression"}
"""The column that an aggregation needs, and that no other has."""


def meter(values: dict[str, Any]) -> Iterator[Flaw]:
    """What is wrong with a meter; its declaration is written in one way."""
    try:
        kinds = dimensions.declared(values["dimensions"] or "")
    except Unfit as flaw:
        yield f"dimensions {flaw.what}", "they declare what its events carry", flaw.mend
        return
    values["dimensions"] = ";".join(f"{name}:{kind}" for name, kind in sorted(kinds.items())) or None
    aggregation = values["aggregation"]
    for needing, column in _NEEDS.items():
        given = values[column] is not None
        if given != (needing == aggregation):
            what = f"{aggregation} {'with' if given else 'without'} {column}"
            yield what, f"{column} is for {needing}, which needs it", f"{'leave it empty' if given else 'fill it in'}"
    if values["dimension"] and values["dimension"] not in kinds:
        what = f"dimension {values['dimension']!r} is not declared"
        yield what, "unique counts the values of a declared dimension", _near(values["dimension"], kinds)
    if values["percentile"] is not None and not 0 < values["percentile"] <= 100:
        yield f"percentile {values['percentile']}", "it is a number above 0, and 100 at most", "write 95 or 99.9"
    for column, compiled in (("filter", compiled_filter), ("expression", compiled_value)):
        yield from _formula(column, values[column], kinds, compiled)


def charge(values: Mapping[str, Any]) -> Iterator[Flaw]:
    """What is wrong with how a charge looks at dimensions, by itself."""
    names = [name.strip() for name in (values["group_by"] or "").split(";") if name.strip()]
    if (names or values["filter"]) and values["kind"] != "usage":
        yield f"a {values['kind']} charge with a filter or groups", "only usage has dimensions", "leave both empty"
    if names and values["meters"]:
        yield (
            "several meters priced by group",
            "groups are of the events of one meter",
            "leave meters or group_by empty",
        )
    if values["group_lines"] and not names:
        yield "lines for each group without group_by", "there are no groups", "name dimensions in group_by"
    if len(set(names)) < len(names):
        yield f"group_by {values['group_by']!r} names a dimension twice", "", "keep one of them"


def of_meters(values: Mapping[str, Any], meters: Mapping[str, Mapping[str, Any]]) -> Iterator[Flaw]:
    """What a charge asks of its meters that they do not have; ``meters`` are those that exist, by key."""
    for key in (values["meters"] or values["meter"] or "").split(";"):
        if key not in meters:
            continue
        kinds = dimensions.declared(meters[key]["dimensions"] or "")
        for name in (values["group_by"] or "").split(";"):
            if name and name not in kinds:
                what = f"group_by names {name!r}, which meter {key!r} does not declare"
                yield what, "usage is grouped by declared dimensions", _near(name, kinds)
        yield from _formula("filter", values["filter"], kinds, compiled_filter)


def _near(name: str, kinds: Mapping[str, str]) -> str:
    return did_you_mean(name, kinds) if kinds else "declare it in dimensions of the meter"


def _formula(
    column: str, text: str | None, kinds: Mapping[str, str], compiled: Callable[[str, Mapping[str, str]], Formula]
) -> Iterator[Flaw]:
    if text:
        try:
            compiled(text, kinds)
        except TollbookError as error:
            yield from (_told(column, text, finding) for finding in error.findings)


def _told(column: str, text: str, finding: Finding) -> Flaw:
    place = f" at character {finding.where.column}" if finding.where.column else ""
    return f"{column} {text!r}{place}: {finding.what} [{finding.code}]", finding.why, finding.mend
