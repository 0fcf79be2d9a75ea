"""What has to be done before several threads are at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec

_LOCK: Final = threading.Lock()
_KNOWN: Final[set[Any]] = set()


def ready_for_threads() -> None:
    """Have msgspec find out what every struct is made of, which it else does when one is first decoded: two threads that do so
    at the same time crash the process.  Call it before threads decode; what it knows already costs next to nothing."""
    with _LOCK:
        for kind in [one for one in _below(msgspec.Struct) if one not in _KNOWN]:
            _KNOWN.add(kind)
            with suppress(TypeError, NameError):  # nothing that is ever decoded: a field is a function, say
                msgspec.json.Decoder(kind)


def _below(kind: type) -> Iterator[type]:
    below: list[type] = kind.__subclasses__()
    for one in below:
        yield one
        yield from _below(one)
