"""What an import asks of the books: records by natural key, in batches, and what is known of subscriptions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.subscription import SubscriptionEvent
from engine.store import query, tables, types
from engine.store.query import Query
from engine.store.reading.base import EVENT_COLUMNS
from engine.store.session import Session


class _Lookup(msgspec.Struct, frozen=True):
    """A table, the columns of its natural key (without the tenant) and the type of a list of the last one's values."""

    table: sa.Table
    key: tuple[str, ...]
    many: type[types.IdList] = types.TextList


_LOOKUPS: Final = {
    "entities": _Lookup(tables.ENTITY, ("key",)),
    "accounts": _Lookup(tables.ACCOUNT, ("entity", "key")),
    "meters": _Lookup(tables.METER, ("key",)),
    "plans": _Lookup(tables.PLAN, ("key",)),
    "charges": _Lookup(tables.CHARGE, ("plan", "key")),
    "purchase_orders": _Lookup(tables.PURCHASE_ORDER, ("entity", "account", "number")),
    "contracts": _Lookup(tables.CONTRACT, ("entity", "key")),
    "subscriptions": _Lookup(tables.SUBSCRIPTION, ("entity", "key")),
    "wallets": _Lookup(tables.WALLET, ("entity", "key")),
    "payment_methods": _Lookup(tables.PAYMENT_METHOD, ("entity", "key")),
    "mandates": _Lookup(tables.MANDATE, ("entity", "reference")),
    "gl_accounts": _Lookup(tables.GL_ACCOUNT, ("code",)),
    "usage_sources": _Lookup(tables.USAGE_SOURCE, ("entity", "key")),
    "usage_totals": _Lookup(tables.USAGE_TOTAL, ("entity", "source", "meter", "day"), types.DayList),
    "cutovers": _Lookup(tables.CUTOVER, ("entity", "key")),
    "milestones": _Lookup(tables.MILESTONE, ("entity", "subscription", "key")),
    "usage": _Lookup(tables.USAGE_EVENT, ("entity", "source", "key")),
    "usage_reversals": _Lookup(tables.USAGE_REVERSAL, ("entity", "source", "key")),
    "coupons": _Lookup(tables.COUPON, ("key",)),
    "exemptions": _Lookup(tables.EXEMPTION, ("entity", "account", "certificate")),
    "tax_evidence": _Lookup(tables.TAX_EVIDENCE, ("entity", "account", "key")),
    "remittances": _Lookup(tables.REMITTANCE_ADVICE, ("entity", "key")),
    "tax_codes": _Lookup(tables.TAX_CODE, ("key",)),
    "index_values": _Lookup(tables.INDEX_VALUE, ("index_key", "month"), types.DayList),
    "rates": _Lookup(tables.FX_RATE, ("source", "base", "quote", "on_day"), types.DayList),
}


def find(
    session: Session, kind: str, tenant: str, keys: Iterable[tuple[Any, ...]]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Current records with the given natural keys, by key, each by column name; what is not there is left out.

    ``kind`` is that of an import file; a key is a tuple of the values of its columns, without the tenant.
    """
    how = _LOOKUPS[kind]
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for key in keys:
        groups[key[:-1]].append(key[-1])
    column = how.table.c
    statement = sa.select(how.table).where(
        column.tenant == sa.bindparam("p_tenant"),
        *(column[name] == sa.bindparam(f"p_{name}") for name in how.key[:-1]),
        query.among(session.dialect, column[how.key[-1]], "wanted", how.many),
    )
    if "current" in column:
        statement = statement.where(column.current)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for group, wanted in groups.items():
        given = {f"p_{name}": value for name, value in zip(how.key[:-1], group, strict=True)}
        rows = session.connection.execute(statement, {**given, "p_tenant": tenant, "wanted": wanted}).mappings()
        found |= {tuple(row[name] for name in how.key): dict(row) for row in rows}
    return found


def all_keys(session: Session, kind: str, tenant: str, limit: int) -> list[str]:
    """The last parts of the natural keys of current records, sorted, at most ``limit``: words for a suggestion."""
    how = _LOOKUPS[kind]
    last = how.table.c[how.key[-1]]
    statement = sa.select(last).distinct().where(how.table.c.tenant == tenant).order_by(last).limit(limit)
    if "current" in how.table.c:
        statement = statement.where(how.table.c.current)
    return list(session.connection.execute(statement).scalars())


def _events(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION_EVENT.c
    return sa.select(*EVENT_COLUMNS).where(query.among(dialect, column.subscription_id, "ids")).order_by(column.id)


def _starts(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION_EVENT.c
    mine = (query.among(dialect, column.subscription_id, "ids"), column.kind == "start")
    return sa.select(column.subscription_id, sa.func.min(column.on_day)).where(*mine).group_by(column.subscription_id)


def _keys(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION.c
    return sa.select(column.id, column.key).where(query.among(dialect, column.id, "ids"))


_EVENTS: Final = Query(_events)
_KEYS: Final = Query(_keys)


def events_of(session: Session, ids: Sequence[int]) -> dict[int, list[SubscriptionEvent]]:
    """Events of subscriptions in the order in which they became known, by the subscription's id."""
    events: dict[int, list[SubscriptionEvent]] = defaultdict(list)
    for ident, *values in _EVENTS(session.connection, {"ids": list(ids)}):
        events[ident].append(SubscriptionEvent(*values))
    return events


def first_starts(session: Session, ids: Sequence[int]) -> dict[int, date]:
    """The day of the first start of each subscription, by its id; those without one are left out."""
    rows = session.connection.execute(_starts(session.dialect), {"ids": list(ids)})
    return {ident: day if isinstance(day, date) else date.fromisoformat(day) for ident, day in rows}


def subscription_keys(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Keys of subscriptions by their id."""
    return dict(_KEYS(session.connection, {"ids": list(ids)}))


def series_begun(session: Session, tenant: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Series, by (legal entity, name), that have begun without a number of an old system, with their next number."""
    begun, brought = tables.SERIES.c, tables.OPENING_NUMBER.c
    there = sa.exists().where(brought.tenant == tenant, brought.entity == begun.entity, brought.series == begun.series)
    rows = session.rows(sa.select(begun.entity, begun.series, begun.next).where(begun.tenant == tenant, ~there))
    wanted = set(keys)
    return {(entity, series): following for entity, series, following in rows if (entity, series) in wanted}
