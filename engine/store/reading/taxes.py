"""Reads for tax providers: what credit notes give back, and which documents were told to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from functools import reduce
from typing import Any

import sqlalchemy as sa

from engine.model.effect import key_parts
from engine.store import query
from engine.store import tables as t
from engine.store.session import Session


class TaxesReader(Session):
    """Reads what tax providers are told, and were told."""

    def credited_documents(self, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """The invoices of which some documents give something back, by id of the document: ``number``, ``invoice_date``,
        ``net``, ``tax``.  Lines that another system billed name none."""
        line, other, head = t.INVOICE_LINE.alias("line"), t.INVOICE_LINE.alias("other"), t.INVOICE
        wanted = query.among(self.dialect, line.c.invoice_id, "wanted")
        statement = (
            sa.select(line.c.invoice_id.label("by"), head.c.number, head.c.invoice_date, head.c.net, head.c.tax)
            .distinct()
            .join_from(line, other, other.c.id == line.c.credits)
            .join(head, head.c.id == other.c.invoice_id)
            .where(wanted)
            .order_by(line.c.invoice_id, head.c.number)
        )
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.connection.execute(statement, {"wanted": list(ids)}).mappings():
            values = dict(row)
            found[values.pop("by")].append(values)
        return found

    def tax_told(self, tenant: str, adapter: str, since: date, until: date) -> Iterator[dict[str, Any]]:
        """The documents dated in [``since``, ``until``) that a tax provider is told of, in order of entity and number:
        ``entity``, ``number``, ``kind``, ``invoice_date``, ``currency``, ``net``, ``tax``, and of the effect ``key``,
        ``state``, ``attempts`` and ``answer``."""
        head, effect = t.INVOICE.c, t.EFFECT.c
        parts = key_parts(head.tenant, head.entity, head.payer, head.period, head.kind, head.group_key)
        told = effect.key.in_([reduce(lambda key, part: key.concat("/").concat(part), named) for named in parts])
        columns = (head[n] for n in ("entity", "number", "kind", "invoice_date", "currency", "net", "tax"))
        statement = (
            sa.select(*columns, effect.key, effect.state, effect.attempts, effect.answer)
            .join_from(t.INVOICE, t.EFFECT, (effect.tenant == head.tenant) & (effect.port == "tax") & told)
            .where(head.tenant == tenant, head.invoice_date >= since, head.invoice_date < until)
            .where(effect.adapter == adapter)
            .order_by(head.entity, head.number)
        )
        return (dict(row) for row in self.connection.execute(statement).mappings())

    def tax_details(self, line_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """The parts of the tax of invoice lines by jurisdiction, in the order in which they were quoted; without lines that have
        none."""
        part = t.TAX_DETAIL.c
        among = query.among(self.dialect, part.line_id, "lines")
        statement = sa.select(t.TAX_DETAIL).where(among).order_by(part.line_id, part.number)
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.connection.execute(statement, {"lines": list(line_ids)}).mappings():
            found[row["line_id"]].append(dict(row))
        return dict(found)

    def numbers_of(self, tenant: str, numbers: Sequence[str]) -> set[tuple[str, str]]:
        """Which of some legal numbers the books have: (entity, number)."""
        column = t.INVOICE.c
        found = self.connection.execute(
            sa.select(column.entity, column.number).where(column.tenant == tenant, column.number.in_(list(numbers)))
        )
        return {(entity, number) for entity, number in found}
