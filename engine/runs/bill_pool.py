"""Partitions of a bill run side by side: worker processes that end when one of them, or the command itself, is gone."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import Any

from engine.base.errors import Code, refuse
from engine.runs.bill_read import Pinned

WORKER_LOST = Code("run.worker-lost", "A worker process that was gone before it had billed its partition.")

Recipe = Callable[[Any, int], dict[str, Any]]


def billed_by_workers(workers: int, recipe: Recipe, pinned: Pinned, pending: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Summaries of the partitions ``pending`` as they are done; what fails first ends it, and what has not begun never does.

    Raises:
        TollbookError: ``run.worker-lost``, and what stops a partition.
    """
    context = get_context("forkserver")  # workers share one import of the engine, and no connection of this process
    context.set_forkserver_preload([type(recipe).__module__])
    pool = ProcessPoolExecutor(workers, context, initializer=_end_with_the_command)
    try:
        jobs = [pool.submit(recipe, pinned, number) for number in pending]
        for job in as_completed(jobs):
            yield job.result()
    except BrokenProcessPool as error:
        raise refuse(
            WORKER_LOST,
            "a worker process is gone",
            why="somebody killed it, or the machine ran out of memory; a partition is billed whole or not at all",
            mend="look into the log of the machine, and set fewer runs.workers where its memory is short",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_the_command() -> None:
    """In a worker: end when the command's process is gone, however it went; what the keyboard interrupts, the command ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive_nobody, name="end with the command", daemon=True).start()


def _outlive_nobody() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # an open transaction is rolled back by the database
