"""Files on a shelf: written whole or not at all, and each idempotency key used for one content only.

``<folder>/.keys`` holds one small record for each key: the digest of what was delivered under it, and the files that it
became.  A batch holds the lock of the shelf, so that several processes may deliver into one folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

MAX_NAME: Final = 100
"""Longest name of a file, without its ending."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


class Record(msgspec.Struct, frozen=True):
    """What became of a key: the digest of its content, and the digest of each file by its path below the folder."""

    key: str
    content: str
    files: dict[str, str]


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def safe_name(text: str) -> str:
    """A name for a file or folder that stays in its folder.  Texts that differ get names that differ: where a character
    had to go, a digest of the text stands behind it."""
    name = _UNSAFE.sub("_", text)[:MAX_NAME].lstrip(".")
    return name if name == text else f"{name or '_'}-{sha256(text.encode())[:8]}"


class Shelf:
    """A folder of documents.  Methods raise OSError where the disk does not do as told; nothing half is left."""

    def __init__(self, folder: Path, durable: bool) -> None:
        self.folder = folder
        self._durable = durable
        self._keys = folder / ".keys"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes to the shelf meanwhile."""
        self._keys.mkdir(parents=True, exist_ok=True)
        with (self._keys / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def record(self, key: str) -> Record | None:
        """What a key was used for before, or None."""
        try:
            return msgspec.json.decode(self._path(key).read_bytes(), type=Record)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise OSError(0, f"the record of the key cannot be read ({error})", str(self._path(key))) from None

    def complete(self, record: Record) -> bool:
        """Whether all files of a record are there."""
        return all((self.folder / name).is_file() for name in record.files)

    def foreign(self, files: Mapping[str, bytes]) -> str:
        """The first of these files that is there with another content, or an empty text."""
        for name, data in files.items():
            path = self.folder / name
            if path.exists() and path.read_bytes() != data:
                return name
        return ""

    def put(self, key: str, content: str, files: Mapping[str, bytes]) -> Record:
        """Write files under a key.  All are written beside their place first; the record comes before the files, so
        that what a crash interrupts is finished by the next call with the key."""
        record = Record(key, content, {name: sha256(data) for name, data in files.items()})
        targets = {self._path(key): msgspec.json.encode(record)}
        targets |= {self.folder / name: data for name, data in files.items()}
        written: dict[Path, Path] = {}
        try:
            for number, (target, data) in enumerate(targets.items()):
                target.parent.mkdir(parents=True, exist_ok=True)
                written[target] = target.with_name(f".{os.getpid()}-{number}.part")
                self._write(written[target], data)
            for target, part in written.items():
                part.replace(target)
        finally:
            for part in written.values():
                with suppress(OSError):
                    part.unlink(missing_ok=True)
        return record

    def _path(self, key: str) -> Path:
        name = sha256(key.encode())
        return self._keys / name[:2] / f"{name}.json"

    def _write(self, path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data)
            if self._durable:
                file.flush()
                os.fsync(file.fileno())


def pretty(payload: Any) -> bytes:
    """JSON for people: indented, keys in order, the same bytes for the same content."""
    return msgspec.json.format(msgspec.json.encode(payload, order="deterministic"), indent=2) + b"\n"
