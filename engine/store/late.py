"""Usage that became known after its day was billed, event by event; read only where daily sums say that there is some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.model.lateness import Late, LateUsage
from engine.model.usage import UsageSingle
from engine.store import tables
from engine.store.query import Query, among, for_each, pair_parameters, pairs
from engine.store.session import Session

_NAMES = ("subscription_id", "meter", "day", "id", "quantity", "source", "key")


def _events(dialect: str) -> sa.Select[Any]:
    """Events of chosen days up to an id, each with the id under which it is known to be taken back, if it is by then."""
    chosen, ids, days = pairs(dialect, "days")
    event, back = tables.USAGE_EVENT.c, tables.USAGE_REVERSAL.c
    wanted = (event.subscription_id == ids, event.day == days, event.id <= sa.bindparam("high"))
    joined, found = for_each(dialect, chosen, tables.USAGE_EVENT, _NAMES, *wanted)
    taken = sa.and_(back.event_id == found["id"], back.id <= sa.bindparam("high"))
    joined = joined.outerjoin(tables.USAGE_REVERSAL, taken)
    none: sa.ColumnElement[Any] = sa.literal_column("0")
    fields = (*(found[name] for name in _NAMES), sa.func.coalesce(back.id, none))
    return sa.select(*fields).select_from(joined).order_by(found["subscription_id"], found["id"])


def _dropped(dialect: str) -> sa.Select[Any]:
    column = tables.LATE_USAGE.c
    return sa.select(column.usage_id).where(among(dialect, column.usage_id, "ids"), column.disposition == "drop")


_EVENTS = Query(_events)
_DROPPED = Query(_dropped)


def dropped_of(session: Session, subscription_id: int) -> list[int]:
    """Ids of the late events of a subscription that rules have dropped: no line has ever counted them."""
    late = tables.LATE_USAGE.c
    mine = (late.subscription_id == subscription_id, late.disposition == "drop")
    return [row[0] for row in session.rows(sa.select(late.usage_id).where(*mine).order_by(late.usage_id))]


def late_usage(
    session: Session, days: Iterable[tuple[int, date]], seen: Mapping[int, int], high: int
) -> dict[int, Late]:
    """The late usage on some days of subscriptions: with ids above what each had ``seen``, up to ``high``; by subscription.

    An event that came late and was taken back before any run saw it is none; nor is one that a run has dropped.
    """
    chosen = sorted(set(days))
    rows = _EVENTS(session.connection, {**pair_parameters(session.dialect, "days", chosen), "high": high})
    back = [row[3] for row in rows if row[7]]
    dropped = {ident for (ident,) in _DROPPED(session.connection, {"ids": back})} if back else set()
    usage: dict[int, list[LateUsage]] = defaultdict(list)
    around: dict[int, list[UsageSingle]] = defaultdict(list)
    for subscription, meter, day, ident, quantity, source, key, taken in rows:
        if not taken:
            around[subscription].append(UsageSingle(subscription, meter, day, ident, quantity))
            if ident > seen[subscription]:
                usage[subscription].append(LateUsage(ident, ident, source, key, meter, day, quantity))
        elif ident <= seen[subscription] < taken and ident not in dropped:
            usage[subscription].append(LateUsage(taken, ident, source, key, meter, day, -quantity, True))
    return {ident: Late(tuple(found), tuple(around[ident])) for ident, found in usage.items()}
