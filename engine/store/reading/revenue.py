"""Reads of revenue: what is due, schedules with their items, what happened, and how far legal entities are recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.model.revenue import LINE, OPENING, Mark, RevenueEvent
from engine.store import query, types
from engine.store import tables as t
from engine.store.session import Session

PAGE = 5000


def month_of(dialect: str, day: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The first day of the month of a day."""
    if dialect == types.SQLITE:
        return sa.type_coerce(sa.func.date(day, "start of month"), types.Day())
    return sa.cast(sa.func.date_trunc("month", day), sa.Date())


class RevenueReader(Session):
    """Reads what is earned later than it was invoiced."""

    def revenue_mark(self, tenant: str, entity: str) -> Mark | None:
        """How far a legal entity is recognised; None where it never was."""
        column = t.REVENUE_MARK.c
        fields = (column.through, column.items_seen, column.events_seen, column.schedules_seen)
        row = self.connection.execute(sa.select(*fields).where(column.tenant == tenant, column.entity == entity))
        found = row.first()
        return None if found is None else Mark(*found)

    def revenue_due(self, tenant: str, entity: str, through: date, mark: Mark | None) -> Iterator[Any]:
        """What schedules plan up to and with a day and no run has posted: rows of schedule id, month and sum with what the
        schedule is, in order of schedule and month; streamed."""
        item, schedule = t.REVENUE_ITEM.c, t.REVENUE_SCHEDULE.c
        month = month_of(self.dialect, item.on_day).label("month")
        new = [sa.or_(item.on_day > mark.through, item.id > mark.items)] if mark is not None else []
        due = (
            sa.select(item.schedule_id, month, sa.func.sum(item.amount, type_=item.amount.type).label("due"))
            .where(item.tenant == tenant, item.entity == entity, item.on_day <= through, ~item.billed, *new)
            .group_by(item.schedule_id, sa.text("month"))
            .subquery()
        )
        what = (schedule.amount, schedule.functional_amount, schedule.currency, schedule.functional_currency)
        rate = (schedule.rate, schedule.rate_source, schedule.rate_on)
        named = (schedule.role, schedule.liability, schedule.country, schedule.product, schedule.decision)
        statement = (
            sa.select(due.c.schedule_id, due.c.month, due.c.due, *what, *rate, *named)
            .join_from(due, t.REVENUE_SCHEDULE, schedule.id == due.c.schedule_id)
            .where(due.c.due != 0, schedule.source.in_((LINE, OPENING)))
            .order_by(due.c.schedule_id, due.c.month)
        )
        for page in self.connection.execute(statement.execution_options(yield_per=PAGE)).partitions(PAGE):
            yield from page

    def revenue_posted(self, ids: Sequence[int]) -> dict[int, tuple[Decimal, Decimal]]:
        """What was recognised of schedules, by id: in their currency and in functional currency."""
        column = t.REVENUE_POSTED.c
        sums = (sa.func.sum(one, type_=one.type) for one in (column.amount, column.functional_amount))
        statement = (
            sa.select(column.schedule_id, *sums)
            .where(query.among(self.dialect, column.schedule_id, "ids"))
            .group_by(column.schedule_id)
        )
        rows = self.connection.execute(statement, {"ids": list(ids)})
        return {ident: (amount, worth) for ident, amount, worth in rows}

    def unscheduled_deferrals(self, tenant: str, entity: str) -> list[dict[str, Any]]:
        """Deferrals that were brought over and have no schedule yet, each with the posting of its balance."""
        column, schedule, entry, posting = t.DEFERRAL.c, t.REVENUE_SCHEDULE.c, t.ENTRY.c, t.POSTING.c
        known = sa.exists().where(
            schedule.tenant == tenant,
            schedule.entity == entity,
            schedule.source == "opening",
            schedule.line_id == column.id,
        )
        mine = (entry.document == column.id) & (entry.tenant == tenant) & (entry.entity == entity)
        held = (posting.account, posting.rate, posting.rate_source, posting.rate_on)
        country = (
            sa.select(sa.func.min(t.ACCOUNT.c.country))
            .where(t.ACCOUNT.c.tenant == tenant, t.ACCOUNT.c.entity == entity, t.ACCOUNT.c.key == column.account)
            .where(t.ACCOUNT.c.current)
            .scalar_subquery()
        )
        statement = (
            sa.select(t.DEFERRAL, *(one.label(f"held_{one.name}") for one in held), country.label("country"))
            .join_from(t.DEFERRAL, t.ENTRY, mine)
            .join(t.POSTING, (posting.entry_id == entry.id) & (posting.number == 1))
            .where(column.tenant == tenant, column.entity == entity, entry.kind == "opening", ~known)
            .order_by(column.id)
        )
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def waiting_schedules(self, tenant: str, entity: str, mark: Mark | None) -> list[dict[str, Any]]:
        """Schedules that go by what happens, of which something has happened that was not looked at, by column name with
        their line's kind, quantity and charge."""
        schedule, event, line = t.REVENUE_SCHEDULE.c, t.REVENUE_EVENT.c, t.INVOICE_LINE.c
        same = sa.or_(
            event.line_id == schedule.line_id,
            sa.and_(event.line_id == 0, event.subscription == line.subscription, event.charge == line.charge),
        )
        new = [sa.or_(event.id > mark.events, schedule.id > mark.schedules)] if mark is not None else []
        happened = sa.exists().where(event.tenant == tenant, event.entity == entity, same, *new)
        statement = (
            sa.select(t.REVENUE_SCHEDULE, line.kind, line.quantity, line.subscription, line.charge)
            .add_columns(t.INVOICE.c.invoice_date)
            .join_from(t.REVENUE_SCHEDULE, t.INVOICE_LINE, line.id == schedule.line_id)
            .join(t.INVOICE, t.INVOICE.c.id == line.invoice_id)
            .where(schedule.tenant == tenant, schedule.entity == entity, schedule.source == "line", happened)
            .order_by(schedule.id)
        )
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def revenue_events(
        self,
        tenant: str,
        *,
        entity: str = "",
        line: int = 0,
        subscription: str = "",
        charge: str = "",
        overrides: bool = False,
    ) -> list[tuple[int, Any, RevenueEvent]]:
        """Events as (id, when they became known, event), in order of id: of a line, with those of its subscription's charge; or
        overrides alone."""  # fmt: skip
        column = t.REVENUE_EVENT.c
        conditions = [column.tenant == tenant, *([column.entity == entity] if entity else [])]
        if line:
            of_charge = sa.and_(column.line_id == 0, column.subscription == subscription, column.charge == charge)
            conditions.append(sa.or_(column.line_id == line, of_charge))
        if overrides:
            conditions.append(column.override)
        rows = self.connection.execute(sa.select(t.REVENUE_EVENT).where(*conditions).order_by(column.id)).mappings()
        return [(row["id"], row["at"], event_of(row)) for row in rows]

    def has_subscription(self, tenant: str, entity: str, key: str) -> bool:
        """Whether a legal entity has a subscription."""
        column = t.SUBSCRIPTION.c
        mine = (column.tenant == tenant, column.entity == entity, column.key == key)
        return self.connection.execute(sa.select(column.id).where(*mine).limit(1)).first() is not None

    def revenue_schedules(
        self, tenant: str, *, lines: Sequence[int] = (), ids: Sequence[int] = (), credits: bool = False
    ) -> list[dict[str, Any]]:
        """Schedules of lines, or of ids (with ``credits`` also those that take from them), by column name in order of id."""
        column = t.REVENUE_SCHEDULE.c
        if lines:
            wanted = sa.and_(query.among(self.dialect, column.line_id, "ids"), column.source == "line")
        else:
            wanted = query.among(self.dialect, column.takes if credits else column.id, "ids")
        statement = sa.select(t.REVENUE_SCHEDULE).where(column.tenant == tenant, wanted).order_by(column.id)
        rows = self.connection.execute(statement, {"ids": list(lines or ids)}).mappings()
        return [dict(row) for row in rows]

    def revenue_rows(self, table: str, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Rows of ``revenue_item`` or ``revenue_posted`` of schedules, by column name in order of id."""
        rows = t.METADATA.tables[table]
        wanted = query.among(self.dialect, rows.c.schedule_id, "ids")
        found = self.connection.execute(sa.select(rows).where(wanted).order_by(rows.c.id), {"ids": list(ids)})
        return [dict(row) for row in found.mappings()]

    def revenue_of_entry(self, entry_id: int) -> list[dict[str, Any]]:
        """The schedules of which an entry recognises something, by column name, with ``month`` and ``posted``; in order of id."""
        schedule, posted = t.REVENUE_SCHEDULE.c, t.REVENUE_POSTED.c
        statement = (
            sa.select(t.REVENUE_SCHEDULE, posted.month, posted.amount.label("posted"))
            .join_from(t.REVENUE_POSTED, t.REVENUE_SCHEDULE, schedule.id == posted.schedule_id)
            .where(posted.entry_id == entry_id)
            .order_by(schedule.id, posted.month)
        )
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def newest_revenue_event(self) -> int:
        """The highest id of an event."""
        return self.connection.execute(sa.select(sa.func.max(t.REVENUE_EVENT.c.id))).scalar() or 0


def event_of(row: Any) -> RevenueEvent:
    """An event of its row."""
    names = ("entity", "key", "kind", "subscription", "charge", "quantity", "expected", "material", "note", "override")
    return RevenueEvent(on=row["on_day"], line=row["line_id"], **{name: row[name] for name in names})
