"""How far each adapter of the port ``usage`` was read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store import types
from engine.store.tables import USAGE_CURSOR
from engine.store.writing.base import WriterBase


class CursorsWriter(WriterBase):
    """Keeps cursors."""

    def keep_usage_cursor(self, tenant: str, adapter: str, before: str, after: str, events: int) -> bool:
        """Move a cursor on after so many events; False where it is no longer at ``before``: somebody else has read on."""
        column = USAGE_CURSOR.c
        values = {"cursor": after, "events": column.events + events, "at": self.change.at}
        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert(USAGE_CURSOR)
        new = insert.values(tenant=tenant, adapter=adapter, cursor=after, events=events, at=self.change.at)
        mine = (column.tenant == tenant) & (column.adapter == adapter) & (column.cursor == before)
        statement: Any = sa.update(USAGE_CURSOR).where(mine).values(values) if before else new.on_conflict_do_nothing()
        with self._spoiling():
            kept = self.connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount
        if kept:
            told = ({"cursor": before}, {"cursor": after, "events": events})
            self.audit("pull usage", f"adapter/{adapter}", *told, tenant=tenant)
        return bool(kept)
