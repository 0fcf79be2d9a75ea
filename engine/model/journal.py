"""Double entry: GL accounts, postings, entries.  A positive amount is a debit, a negative one a credit."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec


class FxRate(msgspec.Struct, frozen=True, gc=False):
    """One unit of ``base`` costs ``rate`` of ``quote``, as published by ``source`` for the day ``on``."""

    base: str
    quote: str
    rate: Decimal
    source: str
    on: date


class GLAccount(msgspec.Struct, frozen=True, gc=False):
    """An account of the general ledger: ``kind`` is asset, liability, equity, income or expense."""

    code: str
    name: str
    kind: str


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One side of an entry, in transaction and in functional currency, with the rate that stays with it for ever."""

    account: str
    currency: str
    amount: Decimal
    functional_currency: str
    functional_amount: Decimal
    rate: Decimal
    rate_source: str
    rate_on: date
    line: int = 0
    decision: int = 0


class JournalEntry(msgspec.Struct, frozen=True, gc=False):
    """A balanced set of postings of one legal entity.  Natural key: (tenant, entity, document, kind).

    Built by ``ledger.posting`` alone, which refuses what does not balance in both currencies.
    """

    tenant: str
    entity: str
    kind: str
    posting_date: date
    text: str
    postings: tuple[Posting, ...]


class Change(msgspec.Struct, frozen=True, gc=False):
    """Who changes something, when, and why.  Every writer of the books takes one; ``store`` refuses an empty reason."""

    who: str
    at: datetime
    reason: str
