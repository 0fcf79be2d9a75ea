"""Reads of disputes: how they stand, what happened, which evidence there is, and where their money is booked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.dispute import DisputeRecord, Event, Position
from engine.store import query, types
from engine.store.session import Session
from engine.store.tables import DISPUTE, DISPUTE_BOOKING, DISPUTE_EVENT, DISPUTE_EVIDENCE

_HEAD = DISPUTE.c
_FIELDS = tuple(_HEAD[name] for name in DisputeRecord.__struct_fields__)


def record_of(row: Any) -> DisputeRecord:
    """A dispute of its row."""
    return msgspec.convert(dict(zip(DisputeRecord.__struct_fields__, row, strict=True)), DisputeRecord)


class DisputesReader(Session):
    """Reads disputes."""

    def dispute(self, tenant: str, key: str, entity: str = "") -> list[DisputeRecord]:
        """Disputes of a key: one for each legal entity that has one."""
        mine = [_HEAD.tenant == tenant, _HEAD.key == key, *([_HEAD.entity == entity] if entity else [])]
        return [record_of(row) for row in self.rows(sa.select(*_FIELDS).where(*mine).order_by(_HEAD.id))]

    def disputes(
        self,
        tenant: str,
        *,
        states: Collection[str] = (),
        owner: str = "",
        account: str = "",
        undone: bool = False,
        limit: int = -1,
    ) -> list[DisputeRecord]:
        """Disputes, what is due soonest first: of some states, of somebody, of an account, or those with something left to do."""
        statement = sa.select(*_FIELDS).where(_HEAD.tenant == tenant)
        if states:
            statement = statement.where(_HEAD.state.in_(sorted(states)))
        if owner:
            statement = statement.where(_HEAD.owner == owner)
        if account:
            statement = statement.where(_HEAD.account == account)
        if undone:
            statement = statement.where(_HEAD.closed_on.is_(None))
        statement = statement.order_by(_HEAD.closed_on.is_not(None), _HEAD.due.is_(None), _HEAD.due, _HEAD.id)
        return [record_of(row) for row in self.rows(statement.limit(limit) if limit >= 0 else statement)]

    def disputes_of(self, tenant: str, entity: str, accounts: Collection[str]) -> list[DisputeRecord]:
        """All disputes of some accounts."""
        among = query.among(self.dialect, _HEAD.account, "accounts", types.TextList)
        statement = sa.select(*_FIELDS).where(_HEAD.tenant == tenant, _HEAD.entity == entity, among)
        rows = self.connection.execute(statement.order_by(_HEAD.id), {"accounts": sorted(set(accounts))})
        return [record_of(row) for row in rows]

    def dispute_keys(self, tenant: str, limit: int = 500) -> list[str]:
        """Keys of disputes, for suggestions."""
        return list(self.connection.execute(sa.select(_HEAD.key).where(_HEAD.tenant == tenant).limit(limit)).scalars())

    def dispute_events(self, disputes: Sequence[int]) -> dict[int, list[Event]]:
        """What happened to disputes, by dispute, as it was heard."""
        column = DISPUTE_EVENT.c
        among = query.among(self.dialect, column.dispute, "ids")
        found: dict[int, list[Event]] = defaultdict(list)
        statement = sa.select(column.dispute, column.content).where(among).order_by(column.id)
        for dispute, content in self.connection.execute(statement, {"ids": sorted(set(disputes))}):
            found[dispute].append(msgspec.convert(content, Event))
        return found

    def dispute_heard(self, dispute: int) -> list[dict[str, Any]]:
        """Events of a dispute with when they were heard, and from whom, in the order in which they happened."""
        column = DISPUTE_EVENT.c
        rows = self.rows(sa.select(DISPUTE_EVENT).where(column.dispute == dispute).order_by(column.at, column.id))
        return [dict(row._mapping) for row in rows]

    def dispute_evidence(self, dispute: int) -> list[dict[str, Any]]:
        """The evidence of a dispute, the oldest first."""
        column = DISPUTE_EVIDENCE.c
        rows = self.rows(sa.select(DISPUTE_EVIDENCE).where(column.dispute == dispute).order_by(column.id))
        return [dict(row._mapping) for row in rows]

    def dispute_bookings(self, dispute: int) -> list[dict[str, Any]]:
        """What was booked for a dispute, the oldest first."""
        column = DISPUTE_BOOKING.c
        rows = self.rows(sa.select(DISPUTE_BOOKING).where(column.dispute == dispute).order_by(column.part))
        return [dict(row._mapping) for row in rows]

    def dispute_position(self, dispute: int) -> Position:
        """Where the money of a dispute stands."""
        sums = dict.fromkeys(Position.__struct_fields__, ZERO)
        for row in self.dispute_bookings(dispute):
            for name in sums:
                sums[name] += row[name]
        return Position(**sums)
