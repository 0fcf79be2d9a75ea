"""Prices that follow a published index: by which factor on a day, and from which values.

From each turn on the price is that of the time before times what the index has risen by since the last one, within floor and
cap.  A turn looks at the value of a month so many months before it, the first one compares it with the base month.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT
from engine.base.period import add_months
from engine.billing.pricing.facts import PricingFacts, Terms
from engine.model.decision import Flaw

NO_INDEX_VALUE = Code("pricing.no-index-value", "A price follows an index of which a value is not known.")

Values = Mapping[str, Mapping[date, Decimal]]
"""Index -> first day of a month -> value."""
ONE: Final = Decimal(1)


def turns(indexed: Terms, since: date, upto: date) -> Iterator[date]:
    """The days up to one, included, on which a price of a subscription follows its index again."""
    months: int = indexed["every"]
    first = add_months(since, months) if indexed["at"] == "anniversary" else _calendar(since, months)
    count = 0
    while (turn := add_months(first, count * months)) <= upto:
        yield turn
        count += 1


def _calendar(since: date, months: int) -> date:
    """The first day after another that begins so many months, counted from the first of January."""
    begun = add_months(date(since.year, 1, 1), (since.month - 1) // months * months)
    return add_months(begun, months)


def factor_on(indexed: Terms, since: date, day: date, values: Values) -> tuple[Decimal, str]:
    """By which factor a price has risen on a day, and in words by which values.

    Raises:
        TollbookError: ``pricing.no-index-value``.
    """
    known = values.get(indexed["index"], {})
    factor, told = ONE, []
    last = indexed["base"].replace(day=1)
    for turn in turns(indexed, since, day):
        month = add_months(turn.replace(day=1), -indexed["lag"])
        before, now = (_value(known, indexed["index"], each) for each in (last, month))
        rise = (CONTEXT.divide(now, before) - ONE) * indexed["part"]
        bounded = max(rise, indexed["floor"]) if indexed["floor"] is not None else rise
        bounded = min(bounded, indexed["cap"]) if indexed["cap"] is not None else bounded
        factor = round(factor * (ONE + bounded), indexed["digits"])
        what = f"{last:%Y-%m} {before.normalize():f} to {month:%Y-%m} {now.normalize():f}"
        told.append(f"{turn}: {what}, x {(ONE + bounded).quantize(Decimal('1.000000')).normalize():f}")
        last = month
    return factor, "; ".join(told)


def with_index(terms: Terms, facts: PricingFacts, values: Values) -> PricingFacts:
    """The facts with the factor of a price that is indexed."""
    factor, told = factor_on(terms["indexed"], facts.subscribed_on, facts.day, values)
    return msgspec.structs.replace(facts, index_factor=factor, index_values=told)


def _value(known: Mapping[date, Decimal], index: str, month: date) -> Decimal:
    if not known.get(month):
        raise refuse(
            NO_INDEX_VALUE,
            f"index {index} has no value for {month:%Y-%m}",
            why="a price that follows it is not guessed",
            mend="import the value (index_values), or look at index, base and lag of the rule",
        )
    return known[month]


def check_index(terms: Terms) -> Iterable[Flaw]:
    """A floor is not above the cap, and what counts over windows follows no index."""
    indexed: Mapping[str, Any] | None = terms["indexed"]
    if indexed is None:
        return
    floor, cap = indexed["floor"], indexed["cap"]
    if floor is not None and cap is not None and floor > cap:
        yield Flaw(("indexed", "floor"), "the floor is above the cap", "write a lower floor or a higher cap")
    if indexed["at"] == "calendar" and 12 % indexed["every"]:
        yield Flaw(("indexed", "every"), "a year has no whole number of them", "write 1, 2, 3, 4, 6 or 12")
    if terms["window"] != "period":
        yield Flaw(("indexed",), "what counts over a window has one price in it", "leave out window or indexed")
