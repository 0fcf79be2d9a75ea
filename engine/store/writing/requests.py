"""Erasing old rows of the request log; they are written by :mod:`engine.store.request_log`."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from engine.store.tables import REQUEST
from engine.store.writing.base import WriterBase


class RequestsWriter(WriterBase):
    """Writes about the request log."""

    def purge_requests(self, tenant: str, before: datetime) -> int:
        """Erase the calls that began before a moment; how many there were."""
        column = REQUEST.c
        with self._spoiling():
            erased = sa.delete(REQUEST).where(column.tenant == tenant, column.at < before)
            count = self.connection.execute(erased.execution_options(preserve_rowcount=True)).rowcount
        self.audit("purge requests", REQUEST.name, {"requests": count}, {"before": before.isoformat()}, tenant=tenant)
        return count
