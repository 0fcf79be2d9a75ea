"""Token buckets that all processes of a server share: a place in shared memory for each client, and one for the tenant.

A bucket holds tokens, at most ``burst``, and gains ``rate`` a second; an event costs one.  Each place is locked by a record
lock, which the system takes back from a process that dies.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

_PLACE: Final = struct.Struct("dd")
_LOCK: Final = 1


class Limit(msgspec.Struct, frozen=True):
    """What the rules allow: events a second, events at once, events of one request, seconds ahead of the clock."""

    rate: int
    burst: int
    largest: int
    ahead: int


class Left(msgspec.Struct, frozen=True):
    """How a bucket stands after a request: whether it was let through, tokens left, seconds until it could be, seconds
    until the bucket is full."""

    passed: bool
    tokens: int
    wait: int
    full: int


class Buckets:
    """The buckets of some names; made before the processes of a server part, so that they share them."""

    def __init__(self, names: Sequence[str], clock: Callable[[], float]) -> None:
        """``clock`` gives seconds that never go back, the same in all processes of the machine."""
        self._places = {name: number * _PLACE.size for number, name in enumerate(names)}
        self._clock = clock
        self._memory = mmap.mmap(-1, max(1, len(names)) * _PLACE.size)
        self._file, path = tempfile.mkstemp(prefix="tollbook-")
        Path(path).unlink()
        for place in self._places.values():
            _PLACE.pack_into(self._memory, place, math.nan, 0.0)

    def take(self, name: str, cost: int, limit: Limit) -> Left:
        """Take ``cost`` tokens out of a bucket if it holds them, else none; at no cost, see whether one could be taken."""
        with self._locked(name) as place:
            tokens = self._filled(place, limit)
            passed = tokens >= max(1, cost)
            tokens -= cost if passed else 0
            _PLACE.pack_into(self._memory, place, tokens, self._clock())
        wait = 0 if passed else max(1, math.ceil((max(1, cost) - tokens) / limit.rate))
        return Left(passed, int(tokens), wait, math.ceil((limit.burst - tokens) / limit.rate))

    def give_back(self, name: str, cost: int, limit: Limit) -> None:
        """Put tokens back that were taken for nothing."""
        with self._locked(name) as place:
            tokens = min(float(limit.burst), self._filled(place, limit) + cost)
            _PLACE.pack_into(self._memory, place, tokens, self._clock())

    def _filled(self, place: int, limit: Limit) -> float:
        """Tokens in a bucket now; one that nobody used yet is full."""
        tokens: float
        before: float
        tokens, before = _PLACE.unpack_from(self._memory, place)
        if math.isnan(tokens):
            return float(limit.burst)
        return min(float(limit.burst), tokens + max(0.0, self._clock() - before) * limit.rate)

    @contextmanager
    def _locked(self, name: str) -> Iterator[int]:
        place = self._places[name]
        fcntl.lockf(self._file, fcntl.LOCK_EX, _LOCK, place, os.SEEK_SET)
        try:
            yield place
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _LOCK, place, os.SEEK_SET)
