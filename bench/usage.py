"""From usage events to quantities: the way of a bill run against the database's own GROUP BY over the same events."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.measured import change
from bench.postgres import database
from engine.base.period import Period
from engine.billing.metering import metered
from engine.model.catalog import Meter
from engine.model.measure import Measure, Window
from engine.rulebook.measured import compiled_filter
from engine.runs.billing.measuring import ask, window_of
from engine.store import bulk, tables
from engine.store.books import Books, open_books
from engine.store.due import usage_days
from engine.store.reader import Reader

TENANT, METER, ZONE = "bench", "calls", "Europe/Amsterdam"
SUBSCRIPTIONS, PARTITION = 2_000, 500
CYCLE = Period(date(2026, 1, 1), date(2026, 2, 1))
KINDS = {"region": "text", "user": "text"}
SQLITE, OTHER = "json_extract(dimensions, '$.{}')", "dimensions::jsonb ->> '{}'"
WHERE = f"FROM usage_event WHERE meter = '{METER}' AND day >= '2026-01-01' AND day < '2026-02-01'"
RANKED = (
    f"SELECT s, max(CASE WHEN p = (c * 95 + 99) / 100 THEN q END) FROM (SELECT subscription_id AS s, quantity AS q, row_number() "
    f"OVER (PARTITION BY subscription_id ORDER BY quantity) AS p, count(*) OVER (PARTITION BY subscription_id) AS c {WHERE}) AS e"
    " GROUP BY s"
)


def _raw(name: str, sqlite: bool) -> str:
    """The same by hand, as shortly as the database can be asked."""
    region, user = ((SQLITE if sqlite else OTHER).format(part) for part in ("region", "user"))
    whole = "SELECT subscription_id, {} " + WHERE + "{} GROUP BY subscription_id{}"
    disc = "percentile_disc(0.95) WITHIN GROUP (ORDER BY quantity)"
    return {
        "sum": whole.format("sum(quantity)", "", ""),
        "sum, filtered": whole.format("sum(quantity)", f" AND {region} = 'EU'", ""),
        "sum, by group": whole.format(f"{region}, sum(quantity)", "", f", {region}"),
        "unique": whole.format(f"count(DISTINCT {user})", "", ""),
        "percentile": RANKED if sqlite else whole.format(disc, "", ""),
    }[name]


def _measures() -> dict[str, Measure]:
    def measure(aggregation: str, **more: Any) -> Measure:
        return Measure(METER, aggregation, KINDS, **more)

    return {
        "sum, filtered": measure("sum", filters=(compiled_filter('dim.region == "EU"', KINDS),)),
        "sum, by group": measure("sum", group_by=("region",)),
        "unique": measure("unique", dimension="user"),
        "percentile": measure("percentile", percentile=Decimal(95)),
    }


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    events = options.events
    yield f"## {events:,} usage events to quantities of {SUBSCRIPTIONS:,} subscriptions"
    yield ""
    yield "| database | quantity | seconds | raw GROUP BY | ratio |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as name:
        yield from _on(f"sqlite:///{Path(name) / 'books.db'}", "SQLite", events)
    with database() as url:
        yield from _on(url, "PostgreSQL", events)
    yield ""


def _on(url: str, name: str, events: int) -> Iterator[str]:
    books = open_books(url)
    try:
        books.migrate()
        with books.writer(change(), 0, TENANT) as writer:
            bulk.insert(writer.connection, tables.USAGE_EVENT, _events(events))
        books.refresh_statistics()
        sqlite = name == "SQLite"
        raw = _best(books, lambda reader: reader.connection.execute(sa.text(_raw("sum", sqlite))).all())
        began = time.perf_counter()
        with books.writer(change(), 0, TENANT) as writer:
            writer.roll_up_usage(TENANT)
        rolled = time.perf_counter() - began
        told = _best(books, _by_days)
        yield _line(name, "sum: daily sums, once", rolled, raw)
        yield _line(name, "sum: daily sums to quantities, each run", told, raw)
        yield _line(name, "sum: both", rolled + told, raw)
        windows = [window_of(ident, CYCLE, CYCLE, ZONE) for ident in range(1, SUBSCRIPTIONS + 1)]
        for what, wanted in _measures().items():
            text = _raw(what, sqlite)
            by_hand = _best(books, lambda reader, t=text: reader.connection.execute(sa.text(t)).all())
            ours = _best(books, lambda reader, m=wanted: _measured(reader, m, windows, events))
            yield _line(name, what, ours, by_hand)
    finally:
        books.close()


def _events(count: int) -> Iterator[tuple[Any, ...]]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days = [CYCLE.start + timedelta(n) for n in range(31)]
    groups = [f'{{"region":"{region}","user":"u{n}"}}' for n in range(100) for region in ("EU", "US", "APAC")]
    for n in range(count):
        owner, day = n % SUBSCRIPTIONS + 1, n // SUBSCRIPTIONS % 31
        at = start + timedelta(days=day, seconds=n % 80_000)
        quantity = Decimal(n * 7919 % 1_000_003).scaleb(-3)
        yield n + 1, TENANT, "E1", "bench", f"{n:09d}", owner, METER, at, days[day], quantity, groups[n % 300]


def _by_days(reader: Reader) -> list[Any]:
    meter, found = Meter(TENANT, METER, "call"), []
    for low in range(1, SUBSCRIPTIONS + 1, PARTITION):
        floors = dict.fromkeys(range(low, low + PARTITION), CYCLE.start)
        found += [metered(days, meter, CYCLE) for days in usage_days(reader, floors).values()]
    return found


def _measured(reader: Reader, measure: Measure, windows: Sequence[Window], high: int) -> list[Any]:
    found = []
    for low in range(0, SUBSCRIPTIONS, PARTITION):
        found += ask(reader, measure, windows[low : low + PARTITION], high)
    return found


def _best(books: Books, work: Callable[[Reader], Any]) -> float:
    """The shorter of two times in seconds."""
    times = []
    for _ in range(2):
        with books.reader() as reader:
            began = time.perf_counter()
            work(reader)
            times.append(time.perf_counter() - began)
    return min(times)


def _line(database: str, what: str, ours: float, raw: float) -> str:
    return f"| {database} | {what} | {ours:.2f} | {raw:.2f} | {ours / raw:.2f} |"
