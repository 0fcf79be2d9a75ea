"""Reads of late usage, of sources and their control totals, and of the worklist."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.lateness import LateRecord, UsageSource, UsageTotal
from engine.model.worklist import RESOLVED, WorkItem
from engine.store.session import Session
from engine.store.tables import (
    LATE_USAGE,
    SUBSCRIPTION,
    USAGE_ARRIVED,
    USAGE_SETTLED,
    USAGE_SOURCE,
    USAGE_TOTAL,
    WATERMARK,
    WORK_ITEM,
)

Key = tuple[str, str, str]
"""Legal entity, source, meter."""


class LatenessReader(Session):
    """Reads what came late, what did not come, and who looks at it."""

    def late_records(
        self, tenant: str, *, run_id: int = 0, account: str = "", event_id: int = 0, limit: int = 100
    ) -> list[tuple[LateRecord, str, str]]:
        """Late events with the keys of subscription and account, the newest first: of a run, an account, an event, or all."""
        late, taken = LATE_USAGE.c, SUBSCRIPTION.c
        statement = (
            sa.select(LATE_USAGE, taken.key.label("subscription_key"), taken.account.label("account_key"))
            .join(SUBSCRIPTION, taken.id == late.subscription_id)
            .where(late.tenant == tenant)
        )
        if run_id:
            statement = statement.where(late.run_id == run_id)
        if account:
            statement = statement.where(taken.account == account)
        if event_id:
            statement = statement.where(late.event_id == event_id)
        rows = self.connection.execute(statement.order_by(late.id.desc()).limit(limit))
        return [(LateRecord(*row[:-2]), row[-2], row[-1]) for row in rows]

    def usage_sources(self, tenant: str) -> list[UsageSource]:
        """Who delivers usage, in order of entity and key."""
        column = USAGE_SOURCE.c
        fields = (column[name] for name in UsageSource.__struct_fields__)
        mine = (column.tenant == tenant, column.current)
        rows = self.connection.execute(sa.select(*fields).where(*mine).order_by(column.entity, column.key))
        return [UsageSource(*row) for row in rows]

    def reconciles_usage(self, tenant: str) -> bool:
        """Whether any source or control total is known."""
        return any(
            self.connection.execute(sa.select(table.c.id).where(table.c.tenant == tenant).limit(1)).first()
            for table in (USAGE_SOURCE, USAGE_TOTAL)
        )

    def open_totals(self, tenant: str, before: date) -> list[UsageTotal]:
        """Control totals of days before a day that are not settled, in order of their key."""
        column = USAGE_TOTAL.c
        fields = (column[name] for name in UsageTotal.__struct_fields__)
        settled = sa.exists().where(USAGE_SETTLED.c.total_id == column.id)
        mine = (column.tenant == tenant, column.current, column.day < before, ~settled)
        order = (column.entity, column.source, column.meter, column.day)
        return [UsageTotal(*row) for row in self.connection.execute(sa.select(*fields).where(*mine).order_by(*order))]

    def totals_between(
        self, tenant: str, entity: str, source: str, begin: date, end: date
    ) -> list[tuple[str, date, date | None]]:
        """(meter, first day, day after the last) of a source's control totals that begin within some days."""
        column = USAGE_TOTAL.c
        mine = (column.tenant == tenant, column.entity == entity, column.source == source, column.current)
        days = (column.day >= begin, column.day < end)
        rows = self.connection.execute(sa.select(column.meter, column.day, column.until).where(*mine, *days))
        return [(row[0], row[1], row[2]) for row in rows]

    def arrived(self, tenant: str, entity: str, source: str, meter: str, begin: date, end: date) -> tuple[int, Decimal]:
        """How many events of a source, and how much of a meter, are on some days; of all meters where it is empty."""
        column = USAGE_ARRIVED.c
        mine = [column.tenant == tenant, column.entity == entity, column.source == source]
        if meter:
            mine.append(column.meter == meter)
        total = sa.func.sum(column.quantity, type_=column.quantity.type)
        statement = sa.select(sa.func.sum(column.events), total).where(*mine, column.day >= begin, column.day < end)
        events, quantity = self.connection.execute(statement).one()
        return int(events or 0), quantity or ZERO

    def watermark(self, tenant: str, name: str) -> int:
        """How far a stream of a tenant has been worked off; 0 where it has not begun."""
        mark = WATERMARK.c
        value = self.connection.execute(sa.select(mark.value).where(mark.tenant == tenant, mark.name == name)).scalar()
        return int(value or 0)

    def work_items(
        self,
        tenant: str,
        *,
        kinds: Sequence[str] = (),
        state: str = "",
        owner: str = "",
        subjects: Collection[str] = (),
        limit: int = 1000,
    ) -> list[WorkItem]:
        """Items of the worklist, the oldest first: of some kinds, a state (``unresolved``: all but resolved), an owner, some
        subjects."""
        column = WORK_ITEM.c
        conditions: list[Any] = [column.tenant == tenant]
        if kinds:
            conditions.append(column.kind.in_(list(kinds)))
        if state:
            conditions.append(column.state != RESOLVED if state == "unresolved" else column.state == state)
        if owner:
            conditions.append(column.owner == owner)
        if subjects:
            conditions.append(column.subject.in_(sorted(subjects)))
        rows = self.connection.execute(sa.select(WORK_ITEM).where(*conditions).order_by(column.id).limit(limit))
        return [WorkItem(*row) for row in rows]

    def work_item(self, tenant: str, number: int) -> WorkItem | None:
        """An item by number."""
        column = WORK_ITEM.c
        row = self.connection.execute(
            sa.select(WORK_ITEM).where(column.tenant == tenant, column.id == number)
        ).one_or_none()
        return None if row is None else WorkItem(*row)

    def accepted(self, tenant: str, kind: str, subject: str, difference: str) -> bool:
        """Whether somebody has let just this difference go."""
        column = WORK_ITEM.c
        mine = (column.tenant == tenant, column.kind == kind, column.subject == subject, column.state == RESOLVED)
        same = (column.difference == difference, column.resolution == "accepted")
        return self.connection.execute(sa.select(column.id).where(*mine, *same).limit(1)).first() is not None
