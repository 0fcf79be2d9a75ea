"""Usage events out of the files of a folder, in the order of their names."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

from engine.ports.hookspecs import Context, Permanent, Transient, hookimpl
from engine.ports.hookspecs.usage import UsageBatch, UsageRequest

ENDINGS: Final = (".csv", ".jsonl")

Event = dict[str, str]


class UsageFolder:
    """Reads a folder.  A cursor is ``<name of a file>:<events of it that were given>``."""

    def __init__(self, context: Context) -> None:
        self.folder = context.home / context.settings["folder"]

    @hookimpl
    def usage_since(self, requests: Sequence[UsageRequest]) -> list[UsageBatch]:
        """The events after the cursor of each request."""
        try:
            return [self._batch(request) for request in requests]
        except (UnicodeDecodeError, csv.Error) as error:
            raise Permanent(f"a file of {self.folder.name} cannot be read: {error}") from None
        except OSError as error:
            raise Transient(f"{self.folder.name} cannot be read: {error.strerror}") from None

    def _batch(self, request: UsageRequest) -> UsageBatch:
        last, _, count = request.cursor.rpartition(":")
        names = sorted(path.name for path in self.folder.iterdir() if _is_usage(path))
        if last and last not in names:
            raise Permanent(f"the file {last!r}, which was read last, is gone: put it back, so that nothing is missed")
        events: list[Event] = []
        cursor = request.cursor
        for name in names[names.index(last) :] if last else names:
            done = int(count) if name == last else 0
            found = list(islice(_events(self.folder / name), done, done + request.limit + 1 - len(events)))
            room = request.limit - len(events)
            events += found[:room]
            if found:
                cursor = f"{name}:{done + len(found[:room])}"
            if len(found) > room:
                return UsageBatch(request.key, tuple(events), cursor, more=True)
        return UsageBatch(request.key, tuple(events), cursor)


def _is_usage(path: Path) -> bool:
    return path.suffix in ENDINGS and not path.name.startswith(".") and path.is_file()


def _events(path: Path) -> Iterator[Event]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from _csv(file) if path.suffix == ".csv" else map(_json, filter(str.strip, file))


def _csv(file: TextIO) -> Iterator[Event]:
    rows = csv.reader(file)
    names = [name.strip() for name in next(rows, [])]
    for row in filter(None, rows):
        yield dict(zip(names, row, strict=True)) if len(row) == len(names) else {}


def _json(line: str) -> Event:
    """The fields of a line as texts, numbers as they were written."""
    try:
        row = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return {}
    return {name: _text(value) for name, value in row.items() if value is not None} if isinstance(row, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
