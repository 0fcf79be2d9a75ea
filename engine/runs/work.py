"""A worker: takes one request of the queue, runs it in the name of its person, and writes down what became of it.

A worker says that it is alive while it works.  The request of one that has fallen silent is taken again by another:
a bill run goes on where it stopped, and what was delivered is not delivered again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.journal import Change
from engine.model.request import RunRequest
from engine.runs.bill_read import scope_of
from engine.runs.bill_run import PERIOD_CLOSED, UNFINISHED
from engine.runs.run import Report
from engine.store.books import Books
from engine.store.session import checked_change

REQUEST_FAILED = Code("schedule.request-failed", "A scheduled run that could not be done; the others went on.")
TAKEN_AWAY = Code("schedule.taken-away", "A worker that was thought silent, whose request another one has taken.")


WAITING_FOR = Code("schedule.waiting-for", "A scheduled run that starts by itself once what it waits for has come.")

MET_LATER: Final = frozenset({UNFINISHED, PERIOD_CLOSED})
"""Refusals of a run that is not wrong but early: another one is not finished, or its period is not open."""


class Engine(Protocol):
    """What a request is run with: an application that was opened for it, with the settings and rules of today."""

    @property
    def books(self) -> Books: ...
    @property
    def tenant(self) -> str: ...
    def change(self, person: str, verb: str, reason: str) -> Change: ...
    def bill(self, on: date, change: Change) -> Report: ...
    def resume(self, run_id: int, change: Change) -> Report: ...
    def deliver(self, change: Change, *, limit: int) -> Report: ...
    def verify(self) -> Mapping[str, tuple[Finding, ...]]: ...


class Done(msgspec.Struct, frozen=True):
    """What a request came to: its run (0: none), counts, and why it is to be called failed where it is, or, if it
    ``waits``, what it waits for; ``met`` is what the run itself has found."""

    run_id: int = 0
    summary: Mapping[str, Any] = {}
    met: tuple[Finding, ...] = ()
    error: str = ""
    waits: bool = False


def _bill(engine: Engine, request: RunRequest) -> Done:
    """Bill on the day of the request; a run of that day that was interrupted goes on with the rules that it pinned."""
    change = engine.change(request.who, "run", request.reason)
    with engine.books.reader() as reader:
        begun = reader.find_run(engine.tenant, "bill", request.on.isoformat(), scope_of(None))
    resumed = begun is not None and begun.state == "running"
    report = engine.resume(begun.id, change) if begun and resumed else engine.bill(request.on, change)
    return Done(report.run_id, dict(report.counts), report.findings)


def _deliver(engine: Engine, request: RunRequest) -> Done:
    change = engine.change(request.who, "deliver", request.reason)
    report = engine.deliver(change, limit=1_000_000)
    return Done(0, dict(report.counts), report.findings)


def _verify(engine: Engine, request: RunRequest) -> Done:
    checked_change(Change(request.who, request.due, request.reason))
    results = engine.verify()
    wrong = {name: len(findings) for name, findings in results.items() if findings}
    told = ", ".join(f"{name} ({count})" for name, count in wrong.items())
    met = tuple(finding for findings in results.values() for finding in findings)
    return Done(0, wrong, met, f"the books are not whole: {told}; see `tollbook verify`" if wrong else "")


KINDS: Final[Mapping[str, Callable[[Engine, RunRequest], Done]]] = {
    "bill": _bill,
    "deliver": _deliver,
    "verify": _verify,
}
"""How each kind of run is done."""


class Worked(msgspec.Struct, frozen=True):
    """A request that was worked on, as the books have it afterwards: ``findings`` about it, and those that its run
    ``met``."""

    request: RunRequest
    findings: tuple[Finding, ...] = ()
    met: tuple[Finding, ...] = ()


def work_one(
    books: Books,
    tenant: str,
    opened: Callable[[], AbstractContextManager[Engine]],
    change: Change,
    holder: str,
    length: timedelta,
) -> Worked | None:
    """Take the next request and run it; None where none may be run now.

    ``opened`` gives an engine for the one request.  ``change`` is that of the worker, who takes and ends requests;
    what is run is changed by the person of the schedule, if they still may.
    """
    with books.reader() as reader:
        if not reader.waiting_requests(tenant):  # looking is cheaper than a transaction that might write
            return None
    with books.writer(_now(change), tenant=tenant) as writer:
        request = writer.take_request(tenant, holder, length)
    if request is None:
        return None
    with _alive(books, request, change, length):
        done = _attempted(opened, request)
    now = _now(change)
    with books.writer(now, tenant=tenant) as writer:
        if done.waits:
            kept = writer.postpone_request(request, now.at + length, done.error)
        else:
            kept = writer.finish_request(request, run_id=done.run_id, error=done.error, summary=done.summary)
        after = writer.reader.run_request(request.id)
    assert after is not None
    return Worked(after, tuple(_told(request, after, done, kept, length)), done.met)


def _told(request: RunRequest, after: RunRequest, done: Done, kept: bool, length: timedelta) -> Iterator[Finding]:
    """What the operator is told of a request that is not simply done."""
    if not kept:
        what = f"{_name(request)} was taken by {after.holder or 'another worker'} meanwhile"
        why = f"this worker was not heard of for {length.total_seconds():.0f} seconds"
        yield _finding(TAKEN_AWAY, request, what, why, "make scheduler.lease longer", "warning")
    elif done.waits:
        mend = "nothing: it starts by itself once that is over"
        yield _finding(WAITING_FOR, request, f"{_name(request)} waits: {done.error}", "", mend, "warning")
    elif done.error:
        mend = "mend it, then run it by hand"
        yield _finding(REQUEST_FAILED, request, f"{_name(request)} failed: {done.error}", "", mend, "error")


def _attempted(opened: Callable[[], AbstractContextManager[Engine]], request: RunRequest) -> Done:
    """What the request came to; whatever goes wrong is its error, and never that of the next one."""
    try:
        with opened() as engine:
            return KINDS[request.kind](engine, request)
    except TollbookError as error:
        told = "; ".join(f"{finding.what} [{finding.code}]" for finding in error.findings)
        return Done(error=told, waits=all(finding.code in MET_LATER for finding in error.findings))
    except Exception as error:  # one bad request must not stop the worker
        return Done(error=f"{type(error).__name__}: {error}")


@contextmanager
def _alive(books: Books, request: RunRequest, change: Change, length: timedelta) -> Iterator[None]:
    """Hold the request for as long as the body runs."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(length.total_seconds() / 3):
            try:
                with books.writer(_now(change)) as writer:
                    writer.renew_request(request, length)
            except TollbookError:
                continue  # the database is away for a while; the end of the request will tell

    thread = threading.Thread(target=renew, name=f"request-{request.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _now(change: Change) -> Change:
    return msgspec.structs.replace(change, at=datetime.now(UTC))


def _name(request: RunRequest) -> str:
    return f"schedule {request.schedule}, due {request.due:%Y-%m-%d %H:%M} UTC,"


def _finding(code: Code, request: RunRequest, what: str, why: str, mend: str, level: str) -> Finding:
    place = f"schedule/{request.schedule}"
    return Finding(code, Where(place), what, why, mend, level=level, subject=place)
