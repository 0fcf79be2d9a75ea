"""Entries of settlements: each leg on the account of what it settles, and the rest where the money comes from or goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.base.money import CONTEXT, ZERO
from engine.ledger.fx import convert
from engine.ledger.posting import Role
from engine.ledger.wallets import Occasion
from engine.model.journal import FxRate, JournalEntry, Posting
from engine.model.settlement import Leg

KIND: Final = "settlement"
"""Kind of all entries of settlements."""
SOURCE: Final = "open item"
"""Source of the exchange rates of what is settled: it stands in the books at that of its own day."""
_RATE: Final = Decimal("1e-12")

ROLE: Final[Mapping[str, Role]] = {"credit": "account_credit", "cash": "unapplied_cash"}
"""What an item stands for in an entry, where that is not the receivable."""


def settlement_entry(occasion: Occasion, legs: Sequence[Leg], against: Role | None) -> JournalEntry | None:
    """The balanced entry of an act; None where nothing moves from one account to another.

    Its first postings are those of the legs, in their order; then comes the other side, at the rate of the day where it is
    cash and for what the legs are worth otherwise; then what rates have moved in between.
    """
    one = occasion
    sums: dict[Role, list[Decimal]] = {}
    for leg in legs:
        total = sums.setdefault(ROLE.get(leg.item.kind, "receivable"), [ZERO, ZERO])
        total[0] += leg.amount
        total[1] += leg.functional
    if not any(value for total in sums.values() for value in total):
        return None
    postings = [_of(one, ROLE.get(leg.item.kind, "receivable"), leg.amount, leg.functional) for leg in legs]
    rest = -sum((leg.amount for leg in legs), ZERO)
    if rest and against is not None:
        own = convert(rest, one.rate) if against == "cash" else -sum((leg.functional for leg in legs), ZERO)
        postings.append(_of(one, against, rest, own, at_day=against == "cash"))
    off = -sum((posting.functional_amount for posting in postings), ZERO)
    if off:
        postings.append(_of(one, "fx_difference", ZERO, off, at_day=True))
    return JournalEntry(one.tenant, one.entity, KIND, one.day, one.text, tuple(postings))


def _of(one: Occasion, role: Role, amount: Decimal, functional: Decimal, *, at_day: bool = False) -> Posting:
    account, decision = one.accounts(role, one.country, "")
    rate: FxRate = one.rate
    kept, source = rate.rate, rate.source
    if not at_day and rate.base != rate.quote and amount:
        kept, source = CONTEXT.divide(functional, amount).quantize(_RATE, context=CONTEXT), SOURCE
    return Posting(account, rate.base, amount, rate.quote, functional, kept, source, rate.on, 0, decision)
