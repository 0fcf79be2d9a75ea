"""The outbox: effects wait for a port, are claimed for a while, and are answered.

An effect that is claimed and never answered (the process died) is pending again when its claim has run out, and goes
out a second time under the same key: the plug-in takes the same key as the same act.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from engine.store import query, types
from engine.store.records import HeardReceipt, OutboxEffect
from engine.store.session import Session
from engine.store.tables import EFFECT, RECEIPT

PENDING: Final = "pending"


def waiting(tenant: str, port: str, at: datetime, without: Collection[str] = (), run_id: int = 0) -> sa.Select[Any]:
    """Effects of a port that may go out at a moment, oldest first, but those of some adapters; those of one run, or all."""
    column = EFFECT.c
    return (
        sa.select(EFFECT)
        .where(
            column.tenant == tenant, column.port == port, sa.literal_column("state") == sa.literal_column("'pending'")
        )
        .where(sa.or_(column.next_at.is_(None), column.next_at <= at))
        .where(*([column.adapter.not_in(without)] if without else ()))
        .where(*([column.run_id == run_id] if run_id else ()))
        .order_by(column.id)
    )


class OutboxReader(Session):
    """Reads the outbox."""

    def pending(self, tenant: str, port: str, at: datetime, limit: int) -> list[OutboxEffect]:
        """At most ``limit`` effects that may go out at that moment, oldest first."""
        return [OutboxEffect(*row) for row in self.connection.execute(waiting(tenant, port, at).limit(limit))]

    def effects(self, tenant: str, keys: Sequence[str]) -> list[OutboxEffect]:
        """Effects by key."""
        wanted = query.among(self.dialect, EFFECT.c.key, "wanted", types.TextList)
        statement = sa.select(EFFECT).where(EFFECT.c.tenant == tenant, wanted).order_by(EFFECT.c.id)
        return [OutboxEffect(*row) for row in self.connection.execute(statement, {"wanted": list(keys)})]

    def effect(self, tenant: str, port: str, number: int) -> OutboxEffect | None:
        """An effect of a port by its number."""
        column = EFFECT.c
        mine = (column.tenant == tenant, column.port == port, column.id == number)
        row = self.connection.execute(sa.select(EFFECT).where(*mine)).one_or_none()
        return None if row is None else OutboxEffect(*row)

    def receipts(self, tenant: str, keys: Sequence[str]) -> list[HeardReceipt]:
        """What was heard of effects, in the order in which it was."""
        column = RECEIPT.c
        wanted = query.among(self.dialect, column.effect_key, "wanted", types.TextList)
        statement = sa.select(RECEIPT).where(column.tenant == tenant, wanted).order_by(column.id)
        return [HeardReceipt(*row) for row in self.connection.execute(statement, {"wanted": list(keys)})]

    def told(self, tenant: str, port: str, state: str, limit: int) -> list[OutboxEffect]:
        """Effects of a port, the newest first: in a ``state`` of their own or of which that was heard; all where it is empty."""
        column, heard = EFFECT.c, RECEIPT.c
        said = sa.exists().where(heard.tenant == tenant, heard.effect_key == column.key, heard.state == state)
        mine = sa.or_(column.state == state, said) if state else sa.true()
        statement = sa.select(EFFECT).where(column.tenant == tenant, column.port == port, mine)
        rows = self.connection.execute(statement.order_by(column.id.desc()).limit(limit))
        return [OutboxEffect(*row) for row in rows]

    def waiting_by_adapter(self, tenant: str, port: str) -> dict[str, int]:
        """How many effects of a port have no final answer, by adapter; of those that have some."""
        column = EFFECT.c
        mine = (column.tenant == tenant, column.port == port, column.state == PENDING)
        counted = sa.select(column.adapter, sa.func.count()).where(*mine).group_by(column.adapter)
        return {row[0]: row[1] for row in self.connection.execute(counted)}

    def effect_counts(self, tenant: str) -> dict[tuple[str, str], int]:
        """How many effects there are by (port, state)."""
        column = EFFECT.c
        counted = sa.select(column.port, column.state, sa.func.count()).where(column.tenant == tenant)
        rows = self.connection.execute(counted.group_by(column.port, column.state))
        return {(port, state): count for port, state, count in rows}
