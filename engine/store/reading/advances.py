"""Reads of advances that later invoices may take off."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.model.invoice import ADVANCE, VOUCHER, Advance, BilledLine, RatedCharge, Reversible
from engine.store.reversal import reversible
from engine.store.session import Session
from engine.store.tables import ENTRY, INVOICE, INVOICE_LINE, MEMO

BREAKAGE: Final = "breakage"
"""Kind of the entry that makes what is left of an expired voucher revenue; its document is that of the voucher."""


def _broken(document: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.exists().where(ENTRY.c.document == document, ENTRY.c.kind == BREAKAGE)


def vouchers_expired(session: Session, tenant: str, on: date, limit: int) -> list[tuple[Any, Reversible]]:
    """Single-purpose vouchers that have expired on a day and of which something is left that is not booked as breakage, with what is
    left: rows with (id of the line, document, entity, number, payer, product, currency, expires_on), the oldest first."""
    memo, line, head = MEMO.c, INVOICE_LINE.c, INVOICE.c
    fields = (line.id, memo.id.label("document"), memo.entity, head.number, head.payer, line.product, head.currency)
    statement = (
        sa.select(*fields, line.service_to.label("expires_on"))
        .join_from(MEMO, INVOICE_LINE, line.invoice_id == memo.id)
        .join(INVOICE, head.id == memo.id)
        .where(memo.tenant == tenant, memo.kind == ADVANCE, line.kind == ADVANCE, line.charge == VOUCHER)
        .where(line.credits == 0, line.service_to <= on, ~_broken(memo.id))
        .order_by(line.id)
    )
    rows = session.rows(statement)
    left = reversible(session, [row.id for row in rows]) if rows else {}
    return [(row, left[row.id]) for row in rows if left[row.id].net_left or left[row.id].tax_left][:limit]


def is_broken(session: Session, document: int) -> bool:
    """Whether a document is a voucher of which something was booked as breakage."""
    return bool(session.connection.execute(sa.select(_broken(sa.literal(document)))).scalar())


def advances(session: Session, tenant: str, entity: str, low: str, high: str) -> dict[str, tuple[Advance, ...]]:
    """Advances of the payers from ``low`` to ``high`` of which something is left, by payer, the oldest first."""
    memo, line, head = MEMO.c, INVOICE_LINE.c, INVOICE.c
    mine = (memo.tenant == tenant, memo.entity == entity, memo.account.between(low, high), memo.kind == ADVANCE)
    statement = (
        sa.select(INVOICE_LINE, head.number.label("head_number"), head.payer)
        .join_from(MEMO, INVOICE_LINE, line.invoice_id == memo.id)
        .join(INVOICE, head.id == memo.id)
        .where(*mine, line.kind == ADVANCE, line.credits == 0, ~_broken(memo.id))
        .order_by(head.tax_point, line.id)
    )
    rows = session.rows(statement)
    left = reversible(session, [row.id for row in rows]) if rows else {}
    found: dict[str, list[Advance]] = defaultdict(list)
    for row in rows:
        if left[row.id].net_left or left[row.id].tax_left:
            values = row._mapping
            charge = RatedCharge(*(values[name] for name in RatedCharge.__struct_fields__)).priced(row.tax_amount)
            found[row.payer].append(Advance(BilledLine(row.id, charge), row.head_number, left[row.id]))
    return {payer: tuple(mine) for payer, mine in found.items()}
