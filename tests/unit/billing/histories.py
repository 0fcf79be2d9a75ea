"""Random lives of a subscription, and an independent account of what they owe.

The oracle knows nothing of stints, stretches or netting: it walks through the calendar day by day.
"""

from __future__ import annotations

import calendar
import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.billing.timeline import stints
from engine.model.catalog import Charge
from engine.model.subscription import SubscriptionEvent
from tests.unit.billing.simulator import Shop

DAY = timedelta(days=1)


class Told(NamedTuple):
    """A subscription event and the day on which it becomes known."""

    known: date
    kind: str
    on: date
    plan: str | None
    quantity: int | None


class Used(NamedTuple):
    """A usage event and the day on which it becomes known."""

    known: date
    on: date
    quantity: int


class Story(NamedTuple):
    """All that happens, and the days of the bill runs between."""

    anchor_day: int
    told: tuple[Told, ...]
    used: tuple[Used, ...]
    runs: tuple[date, ...]

    @property
    def last_day(self) -> date:
        """The last day on which anything happens or becomes known."""
        days = [day for one in self.told for day in (one.known, one.on)]
        return max([*days, *(day for use in self.used for day in (use.known, use.on)), *self.runs])


def admitted(told: Sequence[Told]) -> tuple[Told, ...]:
    """The events that make sense after those known before, in the order in which they become known."""
    events: list[SubscriptionEvent] = []
    kept = []
    for one in sorted(told, key=lambda t: t.known):
        number = None if one.quantity is None else Decimal(one.quantity)
        ident = len(events) + 1
        event = SubscriptionEvent(ident, str(ident), one.kind, one.on, one.plan, number)  # type: ignore[arg-type]
        try:
            stints([*events, event])
        except TollbookError:
            continue
        events.append(event)
        kept.append(one)
    return tuple(kept)


@st.composite
def stories(
    draw: st.DrawFn, plans: Sequence[str] = ("p",), usage: bool = False, timely: bool = False, most_runs: int = 6
) -> Story:
    """A subscription of 2023 to 2024 (with its leap day), events in any order of knowing, some usage, some run days.

    ``timely``: everything is known before the day on which it takes effect.
    """
    start = date(2023, 10, 1) + draw(st.integers(0, 120)) * DAY
    told = [Told(start - 400 * DAY, "start", start, plans[0], draw(st.integers(1, 4)))]
    for _ in range(draw(st.integers(0, 5))):
        on = draw(st.integers(0, 150).map(lambda n: start + n * DAY) | st.sampled_from([one.on for one in told]))
        kind = draw(st.sampled_from(["change", "change", "pause", "resume", "cancel", "start"]))
        known = on - DAY * draw(st.integers(1, 40)) if timely else on + DAY * draw(st.integers(-40, 60))
        changes = kind in ("change", "start")
        plan = draw(st.sampled_from([None, *plans])) if changes else None
        told.append(Told(known, kind, on, plan, draw(st.none() | st.integers(1, 4)) if changes else None))
    used = [
        Used(on + DAY * draw(st.integers(0, 50)), on, draw(st.integers(1, 9)))
        for on in (start + draw(st.integers(-5, 150)) * DAY for _ in range(draw(st.integers(1, 8)) if usage else 0))
    ]
    runs = draw(st.lists(st.integers(0, 260).map(lambda n: start + n * DAY), max_size=most_runs))
    return Story(draw(st.integers(1, 31)), admitted(told), tuple(sorted(used)), tuple(sorted(runs)))


def tell(shop: Shop, story: Story, after: date, to: date) -> None:
    """What becomes known after one day up to another."""
    for one in story.told:
        if after < one.known <= to:
            shop.know(one.kind, one.on, one.plan, one.quantity)  # type: ignore[arg-type]
    for use in story.used:
        if after < use.known <= to:
            shop.use(use.on, use.quantity)


def live(shop: Shop, story: Story, watch: Callable[[], None] = lambda: None) -> Shop:
    """The story as it happens: a run sees what is known on its day."""
    seen = date.min
    for day in story.runs:
        tell(shop, story, seen, day)
        seen = day
        if shop.events:
            shop.run(day)
            watch()
    tell(shop, story, seen, date.max)
    return shop


def hindsight(shop: Shop, story: Story) -> Shop:
    """A shop that has billed nothing yet and knows everything."""
    tell(shop, story, date.min, date.max)
    return shop


# The oracle ------------------------------------------------------------------------------------------------------------


def state_of(story: Story, day: date) -> tuple[str, int] | None:
    """Plan and quantity on a day, None where nothing is in service."""
    status, plan, quantity = "", "", 1
    happened = [(one.on, number, one) for number, one in enumerate(story.told) if one.on <= day]
    for _, _, one in sorted(happened, key=lambda h: h[:2]):
        status = {"start": "on", "resume": "on", "pause": "off", "cancel": "off"}.get(one.kind, status)
        plan, quantity = one.plan or plan, quantity if one.quantity is None else one.quantity
    return (plan, quantity) if status == "on" else None


def is_cycle_day(day: date, anchor_day: int, months: int, first: date) -> bool:
    """Whether a cycle begins on a day; the phase of longer cycles is that of the last anchor day up to ``first``."""
    if day.day != min(anchor_day, calendar.monthrange(day.year, day.month)[1]):
        return False
    phase = first
    while phase.day != min(anchor_day, calendar.monthrange(phase.year, phase.month)[1]):
        phase -= DAY
    return ((day.year - phase.year) * 12 + day.month - phase.month) % months == 0


class Piece(NamedTuple):
    """Days of one cycle with one plan and quantity, as the oracle found them."""

    charge: str
    plan: str
    quantity: int
    first: date
    after: date
    cycle_days: int

    @property
    def days(self) -> list[date]:
        return [self.first + n * DAY for n in range((self.after - self.first).days)]

    @property
    def share(self) -> Fraction:
        return Fraction((self.after - self.first).days, self.cycle_days)


def pieces(shop: Shop, story: Story, key: str, until: date, by_quantity: bool = True) -> Iterator[Piece]:
    """The pieces of one charge in all cycles that begin by ``until`` (of advance charges), or ended by it (arrears)."""
    first = min(one.on for one in story.told)
    restarts = {one.on for one in story.told if one.kind == "start"}
    months = {c.months for plan in shop.plans.values() for c in plan.charges if c.key == key}.pop()
    marks = [first - n * DAY for n in range(1, 370)][::-1] + [
        first + n * DAY for n in range((until - first).days + 370)
    ]
    begins = [day for day in marks if is_cycle_day(day, story.anchor_day, months, first)]
    for cycle, end in itertools.pairwise(begins):
        run: list[date] = []
        before: tuple[str, int] | None = None
        for day in [cycle + n * DAY for n in range((end - cycle).days)]:
            now = state_of(story, day)
            if now and not by_quantity:
                now = (now[0], 0)
            if run and (now != before or day in restarts):
                yield from _piece(shop, key, before, run, end - cycle, until, end)
                run = []
            before = now
            if now:
                run.append(day)
        if run:
            yield from _piece(shop, key, before, run, end - cycle, until, end)


def _piece(
    shop: Shop, key: str, state: tuple[str, int] | None, run: list[date], cycle: timedelta, until: date, end: date
) -> Iterator[Piece]:
    assert state is not None
    charge = next((c for c in shop.plans[state[0]].charges if c.key == key), None)
    if charge is not None and _due(charge, run[0], end, until):
        yield Piece(key, state[0], state[1], run[0], run[-1] + DAY, cycle.days)


def _due(charge: Charge, first: date, cycle_end: date, until: date) -> bool:
    return first <= until if charge.timing == "advance" else cycle_end <= until


def cents(amount: Fraction) -> Decimal:
    """Rounded half up to two digits, by integer arithmetic."""
    sign = -1 if amount < 0 else 1
    whole, rest = divmod(abs(amount) * 100, 1)
    return Decimal(sign * (whole + (1 if rest >= Fraction(1, 2) else 0))).scaleb(-2)


def money(number: Decimal) -> Decimal:
    """A decimal to two digits."""
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP)
