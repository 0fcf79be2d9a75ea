"""From what a client sends to rows of usage: single events, lists of them and lines, in our own form or as CloudEvents.

Pure.  A row is as from an import file: texts by the names of the columns of ``usage``, so that the same event is judged the
same, whatever door it comes in by.  What cannot be read is a :class:`~engine.runs.intake.reading.Broken` in its place.

Events that all have the same fields, with one plain value each, are read as columns (:func:`alike`), some times faster; whatever is
not like that is read row by row, and what is wrong with it is said there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from engine.base.errors import Code
from engine.runs.intake.dimensions import PREFIX, fold
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.reading import BROKEN_ROW, Broken, json_cells, json_value

BAD_CLOUDEVENT = Code("ingest.bad-cloudevent", "A CloudEvent that is not one of version 1.0 with data in JSON.")

Row = dict[str, str] | Broken


class Alike(msgspec.Struct, frozen=True):
    """Events that all have the same fields: texts by field, as many in each as there are events."""

    columns: dict[str, list[str]]
    count: int

    def __len__(self) -> int:
        return self.count

    def rows(self) -> list[Row]:
        """The events one by one."""
        return [dict(zip(self.columns, cells, strict=True)) for cells in zip(*self.columns.values(), strict=True)]

    @property
    def unread(self) -> frozenset[str]:
        """The fields that are not kept."""
        return unread(self.columns)


Sent = Alike | list[Row]
"""Events as they were sent."""

TIME: Final = "time"
"""What senders call the column ``at``."""
_CE_HEADER: Final = "ce-"
_VERSION: Final = "1.0"
_COLUMNS: Final = FORMATS["usage"].names
_NUMBERS: Final = frozenset(column.name for column in FORMATS["usage"].columns if column.type == "decimal")
_ATTRIBUTES: Final = frozenset({"specversion", "datacontenttype", "dataschema", "data", "data_base64"})


class _Number(str):
    """A number with a point or an exponent, as it was written."""

    __slots__ = ()


_DECODE: Final = msgspec.json.Decoder(float_hook=_Number).decode


def alike(body: bytes) -> Alike | None:
    """The columns of a list of events in our own form; None where they have to be read one by one."""
    return _alike(body, lambda: _DECODE(body))


def lines_alike(lines: Sequence[bytes]) -> Alike | None:
    """The columns of lines with one event each; None where they have to be read one by one."""
    return _alike(b"\n".join(lines), lambda: list(map(_DECODE, lines)))


def of_texts(events: Sequence[Mapping[str, str]]) -> Sent:
    """Events whose fields are texts."""
    names = events[0].keys() if events else ()
    if (
        not names
        or not names <= _COLUMNS | {TIME}
        or {TIME, "at"} <= set(names)
        or any(event.keys() != names for event in events)
    ):
        return [event_row(dict(event)) for event in events]
    return Alike({"at" if n == TIME else n: [event[n] for event in events] for n in names}, len(events))


def _alike(body: bytes, decode: Callable[[], Any]) -> Alike | None:
    if b"\\" in body:  # an escaped quotation mark would count below
        return None
    try:
        events = decode()
        fields = tuple(events[0])
        table = list(map(itemgetter(*fields), events))
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, RecursionError):
        return None
    if (
        len(fields) < 2
        or any(name.startswith(PREFIX) for name in fields)
        or sum(map(len, events)) != len(fields) * len(events)
        or {TIME, "at"} <= set(fields)
    ):
        return None
    columns, texts = dict[str, list[str]](), len(fields) * len(events)
    for name, cells in zip(fields, zip(*table, strict=True), strict=True):
        kinds = set(map(type, cells))
        if kinds == {str}:
            texts += len(events)
        elif not (name in _NUMBERS and kinds <= {int, _Number}):
            return None
        columns["at" if name == TIME else name] = list(map(str, cells))
    return Alike(columns, len(events)) if body.count(b'"') == 2 * texts else None  # else a field is there twice


def one(text: str) -> list[Row]:
    """The row of one event, or the rows of a list of events."""
    value = json_value(text, "body")
    if isinstance(value, Broken):
        return [value]
    return [event_row(item) for item in value] if isinstance(value, list) else [event_row(value)]


def line(text: str) -> Row:
    """The row of one line."""
    value = json_value(text)
    return value if isinstance(value, Broken) else event_row(value)


def event_row(value: Any) -> Row:
    """An event in our own form."""
    row = json_cells(value, "" if isinstance(value, dict) else json.dumps(value), "event")
    if isinstance(row, dict) and not row.keys() <= _COLUMNS:
        fold(row)
    if isinstance(row, dict) and TIME in row:
        time = row.pop(TIME)
        if row.setdefault("at", time) != time:
            return Broken(BROKEN_ROW, "time is given twice, as 'time' and as 'at'", "nobody knows which one counts")
    return row


def cloudevents(text: str) -> list[Row]:
    """The rows of a CloudEvent in structured mode, or of a batch of them."""
    value = json_value(text, "body")
    if isinstance(value, Broken):
        return [value]
    return [cloudevent_row(item) for item in value] if isinstance(value, list) else [cloudevent_row(value)]


def binary_cloudevent(headers: Mapping[str, str], text: str) -> list[Row]:
    """The row of a CloudEvent in binary mode: attributes in headers, data in the body."""
    value = json_value(text, "body") if text.strip() else None
    if isinstance(value, Broken):
        return [value]
    attributes = {name[len(_CE_HEADER) :]: unquote(value) for name, value in headers.items() if is_attribute(name)}
    return [cloudevent_row({**attributes, "data": value})]


def is_attribute(header: str) -> bool:
    """Whether a header, in small letters, is an attribute of a CloudEvent in binary mode."""
    return header.startswith(_CE_HEADER)


def cloudevent_row(event: Any) -> Row:
    """A CloudEvent as a row: id is the key; subject and type are subscription and meter where data do not name them."""
    if not isinstance(event, dict):
        return json_cells(event, json.dumps(event), "event")
    if event.get("specversion") != _VERSION:
        return _flaw(f"specversion is {event.get('specversion')!r}", f"events are of version {_VERSION}")
    missing = [name for name in ("id", "source", "type") if not event.get(name)]
    if missing:
        return _flaw(f"{missing[0]} is not given", "every CloudEvent has one")
    data = event.get("data")
    if "data_base64" in event or not isinstance(data, dict):
        return _flaw("data is not an object", "it holds entity, quantity, subscription and meter")
    extensions = {n: v for n, v in event.items() if n not in _ATTRIBUTES | {"id", "source", "type", "subject", "time"}}
    row = {**extensions, **data, "key": event["id"], "source": event["source"]}
    for name, attribute in (("subscription", "subject"), ("meter", "type")):
        if not row.get(name) and event.get(attribute):
            row[name] = event[attribute]
    if event.get("time"):
        row[TIME] = event["time"]
    return event_row(row)


def unread(row: Mapping[str, Any]) -> frozenset[str]:
    """The fields of a row that are not kept."""
    return frozenset(row.keys() - _COLUMNS)


def _flaw(what: str, why: str = "") -> Broken:
    return Broken(BAD_CLOUDEVENT, what, why, "write it as CloudEvents 1.0 says, with data in JSON")
