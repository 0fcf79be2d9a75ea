"""Reads of what was posted to the general ledger of another system, and of what was not yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

import sqlalchemy as sa

from engine.model.erp import PORT, ToldDocument
from engine.model.journal import JournalEntry
from engine.store.reading.ledger import LedgerReader
from engine.store.tables import EFFECT, ENTRY, ERP_DOCUMENT, ERP_ENTRY, POSTING

_PAGE = 500
_DOCUMENT = ERP_DOCUMENT.c
_KEY = sa.case((_DOCUMENT.again == 0, _DOCUMENT.key), else_=_DOCUMENT.key + "#" + sa.cast(_DOCUMENT.again, sa.Text()))
_SAME = sa.and_(EFFECT.c.tenant == _DOCUMENT.tenant, EFFECT.c.port == sa.literal(PORT), EFFECT.c.key == _KEY)
_FIELDS = (
    *(_DOCUMENT[name] for name in ToldDocument.__struct_fields__ if name not in ("state", "answer")),
    sa.func.coalesce(EFFECT.c.state, "").label("state"),
    EFFECT.c.answer,
)


class ErpReader(LedgerReader):
    """Reads documents of the port erp."""

    def unposted(self, tenant: str, until: date) -> Iterator[tuple[int, int, JournalEntry]]:
        """Entries up to and with a day of which no document has any part, as (id, document id, entry), by posting date and id."""
        entry = ENTRY.c
        told = sa.exists().where(ERP_ENTRY.c.entry_id == entry.id)
        statement = sa.select(ENTRY).where(entry.tenant == tenant, entry.posting_date <= until, sa.not_(told))
        stream = iter(self._stream(statement.order_by(entry.posting_date, entry.id)))
        while page := list(islice(stream, _PAGE)):
            postings = self._postings([row.id for row in page])
            for row in page:
                there = tuple(postings[row.id])
                yield (
                    row.id,
                    row.document,
                    JournalEntry(row.tenant, row.entity, row.kind, row.posting_date, row.text, there),
                )

    def erp_documents(
        self, tenant: str, *, state: str = "", first: date | None = None, last: date | None = None, limit: int = -1
    ) -> list[ToldDocument]:
        """Documents by posting date and id, of a state of their effect and of some days, both included."""
        statement = sa.select(*_FIELDS).join_from(ERP_DOCUMENT, EFFECT, _SAME, isouter=True)
        statement = statement.where(_DOCUMENT.tenant == tenant)
        if state:
            statement = statement.where(EFFECT.c.state == state)
        if first is not None:
            statement = statement.where(_DOCUMENT.posting_date >= first)
        if last is not None:
            statement = statement.where(_DOCUMENT.posting_date <= last)
        statement = statement.order_by(_DOCUMENT.posting_date, _DOCUMENT.id)
        rows = self.connection.execute(statement.limit(limit) if limit >= 0 else statement)
        return [ToldDocument(*row) for row in rows]

    def erp_document(self, tenant: str, key: str) -> ToldDocument | None:
        """A document by its key."""
        statement = sa.select(*_FIELDS).join_from(ERP_DOCUMENT, EFFECT, _SAME, isouter=True)
        row = self.connection.execute(statement.where(_DOCUMENT.tenant == tenant, _DOCUMENT.key == key)).one_or_none()
        return None if row is None else ToldDocument(*row)

    def erp_entries(self, document: int) -> list[tuple[int, JournalEntry, str, int]]:
        """The entries of a document as (id, entry, currency, decision), in order of their ids."""
        part, entry = ERP_ENTRY.c, ENTRY.c
        statement = (
            sa.select(ENTRY, part.currency, part.decision)
            .join_from(ERP_ENTRY, ENTRY, entry.id == part.entry_id)
            .where(part.document_id == document)
            .order_by(entry.id, part.part)
        )
        rows = self.rows(statement)
        postings = self._postings([row.id for row in rows])
        return [
            (
                row.id,
                JournalEntry(row.tenant, row.entity, row.kind, row.posting_date, row.text, tuple(postings[row.id])),
                row.currency,
                row.decision,
            )
            for row in rows
        ]

    def erp_debits(self, tenant: str) -> list[Any]:
        """Documents whose debits are not those of their entries, as (key, debit, functional_debit, there, functional_there)."""
        part, posting = ERP_ENTRY.c, POSTING.c
        debit = sa.func.sum(sa.case((posting.amount > 0, posting.amount), else_=sa.literal(0, posting.amount.type)))
        functional = sa.func.sum(
            sa.case(
                (posting.functional_amount > 0, posting.functional_amount),
                else_=sa.literal(0, posting.functional_amount.type),
            )
        )
        sums = (
            sa.select(
                part.document_id,
                sa.type_coerce(debit, posting.amount.type).label("debit"),
                sa.type_coerce(functional, posting.amount.type).label("functional"),
            )
            .join_from(
                ERP_ENTRY,
                POSTING,
                sa.and_(posting.entry_id == part.entry_id, posting.currency == part.currency),
                isouter=True,
            )
            .where(part.tenant == tenant)
            .group_by(part.document_id)
            .subquery("sums")
        )
        there = sums.c
        statement = (
            sa.select(_DOCUMENT.key, _DOCUMENT.debit, _DOCUMENT.functional_debit, there.debit, there.functional)
            .join_from(ERP_DOCUMENT, sums, there.document_id == _DOCUMENT.id, isouter=True)
            .where(_DOCUMENT.tenant == tenant)
            .where(
                sa.or_(
                    there.debit.is_(None),
                    there.debit != _DOCUMENT.debit,
                    there.functional != _DOCUMENT.functional_debit,
                )
            )
        )
        return list(self.connection.execute(statement))
