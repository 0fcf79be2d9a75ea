"""What was not told to the outside world, and calls to it that failed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from engine.store import tables as t
from engine.store.session import Session

ANSWERED: Final = "answered"
"""The outcome of a call that went well."""


def undelivered(session: Session, tenant: str, entity: str, last: date, ports_aside: tuple[str, ...]) -> list[Any]:
    """Effects that nobody has taken yet, or that were refused: (key, port, kind, adapter, state, attempts, currency, total, since), with
    the currency and total of the invoice that they are of; those of invoices dated after ``last`` are left out."""
    one, run, invoice = t.EFFECT.c, t.RUN.c, t.INVOICE.c
    joined = t.EFFECT.join(t.RUN, run.id == one.run_id, isouter=True).join(
        t.INVOICE,
        (invoice.tenant == one.tenant) & (invoice.entity == one.entity) & (invoice.id == _document()),
        isouter=True,
    )
    fields = (one.key, one.port, one.kind, one.adapter, one.state, one.attempts, invoice.currency, invoice.total)
    waits = (one.state == "pending") | (one.state == "rejected")
    statement = (
        sa.select(*fields, run.started_at.label("since"))
        .select_from(joined)
        .where(one.tenant == tenant, one.entity == entity, waits, one.port.not_in(ports_aside))
        .where(invoice.invoice_date.is_(None) | (invoice.invoice_date <= last))
    )
    return session.rows(statement.order_by(one.id))


def _document() -> sa.ColumnElement[int]:
    """The id of the document in the payload of an effect; null where it has none."""
    return sa.cast(sa.type_coerce(t.EFFECT.c.payload, sa.JSON)["invoice_id"].as_string(), sa.BigInteger())


def failed_requests(session: Session, tenant: str, since: datetime, until: datetime) -> list[Any]:
    """Calls of a stretch of time that failed and were not answered later: (adapter, hook, key, calls, error, since)."""
    one, later = t.REQUEST.c, t.REQUEST.alias("later").c
    answered = sa.exists().where(
        later.tenant == one.tenant,
        later.adapter == one.adapter,
        later.hook == one.hook,
        later.key == one.key,
        later.outcome == ANSWERED,
        later.id > one.id,
    )
    keys = (one.adapter, one.hook, one.key)
    first = sa.func.min(one.at, type_=one.at.type)
    statement = (
        sa.select(*keys, sa.func.count().label("calls"), sa.func.max(one.error).label("error"), first.label("since"))
        .where(one.tenant == tenant, one.at >= since, one.at < until, one.outcome != ANSWERED, ~answered)
        .group_by(*keys)
    )
    return session.rows(statement.order_by(*keys))
