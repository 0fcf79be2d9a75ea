"""Revaluation: what money that is owed in foreign currency is worth at a closing rate, and what was gained or lost by it.

A revaluation changes what an account is kept at in functional currency and nothing else, so its postings have no amount in
transaction currency.  It is turned round on the next day: until it is paid, what is owed is kept at the rate of its document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.fx import convert
from engine.ledger.posting import Determine, Role
from engine.model.journal import FxRate, JournalEntry, Posting
from engine.model.revaluation import BACK, KIND, Exposure, Revalued

MIXED_ACCOUNT = Code("fx.mixed-account", "A GL account that one posting rule has revalued and another one does not.")
OVERSETTLED = Code("fx.over-settled", "A settlement of more than is open, or of the other side.")

Valued = Literal["historical", "closing", "refundable"]
"""How a GL account is valued at a closing date, as posting rules say: never again, whole, or the part of it that is given back."""


class Settled(msgspec.Struct, frozen=True, gc=False):
    """What a settlement takes off an open item: ``released`` of what it is kept at, for money that is ``worth`` so much at the
    rate of the day; ``difference`` is a realised gain where it is positive, both as debits of the open item."""

    released: Decimal
    worth: Decimal
    difference: Decimal


def settled(amount: Decimal, open_amount: Decimal, kept_at: Decimal, rate: FxRate) -> Settled:
    """What is gained or lost where ``amount`` of an open item is settled at the rate of the day.

    Args:
        amount: what is settled, in transaction currency, with the sign of the open item.
        open_amount: what was open of it before; a debit is positive.
        kept_at: what the books kept that at, in functional currency.
        rate: of the day on which it is settled, transaction to functional currency.

    A part takes its share of what the item is kept at, rounded half up; the last one takes the rest, so that parts release
    exactly what the item was kept at.

    Raises:
        TollbookError: ``fx.over-settled``.
    """
    if not amount or amount * open_amount <= ZERO or abs(amount) > abs(open_amount):
        what = f"{amount:f} {rate.base} cannot be settled where {open_amount:f} {rate.base} is open"
        raise refuse(OVERSETTLED, what, mend="settle at most what is open; the rest is money on account")
    whole = amount == open_amount
    released = kept_at if whole else round_to(CONTEXT.divide(kept_at * amount, open_amount), rate.quote)
    worth = convert(amount, rate)
    return Settled(released, worth, worth - released)


def valued_accounts(terms: Iterable[Mapping[str, str]]) -> dict[str, Valued]:
    """GL account -> how it is valued, by the terms of all posting rules in force.

    Raises:
        TollbookError: ``fx.mixed-account`` for every account that rules do not agree about.
    """
    found: dict[str, set[Valued]] = {}
    for each in terms:
        found.setdefault(each["account"], set()).add(each["valued"])  # type: ignore[arg-type]
    mixed = [
        Finding(
            MIXED_ACCOUNT,
            Where(f"gl-account/{account}"),
            f"posting rules value GL account {account} as {' and as '.join(sorted(ways))}",
            why="a balance cannot be told apart again into what is revalued and what keeps its rate",
            mend="let the rules name accounts of their own, or give all of them the same `valued`",
            subject=f"gl-account/{account}",
        )
        for account, ways in sorted(found.items())
        if len(ways) > 1
    ]
    if mixed:
        raise TollbookError(mixed)
    return {account: way for account, (way,) in found.items()}


def revalued(exposures: Iterable[Exposure], rate_of: Callable[[str, str], FxRate]) -> list[Revalued]:
    """The exposures at the closing rates, in the order of their keys; balances of nothing are left out.

    Raises:
        TollbookError: ``fx.no-rate`` for every pair of currencies that has none.
    """
    made: list[Revalued] = []
    missing: dict[Finding, None] = {}
    for one in sorted(exposures, key=lambda e: (e.entity, e.account, e.currency, e.customer)):
        if not one.amount or one.currency == one.functional_currency:
            continue
        try:
            rate = rate_of(one.currency, one.functional_currency)
        except TollbookError as error:
            missing |= dict.fromkeys(error.findings)
            continue
        worth = convert(one.amount, rate)
        made.append(Revalued(one, rate, worth, worth - one.functional))
    if missing:
        raise TollbookError(missing)
    return made


def changed(items: Iterable[Revalued], standing: Iterable[Revalued]) -> list[Revalued]:
    """What differs from what stands of earlier rounds of the same day, with the difference that is booked of it; what is owed no more
    comes to nothing.  In order of key.  An item is left out where what stands is the same in every amount."""
    before = {_key(one): one for one in standing}
    made: list[Revalued] = []
    for item in items:
        there = before.pop(_key(item), None)
        if there is None:
            made.append(item)
        elif (there.exposure, there.worth) != (item.exposure, item.worth):
            made.append(msgspec.structs.replace(item, before=there.difference))
    for there in before.values():
        if there.exposure.amount:
            gone = msgspec.structs.replace(there.exposure, amount=ZERO, functional=ZERO)
            made.append(Revalued(gone, there.rate, ZERO, ZERO, there.difference))
    return sorted(made, key=_key)


def _key(item: Revalued) -> tuple[str, str, str, str]:
    one = item.exposure
    return one.entity, one.account, one.currency, one.customer


def revaluation_entries(
    tenant: str, on: date, items: Sequence[Revalued], accounts: Determine
) -> tuple[JournalEntry, JournalEntry] | None:
    """The entry of items of one legal entity, GL account and currency, and the one of the next day that turns it round; None
    where nothing was gained or lost beyond what stands of an earlier round.

    Gains and losses are added up by themselves, customer by customer: they are not set off against one another.
    """
    first = items[0]
    gains = sum((item.gained for item in items), ZERO)
    losses = sum((item.lost for item in items), ZERO)
    if not gains and not losses:
        return None
    one, rate = first.exposure, first.rate

    def posting(account: str, functional: Decimal, decision: int) -> Posting:
        sides = (one.currency, ZERO, one.functional_currency, functional)
        return Posting(account, *sides, rate.rate, rate.source, rate.on, 0, decision)

    wanted: tuple[tuple[Role, Decimal], ...] = (("unrealised_gain", -gains), ("unrealised_loss", -losses))
    postings = [posting(one.account, gains + losses, 0)] if gains + losses else []
    for role, amount in wanted:
        if amount:
            account, decision = accounts(role, "", "")
            postings.append(posting(account, amount, decision))
    text = f"revaluation of {one.account} in {one.currency} on {on}"
    entry = JournalEntry(tenant, one.entity, KIND, on, text, tuple(postings))
    return entry, turned_round(entry)


def turned_round(entry: JournalEntry) -> JournalEntry:
    """The entry of the next day that takes a revaluation back."""
    postings = tuple(
        msgspec.structs.replace(posting, functional_amount=-posting.functional_amount) for posting in entry.postings
    )
    return msgspec.structs.replace(
        entry,
        kind=BACK,
        posting_date=entry.posting_date + timedelta(days=1),
        text=f"reversal of {entry.text}",
        postings=postings,
    )
