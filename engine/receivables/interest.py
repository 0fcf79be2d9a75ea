"""Late interest: simple, on what is open, for the days after one up to another, by yearly rates that change in between.

A day bears interest on what was open at the end of the day before it: the day of a payment still does, the due date does
not.  What is frozen bears none.  Each piece is reckoned exactly, and the sum is rounded once.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import msgspec

from engine.base.errors import Where
from engine.base.money import CONTEXT, ZERO
from engine.base.period import Period, days_30_360
from engine.base.table import Table
from engine.model.decision import Flaw
from engine.model.dunning import Debt, Freeze, InterestFacts, Yearly

_DAY: Final = timedelta(days=1)


class Piece(msgspec.Struct, frozen=True):
    """Interest for the days [``start``, ``until``) on one amount at one rate; ``years`` is their length by the day count."""

    start: date
    until: date
    open: Decimal
    rate: Decimal
    years: Decimal
    amount: Decimal


def _actual(days: int) -> Callable[[date, date], Decimal]:
    return lambda start, until: CONTEXT.divide(Decimal((until - start).days), Decimal(days))


def _by_year(start: date, until: date) -> Decimal:
    """Days of leap years are 366ths, others 365ths."""
    total = ZERO
    while start < until:
        stop = min(until, date(start.year + 1, 1, 1))
        total += CONTEXT.divide(Decimal((stop - start).days), Decimal(366 if isleap(start.year) else 365))
        start = stop
    return total


COUNTS: Final[Mapping[str, Callable[[date, date], Decimal]]] = {
    "act/365": _actual(365),
    "act/360": _actual(360),
    "act/act": _by_year,
    "30/360": lambda start, until: CONTEXT.divide(Decimal(days_30_360(Period.of(start, until))), Decimal(360)),
}
"""Length of [start, until) in years, by the name of the day count."""


def accrued(
    debt: Debt, rates: Sequence[Yearly], start: date, until: date, count: str, freezes: Sequence[Freeze] = ()
) -> tuple[Piece, ...]:
    """Interest on a document for the days after ``start`` up to and with ``until``; pieces of nothing are left out.

    ``rates`` are in order of their days; before the first there is none.
    """
    first, end = start + _DAY, until + _DAY
    if first >= end:
        return ()
    mine = [one for one in freezes if one.item == debt.item]
    turns = {first, end, *(day + _DAY for day, _ in debt.moves), *(one.start for one in rates)}
    turns |= {day + _DAY for one in mine for day in (one.start, one.until) if day < date.max}
    days = sorted(day for day in turns if first <= day <= end)
    made = (_piece(debt, rates, mine, low, high, COUNTS[count]) for low, high in pairwise(days))
    return tuple(piece for piece in made if piece.amount)


def total(pieces: Sequence[Piece]) -> Decimal:
    """The sum of pieces, not rounded."""
    return sum((piece.amount for piece in pieces), ZERO)


def _piece(
    debt: Debt,
    rates: Sequence[Yearly],
    freezes: Sequence[Freeze],
    start: date,
    until: date,
    years: Callable[[date, date], Decimal],
) -> Piece:
    before = start - _DAY
    frozen = sum((one.amount for one in freezes if one.start <= before < one.until), ZERO)
    left = max(debt.open_on(before) - frozen, ZERO)
    rate = next((one.rate for one in reversed(rates) if one.start <= start), ZERO)
    length = years(start, until)
    return Piece(start, until, left, rate, length, left * rate * length)


def over_base(terms: Mapping[str, Any], facts: InterestFacts) -> tuple[Yearly, ...]:
    """Percentage points (``margin``) over a base rate that changes on days of its own: those of ``base``, or of a table with
    the columns ``from`` and ``rate``.  A base rate below nothing counts as it is; the sum never falls below nothing."""
    return tuple(Yearly(one["from"], max(one["rate"] + terms["margin"], ZERO)) for one in terms["base"])


def fixed(terms: Mapping[str, Any], facts: InterestFacts) -> tuple[Yearly, ...]:
    """One yearly ``rate``, always."""
    return (Yearly(date.min, terms["rate"]),)


def nothing(terms: Mapping[str, Any], facts: InterestFacts) -> tuple[Yearly, ...]:
    """No interest."""
    return ()


def from_table(table: Table) -> tuple[Mapping[str, Any], Mapping[tuple[str | int, ...], Where]]:
    """The base rates of a table with the columns ``from`` and ``rate``, and from which cell each came."""
    names = [cell.text for cell in table.header]
    base, places = [], dict[tuple[str | int, ...], Where]()
    for number, row in enumerate(table.rows):
        base.append({name: cell.text for name, cell in zip(names, row, strict=True)})
        places |= {("base", number, name): cell.where for name, cell in zip(names, row, strict=True)}
        places["base", number] = row[0].where
    return {"base": base}, places


def check_base(terms: Mapping[str, Any]) -> list[Flaw]:
    """Days rise, so that each rate ends where the next begins."""
    days = [one["from"] for one in terms["base"]]
    return [
        Flaw(("base", number, "from"), f"{later} is not after {earlier}", "write the rates in the order of their days")
        for number, (earlier, later) in enumerate(pairwise(days), 1)
        if later <= earlier
    ]


def stale(terms: Mapping[str, Any], day: date) -> date | None:
    """The day from which no base rate is known, where that is over by ``day``; each counts for so many ``months``."""
    base, months = terms.get("base"), terms.get("months")
    if not base or not months:
        return None
    last: date = base[-1]["from"]
    index = last.year * 12 + last.month - 1 + months
    ends = date(index // 12, index % 12 + 1, 1)
    return ends if ends <= day else None
