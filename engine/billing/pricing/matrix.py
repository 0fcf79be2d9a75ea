"""Prices from a table over several facts."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Where, did_you_mean, refuse
from engine.base.money import ZERO
from engine.base.table import Table
from engine.billing.pricing.facts import WHOLE, Part, PricingFacts, Terms, check_currencies, in_currency, times
from engine.model.decision import Flaw

NO_ROW = Code("pricing.no-row", "No row of a price table fits the facts.")

ANY: Final = "*"
"""What stands in a row where any value will do."""
GROUP: Final = "group"
"""The fact that holds the dimensions of usage: ``group.region``."""
PRICES: Final = ("unit", "flat")
"""What a row gives."""


def matrix(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
    """A price for each unit and a flat part from the row of a table that fits best: the one that names most values; of such, the one that names the earlier dimensions.

    Raises:
        TollbookError: ``pricing.no-row``, ``pricing.no-price-in-currency``.
    """
    return prepared(terms)(terms, facts, share)


def prepared(terms: Terms) -> Callable[[Terms, PricingFacts, Fraction], tuple[Part, ...]]:
    """:func:`matrix` for one table, with its rows in order of how much they name: it looks once for each way of naming."""
    dimensions = tuple(terms["dimensions"])
    ways: dict[tuple[bool, ...], dict[tuple[str, ...], Terms]] = {}
    for row in terms["rows"]:
        at = tuple(row["at"])
        ways.setdefault(tuple(cell != ANY for cell in at), {}).setdefault(at, row)
    closest = sorted(ways.items(), key=lambda way: (sum(way[0]), way[0]), reverse=True)

    def look_up(terms: Terms, facts: PricingFacts, share: Fraction = WHOLE) -> tuple[Part, ...]:
        values = [_text(_value(facts, path)) for path in dimensions]
        for named, rows in closest:
            row = rows.get(tuple(value if name else ANY for value, name in zip(values, named, strict=True)))
            if row is not None:
                unit = in_currency(row["unit"], facts) if "unit" in row else ZERO
                flat = times(in_currency(row["flat"], facts), share) if "flat" in row else ZERO
                return (Part(0, facts.quantity, unit, flat, facts.quantity * unit + flat),)
        shown = ", ".join(f"{path} {value}" for path, value in zip(dimensions, values, strict=True))
        raise refuse(
            NO_ROW,
            f"no row of the price table of {facts.plan}/{facts.charge.key} is for {shown}",
            mend=f"add a row for it, or one with {ANY!r} for all others",
        )

    return look_up


def _value(facts: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(facts, Mapping):
            facts = facts.get(name)
        else:
            facts = None if facts is None else getattr(facts, name)
    return facts


def _text(value: Any) -> str:
    """A value as a cell says it: ``true``, ``12``, ``2026-01-01``; ``null`` for nothing."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def from_table(table: Table) -> tuple[Mapping[str, Any], Mapping[tuple[str | int, ...], Where]]:
    """The terms of a table: columns ``unit`` and ``flat`` are prices, all others dimensions; an empty cell of a dimension fits
    any value, an empty price is none.  Prices in several currencies stand in one cell with semicolons between them."""
    places: dict[tuple[str | int, ...], Where] = {("rows",): table.header[0].where}
    paths = [cell for cell in table.header if cell.text not in PRICES]
    for place, cell in enumerate(paths):
        places["dimensions", place] = cell.where
    rows: list[dict[str, Any]] = []
    for number, cells in enumerate(table.rows):
        row: dict[str, Any] = {"at": []}
        places["rows", number] = places["rows", number, "at"] = cells[0].where
        for name, cell in zip(table.header, cells, strict=True):
            if name.text not in PRICES:
                places["rows", number, "at", len(row["at"])] = cell.where
                row["at"].append(cell.text or ANY)
            elif cell.text:
                places["rows", number, name.text] = cell.where
                row[name.text] = cell.text if ";" not in cell.text else [each.strip() for each in cell.text.split(";")]
        rows.append(row)
    return {"dimensions": [cell.text for cell in paths], "rows": rows}, places


def check_matrix(terms: Terms) -> Iterable[Flaw]:
    """Dimensions are facts, rows have a cell for each and a price, and no two rows say the same."""
    dimensions: Sequence[str] = terms["dimensions"]
    for number, path in enumerate(dimensions):
        wrong = _unknown(path)
        if wrong is not None:
            yield Flaw(("dimensions", number), f"{path!r} is no fact with one value", wrong)
    if not dimensions or not terms["rows"]:
        yield Flaw((), "the method has no table", "give dimensions and rows, or table: a CSV file beside the rule file")
    seen: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(terms["rows"]):
        at = tuple(row["at"])
        if len(at) != len(dimensions):
            what = f"row {number + 1} has {len(at)} values for {len(dimensions)} dimensions"
            yield Flaw(("rows", number, "at"), what, f"write one for each, {ANY!r} where any will do")
        if at in seen:
            what = f"row {number + 1} is for the same as row {seen[at] + 1}"
            yield Flaw(("rows", number, "at"), what, "leave one of them out")
        seen.setdefault(at, number)
        if row.keys().isdisjoint(PRICES):
            yield Flaw(("rows", number), f"row {number + 1} has no price", "add unit, flat, or both")
    yield from check_currencies("rows", terms["rows"], PRICES, "row")


def _unknown(path: str) -> str | None:
    """How to mend a dotted path that leads to no scalar fact; None where it does."""
    struct: type[msgspec.Struct] | None = PricingFacts
    names = path.split(".")
    if names[0] == GROUP and len(names) == 2:
        return None
    for place, name in enumerate(names):
        if struct is None or name not in struct.__struct_fields__:
            known = [] if struct is None else [".".join((*names[:place], each)) for each in struct.__struct_fields__]
            return did_you_mean(path, known) or "name a fact such as account.country"
        struct, many = _inside(typing.get_type_hints(struct)[name])
        if many:
            return "name a fact with one value"
    return None if struct is None else "name a fact inside it"


def _inside(annotation: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The struct of an annotation, if it is one or null; whether it is a list or mapping."""
    arguments = [each for each in typing.get_args(annotation) if each is not type(None)]
    for each in (annotation, *arguments):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each, False
    origin = typing.get_origin(annotation)
    return None, isinstance(origin, type) and issubclass(origin, (tuple, list, dict))
