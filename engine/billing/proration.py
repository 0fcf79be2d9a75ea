"""Which share of a cycle a part of it is worth: the methods of the proration family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.base.money import CONTEXT
from engine.base.period import (
    Period,
    advanced,
    instant_of,
    share_30_360,
    share_actual,
    share_equal_months,
    share_fixed,
)
from engine.model.account import Account
from engine.model.attribute import UNATTRIBUTED, UNCONTRACTED, Contracted, Subscribed
from engine.model.catalog import Charge
from engine.model.decision import Decision, Flaw

Reason = Literal["start", "change", "pause", "resume", "cancel", "uncancel", "anchor", "phase", "payer"]


class ProrationFacts(msgspec.Struct, frozen=True, gc=False):
    """What a proration rule may look at: a stretch of service that is shorter than its cycle."""

    account: Annotated[Account, Meta(description="the account that uses the service")]
    charge: Annotated[Charge, Meta(description="the charge of the catalogue")]
    plan: Annotated[str, Meta(description="plan key")]
    began_by: Annotated[
        Reason,
        Meta(description="what began the stretch; anchor where it begins with its cycle, phase where its price turned"),
    ]
    ended_by: Annotated[
        Reason,
        Meta(description="what ended the stretch; anchor where it ends with its cycle, phase where its price turns"),
    ]
    part_from: Annotated[date, Meta(description="first day of the stretch; selects the rule in force")]
    part_to: Annotated[date, Meta(description="day after the last day of the stretch")]
    cycle_from: Annotated[date, Meta(description="first day of the billing cycle")]
    cycle_to: Annotated[date, Meta(description="day after the last day of the billing cycle")]
    part_seconds: Annotated[
        Decimal | None, Meta(description="seconds of the stretch, where events say at what instant they happened")
    ] = None
    cycle_seconds: Annotated[
        Decimal | None, Meta(description="seconds of the billing cycle, where those of the stretch are known")
    ] = None
    subscription: Annotated[Subscribed, Meta(description="the subscription that is charged")] = UNATTRIBUTED
    contract: Annotated[Contracted, Meta(description="the contract of the subscription")] = UNCONTRACTED


Terms = Mapping[str, Any]


def actual_days(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Calendar days of the stretch over calendar days of the cycle (actual/actual), or ``of: period`` over those of a whole period.

    The period ends with a stretch that begins late in its cycle, and begins with any other.
    """
    part = Period(facts.part_from, facts.part_to)
    if terms["of"] == "cycle":
        return share_actual(part, Period(facts.cycle_from, facts.cycle_to))
    months, days = facts.charge.months, facts.charge.days
    if part.start > facts.cycle_from:
        return share_actual(part, Period(advanced(part.end, -1, months, days), part.end))
    return share_actual(part, Period(part.start, advanced(part.start, 1, months, days)))


def d30_360(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Days of the stretch by the 30/360 bond basis over months of 30 days, at most 1; calendar days where the cycle is of days."""
    if facts.charge.days:
        return _in_days(facts)
    return share_30_360(Period(facts.part_from, facts.part_to), facts.charge.months)


def fixed_days(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Calendar days of the stretch over months of ``days_a_month`` days, at most 1; over those of the cycle where it is of days."""
    if facts.charge.days:
        return _in_days(facts)
    return share_fixed(Period(facts.part_from, facts.part_to), facts.charge.months, terms["days_a_month"])


def equal_months(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Days of the stretch over those of the cycle, every month having ``days_a_month`` days in both; calendar days where the cycle is of days."""
    if facts.charge.days:
        return _in_days(facts)
    return share_equal_months(Period(facts.part_from, facts.part_to), facts.charge.months, terms["days_a_month"])


def _in_days(facts: ProrationFacts) -> Fraction:
    return share_actual(Period(facts.part_from, facts.part_to), Period(facts.cycle_from, facts.cycle_to))


def seconds(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Seconds of the stretch over seconds of the cycle, as they pass: a day on which clocks change has 23 or 25 hours.

    Where no instant is known, stretch and cycle begin and end as their days do in the zone of the account.
    """
    if facts.part_seconds is not None and facts.cycle_seconds:
        return Fraction(facts.part_seconds) / Fraction(facts.cycle_seconds)
    zone = facts.account.zone
    part = instant_of(facts.part_to, zone) - instant_of(facts.part_from, zone)
    whole = instant_of(facts.cycle_to, zone) - instant_of(facts.cycle_from, zone)
    return Fraction(part // timedelta.resolution, whole // timedelta.resolution)


def none(terms: Terms, facts: ProrationFacts) -> Fraction:
    """A part costs as much as the whole, or nothing (``part: nothing``), and nothing is given back: what changes within a
    cycle counts from the next one on."""
    return Fraction(1 if terms["part"] == "whole" else 0)


def share_of(decision: Decision, facts: ProrationFacts) -> Fraction:
    """What a stretch is worth of its cycle, by a proration rule; cut to as many digits as the rule says."""
    assert decision.method is not None
    return _cut(decision.method(decision.terms, facts), decision.terms)


def part_of(decision: Decision, part: ProrationFacts, whole: ProrationFacts, is_cycle: bool) -> Fraction:
    """What some days of a stretch are worth of the ``whole`` stretch, by a proration rule; cut as the rule says.

    A whole cycle is worth 1, as it is where it is billed; what ``of: period`` measures is worth its calendar days.
    """
    method, terms = decision.method, decision.terms
    assert method is not None
    if terms.get("of") == "period":
        days = Fraction((part.part_to - part.part_from).days, (whole.part_to - whole.part_from).days)
        return _cut(days, terms)
    worth = Fraction(1) if is_cycle else method(terms, whole)
    return _cut(method(terms, part) / worth, terms) if worth else Fraction(0)


def _cut(share: Fraction, terms: Terms) -> Fraction:
    """A share rounded half up to the ``digits`` of the rule, or as it is."""
    digits = terms.get("digits")
    if digits is None:
        return share
    exact = CONTEXT.divide(Decimal(share.numerator), Decimal(share.denominator))
    return Fraction(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, CONTEXT))


def check_none(terms: Terms) -> Iterable[Flaw]:
    """Giving back whole prices for parts of cycles would leave the days that were used unpaid."""
    if terms["credit"]:
        yield Flaw(
            ("method",), "method none, but credit is true: unused days would be worth whole cycles", "add credit: false"
        )
