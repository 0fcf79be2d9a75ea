"""Events judged by columns have the values that they have when they are judged one by one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.errors import Where
from engine.runs.intake import arrivals
from engine.runs.intake.arrivals import Alike
from engine.runs.intake.columns import Quick, block_of, joined
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.local_days import LocalDays
from engine.runs.intake.rows import read_row

FORM = FORMATS["usage"]
QUICK = Quick(FORM, date(2026, 11, 22))
PLAIN = {
    "key": "k1",
    "entity": "E1",
    "subscription": "S5",
    "meter": "calls",
    "at": "2026-01-31T11:00:00Z",
    "quantity": "1.5",
    "source": "phones",
}
ODD = {
    "key": ["", " k", "k ", "a\tb", "x" * 101, "ключ", "k\u200b", "k\n2", "a b", "0"],
    "at": [
        *("2026-01-31", "2026-01-31T11:00:00", "2026-02-30T00:00:00Z", "1999-12-31T23:59:59Z", "2030-01-01T00:00:00Z"),
        *("2026-01-31T11:00:00.5Z", "2026-01-31 11:00:00+05:30", "2026-01-31T11:00Z", "2026-01-31T11:00:00z", "1\n2"),
    ],
    "quantity": ["-1", "1e3", "1.1234567", "1.0000000", "9" * 14, "", "x", "1\n2", "1 ", "+1", ".5", "5."],
    "source": ["", "another"],
}
TEXTS = [(name, text) for name, texts in ODD.items() for text in texts]


@pytest.mark.parametrize(("name", "text"), TEXTS, ids=[f"{n}={t!r:.20}" for n, t in TEXTS])
def test_both_ways_agree(name: str, text: str) -> None:
    """What the quick way reads, the careful one reads as the same; what the careful one refuses, the quick one leaves."""
    rows = [PLAIN, {**PLAIN, name: text}, PLAIN]
    block = QUICK.read({column: [row[column] for row in rows] for column in PLAIN}, range(1, 4))
    judged = [read_row(QUICK.rules, row, Where("", 1)) for row in rows]
    if any(findings for _, findings in judged):
        assert block is None
    if block is not None:
        assert [block.row(at).values for at in range(3)] == [values for values, _ in judged]


def test_plain_rows_are_read_the_quick_way() -> None:
    """Else nothing would be gained."""
    block = QUICK.read({name: [text] * 3 for name, text in PLAIN.items()}, range(1, 4))
    assert block is not None
    assert joined([block, block_of(FORM, block.rows())]).values["key"] == ["k1"] * 6


EVENT = '{"key": "a", "entity": "E", "time": "2026-01-31T11:00:00Z", "quantity": 1.50}'


@pytest.mark.parametrize(
    "body",
    [
        f"[{EVENT}, {EVENT[:-1]}, \"key\": \"b\"}}]",
        f"[{EVENT[:-1]}, \"ke\\u0079\": \"b\"}}, {EVENT[:-1]}, \"x\": \"b\"}}]",
        '[{"key": "a", "key" : "b", "entity": "E"}]',
        '[{"key": "a", "entity": 5}]',
        '[{"key": "a", "quantity": true}]',
        '[{"key": "a", "quantity": null}]',
        '[{"key": "a", "dimensions": {"a": 1}}]',
        '[{"key": "a", "at": "x", "time": "x"}]',
        '[{"key": "a", "b": "1"}, {"key": "a", "c": "1"}]',
        '[{"key": "a"}]',
        "[]",
        "[1]",
        "{}",
        '{"key": "a", "entity": "E"}',
        "[" * 5000,
        "nonsense",
    ],
)  # fmt: skip
def test_events_that_are_not_alike_are_read_one_by_one(body: str) -> None:
    """Above all those with a field that is there twice, of which a quick reader would keep one."""
    assert arrivals.alike(body.encode()) is None


def test_a_body_that_is_not_utf8_is_read_one_by_one() -> None:
    assert arrivals.alike(b'[{"key": "\xff", "entity": "E"}]') is None


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "key": st.text(st.characters(codec="utf-8"), max_size=4),
                "quantity": st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False).map(float)),
                "time": st.sampled_from(["2026-01-31T11:00:00Z", "quantity", ""]),
                "extra": st.text('ab"\\:,{}', max_size=4),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_columns_are_the_rows(events: list[dict[str, Any]]) -> None:
    """Whatever the texts are, columns say what the rows say, down to the digits."""
    for body in (json.dumps(events, ensure_ascii=False), json.dumps(events)):
        found, rows = arrivals.alike(body.encode()), arrivals.one(body)
        assert found is None or found.rows() == rows
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    alike = arrivals.lines_alike([line.encode() for line in lines])
    assert alike is None or alike.rows() == [arrivals.line(line) for line in lines]


def test_lines_that_are_events_together_only_are_not_taken() -> None:
    whole = b'{"key": "a", "entity": "E"}'
    assert isinstance(arrivals.lines_alike([whole, whole]), Alike)
    assert arrivals.lines_alike([whole + b', {"key": "b"', b'"entity": "E"}']) is None


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]
ZONES += ["America/Sao_Paulo", "Africa/Casablanca", "Pacific/Kiritimati", "America/Havana", "Antarctica/Troll"]


@given(
    st.sampled_from(ZONES).map(ZoneInfo),
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    st.lists(st.integers(0, 60 * 60 * 24 * 3), min_size=1, max_size=20),
)
def test_local_days_are_those_of_the_zone(zone: ZoneInfo, start: datetime, seconds: list[int]) -> None:
    moments = [start.replace(tzinfo=UTC) + timedelta(seconds=s) for s in seconds]
    assert LocalDays().of([zone] * len(moments), moments) == [at.astimezone(zone).date() for at in moments]


@pytest.mark.parametrize("zone", ZONES)
def test_local_days_at_every_change_of_a_zone(zone: str) -> None:
    """Hour by hour through years in which zones skipped days and changed at midnight."""
    hours = [
        datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * n) for year in (2011, 2018) for n in range(17_520)
    ]
    assert LocalDays().of([ZoneInfo(zone)] * len(hours), hours) == [
        at.astimezone(ZoneInfo(zone)).date() for at in hours
    ]
