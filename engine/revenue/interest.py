"""Interest of contracts whose money and performance are far apart, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import add_months
from engine.model.revenue_contract import FinancingTerms
from engine.revenue.financing import grown, monthly, prepaid, present_value, significant


class Interest(msgspec.Struct, frozen=True):
    """Interest that is apart: ``price`` is what it adds to the transaction price, ``items`` what accrues at the end of each day that
    has some.  Interest that the seller owes is positive, what he earns is negative."""

    price: Decimal = ZERO
    items: tuple[tuple[date, Decimal], ...] = ()

    def accrued(self, day: date, until: date | None = None) -> Decimal:
        """Interest up to the end of a day; none after ``until``."""
        last = day if until is None else min(day, until)
        return sum((amount for on, amount in self.items if on <= last), ZERO)


def financed(
    terms: FinancingTerms | None, price: Decimal, signed: date, rule: Mapping[str, Any], currency: str
) -> Interest:
    """The interest of a contract by its terms of payment, if the rule finds that significant."""
    if terms is None or not price:
        return Interest()
    begins = terms.begins or signed
    if not significant(rule, begins, add_months(begins, terms.months)):
        return Interest()
    ends = [add_months(begins, count + 1) - timedelta(days=1) for count in range(terms.months)]
    if terms.way == "prepaid":
        steps = prepaid(price, monthly(terms.rate), terms.months, currency)
        accrued = [step.interest for step in steps]
        return Interest(sum(accrued, ZERO), tuple(zip(ends, accrued, strict=True)))
    if terms.way == "delivery":
        worth = [_grown(price, terms.rate, count + 1, currency) for count in range(terms.months)]
        accrued = [after - before for before, after in zip([price, *worth], worth, strict=False)]
        return Interest(worth[-1] - price, tuple(zip(ends, accrued, strict=True)))
    return _instalments(terms, price, ends, currency)


def _grown(price: Decimal, rate: Decimal, months: int, currency: str) -> Decimal:
    """What a price is worth after so many months at a rate of a year."""
    if months % 12 == 0:
        return round_to(grown(price, rate, months // 12), currency)
    return round_to(price * CONTEXT.power(1 + rate, CONTEXT.divide(Decimal(months), Decimal(12))), currency)


def _instalments(terms: FinancingTerms, price: Decimal, ends: list[date], currency: str) -> Interest:
    """What was delivered is worth what its instalments are worth now; the rest of them is interest that is earned."""
    rate, count = monthly(terms.rate), terms.months
    payment = CONTEXT.divide(price, Decimal(count))
    worth = [round_to(present_value(payment, rate, left), currency) if left else ZERO for left in range(count, -1, -1)]
    paid = [round_to(payment * number, currency) for number in range(count + 1)]
    earned = [after + paid[n + 1] - before - paid[n] for n, (before, after) in enumerate(pairwise(worth))]
    return Interest(worth[0] - price, tuple((on, -amount) for on, amount in zip(ends, earned, strict=True)))
