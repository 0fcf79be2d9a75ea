"""Entries of settlements: each leg on the account of what it settles, and the rest where the money comes from or goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.base.money import CONTEXT, ZERO, minor_unit
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
    cash and for what the legs are worth otherwise; then what rates have moved in between, as realised gain or loss, and what
    rounding has left.
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
    realised = _realised(one.rate, legs, off, cash=against == "cash") if off else ZERO
    if realised:
        role: Role = "realised_gain" if realised < ZERO else "realised_loss"
        postings.append(_of(one, role, ZERO, realised, at_day=True))
    if off != realised:
        postings.append(_of(one, "fx_difference", ZERO, off - realised, at_day=True))
    return JournalEntry(one.tenant, one.entity, KIND, one.day, one.text, tuple(postings))


def _realised(rate: FxRate, legs: Sequence[Leg], off: Decimal, *, cash: bool) -> Decimal:
    """What of a difference rates have made, and not rounding: a loss above zero.

    An item is at the rate of the day where all of it is worth what that rate makes of it, to a minor unit.  Against cash each leg
    that is at another rate bears its own difference; among items all of it is realised, unless they are at one rate.
    """
    if rate.base == rate.quote:
        return ZERO
    unit = minor_unit(rate.quote)
    if cash:
        moved = [leg for leg in legs if abs(convert(leg.item.amount, rate) - leg.item.worth) > unit]
        return sum((convert(leg.amount, rate) - leg.functional for leg in moved), ZERO)
    first = next((leg.item for leg in legs if leg.item.amount), None)
    if first is None:
        return ZERO
    at_one = (CONTEXT.divide(first.worth * leg.item.amount, first.amount) - leg.item.worth for leg in legs)
    return off if any(abs(difference) > unit for difference in at_one) else ZERO


def _of(one: Occasion, role: Role, amount: Decimal, functional: Decimal, *, at_day: bool = False) -> Posting:
    account, decision = one.accounts(role, one.country, "")
    rate: FxRate = one.rate
    kept, source = rate.rate, rate.source
    if not at_day and rate.base != rate.quote and amount:
        kept, source = CONTEXT.divide(functional, amount).quantize(_RATE, context=CONTEXT), SOURCE
    return Posting(account, rate.base, amount, rate.quote, functional, kept, source, rate.on, 0, decision)
