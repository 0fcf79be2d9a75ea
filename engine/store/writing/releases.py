"""Writes of what happens to releases of rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.release import ReleaseEvent
from engine.store.tables import RELEASE, RELEASE_EVENT
from engine.store.writing.base import WriterBase


class ReleasesWriter(WriterBase):
    """Writes what happens to releases."""

    def lock_release(self, tenant: str, release: str) -> bool:
        """Whether the books keep a release; nobody else agrees to it, or puts it in force, until this transaction ends."""
        mine = (RELEASE.c.tenant == tenant, RELEASE.c.hash == release)
        return self.connection.execute(sa.select(RELEASE.c.hash).where(*mine).with_for_update()).scalar() is not None

    def note_release(
        self,
        tenant: str,
        release: str,
        event: str,
        *,
        role: str = "",
        day: date | None = None,
        withdraws: str = "",
        content: Mapping[str, Any] | None = None,
    ) -> ReleaseEvent:
        """Keep that something happened to a release; who did it, when and why come from the change."""
        change = self.change
        with self._spoiling():
            ident = self._ids_here(RELEASE_EVENT.name, 1)  # in this transaction: the order of ids is that of commits
            row = (ident, tenant, release, event, role, day, withdraws, change.who, change.reason, change.at)
            self._insert(RELEASE_EVENT, [(*row, dict(content or {}))])
        told = {"role": role, "day": day.isoformat() if day else "", "withdraws": withdraws}
        after = {"event": event} | {name: value for name, value in told.items() if value}
        self.audit(f"{event} release", f"release/{release}", None, after, tenant=tenant)
        return ReleaseEvent(*row, dict(content or {}))
