"""A file that says that a process is alive, and what it does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from engine.base.errors import Code, Where, refuse

CANNOT_SAY = Code("work.cannot-say", "A health file that a worker cannot write.")

EVERY: Final = 5.0
"""Seconds between two writes."""


class Beat:
    """Writes the file again and again, from a thread of its own; each time whole."""

    def __init__(self, path: Path) -> None:
        self._path, self._state, self._since = path, "waiting", datetime.now(UTC)

    def says(self, state: str) -> None:
        """Say what the process does from now on: ``waiting`` or ``working``."""
        if state != self._state:
            self._state, self._since = state, datetime.now(UTC)

    def write(self) -> None:
        """Write the file.

        Raises:
            TollbookError: ``work.cannot-say``.
        """
        said = {"pid": os.getpid(), "state": self._state, "since": self._since, "at": datetime.now(UTC)}
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            part.write_text(json.dumps(said, default=str) + "\n")
            part.replace(self._path)
        except OSError as error:
            what = f"the health file cannot be written: {error.strerror}"
            mend = "name a file in a folder that can be written"
            raise refuse(CANNOT_SAY, what, mend=mend, where=Where(str(self._path))) from None


@contextmanager
def beating(path: Path | None) -> Iterator[Beat | None]:
    """A file that is written every few seconds while the block runs, and is gone after it.

    Raises:
        TollbookError: ``work.cannot-say``: it cannot be written at the beginning.
    """
    if path is None:
        yield None
        return
    beat, stop = Beat(path), threading.Event()
    beat.write()

    def go_on() -> None:
        while not stop.wait(EVERY):
            beat.write()

    thread = threading.Thread(target=go_on, name="beat", daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        stop.set()
        thread.join()
        path.unlink(missing_ok=True)
