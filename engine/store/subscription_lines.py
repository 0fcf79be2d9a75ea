"""Reads of what was billed of one subscription."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store.session import Session
from engine.store.tables import INVOICE, INVOICE_LINE

_NAMES = ("plan", "charge", "text", "service_from", "service_to", "quantity", "amount", "currency")


def newest_lines(session: Session, subscription_id: int, limit: int) -> list[dict[str, Any]]:
    """The newest lines of a subscription with the numbers of their invoices, the newest first."""
    line, head = INVOICE_LINE.c, INVOICE.c
    statement = (
        sa.select(head.number.label("invoice"), line.number.label("line"), *(line[name] for name in _NAMES))
        .join(INVOICE, head.id == line.invoice_id)
        .where(line.subscription_id == subscription_id)
        .order_by(line.id.desc())
        .limit(limit)
    )
    return [dict(row._mapping) for row in session.rows(statement)]
