"""What the adapter keeps: which collection is in which file, every file until the bank has it, and what the bank said.

A collection gets into a file once, with the file's content, in one transaction; only then is the file put.  So the same key is
never in two files, and a file that may not have arrived is put again as it was, under its name.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.ports.hookspecs import Transient
from engine.ports.hookspecs.journal import digest_of as digest_of

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, content BLOB NOT NULL, groups TEXT NOT NULL, place TEXT, "
    "sha256 TEXT)",
    "CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY, digest TEXT NOT NULL, file TEXT NOT NULL, "
    "name TEXT NOT NULL UNIQUE, evidence TEXT NOT NULL, rejected TEXT, returned TEXT)",
    "CREATE INDEX IF NOT EXISTS sent_by_file ON sent (file)",
    "CREATE INDEX IF NOT EXISTS sent_back ON sent (json_extract(evidence, '$.of'))",
)


class Sent(msgspec.Struct, frozen=True):
    """A payment under its key: in which file it is, and by which name banks know it."""

    key: str
    digest: str
    file: str
    name: str
    evidence: dict[str, Any]
    rejected: str | None = None
    returned: str | None = None


class Kept:
    """The journal: a SQLite file, safe to share between threads and processes.

    Methods raise :class:`Transient` where the disk does not do as told.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """A while in which nobody else puts anything into a file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(f".{self.path.name}.lock").open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise Transient(f"{error.filename or self.path}: {error.strerror or error}") from None

    def sent(self, key: str) -> Sent | None:
        """What is known of a key."""
        found = self._rows(f"SELECT {_COLUMNS} FROM sent WHERE key = ?", key)
        return _sent(found[0]) if found else None

    def by_name(self, name: str) -> Sent | None:
        """The payment that banks know by a name."""
        found = self._rows(f"SELECT {_COLUMNS} FROM sent WHERE name = ?", name)
        return _sent(found[0]) if found else None

    def key_of(self, name: str) -> str | None:
        """The key that has a name."""
        found = self.by_name(name)
        return None if found is None else found.key

    def in_file(self, name: str) -> list[Sent]:
        """All payments of a file."""
        return [_sent(row) for row in self._rows(f"SELECT {_COLUMNS} FROM sent WHERE file = ? ORDER BY name", name)]

    def groups(self, name: str) -> dict[str, list[str]]:
        """The groups of a file, by name, with the names of what is in them; empty for a file that is not ours."""
        found = self._rows("SELECT groups FROM file WHERE name = ?", name)
        return msgspec.json.decode(found[0][0], type=dict[str, list[str]]) if found else {}

    def arrived(self, name: str) -> bool:
        """Whether a file was put."""
        return bool(self._rows("SELECT 1 FROM file WHERE name = ? AND place IS NOT NULL", name))

    def content(self, name: str) -> bytes:
        """The bytes of a file."""
        return bytes(self._rows("SELECT content FROM file WHERE name = ?", name)[0][0])

    def begin(self, name: str, content: bytes, groups: Mapping[str, Sequence[str]], sent: Sequence[Sent]) -> None:
        """Write a file down with what is in it; on the disk when this returns."""
        rows = [(one.key, one.digest, one.file, one.name, msgspec.json.encode(one.evidence).decode()) for one in sent]
        with self._opened() as database:
            head = (name, content, msgspec.json.encode(groups).decode())
            database.execute("INSERT INTO file (name, content, groups) VALUES (?, ?, ?)", head)
            database.executemany("INSERT INTO sent (key, digest, file, name, evidence) VALUES (?, ?, ?, ?, ?)", rows)

    def end(self, name: str, place: str, sha256: str) -> None:
        """Write down that a file was put."""
        with self._opened() as database:
            database.execute("UPDATE file SET place = ?, sha256 = ? WHERE name = ?", (place, sha256, name))

    def reject(self, name: str, code: str) -> None:
        """Write down that the bank has rejected a payment before it was settled."""
        with self._opened() as database:
            database.execute("UPDATE sent SET rejected = ? WHERE name = ? AND rejected IS NULL", (code, name))

    def take_back(self, name: str, code: str) -> None:
        """Write down that the debtor's bank has taken a payment back."""
        with self._opened() as database:
            database.execute("UPDATE sent SET returned = ? WHERE name = ? AND returned IS NULL", (code, name))

    def refunds_of(self, name: str) -> list[Sent]:
        """The refunds of a payment that banks know by a name."""
        statement = f"SELECT {_COLUMNS} FROM sent WHERE json_extract(evidence, '$.of') = ?"
        return [_sent(row) for row in self._rows(statement, name)]

    def _rows(self, statement: str, value: str) -> list[Any]:
        if not self.path.exists():
            return []
        with self._opened() as database:
            return database.execute(statement, (value,)).fetchall()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The journal in a transaction that is committed at the end."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
                database.execute("PRAGMA synchronous = FULL")
                for statement in _TABLES:
                    database.execute(statement)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise Transient(f"the journal {self.path.name} cannot be used: {error}") from None


_COLUMNS: Final = "key, digest, file, name, evidence, rejected, returned"


def _sent(row: tuple[Any, ...]) -> Sent:
    key, digest, file, name, evidence, rejected, returned = row
    return Sent(key, digest, file, name, msgspec.json.decode(evidence), rejected, returned)
