"""From what a client sends to rows of usage: single events, lists of them and lines, in our own form or as CloudEvents.

Pure.  A row is as from an import file: texts by the names of the columns of ``usage``, so that the same event is judged the
same, whatever door it comes in by.  What cannot be read is a :class:`~engine.runs.intake.reading.Broken` in its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from engine.base.errors import Code
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.reading import BROKEN_ROW, Broken, json_cells, json_value

BAD_CLOUDEVENT = Code("ingest.bad-cloudevent", "A CloudEvent that is not one of version 1.0 with data in JSON.")

Row = dict[str, str] | Broken

TIME: Final = "time"
"""What senders call the column ``at``."""
UNKEPT: Final = "dimensions"
"""A field that may be any value, and that the books have no place for."""
_CE_HEADER: Final = "ce-"
_VERSION: Final = "1.0"
_COLUMNS: Final = FORMATS["usage"].names
_ATTRIBUTES: Final = frozenset({"specversion", "datacontenttype", "dataschema", "data", "data_base64"})


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
    if isinstance(value, dict) and not isinstance(value.get(UNKEPT), str | None):
        value[UNKEPT] = "any"  # it is not kept, so that its values do not matter
    row = json_cells(value, "" if isinstance(value, dict) else json.dumps(value), "event")
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


def unread(row: Mapping[str, str]) -> frozenset[str]:
    """The fields of a row that are not kept."""
    return frozenset(row.keys() - _COLUMNS)


def _flaw(what: str, why: str = "") -> Broken:
    return Broken(BAD_CLOUDEVENT, what, why, "write it as CloudEvents 1.0 says, with data in JSON")
