"""Reads of drafts that are reviewed, and of what payers were invoiced before."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from engine.base.money import ZERO
from engine.model.draft import STANDING, Draft, Past, Standing
from engine.model.worklist import RESOLVED
from engine.store.session import Session
from engine.store.tables import DRAFT, INVOICE, WORK_ITEM

_YEAR = timedelta(days=365)


class DraftsReader(Session):
    """Reads drafts."""

    def standing_drafts(self, tenant: str, entity: str, low: str, high: str) -> dict[str, Standing]:
        """The drafts that runs look at, of payers from ``low`` to ``high``, by payer."""
        column, item = DRAFT.c, WORK_ITEM.c
        mine = (column.tenant == tenant, column.entity == entity, column.payer.between(low, high))
        rows = self.connection.execute(
            sa.select(column.payer, column.id, column.state, column.sha256, column.usage_seen, item.state.label("item"))
            .join_from(DRAFT, WORK_ITEM, item.id == column.item, isouter=True)
            .where(*mine, column.state.in_(STANDING))
        )
        return {
            row.payer: Standing(row.id, row.state, row.sha256, row.usage_seen, row.item == RESOLVED) for row in rows
        }

    def invoiced_before(self, tenant: str, entity: str, low: str, high: str, on: date) -> dict[str, dict[str, Past]]:
        """What payers from ``low`` to ``high`` were invoiced in the year before a day, by payer and currency; one that was
        invoiced before that year has an entry without invoices."""
        column, since = INVOICE.c, (on - _YEAR).isoformat()
        mine = (column.tenant == tenant, column.entity == entity, column.payer.between(low, high))
        ours = (*mine, column.kind == "invoice", column.period < on.isoformat())
        net = sa.func.sum(column.net, type_=column.net.type)
        rows = self.connection.execute(
            sa.select(column.payer, column.currency, sa.func.count(), net)
            .where(*ours, column.period >= since)
            .group_by(column.payer, column.currency)
        )
        found: dict[str, dict[str, Past]] = {}
        for payer, currency, count, total in rows:
            found.setdefault(payer, {})[currency] = Past(count, total)
        old = sa.select(column.payer, column.currency).distinct().where(*ours, column.period < since)
        if found:
            old = old.where(column.payer.not_in(list(found)))
        for payer, currency in self.connection.execute(old):
            found.setdefault(payer, {})[currency] = Past(0, ZERO)
        return found

    def drafts(self, tenant: str, state: str = "", limit: int = 1000) -> list[Draft]:
        """Drafts, the oldest first: those of a state, those that runs look at where it is ``standing``, or all."""
        column = DRAFT.c
        statement = sa.select(DRAFT).where(column.tenant == tenant)
        if state:
            statement = statement.where(column.state.in_(STANDING) if state == "standing" else column.state == state)
        return [Draft(*row) for row in self.connection.execute(statement.order_by(column.id).limit(limit))]

    def draft(self, tenant: str, number: int) -> Draft | None:
        """A draft by number."""
        column = DRAFT.c
        row = self.connection.execute(
            sa.select(DRAFT).where(column.tenant == tenant, column.id == number)
        ).one_or_none()
        return None if row is None else Draft(*row)
