"""Usage counted over stretches by the databases themselves, where daily sums do not tell it: many stretches a query.

Each window is looked up by (subscription, day, meter); no event outside of it is read but the last one before it, where
levels are carried over.  Both databases work with the same window functions, and exactly: a percentile is a rank computed
with integers, and on SQLite a level by its seconds is summed in two parts, neither of which can overflow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.selectable import FromClause

from engine.model.measure import DIGITS, OVER_TIME, Found, Measure, Window, order_of
from engine.store import tables, types
from engine.store.query import among, for_each
from engine.store.session import Session
from engine.store.sql_formulas import Element, NotHere, Words

__all__ = ["NotHere", "carried", "measured", "seconds_of", "streamed"]

_SPLIT: Final = 10**9
_WIDE: Final = Context(prec=60)
_UNIT: Final = Decimal(1).scaleb(-DIGITS)
_SECOND: Final = 10**6
"""Microseconds in a second; also what a percentile of 100 is in ten-thousandths."""
Group = tuple[str | None, ...]
Key = tuple[int, Group]
_EVENT_COLUMNS: Final = ("id", "at", "day", "quantity", "dimensions")


def measured(
    session: Session, measure: Measure, windows: Sequence[Window], high: int, gone: Collection[int] = ()
) -> list[list[Found]]:
    """What each window has, by group, of events and reversals with ids up to ``high``; nothing where it has no event, and
    carries no level over.  Events with the ids ``gone`` are as if they had never been.

    Raises:
        NotHere: the database cannot work it out exactly: see :func:`streamed`.
    """
    ask = _Ask(session, measure, windows, high, gone)
    found = _WAYS.get(measure.aggregation, _Ask.counted)(ask)
    made: list[list[Found]] = [[] for _ in windows]
    newest = ask.newest_reversals()
    for (n, group), (quantity, events, last) in sorted(found.items(), key=_order):
        made[n].append(Found(group, quantity, events, max(last, newest.get(n, 0))))
    return made


def _order(item: tuple[Key, Any]) -> tuple[int, tuple[tuple[bool, str], ...]]:
    return item[0][0], order_of(item[0][1])


def streamed(
    session: Session, measure: Measure, windows: Sequence[Window], high: int, gone: Collection[int] = ()
) -> Iterator[tuple[int, datetime, int, Decimal, str | None, bool]]:
    """(window, moment, id, quantity, dimensions, whether before the window) of its events in order of time: for what only
    Python can work out.  Events before the window are there only for levels, which are carried over."""
    ask = _Ask(session, measure, windows, high, gone)
    carries = measure.aggregation in OVER_TIME
    source, found = ask.events(before=carries)
    columns = [found[name] for name in ("at", "id", "quantity", "dimensions")]
    early = (found["day"] < ask.first) if carries else sa.false()
    select = sa.select(ask.n, *columns, early).select_from(source).where(*ask.left(found))
    select = select.order_by(ask.n, found["at"], found["id"]).execution_options(yield_per=1000)
    for row in session.connection.execute(select, ask.parameters):
        yield row[0], row[1], row[2], row[3], row[4], bool(row[5])


def carried(session: Session, measure: Measure, window: Window, high: int) -> dict[Group, Decimal]:
    """The levels that held when a window began, by group.

    Raises:
        NotHere: the database cannot work it out exactly.
    """
    held = _Ask(session, measure, [window], high).carried()
    return {group: level for (_, group), (level, _) in held.items()}


def newest_reversals(session: Session, measure: Measure, windows: Sequence[Window], high: int) -> Mapping[int, int]:
    """The id of the newest reversal of an event that a window rests on; windows without one are left out."""
    return _Ask(session, measure, windows, high).newest_reversals()


def seconds_of(moment: datetime) -> int:
    """Whole seconds from 1970-01-01 UTC to a moment."""
    return int(moment.astimezone(UTC).timestamp() // 1)


class _Ask:
    """One question about many windows."""

    def __init__(
        self, session: Session, measure: Measure, windows: Sequence[Window], high: int, gone: Collection[int] = ()
    ) -> None:
        self.session, self.measure, self.windows = session, measure, windows
        self.sqlite = session.dialect == types.SQLITE
        self.outer, (self.n, self.owner, self.first, self.last, self.start, self.end) = _listed(session.dialect)
        rows = [
            (n, one.subscription_id, one.first, one.last, seconds_of(one.start), seconds_of(one.end))
            for n, one in enumerate(windows)
        ]
        self.parameters: dict[str, Any] = {"high": high, "meter": measure.meter, **_parameters(session.dialect, rows)}
        self.gone = bool(gone)
        if gone:
            self.parameters["gone"] = sorted(gone)
        self.takes_back = self._takes_back()

    def _takes_back(self) -> bool:
        """Whether events of these subscriptions were ever taken back."""
        back = tables.USAGE_REVERSAL.c
        ids = sorted({one.subscription_id for one in self.windows})
        wanted = among(self.session.dialect, back.subscription_id, "ids")
        return bool(self.session.connection.execute(sa.select(back.id).where(wanted).limit(1), {"ids": ids}).all())

    def events(self, *, before: bool = False) -> tuple[FromClause, Mapping[str, Element]]:
        """The events of each window, and those ``before`` it too where they are asked for."""
        event = tables.USAGE_EVENT.c
        wanted = [event.subscription_id == self.owner, event.day < self.last, event.meter == sa.bindparam("meter")]
        wanted += [event.id <= sa.bindparam("high"), *(() if before else (event.day >= self.first,))]
        return for_each(self.session.dialect, self.outer, tables.USAGE_EVENT, _EVENT_COLUMNS, *wanted)

    def left(self, found: Mapping[str, Element]) -> list[Element]:
        """That an event was not taken back, and is not one of those that are gone."""
        wanted = [~among(self.session.dialect, found["id"], "gone")] if self.gone else []
        if not self.takes_back:
            return wanted
        back = tables.USAGE_REVERSAL.c
        return [*wanted, ~sa.exists().where(back.event_id == found["id"], back.id <= sa.bindparam("high"))]

    def newest_reversals(self) -> dict[int, int]:
        """The id of the newest reversal of an event that each window rests on."""
        if not self.takes_back:
            return {}
        back = tables.USAGE_REVERSAL.c
        wanted = [back.subscription_id == self.owner, back.meter == sa.bindparam("meter"), back.day < self.last]
        wanted += [back.id <= sa.bindparam("high")]
        if self.measure.aggregation not in OVER_TIME:
            wanted.append(back.day >= self.first)
        joined, found = for_each(self.session.dialect, self.outer, tables.USAGE_REVERSAL, ("id",), *wanted)
        newest = sa.select(self.n, sa.func.max(found["id"])).select_from(joined).group_by(self.n)
        return dict(map(tuple, self.session.connection.execute(newest, self.parameters)))

    def words(self, found: Mapping[str, Element]) -> Words:
        """Dimensions and formulas over some events."""
        return Words(self.session.dialect, found["quantity"], found["dimensions"], self.measure.kinds)

    def _fitting(self, *, before: bool = False) -> tuple[sa.Select[Any], Words]:
        """Window, groups, value, moment and id of the events that fulfil the filters."""
        source, found = self.events(before=before)
        words, measure = self.words(found), self.measure
        groups = [words.dimension(name).label(f"g{i}") for i, name in enumerate(measure.group_by)]
        value: Element = words.quantity
        if measure.aggregation == "unique":
            value = words.dimension(measure.dimension)
        elif measure.aggregation == "expression":
            assert measure.value is not None
            value = _tree(words, measure.value.tree)
        if self.sqlite:
            second = sa.type_coerce(found["at"], sa.Integer()) // _SECOND
        else:
            second = sa.cast(sa.func.floor(sa.extract("epoch", found["at"])), sa.BigInteger())
        columns = [self.n.label("n"), *groups, value.label("value"), found["at"].label("at"), found["id"].label("id")]
        more = [second.label("second"), self.start.label("start"), self.end.label("end")]
        filters = [_tree(words, one.tree) for one in measure.filters]
        select = sa.select(*columns, *more, found["day"].label("day"), self.first.label("first"))
        return select.select_from(source).where(*filters, *self.left(found)), words

    def counted(self) -> dict[Key, tuple[Decimal, int, int]]:
        """Quantity, number and newest id of the events of each window and group."""
        kind = self.measure.aggregation
        ranked = kind in ("latest", "percentile")
        select, words = self._fitting()
        plain = select.subquery("events")
        inner = (self._ranked(plain) if ranked and self.sqlite else sa.select(plain)).subquery("found")
        value: Element
        if ranked:
            value = self._of_rank(inner)
        else:
            value = _TOTALS[kind](inner.c.value)
        keys = [inner.c.n, *(inner.c[f"g{i}"] for i in range(len(self.measure.group_by)))]
        asked = sa.select(*keys, value, sa.func.count(), sa.func.max(inner.c.id)).group_by(*keys)
        whole = kind in ("count", "unique")
        return {
            (n, self._group(words, groups)): (self._quantity(found, whole), events, last)
            for n, *groups, found, events, last in self.session.connection.execute(asked, self.parameters)
        }

    def _of_rank(self, found: sa.Subquery) -> Element:
        """The value at the place that is wanted: on PostgreSQL out of a sorted list, which is the quicker way there."""
        if self.sqlite:
            chosen: Element = sa.func.max(sa.case((found.c.place == found.c.wanted, found.c.value)))
            return chosen
        latest = self.measure.aggregation == "latest"
        order = [found.c.at.desc(), found.c.id.desc()] if latest else [found.c.value]
        listed = sa.func.array_agg(
            postgresql.aggregate_order_by(found.c.value, *order), type_=postgresql.ARRAY(sa.Numeric())
        )
        place: Element = listed[1 if latest else self._place(sa.func.count())]
        return place

    def _place(self, count: Element) -> Element:
        """The nearest rank among so many, in integers."""
        share = int(self.measure.percentile * 10_000)
        return (count * sa.literal_column(str(share)) + sa.literal_column(str(_SECOND - 1))) // _SECOND

    def _ranked(self, plain: sa.Subquery) -> sa.Select[Any]:
        """The events with their place, and the place that is wanted."""
        within = [plain.c.n, *(plain.c[f"g{i}"] for i in range(len(self.measure.group_by)))]
        if self.measure.aggregation == "latest":
            order: list[Any] = [plain.c.at.desc(), plain.c.id.desc()]
            wanted: Element = sa.literal_column("1")
        else:
            order = [plain.c.value, plain.c.id]
            wanted = self._place(sa.func.count().over(partition_by=within))
        place = sa.func.row_number().over(partition_by=within, order_by=order)
        return sa.select(plain, place.label("place"), wanted.label("wanted"))

    def levels(self) -> dict[Key, tuple[Decimal, int, int]]:
        """Average levels: what each event says holds from its second on, the last one before the window from its start."""
        select, words = self._fitting()
        plain = select.subquery("events")
        within = [plain.c.n, *(plain.c[f"g{i}"] for i in range(len(self.measure.group_by)))]
        begun = self._begun(plain)
        keys = [begun.c[column.name] for column in within]
        following = sa.func.lead(begun.c.begin).over(partition_by=keys, order_by=[begun.c.at, begun.c.id])
        until = sa.func.coalesce(following, begun.c.end, type_=sa.BigInteger())
        timed = sa.select(begun, (until - begun.c.begin).label("span")).subquery("timed")
        areas = _areas(timed, self.sqlite)
        keys = [timed.c[column.name] for column in within]
        asked = sa.select(*keys, *areas, sa.func.min(timed.c.begin), sa.func.count(), sa.func.max(timed.c.id)).group_by(
            *keys
        )
        carried = self.carried()
        made: dict[Key, tuple[Decimal, int, int]] = {}
        for row in self.session.connection.execute(asked, self.parameters):
            n, rest = row[0], row[1:]
            groups, (high, low, first, events, last) = rest[: len(keys) - 1], rest[len(keys) - 1 :]
            key = n, self._group(words, groups)
            level, ident = carried.pop(key, (Decimal(0), 0))
            area = _area(high, low, self.sqlite) + level * (first - seconds_of(self.windows[n].start))
            made[key] = self._average(n, area), events, max(last, ident)
        for (n, group), (level, ident) in carried.items():
            one = self.windows[n]
            area = level * (seconds_of(one.end) - seconds_of(one.start))
            made[n, group] = self._average(n, area), 0, ident
        return made

    def _begun(self, plain: sa.Subquery) -> sa.Subquery:
        """Events with the second of the window from which on they hold."""
        least, most = (sa.func.min, sa.func.max) if self.sqlite else (sa.func.least, sa.func.greatest)
        begin = least(most(plain.c.second, plain.c.start), plain.c.end, type_=sa.BigInteger())
        return sa.select(plain, begin.label("begin")).subquery("begun")

    def added(self) -> dict[Key, tuple[Decimal, int, int]]:
        """Average levels to which each event adds, from its second on to the end; those before the window add to all of it."""
        select, words = self._fitting(before=True)
        begun = self._begun(select.subquery("events"))
        timed = sa.select(begun, (begun.c.end - begun.c.begin).label("span")).subquery("timed")
        keys = [timed.c.n, *(timed.c[f"g{i}"] for i in range(len(self.measure.group_by)))]
        inside = sa.func.sum(sa.case((timed.c.day >= timed.c.first, 1), else_=0))
        asked = sa.select(*keys, *_areas(timed, self.sqlite), inside, sa.func.max(timed.c.id)).group_by(*keys)
        return {
            (n, self._group(words, groups)): (self._average(n, _area(high, low, self.sqlite)), int(events), last)
            for n, *groups, high, low, events, last in self.session.connection.execute(asked, self.parameters)
        }

    def _average(self, n: int, area: Decimal) -> Decimal:
        return rounded(_WIDE.divide(area, Decimal(self.windows[n].whole)))

    def carried(self) -> dict[Key, tuple[Decimal, int]]:
        """The level before each window, and the id of the event that says it last."""
        if self.measure.aggregation == "weighted_sum":
            select, words = self._fitting(before=True)
            plain = select.subquery("events")
            keys = [plain.c.n, *(plain.c[f"g{i}"] for i in range(len(self.measure.group_by)))]
            sums = sa.select(*keys, sa.func.sum(plain.c.value), sa.func.max(plain.c.id)).group_by(*keys)
            rows = self.session.connection.execute(sums.where(plain.c.day < plain.c.first), self.parameters)
            return {(n, self._group(words, some)): (self._quantity(value), ident) for n, *some, value, ident in rows}
        if self.measure.group_by:
            select, words = self._fitting(before=True)
            plain = select.subquery("events")
            keys = [plain.c.n, *(plain.c[f"g{i}"] for i in range(len(self.measure.group_by)))]
            order = [plain.c.at.desc(), plain.c.id.desc()]
            place = sa.func.row_number().over(partition_by=keys, order_by=order).label("place")
            ranked = sa.select(plain, place).where(plain.c.day < plain.c.first).subquery("ranked")
            names = [ranked.c[column.name] for column in keys]
            asked = sa.select(*names, ranked.c.value, ranked.c.id).where(ranked.c.place == 1)
            rows = self.session.connection.execute(asked, self.parameters)
            return {
                (n, self._group(words, groups)): (self._quantity(value), ident) for n, *groups, value, ident in rows
            }
        event = tables.USAGE_EVENT.c
        words = self.words({"quantity": event.quantity, "dimensions": event.dimensions})
        before = (
            sa.select(event.id)
            .where(event.subscription_id == self.owner, event.meter == sa.bindparam("meter"), event.day < self.first)
            .where(event.id <= sa.bindparam("high"), *self.left({"id": event.id}))
            .where(*(_tree(words, one.tree) for one in self.measure.filters))
            .order_by(event.day.desc(), event.at.desc(), event.id.desc())
            .limit(1)
            .correlate(self.outer)
            .scalar_subquery()
        )
        asked = sa.select(self.n, before).select_from(self.outer)
        before_each = self.session.connection.execute(asked, self.parameters).all()
        places: dict[int, int] = {row[0]: row[1] for row in before_each if row[1]}
        wanted = among(self.session.dialect, event.id, "ids")
        levels = sa.select(event.id, event.quantity).where(wanted)
        found = dict(map(tuple, self.session.connection.execute(levels, {"ids": sorted(set(places.values()))})))
        return {(n, ()): (found[ident], ident) for n, ident in places.items()}

    def _group(self, words: Words, values: Sequence[Any]) -> Group:
        return tuple(words.read(name)(value) for name, value in zip(self.measure.group_by, values, strict=True))

    def _quantity(self, value: Any, whole: bool = False) -> Decimal:
        """A number of a result as a quantity; ``whole`` says that it counts."""
        if value is None or whole:
            return Decimal(value or 0)
        return Decimal(value).scaleb(-DIGITS) if self.sqlite else rounded(Decimal(value))


_TOTALS: Final[Mapping[str, Any]] = {
    "sum": sa.func.sum,
    "expression": sa.func.sum,
    "max": sa.func.max,
    "min": sa.func.min,
    "count": lambda value: sa.func.count(),
    "unique": lambda value: sa.func.count(sa.distinct(value)),
}


_WAYS: Final[Mapping[str, Any]] = {"time_weighted": _Ask.levels, "weighted_sum": _Ask.added}
"""How levels are averaged; all else is counted."""


def rounded(quantity: Decimal) -> Decimal:
    """A quantity with as many digits after the point as the books keep."""
    return quantity.quantize(_UNIT, ROUND_HALF_UP, _WIDE)


def _tree(words: Words, tree: Any) -> Element:
    if tree is None:
        raise NotHere("only Python knows it")
    return words(tree)


def _areas(timed: sa.Subquery, sqlite: bool) -> tuple[Element, Element]:
    """Levels by the seconds that they held, summed: in two parts on SQLite, whose integers have 64 bits."""
    level, span = timed.c.value, timed.c.span
    if sqlite:
        return sa.func.sum((level // _SPLIT) * span), sa.func.sum((level % _SPLIT) * span)
    return sa.func.sum(level * span), sa.literal_column("0")


def _area(high: Any, low: Any, sqlite: bool) -> Decimal:
    return Decimal(high * _SPLIT + low).scaleb(-DIGITS, _WIDE) if sqlite else Decimal(high)


_FIELDS: Final = ("n", "owner", "first", "last", "start", "end")


def _listed(dialect: str) -> tuple[FromClause, list[Element]]:
    """The windows as something to join, and their columns."""
    if dialect == types.SQLITE:
        made = sa.func.json_each(sa.bindparam("windows", type_=types.IdList())).table_valued("value", name="windows")
        kinds = (sa.Integer(), sa.Integer(), types.Day(), types.Day(), sa.Integer(), sa.Integer())
        return made, [sa.func.json_extract(made.c.value, f"$[{place}]", type_=kind) for place, kind in enumerate(kinds)]
    lists = [sa.bindparam(f"windows_{name}", type_=_list_type(name)) for name in _FIELDS]
    unnested = sa.func.unnest(*lists).table_valued(*_FIELDS, name="windows").render_derived()
    return unnested, [unnested.c[name] for name in _FIELDS]


def _list_type(name: str) -> types.IdList:
    return types.DayList() if name in ("first", "last") else types.IdList()


def _parameters(dialect: str, rows: Sequence[tuple[int, int, date, date, int, int]]) -> dict[str, Any]:
    if dialect == types.SQLITE:
        return {"windows": rows}
    return {f"windows_{name}": [row[place] for row in rows] for place, name in enumerate(_FIELDS)}
