"""What is earned later than it was invoiced: plans of revenue, what is due of them, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.model.journal import FxRate

KIND: Final = "recognition"
"""Kind of the entries of a recognition run, and of the run itself."""

LINE: Final = "line"
"""Source of the schedule of an invoice line."""
OPENING: Final = "opening"
"""Source of the schedule of a deferral that was brought over."""
EARLY: Final = "early"
"""Kind of the event that lets what time alone has not earned be recognised."""
HAPPENINGS: Final = ("deliver", "accept", "use", "cost", "sale", "expire", "expect")
"""Kinds of events; see :class:`engine.revenue.schedule.Happening`."""


class PlannedItem(msgspec.Struct, frozen=True, gc=False):
    """An amount that is earned on a day; ``billed`` where the entry of its document recognises it."""

    on: date
    amount: Decimal
    billed: bool = False


class Planned(msgspec.Struct, frozen=True):
    """What a line of a document earns later, or takes back of what was to be earned.

    ``takes`` is the schedule that a credit takes back, 0 of others; ``waits`` the method that goes by what happens, empty where
    all is planned; ``liability`` the GL account that it is taken from; ``functional`` what that has in functional currency.
    ``posted`` is what the entry of the document recognises: month, amount, the same in functional currency.
    """

    line: int
    account: str
    product: str
    country: str
    role: str
    liability: str
    amount: Decimal
    rate: FxRate
    functional: Decimal
    service_from: date
    service_to: date
    takes: int
    waits: str
    decision: int
    items: tuple[PlannedItem, ...]
    posted: tuple[tuple[date, Decimal, Decimal], ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """What is left of a schedule after all that was taken back of it: ``amount`` in all, and by day what of it is planned.

    ``whole`` is what there was in the beginning, or would have been with the right tax, and ``first`` what was planned of that.
    """

    schedule: int
    amount: Decimal
    whole: Decimal
    waits: str
    items: Mapping[date, Decimal]
    first: Mapping[date, Decimal]


class Due(msgspec.Struct, frozen=True, gc=False):
    """What a source says is to be recognised of a schedule for a month, given by its first day.

    ``role`` is what it becomes, ``liability`` the GL account that it is taken from (empty: the one that the posting rules give for
    ``against``); ``functional`` is the amount at ``rate``, so that all of a schedule comes to what its balance was posted with.
    """

    schedule: int
    month: date
    amount: Decimal
    functional: Decimal
    rate: FxRate
    role: str = "revenue"
    against: str = "contract_liability"
    liability: str = ""
    country: str = ""
    product: str = ""
    decision: int = 0


class RevenueEvent(msgspec.Struct, frozen=True):
    """Something that was done and lets revenue be earned: of an invoice line, or of a charge of a subscription.

    Natural key: (tenant, entity, key).
    """

    entity: str
    key: str
    kind: str
    on: date
    line: int = 0
    subscription: str = ""
    charge: str = ""
    quantity: Decimal = Decimal(0)
    expected: Decimal | None = None
    material: Decimal = Decimal(0)
    note: str = ""
    override: bool = False


class Mark(msgspec.Struct, frozen=True):
    """How far a legal entity is recognised: every item up to ``through`` with an id up to ``items``; ids of events and schedules
    that were looked at."""

    through: date
    items: int = 0
    events: int = 0
    schedules: int = 0
