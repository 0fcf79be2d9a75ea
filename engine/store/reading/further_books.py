"""Reads of further books: adjustments alone; the leading book is read as ever."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from engine.model.further_books import BookEntry, BookMark
from engine.model.journal import JournalEntry, Posting
from engine.store import query
from engine.store import tables as t
from engine.store.balances import behind
from engine.store.records import Balance
from engine.store.session import Session

_ENTRY, _POSTING, _MARK = t.BOOK_ENTRY.c, t.BOOK_POSTING.c, t.BOOK_MARK.c
_FIELDS = (*(_POSTING[name] for name in Posting.__struct_fields__[:-2]), _POSTING.line_id, _POSTING.decision)


class FurtherBooksReader(Session):
    """Reads what further books hold beside the leading one."""

    def book_mark(self, tenant: str, book: str, entity: str) -> BookMark:
        """How far a book of a legal entity is."""
        mine = (_MARK.tenant == tenant, _MARK.book == book, _MARK.entity == entity)
        row = self.connection.execute(sa.select(_MARK.adjusted, _MARK.closed).where(*mine)).first()
        return BookMark(*row) if row else BookMark()

    def books_closed(self, tenant: str, entity: str, day: date) -> list[str]:
        """The further books of a legal entity that are closed on a day."""
        mine = (_MARK.tenant == tenant, _MARK.entity == entity, _MARK.closed >= day)
        return list(self.connection.execute(sa.select(_MARK.book).where(*mine).order_by(_MARK.book)).scalars())

    def book_entry(self, tenant: str, book: str, entity: str, key: str) -> int | None:
        """The id of an entry by its natural key."""
        mine = (_ENTRY.tenant == tenant, _ENTRY.book == book, _ENTRY.entity == entity, _ENTRY.key == key)
        found: int | None = self.connection.execute(sa.select(_ENTRY.id).where(*mine)).scalar()
        return found

    def book_journal(
        self, tenant: str, book: str, entity: str, last: date | None = None
    ) -> Iterator[tuple[int, BookEntry]]:
        """Entries of a book of its own as (id, entry), in order of posting date and id, up to and with a day."""
        statement = sa.select(t.BOOK_ENTRY).where(_ENTRY.tenant == tenant, _ENTRY.book == book, _ENTRY.entity == entity)
        if last is not None:
            statement = statement.where(_ENTRY.posting_date <= last)
        rows = self.rows(statement.order_by(_ENTRY.posting_date, _ENTRY.id))
        for place in range(0, len(rows), 1000):
            page = rows[place : place + 1000]
            postings = self._postings_of([row.id for row in page])
            for row in page:
                entry = JournalEntry(
                    row.tenant, row.entity, row.kind, row.posting_date, row.text, tuple(postings[row.id])
                )
                yield row.id, BookEntry(row.key, row.of_entry, row.of_day, entry)

    def book_adjusted(
        self, tenant: str, book: str, entity: str, first: date, last: date
    ) -> dict[int, dict[date, list[Posting]]]:
        """What was booked for entries of the leading book of some days: by that entry, then by day."""
        mine = (_ENTRY.tenant == tenant, _ENTRY.book == book, _ENTRY.entity == entity, _ENTRY.of_entry != 0)
        statement = (
            sa.select(_ENTRY.of_entry, _ENTRY.posting_date, *_FIELDS)
            .join_from(t.BOOK_ENTRY, t.BOOK_POSTING, _POSTING.entry_id == _ENTRY.id)
            .where(*mine, _ENTRY.of_day.between(first, last))
        )
        found: dict[int, dict[date, list[Posting]]] = defaultdict(lambda: defaultdict(list))
        for entry, day, *values in self.rows(statement.order_by(_ENTRY.id, _POSTING.number)):
            found[entry][day].append(Posting(*values))
        return found

    def book_balance(self, tenant: str, book: str, entity: str, last: date | None = None) -> list[Balance]:
        """What the entries of a book of its own come to by GL account and currency, up to and with a day."""
        keys = (_POSTING.account, _POSTING.currency, _POSTING.functional_currency)
        statement = (
            sa.select(
                *keys[:2],
                sa.func.sum(_POSTING.amount, type_=_POSTING.amount.type),
                keys[2],
                sa.func.sum(_POSTING.functional_amount, type_=_POSTING.functional_amount.type),
            )
            .join_from(t.BOOK_ENTRY, t.BOOK_POSTING, _POSTING.entry_id == _ENTRY.id)
            .where(_ENTRY.tenant == tenant, _ENTRY.book == book, _ENTRY.entity == entity)
        )
        if last is not None:
            statement = statement.where(_ENTRY.posting_date <= last)
        return [Balance(*row) for row in self.rows(statement.group_by(*keys).order_by(*keys))]

    def book_totals(
        self, tenant: str, book: str, entity: str, last: date | None = None
    ) -> list[tuple[date, str, str, Decimal]]:
        """As :meth:`engine.store.reading.ledger.LedgerReader.ledger_totals`, of the entries of a book of its own."""
        column = t.BOOK_TOTAL.c
        keys = (column.posting_date, column.account, column.currency)
        statement = sa.select(*keys, sa.func.sum(column.amount, type_=column.amount.type))
        statement = statement.where(column.tenant == tenant, column.book == book, column.entity == entity)
        if last is not None:
            statement = statement.where(column.posting_date <= last)
        rows = self.rows(statement.group_by(*keys).order_by(*keys))
        return [(day, account, currency, amount) for day, account, currency, amount in rows]

    def behind_postings(self, entries: Sequence[int]) -> dict[int, list[tuple[str, str, str, str]]]:
        """By entry of the leading book, what is behind each posting: (customer, product, plan, charge)."""
        return behind(self, entries)

    def first_posted(self, tenant: str, entity: str) -> date | None:
        """The day of the first posting of the leading book."""
        column = t.LEDGER_TOTAL.c
        mine = (column.tenant == tenant, column.entity == entity)
        found: date | None = self.connection.execute(sa.select(sa.func.min(column.posting_date)).where(*mine)).scalar()
        return found

    def _postings_of(self, entries: Sequence[int]) -> dict[int, list[Posting]]:
        statement = sa.select(_POSTING.entry_id, *_FIELDS).where(query.among(self.dialect, _POSTING.entry_id, "ids"))
        found: dict[int, list[Posting]] = defaultdict(list)
        for entry, *values in self.rows(statement.order_by(_POSTING.entry_id, _POSTING.number), ids=list(entries)):
            found[entry].append(Posting(*values))
        return found
