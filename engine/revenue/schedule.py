"""When an amount is earned: what a revenue rule sees, what it answers, and the shapes of events.

Invoices credit contract balances; only the items of a schedule credit revenue.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.base.money import ZERO


class Happening(msgspec.Struct, frozen=True, gc=False):
    """Something that was done under a contract and lets revenue be earned, or changes what is expected.

    Attributes:
        on: the day that it belongs to.
        kind: deliver, accept, use, cost, sale, expire or expect (a new estimate alone).
        quantity: units delivered or used, sales a royalty is due on, or an amount where ``kind`` is ``cost``.
        expected: all that is now expected over the contract, in the same measure; None where that did not change.
        material: part of a cost that is uninstalled material: it earns its cost, and counts for no progress.
        key: tells two happenings of a day apart.
    """

    on: date
    kind: str
    quantity: Decimal = ZERO
    expected: Decimal | None = None
    material: Decimal = ZERO
    key: str = ""


class Pause(msgspec.Struct, frozen=True, gc=False):
    """Days on which nothing is served, from ``on`` to before ``ends``; service that went on would have ended before ``until``,
    or at the moment ``until_at`` where that is known."""

    on: date
    ends: date
    until: date
    until_at: datetime | None = None


class RevenueFacts(msgspec.Struct, frozen=True, gc=False):
    """What a revenue rule may look at: an invoice line, a promise of a contract, or a cost of it."""

    entity: Annotated[str, Meta(description="key of the selling legal entity")]
    product: Annotated[str, Meta(description="product of the charge")]
    kind: Annotated[
        str, Meta(description="recurring, usage or one_time; cost or variable for those parts of a contract")
    ]
    service_from: Annotated[date, Meta(description="first day of the service period; selects the rule in force")]
    service_to: Annotated[date, Meta(description="day after the last day of the service period")]
    invoice_date: Annotated[date, Meta(description="date of the invoice; of a promise, the day it was signed")]
    amount: Annotated[Decimal, Meta(description="net amount in transaction currency, credits negative")]
    currency: Annotated[str, Meta(description="transaction currency")]
    element: Annotated[str, Meta(description="key of the promise in its contract; empty for an invoice line")] = ""
    quantity: Annotated[Decimal, Meta(description="units promised, 1 where they are not counted")] = Decimal(1)
    begins_at: Annotated[datetime | None, Meta(description="moment at which service begins, where it is known")] = None
    ends_at: Annotated[datetime | None, Meta(description="moment at which service ends, where it is known")] = None
    cost: Annotated[Decimal, Meta(description="cost expected until the promise is kept; 0 where none is")] = ZERO
    material: Annotated[Decimal, Meta(description="part of that cost that is uninstalled material")] = ZERO
    happenings: Annotated[
        tuple[Happening, ...], Meta(description="what was done so far, for methods that go by it")
    ] = ()
    exact: Annotated[
        Decimal | None,
        Meta(description="share of the price before it was rounded to the amount; null where it was not shared"),
    ] = None
    pauses: Annotated[tuple[Pause, ...], Meta(description="days on which nothing was served, in order")] = ()
    segment: Annotated[str, Meta(description="segment of the customer; empty where it is not known")] = ""
    since: Annotated[date | None, Meta(description="what was earned before this day is left out of the answer")] = None
    through: Annotated[date | None, Meta(description="what is earned from this day on is left out")] = None


def exactly(facts: RevenueFacts) -> Fraction:
    """What running totals are shares of: the exact share of the price, where there is one; the last item completes the amount."""
    return Fraction(facts.amount if facts.exact is None else facts.exact)


class ScheduleItem(msgspec.Struct, frozen=True, gc=False):
    """An amount that becomes revenue on a day."""

    on: date
    amount: Decimal


def now(terms: Mapping[str, Any], facts: RevenueFacts) -> tuple[ScheduleItem, ...]:
    """All of it on the invoice date (point in time: IFRS 15.38, ASC 606-10-25-30)."""
    day = facts.invoice_date
    inside = (facts.since or date.min) <= day < (facts.through or date.max)
    return (ScheduleItem(day, facts.amount),) if inside else ()
