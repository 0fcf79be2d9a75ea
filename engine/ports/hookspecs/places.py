"""Where plug-ins put files: a folder of this machine, or anything that takes files.  A file appears under its name when it is whole."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from engine.ports.hookspecs.plugin import Transient


class Place(Protocol):
    """Somewhere that files can be put."""

    def put(self, name: str, data: bytes) -> str:
        """Put a file; where it is now.

        Raises:
            Transient, Unknown: it is not there; or it may be.
        """
        ...


class Folder(msgspec.Struct, frozen=True):
    """A folder on this machine, which other software empties."""

    path: Path

    def put(self, name: str, data: bytes) -> str:
        """Put a file."""
        part = self.path / f".{name}.part"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / name)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise Transient(f"{error.filename or self.path}: {error.strerror or error}") from None
        return name
