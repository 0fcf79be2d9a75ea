"""Contract balances: receivables, contract assets and liabilities, net per contract, day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec

from engine.base.money import ZERO

REVENUE, DUE, PAID, REFUNDED = "revenue", "due", "paid", "refunded"


class Movement(msgspec.Struct, frozen=True):
    """What moves the balances of a contract.

    ``revenue``: earned; ``due``: the right to the amount became unconditional (invoiced, or due although it cannot be
    cancelled); ``paid``: money came; ``refunded``: money went back.
    """

    on: date
    kind: str
    amount: Decimal


class Balance(msgspec.Struct, frozen=True):
    """Balances at the end of a day; at most one of asset and liability is above nothing."""

    on: date
    receivable: Decimal
    contract_asset: Decimal
    contract_liability: Decimal
    revenue: Decimal
    cash: Decimal


class Entry(msgspec.Struct, frozen=True):
    """A day's change of balances: debits above zero, credits below, together nothing."""

    on: date
    sides: tuple[tuple[str, Decimal], ...]


def daily(movements: Iterable[Movement]) -> list[Balance]:
    """Balances after each day that has a movement, whatever order these come in.

    Money before there is a receivable is an advance: a contract liability until it is earned.  What was earned before it is
    due is a contract asset.
    """
    days: dict[date, dict[str, Decimal]] = {}
    for one in movements:
        sums = days.setdefault(one.on, dict.fromkeys((REVENUE, DUE, PAID, REFUNDED), ZERO))
        sums[one.kind] += one.amount
    found, earned, due, paid = [], ZERO, ZERO, ZERO
    for on in sorted(days):
        sums = days[on]
        earned, due, paid = earned + sums[REVENUE], due + sums[DUE], paid + sums[PAID] - sums[REFUNDED]
        net = earned - max(due, paid)
        found.append(Balance(on, max(due - paid, ZERO), max(net, ZERO), max(-net, ZERO), earned, paid))
    return found


def entries(movements: Iterable[Movement]) -> list[Entry]:
    """What to post for the movements: one entry for each day whose balances differ from those before."""
    before, found = Balance(date.min, ZERO, ZERO, ZERO, ZERO, ZERO), []
    for now in daily(movements):
        sides = (
            ("cash", now.cash - before.cash),
            ("receivable", now.receivable - before.receivable),
            ("contract_asset", now.contract_asset - before.contract_asset),
            ("contract_liability", before.contract_liability - now.contract_liability),
            ("revenue", before.revenue - now.revenue),
        )
        moved = tuple(side for side in sides if side[1])
        if moved:
            found.append(Entry(now.on, moved))
        before = now
    return found


def at(balances: Iterable[Balance], day: date) -> Balance:
    """Balances at the end of a day."""
    nothing = Balance(day, ZERO, ZERO, ZERO, ZERO, ZERO)
    return max((one for one in balances if one.on <= day), key=lambda one: one.on, default=nothing)
