"""What was billed before, and what is left of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from engine.base.money import ZERO
from engine.base.period import Period, subtract
from engine.model.invoice import BilledLine, RatedCharge


class Open(msgspec.Struct, frozen=True):
    """A billed line, the days of it that were not credited yet, and the money that is left of it."""

    line: BilledLine
    days: tuple[Period, ...]
    left: Decimal

    def is_of(self, plan: str, charge: str) -> bool:
        """Whether the line bills that charge of that plan, and something is left of it."""
        return bool(self.left) and self.line.charge.charge == charge and self.line.charge.plan == plan


def service(line: BilledLine) -> Period:
    """The service period of a billed line."""
    return Period(line.charge.service_from, line.charge.service_to)


def open_lines(billed: Sequence[BilledLine]) -> list[Open]:
    """Lines that charged something, with the credits on them taken off."""
    credits: Mapping[int, list[RatedCharge]] = defaultdict(list)
    for line in billed:
        if line.charge.credits:
            credits[line.charge.credits].append(line.charge)
    return [
        Open(
            line,
            tuple(subtract([service(line)], [Period(c.service_from, c.service_to) for c in credits[line.id]])),
            line.charge.amount + sum((c.amount for c in credits[line.id]), ZERO),
        )
        for line in billed
        if not line.charge.credits
    ]


def billed_in_part(plan: str, charge: str, days: Period, billed: Iterable[Open]) -> bool:
    """Whether some of the days were billed for that charge."""
    return any(one.is_of(plan, charge) and any(days.meet(there) for there in one.days) for one in billed)
