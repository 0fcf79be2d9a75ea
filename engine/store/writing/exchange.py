"""Writes of messages that other systems sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.store.tables import MESSAGE
from engine.store.writing.base import WriterBase


class NewMessage(msgspec.Struct, frozen=True):
    """A message that came: ``digest`` is of its ``body``."""

    sender: str
    key: str
    kind: str
    version: str
    digest: str
    body: Mapping[str, Any]


class ExchangeWriter(WriterBase):
    """Writes messages."""

    def put_message(self, tenant: str, new: NewMessage, state: str, told: Any, slot: str = "") -> bool:
        """Keep a message under its key and ``slot``; False where one is there.  Writers of messages wait for each other."""
        column = MESSAGE.c
        with self._spoiling():
            ident = self._ids_here(MESSAGE.name, 1)
            mine = (column.tenant == tenant, column.sender == new.sender, column.key == new.key, column.slot == slot)
            if self.connection.execute(sa.select(column.id).where(*mine)).first() is not None:
                return False
            head = (tenant, new.sender, new.key, slot, new.kind, new.version, new.digest, dict(new.body))
            self._insert(MESSAGE, [(ident, *head, state, told, self.change.at, self.run_id)])
        after = {"kind": new.kind, "state": state}
        self.audit("take message", f"message/{new.sender}/{new.key}", None, after, tenant=tenant)
        return True
