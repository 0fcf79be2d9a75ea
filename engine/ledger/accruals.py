"""What accruals post: the difference between what is delivered and unbilled and what the books hold, and its entry.

What is released of a key takes its share of what the key is kept at; the last release takes the rest, so that nothing stays in
functional currency once nothing stays in that of the bill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.fx import convert
from engine.ledger.posting import Determine
from engine.model.accrual import KIND, Accruable, AccrualKey, AccrualMove, Accrued
from engine.model.journal import FxRate, JournalEntry, Posting

RateOf = Callable[[str], FxRate]
"""The rate of the day from a currency into the functional one; raises ``fx.no-rate``."""


def moved(key: AccrualKey, wanted: Accruable | None, held: Accrued | None, rate_of: RateOf) -> AccrualMove | None:
    """What brings a key from what the books hold to what is wanted; None where that is the same.

    What is added is converted at the rate of the day; what is released goes out at what it is kept at.

    Raises:
        TollbookError: ``fx.no-rate``, where something is added.
    """
    target = wanted.amount if wanted else ZERO
    there = held.amount if held else ZERO
    if target == there:
        return None
    service_to = wanted.service_to if wanted else held.service_to if held else key.service_from
    decision = wanted.decision if wanted else 0
    if held is not None and (not target or (target * there > ZERO and abs(target) < abs(there))):
        kept = round_to(CONTEXT.divide(held.functional * target, there), held.rate.quote)
        return AccrualMove(key, service_to, target - there, kept - held.functional, held.rate, decision)
    rate = rate_of(key.currency)
    if held is None or target * there > ZERO:
        return AccrualMove(key, service_to, target - there, convert(target - there, rate), rate, decision)
    return AccrualMove(key, service_to, target - there, convert(target, rate) - held.functional, rate, decision)


def moves(
    wanted: Mapping[AccrualKey, Accruable], held: Mapping[AccrualKey, Accrued], rate_of: RateOf
) -> list[AccrualMove]:
    """What brings the books from what they hold to what is wanted, in order of key.

    Raises:
        TollbookError: ``fx.no-rate``.
    """
    found = (moved(key, wanted.get(key), held.get(key), rate_of) for key in sorted(wanted.keys() | held.keys()))
    return [one for one in found if one is not None]


def accrual_entry(tenant: str, month: date, on: date, move: AccrualMove, accounts: Determine) -> JournalEntry:
    """The entry of a move, dated ``on``: debit what is unbilled, credit revenue; the other way round for what is released."""
    key = move.key
    words = "accrual" if move.amount > ZERO else "release"
    service = f"{key.service_from}..{move.service_to}"
    text = f"{words} of {key.charge} of {key.subscription} {service} for {month:%Y-%m}"
    return JournalEntry(tenant, key.entity, KIND, on, text, _postings(move, accounts))


def _postings(move: AccrualMove, accounts: Determine) -> tuple[Posting, Posting]:
    key, rate = move.key, move.rate
    account, asset = accounts(key.role, key.country, key.product)
    income, revenue = accounts("revenue", key.country, key.product)
    kept = (rate.rate, rate.source, rate.on, 0)
    debit = Posting(account, key.currency, move.amount, rate.quote, move.functional, *kept, asset)
    return debit, Posting(income, key.currency, -move.amount, rate.quote, -move.functional, *kept, revenue)


def total(moves_made: list[AccrualMove]) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """What moves add and release, by legal entity and currency."""
    sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for one in moves_made:
        added, released = sums.get((one.key.entity, one.key.currency), (ZERO, ZERO))
        more = (added + one.amount, released) if one.amount > ZERO else (added, released - one.amount)
        sums[one.key.entity, one.key.currency] = more
    return sums
