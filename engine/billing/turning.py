"""Days inside a cycle on which a price turns for one customer: a phase of a ramp, an age that rules look at, a window.

A stretch is cut there, and each part is priced by the terms of its first day and prorated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period, add_months
from engine.billing import windows
from engine.billing.discounts import applying
from engine.billing.job import Job, Stretch
from engine.billing.pricing import indexing, phases
from engine.billing.pricing.facts import PricingFacts, Terms
from engine.billing.pricing.phases import aged
from engine.billing.rating import agreed_line, subscribed_on
from engine.model.account import Account
from engine.model.catalog import Charge
from engine.model.contract import Contract
from engine.model.decision import Decision
from engine.model.due import SubscriptionDue
from engine.model.turning import Turning

DAY: Final = timedelta(days=1)
NOTHING: Final = Turning()


def turning_of(decisions: Iterable[Decision], names: Iterable[str]) -> Turning | None:
    """What makes prices of a release turn inside a cycle; None where nothing does.

    ``decisions`` are its pricing decisions, ``names`` the facts that conditions of pricing rules look at.
    """
    known, asked = tuple(decisions), frozenset(names)
    spans = sorted({one.terms["window"] for one in known} - {windows.PERIOD})
    carrying = [one for one in known if one.terms["rollover"]]
    found = Turning(
        tuple(spans),
        any(one.terms["ramp"] for one in known),
        not asked.isdisjoint(("months_since_start", "contract_months")),
        "days_since_start" in asked,
        any(one.terms["indexed"] for one in known),
        tuple(sorted({one.terms["rollover"]["within"] for one in carrying if not one.terms["pool"]})),
        tuple(sorted({one.terms["pool"]["scope"] for one in known if one.terms["pool"]})),
        tuple(sorted({one.terms["rollover"]["within"] for one in carrying if one.terms["pool"]})),
    )
    return None if found == Turning() else found


def cut(
    job: Job, account: Account, contract: Contract | None, due: SubscriptionDue, stretched: Iterable[Stretch]
) -> Iterator[Stretch]:
    """Stretches of recurring charges, cut where their prices turn."""
    for stretch in stretched:
        yield from cut_at(stretch, turns_of(job, account, contract, due, stretch, stretch.days))


def turns_of(
    job: Job, account: Account, contract: Contract | None, due: SubscriptionDue, stretch: Stretch, days: Period
) -> list[date]:
    """The days inside some days of a stretch of a recurring charge on which its price turns."""
    since, signed = subscribed_on(due), contract.signed_on if contract else None
    line = agreed_line(contract, stretch.plan, stretch.charge.key, days.start)

    def asked(day: date) -> PricingFacts:
        return PricingFacts(
            job.entity, account, stretch.charge, stretch.plan, stretch.quantity,
            line.unit_price if line else None, line.currency if line else None, since, day,
            **aged(since, signed, stretch.charge, stretch.cycle, day),
        )  # fmt: skip

    return turns_in(job, due, contract, stretch.cycle, days, asked)


def cut_at(stretch: Stretch, turns: Sequence[date]) -> Iterator[Stretch]:
    """A stretch, cut at points of time inside it, which are in order."""
    for part in parts(stretch.days, turns) if turns else ():
        first, last = part.start == stretch.days.start, part.end == stretch.days.end
        yield msgspec.structs.replace(
            stretch,
            days=part,
            began_by=stretch.began_by if first else "phase",
            ended_by=stretch.ended_by if last else "phase",
            ended=stretch.ended and last,
        )
    if not turns:
        yield stretch


def parts(days: Period, turns: Sequence[date]) -> Iterator[Period]:
    """Some days, cut at others inside them, which are in order."""
    start = days.start
    for turn in turns:
        yield Period(start, turn)
        start = turn
    yield Period(start, days.end)


def usage_turns(
    job: Job, account: Account, contract: Contract | None, due: SubscriptionDue, charge: Charge, plan: str, cycle: Period,
    days: Period,
) -> list[date]:  # fmt: skip
    """The days inside a stretch of usage on which its price turns."""
    since, signed = subscribed_on(due), contract.signed_on if contract else None

    def asked(day: date) -> PricingFacts:
        line = agreed_line(contract, plan, charge.key, day)
        return PricingFacts(
            job.entity, account, charge, plan, ZERO, line.unit_price if line else None, line.currency if line else None,
            since, day, **aged(since, signed, charge, cycle, day),
        )  # fmt: skip

    return turns_in(job, due, contract, cycle, days, asked)


def turns_in(
    job: Job, due: SubscriptionDue, contract: Contract | None, cycle: Period, days: Period,
    asked: Callable[[date], PricingFacts],
) -> list[date]:  # fmt: skip
    """The days inside some days of a cycle on which a price turns, in order; ``asked`` gives the facts of a day."""
    turning, since = job.turning or NOTHING, subscribed_on(due)
    possible = set(_possible(turning, since, contract, days))
    facts = asked(days.start)
    possible.update(one.on for one in due.redemptions)
    if turning.indexes and (indexed := job.decide("pricing", facts, days.start).terms["indexed"]):
        possible.update(indexing.turns(indexed, since, days.end))
    if turning.ramps:
        ramp = job.decide("pricing", facts, days.start).terms["ramp"]
        possible.update(phases.turning_days(ramp, since))

    def state(day: date) -> tuple[Any, ...]:
        decision = job.decide("pricing", asked(day), days.start)  # rules that come into force turn nothing here
        coupons = applying(job, facts.account, due, facts.charge, facts.plan, cycle, day) if due.redemptions else ()
        return *_state(decision.id, decision.terms, since, day), [one.coupon.key for one, _ in coupons]

    return [day for day in sorted(possible) if days.start < day < days.end and state(day - DAY) != state(day)]


def _possible(turning: Turning, since: date, contract: Contract | None, days: Period) -> Iterator[date]:
    for window in turning.windows:
        yield from windows.turning_days(window, since, days)
    if turning.days:
        yield from (days.start + timedelta(days=n) for n in range(1, days.days))
    if turning.months:
        for origin in (since, contract.signed_on if contract else since):
            months = phases.whole_months(origin, days.start) + 1
            while (turn := add_months(origin, months)) < days.end:
                yield turn
                months += 1


def _state(ident: int, terms: Terms, since: date, day: date) -> tuple[Any, ...]:
    """What the price is by on a day: its rule, the phase, the window."""
    window = terms["window"]
    start = None if window == windows.PERIOD else windows.holding(window, since, day).start
    risen = sum(1 for _ in indexing.turns(terms["indexed"], since, day)) if terms["indexed"] else 0
    return ident, risen, phases.phase_at(terms["ramp"], since, day) if terms["ramp"] else 0, start
