"""Tiers, allowances and limits that are of a longer time than the cycle that is billed: of a quarter, a year, a contract year.

The quantity counts from the first day of the window on.  What a stretch owes is the price of what was counted up to its end,
less the price of what was counted before it; both are rounded, so that the stretches of a window add up to its price.
Usage that becomes known late moves every later stretch of its window, and each is billed the difference.  Coupons are of the
cycle, so they lower what a stretch owes of its window, after the steps of the price.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.base.period import Period, cycle_containing
from engine.billing.metering import Group, Metered, metered, told_by_days
from engine.billing.metering import counted as measured_by
from engine.billing.pricing import WHOLE, Part, Price, PricingFacts, Terms, less_coupons, priced, shrinking
from engine.billing.pricing.facts import Discount, having
from engine.billing.proration import ProrationFacts, share_of
from engine.billing.timeline import counted
from engine.model.account import Account
from engine.model.catalog import Charge, Meter
from engine.model.decision import Decide, Decision, Flaw
from engine.model.due import SubscriptionDue
from engine.model.subscription import SubscriptionEvent
from engine.model.usage import UsageDay

if TYPE_CHECKING:
    from engine.billing.job import Job, Stretch

NOT_OF_USAGE = Code(
    "pricing.window-not-of-usage", "A rule counts over a window, but its charge has no usage that could be counted."
)

NOTHING_USED: Final = Metered(ZERO, 0, 0)
PERIOD: Final = "period"
"""The window of rules that look at the stretch alone."""
CALENDAR: Final[Mapping[str, int]] = {"quarter": 3, "half_year": 6, "year": 12}
"""Windows of the calendar, from the first of January on, in months."""


def months_of(window: str) -> int:
    """How many months a window lasts."""
    return CALENDAR.get(window) or (12 if window == "contract_year" else int(window.split()[0]))


def holding(window: str, since: date, day: date) -> Period:
    """The window that holds a day: of the calendar, or counted from the first day of the subscription."""
    if window in CALENDAR:
        return cycle_containing(day, 1, CALENDAR[window], date.min)
    return cycle_containing(day, since.day, months_of(window), since)


def turning_days(window: str, since: date, days: Period) -> Iterator[date]:
    """The days inside some days on which another window begins."""
    turn = holding(window, since, days.start).end
    while turn < days.end:
        yield turn
        turn = holding(window, since, turn).end


class Spread(msgspec.Struct, frozen=True, gc=False):
    """What a stretch owes of its window: the facts up to its end and before it, and the share of the window in service.

    ``discounts`` are what coupons take off, and ``part`` is the part of the days of its cycle by which money of them shrinks.
    """

    upto: PricingFacts
    before: PricingFacts
    share: Fraction
    proration: Decision | None
    discounts: tuple[Discount, ...]
    part: Fraction

    def prices(self, pricing: Decision, share: Fraction | None = None) -> tuple[Price, Price]:
        """The price of what was counted up to the end of the stretch, and before it."""
        used = self.share if share is None else share
        applies_to = self.proration.terms["applies_to"] if self.proration else "amount"
        return priced(pricing, self.upto, used, applies_to), priced(pricing, self.before, used, applies_to)

    def owes(self, pricing: Decision, currency: str, share: Fraction | None = None) -> tuple[Decimal, Decimal]:
        """The amount of the stretch, rounded, and before it was rounded."""
        upto, before = self.prices(pricing, share)
        mode = pricing.terms["rounding"]
        rounded = round_to(upto.amount, currency, mode) - round_to(before.amount, currency, mode)
        return round_to(self.lowered(rounded)[0], currency, mode), self.lowered(upto.amount - before.amount)[0]

    def lowered(self, amount: Decimal) -> tuple[Decimal, tuple[Part, ...]]:
        """What a stretch adds to its window less what coupons take off, and how."""
        parts = list[Part]()
        return less_coupons(amount, self.discounts, self.part, parts), tuple(parts)


def spread(
    pricing: Decision, facts: PricingFacts, days: Period, cycle: Period, counts: Mapping[str, tuple[Metered, Metered]],
    cancelled: Collection[date], decide: Decide,
) -> Spread:  # fmt: skip
    """How a stretch lies in its window; ``counts`` is what each meter counted up to its end, and before it.

    The window is over, so that minimums apply, where it ends or once the service was cancelled in it: a service that begins
    again owes what it uses beyond them.  What shrinks as the proration
    rule says shrinks to the part of the window that was left when the subscription began.
    """
    since, window = facts.subscribed_on, holding(pricing.terms["window"], facts.subscribed_on, facts.day)
    upto = {key: both[0].quantity for key, both in counts.items()}
    before = {key: both[1].quantity for key, both in counts.items()}
    several = len(counts) > 1
    replace = msgspec.structs.replace

    def ended_by(upto: date) -> bool:
        return any(window.start < day <= upto for day in cancelled)

    share, proration = _share(pricing.terms, facts, since, window, decide)
    discounts, facts = facts.discounts, replace(facts, discounts=())
    return Spread(
        replace(
            facts,
            quantity=sum(upto.values(), ZERO),
            metered=upto if several else {},
            complete=facts.complete and (days.end >= window.end or ended_by(days.end)),
        ),
        replace(
            facts,
            quantity=sum(before.values(), ZERO),
            metered=before if several else {},
            complete=ended_by(days.start),
        ),
        share,
        proration,
        discounts,
        Fraction(days.days, cycle.days),
    )


def _share(
    terms: Terms, facts: PricingFacts, since: date, window: Period, decide: Decide
) -> tuple[Fraction, Decision | None]:
    if since <= window.start:
        return WHOLE, None
    as_long = msgspec.structs.replace(facts.charge, months=months_of(terms["window"]), days=0)
    asked = ProrationFacts(
        facts.account, as_long, facts.plan, "start", "anchor", since, window.end, window.start, window.end
    )
    decision = decide("proration", asked, facts.day)
    if decision.terms["applies_to"] != "tiers" and not shrinking(terms):
        return WHOLE, None
    return share_of(decision, asked), decision


def cancelled_on(events: Iterable[SubscriptionEvent]) -> set[date]:
    """The days on which a service was cancelled, if it was not taken back."""
    known = counted(events)
    back = {event.on for event in known if event.kind == "uncancel"}
    return {event.on for event in known if event.kind == "cancel"} - back


def counts_of(
    days: Sequence[UsageDay], meters: Iterable[Meter], first: date, counted: Period
) -> dict[str, tuple[Metered, Metered]]:
    """What each meter counted from the first day of the window up to the end of some days, and before them."""
    upto, before = Period(first, counted.end), Period(first, counted.start)
    return {meter.key: (metered(days, meter, upto), metered(days, meter, before)) for meter in meters}


def window_of(pricing: Decision, since: date, stretch: Stretch) -> Period:
    """The whole window of a stretch, which levels are averaged over."""
    return holding(pricing.terms["window"], since, stretch.day or stretch.days.start)


def parts_of(pricing: Decision, since: date, stretch: Stretch) -> tuple[Period, Period]:
    """The days of the window of a stretch up to its end, and those before it, as far as its usage counts; both begin with the window,
    or with the subscription."""
    counted = stretch.counted or stretch.days
    first = max(window_of(pricing, since, stretch).start, since)
    return Period(first, counted.end), Period(first, max(first, counted.start))


def windowed(
    job: Job, due: SubscriptionDue, account: Account, stretch: Stretch, pricing: Decision, facts: PricingFacts,
    meters: Sequence[Meter], group: Group | None = None,
) -> tuple[Spread, int]:  # fmt: skip
    """What a stretch of usage owes of its window, and the newest event that counts in it; of one group where one is named.

    Raises:
        TollbookError: ``pricing.window-not-of-usage``.
    """
    if not meters:
        raise not_of_usage(pricing, stretch.plan, stretch.charge)
    charge, plan = stretch.charge, stretch.plan
    upto, before = parts_of(pricing, facts.subscribed_on, stretch)
    days = [one for one in due.earlier if one.day == upto.start]
    over = window_of(pricing, facts.subscribed_on, stretch)
    counts: dict[str, tuple[Metered, Metered]] = {}
    for meter in meters:
        if told_by_days(charge, meter):
            counts |= counts_of([*days, *due.usage], [meter], upto.start, stretch.counted or stretch.days)
            continue
        earlier = measured_by(due, plan, charge, meter, before, group, over) if before.days else NOTHING_USED
        counts[meter.key] = measured_by(due, plan, charge, meter, upto, group, over), earlier
    found = spread(pricing, facts, stretch.days, stretch.cycle, counts, cancelled_on(due.events), job.decide)
    return found, max(both[0].last_id for both in counts.values())


def not_of_usage(pricing: Decision, plan: str, charge: Charge) -> Exception:
    """The error for a window of a charge without usage."""
    return refuse(
        NOT_OF_USAGE,
        f"rule {pricing.rule} counts {plan}/{charge.key} over a window of {pricing.terms['window']}, but it is {charge.kind}",
        mend="say window on usage charges alone",
    )


def priced_in_window(pricing: Decision, facts: PricingFacts) -> Decimal:
    """What a stretch owes by itself, or of its window after what the facts say was ``earlier``, before rounding."""
    if pricing.terms["window"] == PERIOD or not facts.earlier:
        return priced(pricing, facts).amount
    upto = priced(pricing, having(facts, quantity=facts.earlier + facts.quantity)).amount
    return upto - priced(pricing, having(facts, quantity=facts.earlier, complete=False)).amount


def check_window(terms: Terms) -> Iterable[Flaw]:
    """A window counts sums of usage, and no other window inside the stretch."""
    if terms["window"] == PERIOD:
        return
    if terms["per"] != "period":
        yield Flaw(("per",), f"per {terms['per']} cuts a stretch, and window goes beyond it", "say one of them")
    if terms.get("method") == "true_up":
        yield Flaw(("window",), "a true-up looks at other charges, not at usage", "let the charge have a longer cycle")
