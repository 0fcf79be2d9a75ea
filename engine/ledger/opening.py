"""Entries of opening balances: what was owed or held at the cut-over, against one account of equity."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT
from engine.ledger.posting import Determine, Role
from engine.model.journal import JournalEntry, Posting

NO_VALUE = Code("ledger.no-value", "An opening balance that is worth nothing in one of its two currencies.")

SOURCE: Final = "cut-over"
"""Source of the exchange rates of opening balances: they were frozen by the books that they come from."""
_RATE: Final = Decimal("1e-12")


class OpeningBalance(msgspec.Struct, frozen=True):
    """One balance that is brought over: a debit if ``amount`` is positive, with what it is worth in functional currency."""

    tenant: str
    entity: str
    role: Role
    country: str
    product: str
    currency: str
    amount: Decimal
    functional_currency: str
    functional_amount: Decimal
    text: str


def opening_entry(balance: OpeningBalance, on: date, accounts: Determine) -> JournalEntry:
    """The entry of one opening balance, dated ``on``: its own account against that of ``opening_balance``.

    The rate is what its two amounts come to; the amounts are what they were in the books that they come from.

    Raises:
        TollbookError: ``ledger.no-value``.
    """
    one = balance
    if not one.amount * one.functional_amount > 0:
        raise refuse(
            NO_VALUE,
            f"{one.text}: {one.amount} {one.currency} is worth {one.functional_amount} {one.functional_currency}",
            mend="leave out what is nothing, and give both amounts the same sign",
        )
    rate = CONTEXT.divide(one.functional_amount, one.amount).quantize(_RATE, context=CONTEXT)
    sides: list[Posting] = []
    for role, sign in ((one.role, 1), ("opening_balance", -1)):
        product = one.product if role == one.role else ""
        account, decision = accounts(role, one.country, product)
        sides.append(
            Posting(
                account,
                one.currency,
                sign * one.amount,
                one.functional_currency,
                sign * one.functional_amount,
                rate,
                SOURCE,
                on,
                0,
                decision,
            )
        )
    return JournalEntry(one.tenant, one.entity, "opening", on, one.text, tuple(sides))
