"""Writes of further books: entries of their own, and how far each is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.errors import Finding, TollbookError, Where
from engine.model.further_books import BookEntry, BookMark
from engine.model.journal import Posting
from engine.store import bulk
from engine.store.bulk import Row
from engine.store.tables import BOOK_ENTRY, BOOK_MARK, BOOK_POSTING, BOOK_TOTAL
from engine.store.writing.base import WriterBase
from engine.store.writing.ledger import PERIOD_CLOSED

_MARK = BOOK_MARK.c


class FurtherBooksWriter(WriterBase):
    """Writes what further books hold beside the leading one."""

    def lock_book(self, tenant: str, book: str, entity: str) -> BookMark:
        """How far a book is; nobody else writes to it until the transaction ends."""
        key = {"tenant": tenant, "book": book, "entity": entity}
        with self._spoiling():
            self._insert_or_ignore(BOOK_MARK, [{**key, "adjusted": None, "closed": None}])
            statement = sa.select(_MARK.adjusted, _MARK.closed).where(*(_MARK[n] == v for n, v in key.items()))
            return BookMark(*self.connection.execute(statement.with_for_update()).one())

    def mark_book(self, tenant: str, book: str, entity: str, before: BookMark, after: BookMark) -> bool:
        """Say how far a book is, which is locked; whether that is news."""
        if before == after:
            return False
        mine = (_MARK.tenant == tenant, _MARK.book == book, _MARK.entity == entity)
        with self._spoiling():
            values = {"adjusted": after.adjusted, "closed": after.closed}
            self.connection.execute(sa.update(BOOK_MARK).where(*mine).values(**values))
        self.audit("mark book", f"book/{entity}/{book}", _told(before), _told(after), tenant=tenant)
        return True

    def add_book_entries(self, tenant: str, book: str, entity: str, entries: Sequence[BookEntry], run_id: int) -> int:
        """Append entries to a book, which gets locked, and their totals; how many.

        Raises:
            TollbookError: ``ledger.period-closed``.
        """
        mark = self.lock_book(tenant, book, entity)
        if not entries:
            return 0
        earliest = min(one.entry.posting_date for one in entries)
        if mark.closed is not None and earliest <= mark.closed:
            raise TollbookError(book_closed(book, entity, earliest, mark.closed))
        first = self.take_ids("entry", len(entries))
        heads, sides = list[Row](), list[Row]()
        totals: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
        for ident, one in enumerate(entries, first):
            entry = one.entry
            own = (entry.posting_date, one.of_entry, one.of_day, entry.text, run_id)
            heads.append((ident, tenant, book, entity, entry.kind, one.key, *own))
            for number, p in enumerate(entry.postings, 1):
                sides.append((ident, number, tenant, entity, *_columns(p)))
                name, amount = (p.currency, p.amount) if p.amount else (p.functional_currency, p.functional_amount)
                totals[tenant, book, entity, entry.posting_date, p.account, name] += amount
        self.append(BOOK_ENTRY, heads)
        self.append(BOOK_POSTING, sides)
        with self._spoiling():
            bulk.insert(self.connection, BOOK_TOTAL, [(*key, first, total) for key, total in sorted(totals.items())])
        return len(heads)


def _columns(p: Posting) -> tuple[Any, ...]:
    money = (p.account, p.currency, p.amount, p.functional_currency, p.functional_amount)
    return (*money, p.rate, p.rate_source, p.rate_on, p.line, p.decision)


def _told(mark: BookMark) -> dict[str, str | None]:
    return {
        "adjusted": mark.adjusted.isoformat() if mark.adjusted else None,
        "closed": mark.closed.isoformat() if mark.closed else None,
    }


def book_closed(book: str, entity: str, day: date, closed: date) -> Finding:
    """The finding of something dated in a closed month of a book."""
    subject = f"period/{entity}/{day:%Y-%m}/{book}"
    return Finding(
        PERIOD_CLOSED,
        Where(subject),
        f"{day:%Y-%m} is closed in book {book!r} of {entity}, as is all through {closed}",
        why="a closed period takes no postings",
        mend=f"date it later, or `tollbook ledger open-period {entity} {day:%Y-%m} --book {book}`",
        subject=subject,
    )
