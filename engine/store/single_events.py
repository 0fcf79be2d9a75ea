"""Usage events one by one, for prices that look at each; everything else is billed from daily sums."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from engine.model.usage import UsageSingle
from engine.store import tables
from engine.store.query import Query, for_each, pair_parameters, pairs
from engine.store.session import Session


def _singles(dialect: str) -> sa.Select[Any]:
    window, ids, days = pairs(dialect, "windows")
    event = tables.USAGE_EVENT.c
    wanted = (event.subscription_id == ids, event.day >= days, event.id <= sa.bindparam("high"))
    names = ("subscription_id", "meter", "day", "quantity", "at", "id")
    joined, found = for_each(dialect, window, tables.USAGE_EVENT, names, *wanted)
    order = (found[name] for name in ("subscription_id", "at", "id"))
    fields = (found[name] for name in UsageSingle.__struct_fields__)
    return sa.select(*fields).select_from(joined).order_by(*order)


_SINGLES = Query(_singles, UsageSingle)


def single_events(session: Session, since: Mapping[int, date], high: int) -> dict[int, tuple[UsageSingle, ...]]:
    """The usage events of subscriptions from a day each on, with ids up to ``high``, in order of time."""
    parameters = {**pair_parameters(session.dialect, "windows", list(since.items())), "high": high}
    found: list[UsageSingle] = _SINGLES(session.connection, parameters)
    return {ident: tuple(some) for ident, some in groupby(found, attrgetter("subscription_id"))}
