"""Writes of revenue: schedules with their plans, what happened, what was recognised, and how far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.base.errors import Code, refuse
from engine.model.revenue import LINE, Mark, Planned, PlannedItem, RevenueEvent
from engine.store import types
from engine.store.reading.revenue import event_of
from engine.store.tables import REVENUE_EVENT, REVENUE_ITEM, REVENUE_MARK, REVENUE_POSTED, REVENUE_SCHEDULE
from engine.store.writing.base import WriterBase

OTHER_EVENT = Code("revenue.other-event", "An event of revenue whose key is taken by another one.")


class Kept(msgspec.Struct, frozen=True):
    """A schedule to be kept with where it belongs: ids of its line (or deferral) and of the entry that earned its first items."""

    planned: Planned
    line_id: int
    entry_id: int = 0
    source: str = LINE


class RevenueWriter(WriterBase):
    """Writes what is earned later."""

    def add_schedules(self, tenant: str, entity: str, kept: Sequence[Kept], run_id: int) -> int:
        """Keep schedules with their items, and what their documents' entries have recognised; how many.

        Their ids are in the order of commits, so other writers of schedules wait: do it late.
        """
        if not kept:
            return 0
        first = self._ids_here(REVENUE_SCHEDULE.name, len(kept))
        heads = [_head(first + n, tenant, entity, one, run_id) for n, one in enumerate(kept)]
        with self._spoiling():
            self._insert(REVENUE_SCHEDULE, heads)
        self.add_items(tenant, entity, ((first + n, one.planned.items) for n, one in enumerate(kept)), run_id)
        self._add_billed(tenant, entity, first, kept, run_id)
        self.audit("add schedules", REVENUE_SCHEDULE.name, None, {"rows": len(kept), "from": first}, tenant=tenant)
        return len(kept)

    def add_items(
        self, tenant: str, entity: str, items: Iterable[tuple[int, Sequence[PlannedItem]]], run_id: int
    ) -> int:
        """Add planned items to schedules, given by id; how many."""
        rows = [(ident, one.on, one.amount, one.billed) for ident, some in items for one in some if one.amount]
        if rows:
            first = self._ids_here(REVENUE_ITEM.name, len(rows))
            with self._spoiling():
                self._insert(REVENUE_ITEM, [(first + n, tenant, entity, *row, run_id) for n, row in enumerate(rows)])
            self.audit("add items", REVENUE_ITEM.name, None, {"rows": len(rows), "from": first}, tenant=tenant)
        return len(rows)

    def _add_billed(self, tenant: str, entity: str, first: int, kept: Sequence[Kept], run_id: int) -> None:
        rows = [
            (tenant, entity, ident, *sums, one.entry_id, run_id)
            for ident, one in enumerate(kept, first)
            for sums in one.planned.posted
        ]
        if rows:
            start = self.take_ids(REVENUE_POSTED.name, len(rows))
            with self._spoiling():
                self._insert(REVENUE_POSTED, [(start + n, *row) for n, row in enumerate(rows)])

    def seen_revenue(self) -> tuple[int, int]:
        """The newest ids of schedules and items; nobody adds any until this transaction ends."""
        if self.dialect == types.SQLITE:
            names = (REVENUE_SCHEDULE, REVENUE_ITEM)
            made = [self.connection.execute(sa.select(sa.func.max(one.c.id))).scalar() or 0 for one in names]
            return made[0], made[1]
        return (
            self._ids_here(REVENUE_SCHEDULE.name, 1),
            self._ids_here(REVENUE_ITEM.name, 1),
        )  # ids that nobody uses: their rows of numbers stay locked

    def set_revenue_mark(self, tenant: str, entity: str, mark: Mark) -> None:
        """Say how far a legal entity is recognised."""
        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert(REVENUE_MARK)
        told = {
            "through": mark.through,
            "items_seen": mark.items,
            "events_seen": mark.events,
            "schedules_seen": mark.schedules,
        }
        statement = insert.values(tenant=tenant, entity=entity, **told)
        with self._spoiling():
            self.connection.execute(statement.on_conflict_do_update(index_elements=["tenant", "entity"], set_=told))
        after = {name: value.isoformat() if isinstance(value, date) else value for name, value in told.items()}
        self.audit("set mark", f"revenue/{entity}", None, after, tenant=tenant)

    def add_revenue_events(self, tenant: str, events: Sequence[RevenueEvent]) -> int:
        """Keep what happened; how many are new: the same event again is no second one.

        Raises:
            TollbookError: ``revenue.other-event``: its key is that of an event with another content.
        """
        column, fresh = REVENUE_EVENT.c, list[RevenueEvent]()
        for one in events:
            mine = (column.tenant == tenant, column.entity == one.entity, column.key == one.key)
            known = self.connection.execute(sa.select(REVENUE_EVENT).where(*mine)).mappings().first()
            if known is None:
                twins = [other for other in fresh if (other.entity, other.key) == (one.entity, one.key)]
                if not twins:
                    fresh.append(one)
                elif twins[0] != one:
                    raise _other(one)
            elif event_of(known) != one:
                raise _other(one)
        if fresh:
            first = self._ids_here(REVENUE_EVENT.name, len(fresh))
            with self._spoiling():
                self._insert(REVENUE_EVENT, [_event_row(first + n, tenant, one, self) for n, one in enumerate(fresh)])
            after = {"rows": len(fresh), "from": first}
            self.audit("add events", REVENUE_EVENT.name, None, after, tenant=tenant)
        return len(fresh)


def _other(one: RevenueEvent) -> Exception:
    what = f"{one.entity} has another event of revenue with the key {one.key!r}"
    return refuse(OTHER_EVENT, what, mend="give this one a key of its own", subject=f"revenue-event/{one.key}")


def _event_row(ident: int, tenant: str, one: RevenueEvent, writer: WriterBase) -> tuple[Any, ...]:
    head = (ident, tenant, one.entity, one.key, one.line, one.subscription, one.charge, one.kind, one.on)
    return (*head, one.quantity, one.expected, one.material, one.note, one.override, writer.change.at)


def _head(ident: int, tenant: str, entity: str, kept: Kept, run_id: int) -> tuple[Any, ...]:
    one, rate = kept.planned, kept.planned.rate
    named = (one.account, one.product, one.country, one.role, one.liability)
    worth = (rate.base, one.amount, rate.quote, one.functional, rate.rate, rate.source, rate.on)
    days = (one.service_from, one.service_to, one.waits, one.decision, run_id)
    return (ident, tenant, entity, kept.source, kept.line_id, one.takes, "", "", *named, *worth, *days)
