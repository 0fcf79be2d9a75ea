"""What entries of recognition have posted for schedules of revenue contracts, against what those schedules say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from engine.model.revenue import KIND
from engine.model.revenue_contract import OF_CONTRACTS
from engine.store import query
from engine.store import tables as t
from engine.store.session import Session

_SCHEDULE, _POSTED, _ENTRY, _POSTING = (table.c for table in (t.REVENUE_SCHEDULE, t.REVENUE_POSTED, t.ENTRY, t.POSTING))
_SIDES: Final = ("source", "obligation", "role", "liability", "country", "product", "currency")


def recognised(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """What schedules have recognised by entries of some days that are of contracts, too, added up by what says which GL accounts that
    is posted to: (entry_id, posting_date, source, obligation, role, liability, country, product, currency, amount)."""
    mine = (_ENTRY.tenant == tenant, _ENTRY.entity == entity, _ENTRY.kind == KIND)
    of_contracts = (
        sa.select(_POSTED.entry_id)
        .join_from(t.REVENUE_POSTED, t.REVENUE_SCHEDULE, _SCHEDULE.id == _POSTED.schedule_id)
        .where(_POSTED.tenant == tenant, _POSTED.entity == entity, _SCHEDULE.source.in_(OF_CONTRACTS))
    )
    keys = (_POSTED.entry_id, _ENTRY.posting_date, *(_SCHEDULE[name] for name in _SIDES))
    amount = sa.func.sum(_POSTED.amount, type_=_POSTED.amount.type).label("amount")
    statement = (
        sa.select(*keys, amount)
        .join_from(t.REVENUE_POSTED, t.REVENUE_SCHEDULE, _SCHEDULE.id == _POSTED.schedule_id)
        .join(t.ENTRY, _ENTRY.id == _POSTED.entry_id)
        .where(*mine, _ENTRY.posting_date.between(first, last), _POSTED.entry_id.in_(of_contracts))
    )
    return session.rows(statement.group_by(*keys).order_by(_POSTED.entry_id))


def billed(session: Session, tenant: str, entity: str, first: date, last: date) -> list[Any]:
    """What documents of some days have billed for promises of contracts, by service: (contract, promise, subscription, charge,
    service_from, service_to, currency, amount); what was credited again is left out."""
    mark, line, head = t.REVENUE_BILLED.c, t.INVOICE_LINE.c, t.INVOICE.c
    fields = (line.subscription, line.charge, line.service_from, line.service_to, line.currency)
    keys = (mark.contract, mark.obligation.label("promise"), *fields)
    amount = sa.func.sum(line.amount, type_=line.amount.type)
    statement = (
        sa.select(*keys, amount.label("amount"))
        .join_from(t.INVOICE, t.INVOICE_LINE, line.invoice_id == head.id)
        .join(t.REVENUE_BILLED, mark.id == line.id)
        .where(
            head.tenant == tenant, head.entity == entity, head.invoice_date.between(first, last), mark.obligation != ""
        )
    )
    return session.rows(statement.group_by(*keys).having(amount != 0).order_by(*keys))


def posted(session: Session, entries: Sequence[int]) -> list[Any]:
    """What entries have posted: (entry_id, account, currency, amount), in order."""
    amount = sa.func.sum(_POSTING.amount, type_=_POSTING.amount.type).label("amount")
    keys = (_POSTING.entry_id, _POSTING.account, _POSTING.currency)
    statement = sa.select(*keys, amount).where(query.among(session.dialect, _POSTING.entry_id, "entries"))
    return session.rows(statement.group_by(*keys).order_by(*keys), entries=list(entries))
