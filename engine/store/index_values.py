"""Values of price indexes, month by month."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from engine.store import tables
from engine.store.session import Session


def known_values(session: Session, tenant: str) -> dict[str, dict[date, Decimal]]:
    """Every value that a tenant has: index -> first day of the month -> value."""
    column = tables.INDEX_VALUE.c
    found: dict[str, dict[date, Decimal]] = defaultdict(dict)
    fields = (column.index_key, column.month, column.value)
    for index, month, value in session.rows(sa.select(*fields).where(column.tenant == tenant)):
        found[index][month.replace(day=1)] = value
    return dict(found)
