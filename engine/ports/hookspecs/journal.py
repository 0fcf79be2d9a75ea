"""A journal for plug-ins that tell somebody who cannot be asked: what was begun and what was done under each key.

A mail server takes a message and keeps no idempotency keys.  A plug-in that tells one writes down that it begins, tells, and
writes down what came of it.  What was begun and has no end is in doubt: nobody knows whether it was done.  The journal is a
SQLite file, safe to share between threads and processes.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

LOCKS: Final = 64
"""Files that keys are locked by; two keys share one by chance, and then wait for one another."""

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS told (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, "
    "digest TEXT NOT NULL, evidence TEXT, name TEXT)",
    "CREATE INDEX IF NOT EXISTS told_by_name ON told (name)",
)


class Entry(msgspec.Struct, frozen=True):
    """What is known of a key: its number, which no other key has or will have, the digest of its payload, and the evidence of
    what was done; None while that is in doubt."""

    number: int
    digest: str
    evidence: dict[str, Any] | None


def digest_of(payload: Any) -> str:
    """The digest of plain data, whatever the order of its keys."""
    return sha256(msgspec.json.encode(payload, order="deterministic")).hexdigest()


class Journal:
    """What a plug-in has told, by key.

    Args:
        path: its file; it is made with its folder when something is written for the first time.

    Methods raise :class:`OSError` where the disk does not do as told.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self, key: str) -> Iterator[Entry | None]:
        """A while in which nobody else tells this key, beginning with what is known of it."""
        folder = self.path.parent / f".{self.path.name}.locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / str(int(sha256(key.encode()).hexdigest(), 16) % LOCKS)).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self.entry(key)

    def entry(self, key: str) -> Entry | None:
        """What is known of a key, or None."""
        if not self.path.exists():
            return None
        with self._opened() as database:
            row = database.execute("SELECT number, digest, evidence FROM told WHERE key = ?", (key,)).fetchone()
        return row and Entry(row[0], row[1], None if row[2] is None else msgspec.json.decode(row[2]))

    def key_of(self, name: str) -> str | None:
        """The key that ended under a name, or None."""
        if not self.path.exists():
            return None
        with self._opened() as database:
            row = database.execute("SELECT key FROM told WHERE name = ?", (name,)).fetchone()
        return row and str(row[0])

    def begin(self, key: str, digest: str) -> int:
        """Write down that a key is told now; on the disk when this returns its number."""
        with self._opened() as database:
            database.execute("INSERT OR IGNORE INTO told (key, digest) VALUES (?, ?)", (key, digest))
            return int(database.execute("SELECT number FROM told WHERE key = ?", (key,)).fetchone()[0])

    def end(self, key: str, evidence: dict[str, Any], name: str = "") -> None:
        """Write down that it was done, and the ``name`` that others have for it, such as a Message-ID."""
        values = (msgspec.json.encode(evidence).decode(), name, key)
        with self._opened() as database:
            database.execute("UPDATE told SET evidence = ?, name = ? WHERE key = ?", values)

    def forget(self, key: str) -> None:
        """Write down that nothing was done after all, so that the key is as new."""
        with self._opened() as database:
            database.execute("DELETE FROM told WHERE key = ? AND evidence IS NULL", (key,))

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
        except sqlite3.Error as error:
            raise OSError(0, f"the journal cannot be used ({error})", str(self.path)) from error
