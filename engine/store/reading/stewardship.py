"""Reads of changes of master data that wait for their steward."""

from __future__ import annotations

import sqlalchemy as sa

from engine.model.stewardship import CONFIRMED, PENDING, MasterChange
from engine.store.session import Session
from engine.store.tables import MASTER_CHANGE, RUN


class StewardshipReader(Session):
    """Reads changes of master data."""

    def master_changes(
        self, tenant: str, state: str = "", record: str = "", steward: str = "", limit: int = 1000
    ) -> list[MasterChange]:
        """Changes, the oldest first: of a state, a record, a steward; all where these are empty."""
        column = MASTER_CHANGE.c
        wanted = {"state": state, "record": record, "steward": steward}
        mine = [column.tenant == tenant, *(column[name] == value for name, value in wanted.items() if value)]
        rows = self.connection.execute(sa.select(MASTER_CHANGE).where(*mine).order_by(column.id).limit(limit))
        return [MasterChange(*row) for row in rows]

    def master_change(self, tenant: str, number: int) -> MasterChange | None:
        """A change by number."""
        column = MASTER_CHANGE.c
        row = self.connection.execute(
            sa.select(MASTER_CHANGE).where(column.tenant == tenant, column.id == number)
        ).one_or_none()
        return None if row is None else MasterChange(*row)

    def unconfirmed(self, tenant: str, entity: str, seen: int) -> list[MasterChange]:
        """Changes of an entity that wait, and those whose value came after the one with the id ``seen``."""
        column = MASTER_CHANGE.c
        late = sa.and_(column.state == CONFIRMED, column.applied > seen)
        mine = (column.tenant == tenant, column.entity == entity, sa.or_(column.state == PENDING, late))
        return [
            MasterChange(*row)
            for row in self.connection.execute(sa.select(MASTER_CHANGE).where(*mine).order_by(column.id))
        ]

    def who_ran(self, run_id: int) -> str:
        """The person of a run; empty where there is none."""
        return self.connection.execute(sa.select(RUN.c.who).where(RUN.c.id == run_id)).scalar() or ""
