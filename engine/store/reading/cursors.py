"""How far each adapter of the port ``usage`` was read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store.session import Session
from engine.store.tables import USAGE_CURSOR


class CursorsReader(Session):
    """Reads cursors."""

    def usage_cursors(self, tenant: str) -> dict[str, dict[str, Any]]:
        """How far each adapter was read (``cursor``), how many events it has given, and when; by the adapter's name."""
        statement = sa.select(USAGE_CURSOR).where(USAGE_CURSOR.c.tenant == tenant).order_by(USAGE_CURSOR.c.adapter)
        return {row["adapter"]: dict(row) for row in self.connection.execute(statement).mappings()}
