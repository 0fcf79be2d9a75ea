"""Deterministic deaths: a process that kills itself, or its whole group, at the n-th call of a chosen function.

Nothing in the product knows of this.  :func:`arm` replaces functions in the process that is to die; ``site/sitecustomize.py``
does so in interpreters that the product starts for its workers.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

VARIABLE: Final = "TOLLBOOK_TEST_DEATH"
"""The environment variable that ``sitecustomize`` reads."""

PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "commit": ("sqlalchemy.engine.default", "DefaultDialect.do_commit"),
    "insert": ("engine.store.bulk", "insert"),
    "take ids": ("engine.store.books", "Books.take_ids"),
    "take blocks": ("engine.store.books", "Books.take_blocks"),
    "check what is written": ("engine.store.writing.base", "WriterBase.finish"),
    "roll up usage": ("engine.store.writing.events", "EventsWriter.roll_up_usage"),
    "start run": ("engine.store.writing.runs", "RunsWriter.start_run"),
    "add partitions": ("engine.store.writing.runs", "RunsWriter.add_partitions"),
    "claim partition": ("engine.store.writing.runs", "RunsWriter.claim_partition"),
    "set marks": ("engine.store.writing.ledger", "LedgerWriter.set_marks"),
    "add findings": ("engine.store.writing.runs", "RunsWriter.add_findings"),
    "finish partition": ("engine.store.writing.runs", "RunsWriter.finish_partition"),
    "take numbers": ("engine.store.writing.ledger", "LedgerWriter.take_numbers"),
    "finish run": ("engine.store.writing.runs", "RunsWriter.finish_run"),
    "put masters": ("engine.store.writing.masters", "MastersWriter.put"),
    "put usage": ("engine.store.writing.events", "EventsWriter.put_usage"),
    "note intake": ("engine.store.writing.runs", "RunsWriter.note_intake"),
    "claim effects": ("engine.store.writing.outbox", "OutboxWriter.claim"),
    "tell": ("engine.ports.host", "Host.tell"),
    "answer": ("engine.store.writing.outbox", "OutboxWriter.answer"),
}
"""Name -> module and function: everything between which the state of the books, or of the world, differs."""


class Death(msgspec.Struct, frozen=True):
    """Where a process dies: ``before`` or ``after`` the ``nth`` call of a place; it takes its ``group`` along, or only it
    ``self`` dies.  ``hang`` instead of a death lets it sleep there for so many seconds, ``counted`` writes the counts of all
    places into that file when the process ends by itself."""

    place: str = ""
    nth: int = 1
    side: str = "before"
    whom: str = "group"
    hang: int = 0
    counted: str = ""


def arm(death: Death) -> None:
    """Replace the functions of this process."""
    for name in PLACES if death.counted else (death.place,):
        module, path = PLACES[name]
        owner: Any = importlib.import_module(module)
        *outer, last = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, last, _wrapped(name, getattr(owner, last), death))
    if death.counted:
        import atexit

        atexit.register(_write_counts, death.counted, os.getpid())


_COUNTS: Counter[str] = Counter()


def _write_counts(path: str, pid: int) -> None:
    if os.getpid() == pid:
        Path(path).write_text(json.dumps(_COUNTS), encoding="utf-8")


def _wrapped(name: str, function: Callable[..., Any], death: Death) -> Callable[..., Any]:
    @functools.wraps(function)
    def counting(*arguments: Any, **named: Any) -> Any:
        _COUNTS[name] += 1
        here = name == death.place and _COUNTS[name] == death.nth
        if here and death.side == "before":
            _die(death)
        result = function(*arguments, **named)
        if here and death.side == "after":
            _die(death)
        return result

    return counting


def _die(death: Death) -> None:
    if death.hang:
        time.sleep(death.hang)
    elif death.whom == "group":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    else:
        os.kill(os.getpid(), signal.SIGKILL)
