"""Payments read and judged by several processes, which are forked where that can be done and is worth it."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, TypeVar

from engine.base.errors import Code, refuse
from engine.base.threads import begin_worker, uninterrupted
from engine.model.decision import Decision
from engine.model.matching import Incoming

WORKER_LOST = Code("match.worker-lost", "A process that was gone before it had judged its payments.")

Result = TypeVar("Result")

WORTH_IT: Final = 20_000
"""Payments below which one process is as quick."""
CHUNK: Final = 5_000
AHEAD: Final = 3
"""Chunks that a process may be ahead of what is settled."""

_DECISIONS: dict[int, Decision] = {}
_WORK: list[Any] = []


def _decision(number: int) -> Decision:
    return _DECISIONS[number]


def _by_number(decision: Decision) -> tuple[Callable[[int], Decision], tuple[int]]:
    return _decision, (decision.id,)


def _chunk(start: int) -> list[Any]:
    judge, payments = _WORK[-1]
    return list(map(judge, payments[start : start + CHUNK]))


def _all() -> Any:
    return _WORK[-1]()


class Workers:
    """Judges payments side by side; the results are those of one process, in the same order."""

    def __init__(self, decisions: Mapping[int, Decision], processes: int) -> None:
        """``decisions`` are all that the rules can make, by id: a worker sends the id alone."""
        self.processes = processes
        _DECISIONS.update(decisions)
        ForkingPickler.register(Decision, _by_number)

    def __call__(self, judge: Callable[[Incoming], Result], payments: Sequence[Incoming]) -> Iterable[Result]:
        """Each payment judged; by this process where they are few, or where it has other threads and must not be forked.

        Raises:
            TollbookError: ``match.worker-lost``.
        """
        return self._side_by_side(judge, payments) if self._several(len(payments)) else map(judge, payments)

    @contextmanager
    def beside(self, work: Callable[[], Result], payments: int) -> Iterator[Callable[[], Result]]:
        """What gives the result of ``work``, on which another process is meanwhile where there are many payments.

        Raises:
            TollbookError: ``match.worker-lost``.
        """
        if not self._several(payments):
            yield work
            return
        with _forked(1, work) as pool:
            with uninterrupted():
                doing = pool.submit(_all)
            yield doing.result

    def _several(self, payments: int) -> bool:
        if self.processes < 2 or payments < WORTH_IT:
            return False
        return sys.platform == "linux" and threading.active_count() == 1

    def _side_by_side(self, judge: Callable[[Incoming], Result], payments: Sequence[Incoming]) -> Iterator[Result]:
        starts, doing = iter(range(0, len(payments), CHUNK)), deque[Future[list[Result]]]()
        with _forked(self.processes, (judge, payments)) as pool:
            with uninterrupted():
                doing.extend(pool.submit(_chunk, start) for start in islice(starts, AHEAD * self.processes))
            while doing:
                found = doing.popleft().result()
                doing.extend(pool.submit(_chunk, start) for start in islice(starts, 1))
                yield from found


@contextmanager
def _forked(processes: int, work: Any) -> Iterator[ProcessPoolExecutor]:
    """Processes that have ``work``."""
    _WORK.append(work)
    gc.freeze()  # memory that is shared stays so: no collection writes into it
    pool = ProcessPoolExecutor(processes, get_context("fork"), initializer=begin_worker)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise refuse(
            WORKER_LOST,
            "a process that judges payments is gone",
            why="somebody killed it, or the machine ran out of memory",
            mend="look into the log of the machine, and match fewer payments at a time where its memory is short",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()
        _WORK.pop()


def processors() -> int:
    """How many processes may work at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
