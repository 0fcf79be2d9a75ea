"""Bytes that are too many for memory: in a file without a name, which is gone with the processes that read it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from mmap import ACCESS_READ, mmap
from typing import Final
from weakref import WeakValueDictionary, finalize

from engine.base.errors import Where, refuse
from engine.base.files import NOT_WRITABLE

_NUMBERS: Final = count()
_THERE: Final[WeakValueDictionary[int, Scratch]] = WeakValueDictionary()


class Scratch:
    """A room for rows in a file.

    What is read of it is the system's to keep in memory or to drop, and one copy for all processes that are forked.  What one
    of them puts into it is there for the others; it is the number of the room that is sent to them.
    """

    def __init__(self) -> None:
        """Make the file.

        Raises:
            TollbookError: ``file.not-writable``.
        """
        with _written():
            self._file = tempfile.TemporaryFile(prefix="tollbook-", buffering=0)  # noqa: SIM115
        self._number = next(_NUMBERS)
        _THERE[self._number] = self
        finalize(self, self._file.close)

    def put(self, data: bytearray) -> bytearray | mmap:
        """Put bytes behind the others; all that are there.

        Raises:
            TollbookError: ``file.not-writable``.
        """
        rest = memoryview(data)
        with _written():
            while rest:
                rest = rest[self._file.write(rest) :]
            size = self._file.tell()
            return mmap(self._file.fileno(), size, access=ACCESS_READ) if size else bytearray()

    def __reduce__(self) -> tuple[Callable[[int], Scratch], tuple[int]]:
        return _there, (self._number,)


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"what does not fit into memory cannot be written: {error.strerror or error}"
        mend = "make room in the folder of temporary files, or name another by TMPDIR"
        raise refuse(NOT_WRITABLE, what, mend=mend, where=Where(tempfile.tempdir or "")) from None


def _there(number: int) -> Scratch:
    return _THERE[number]
