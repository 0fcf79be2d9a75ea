"""What was billed before, and what is left of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec

from engine.base.errors import Code, TollbookError, refuse
from engine.base.money import ZERO
from engine.base.period import Period, subtract
from engine.model.invoice import BilledLine, RatedCharge

OVER_CREDITED = Code("billing.over-credited", "A billed line of which more was given back than it charged.")
CREDIT_OUTSIDE = Code("billing.credit-outside", "A credit on days that the billed line does not have.")


class Open(msgspec.Struct, frozen=True):
    """A billed line, the days of it that were not credited yet, and the money that is left of it.

    ``days`` are those on which it says what is billed; on ``covered`` days another line that bills the difference to it
    does.  Such a line has ``now``, the charge with the plan, quantity and price that hold with it, and ``under``, the lines
    that it is the difference to, the nearest first.  ``adjusted`` is what was given back of the money alone, zero or of the
    other sign than the line's amount.
    """

    line: BilledLine
    days: tuple[Period, ...]
    left: Decimal
    now: RatedCharge
    adjusted: Decimal = ZERO
    covered: tuple[Period, ...] = ()
    under: tuple[Open, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it still bills its days: something is left of it, or money alone was given back."""
        return bool(self.left) or bool(self.adjusted and self.days)

    def is_of(self, plan: str, charge: str) -> bool:
        """Whether the line bills that charge of that plan, and still stands."""
        return self.stands and self.line.charge.charge == charge and self.line.charge.plan == plan

    def still(self) -> timedelta:
        """How much of its service was not given back, covered or not."""
        return sum((days.length for days in (*self.days, *self.covered)), timedelta())


def service(line: BilledLine) -> Period:
    """The service period of a billed line."""
    return Period(line.charge.service_from, line.charge.service_to)


def open_lines(billed: Sequence[BilledLine]) -> list[Open]:
    """Lines that charged something, with the credits on them taken off, in the order in which they were billed.

    A credit whose service period is empty takes money off the whole line and gives no days back.  One that was voided is
    followed by its opposite, a credit with the sign of the line, which brings both again.

    Raises:
        TollbookError: ``billing.over-credited``, ``billing.credit-outside``.
    """
    if not billed:
        return []
    credits: Mapping[int, list[RatedCharge]] = defaultdict(list)
    differences: dict[int, list[BilledLine]] = {}
    for line in billed:
        if line.charge.credits:
            credits[line.charge.credits].append(line.charge)
        elif line.charge.upon:
            differences.setdefault(line.charge.upon, []).append(line)
    opened = [_open(line, credits.get(line.id, ())) for line in billed if not line.charge.credits]
    return _stacked(opened, differences) if differences else opened


def _open(line: BilledLine, credits: Sequence[RatedCharge]) -> Open:
    if not credits:
        return Open(line, (service(line),), line.charge.amount, line.charge)
    left = line.charge.amount + sum((one.amount for one in credits), ZERO)
    back: list[Period] = []
    for one in credits:
        days = Period(one.service_from, one.service_to)
        if days.start < line.charge.service_from or days.end > line.charge.service_to:
            raise _corrupt(CREDIT_OUTSIDE, line, f"a credit on {days}")
        if days.start != days.end:
            back = list(subtract(back, [days])) if restores(one, line.charge) else [*back, days]
    if (left and left.is_signed() != line.charge.amount.is_signed()) or abs(left) > abs(line.charge.amount):
        raise _corrupt(OVER_CREDITED, line, f"credits leave {left} of {line.charge.amount} {line.charge.currency}")
    adjusted = sum((one.amount for one in credits if one.service_from == one.service_to), ZERO)
    return Open(line, tuple(subtract([service(line)], back)), left, line.charge, adjusted)


def restores(credit: RatedCharge, billed: RatedCharge) -> bool:
    """Whether a credit on a line is the opposite of one that was voided."""
    return bool(credit.amount) and credit.amount.is_signed() == billed.amount.is_signed()


def _corrupt(code: Code, line: BilledLine, what: str) -> TollbookError:
    charge = line.charge
    return refuse(
        code,
        f"{what}, of the line of {charge.plan}/{charge.charge} for {service(line)}",
        why="a credit never exceeds what is left of the line that was billed",
        mend="run `tollbook verify`; nothing of the subscription is billed until its lines are right",
        subject=f"subscription/{charge.subscription}",
    )


def billed_twice(opens: Sequence[Open]) -> tuple[Open, Open] | None:
    """Two lines of one charge that both charge some day, where there are such; lines of which no money is left do not count."""
    kept: dict[str, list[Open]] = {}
    for one in opens:
        if one.left:
            there = kept.setdefault(one.line.charge.charge, [])
            for other in there:
                if any(days.meet(also) for days in one.days for also in other.days):
                    return other, one
            there.append(one)
    return None


def _stacked(opened: Sequence[Open], differences: Mapping[int, Sequence[BilledLine]]) -> list[Open]:
    """Lines some of which bill the difference to others of them."""
    lines = {one.line.id: one for one in opened}
    made: dict[int, Open] = {}
    for ident in sorted(lines):
        one = lines[ident]
        over = [days for upper in differences.get(ident, ()) for days in lines[upper.id].days]
        below = made.get(one.line.charge.upon)
        if over:
            both = [days for mine in one.days for other in over if (days := mine.meet(other))]
            one = msgspec.structs.replace(one, days=tuple(subtract(one.days, over)), covered=tuple(both))
        if below is not None:
            one = msgspec.structs.replace(one, now=_with(below.now, one.now), under=(below, *below.under))
        made[ident] = one
    return list(made.values())


def _with(below: RatedCharge, difference: RatedCharge) -> RatedCharge:
    """What is billed with a line for the difference to ``below``."""
    same = below.plan == difference.plan
    quantity = below.quantity + difference.quantity if same else difference.quantity
    return msgspec.structs.replace(difference, quantity=quantity, full=below.full + difference.full)


def billed_in_part(plan: str, charge: str, days: Period, billed: Iterable[Open]) -> bool:
    """Whether some of the days were billed for that charge."""
    return any(one.is_of(plan, charge) and any(days.meet(there) for there in one.days) for one in billed)
