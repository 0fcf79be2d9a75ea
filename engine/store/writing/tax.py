"""Writes of corrections of tax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from engine.model.tax_correction import Correction
from engine.store import query
from engine.store.tables import TAX_CORRECTION
from engine.store.writing.base import WriterBase


class TaxWriter(WriterBase):
    """Writes what was found out about tax after the invoice."""

    def add_tax_corrections(self, tenant: str, corrections: Sequence[Correction]) -> int:
        """Keep corrections, each once for its line and cause; those with a difference wait for the document that carries it."""
        if not corrections:
            return 0
        first = self.take_ids(TAX_CORRECTION.name, len(corrections))
        rows = [
            (
                number,
                tenant,
                one.entity,
                one.line_id,
                one.cause,
                one.reference,
                one.payer,
                one.invoice,
                one.charge.currency,
                one.net,
                one.before,
                one.rate_before,
                one.category_before,
                one.reason_before,
                one.quote.amount,
                one.quote.rate,
                one.quote.category,
                one.quote.jurisdiction,
                one.quote.source,
                one.quote.reason,
                one.decision,
                one.way,
                self.run_id,
                0,
            )
            for number, one in enumerate(corrections, first)
        ]
        with self._spoiling():
            self._insert(TAX_CORRECTION, rows)
        after = {"corrections": len(rows), "from": first, "to": first + len(rows) - 1}
        self.audit("correct tax", f"run/{self.run_id}", None, after, tenant=tenant)
        return len(rows)

    def carry_tax_corrections(self, tenant: str, carried: Mapping[int, int]) -> None:
        """Say which documents (by id) carry the corrections that wait for lines (by id)."""
        column = TAX_CORRECTION.c
        by_document: dict[int, list[int]] = {}
        for line, document in carried.items():
            by_document.setdefault(document, []).append(line)
        wanted = query.among(self.dialect, column.line_id, "lines")
        for document, lines in sorted(by_document.items()):
            update = sa.update(TAX_CORRECTION).where(
                column.tenant == tenant, column.document == 0, column.way != "none", wanted
            )
            with self._spoiling():
                self.connection.execute(update.values(document=document), {"lines": sorted(lines)})
        after = {"corrections": len(carried)}
        self.audit("carry tax corrections", TAX_CORRECTION.name, {"waiting": len(carried)}, after, tenant=tenant)
