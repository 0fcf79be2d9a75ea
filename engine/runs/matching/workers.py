"""Payments judged by several processes, which are forked where that can be done and is worth it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, TypeVar

from engine.base.threads import uninterrupted
from engine.model.decision import Decision
from engine.model.matching import Incoming

Result = TypeVar("Result")

WORTH_IT: Final = 20_000
"""Payments below which one process is as quick."""
CHUNK: Final = 5_000

_DECISIONS: dict[int, Decision] = {}
_WORK: list[tuple[Callable[[Incoming], Any], Sequence[Incoming]]] = []


def _decision(number: int) -> Decision:
    return _DECISIONS[number]


def _by_number(decision: Decision) -> tuple[Callable[[int], Decision], tuple[int]]:
    return _decision, (decision.id,)


def _chunk(start: int) -> list[Any]:
    judge, payments = _WORK[-1]
    return [judge(payments[at]) for at in range(start, min(start + CHUNK, len(payments)))]


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what the keyboard interrupts, the command ends


class Workers:
    """Judges payments side by side; the results are those of one process, in the same order."""

    def __init__(self, decisions: Mapping[int, Decision], processes: int) -> None:
        """``decisions`` are all that the rules can make, by id: a worker sends the id alone."""
        self.processes = processes
        _DECISIONS.update(decisions)
        ForkingPickler.register(Decision, _by_number)

    def __call__(self, judge: Callable[[Incoming], Result], payments: Sequence[Incoming]) -> Iterable[Result]:
        """Each payment judged; by this process where they are few, or where it has other threads and must not be forked."""
        alone = self.processes < 2 or len(payments) < WORTH_IT
        if alone or sys.platform != "linux" or threading.active_count() > 1:
            return map(judge, payments)
        return self._side_by_side(judge, payments)

    def _side_by_side(self, judge: Callable[[Incoming], Result], payments: Sequence[Incoming]) -> Iterator[Result]:
        _WORK.append((judge, payments))
        gc.freeze()  # memory that is shared stays so: no collection writes into it
        try:
            with uninterrupted():
                started = get_context("fork").Pool(self.processes, _begin)
            with started as pool:
                for chunk in pool.imap(_chunk, range(0, len(payments), CHUNK)):
                    yield from chunk
        finally:
            gc.unfreeze()
            _WORK.pop()


def processors() -> int:
    """How many processes may work at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
