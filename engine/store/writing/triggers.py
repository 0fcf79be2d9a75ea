"""Writes of what is known about triggers, and of how far they were looked at."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from engine.store import query
from engine.store.bulk import Row
from engine.store.tables import TRIGGER_NOTE, WATERMARK
from engine.store.writing.base import WriterBase


class TriggersWriter(WriterBase):
    """Writes notes on triggers and the marks of the look-out for them."""

    def put_trigger_notes(self, rows: Sequence[Row]) -> int:
        """Keep who says that triggers came; how many notes are new.

        Rows are (tenant, entity, subscription_id, event, accepted_by, evidence, sender).  The first note on an event stays.
        """
        if not rows:
            return 0
        column = TRIGGER_NOTE.c
        with self._spoiling():
            first = self._ids_here(TRIGGER_NOTE.name, len(rows))  # locks out other writers of notes
            wanted = query.among(self.dialect, column.subscription_id, "wanted")
            there = sa.select(column.subscription_id, column.event).where(wanted)
            known = {(row[0], row[1]) for row in self.connection.execute(there, {"wanted": [row[2] for row in rows]})}
            fresh = {(row[2], row[3]): row for row in reversed(rows) if (row[2], row[3]) not in known}
            made = [(first + place, *row, self.change.at) for place, row in enumerate(fresh.values())]
            self._insert(TRIGGER_NOTE, made)
        if made:
            after = {"inserted": len(made), "from": first}
            self.audit("put trigger notes", TRIGGER_NOTE.name, None, after, tenant=rows[0][0])
        return len(made)

    def move_mark(self, tenant: str, name: str, before: int, after: int) -> bool:
        """Move the mark up to which a stream of ids was looked at; False where somebody else has moved it meanwhile."""
        column = WATERMARK.c
        with self._spoiling():
            self._insert_or_ignore(WATERMARK, [{"tenant": tenant, "name": name, "value": 0}])
            mine = (column.tenant == tenant, column.name == name, column.value == before)
            moved = self.connection.execute(sa.update(WATERMARK).where(*mine).values(value=after)).rowcount == 1
        if moved and after != before:
            self.audit("look at triggers", f"watermark/{name}", {"value": before}, {"value": after}, tenant=tenant)
        return moved
