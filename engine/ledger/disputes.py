"""Entries of disputes: what the bank took or brought, what is open again or held, what is lost, and the bank's fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.fx import convert
from engine.ledger.posting import Role, difference_role
from engine.ledger.settlements import KIND, ROLE, SOURCE
from engine.ledger.wallets import Occasion
from engine.model.dispute import ENTRY, Position
from engine.model.journal import JournalEntry, Posting
from engine.model.settlement import Leg

_RATE: Final = Decimal("1e-12")

ROLES: Final[tuple[Role, ...]] = ("dispute_receivable", "dispute_fees")
"""Roles of disputes beside those of settlements."""


def worth_of_held(occasion: Occasion, there: Position, held: Decimal) -> Decimal:
    """What is added to the worth of what is held, in functional currency: what comes is worth what it is on its day, what goes
    takes its share with it."""
    if held >= ZERO:
        return convert(held, occasion.rate)
    if held == -there.held:
        return -there.worth
    return round_to(CONTEXT.divide(there.worth * held, there.held), occasion.rate.quote)


def dispute_entry(
    occasion: Occasion, legs: Sequence[Leg], sums: Mapping[Role, Decimal], worth: Mapping[Role, Decimal]
) -> JournalEntry:
    """The balanced entry of a dispute.

    Its first postings are those of the legs, in their order, as in all entries of settlements.  Then come the ``sums`` of roles, a
    debit above zero, each for what it is ``worth`` or at the rate of the day; the rest is what rates have moved.
    """
    postings = [_of(occasion, ROLE.get(leg.item.kind, "receivable"), leg.amount, leg.functional) for leg in legs]
    for role, amount in sums.items():
        if amount:
            own = worth[role] if role in worth else convert(amount, occasion.rate)
            postings.append(_of(occasion, role, amount, own, at_day=role not in worth))
    off = -sum((posting.functional_amount for posting in postings), ZERO)
    if off:
        role = difference_role(off, occasion.rate.quote, len(postings))
        postings.append(_of(occasion, role, ZERO, off, at_day=True))
    kind = KIND if legs else ENTRY
    return JournalEntry(occasion.tenant, occasion.entity, kind, occasion.day, occasion.text, tuple(postings))


def _of(one: Occasion, role: Role, amount: Decimal, functional: Decimal, *, at_day: bool = False) -> Posting:
    account, decision = one.accounts(role, one.country, "")
    rate, kept, source = one.rate, one.rate.rate, one.rate.source
    if not at_day and rate.base != rate.quote and amount:
        kept, source = CONTEXT.divide(functional, amount).quantize(_RATE, context=CONTEXT), SOURCE
    return Posting(account, rate.base, amount, rate.quote, functional, kept, source, rate.on, 0, decision)
