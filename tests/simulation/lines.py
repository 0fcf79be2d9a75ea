"""Lines and invoices as the auditor keeps them, and what of a line goes back or is charged in part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.simulation.facts import DIGITS, Charge
from tests.simulation.life import DAY, Stretch, share
from tests.simulation.prices import minor


@dataclass(eq=False)
class Line:
    """A line that must be on an invoice.  Amounts are in minor units; ``open``, ``left`` and ``tax_left`` are what credits left
    of it, ``given`` what of it was given back as money alone, ``net_left`` is what is left while taxes are worked out."""

    account: str
    subscription: str
    charge: Charge
    start: date
    end: date
    cycle: tuple[date, date]
    currency: str
    quantity: Fraction
    full: int
    amount: int
    events: int = 0
    credits: Line | None = None
    rate: Fraction = Fraction(0)
    source: str = ""
    tax: int = 0
    open: set[date] = field(default_factory=set)
    left: int = 0
    given: int = 0
    net_left: int = 0
    tax_left: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """What must be found in the books; every part but the last ones identifies the line."""
        return (
            self.account,
            self.subscription,
            self.charge.plan,
            self.charge.key,
            self.start,
            self.end,
            self.credits is not None,
            self.cycle[0],
            self.cycle[1],
            self.currency,
            self.quantity,
            self.full,
            self.amount,
            self.events,
            self.rate,
            self.source,
            self.tax,
        )

    @property
    def stands(self) -> bool:
        """Whether it still bills its days: something is left of it, or money alone was given back."""
        return bool(self.left or (self.given and self.open))

    @property
    def terms(self) -> tuple[object, ...]:
        """What makes days of a recurring charge the same."""
        return self.charge.plan, self.charge.key, self.cycle, self.quantity, self.full


@dataclass(frozen=True)
class Bill:
    """An invoice that must exist."""

    entity: str
    payer: str
    on: date
    currency: str
    kind: str
    group: str
    lines: tuple[Line, ...]

    @property
    def key(self) -> tuple[str, str, date, str, str, str]:
        """What identifies it."""
        return self.entity, self.payer, self.on, self.currency, self.kind, self.group

    @property
    def by_hand(self) -> bool:
        """Whether somebody made it, and not a run."""
        return "/memo/" in self.group or "/void/" in self.group

    @property
    def net(self) -> int:
        """Sum of its lines."""
        return sum(line.amount for line in self.lines)

    @property
    def tax(self) -> int:
        """Sum of the tax of its lines."""
        return sum(line.tax for line in self.lines)


def unit(currency: str) -> int:
    """Minor units in one of a currency."""
    return int(10 ** DIGITS[currency])


def days_of(start: date, end: date) -> list[date]:
    """Days from one up to another."""
    return [start + n * DAY for n in range((end - start).days)]


def runs(days: list[date]) -> Iterator[tuple[date, date]]:
    """Days in rising order, as (first, day after the last) of those that follow each other."""
    start = None
    for place, day in enumerate(days):
        start = day if start is None else start
        if place + 1 == len(days) or days[place + 1] != day + DAY:
            yield start, day + DAY
            start = None


def in_part(one: Stretch, billed: list[Line]) -> bool:
    """Whether some of its days are billed for its charge: then it is compared, whether it is due or not."""
    return any(
        line.charge == one.charge and line.stands and any(one.start <= day < one.end for day in line.open)
        for line in billed
    )


def opened(line: Line) -> Line:
    """A charge of which nothing went back yet."""
    line.open = set(days_of(line.start, line.end))
    line.left = line.net_left = line.amount
    return line


def _worth(line: Line, start: date, end: date, whole: tuple[date, date]) -> Fraction:
    """What some days are worth of the ``whole`` that holds them."""
    charge = line.charge
    if (start, end) == whole:
        return Fraction(1)
    base = Fraction(1) if whole == line.cycle else share(charge.proration, *whole, line.cycle, charge.months)
    part = share(charge.proration, start, end, line.cycle, charge.months)
    return part / base if base else Fraction(0)


def credits_of(line: Line, wanted: dict[tuple[date, str, str], tuple[object, ...]]) -> Iterator[Line]:
    """What goes back of a line, run of days by run of days: its share of the line, all that is left with the last day."""
    key = (line.charge.plan, line.charge.key)
    remaining, left = len(line.open), line.left
    for start, end in runs([day for day in sorted(line.open) if wanted.get((day, *key)) != line.terms]):
        remaining -= (end - start).days
        worth = _worth(line, start, end, (line.start, line.end))
        part = min(_rounded(line.amount, worth), left)
        back = part if remaining else left
        left -= back
        if back:
            made = credit(line, start, end, -back)
            if line.given and (start, end) == (line.start, line.end):
                made.full = minor(Fraction(line.full * (line.amount - line.given), line.amount), "JPY")
            yield made


def credit(line: Line, start: date, end: date, amount: int) -> Line:
    """The line that gives days of a line back, taken off it."""
    line.left += amount
    line.open -= set(days_of(start, end))
    return Line(
        line.account,
        line.subscription,
        line.charge,
        start,
        end,
        line.cycle,
        line.currency,
        line.quantity,
        line.full,
        amount,
        0,
        line,
    )


def part_of(line: Line, one: Stretch, start: date, end: date) -> Iterator[Line]:
    """The line of some days of a stretch: their share of what the stretch owes."""
    amount = line.amount
    if (start, end) != (one.start, one.end):
        amount = _rounded(amount, _worth(line, start, end, (one.start, one.end)))
    if amount:
        yield opened(
            Line(
                line.account,
                line.subscription,
                line.charge,
                start,
                end,
                line.cycle,
                line.currency,
                line.quantity,
                line.full,
                amount,
            )
        )


def _rounded(amount: int, part: Fraction) -> int:
    """A share of minor units, half up."""
    return minor(amount * part, "JPY")
