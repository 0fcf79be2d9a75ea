"""Rows in bulk: streamed, exact, refused in our own shape."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from engine.base.errors import TollbookError
from engine.store import bulk, convert, copylines, tables, types
from engine.store.books import Books
from engine.store.seals import Seal


@pytest.fixture
def connection(books: Books) -> Iterator[sa.Connection]:
    with books._connect(write=True) as opened, opened.begin():
        yield opened


def rate(ident: int, **more: Any) -> tuple[Any, ...]:
    row = {
        "id": ident,
        "tenant": "t",
        "base": "EUR",
        "quote": "USD",
        "on_day": date(2026, 1, 1),
        "rate": Decimal("1.1"),
    }
    return tuple({**row, "source": f"s{ident}", **more}.values())


def test_rows_stream_in_bounded_memory(connection: sa.Connection) -> None:
    bulk.insert(connection, tables.FX_RATE, [rate(0)])  # warm
    tracemalloc.start()
    written = bulk.insert(connection, tables.FX_RATE, (rate(n) for n in range(1, 30_001)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert written == 30_000
    assert connection.execute(sa.select(sa.func.count()).select_from(tables.FX_RATE)).scalar() == 30_001
    assert peak < 1_000_000


def test_upsert_replaces_by_key(connection: sa.Connection) -> None:
    mark = tables.BILLING_MARK
    bulk.upsert(connection, mark, [(n, date(2026, 1, 1), 1, 1, None, None) for n in range(5)])
    bulk.upsert(connection, mark, ((n, date(2026, 2, 1), 2, 2, date(2026, 2, 1), None) for n in range(3, 8)))
    days = connection.execute(sa.select(mark.c.billed_to).order_by(mark.c.subscription_id)).scalars()
    assert [day.month for day in days] == [1, 1, 1, 2, 2, 2, 2, 2]


def code(connection: sa.Connection, row: tuple[Any, ...], table: sa.Table = tables.FX_RATE) -> tuple[str, str]:
    with connection.begin_nested(), pytest.raises(TollbookError) as caught:
        try:
            bulk.insert(connection, table, [row])
        finally:
            connection.get_nested_transaction().rollback()  # type: ignore[union-attr]
    return str(caught.value.findings[0].code), caught.value.findings[0].what


@pytest.mark.parametrize(
    ("row", "expected", "named"),
    [
        (rate(1, source="s0"), "store.duplicate", "fx_rate"),
        (rate(1, tenant=None), "store.refused", "tenant"),
        (rate(1, source="a\0b"), "store.", "NUL"),
        (rate("one"), "store.", ""),
        (rate(2**63), "store.", ""),
        (rate(1)[:-1], "store.wrong-shape", ""),
        ((*rate(1), 1), "store.wrong-shape", ""),
        (rate(1, rate=None), "store.not-exact", "fx_rate.rate"),
        (rate(1, rate=0.5), "store.not-exact", "fx_rate.rate"),
    ],
)
def test_bad_rows_are_refused(connection: sa.Connection, row: tuple[Any, ...], expected: str, named: str) -> None:
    bulk.insert(connection, tables.FX_RATE, [rate(0)])
    found, what = code(connection, row)
    assert found.startswith(expected) and named in what


def test_columns_of_other_types(connection: sa.Connection) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    row = (1, "t", "e", "p", "k", "key\t\\N\n", {"a": Decimal("1.50"), "d": date.min}, "pending", "", 0, at, None, 0)
    bulk.insert(connection, tables.EFFECT, [row])
    read = connection.execute(sa.select(tables.EFFECT)).one()
    assert read.key == "key\t\\N\n"
    assert read.payload == {"a": "1.50", "d": "0001-01-01"}
    assert read.next_at == at and read.answer is None


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("zero", ["0", "-0", "0E-12", "0.00", "0E+3"])
def test_a_number_is_digested_as_it_is_read_back(dialect: str, zero: str) -> None:
    """Zeros have many texts; what is digested when one is written is what is digested when it is read from the books."""
    seals = [Seal(tables.FX_RATE, "00" * 16) for _ in range(2)]
    for seal, written in zip(seals, (zero, "0E-12"), strict=True):
        bulk.digest(tables.FX_RATE, [rate(1, rate=Decimal(written))], dialect, seal)
    assert seals[0].told() == seals[1].told()


def _effects(odd: dict[int, dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = [column.name for column in tables.EFFECT.columns]
    plain = {"tenant": "t", "entity": "e", "port": "p", "kind": "k", "payload": {"a": 1}, "state": "pending"}
    more = {"adapter": "", "attempts": 0, "next_at": None, "answer": None, "run_id": 7}
    made = [{**plain, **more, "id": n, "key": f"key {n}", **odd.get(n, {})} for n in range(60)]
    return [tuple(row[name] for name in names) for row in made]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {3: {"answer": {"text": "a\\b\n"}}},
        {3: {"key": "a\tb"}},
        {3: {"key": "a\nb"}, 9: {"key": "\\N"}},
        {0: {"next_at": datetime(2026, 1, 1, tzinfo=UTC)}, 59: {"payload": {"a": True}}},
    ],
)
def test_lines_by_column_are_those_value_by_value(odd: dict[int, dict[str, Any]]) -> None:
    rows = _effects(odd)
    careful = "".join(f"{line}\n" for line in copylines._carefully(tables.EFFECT, rows))
    assert b"".join(copylines.lines(tables.EFFECT, rows)).decode() == careful
    assert careful.count("\n") == 60


@pytest.mark.parametrize("digits", ["1", "1.0", "1.00", "1E+3", "-0.5", "-0", "0.000000000000000000000000001"])
def test_numbers_of_any_length_keep_their_digits_beside_others(digits: str) -> None:
    table = sa.Table("apart", sa.MetaData(), sa.Column("full", types.Digits(), nullable=False))
    rows = [(Decimal("1"),), (Decimal(digits),), (Decimal("1"),)]
    written = b"".join(copylines.lines(table, rows)).decode().split("\n")[:-1]
    assert written == copylines._carefully(table, rows)
    careful = convert.encoder(table, types.SQLITE)
    assert list(convert.encoded(table, rows)) == [careful(*row) for row in rows]


def _used(**odd: Any) -> list[tuple[Any, ...]]:
    names = [column.name for column in tables.USAGE_EVENT.columns]
    same = {"tenant": "t", "entity": "e", "source": "s", "meter": "m", "day": date(2026, 1, 1), "dimensions": None}
    made = []
    for n in range(60):  # no instant and no quantity like another
        at = datetime(2026, 1, 1, 0, 0, n, n % 2 * 500, UTC)
        made.append({**same, "id": n, "key": f"k{n}", "subscription_id": 1, "at": at, "quantity": Decimal(n) / 8})
    made[40] |= odd
    return [tuple(row[name] for name in names) for row in made]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"quantity": Decimal("-0")},
        {"quantity": Decimal("-0.5")},
        {"quantity": Decimal("0.000001")},
        {"quantity": Decimal("1E+3")},
        {"at": datetime(2026, 1, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam"))},
        {"at": datetime(2026, 1, 1, 12, tzinfo=ZoneInfo("UTC"))},
    ],
)
def test_values_that_hardly_repeat_are_written_as_one_by_one(odd: dict[str, Any]) -> None:
    rows = _used(**odd)
    careful = "".join(f"{line}\n" for line in copylines._carefully(tables.USAGE_EVENT, rows))
    assert b"".join(copylines.lines(tables.USAGE_EVENT, rows)).decode() == careful


@pytest.mark.parametrize("odd", [{"at": datetime(2026, 1, 1)}, {"quantity": Decimal("0.0000001")}])
def test_one_odd_value_among_many_that_hardly_repeat_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(TollbookError):
        list(copylines.lines(tables.USAGE_EVENT, _used(**odd)))


@pytest.mark.parametrize("wrong", [1.1, float("nan"), Decimal("NaN"), Decimal("Infinity"), None, "1.1"])
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("step", [0, 1])
def test_one_wrong_number_among_many_is_refused(dialect: str, wrong: Any, step: int) -> None:
    rows = [rate(n, rate=Decimal(1 + n * step)) for n in range(40)]
    rows[20] = rate(20, rate=wrong)
    with pytest.raises(TollbookError):
        bulk.digest(tables.FX_RATE, rows, dialect, Seal(tables.FX_RATE))
