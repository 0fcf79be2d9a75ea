"""What the share of another legal entity posts: mirrored entries in the books of both, which come to nothing over the group."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from engine.ledger.posting import Determine, Side, entry
from engine.model.accrual import INTERCOMPANY
from engine.model.journal import FxRate, JournalEntry


class Book(msgspec.Struct, frozen=True):
    """The books of one of the two: its key, the rate into its functional currency, and its GL accounts."""

    entity: str
    rate: FxRate
    accounts: Determine


def mirrored(
    tenant: str, on: date, text: str, place: tuple[str, str], amount: Decimal, owing: Book, owed: Book
) -> tuple[JournalEntry, JournalEntry]:
    """The entry of who owes a share, and that of who is owed it; ``place`` is country and product, for the rules of posting.

    In transaction currency both come to nothing over the group, receivable and payable, revenue and expense; a share that is given
    back has the signs the other way round.
    """
    country, product = place

    def of(book: Book, debit: str, credit: str, words: str) -> JournalEntry:
        sides = [
            Side(debit, country, product, amount, 0),  # type: ignore[arg-type]
            Side(credit, country, product, -amount, 0),  # type: ignore[arg-type]
        ]
        return entry(tenant, book.entity, INTERCOMPANY, on, f"{words} of {text}", sides, book.rate, book.accounts)

    return (
        of(owing, "intercompany_expense", "intercompany_payable", f"share of {owed.entity}"),
        of(owed, "intercompany_receivable", "intercompany_revenue", f"share by {owing.entity}"),
    )
