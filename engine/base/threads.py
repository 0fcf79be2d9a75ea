"""What has to be done before several threads or processes are at work."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
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


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What the keyboard says waits until the block is done, such as one that forks workers.

    A worker that is interrupted before it has said that it does not listen goes on as a second command; a command that is
    interrupted when its workers are there, and what directs them is not, waits for them for good.  Forked workers are not interrupted.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_worker() -> None:
    """In a worker process: end when the command's process is gone, however it went; what the keyboard interrupts, the command
    ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # memory that is shared stays so: no collection writes into it
    threading.Thread(target=_outlive_nobody, name="end with the command", daemon=True).start()


def _outlive_nobody() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # an open transaction is rolled back by the database


def _below(kind: type) -> Iterator[type]:
    below: list[type] = kind.__subclasses__()
    for one in below:
        yield one
        yield from _below(one)
