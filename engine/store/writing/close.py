"""Writes of the close of a month: what its steps came to, and what was let go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.close import CloseFinding
from engine.store.tables import CLOSE_STEP, CLOSE_WAIVER
from engine.store.tables.ledger import ACCOUNTING_PERIOD
from engine.store.writing.base import WriterBase, first_of_month
from engine.store.writing.ledger import make_open


class CloseWriter(WriterBase):
    """Writes what the close of a month leaves behind."""

    def lock_close(self, tenant: str, entity: str, month: date) -> None:
        """Lock the close of a month until the transaction ends: nobody else notes a step of it, or posts in it, meanwhile."""
        column, month = ACCOUNTING_PERIOD.c, first_of_month(month)
        mine = (column.tenant == tenant, column.entity == entity, column.month == month)
        with self._spoiling():
            make_open(self.connection, tenant, entity, [month])
            self.connection.execute(sa.select(column.state).where(*mine).with_for_update())

    def note_close_step(
        self, tenant: str, entity: str, month: date, step: str, state: str, what: str, results: Mapping[str, Any]
    ) -> int:
        """Keep what a step came to; its number in the close of the month."""
        self.lock_close(tenant, entity, month)
        column, month = CLOSE_STEP.c, first_of_month(month)
        mine = (column.tenant == tenant, column.entity == entity, column.month == month)
        newest = self.connection.execute(sa.select(sa.func.max(column.number)).where(*mine)).scalar() or 0
        ident, who, at = self.take_ids(CLOSE_STEP.name, 1), self.change.who, self.change.at
        row = (ident, tenant, entity, month, newest + 1, step, state, what, dict(results), who, at)
        with self._spoiling():
            self._insert(CLOSE_STEP, [row])
        after = {"state": state, "what": what}
        self.audit("close step", f"close/{entity}/{month:%Y-%m}/{step}", None, after, tenant=tenant)
        return int(newest + 1)

    def waive_finding(
        self, tenant: str, entity: str, month: date, one: CloseFinding, asked_by: str, reason: str
    ) -> bool:
        """Let a finding go as it is; False where that was done."""
        column, month = CLOSE_WAIVER.c, first_of_month(month)
        mine = (column.tenant == tenant, column.entity == entity, column.month == month)
        same = (column.code == one.check, column.subject == one.subject, column.digest == one.digest)
        if self.connection.execute(sa.select(column.id).where(*mine, *same)).first() is not None:
            return False
        ident, who, at = self.take_ids(CLOSE_WAIVER.name, 1), self.change.who, self.change.at
        head = (ident, tenant, entity, month, one.check, one.subject, one.digest, one.what, one.currency, one.amount)
        with self._spoiling():
            self._insert(CLOSE_WAIVER, [(*head, asked_by, reason, who, self.change.reason, at)])
        after = {"what": one.what, "asked_by": asked_by, "why": reason}
        self.audit("waive", f"close/{entity}/{month:%Y-%m}/{one.check}/{one.subject}", None, after, tenant=tenant)
        return True
