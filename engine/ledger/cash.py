"""Entries of money at a bank: what it has booked against a clearing account, and what becomes of that.

Clearing holds what the bank has booked and nobody has used yet.  What is taken from it is worth a share of what the bank entry
was worth on its day; what rates have moved since is the difference to what is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.posting import Determine, Role, Side, difference_role, entry
from engine.ledger.settlements import KIND, ROLE
from engine.model.cash import ENTRY_KIND, BankEntry, OpenEntry
from engine.model.journal import FxRate, JournalEntry, Posting
from engine.model.settlement import Leg

SOURCE: Final = "open item"
"""Source of rates of what stands in the books at that of its own day."""
_RATE: Final = Decimal("1e-12")


class Part(msgspec.Struct, frozen=True):
    """A posting beside the legs of an act: a debit where ``amount`` is above zero; to an ``account`` that a ``decision`` has
    named before, or to that of the role.  ``rate`` is that which it is worth so much at, where that is one of its day."""

    role: Role
    currency: str
    amount: Decimal
    functional: Decimal
    country: str = ""
    product: str = ""
    account: str = ""
    decision: int = 0
    rate: FxRate | None = None


class Ground(msgspec.Struct, frozen=True):
    """What an entry of cash is about: whose books, the day, the words, and the accounts by currency."""

    tenant: str
    entity: str
    country: str
    day: date
    text: str
    own: str
    accounts: Callable[[str], Determine]


def bank_entry(one: BankEntry, country: str, rate: FxRate, accounts: Determine) -> JournalEntry:
    """What a bank has booked: cash against clearing; the name of the bank account is the product that rules see."""
    sides = [
        Side("cash", country, one.account, one.amount, 0),
        Side("bank_clearing", country, one.account, -one.amount, 0),
    ]
    return entry(one.tenant, one.entity, ENTRY_KIND, one.booked, one.text, sides, rate, accounts)


def worth_of(one: OpenEntry, amount: Decimal) -> Decimal:
    """What an amount of a bank entry is worth: a share of what the whole is worth, a function of what is left alone."""
    whole = one.entry

    def at(left: Decimal) -> Decimal:
        if left == whole.amount:
            return whole.functional
        return round_to(CONTEXT.divide(whole.functional * left, whole.amount), whole.functional_currency)

    return at(one.left) - at(one.left - amount)


def cash_entry(ground: Ground, legs: Sequence[Leg], parts: Sequence[Part], kind: str = KIND) -> JournalEntry | None:
    """The balanced entry of an act: first its legs, then the other parts, then what rates have moved in between.

    None where nothing of value moves.
    """
    one = ground
    postings = [
        _posting(one, Part(ROLE.get(leg.item.kind, "receivable"), leg.item.currency, leg.amount, leg.functional))
        for leg in legs
    ]
    postings += [_posting(one, part) for part in parts if part.amount or part.functional]
    off = -sum((posting.functional_amount for posting in postings), ZERO)
    if off:
        role = difference_role(off, one.own, len(postings))
        postings.append(_posting(one, Part(role, postings[0].currency, ZERO, off)))
    if not any(posting.amount or posting.functional_amount for posting in postings):
        return None
    return JournalEntry(one.tenant, one.entity, kind, one.day, one.text, tuple(postings))


def exchanged(paid: tuple[str, Decimal, Decimal], owed: tuple[str, Decimal]) -> list[Part]:
    """Two parts by which money of one currency pays what is owed in another: both are worth what the money is worth, so that
    nothing is left of them in the currency of the books.

    ``paid`` is currency, amount and worth of the money that is taken; ``owed`` currency and amount that it settles.
    """
    (currency, amount, worth), (other, settled) = paid, owed
    return [
        Part("currency_exchange", currency, -amount, -worth),
        Part("currency_exchange", other, settled, worth),
    ]


def _posting(one: Ground, part: Part) -> Posting:
    if part.account:
        account, decision = part.account, part.decision
    else:
        account, decision = one.accounts(part.currency)(part.role, part.country or one.country, part.product)
    head = (account, part.currency, part.amount, one.own, part.functional)
    if part.rate is not None:
        return Posting(*head, part.rate.rate, part.rate.source, part.rate.on, 0, decision)
    rate = Decimal(1)
    if part.currency != one.own and part.amount:
        rate = abs(CONTEXT.divide(part.functional, part.amount)).quantize(_RATE, context=CONTEXT)
    source = SOURCE if part.currency != one.own else "same currency"
    return Posting(*head, rate, source, one.day, 0, decision)
