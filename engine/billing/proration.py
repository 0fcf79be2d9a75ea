"""Which share of a cycle a part of it is worth: the methods of the proration family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.base.period import Period, share_30_360, share_actual, share_fixed
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.decision import Flaw

Reason = Literal["start", "change", "pause", "resume", "cancel", "anchor"]


class ProrationFacts(msgspec.Struct, frozen=True, gc=False):
    """What a proration rule may look at: a stretch of service that is shorter than its cycle."""

    account: Annotated[Account, Meta(description="the account that uses the service")]
    charge: Annotated[Charge, Meta(description="the charge of the catalogue")]
    plan: Annotated[str, Meta(description="plan key")]
    began_by: Annotated[Reason, Meta(description="what began the stretch; anchor where it begins with its cycle")]
    ended_by: Annotated[Reason, Meta(description="what ended the stretch; anchor where it ends with its cycle")]
    part_from: Annotated[date, Meta(description="first day of the stretch; selects the rule in force")]
    part_to: Annotated[date, Meta(description="day after the last day of the stretch")]
    cycle_from: Annotated[date, Meta(description="first day of the billing cycle")]
    cycle_to: Annotated[date, Meta(description="day after the last day of the billing cycle")]


Terms = Mapping[str, Any]


def actual_days(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Calendar days of the stretch over calendar days of the cycle (actual/actual)."""
    return share_actual(Period(facts.part_from, facts.part_to), Period(facts.cycle_from, facts.cycle_to))


def d30_360(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Days of the stretch by the 30/360 bond basis over months of 30 days; at most 1."""
    return share_30_360(Period(facts.part_from, facts.part_to), facts.charge.months)


def fixed_days(terms: Terms, facts: ProrationFacts) -> Fraction:
    """Calendar days of the stretch over months of ``days_a_month`` days; at most 1."""
    return share_fixed(Period(facts.part_from, facts.part_to), facts.charge.months, terms["days_a_month"])


def none(terms: Terms, facts: ProrationFacts) -> Fraction:
    """A part costs as much as the whole, and nothing is given back."""
    return Fraction(1)


def check_none(terms: Terms) -> Iterable[Flaw]:
    """Giving back whole prices for parts of cycles would leave the days that were used unpaid."""
    if terms["credit"]:
        yield Flaw(
            ("method",), "method none, but credit is true: unused days would be worth whole cycles", "add credit: false"
        )
