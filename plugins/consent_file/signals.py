"""Signals of consent as rows of a CSV or YAML file, and the newest one for a question."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from engine.base.document import parse
from engine.base.errors import TollbookError

REQUIRED: Final = ("account", "channel", "state", "at")
OPTIONAL: Final = ("entity", "purpose", "source")
CHANNELS: Final = ("email", "post", "portal", "sms", "phone")
STATES: Final[Mapping[str, bool]] = {"given": True, "refused": False, "withdrawn": False}


class Signal(msgspec.Struct, frozen=True):
    """That a customer consented to a channel at a moment, or refused it."""

    at: datetime
    given: bool
    source: str


class Signals:
    """The newest signal of each (entity, account, channel, purpose); an empty entity or purpose is for all."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str, str, str], Signal] = {}

    def add(self, key: tuple[str, str, str, str], signal: Signal) -> None:
        """Take a signal.  Of two at one moment a refusal counts."""
        known = self._newest.get(key)
        if known is None or (signal.at, not signal.given) >= (known.at, not known.given):
            self._newest[key] = signal

    def newest(self, entity: str, account: str, channel: str, purpose: str) -> Signal | None:
        """The newest signal that is about a question; None where there is none."""
        keys = [(e, account, channel, p) for e in ("", entity) for p in ("", purpose)]
        found = [self._newest[key] for key in keys if key in self._newest]
        return max(found, key=lambda one: (one.at, not one.given), default=None)


def read(data: bytes, form: str, name: str) -> Signals:
    """The signals of a file.

    Raises:
        ValueError: where it is not as README.md says, with its place.
    """
    made = Signals()
    for place, row in _csv(data, name) if form == "csv" else _yaml(data, name):
        key = (row.get("entity", ""), row["account"], row["channel"], row.get("purpose", ""))
        made.add(key, _signal(row, place))
    return made


def _csv(data: bytes, name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8") from None
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(lines, [])
        _check_names(header, f"{name}:1")
        for row in lines:
            if row:
                place = f"{name}:{lines.line_num}"
                if len(row) != len(header):
                    raise ValueError(f"{place}: {len(row)} cells under {len(header)} columns")
                yield place, _whole(dict(zip(header, row, strict=True)), place)
    except csv.Error as error:
        raise ValueError(f"{name}:{lines.line_num}: {error}") from None


def _yaml(data: bytes, name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        document = parse(data, name)
    except TollbookError as error:
        raise ValueError(str(error.findings[0])) from None
    if not isinstance(document.data, list):
        raise ValueError(f"{name}: it is no list of signals")
    for number, row in enumerate(document.data):
        place = str(document.where((number,)))
        if not isinstance(row, dict):
            raise ValueError(f"{place}: it is no mapping")
        _check_names([str(one) for one in row], place)
        yield place, _whole({str(key): _text(value) for key, value in row.items()}, place)


def _check_names(names: list[str], place: str) -> None:
    wrong = [name for name in names if name not in (*REQUIRED, *OPTIONAL)]
    missing = [name for name in REQUIRED if name not in names]
    if missing or wrong:
        told = [f"without {', '.join(missing)}"] if missing else []
        told += [f"with {', '.join(wrong)}, which nobody knows"] if wrong else []
        raise ValueError(f"{place}: it is {' and '.join(told)}")


def _whole(row: dict[str, str], place: str) -> dict[str, str]:
    if not row["account"]:
        raise ValueError(f"{place}: the account is empty")
    if row["channel"] not in CHANNELS:
        raise ValueError(f"{place}: channel {row['channel']!r} is none of {', '.join(CHANNELS)}")
    if row["state"] not in STATES:
        raise ValueError(f"{place}: state {row['state']!r} is none of {', '.join(STATES)}")
    return row


def _signal(row: Mapping[str, str], place: str) -> Signal:
    try:
        at = datetime.fromisoformat(row["at"])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{place}: {row['at']!r} is no moment with a zone, such as 2026-03-01T12:00:00Z")
    return Signal(at, STATES[row["state"]], row.get("source", ""))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)
