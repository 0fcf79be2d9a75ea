"""Lines that count other than whole days: no time is billed twice (see :mod:`engine.billing.changes.scale` for what they count)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from engine.base.period import instant_of
from engine.store.session import Session
from engine.store.tables import ACCOUNT, INVOICE, INVOICE_LINE, SUBSCRIPTION_EVENT

Edge = tuple[datetime, int]


def exact_subscriptions(tenant: str) -> sa.Select[Any]:
    """The subscriptions of a tenant that have such a line."""
    line = INVOICE_LINE.c
    return sa.select(line.subscription_id).distinct().where(line.tenant == tenant, line.exact != "")


def differences(tenant: str) -> sa.Select[Any]:
    """The lines of a tenant that bill only the difference to another."""
    line = INVOICE_LINE.c
    return sa.select(line.id).where(line.tenant == tenant, line.upon != 0)


def brings_again(tenant: str) -> sa.ColumnElement[bool]:
    """Whether a line is the opposite of a credit that was voided: of the sign of the line that it names."""
    line, billed = INVOICE_LINE.c, INVOICE_LINE.alias("billed").c
    same = ((line.amount > 0) & (billed.amount > 0)) | ((line.amount < 0) & (billed.amount < 0))
    return sa.exists().where(billed.id == line.credits, billed.tenant == tenant, same) & (line.credits != 0)


def all_given(tenant: str) -> sa.Select[Any]:
    """Lines of which no money is left, some of it given back alone: they charge nothing any more, so that other terms may
    charge their days."""
    line, credit = INVOICE_LINE.alias("line"), INVOICE_LINE.alias("credit")
    alone = sa.case((credit.c.service_from == credit.c.service_to, 1), else_=0)
    return (
        sa.select(line.c.id)
        .join_from(credit, line, line.c.id == credit.c.credits)
        .where(credit.c.tenant == tenant, sa.literal_column("credit.credits <> 0"))
        .group_by(line.c.id, line.c.amount)
        .having(
            sa.func.max(alone) == 1, line.c.amount + sa.func.sum(credit.c.amount) == sa.literal(0, line.c.amount.type)
        )
    )


def whose(tenant: str, line: Any) -> sa.ColumnElement[str]:
    """Which payer of its own a subscription had for a line, empty where it is that of its account: each gives back its lines by itself."""
    head, named = INVOICE.alias("whose").c, SUBSCRIPTION_EVENT.alias("named").c
    mine = (head.id == line.invoice_id, named.subscription_id == line.subscription_id, named.payer == head.payer)
    every = sa.select(SUBSCRIPTION_EVENT.c.subscription_id).where(
        SUBSCRIPTION_EVENT.c.tenant == tenant, SUBSCRIPTION_EVENT.c.payer.is_not(None)
    )
    found = sa.select(sa.func.max(head.payer)).where(*mine).scalar_subquery()
    none = sa.literal("")
    return sa.case((line.subscription_id.in_(every), sa.func.coalesce(found, none)), else_=none)


def counted_twice(session: Session, tenant: str) -> list[tuple[int, str, date]]:
    """(subscription, charge, day) of the first time that charges less credits cover more than once, or less than not at all."""
    line, edges = INVOICE_LINE.c, defaultdict[tuple[int, str, str], list[Edge]](list)
    fields = (line.subscription_id, line.charge, line.service_from, line.service_to, line.exact, line.credits)
    again = brings_again(tenant).label("again")
    rows = session.rows(
        sa.select(*fields, ACCOUNT.c.zone, again, whose(tenant, line).label("payer"))
        .join_from(INVOICE_LINE, ACCOUNT, ACCOUNT.c.id == line.account_id)
        .where(line.tenant == tenant, line.kind == "recurring", line.upon == 0)
        .where(line.subscription_id.in_(exact_subscriptions(tenant)), line.credits.not_in(differences(tenant)))
        .where(line.id.not_in(all_given(tenant)), line.credits.not_in(all_given(tenant)))
    )
    for row in rows:
        step = -1 if row.credits and not row.again else 1
        start, end = _counted(row)
        edges[row.subscription_id, row.charge, row.payer] += [(start, step), (end, -step)]
    return [
        (subscription, charge, found.date())
        for (subscription, charge, _), mine in sorted(edges.items())
        if (found := _doubled(mine)) is not None
    ]


def _counted(row: Any) -> tuple[datetime, datetime]:
    """What a line counts, from and to, as instants."""
    texts = (
        row.exact.split(" ")[0].split("/") if row.exact else [row.service_from.isoformat(), row.service_to.isoformat()]
    )
    start, end = (
        datetime.fromisoformat(text).astimezone(UTC) if "T" in text else instant_of(date.fromisoformat(text), row.zone)
        for text in texts
    )
    return start, end


def _doubled(edges: Iterable[Edge]) -> datetime | None:
    level: dict[datetime, int] = defaultdict(int)
    for at, step in edges:
        level[at] += step
    total = 0
    for at in sorted(level):
        total += level[at]
        if total not in (0, 1):
            return at
    return None
