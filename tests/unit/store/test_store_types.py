"""Numbers, days and moments come back as they went in, by SQLAlchemy and by the bulk path, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.store import bulk, convert, types
from engine.store.books import Books
from engine.store.failures import translation
from engine.store.tables import base

EXACT = {"amount": 4, "price": 9, "quantity": 6, "rate": 12}
WAYS = ("bulk", "core")


def scratch() -> sa.Table:
    """One column of each type."""
    columns = [
        base.ident(),
        *(getattr(base, name)(name) for name in EXACT),
        base.digits("digits"),
        base.day("day"),
        base.moment("moment"),
        base.flag("flag"),
        base.text("text"),
        base.document("document"),
        base.quantity("maybe", null=True),
    ]
    table = base.table("scratch", *columns)
    base.METADATA.remove(table)
    return table


SCRATCH = scratch()
PLAIN = {
    "id": 1,
    **dict.fromkeys(EXACT, Decimal(1)),
    "digits": Decimal(1),
    "day": date(2026, 1, 1),
    "moment": datetime(2026, 1, 1, tzinfo=UTC),
    "flag": True,
    "text": "x",
    "document": {},
    "maybe": None,
}


@pytest.fixture
def connection(books: Books) -> Iterator[sa.Connection]:
    with books._engine.connect() as opened:
        with opened.begin():
            SCRATCH.create(opened)
        yield opened
        opened.rollback()
        with opened.begin():
            SCRATCH.drop(opened)


def through(connection: sa.Connection, way: str, **values: Any) -> dict[str, Any]:
    """A row that was written in one of two ways, read back by SQLAlchemy and by the raw decoder, which must agree."""
    row = {**PLAIN, **values}
    with connection.begin() as transaction:
        if way == "bulk":
            assert bulk.insert(connection, SCRATCH, [tuple(row.values())]) == 1
        else:
            try:
                connection.execute(sa.insert(SCRATCH), row)
            except sa.exc.StatementError as error:
                raise (translation("scratch", error) or error) from error
        read = dict(connection.execute(sa.select(SCRATCH)).mappings().one())
        cursor = connection.execute(sa.select(SCRATCH)).cursor
        assert cursor is not None
        raw = cursor.fetchone()
        decode = convert.decoder(list(SCRATCH.columns), connection.dialect.name)
        assert (tuple(raw) if decode is None else decode(*raw)) == tuple(read.values())
        transaction.rollback()
    return read


def fitting(scale: int) -> st.SearchStrategy[Decimal]:
    """Decimals that a column of that scale holds, in all their spellings."""
    number = st.integers(-types.LIMIT, types.LIMIT).map(lambda n: Decimal(n).scaleb(-scale))
    round_ones = st.builds(lambda n, e: Decimal(n).scaleb(e), st.integers(-999, 999), st.integers(-2, 3))
    return st.one_of(number, round_ones, st.sampled_from([Decimal("-0"), Decimal("0.00"), Decimal("1E+2")]))


QUICK = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("way", WAYS)
@QUICK
@given(data=st.data())
def test_every_number_in_range_comes_back(connection: sa.Connection, way: str, data: st.DataObject) -> None:
    with localcontext() as context:
        context.prec = data.draw(st.sampled_from([28, 50]))
        numbers = {name: data.draw(fitting(scale)) for name, scale in EXACT.items()}
        numbers["maybe"] = data.draw(st.none() | fitting(6))
        numbers["digits"] = data.draw(st.decimals(allow_nan=False, allow_infinity=False, places=15) | fitting(20))
        assert {name: through(connection, way, **numbers)[name] for name in numbers} == numbers


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", EXACT)
@QUICK
@given(data=st.data())
def test_a_digit_too_many_is_refused(connection: sa.Connection, way: str, name: str, data: st.DataObject) -> None:
    tail = data.draw(st.integers(1, 9))
    number = data.draw(st.integers(-(10**8), 10**8))
    value = Decimal(f"{number}{tail}").scaleb(-EXACT[name] - 1)
    with pytest.raises(TollbookError) as caught:
        through(connection, way, **{name: value})
    (finding,) = caught.value.findings
    assert finding.code == "store.not-exact"
    assert f"scratch.{name}" in finding.what and str(value) in finding.what


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_number_fits_and_the_next_is_refused(
    connection: sa.Connection, way: str, name: str, sign: int
) -> None:
    largest = Decimal(types.LIMIT).scaleb(-EXACT[name]) * sign
    assert through(connection, way, **{name: largest})[name] == largest
    with pytest.raises(TollbookError) as caught:
        through(connection, way, **{name: largest + Decimal(1).scaleb(-EXACT[name]) * sign})
    assert caught.value.findings[0].code == "store.too-large"
    assert f"scratch.{name}" in caught.value.findings[0].what


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [1.5, True, "12", Decimal("NaN"), Decimal("Infinity"), Decimal("sNaN")])
@pytest.mark.parametrize("name", ["amount", "digits"])
def test_what_is_no_exact_number_is_refused(connection: sa.Connection, way: str, name: str, value: object) -> None:
    with pytest.raises(TollbookError) as caught:
        through(connection, way, **{name: value})
    assert caught.value.findings[0].code == "store.not-exact"


@pytest.mark.parametrize("way", WAYS)
@QUICK
@given(
    day=st.dates(),
    moment=st.datetimes(
        datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5.5))])
    ),
    flag=st.booleans(),
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)
def test_days_moments_flags_and_texts_come_back(
    connection: sa.Connection, way: str, day: date, moment: datetime, flag: bool, text: str
) -> None:
    document = {"a": [1, None, True, text.replace("\0", "")], "b": {"c": "d"}}
    read = through(connection, way, day=day, moment=moment, flag=flag, text=text, document=document)
    assert (read["day"], read["moment"], read["flag"], read["text"], read["document"]) == (
        day,
        moment,
        flag,
        text,
        document,
    )
    assert read["moment"].utcoffset() == timedelta(0)
    assert isinstance(read["flag"], bool)


@pytest.mark.parametrize("way", WAYS)
def test_a_moment_without_zone_is_refused(connection: sa.Connection, way: str) -> None:
    with pytest.raises(TollbookError) as caught:
        through(connection, way, moment=datetime(2026, 1, 1))
    assert caught.value.findings[0].code == "store.not-aware"


def test_texts_sort_by_code_point(connection: sa.Connection) -> None:
    words = ["a", "B", "Z", "b", "ä", "É", "_", "~", "aa", "a b", "\U0001f600"]
    rows = [tuple({**PLAIN, "id": n, "text": word}.values()) for n, word in enumerate(words)]
    bulk.insert(connection, SCRATCH, rows)
    assert list(connection.execute(sa.select(SCRATCH.c.text).order_by(SCRATCH.c.text)).scalars()) == sorted(words)


def test_lists_pass_as_one_parameter(connection: sa.Connection) -> None:
    from engine.store.query import among, pair_parameters, pairs

    words = ['"', "\\", "{a,b}", "'", "NULL", "", "a,b", "é"]
    days = [date(2026, 1, n + 1) for n in range(len(words))]
    rows = [tuple({**PLAIN, "id": n, "text": w, "day": days[n]}.values()) for n, w in enumerate(words)]
    bulk.insert(connection, SCRATCH, rows)
    dialect = connection.dialect.name
    column = SCRATCH.c
    for condition, given_values in (
        (among(dialect, column.text, "given", types.TextList), words),
        (among(dialect, column.id, "given"), list(range(len(words)))),
        (among(dialect, column.day, "given", types.DayList), days),
    ):
        found = connection.execute(sa.select(column.id).where(condition).order_by(column.id), {"given": given_values})
        assert list(found.scalars()) == list(range(len(words)))
    joined, ids, values = pairs(dialect, "wanted")
    statement = sa.select(column.id).select_from(joined.join(SCRATCH, (column.id == ids) & (column.day > values)))
    wanted = pair_parameters(dialect, "wanted", [(2, days[1]), (3, days[3]), (4, date.min)])
    assert sorted(connection.execute(statement, wanted).scalars()) == [2, 4]
