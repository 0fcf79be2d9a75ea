"""From what clients send to rows: an event is the same in every form."""

from __future__ import annotations

import pytest

from engine.runs.intake import arrivals, dimensions
from engine.runs.intake.reading import Broken

ROW = {"key": "1", "source": "s", "entity": "E", "subscription": "S", "meter": "m", "at": "t", "quantity": "1.0"}
OWN = '{"key": "1", "source": "s", "entity": "E", "subscription": "S", "meter": "m", "time": "t", "quantity": 1.0}'
CLOUD = (
    '{"specversion": "1.0", "id": "1", "source": "s", "type": "m", "subject": "S", "time": "t",'
    ' "data": {"entity": "E", "quantity": 1.0}}'
)
HEADERS = {"ce-specversion": "1.0", "ce-id": "%31", "ce-source": "s", "ce-type": "m", "ce-subject": "S", "ce-time": "t"}


def test_an_event_is_the_same_in_every_form() -> None:
    assert arrivals.one(OWN) == [ROW]
    assert arrivals.one(f"[{OWN}, {OWN}]") == [ROW, ROW]
    assert arrivals.line(OWN) == ROW
    assert arrivals.cloudevents(CLOUD) == [ROW]
    assert arrivals.cloudevents(f"[{CLOUD}]") == [ROW]
    assert arrivals.binary_cloudevent(HEADERS, '{"entity": "E", "quantity": 1.0}') == [ROW]


def test_numbers_are_what_is_written() -> None:
    (row,) = arrivals.one('{"quantity": 0.10000000000000000000000000000000000001}')
    assert row == {"quantity": "0.10000000000000000000000000000000000001"}


def test_data_say_more_than_subject_and_type() -> None:
    text = CLOUD.replace('"entity"', '"meter": "other", "subscription": "T", "entity"')
    assert arrivals.cloudevents(text) == [{**ROW, "meter": "other", "subscription": "T"}]


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ('{"dimensions": {"b": 1.50, "a": true, "c": null}}', '{"a":"true","b":"1.50"}'),
        ('{"dim.b": 1.50, "dim.a": "x"}', '{"a":"x","b":"1.50"}'),
        ('{"dimensions": {"b": "y"}, "dim.a": "x"}', '{"a":"x","b":"y"}'),
        ('{"dimensions": {}}', None),
    ],
)
def test_dimensions_come_as_an_object_or_one_by_one(given: str, held: str | None) -> None:
    (row,) = arrivals.one(given)
    assert isinstance(row, dict)
    assert arrivals.unread(row) == frozenset()
    assert dimensions.read(row["dimensions"]) == held


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the body is not JSON: Expecting value at character 1"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"a": {}}', "a is a list or an object"),
        ('{"time": "a", "at": "b"}', "time is given twice, as 'time' and as 'at'"),
        ("7", "the event '\"7\"' is not an object"),
    ],
)
def test_what_is_no_event(text: str, what: str) -> None:
    (broken,) = arrivals.one(text)
    assert isinstance(broken, Broken)
    assert broken.what == what
