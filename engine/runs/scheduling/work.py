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
from engine.runs.accruals.desk import AccrualDesk
from engine.runs.billing.read import ALL, scope_parts
from engine.runs.billing.run import PERIOD_CLOSED, UNFINISHED
from engine.runs.cash.desk import CashDesk
from engine.runs.dunning.desk import DunningDesk
from engine.runs.ledger_desk import LedgerDesk
from engine.runs.payments.collecting import Collection
from engine.runs.payments.desk import PaymentDesk
from engine.runs.revenue.desk import RevenueDesk
from engine.runs.reviewing.conditions import CONDITION_UNMET
from engine.runs.run import Report
from engine.runs.subscriptions.desk import SubscriptionDesk
from engine.runs.trigger_desk import TriggerDesk
from engine.runs.wallets.desk import WalletDesk
from engine.store import tracing
from engine.store.books import Books
from engine.store.session import checked_change
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


class Engine(Protocol):
    """What a request is run with: an application that was opened for it, with the settings and rules of today."""

    @property
    def books(self) -> Books: ...
    @property
    def tenant(self) -> str: ...
    def change(self, person: str, verb: str, reason: str) -> Change: ...
    @property
    def triggers(self) -> TriggerDesk: ...
    @property
    def subscriptions(self) -> SubscriptionDesk: ...
    @property
    def wallets(self) -> WalletDesk: ...
    @property
    def ledger(self) -> LedgerDesk: ...
    @property
    def dunning(self) -> DunningDesk: ...
    @property
    def payments(self) -> PaymentDesk: ...
    @property
    def cash(self) -> CashDesk: ...
    @property
    def revenue(self) -> RevenueDesk: ...
    @property
    def accruals(self) -> AccrualDesk: ...
    def bill(self, on: date, change: Change, *, account: str | None = None, occasion: str = "") -> Report: ...
    def resume(self, run_id: int, change: Change) -> Report: ...
    def deliver(self, change: Change, *, limit: int, run_id: int = 0) -> Report: ...
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
    """Bill on the day of the request; a run of that day that was interrupted goes on with the rules that it pinned.

    What something occasioned is billed on a later day where documents of it are there already, and delivered at once where
    a deadline was promised.
    """
    change = engine.change(request.who, "run", request.reason)
    with engine.books.reader() as reader:
        later = tracing.documents_after(reader, engine.tenant, request.on) if request.scope else None
        on = later[1] if later else request.on
        begun = reader.find_run(engine.tenant, "bill", on.isoformat(), request.scope or ALL)
    if begun is not None and begun.state == "running":
        report = engine.resume(begun.id, change)
    elif request.scope:
        occasion, account = scope_parts(request.scope)
        report = engine.bill(on, change, account=account, occasion=occasion)
    else:
        report = engine.bill(on, change)
    told = Done(report.run_id, dict(report.counts), report.findings)
    return _delivered(engine, request, told) if request.deadline is not None and report.run_id else told


def _delivered(engine: Engine, request: RunRequest, done: Done) -> Done:
    """The same with the documents of the run delivered; what keeps them back is a finding: they are billed."""
    try:
        change = engine.change(request.who, "deliver", request.reason)
        report = engine.deliver(change, limit=1_000_000, run_id=done.run_id)
    except TollbookError as error:
        warnings = tuple(msgspec.structs.replace(finding, level="warning") for finding in error.findings)
        return msgspec.structs.replace(done, met=(*done.met, *warnings))
    return msgspec.structs.replace(done, summary={**done.summary, **report.counts}, met=(*done.met, *report.findings))


def _triggers(engine: Engine, request: RunRequest) -> Done:
    """Look what is new, and put into the queue what rules want at once."""
    found = engine.triggers.scan(engine.change(request.who, "run", request.reason))
    counts = {"triggers": found.triggers, "accounts": found.used, "enqueued": len(found.enqueued)}
    return Done(0, counts, found.findings)


def _deliver(engine: Engine, request: RunRequest) -> Done:
    change = engine.change(request.who, "deliver", request.reason)
    report = engine.deliver(change, limit=1_000_000)
    return Done(0, dict(report.counts), report.findings)


def _rates(engine: Engine, request: RunRequest) -> Done:
    """Fetch the exchange rates of the day."""
    told = engine.ledger.fetch_rates(engine.change(request.who, "import", request.reason), request.on, request.on)
    counts = {"taken": sum(one.taken for one in told), "known": sum(one.known for one in told)}
    met = tuple(finding for one in told for finding in one.findings)
    failed = [one.adapter for one in told if one.failed]
    return Done(0, counts, met, f"no rates, or not all, came from {', '.join(failed)}" if failed else "")


def _verify(engine: Engine, request: RunRequest) -> Done:
    checked_change(Change(request.who, request.due, request.reason))
    results = engine.verify()
    wrong = {name: len(findings) for name, findings in results.items() if findings}
    told = ", ".join(f"{name} ({count})" for name, count in wrong.items())
    met = tuple(finding for findings in results.values() for finding in findings)
    return Done(0, wrong, met, f"the books are not whole: {told}; see `tollbook verify`" if wrong else "")


def _renewals(engine: Engine, request: RunRequest) -> Done:
    """Let terms that end by the day of the request renew or end."""
    found = engine.subscriptions.renewals(request.on, engine.change(request.who, "run", request.reason))
    ended = sum(one.next_to is None for one in found.due)
    return Done(0, {"renewed": len(found.due) - ended, "ended": ended, "ahead": len(found.ahead)}, found.findings)


def _expire(engine: Engine, request: RunRequest) -> Done:
    """Take out of wallets what has expired by the day of the request; the entries are dated that day."""
    report = engine.wallets.expire(request.on, engine.change(request.who, "run", request.reason))
    return Done(report.run_id, dict(report.counts), report.findings)


def _dunning(engine: Engine, request: RunRequest) -> Done:
    """Take the steps of dunning that fall on the day of the request."""
    report = engine.dunning.run(request.on, engine.change(request.who, "run", request.reason))
    return Done(report.run_id, dict(report.counts), report.findings)


def _collect(engine: Engine, request: RunRequest) -> Done:
    """Collect what is due by the day of the request, and tell providers what waits."""
    report = engine.payments.collect(Collection(request.on), engine.change(request.who, "run", request.reason))
    return Done(0, dict(report.counts), report.findings)


def _revenue(engine: Engine, request: RunRequest) -> Done:
    """Recognise what is earned by the day of the request."""
    report = engine.revenue.recognise(request.on, engine.change(request.who, "run", request.reason))
    return Done(report.run_id, dict(report.counts), report.findings)


def _accrual(engine: Engine, request: RunRequest) -> Done:
    """Accrue the month before the one of the request; on its last day that month itself."""
    tomorrow = request.on + timedelta(days=1)
    month = request.on if tomorrow.day == 1 else request.on.replace(day=1) - timedelta(days=1)
    made = engine.accruals.accrue(month, engine.change(request.who, "run", request.reason))
    added = sum(1 for one in made.moves if one.amount > 0)
    return Done(made.run_id, {"added": added, "released": len(made.moves) - added}, made.findings)


def _match(engine: Engine, request: RunRequest) -> Done:
    """Match the money that banks have booked by the day of the request."""
    matched = engine.cash.match(request.on, engine.change(request.who, "run", request.reason))
    return Done(matched.run_id, dict(matched.counts), matched.findings)


KINDS: Final[Mapping[str, Callable[[Engine, RunRequest], Done]]] = {
    "bill": _bill,
    "deliver": _deliver,
    "verify": _verify,
    "triggers": _triggers,
    "renewals": _renewals,
    "wallet-expire": _expire,
    "cash-match": _match,
    "rates": _rates,
    "dunning": _dunning,
    "collect": _collect,
    "revenue": _revenue,
    "accrual": _accrual,
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
