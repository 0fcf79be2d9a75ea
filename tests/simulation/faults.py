"""Faults: a process that is killed, an exception in the middle, two processes at once, a wall clock that jumps.

A fault strikes at the n-th statement that goes to the database, so that the same seed strikes at the same place.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import time_machine

from engine.app import App
from engine.base.errors import TollbookError
from engine.store import bulk


class Stopped(BaseException):
    """What stands for a crash inside the process; no `except Exception` stops it."""


@dataclass(frozen=True)
class Place:
    """Books and settings of a simulation, as a process needs them to open the application."""

    folder: Path
    url: str

    def app(self) -> App:
        """The application."""
        return App(self.folder / "config.yaml", {"database.url": self.url})

    @contextmanager
    def opened(self) -> Iterator[App]:
        """The application, for as long as the block lasts."""
        app = self.app()
        try:
            yield app
        finally:
            app.close()


@contextmanager
def tripwire(at: int, strike: Callable[[], None]) -> Iterator[list[int]]:
    """Calls ``strike`` before statement ``at`` (0: never); yields the count so far."""
    count = [0]

    def step(*_: Any, **__: Any) -> None:
        count[0] += 1
        if count[0] == at:
            strike()

    whole = bulk.insert

    def insert(*arguments: Any, **named: Any) -> int:
        step()
        return whole(*arguments, **named)

    sa.event.listen(sa.Engine, "before_cursor_execute", step)
    sa.event.listen(sa.Engine, "commit", step)
    bulk.insert = insert
    try:
        yield count
    finally:
        bulk.insert = whole
        sa.event.remove(sa.Engine, "before_cursor_execute", step)
        sa.event.remove(sa.Engine, "commit", step)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """The wall clock of this process stands at a moment."""
    with time_machine.travel(moment, tick=False):
        yield


def stop() -> None:
    """Crash inside the process."""
    raise Stopped


def die() -> None:
    """What the kernel does when memory runs out, or an operator types kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Task:
    """What a child process does: import a folder, bill a date, deliver, or make a document by hand."""

    place: Place
    verb: str
    moment: datetime
    on: date
    folder: Path | None = None
    scope: str = ""
    trip: int = 0
    ask: tuple[Any, ...] = ()


def _by_hand(task: Task, app: App) -> Any:
    """What somebody asks for: (how, key, percent, amount, tax code, account or number, line)."""
    how, key, percent, amount, tax_code, about, line = task.ask
    change = app.change("sim", "credit", "simulation")
    if how == "debit":
        return app.accounts.memos.debit(
            about, amount, "damage", task.on, change, text="Lost", tax_code=tax_code, key=key
        )
    if how == "void":
        return app.void(about, task.on, change)
    reason = "billed_wrong" if how == "anew" else "goodwill"
    share = percent if how == "part" else None
    return app.accounts.memos.credit(about, reason, task.on, change, line=line, percent=share, key=key)


def work(task: Task, app: App) -> Any:
    """Do a task in this process."""
    if task.verb == "paper":
        return _by_hand(task, app)
    person = {"import": "import", "bill": "run", "deliver": "deliver"}[task.verb]
    change = app.change("sim", person, "simulation")
    if task.verb == "import":
        assert task.folder is not None
        return app.import_folder(task.folder, change, task.on)
    if task.verb == "bill":
        return app.bill(task.on, change, account=task.scope or None)
    return app.deliver(change, limit=1_000_000)


def child(task: Task) -> None:
    """A process of its own: does the task, and may die at it.  Leaves with 0, or 3 where the engine refused."""
    with clock_at(task.moment), task.place.opened() as app, tripwire(task.trip, die):
        try:
            work(task, app)
        except TollbookError:
            raise SystemExit(3) from None


def start(task: Task) -> Any:
    """Start a child process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["engine.app", "tests.simulation.faults"])
    process = context.Process(target=child, args=(task,))
    process.start()
    return process


def ended(process: Any) -> str:
    """How a child ended: done, refused, killed, or failed with a traceback."""
    process.join()
    return {0: "done", 3: "refused", -signal.SIGKILL: "killed"}.get(process.exitcode, f"exit {process.exitcode}")


def noon(day: date) -> datetime:
    """Noon of a day, UTC."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
