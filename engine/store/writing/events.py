"""Events that became known: of subscriptions, and of usage, which is also added up by day.

Their ids are taken in the transaction that inserts them, under a row lock, so that the order of ids is the order of
commits: whoever has read all events up to an id will never find another one below it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.model.subscription import SubscriptionEvent
from engine.store import query, types
from engine.store.bulk import Row
from engine.store.records import Outcome
from engine.store.tables import (
    SUBSCRIPTION_EVENT,
    USAGE_DAY,
    USAGE_EVENT,
    USAGE_REFUSED,
    USAGE_REVERSAL,
    WATERMARK,
)
from engine.store.tables.usage import ROLLED
from engine.store.writing.base import WriterBase

FEW: Final = 50
"""Events that are looked up at once, without asking first for the highest key."""


class _Stream:
    """How one kind of event is told apart: its natural key, and what must be the same where the key is the same.

    Ids are taken of ``sequence``.  Events that may be known are looked up by the columns ``by``, whose values are constant in a group of rows, and by a
    list of the values of ``listed``.
    """

    def __init__(
        self,
        table: sa.Table,
        by: tuple[str, ...],
        listed: str,
        many: type[types.IdList],
        key: tuple[str, ...],
        body: tuple[str, ...],
        sequence: str = "",
    ) -> None:
        names = [column.name for column in table.columns][1:]
        self.table, self.by, self.listed = table, by, listed
        self.key_of, self.body_of = (itemgetter(*map(names.index, part)) for part in (key, body))
        self.listed_of = itemgetter(names.index(listed))
        self.head_of = (lambda row: ()) if not by else itemgetter(*map(names.index, by))
        self.tenant_at = names.index("tenant")
        self.sequence = sequence or table.name

        def find(dialect: str) -> sa.Select[Any]:
            wanted = query.among(dialect, table.c[listed], "wanted", many)
            same = (table.c[name] == sa.bindparam(f"by_{name}") for name in by)
            return sa.select(*(table.c[name] for name in names)).where(*same, wanted)

        def highest(dialect: str) -> sa.Select[Any]:
            same = (table.c[name] == sa.bindparam(f"by_{name}") for name in by)
            return sa.select(sa.func.max(table.c[listed])).where(*same)

        self.find, self.highest = query.Query(find), query.Query(highest)


_USAGE: Final = _Stream(
    USAGE_EVENT,
    ("tenant", "entity", "source"),
    "key",
    types.TextList,
    ("tenant", "entity", "source", "key"),
    ("subscription_id", "meter", "at", "quantity", "dimensions"),
)
_REVERSALS: Final = _Stream(
    USAGE_REVERSAL,
    ("tenant", "entity", "source"),
    "key",
    types.TextList,
    ("tenant", "entity", "source", "key"),
    ("event_id", "subscription_id"),
    sequence="usage_event",
)
_EVENTS: Final = _Stream(
    SUBSCRIPTION_EVENT,
    (),
    "subscription_id",
    types.IdList,
    ("subscription_id", "key"),
    ("kind", "on_day", "plan", "quantity", "charge", "amount", "anchor_day", "at", "coupon", "payer"),
)


def event_row(tenant: str, entity: str, subscription_id: int, event: SubscriptionEvent) -> Row:
    """A row of :meth:`EventsWriter.put_subscription_events`."""
    return (
        *(tenant, entity, subscription_id, event.key, event.kind, event.on, event.plan, event.quantity),
        *(event.charge, event.amount, event.anchor_day, event.at, event.coupon, event.payer),
    )


class EventsWriter(WriterBase):
    """Writes events."""

    def put_usage(self, rows: Sequence[Row]) -> Outcome:
        """Insert usage events that are not known yet.

        Rows are (tenant, entity, source, key, subscription_id, meter, at, day, quantity, dimensions); the last one is JSON
        with sorted keys, or None.  A known key with the same subscription, meter, instant, quantity and dimensions is the
        same event; with others it is a conflict, and the first stays.
        """
        return self._put_events(_USAGE, rows)

    def put_refused_usage(self, rows: Sequence[Row]) -> tuple[int, ...]:
        """Keep usage events that came in by themselves and were refused; positions of those that are not kept yet.

        Rows are (tenant, entity, source, key, digest, client, at, code, what, body); the digest of an event names it, so
        that one that is sent again and again is kept once.
        """
        if not rows:
            return ()
        fresh: dict[str, int] = {}
        with self._spoiling():
            first = self._ids_here(USAGE_REFUSED.name, len(rows))  # locks out others that keep refused events
            column = USAGE_REFUSED.c
            wanted = query.among(self.dialect, column.digest, "wanted", types.TextList)
            there = sa.select(column.digest).where(column.tenant == rows[0][0], wanted)
            known = set(self.connection.execute(there, {"wanted": [row[4] for row in rows]}).scalars())
            for position, row in enumerate(rows):
                if row[4] not in known:
                    fresh.setdefault(row[4], position)
            self._insert(USAGE_REFUSED, [(first + position, *rows[position]) for position in fresh.values()])
        if fresh:
            self.audit("keep refused usage", USAGE_REFUSED.name, None, {"events": len(fresh)}, tenant=rows[0][0])
        return tuple(fresh.values())

    def put_subscription_events(self, rows: Sequence[Row]) -> Outcome:
        """Insert subscription events that are not known yet.

        Rows are (tenant, entity, subscription_id, key, kind, on_day, plan, quantity, charge, amount, anchor_day, at, coupon, payer); the
        last eight may be None.  A known key with another body is a conflict, and the first stays.
        """
        return self._put_events(_EVENTS, rows)

    def put_reversals(self, rows: Sequence[Row]) -> Outcome:
        """Take back usage events that are not taken back yet.

        Rows are (tenant, entity, source, key, event_id, subscription_id, meter, day), as of the event.  Their ids are those of
        usage events, so that whoever has read all up to an id has read what was taken back, too.
        """
        return self._put_events(_REVERSALS, rows)

    def roll_up_usage(self, tenant: str) -> int:
        """Add all usage events that are not in USAGE_DAY yet to it, and take out what was taken back; the id of the newest of
        both that is."""
        insert = (sqlite if self.dialect == types.SQLITE else postgresql).insert
        mark = insert(WATERMARK).values(tenant=tenant, name=ROLLED, value=0)
        with self._spoiling():
            self.connection.execute(mark.on_conflict_do_nothing())
            mine = (WATERMARK.c.tenant == tenant) & (WATERMARK.c.name == ROLLED)
            low: int = self.connection.execute(sa.select(WATERMARK.c.value).where(mine).with_for_update()).scalar_one()
            high: int = self.reader.high_marks()[0]
            if high <= low:
                return low
            days = self.connection.execute(self._roll_up(tenant, low, high)).rowcount
            self._take_out(tenant, low, high)
            self.connection.execute(sa.update(WATERMARK).where(mine).values(value=high))
        self.audit("roll up usage", ROLLED, {"to": low}, {"to": high, "days": days}, tenant=tenant)
        return high

    def _roll_up(self, tenant: str, low: int, high: int) -> Any:
        event, total = USAGE_EVENT.c, USAGE_DAY.c
        added = (
            sa.select(
                event.subscription_id,
                event.day,
                event.meter,
                sa.func.sum(event.quantity),
                sa.func.max(event.quantity),
                sa.func.count(),
                sa.func.max(event.id),
            )
            .where(event.tenant == tenant, event.id > low, event.id <= high)
            .group_by(event.subscription_id, event.day, event.meter)
        )
        on_sqlite = self.dialect == types.SQLITE
        insert = (sqlite if on_sqlite else postgresql).insert(USAGE_DAY)
        insert = insert.from_select([column.name for column in USAGE_DAY.columns], added)
        new = insert.excluded
        larger = sa.func.max if on_sqlite else sa.func.greatest
        return insert.execution_options(preserve_rowcount=True).on_conflict_do_update(
            index_elements=["subscription_id", "day", "meter"],
            set_={
                "quantity": total.quantity + new.quantity,
                "peak": larger(total.peak, new.peak),
                "events": total.events + new.events,
                "last_id": new.last_id,
            },
        )

    def _take_out(self, tenant: str, low: int, high: int) -> None:
        """Add up again the days of events that were taken back."""
        back, event, total = USAGE_REVERSAL.c, USAGE_EVENT.c, USAGE_DAY.c
        fresh = (back.tenant == tenant, back.id > low, back.id <= high)
        touched = sa.select(back.subscription_id, back.day, back.meter, sa.func.max(back.id))
        grouped = touched.where(*fresh).group_by(back.subscription_id, back.day, back.meter)
        for ident, day, meter, newest in self.connection.execute(grouped).all():
            gone = sa.exists().where(back.event_id == event.id)
            mine = (event.subscription_id == ident, event.day == day, event.meter == meter, event.id <= high, ~gone)
            sums = (sa.func.coalesce(sa.func.sum(event.quantity, type_=event.quantity.type), 0), sa.func.count())
            peak = sa.func.coalesce(sa.func.max(event.quantity), 0)
            same = (total.subscription_id == ident, total.day == day, total.meter == meter)
            quantity, count, most = (sa.select(found).where(*mine).scalar_subquery() for found in (*sums, peak))
            last = sa.case((total.last_id > newest, total.last_id), else_=newest)
            again = {"quantity": quantity, "events": count, "peak": most, "last_id": last}
            self.connection.execute(sa.update(USAGE_DAY).where(*same).values(again))

    def _put_events(self, stream: _Stream, rows: Sequence[Row]) -> Outcome:
        if not rows:
            return Outcome()
        with self._spoiling():
            first = self._ids_here(stream.sequence, len(rows))  # locks out other writers of such events
            known = self._known_events(stream, rows)
            fresh, repeats, conflicts = rows, list[int](), list[int]()
            if known or len(set(map(stream.key_of, rows))) < len(rows):
                fresh, repeats, conflicts = _told_apart(stream, rows, known)
            self._insert(stream.table, [(ident, *row) for ident, row in enumerate(fresh, first)])
        if fresh:
            name, tenant = stream.table.name, rows[0][stream.tenant_at]
            self.audit(f"put {name}", name, None, {"inserted": len(fresh), "from": first}, tenant=tenant)
        return Outcome(len(fresh), 0, len(repeats), tuple(conflicts), tuple(repeats))

    def _known_events(self, stream: _Stream, rows: Sequence[Row]) -> dict[Any, Any]:
        """Bodies of the events in the books that may have the keys of some rows, by key."""
        groups: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
        heads = set(map(stream.head_of, rows))
        if len(heads) == 1:
            groups[heads.pop()] = set(map(stream.listed_of, rows))
        else:
            for row in rows:
                groups[stream.head_of(row)].add(stream.listed_of(row))
        known = {}
        for group, wanted in groups.items():
            parameters = {f"by_{name}": value for name, value in zip(stream.by, group, strict=True)}
            low = sorted(wanted)
            if len(low) > FEW:  # what comes after the highest known one is new
                ((highest,),) = stream.highest(self.connection, parameters)
                low = low[: bisect_right(low, highest)] if highest is not None else []
            if not low:
                continue
            for found in stream.find(self.connection, {**parameters, "wanted": low}):
                known[stream.key_of(found)] = stream.body_of(found)
        return known


def _told_apart(stream: _Stream, rows: Sequence[Row], known: dict[Any, Any]) -> tuple[list[Row], list[int], list[int]]:
    """Rows that are new, and the positions of repeats and of conflicts."""
    fresh: list[Row] = []
    conflicts: list[int] = []
    repeats: list[int] = []
    for position, row in enumerate(rows):
        body = stream.body_of(row)
        there = known.setdefault(stream.key_of(row), body)
        if there is body:
            fresh.append(row)
        elif there == body:
            repeats.append(position)
        else:
            conflicts.append(position)
    return fresh, repeats, conflicts
