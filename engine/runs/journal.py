"""The journal of the books as :mod:`engine.ledger.export` takes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby, islice
from operator import itemgetter

from engine.ledger.export import Closing, Exported
from engine.store import tracing
from engine.store.reader import Reader

PAGE = 500


def exported(reader: Reader, tenant: str, entity: str, up_to: date | None) -> Iterator[Exported]:
    """Entries of one legal entity in order of posting date, each with the number of its document; streamed in pages."""
    stream = iter(reader.journal(tenant, entity, None, up_to))
    while page := list(islice(stream, PAGE)):
        known = tracing.numbers(reader, [document for _, document, _ in page])
        for entry_id, document, entry in page:
            yield Exported(entry_id, known.get(document, str(document)), entry)


def closings(reader: Reader, tenant: str, entity: str, up_to: date | None, book: str = "") -> Iterator[Closing]:
    """Balances of one legal entity at the end of each month from its first posting on, and at the end of ``up_to``.

    They are added up from what was written down with the postings, not from the postings.  Without ``up_to`` the last ones are
    those of the day of the newest posting.  With the name of a further ``book`` its own entries count as well.
    """
    balances: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    totals = reader.ledger_totals(tenant, entity, up_to)
    if book:
        totals = sorted(totals + reader.book_totals(tenant, book, entity, up_to))
    last = up_to or (totals[-1][0] if totals else None)
    month_end: date | None = None
    for day, posted in groupby(totals, itemgetter(0)):
        while month_end is not None and month_end < day:
            yield from _closed(entity, month_end, balances)
            month_end = _month_end(month_end + timedelta(days=1))
        month_end = month_end or _month_end(day)
        for _, account, currency, amount in posted:
            balances[account, currency] += amount
    while month_end is not None and last is not None and month_end < last:
        yield from _closed(entity, month_end, balances)
        month_end = _month_end(month_end + timedelta(days=1))
    if last is not None:
        yield from _closed(entity, last, balances)


def _closed(entity: str, day: date, balances: dict[tuple[str, str], Decimal]) -> Iterator[Closing]:
    for (account, currency), amount in sorted(balances.items()):
        yield Closing(entity, day, account, currency, amount)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
