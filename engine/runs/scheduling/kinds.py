"""What can run by itself: how a request of each kind is done with an application, in the name of its person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final, Protocol

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.model.journal import Change
from engine.model.request import RunRequest
from engine.runs.accruals.desk import AccrualDesk
from engine.runs.billing.read import ALL, scope_parts
from engine.runs.cash.desk import CashDesk
from engine.runs.close.desk import CloseDesk
from engine.runs.debits.desk import DebitDesk
from engine.runs.disputes.desk import DisputeDesk
from engine.runs.dunning.desk import DunningDesk
from engine.runs.erp.desk import ErpDesk
from engine.runs.ledger_desk import LedgerDesk
from engine.runs.payments.collecting import Collection
from engine.runs.payments.desk import PaymentDesk
from engine.runs.revenue.desk import RevenueDesk
from engine.runs.run import Report
from engine.runs.scheduling.closing import close_month
from engine.runs.subscriptions.desk import SubscriptionDesk
from engine.runs.trigger_desk import TriggerDesk
from engine.runs.wallets.desk import WalletDesk
from engine.store import tracing
from engine.store.books import Books
from engine.store.session import checked_change


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
    def direct_debits(self) -> DebitDesk: ...
    @property
    def disputes(self) -> DisputeDesk: ...
    @property
    def erp(self) -> ErpDesk: ...
    @property
    def accruals(self) -> AccrualDesk: ...
    @property
    def closing(self) -> CloseDesk: ...
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


def _direct_debits(engine: Engine, request: RunRequest) -> Done:
    """Plan what is to be collected under mandates, tell debtors, and hand over what is near on the day of the request."""
    report = engine.direct_debits.run(engine.change(request.who, "run", request.reason), request.on)
    counts = {"planned": len(report.planned), "sent": len(report.sent), **report.counts}
    return Done(0, counts, report.findings)


def _send(engine: Engine, request: RunRequest) -> Done:
    """Tell the bank what money it is to send back."""
    counts, findings = engine.cash.send(engine.change(request.who, "credit", request.reason))
    return Done(0, counts, tuple(findings))


def _disputes(engine: Engine, request: RunRequest) -> Done:
    """Let disputes expire whose deadline has passed, go on with what was approved, and put others in charge."""
    made = engine.disputes.run(request.on, engine.change(request.who, "credit", request.reason))
    counts = {"expired": len(made.expired), "worked": len(made.told), "climbed": len(made.climbed)}
    return Done(0, counts, made.findings)


def _erp(engine: Engine, request: RunRequest) -> Done:
    """Post entries to the other system's ledger, up to and with the day of the request."""
    report = engine.erp.post(request.on, engine.change(request.who, "run", request.reason))
    return Done(report.run_id, dict(report.counts), report.findings)


def _close(engine: Engine, request: RunRequest) -> Done:
    """Close the month before the day of the request for every legal entity, as far as nothing is in the way."""
    change = engine.change(request.who, "close", request.reason)
    return Done(0, *close_month(engine.closing, engine.ledger.entities(), request.on, change))


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
    "direct-debits": _direct_debits,
    "cash-send": _send,
    "disputes": _disputes,
    "erp": _erp,
    "close": _close,
}
"""How each kind of run is done."""
