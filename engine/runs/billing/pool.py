"""Partitions of a bill run side by side: worker processes that end when one of them, or the command itself, is gone.

A command that runs alone forks its workers, which then share what it has imported and compiled; they are at work at once.
A process that has other threads, such as a server, cannot be forked safely: its workers come from a process of their own
that imports the engine anew, which takes some seconds.  Either way a worker makes its own connections and adapters.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.context import BaseContext
from queue import SimpleQueue
from typing import Any

from engine.base.errors import Code, refuse
from engine.base.threads import begin_worker, uninterrupted
from engine.ports.hookspecs import PortFailure
from engine.ports.hookspecs.compute import Engine, Work
from engine.runs.billing.read import Pinned

WORKER_LOST = Code("run.worker-lost", "A worker process that was gone before it had billed its partition.")

Recipe = Callable[[Any, int], dict[str, Any]]


def billed_by_workers(workers: int, recipe: Recipe, pinned: Pinned, pending: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Summaries of the partitions ``pending`` as they are done; what fails first ends it, and what has not begun never does.

    Raises:
        TollbookError: ``run.worker-lost``, and what stops a partition.
    """
    pool = ProcessPoolExecutor(workers, _context(type(recipe).__module__), initializer=begin_worker)
    try:
        done = SimpleQueue[Future[dict[str, Any]]]()
        with uninterrupted():
            for number in pending:
                pool.submit(recipe, pinned, number).add_done_callback(done.put)
        for _ in pending:  # not ``as_completed``: interrupted as it takes the locks of futures, it keeps them
            yield done.get().result()
    except BrokenProcessPool as error:
        raise refuse(
            WORKER_LOST,
            "a worker process is gone",
            why="somebody killed it, or the machine ran out of memory; a partition is billed whole or not at all",
            mend="look into the log of the machine, and set fewer runs.workers where its memory is short",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def billed_by_engine(engine: Engine, work: Work, pending: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Summaries of the partitions ``pending`` as an engine has them done.

    Raises:
        TollbookError: ``run.worker-lost`` where the engine cannot go on, and what stops a partition.
    """
    done = engine.run(work, pending)
    try:
        yield from done
    except PortFailure as error:
        raise refuse(
            WORKER_LOST,
            f"the engine cannot go on: {error}",
            why="a partition is billed whole or not at all, so that nothing is half done",
            mend="look at the engine of the port compute in config.yaml; without it the run goes on on this machine",
        ) from error
    finally:
        close = getattr(done, "close", None)
        if close is not None:
            close()


def _context(module: str) -> BaseContext:
    """How workers are started here; ``module`` is what they need."""
    if sys.platform == "linux" and threading.active_count() == 1:
        return get_context("fork")
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
