"""Reads of messages, and of what was written to the books since somebody looked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from engine.model.settlement import Kind as SettlementKind
from engine.store import tables as t
from engine.store.session import Session

Ranges = Sequence[tuple[int, int]]
"""Ids from and to, both included."""
Row = dict[str, Any]

CAME: Final[tuple[SettlementKind, ...]] = ("payment", "refund", "chargeback")
"""Acts by which money comes or goes."""


class ExchangeReader(Session):
    """Reads what is exchanged with other systems."""

    def message(self, tenant: str, sender: str, key: str, slot: str = "") -> Row | None:
        """The message that was taken under a sender's key, or that of a ``slot``."""
        column = t.MESSAGE.c
        mine = (column.tenant == tenant, column.sender == sender, column.key == key, column.slot == slot)
        rows = self.rows(sa.select(t.MESSAGE).where(*mine))
        return dict(rows[0]._mapping) if rows else None

    def messages(self, tenant: str, limit: int, state: str = "") -> list[Row]:
        """Messages, the newest first; those of a ``state``, or all."""
        column = t.MESSAGE.c
        mine = (column.tenant == tenant, *([column.state == state] if state else []))
        rows = self.rows(sa.select(t.MESSAGE).where(*mine).order_by(column.id.desc()).limit(limit))
        return [dict(row._mapping) for row in rows]

    def written_since(
        self, tenant: str, position: int, limit: int, names: Collection[str]
    ) -> tuple[int, dict[str, list[tuple[int, int]]]]:
        """What transactions after a ``position`` of the chain have written, at most ``limit`` of them: the position of the last
        one, and ranges of ids by table.  Links are in the order of commits, so that nothing comes in behind."""
        column = t.CHAIN.c
        statement = sa.select(column.position, column.seals).where(column.tenant == tenant, column.position > position)
        found: dict[str, list[tuple[int, int]]] = {name: [] for name in names}
        for row in self.rows(statement.order_by(column.position).limit(limit)):
            position = row.position
            for seal in row.seals:
                if seal["table"] in found:
                    found[seal["table"]].append((seal["from"], seal["to"]))
        return position, found

    def invoices_within(self, tenant: str, ranges: Ranges) -> list[Row]:
        """Heads of documents."""
        return self._within(t.INVOICE, tenant, ranges)

    def settlements_within(self, tenant: str, ranges: Ranges) -> list[Row]:
        """Legs of payments, refunds and chargebacks, each with the ``number`` of the document that it settles."""
        leg, head = t.SETTLEMENT, t.INVOICE
        joined = leg.outerjoin(head, sa.and_(head.c.id == leg.c.item, leg.c.item != 0))
        statement = sa.select(leg, head.c.number).select_from(joined).where(leg.c.kind.in_(CAME))
        return self._chosen(statement, leg, tenant, ranges)

    def events_within(self, tenant: str, ranges: Ranges, kinds: Collection[str]) -> list[Row]:
        """Events of subscriptions of some kinds, each with the ``account``, ``subscription`` and ``contract``."""
        event, taken = t.SUBSCRIPTION_EVENT, t.SUBSCRIPTION
        joined = event.join(taken, taken.c.id == event.c.subscription_id)
        fields = (event, taken.c.account, taken.c.key.label("subscription"), taken.c.contract)
        statement = sa.select(*fields).select_from(joined).where(event.c.kind.in_(sorted(kinds)))
        return self._chosen(statement, event, tenant, ranges)

    def steps_within(self, tenant: str, ranges: Ranges) -> list[Row]:
        """Steps of dunning that were taken."""
        return self._within(t.DUNNING_STEP, tenant, ranges)

    def effects_of_kind(self, tenant: str, port: str, kind: str) -> list[Row]:
        """Key and payload of all effects of a kind, the oldest first."""
        column = t.EFFECT.c
        mine = (column.tenant == tenant, column.port == port, column.kind == kind)
        rows = self.rows(sa.select(column.key, column.entity, column.payload).where(*mine).order_by(column.id))
        return [dict(row._mapping) for row in rows]

    def _within(self, table: sa.Table, tenant: str, ranges: Ranges) -> list[Row]:
        return self._chosen(sa.select(table), table, tenant, ranges)

    def _chosen(self, statement: sa.Select[Any], table: sa.Table, tenant: str, ranges: Ranges) -> list[Row]:
        found: dict[int, Row] = {}
        for low, high in _joined(ranges):
            mine = statement.where(table.c.tenant == tenant, table.c.id >= low, table.c.id <= high)
            found |= {row.id: dict(row._mapping) for row in self.rows(mine.order_by(table.c.id))}
        return [found[ident] for ident in sorted(found)]


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch or overlap as one."""
    made: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if made and low <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], high))
        else:
            made.append((low, high))
    return made
