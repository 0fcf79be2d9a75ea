"""What is done in the books, each as a command that may be killed, broken off, made to wait or given twice."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from engine.app import App, Collection, Outcome
from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.ports.contracts.fakes.stripe import KEY, SECRET
from tests import stories
from tests.simulation.faults import Place, clock_at, die, tripwire

ENVIRONMENT = {"STRIPE_API_KEY": KEY, "STRIPE_WEBHOOK_SECRET": SECRET}
LOCKED = 0.4
"""Seconds for which somebody else locks the books."""


@dataclass(frozen=True)
class Task:
    """A command: what it does, at which moment, with what."""

    place: Place
    verb: str
    moment: datetime
    given: tuple[Any, ...] = ()
    trip: int = 0

    @property
    def on(self) -> date:
        """The day."""
        return self.moment.date()


def _write_off(app: App, change: Change, number: str, reason: str, amount: Any) -> Any:
    """Given up by one person, or by two where the rules want that."""
    made = app.cash.write_off(number, reason, change, amount=amount)
    if isinstance(made, Outcome) and made.approval is not None:
        app.approvals.approve(made.approval.id, msgspec.structs.replace(change, who="bob"))
    return made


def _send_back(app: App, change: Change, ident: int, how: str, amount: Any) -> Any:
    made = app.cash.send_back(ident, how, change, amount=amount)
    if isinstance(made, Outcome) and made.approval is not None:
        app.approvals.approve(made.approval.id, msgspec.structs.replace(change, who="bob"))
    return made


def _refund(app: App, change: Change, payment: str, key: str, amount: Any) -> Any:
    made = app.payments.refund(payment, key, change, amount)
    if isinstance(made, Outcome) and made.approval is not None:
        app.approvals.approve(made.approval.id, msgspec.structs.replace(change, who="bob"))
    return made


def _letter(app: App, change: Change, path: Path) -> None:
    """A notice of the provider that came by letter."""
    _, findings = app.disputes.load(path, "stripe", change)
    if findings:
        raise TollbookError(*findings)


def _approve(app: App, change: Change) -> None:
    """A second person agrees with the credit notes that are proposed."""
    for one in app.approvals.listed("pending"):
        if one.act == "credit-memo":
            app.approvals.approve(one.id, msgspec.structs.replace(change, who="bob"))


ACTS: Mapping[str, Callable[..., Any]] = {
    "import": lambda app, change, day, folder: stories.load(app, folder),
    "bill": lambda app, change, day: stories.bill(app, day.isoformat()),
    "deliver": lambda app, change, day: app.deliver(change, limit=10_000),
    "load": lambda app, change, day, path: app.cash.load(path, change),
    "match": lambda app, change, day: app.cash.match(day, change),
    "hear": lambda app, change, day, path: app.direct_debits.hear(change, path, day),
    "debits": lambda app, change, day: app.direct_debits.run(change, day),
    "collect": lambda app, change, day: app.payments.collect(Collection(day), change),
    "reserve": lambda app, change, day, key: app.payments.collect(Collection(day, account=key, reserve=True), change),
    "capture": lambda app, change, day, payment, amount: app.payments.capture(payment, change, amount),
    "tell": lambda app, change, day: app.payments.tell(change),
    "ask": lambda app, change, day: app.payments.ask(change),
    "event": lambda app, change, day, body, headers: app.payments.hear("stripe", body, headers, change),
    "payouts": lambda app, change, day, since: app.payments.fetch_payouts("stripe", since, day, change),
    "dun": lambda app, change, day: app.dunning.run(day, change),
    "disputes": lambda app, change, day: app.disputes.run(day, change),
    "letter": lambda app, change, day, path: _letter(app, change, path),
    "promise": lambda app, change, day, key, due: app.dunning.promise(key, None, due, change, on=day),
    "hold": lambda app, change, day, key, until, kind: app.dunning.hold(
        key, change, reason="asked", until=until, kind=kind, on=day
    ),
    "plan": lambda app, change, day, key, shares, number: app.dunning.plan(
        key, shares, change, invoices=[number], on=day
    ),
    "approve": lambda app, change, day: _approve(app, change),
    "unapply": lambda app, change, day, ident: app.cash.unapply(ident, change),
    "undo": lambda app, change, day, key: app.cash.undo(key, "E1", change),
    "void": lambda app, change, day, number: app.void(number, day, change),
    "keep": lambda app, change, day, ident, key: app.cash.keep(ident, key, change),
    "apply": lambda app, change, day, ident, numbers: app.cash.apply(
        ident, change, invoices=[(n, None) for n in numbers]
    ),
    "send back": lambda app, change, day, ident, how, amount: _send_back(app, change, ident, how, amount),
    "write off": lambda app, change, day, number, why, amount: _write_off(app, change, number, why, amount),
    "refund": lambda app, change, day, payment, key, amount: _refund(app, change, payment, key, amount),
}
"""Each may be given again, when it is not known whether it was done; what the clerk does to money is looked at before."""


def perform(task: Task, app: App) -> Any:
    """Do a task in this process."""
    change = Change("ada", task.moment, "simulation")
    return ACTS[task.verb](app, change, task.on, *task.given)


def child(task: Task) -> None:
    """A process of its own: does the task, and may die at it; leaves with 3 where the engine refused."""
    os.environ.update(ENVIRONMENT)
    with clock_at(task.moment), task.place.opened() as app, tripwire(task.trip, die):
        try:
            perform(task, app)
        except TollbookError:
            raise SystemExit(3) from None


def start(task: Task) -> Any:
    """Start a child process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["engine.app", "tests.payments_simulation.acts"])
    process = context.Process(target=child, args=(task,))
    process.start()
    return process


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Somebody else holds the books for a moment: all of a SQLite file, or a few tables of PostgreSQL."""
    engine = sa.create_engine(sa.make_url(url), poolclass=sa.NullPool)
    sqlite = engine.dialect.name == "sqlite"
    held, connection = threading.Event(), None
    statement = "BEGIN IMMEDIATE" if sqlite else "LOCK TABLE settlement, bank_left, payment, effect IN EXCLUSIVE MODE"

    def hold() -> None:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute(statement)
            held.set()
            time.sleep(LOCKED)
            raw.rollback()
        finally:
            held.set()
            raw.close()

    connection = threading.Thread(target=hold)
    connection.start()
    held.wait()
    try:
        yield
    finally:
        connection.join()
        engine.dispose()


def opened(folder: Path, url: str) -> Place:
    """Where the books are."""
    return Place(folder, url)
