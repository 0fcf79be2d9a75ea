"""Usage added up over the part of a window that a run does not look at day by day: one sum a meter, whatever its length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from engine.base.money import ZERO
from engine.model.usage import UsageDay
from engine.store import tables, types
from engine.store.due import RECOUNTED
from engine.store.query import Query, for_each, pair_parameters
from engine.store.session import Session

Span = tuple[int, date, date]
"""A subscription, the first day to add up, and the day after the last."""


def _spans(dialect: str) -> tuple[FromClause, tuple[ColumnElement[date], ...]]:
    """A list of spans as something to join, and its columns."""
    if dialect == types.SQLITE:
        made = sa.func.json_each(sa.bindparam("spans", type_=types.DayList())).table_valued("value", name="spans")
        return made, tuple(sa.func.json_extract(made.c.value, f"$[{n}]") for n in range(3))
    lists = (types.IdList(), types.DayList(), types.DayList())
    bound = [sa.bindparam(f"spans_{n}", type_=kind) for n, kind in enumerate(lists)]
    unnested = sa.func.unnest(*bound).table_valued("id", "first", "after", name="spans").render_derived()
    return unnested, tuple(unnested.c)


def _parameters(dialect: str, spans: Sequence[Span]) -> dict[str, object]:
    if dialect == types.SQLITE:
        return {"spans": spans}
    return {f"spans_{n}": [span[n] for span in spans] for n in range(3)}


def _sums(dialect: str) -> sa.Select[tuple[object, ...]]:
    """Sums by subscription, span and meter of days none of whose events is newer than the run."""
    spans, (ids, first, after) = _spans(dialect)
    day = tables.USAGE_DAY.c
    inside = (day.subscription_id == ids, day.day >= first, day.day < after, day.last_id <= sa.bindparam("high"))
    names = UsageDay.__struct_fields__
    joined, found = for_each(dialect, spans, tables.USAGE_DAY, names, *inside)
    since = sa.type_coerce(first, day.day.type).label("since")
    return (
        sa.select(
            found["subscription_id"],
            found["meter"],
            since,
            sa.func.sum(found["quantity"], type_=day.quantity.type),
            sa.cast(sa.func.sum(found["events"]), day.events.type),
            sa.func.max(found["last_id"]),
            sa.func.max(found["peak"], type_=day.peak.type),
        )
        .select_from(joined)
        .group_by(found["subscription_id"], found["meter"], first)
    )


def _newer(dialect: str) -> sa.Select[tuple[object, ...]]:
    """Days with events that are newer than the run, which are in the daily sums already."""
    spans, (ids, first, after) = _spans(dialect)
    day = tables.USAGE_DAY.c
    inside = (day.subscription_id == ids, day.day >= first, day.day < after, day.last_id > sa.bindparam("high"))
    joined, found = for_each(dialect, spans, tables.USAGE_DAY, ("subscription_id", "day"), *inside)
    return sa.select(found["subscription_id"], found["day"]).select_from(joined).distinct()


_SUMS = Query(_sums, UsageDay)
_NEWER = Query(_newer)


def window_sums(session: Session, spans: Iterable[Span], high: int) -> dict[int, tuple[UsageDay, ...]]:
    """What each meter of some subscriptions counted on spans of days, of events with ids up to ``high``.

    Each sum names the first day of its span as its day.
    """
    wanted = sorted(set(spans))
    if not wanted:
        return {}
    parameters = {**_parameters(session.dialect, wanted), "high": high}
    sums: list[UsageDay] = _SUMS(session.connection, parameters)
    newer = sorted(set(_NEWER(session.connection, parameters)))
    again: list[UsageDay] = []
    if newer:
        days = {**pair_parameters(session.dialect, "days", newer), "high": high}
        again = RECOUNTED(session.connection, days)
    found: dict[tuple[int, str, date], list[UsageDay]] = defaultdict(list)
    for one in chain(sums, (moved for day in again for moved in _moved(day, wanted))):
        found[one.subscription_id, one.meter, one.day].append(one)
    totals: dict[int, list[UsageDay]] = defaultdict(list)
    for (ident, meter, first), some in found.items():
        totals[ident].append(
            UsageDay(
                ident,
                meter,
                first,
                sum((one.quantity for one in some), ZERO),
                sum(one.events for one in some),
                max(one.last_id for one in some),
                max(one.peak for one in some),
            )
        )
    return {ident: tuple(some) for ident, some in totals.items()}


def _moved(one: UsageDay, spans: Sequence[Span]) -> Iterable[UsageDay]:
    """A day's sum as part of each span that it is in."""
    for ident, first, after in spans:
        if ident == one.subscription_id and first <= one.day < after:
            yield UsageDay(ident, one.meter, first, one.quantity, one.events, one.last_id, one.peak)
