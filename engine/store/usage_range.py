"""The usage events of a source on a range of days that are not taken back, and those that were, by key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa

from engine.store.session import Session
from engine.store.tables import USAGE_EVENT, USAGE_REVERSAL


def events_between(session: Session, tenant: str, source: str, begins: date, ends: date) -> list[dict[str, Any]]:
    """Events of the days from ``begins`` up to, not including, ``ends``, by column name and in order of id.

    It costs a look at all events of the source.
    """
    event = USAGE_EVENT.c
    gone = sa.exists().where(USAGE_REVERSAL.c.event_id == event.id)
    mine = (event.tenant == tenant, event.source == source, event.day >= begins, event.day < ends, ~gone)
    return [
        dict(row)
        for row in session.connection.execute(sa.select(USAGE_EVENT).where(*mine).order_by(event.id)).mappings()
    ]


def keys_like(session: Session, tenant: str, entity: str, source: str, keys: Iterable[str], mark: str) -> set[str]:
    """Keys of events, taken back or not, that are one of ``keys``, or one of them with ``mark`` and more after it."""
    event = USAGE_EVENT.c
    found: set[str] = set()
    for key in keys:
        same = (event.tenant == tenant, event.entity == entity, event.source == source)
        after = mark[:-1] + chr(ord(mark[-1]) + 1)
        near = (event.key == key) | ((event.key >= key + mark) & (event.key < key + after))
        found.update(session.connection.execute(sa.select(event.key).where(*same, near)).scalars())
    return found
