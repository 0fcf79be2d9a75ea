"""Entries of wallets: prepaid money is a liability until it pays for something, is given back, or expires.

The liability of a lot is what it cost, at the exchange rate of the day on which it was paid.  What a draw is worth more than
that (of a lot that cost less than it is worth, or nothing) is the cost of a promotion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import CONTEXT, ZERO
from engine.ledger.fx import convert
from engine.ledger.posting import Determine, Role
from engine.model.journal import FxRate, JournalEntry, Posting
from engine.model.wallet import Move

KIND: Final = "wallet"
"""Kind of all entries of wallets."""
SOURCE: Final = "grant"
"""Source of the exchange rates of lots: they are those of the day on which the lot was granted."""
_RATE: Final = Decimal("1e-12")

AGAINST: Final[Mapping[str, Role]] = {
    "grant": "wallet_funding",
    "void": "wallet_funding",
    "draw": "wallet_use",
    "breakage": "breakage",
    "refundable": "unapplied_cash",
}
"""What each act outside of an invoice is booked against."""


class Occasion(msgspec.Struct, frozen=True):
    """What an entry is about: whose books, whose money, the rate of the day and the accounts."""

    tenant: str
    entity: str
    country: str
    day: date
    text: str
    rate: FxRate
    accounts: Determine


def wallet_entry(occasion: Occasion, moves: Sequence[Move], against: Role) -> JournalEntry | None:
    """The balanced entry of some moves; None where nothing of value moves.

    Its first postings are those of the liability, one for each move that changes it, in the order of the moves.
    """
    one, rate = occasion, occasion.rate
    used = against in ("receivable", "wallet_use")
    postings = [
        _posting(one, "wallet", -move.cost, -move.functional, _rate_of(rate, move.cost, move.functional))
        for move in moves
        if move.cost or move.functional
    ]
    cost, worth = sum((m.cost for m in moves), ZERO), sum((m.functional for m in moves), ZERO)
    given = cost - sum((m.amount for m in moves), ZERO) if used else ZERO
    if given:
        postings.append(_posting(one, "promotion", given, convert(given, rate), rate))
    rest = -sum((posting.amount for posting in postings), ZERO)
    if rest:
        own = convert(rest, rate) if used else -sum((p.functional_amount for p in postings), ZERO)
        postings.append(_posting(one, against, rest, own, rate if used else _rate_of(rate, cost, worth)))
    off = -sum((posting.functional_amount for posting in postings), ZERO)
    if off:
        postings.append(_posting(one, "fx_difference", ZERO, off, rate))
    return JournalEntry(one.tenant, one.entity, KIND, one.day, one.text, tuple(postings)) if postings else None


def _rate_of(rate: FxRate, cost: Decimal, worth: Decimal) -> FxRate:
    """The rate at which a liability is kept."""
    if rate.base == rate.quote or not cost:
        return rate
    kept = CONTEXT.divide(worth, cost).quantize(_RATE, context=CONTEXT)
    return msgspec.structs.replace(rate, rate=kept, source=SOURCE)


def _posting(one: Occasion, role: Role, amount: Decimal, functional: Decimal, rate: FxRate) -> Posting:
    account, decision = one.accounts(role, one.country, "")
    return Posting(account, rate.base, amount, rate.quote, functional, rate.rate, rate.source, rate.on, 0, decision)
