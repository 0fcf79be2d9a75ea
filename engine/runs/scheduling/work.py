"""A worker: takes one request of the queue, runs it in the name of its person, and writes down what became of it.

A worker says that it is alive while it works.  The request of one that has fallen silent is taken again by another:
a bill run goes on where it stopped, and what was delivered is not delivered again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.journal import Change
from engine.model.request import RunRequest
from engine.runs.billing.run import PERIOD_CLOSED, UNFINISHED
from engine.runs.reviewing.conditions import CONDITION_UNMET
from engine.runs.scheduling.kinds import KINDS, Done, Engine
from engine.store.books import Books
from engine.store.writing.ledger import PERIOD_CLOSED as BOOKED_CLOSED

REQUEST_FAILED = Code("schedule.request-failed", "A scheduled run that could not be done; the others went on.")
TAKEN_AWAY = Code("schedule.taken-away", "A worker that was thought silent, whose request another one has taken.")


TOO_LATE = Code("schedule.too-late", "An invoice that was out later than the rule that occasioned it promises.")
WAITING_FOR = Code("schedule.waiting-for", "A scheduled run that starts by itself once what it waits for has come.")

MET_LATER: Final = frozenset({UNFINISHED, PERIOD_CLOSED, BOOKED_CLOSED, CONDITION_UNMET})
"""Refusals of a run that is not wrong but early: another one is not finished, its period is not open, or something that its
rules want does not hold yet."""


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


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
    clock: Callable[[], datetime] = utc_now,
) -> Worked | None:
    """Take the next request and run it; None where none may be run now.  ``clock`` gives the moment.

    ``opened`` gives an engine for the one request.  ``change`` is that of the worker, who takes and ends requests;
    what is run is changed by the person of the schedule, if they still may.
    """
    with books.reader() as reader:
        if not reader.waiting_requests(tenant):  # looking is cheaper than a transaction that might write
            return None
    with books.writer(_now(change, clock), tenant=tenant) as writer:
        request = writer.take_request(tenant, holder, length)
    if request is None:
        return None
    with _alive(books, request, change, length, clock):
        done = _attempted(opened, request)
    now = _now(change, clock)
    with books.writer(now, tenant=tenant) as writer:
        if done.waits:
            kept = writer.postpone_request(request, now.at + length, done.error)
        else:
            kept = writer.finish_request(request, run_id=done.run_id, error=done.error, summary=done.summary)
        after = writer.reader.run_request(request.id)
        assert after is not None
        late = tuple(_late(after)) if kept and not done.waits else ()
        writer.add_findings(tenant, late, done.run_id)
    return Worked(after, (*_told(request, after, done, kept, length), *late), done.met)


def _late(request: RunRequest) -> Iterator[Finding]:
    """The finding that what was promised came too late."""
    by = request.late(request.finished_at or request.due)
    if by is not None and request.deadline is not None:
        minutes = -(-by // timedelta(minutes=1))
        what = f"{_name(request)} was to be out by {request.deadline:%H:%M:%S} UTC and was {minutes} minutes late"
        mend = "let more often be looked for triggers, or keep a worker for what is urgent"
        yield _finding(TOO_LATE, request, what, request.reason, mend, "warning")


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
def _alive(
    books: Books, request: RunRequest, change: Change, length: timedelta, clock: Callable[[], datetime]
) -> Iterator[None]:
    """Hold the request for as long as the body runs."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(length.total_seconds() / 3):
            try:
                with books.writer(_now(change, clock)) as writer:
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


def _now(change: Change, clock: Callable[[], datetime]) -> Change:
    return msgspec.structs.replace(change, at=clock())


def _name(request: RunRequest) -> str:
    return f"schedule {request.schedule}, due {request.due:%Y-%m-%d %H:%M} UTC,"


def _finding(code: Code, request: RunRequest, what: str, why: str, mend: str, level: str) -> Finding:
    place = f"schedule/{request.schedule}"
    return Finding(code, Where(place), what, why, mend, level=level, subject=place)
