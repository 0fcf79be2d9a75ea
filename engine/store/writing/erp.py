"""Writes of documents for the general ledger of another system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.effect import Effect
from engine.model.erp import PORT, ToldDocument
from engine.store.tables import ERP_DOCUMENT, ERP_ENTRY
from engine.store.writing.outbox import OutboxWriter

TAKEN = Code("erp.taken-meanwhile", "Entries that another process has put into documents in the meantime.")


class NewDocument(msgspec.Struct, frozen=True):
    """A document to be posted: ``parts`` are (entry id, part, currency, decision); ``payload`` is None where nothing is to be
    posted."""

    entity: str
    key: str
    adapter: str
    posting_date: date
    currency: str
    functional_currency: str
    debit: Decimal
    functional_debit: Decimal
    payload: dict[str, Any] | None
    parts: Sequence[tuple[int, int, str, int]]


class ErpWriter(OutboxWriter):
    """Writes documents of the port erp."""

    def put_erp_documents(self, tenant: str, documents: Sequence[NewDocument]) -> int:
        """Keep documents with their entries, and put their effects into the outbox; how many.

        Raises:
            TollbookError: ``erp.taken-meanwhile``: nothing is kept.
        """
        if not documents:
            return 0
        with self._spoiling():
            first = self.take_ids(ERP_DOCUMENT.name, len(documents))
            rows = [
                {
                    "entry_id": entry,
                    "part": part,
                    "tenant": tenant,
                    "currency": currency,
                    "document_id": first + n,
                    "decision": decision,
                }
                for n, one in enumerate(documents)
                for entry, part, currency, decision in one.parts
            ]
            if self._insert_or_ignore(ERP_ENTRY, rows) < len(rows):
                raise refuse(
                    TAKEN,
                    "some of the entries are in documents that another process has made",
                    why="an entry is posted once",
                    mend="run `tollbook erp post` again: it takes what is left",
                )
            self._insert(
                ERP_DOCUMENT,
                [
                    (
                        *(first + n, tenant, one.entity, one.key, one.adapter, one.posting_date),
                        *(one.currency, one.functional_currency, one.debit, one.functional_debit, len(one.parts), 0),
                    )
                    for n, one in enumerate(documents)
                ],
            )
        self.audit(
            "make documents",
            ERP_DOCUMENT.name,
            None,
            {"documents": len(documents), "entries": len(rows)},
            tenant=tenant,
        )
        by_entity: dict[str, list[tuple[Effect, str]]] = {}
        for one in documents:
            if one.payload is not None:
                told = (Effect(one.key, PORT, one.payload["document_type"], one.payload), one.adapter)
                by_entity.setdefault(one.entity, []).append(told)
        for entity, effects in by_entity.items():
            self.add_effects(tenant, entity, effects)
        return len(documents)

    def post_again(self, document: ToldDocument, tenant: str, payload: dict[str, Any]) -> str:
        """Put a document into the outbox under a new key; the key."""
        again = msgspec.structs.replace(document, again=document.again + 1)
        with self._spoiling():
            mine = (ERP_DOCUMENT.c.id == document.id, ERP_DOCUMENT.c.again == document.again)
            taken = self.connection.execute(sa.update(ERP_DOCUMENT).where(*mine).values(again=again.again)).rowcount
            if not taken:
                raise refuse(
                    TAKEN, f"{document.key} is being posted again already", mend="`tollbook erp list` shows it"
                )
        before, after = {"key": document.effect}, {"key": again.effect}
        self.audit("post again", f"{ERP_DOCUMENT.name}/{document.key}", before, after, tenant=tenant)
        self.add_effects(
            tenant, document.entity, [(Effect(again.effect, PORT, payload["document_type"], payload), document.adapter)]
        )
        return again.effect
